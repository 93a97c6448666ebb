//! The ledger: every movement of credits and money as lines between two accounts, and the checks on them.
//!
//! What an event moves is said by [`domain::ledger`] alone. Figures for finance: folding stops at an event that
//! cannot be read, and an event that breaks a rule is recorded.

mod fold;
pub mod periods;
pub mod postings;
pub mod trial_balance;
pub mod violations;

use domain::AnyEvent;
use domain::books::BooksEvent;
use domain::ids::ResellerId;
use domain::ledger::money;
use sqlx::PgConnection;
use store::Recorded;
use store::vault::Vault;

use crate::projection::{OnBadEvent, Projection, ProjectionError, Table};
use fold::Fold;

/// One row per line, per account, per reseller, per closed period and per violation.
pub struct Ledger;

impl Projection for Ledger {
    const NAME: &'static str = "ledger";
    const VERSION: i32 = 4;
    const TABLES: &'static [Table] = &[
        Table::read("journal", &["entry", "line"]),
        Table::read("ledgers", &["reseller_id"]),
        Table::read("ledger_accounts", &["reseller_id", "account", "unit"]),
        Table::read("closed_periods", &["period"]),
        Table::read("ledger_violations", &["log_xid", "log_position", "rule"]),
    ];
    const ON_BAD_EVENT: OnBadEvent = OnBadEvent::Stop;

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project_batch(connection, std::slice::from_ref(recorded), vault)
            .await
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let mut fold = Fold::load(connection, batch).await?;
        for recorded in batch {
            match &recorded.event {
                AnyEvent::CreditAccount(event) => fold.take(recorded, event)?,
                AnyEvent::Books(event @ BooksEvent::PeriodClosed { .. }) => {
                    // The close counts and moves the lines before it.
                    fold.write(connection).await?;
                    fold.close(connection, recorded, event).await?;
                }
                event @ (AnyEvent::RecordedSale(_)
                | AnyEvent::Contracts(_)
                | AnyEvent::Payouts(_)
                | AnyEvent::Invoices(_)) => {
                    fold.take_money(recorded, &money(event, recorded.id().map(ResellerId)))?;
                }
                AnyEvent::Reseller(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
                | AnyEvent::User(_)
                | AnyEvent::ApiKey(_)
                | AnyEvent::Bulk(_)
                | AnyEvent::PermissionTemplates(_)
                | AnyEvent::ResellerPermissions(_)
                | AnyEvent::Subscription(_)
                | AnyEvent::Recording(_)
                | AnyEvent::Usage(_)
                | AnyEvent::Job(_)
                | AnyEvent::WorkflowLibrary(_)
                | AnyEvent::StoreAccount(_)
                | AnyEvent::StoreCatalogue(_)
                | AnyEvent::Hierarchy(_)
                | AnyEvent::Roster(_)
                | AnyEvent::TierList(_) => {}
            }
        }
        fold.write(connection).await
    }
}
