//! Makes checkpoints: signs the tree as it is now, keeps the note in the database and in the object store.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use platform::audit_key::AuditKey;
use platform::objects::{ObjectError, Objects};
use sqlx::{PgConnection, PgPool, Row};

use super::block::{self, hash};
use super::chainer::ChainError;
use super::hash::{HASH_BYTES, Hash};
use super::merkle::Frontier;
use super::note::Note;

/// Most checkpoints that one call publishes.
const PUBLISHED_MAX: i64 = 1_000;

/// A checkpoint with its note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub note: Note,
    pub text: String,
}

/// The head of a tenant's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantEnd {
    pub tenant: String,
    pub events: i64,
    pub head: Hash,
}

impl TenantEnd {
    /// Its canonical bytes: the leaf of the tree over tenants.
    pub fn line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        let (tenant, events, head) = (&self.tenant, self.events, self.head);
        let tenant = serde_json::Value::from(tenant.as_str());
        super::canonical::json(
            format!("{{\"events\":{events},\"head\":\"{head}\",\"tenant\":{tenant}}}").as_bytes(),
            &mut line,
        );
        line
    }
}

/// Signs a checkpoint over all that is chained now, and stores it.
///
/// # Errors
/// The database fails, or the chain does not continue the last checkpoint.
pub async fn make(
    pool: &PgPool,
    key: &AuditKey,
    origin: &str,
    now: DateTime<Utc>,
) -> Result<Checkpoint, ChainError> {
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('audit checkpoint', 1))")
        .execute(&mut *transaction)
        .await?;
    let (number, head) = block::end(&mut transaction).await?;
    let frontier = grow(&mut transaction, number).await?;
    let tenants = tenants(&mut transaction, number).await?;
    let mut tree = Frontier::default();
    for tenant in &tenants {
        tree.push(Hash::leaf(&tenant.line()));
    }
    // One in each microsecond: the time tells checkpoints apart.
    let last: Option<DateTime<Utc>> = sqlx::query_scalar("SELECT max(made_at) FROM es.audit_checkpoints")
        .fetch_one(&mut *transaction)
        .await?;
    let after = last.map_or(now, |last| last + chrono::TimeDelta::microseconds(1));
    let note = Note {
        origin: origin.to_owned(),
        size: frontier.size(),
        root: frontier.root(),
        head,
        tenants: tree.size(),
        tenants_root: tree.root(),
        made_at: now.max(after),
    };
    let text = note.sign(key);
    sqlx::query("INSERT INTO es.audit_checkpoints (made_at, size, frontier, note) VALUES ($1, $2, $3, $4)")
        .bind(note.made_at)
        .bind(number)
        .bind(frontier.to_bytes())
        .bind(&text)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Checkpoint { note, text })
}

/// The tree over the first `number` events, grown from the last checkpoint's.
async fn grow(connection: &mut PgConnection, number: i64) -> Result<Frontier, ChainError> {
    let last = sqlx::query("SELECT size, frontier FROM es.audit_checkpoints ORDER BY made_at DESC LIMIT 1")
        .fetch_optional(&mut *connection)
        .await?;
    let mut tree = Frontier::default();
    let mut size: i64 = 0;
    if let Some(row) = last {
        size = row.try_get("size")?;
        let bytes: Vec<u8> = row.try_get("frontier")?;
        let from = u64::try_from(size)
            .ok()
            .and_then(|size| Frontier::from_bytes(size, &bytes));
        tree = from.ok_or(ChainError::Broken(size))?;
    }
    if size > number {
        return Err(ChainError::Truncated {
            checkpoint: size,
            chain: number,
        });
    }
    let mut blocks = sqlx::query(
        "SELECT first_number, leaves FROM es.chain WHERE last_number > $1 AND last_number <= $2 ORDER BY first_number",
    )
    .bind(size)
    .bind(number)
    .fetch(connection);
    let mut at = size;
    while let Some(row) = blocks.try_next().await? {
        let (first, leaves): (i64, Vec<u8>) = (row.try_get("first_number")?, row.try_get("leaves")?);
        for (number, leaf) in (first..).zip(leaves.chunks(HASH_BYTES)) {
            if number <= size {
                continue;
            }
            let leaf = Hash::from_bytes(leaf).filter(|_| number == at + 1);
            tree.push(leaf.ok_or(ChainError::Broken(at + 1))?);
            at = number;
        }
    }
    if at == number {
        Ok(tree)
    } else {
        Err(ChainError::Broken(at + 1))
    }
}

/// The heads of all tenants' chains after `number` events, in the order of their ids.
pub async fn tenants(connection: &mut PgConnection, number: i64) -> sqlx::Result<Vec<TenantEnd>> {
    // From one tenant to the next by the index, whatever the length of the log.
    let rows = sqlx::query(
        "WITH RECURSIVE tenants (tenant_id) AS (
             SELECT min(tenant_id) FROM es.tenant_chain
             UNION ALL
             SELECT (SELECT min(t.tenant_id) FROM es.tenant_chain t WHERE t.tenant_id > n.tenant_id)
             FROM tenants n WHERE n.tenant_id IS NOT NULL)
         SELECT n.tenant_id, h.events, h.head FROM tenants n
         CROSS JOIN LATERAL (SELECT t.events, t.head FROM es.tenant_chain t
                             WHERE t.tenant_id = n.tenant_id AND t.last_number <= $1
                             ORDER BY t.last_number DESC LIMIT 1) AS h
         ORDER BY n.tenant_id",
    )
    .bind(number)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(TenantEnd {
                tenant: row.try_get("tenant_id")?,
                events: row.try_get("events")?,
                head: hash(row, "head")?,
            })
        })
        .collect()
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("the checkpoints cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("a checkpoint cannot be published: {0}")]
    Objects(#[from] ObjectError),
}

/// Puts into the object store what is missing there of the checkpoints after `after`. Returns the time of the
/// last one that is there now.
///
/// # Errors
/// The database or the object store fails.
pub async fn publish(
    pool: &PgPool,
    objects: &Objects,
    after: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, PublishError> {
    let rows = sqlx::query(
        "SELECT made_at, note FROM es.audit_checkpoints WHERE made_at > $1 ORDER BY made_at DESC LIMIT $2",
    )
    .bind(after.unwrap_or(DateTime::UNIX_EPOCH))
    .bind(PUBLISHED_MAX)
    .fetch_all(pool)
    .await?;
    let mut published = after;
    for row in rows.iter().rev() {
        let text: String = row.try_get("note")?;
        // What is no note was not written by us; the audit says so.
        if let Ok(note) = Note::parse(&text) {
            objects.put_new(&note.object_key(), Bytes::from(text)).await?;
        }
        published = row.try_get("made_at")?;
    }
    Ok(published)
}
