//! What is walked: events and blocks as streams, hashed and checked on other threads ahead of the walk.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use platform::audit_key::AuditPublicKey;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::super::block::{self, Block};
use super::super::canonical::{Hashed, SELECT_EVENTS};
use super::super::chainer::ChainError;
use super::super::hash::Hash;

/// Events hashed at a time, and how many such pieces are under way.
const CHUNK_EVENTS: usize = 1_000;
const CHUNKS_AHEAD: usize = 4;
const BLOCKS_AHEAD: usize = 8;

pub(super) type Chunk = Vec<(PgRow, Hashed)>;

/// A block with its tenants' rows and whether its signature holds.
pub(super) struct Checked {
    pub block: Block,
    pub is_signed: bool,
    pub tenants: Vec<TenantRow>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TenantRow {
    pub number: i64,
    pub tenant: String,
    pub events: i64,
    pub head: Option<Hash>,
}

/// Every event that may be read, in the order of the log.
pub(super) fn events(connection: &mut PgConnection) -> BoxStream<'_, Result<Chunk, ChainError>> {
    let rows = sqlx::query(every_event())
        .fetch(connection)
        .try_chunks(CHUNK_EVENTS)
        .map_err(|error| ChainError::from(error.1));
    let hashed = rows.map_ok(|rows| async move {
        let hashed = tokio::task::spawn_blocking(move || {
            let hash = |row: PgRow| Hashed::of(&row).map(|hashed| (row, hashed));
            rows.into_iter().map(hash).collect::<sqlx::Result<Chunk>>()
        });
        Ok(hashed.await??)
    });
    hashed.try_buffered(CHUNKS_AHEAD).boxed()
}

/// The barrier is the chain's own: what it could not read yet is not compared.
fn every_event() -> &'static str {
    static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        format!(
            "{SELECT_EVENTS} WHERE e.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY e.xid, e.position"
        )
    });
    &SQL
}

/// Every block in the order of its first number.
pub(super) fn blocks(
    connection: &mut PgConnection,
    key: AuditPublicKey,
) -> BoxStream<'_, Result<Checked, ChainError>> {
    let rows = sqlx::query(
        "SELECT c.first_number, c.last_number, c.streams, c.sequences, c.leaves, c.fields, c.head, c.signature,
                t.numbers, t.tenants, t.counts, t.heads
         FROM es.chain c
         LEFT JOIN LATERAL (
             SELECT array_agg(n.last_number ORDER BY n.last_number) AS numbers,
                    array_agg(n.tenant_id ORDER BY n.last_number) AS tenants,
                    array_agg(n.events ORDER BY n.last_number) AS counts,
                    array_agg(n.head ORDER BY n.last_number) AS heads
             FROM es.tenant_chain n WHERE n.last_number BETWEEN c.first_number AND c.last_number) AS t ON true
         ORDER BY c.first_number",
    )
    .fetch(connection)
    .map_err(ChainError::from);
    let checked = rows.map_ok(move |row| async move {
        let checked = tokio::task::spawn_blocking(move || {
            let block = Block::read(&row)?;
            Ok::<_, sqlx::Error>(Checked {
                is_signed: block.is_signed_by(&key),
                tenants: tenants(&row)?,
                block,
            })
        });
        Ok(checked.await??)
    });
    checked.try_buffered(BLOCKS_AHEAD).boxed()
}

fn tenants(row: &PgRow) -> sqlx::Result<Vec<TenantRow>> {
    let numbers: Option<Vec<i64>> = row.try_get("numbers")?;
    let tenants: Option<Vec<String>> = row.try_get("tenants")?;
    let counts: Option<Vec<i64>> = row.try_get("counts")?;
    let heads: Option<Vec<Vec<u8>>> = row.try_get("heads")?;
    let names = numbers
        .unwrap_or_default()
        .into_iter()
        .zip(tenants.unwrap_or_default());
    let ends = counts
        .unwrap_or_default()
        .into_iter()
        .zip(heads.unwrap_or_default());
    let rows = names
        .zip(ends)
        .map(|((number, tenant), (events, head))| TenantRow {
            number,
            tenant,
            events,
            head: Hash::from_bytes(&head),
        });
    Ok(rows.collect())
}

/// How many rows there are for tenants' chains beyond the end of the chain.
pub(super) async fn tenants_beyond(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let (end, _) = block::end(connection).await?;
    sqlx::query_scalar("SELECT count(*) FROM es.tenant_chain WHERE last_number > $1 OR last_number < 1")
        .bind(end)
        .fetch_one(connection)
        .await
}
