//! Activity: what happened lately, in words.

mod said;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::columns::column;
use crate::dashboard::Moment;
use crate::page::PAGE_ROWS_MAX;
use crate::projection::{Projection, ProjectionError, Table};
use crate::scope::{Whose, among, reaching};
use said::{Said, said};

/// One row per event that a reseller or a customer would want to read about.
pub struct ActivityFeed;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    pub position: Position,
    /// The event's type, for example `TenantCreated`.
    pub kind: String,
    /// One sentence without a full stop.
    pub text: String,
    pub actor_name: Option<String>,
    pub at: DateTime<Utc>,
}

impl ActivityRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
            kind: row.try_get("kind")?,
            text: row.try_get("text")?,
            actor_name: row.try_get("actor_name")?,
            at: row.try_get("at")?,
        })
    }
}

impl Projection for ActivityFeed {
    const NAME: &'static str = "activity";
    const VERSION: i32 = 2;
    const TABLES: &'static [Table] = &[Table::read("activity", &["log_xid", "log_position"])];

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
        let rows: Vec<(&Recorded, Said)> = batch
            .iter()
            .filter_map(|recorded| Some((recorded, said(&recorded.event)?)))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO activity (log_xid, log_position, reseller_id, tenant_id, kind, text, actor_id, at, known_at)
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
                                  $7::uuid[], $8::timestamptz[], $9::timestamptz[])",
        )
        .bind(column(&rows, |(recorded, _)| recorded.position.xid))
        .bind(column(&rows, |(recorded, _)| recorded.position.position))
        .bind(column(&rows, |(recorded, _)| reseller_of(recorded)))
        .bind(column(&rows, |(recorded, said)| {
            said.of_customer.then_some(recorded.metadata.tenant_id)
        }))
        .bind(column(&rows, |(recorded, _)| recorded.event.event_type()))
        .bind(column(&rows, |(_, said)| said.text.as_str()))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.actor))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.at))
        .bind(column(&rows, |(recorded, _)| recorded.known_at()))
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn reseller_of(recorded: &Recorded) -> Option<Uuid> {
    match recorded.event {
        AnyEvent::Reseller(_) | AnyEvent::CreditAccount(_) | AnyEvent::Roster(_) => recorded.id(),
        AnyEvent::PriceList(_)
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
        | AnyEvent::Books(_)
        | AnyEvent::RecordedSale(_)
        | AnyEvent::TierList(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Hierarchy(_)
        | AnyEvent::Contracts(_)
        | AnyEvent::Payouts(_)
        | AnyEvent::Invoices(_) => recorded.metadata.reseller_id,
    }
}

/// What was done last, with `moment` as it stood then, at most `rows` and at most [`PAGE_ROWS_MAX`].
///
/// # Errors
/// The database fails.
pub async fn latest(
    connection: &mut PgConnection,
    scope: Scope,
    whose: Whose,
    moment: Option<Moment>,
    rows: u32,
) -> sqlx::Result<Vec<ActivityRow>> {
    let mut query = QueryBuilder::new(
        "SELECT a.log_xid, a.log_position, a.kind, a.at,
                CASE WHEN a.tenant_id IS NULL THEN a.text ELSE coalesce(c.name, 'A customer') || ' ' || a.text END AS text,
                CASE WHEN a.actor_id IS NOT NULL AND u.user_id IS NULL THEN 'Platform' ELSE u.name END AS actor_name
         FROM read.activity a
         LEFT JOIN read.customers c ON c.tenant_id = a.tenant_id
         LEFT JOIN read.users u ON u.user_id = a.actor_id",
    );
    reaching(&mut query, "u", scope);
    query.push(" WHERE true");
    among(&mut query, "a", scope, whose);
    if let Some(Moment { as_of, known_at }) = moment {
        query.push(" AND a.at <= ").push_bind(as_of);
        if let Some(known_at) = known_at {
            query.push(" AND a.known_at <= ").push_bind(known_at);
        }
    }
    query.push(" ORDER BY a.log_xid DESC, a.log_position DESC LIMIT ");
    query.push(rows.min(PAGE_ROWS_MAX));
    query
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(ActivityRow::read)
        .collect()
}
