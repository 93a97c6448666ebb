//! The inbox: rows of what stores sent. A row is taken by a lease, never by a lock that is held while one works: that
//! would hold back every reader of the log.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// An event to be stored.
pub struct Delivery<'a> {
    /// `None` where the body could not be read.
    pub event_id: Option<&'a str>,
    pub hook: &'a str,
    pub event_type: Option<&'a str>,
    pub sent_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub subject_id: Uuid,
    /// Sealed.
    pub body: Vec<u8>,
    pub body_sha256: &'a [u8],
    pub error: Option<&'a str>,
}

/// An event that a process has taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub inbox_id: i64,
    pub event_id: String,
    pub received_at: DateTime<Utc>,
    pub subject_id: Uuid,
    pub body: Option<Vec<u8>>,
    pub attempts: i32,
    pub replays: i32,
}

impl Taken {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            inbox_id: row.try_get("inbox_id")?,
            event_id: row.try_get("event_id")?,
            received_at: row.try_get("received_at")?,
            subject_id: row.try_get("subject_id")?,
            body: row.try_get("body")?,
            attempts: row.try_get("attempts")?,
            replays: row.try_get("replays")?,
        })
    }
}

/// Whether this event is there already.
///
/// # Errors
/// The database fails.
pub async fn knows(connection: &mut PgConnection, event_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM work.store_inbox i WHERE i.event_id = $1)")
        .bind(event_id)
        .fetch_one(connection)
        .await
}

