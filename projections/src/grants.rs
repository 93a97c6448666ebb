//! Grants: the dated rights of a tenant, from which follows what it may do now.

use domain::AnyEvent;
use sqlx::PgConnection;
use store::Recorded;
use store::vault::Vault;

use crate::grant_fold::GrantFold;
use crate::moves::Moves;
use crate::projection::{Projection, ProjectionError, Table};

/// One row per grant and change of it, one per subscription.
pub struct Grants;

impl Projection for Grants {
    const NAME: &'static str = "grants";
    const VERSION: i32 = 4;
    const TABLES: &'static [Table] = &[
        Table::read("grants", &["grant_id", "change"]),
        Table::read("subscriptions", &["tenant_id"]),
    ];

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
        let (mut fold, mut moves) = (GrantFold::default(), Moves::default());
        for recorded in batch {
            moves.take(recorded)?;
            match &recorded.event {
                AnyEvent::Subscription(event) => fold.take(connection, recorded, event).await?,
                AnyEvent::Reseller(_)
                | AnyEvent::CreditAccount(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
                | AnyEvent::User(_)
                | AnyEvent::ApiKey(_)
                | AnyEvent::Bulk(_)
                | AnyEvent::PermissionTemplates(_)
                | AnyEvent::ResellerPermissions(_)
                | AnyEvent::Recording(_)
                | AnyEvent::Usage(_)
                | AnyEvent::Job(_)
                | AnyEvent::WorkflowLibrary(_)
                | AnyEvent::Books(_)
                | AnyEvent::RecordedSale(_)
                | AnyEvent::TierList(_)
                | AnyEvent::StoreAccount(_)
                | AnyEvent::StoreCatalogue(_)
                | AnyEvent::Hierarchy(_)
                | AnyEvent::Roster(_)
                | AnyEvent::Contracts(_)
                | AnyEvent::Payouts(_)
                | AnyEvent::Invoices(_) => {}
            }
        }
        fold.write(&mut *connection).await?;
        for follow in [
            "UPDATE grants SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2",
            "UPDATE subscriptions SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2",
        ] {
            moves.follow(connection, follow).await?;
        }
        Ok(())
    }
}
