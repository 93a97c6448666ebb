//! Commissions: what resellers have agreed on, what was sold, and what each sale earned whom.
//!
//! Figures for finance: folding stops at an event that cannot be read.

pub mod contracts;
mod explanation;
mod fold;
pub mod lines;
pub mod summary;

use sqlx::PgConnection;
use store::Recorded;
use store::vault::Vault;

use crate::projection::{OnBadEvent, Projection, ProjectionError, Table};

pub use fold::Commissions;

impl Projection for Commissions {
    const NAME: &'static str = "commissions";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[
        Table::read("contracts", &["reseller_id", "version"]),
        Table::read("sales", &["sale_id"]),
        Table::read("commission_lines", &["sale_id", "line"]),
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
        fold::batch(connection, batch).await
    }
}