/// Stores an event, once. Answers whether it is new.
///
/// # Errors
/// The database fails.
pub async fn store(connection: &mut PgConnection, delivery: Delivery<'_>) -> sqlx::Result<bool> {
    let state = if delivery.error.is_some() {
        "broken"
    } else {
        "waiting"
    };
    let stored = sqlx::query(
        "INSERT INTO work.store_inbox (event_id, hook, event_type, sent_at, received_at, subject_id, body, body_sha256,
                                       state, next_at, error)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $5, $10)
         ON CONFLICT DO NOTHING",
    )
    .bind(delivery.event_id)
    .bind(delivery.hook)
    .bind(delivery.event_type)
    .bind(delivery.sent_at)
    .bind(delivery.received_at)
    .bind(delivery.subject_id)
    .bind(delivery.body)
    .bind(delivery.body_sha256)
    .bind(state)
    .bind(delivery.error)
    .execute(connection)
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Takes up to `limit` events that wait, the first sent first. Nobody else takes them before `leased_until`.
///
/// # Errors
/// The database fails.
pub async fn take(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    leased_until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Taken>> {
    let rows = sqlx::query(
        "UPDATE work.store_inbox i SET next_at = $2, attempts = i.attempts + 1
         FROM (SELECT w.inbox_id FROM work.store_inbox w
               WHERE w.state = 'waiting' AND w.next_at <= $1
               ORDER BY w.next_at, w.sent_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS due
         WHERE i.inbox_id = due.inbox_id
         RETURNING i.inbox_id, i.event_id, i.received_at, i.subject_id, i.body, i.attempts, i.replays, i.sent_at",
    )
    .bind(now)
    .bind(leased_until)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mut taken = rows
        .iter()
        .map(|row| Ok((row.try_get("sent_at")?, Taken::read(row)?)))
        .collect::<sqlx::Result<Vec<(DateTime<Utc>, Taken)>>>()?;
    taken.sort_by_key(|(sent_at, taken)| (*sent_at, taken.inbox_id));
    Ok(taken.into_iter().map(|(_, taken)| taken).collect())
}

/// The event is in the log.
///
/// # Errors
/// The database fails.
pub async fn done(connection: &mut PgConnection, inbox_id: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE work.store_inbox SET state = 'taken', error = NULL WHERE inbox_id = $1")
        .bind(inbox_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The event is tried again from `next_at` on.
///
/// # Errors
/// The database fails.
pub async fn put_off(
    connection: &mut PgConnection,
    inbox_id: i64,
    next_at: DateTime<Utc>,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE work.store_inbox SET next_at = $2, error = left($3, 1000) WHERE inbox_id = $1")
        .bind(inbox_id)
        .bind(next_at)
        .bind(error)
        .execute(connection)
        .await?;
    Ok(())
}

/// Has events taken again: one, or all that are as `which` says. Answers how many.
///
/// # Errors
/// The database fails.
pub async fn replay(connection: &mut PgConnection, which: &Which, now: DateTime<Utc>) -> sqlx::Result<u64> {
    let (event_id, event_type) = match which {
        Which::Event(event_id) => (Some(event_id), None),
        Which::Type(event_type) => (None, Some(event_type)),
        Which::All => (None, None),
    };
    let replayed = sqlx::query(
        "UPDATE work.store_inbox SET state = 'waiting', next_at = $3, attempts = 0, replays = replays + 1, error = NULL
         WHERE state <> 'broken' AND body IS NOT NULL
           AND ($1::text IS NULL OR event_id = $1) AND ($2::text IS NULL OR event_type = $2)",
    )
    .bind(event_id)
    .bind(event_type)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(replayed.rows_affected())
}

/// Which events are meant.
#[derive(Clone, Debug)]
pub enum Which {
    Event(String),
    Type(String),
    All,
}

/// A row as it is told to those who run the installation.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    pub inbox_id: i64,
    pub event_id: Option<String>,
    pub hook: String,
    pub event_type: Option<String>,
    pub received_at: DateTime<Utc>,
    pub state: String,
    pub attempts: i32,
    pub error: Option<String>,
}

/// Events in a state, the newest first.
///
/// # Errors
/// The database fails.
pub async fn list(
    connection: &mut PgConnection,
    state: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as(
        "SELECT i.inbox_id, i.event_id, i.hook, i.event_type, i.received_at, i.state, i.attempts, i.error
         FROM work.store_inbox i WHERE $1::text IS NULL OR i.state = $1
         ORDER BY i.inbox_id DESC LIMIT $2",
    )
    .bind(state)
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// A body as it lies there, sealed, with whose key.
///
/// # Errors
/// The database fails.
pub async fn body(
    connection: &mut PgConnection,
    inbox_id: i64,
) -> sqlx::Result<Option<(Uuid, Option<Vec<u8>>, Vec<u8>)>> {
    sqlx::query_as("SELECT i.subject_id, i.body, i.body_sha256 FROM work.store_inbox i WHERE i.inbox_id = $1")
        .bind(inbox_id)
        .fetch_optional(connection)
        .await
}

/// Forgets the bodies of events that came before `before` and are in the log, and broken ones altogether. Answers how
/// many.
///
/// # Errors
/// The database fails.
pub async fn prune(connection: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let forgotten = sqlx::query(
        "UPDATE work.store_inbox SET body = NULL WHERE received_at < $1 AND body IS NOT NULL AND state = 'taken'",
    )
    .bind(before)
    .execute(&mut *connection)
    .await?;
    let removed = sqlx::query("DELETE FROM work.store_inbox WHERE received_at < $1 AND state = 'broken'")
        .bind(before)
        .execute(connection)
        .await?;
    Ok(forgotten.rows_affected() + removed.rows_affected())
}

/// How many events are in each state, and since when the oldest one waits.
///
/// # Errors
/// The database fails.
pub async fn figures(connection: &mut PgConnection) -> sqlx::Result<(i64, i64, Option<DateTime<Utc>>)> {
    sqlx::query_as(
        "SELECT count(*) FILTER (WHERE i.state = 'waiting'), count(*) FILTER (WHERE i.state = 'broken'),
                min(i.received_at) FILTER (WHERE i.state = 'waiting')
         FROM work.store_inbox i WHERE i.state <> 'taken'",
    )
    .fetch_one(connection)
    .await
}
