//! Adds to the chain what the log has got: one block in one transaction with the checkpoint.

use std::collections::{HashMap, HashSet};

use platform::audit_key::AuditKey;
use platform::shutdown::pause;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use tokio_util::sync::CancellationToken;

use super::block::{self, Block};
use super::canonical::{self, Hashed, SELECT_EVENTS};
use super::hash::Hash;
use crate::Position;

/// The chain's name among the checkpoints.
pub const CHECKPOINT_NAME: &str = "audit_chain";
const CHECKPOINT_VERSION: i32 = 1;
/// Most events of a block. They are read and hashed before the transaction writes, so that it stays short.
const BLOCK_EVENTS_MAX: i64 = 5_000;
/// Events of a block that one thread hashes.
const HASHED_TOGETHER: usize = 1_000;
/// Most tenants whose heads are remembered.
const HEADS_MAX: usize = 100_000;

#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    #[error("the chain cannot be read or written: {0}")]
    Database(#[from] sqlx::Error),
    #[error("another process moved the chain's checkpoint: the block was given up and is made again")]
    Overtaken,
    #[error(
        "the chain has {0} events, but its checkpoint is gone: restore the row {CHECKPOINT_NAME:?} of es.checkpoints \
         from a backup, or run `stentor audit verify` to learn what else is missing"
    )]
    CheckpointLost(i64),
    #[error(
        "the last checkpoint is over {checkpoint} events, the chain has {chain}: events were cut off, no further \
         checkpoint is signed; run `stentor audit verify`"
    )]
    Truncated { checkpoint: i64, chain: i64 },
    #[error("the chain is broken at number {0}: no further checkpoint is signed; run `stentor audit verify`")]
    Broken(i64),
    #[error("the work was given up: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another process leads.
    Follower,
    /// Nothing was left to chain.
    Idle {
        at: Position,
    },
    Chained {
        events: usize,
        at: Position,
    },
}

/// How many of a tenant's events there are, and the head of their chain.
#[derive(Clone, Copy)]
struct TenantHead {
    events: i64,
    head: Hash,
}

/// Chains, and remembers the tenants' heads from block to block.
pub struct Chainer<'a> {
    key: &'a AuditKey,
    /// Heads as they were at the chain's end `known_at`.
    heads: HashMap<String, TenantHead>,
    known_at: i64,
}

impl<'a> Chainer<'a> {
    pub fn new(key: &'a AuditKey) -> Self {
        Self {
            key,
            heads: HashMap::new(),
            known_at: 0,
        }
    }

    /// Chains the next block, unless another process is at it.
    ///
    /// # Errors
    /// The database fails, or chain and checkpoint do not fit.
    pub async fn step(&mut self, pool: &PgPool) -> Result<Step, ChainError> {
        let mut transaction = pool.begin().await?;
        // Block and checkpoint are lost together, if at all, and are made again.
        sqlx::query("SET LOCAL synchronous_commit = off")
            .execute(&mut *transaction)
            .await?;
        if !lead(&mut transaction).await? {
            return Ok(Step::Follower);
        }
        let from = checkpoint(&mut transaction).await?;
        let (number, head) = block::end(&mut transaction).await?;
        if from.is_none() && number > 0 {
            return Err(ChainError::CheckpointLost(number));
        }
        let after = from.unwrap_or_default();
        let rows = read(&mut transaction, after).await?;
        if rows.is_empty() {
            return Ok(Step::Idle { at: after });
        }
        let events = hash(rows).await?;
        let at = events.last().map_or(after, |event| event.position);
        let ends = self.follow_tenants(&mut transaction, number, &events).await?;
        let block = Block::seal(number + 1, head, &events, self.key);
        // From here on the transaction writes, and holds back the feed: two statements and the end.
        block.insert(&mut transaction).await?;
        insert_tenants(&mut transaction, &ends).await?;
        advance(&mut transaction, from, at).await?;
        transaction.commit().await?;
        self.known_at = block.last;
        for (tenant, _, head) in ends {
            self.heads.insert(tenant, head);
        }
        Ok(Step::Chained {
            events: events.len(),
            at,
        })
    }

    /// The heads after the block, with the number of each tenant's last event in it.
    async fn follow_tenants(
        &mut self,
        connection: &mut PgConnection,
        number: i64,
        events: &[Hashed],
    ) -> sqlx::Result<Vec<(String, i64, TenantHead)>> {
        if self.known_at != number || self.heads.len() > HEADS_MAX {
            self.heads.clear();
            self.known_at = number;
        }
        let unknown: HashSet<&str> = events
            .iter()
            .map(|event| event.tenant.as_str())
            .filter(|tenant| !self.heads.contains_key(*tenant))
            .collect();
        let found = tenant_heads(connection, unknown.into_iter().collect()).await?;
        self.heads.extend(found);
        let mut ends: HashMap<&str, (i64, TenantHead)> = HashMap::new();
        for (event, number) in events.iter().zip(number + 1..) {
            let end = ends.entry(&event.tenant).or_insert_with(|| {
                let known = self.heads.get(&event.tenant).copied();
                (
                    number,
                    known.unwrap_or(TenantHead {
                        events: 0,
                        head: Hash::ZERO,
                    }),
                )
            });
            end.0 = number;
            end.1.events += 1;
            end.1.head = end.1.head.link(event.leaf);
        }
        let ends = ends
            .into_iter()
            .map(|(tenant, (number, head))| (tenant.to_owned(), number, head));
        Ok(ends.collect())
    }
}

