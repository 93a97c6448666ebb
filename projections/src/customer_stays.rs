//! Stays: whose customer somebody was, from when to when. A reseller's figures count what happened in its time,
//! also when the customer has been moved since.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::tenant::TenantEvent;
use sqlx::PgConnection;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::columns::column;

/// The stays that begin in a batch.
#[derive(Default)]
pub(crate) struct Stays {
    begun: Vec<Stay>,
    /// The last of each customer's.
    last: HashMap<Uuid, usize>,
    /// When a stay of before the batch ended, and by which event.
    ended: HashMap<Uuid, End>,
}

/// When a stay ended, and by which event.
#[derive(Clone, Copy)]
struct End {
    at: DateTime<Utc>,
    position: Position,
}

struct Stay {
    tenant_id: Uuid,
    sequence: i64,
    reseller_id: Uuid,
    arrived: &'static str,
    began_at: DateTime<Utc>,
    known_at: DateTime<Utc>,
    position: Position,
    ended: Option<End>,
}

impl Stays {
    pub fn take(&mut self, tenant_id: Uuid, event: &TenantEvent, recorded: &Recorded) {
        let (reseller_id, arrived) = match event {
            TenantEvent::TenantCreated { reseller_id, .. } => (reseller_id.0, "created"),
            TenantEvent::TenantMoved { to, .. } => (to.0, "moved"),
            TenantEvent::TenantSuspended { .. }
            | TenantEvent::TenantResumed { .. }
            | TenantEvent::TenantProfileChanged { .. }
            | TenantEvent::TenantClosed { .. }
            | TenantEvent::TenantReopened { .. } => return,
        };
        let (at, position) = (recorded.happened_at(), recorded.position);
        let end = End { at, position };
        let last = self.last.insert(tenant_id, self.begun.len());
        match last.and_then(|last| self.begun.get_mut(last)) {
            Some(last) => last.ended = Some(end),
            None => {
                self.ended.insert(tenant_id, end);
            }
        }
        self.begun.push(Stay {
            tenant_id,
            sequence: recorded.sequence,
            reseller_id,
            arrived,
            began_at: at,
            known_at: recorded.known_at(),
            position,
            ended: None,
        });
    }

    pub async fn write(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if self.begun.is_empty() {
            return Ok(());
        }
        let (tenants, ends): (Vec<Uuid>, Vec<End>) = self.ended.iter().unzip();
        sqlx::query(
            "UPDATE customer_stays s SET ended_at = n.at, ended_xid = n.xid, ended_position = n.position
             FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[])
                 AS n (tenant_id, at, xid, position)
             WHERE s.tenant_id = n.tenant_id AND s.ended_at IS NULL",
        )
        .bind(tenants)
        .bind(column(&ends, |end| end.at))
        .bind(column(&ends, |end| end.position.xid))
        .bind(column(&ends, |end| end.position.position))
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "INSERT INTO customer_stays (tenant_id, sequence, reseller_id, arrived, began_at, ended_at,
                                         known_at, log_xid, log_position, ended_xid, ended_position)
             SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[],
                                  $6::timestamptz[], $7::timestamptz[], $8::bigint[], $9::bigint[], $10::bigint[],
                                  $11::bigint[])",
        )
        .bind(column(&self.begun, |stay| stay.tenant_id))
        .bind(column(&self.begun, |stay| stay.sequence))
        .bind(column(&self.begun, |stay| stay.reseller_id))
        .bind(column(&self.begun, |stay| stay.arrived))
        .bind(column(&self.begun, |stay| stay.began_at))
        .bind(column(&self.begun, |stay| stay.ended.map(|end| end.at)))
        .bind(column(&self.begun, |stay| stay.known_at))
        .bind(column(&self.begun, |stay| stay.position.xid))
        .bind(column(&self.begun, |stay| stay.position.position))
        .bind(column(&self.begun, |stay| stay.ended.map(|end| end.position.xid)))
        .bind(column(&self.begun, |stay| stay.ended.map(|end| end.position.position)))
        .execute(connection)
        .await?;
        Ok(())
    }
}
