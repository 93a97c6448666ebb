//! What decides what customers may do: a row per customer, reseller and platform-wide list, each the fold of its
//! events. The same fold and the same decision as the write side's, so that both say the same.

pub mod earlier;
pub mod memory;
mod state;

use std::collections::BTreeMap;

use domain::AnyEvent;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

pub use memory::{Memory, World};
pub use state::Customer;

use crate::columns::column;
use crate::page::parsed;
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use state::{Kind, State};

/// One row per state.
pub struct Entitlements;

impl Projection for Entitlements {
    const NAME: &'static str = "entitlements";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("entitlement_states", &["kind", "id"])];

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
        let mut touched = Vec::new();
        for recorded in batch {
            if let Some(key) = subject(recorded)? {
                touched.push((key, recorded));
            }
        }
        let mut rows = load(connection, &touched).await?;
        for (key, recorded) in touched {
            let row = rows.entry(key).or_insert_with(|| StateRow::new(key));
            row.state.apply(recorded);
            row.position = recorded.position;
        }
        write(connection, rows).await
    }
}

type Key = (Kind, Uuid);

struct StateRow {
    key: Key,
    state: State,
    position: Position,
}

impl StateRow {
    fn new(key: Key) -> Self {
        Self {
            key,
            state: State::new(key.0),
            position: Position::START,
        }
    }
}

/// Whose state an event changes, if it changes any.
fn subject(recorded: &Recorded) -> Result<Option<Key>, ProjectionError> {
    Ok(Some(match &recorded.event {
        AnyEvent::TierList(_) => (Kind::Tiers, Uuid::nil()),
        AnyEvent::Hierarchy(_) => (Kind::Hierarchy, Uuid::nil()),
        AnyEvent::Reseller(_) => (Kind::Reseller, stream_id(recorded)?),
        AnyEvent::Tenant(_)
        | AnyEvent::Subscription(_)
        | AnyEvent::Usage(_)
        | AnyEvent::WorkflowLibrary(_) => (Kind::Customer, stream_id(recorded)?),
        AnyEvent::Job(_) => (Kind::Customer, recorded.metadata.tenant_id),
        AnyEvent::CreditAccount(_)
        | AnyEvent::PriceList(_)
        | AnyEvent::User(_)
        | AnyEvent::ApiKey(_)
        | AnyEvent::Recording(_)
        | AnyEvent::Books(_)
        | AnyEvent::RecordedSale(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Roster(_)
        | AnyEvent::Contracts(_)
        | AnyEvent::Payouts(_)
        | AnyEvent::Invoices(_)
        | AnyEvent::PermissionTemplates(_)
        | AnyEvent::ResellerPermissions(_)
        | AnyEvent::Bulk(_) => return Ok(None),
    }))
}

async fn load(
    connection: &mut PgConnection,
    touched: &[(Key, &Recorded)],
) -> Result<BTreeMap<Key, StateRow>, ProjectionError> {
    let rows = sqlx::query(
        "SELECT s.kind, s.id, s.state FROM entitlement_states s
         JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::uuid[]) AS n (kind, id)) AS n USING (kind, id)",
    )
    .bind(column(touched, |((kind, _), _)| kind.as_ref().to_owned()))
    .bind(column(touched, |((_, id), _)| *id))
    .fetch_all(connection)
    .await?;
    let mut known = BTreeMap::new();
    for row in rows {
        let key: Key = (parsed(&row, "kind")?, row.try_get("id")?);
        let Json(json) = row.try_get("state")?;
        let row = StateRow {
            key,
            state: State::decode(key.0, json)?,
            position: Position::START,
        };
        known.insert(key, row);
    }
    Ok(known)
}

async fn write(connection: &mut PgConnection, rows: BTreeMap<Key, StateRow>) -> Result<(), ProjectionError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = rows.into_values().collect();
    let states = rows.iter().map(|row| row.state.encode());
    let states: Vec<_> = states.collect::<Result<_, _>>()?;
    sqlx::query(
        "INSERT INTO entitlement_states (kind, id, reseller_id, tenant_id, state, log_xid, log_position)
         SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::jsonb[], $6::bigint[], $7::bigint[])
         ON CONFLICT (kind, id) DO UPDATE
         SET reseller_id = excluded.reseller_id, state = excluded.state, log_xid = excluded.log_xid,
             log_position = excluded.log_position",
    )
    .bind(column(&rows, |row| row.key.0.as_ref().to_owned()))
    .bind(column(&rows, |row| row.key.1))
    .bind(column(&rows, |row| row.state.reseller_id(row.key.1)))
    .bind(column(&rows, |row| (row.key.0 == Kind::Customer).then_some(row.key.1)))
    .bind(states)
    .bind(column(&rows, |row| row.position.xid))
    .bind(column(&rows, |row| row.position.position))
    .execute(connection)
    .await?;
    Ok(())
}