/// Chains until every event that is in the log now is included, and returns the last position.
///
/// # Errors
/// The database fails, or chain and checkpoint do not fit.
pub async fn catch_up(pool: &PgPool, key: &AuditKey) -> Result<Position, ChainError> {
    let end = log_end(&mut *pool.acquire().await?).await?;
    let endless = CancellationToken::new();
    let mut chainer = Chainer::new(key);
    loop {
        match chainer.step(pool).await {
            Ok(Step::Idle { at } | Step::Chained { at, .. }) if at >= end => return Ok(at),
            Ok(Step::Chained { .. }) => {}
            // Behind the barrier, or the leader is at this very block.
            Ok(Step::Idle { .. } | Step::Follower) | Err(ChainError::Overtaken) => {
                if checkpoint(&mut *pool.acquire().await?).await? >= Some(end) {
                    return Ok(end);
                }
                pause(std::time::Duration::from_millis(5), &endless).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The last event of the log, whether it may be read yet or not.
pub(super) async fn log_end(connection: &mut PgConnection) -> sqlx::Result<Position> {
    let row = sqlx::query("SELECT e.xid AS transaction, e.position FROM es.events e ORDER BY e.xid DESC, e.position DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    row.as_ref().map_or(Ok(Position::START), canonical::position)
}

/// Leadership saves work; what keeps the chain right is the compare-and-set of the checkpoint.
async fn lead(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1))")
        .bind(CHECKPOINT_NAME)
        .fetch_one(connection)
        .await
}

/// How far the chain has come; `None` where it has not begun.
pub(super) async fn checkpoint(connection: &mut PgConnection) -> sqlx::Result<Option<Position>> {
    let row = sqlx::query(
        "SELECT last_xid, last_position FROM es.checkpoints WHERE projection = $1 AND version = $2",
    )
    .bind(CHECKPOINT_NAME)
    .bind(CHECKPOINT_VERSION)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Position {
            xid: row.try_get("last_xid")?,
            position: row.try_get("last_position")?,
        })
    })
    .transpose()
}

async fn read(connection: &mut PgConnection, after: Position) -> sqlx::Result<Vec<PgRow>> {
    sqlx::query(&format!(
        "{SELECT_EVENTS}
         WHERE (e.xid, e.position) > ($1::text::xid8, $2) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY e.xid, e.position LIMIT $3"
    ))
    .bind(after.xid.to_string())
    .bind(after.position)
    .bind(BLOCK_EVENTS_MAX)
    .fetch_all(connection)
    .await
}

/// Off the runtime's threads, and on several: a full block takes tens of milliseconds.
async fn hash(rows: Vec<PgRow>) -> Result<Vec<Hashed>, ChainError> {
    let (mut rows, mut parts) = (rows.into_iter().peekable(), Vec::new());
    while rows.peek().is_some() {
        let part: Vec<PgRow> = rows.by_ref().take(HASHED_TOGETHER).collect();
        parts.push(tokio::task::spawn_blocking(move || {
            part.iter().map(Hashed::of).collect::<sqlx::Result<Vec<_>>>()
        }));
    }
    let mut hashed = Vec::new();
    for part in parts {
        hashed.extend(part.await??);
    }
    Ok(hashed)
}

async fn tenant_heads(
    connection: &mut PgConnection,
    tenants: Vec<&str>,
) -> sqlx::Result<Vec<(String, TenantHead)>> {
    let rows = sqlx::query(
        "SELECT n.tenant_id, h.events, h.head FROM unnest($1::text[]) AS n (tenant_id)
         CROSS JOIN LATERAL (SELECT t.events, t.head FROM es.tenant_chain t WHERE t.tenant_id = n.tenant_id
                             ORDER BY t.last_number DESC LIMIT 1) AS h",
    )
    .bind(tenants)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let head = TenantHead {
                events: row.try_get("events")?,
                head: block::hash(row, "head")?,
            };
            Ok((row.try_get("tenant_id")?, head))
        })
        .collect()
}

async fn insert_tenants(
    connection: &mut PgConnection,
    ends: &[(String, i64, TenantHead)],
) -> sqlx::Result<()> {
    let heads: Vec<&[u8]> = ends.iter().map(|(_, _, end)| &end.head.bytes()[..]).collect();
    sqlx::query(
        "INSERT INTO es.tenant_chain (last_number, tenant_id, events, head)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[])",
    )
    .bind(ends.iter().map(|(_, number, _)| *number).collect::<Vec<_>>())
    .bind(
        ends.iter()
            .map(|(tenant, _, _)| tenant.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(ends.iter().map(|(_, _, end)| end.events).collect::<Vec<_>>())
    .bind(heads)
    .execute(connection)
    .await?;
    Ok(())
}

async fn advance(
    connection: &mut PgConnection,
    from: Option<Position>,
    to: Position,
) -> Result<(), ChainError> {
    let sql = if from.is_some() {
        "UPDATE es.checkpoints SET last_xid = $5, last_position = $6, updated_at = clock_timestamp()
         WHERE projection = $1 AND version = $2 AND last_xid = $3 AND last_position = $4"
    } else {
        "INSERT INTO es.checkpoints (projection, version, last_xid, last_position)
         SELECT $1, $2, $5, $6 WHERE ($3::bigint, $4::bigint) = (0, 0)"
    };
    let from = from.unwrap_or_default();
    let moved = sqlx::query(sql)
        .bind(CHECKPOINT_NAME)
        .bind(CHECKPOINT_VERSION)
        .bind(from.xid)
        .bind(from.position)
        .bind(to.xid)
        .bind(to.position)
        .execute(connection)
        .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(ChainError::Overtaken)
    }
}
