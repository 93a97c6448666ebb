//! Customers that change hands: what is theirs is shown to the new reseller from then on, while money and history
//! stay with the old one.

use domain::AnyEvent;
use domain::tenant::TenantEvent;
use sqlx::PgConnection;
use store::Recorded;
use uuid::Uuid;

use crate::projection::{ProjectionError, stream_id};

/// The moves of a batch, in their order.
#[derive(Default)]
pub(crate) struct Moves(Vec<Move>);

struct Move {
    tenant_id: Uuid,
    from: Uuid,
    to: Uuid,
}

impl Moves {
    /// Remembers the event if it is a move.
    pub fn take(&mut self, recorded: &Recorded) -> Result<(), ProjectionError> {
        if let AnyEvent::Tenant(TenantEvent::TenantMoved { from, to, .. }) = &recorded.event {
            self.0.push(Move {
                tenant_id: stream_id(recorded)?,
                from: from.0,
                to: to.0,
            });
        }
        Ok(())
    }

    /// Lets a table's rows follow. The statement takes the customer, the old reseller and the new one. After the
    /// batch's other rows: whatever a customer has at its end is its last reseller's.
    pub async fn follow(&self, connection: &mut PgConnection, statement: &'static str) -> sqlx::Result<()> {
        for one in &self.0 {
            sqlx::query(statement)
                .bind(one.tenant_id)
                .bind(one.from)
                .bind(one.to)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}
