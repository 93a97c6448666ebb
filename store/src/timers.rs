//! What is to be done later: rows that are written with the append that asks for them, and taken when they are due.
//!
//! Taking one is a short transaction of its own and a lease, no lock: a row lock that is held while a handler works
//! would hold back every reader of the log. Whoever takes one that somebody else has taken too gives the same
//! command, and that is carried out once.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::effects::failed;
use crate::unit_of_work::UnitOfWork;

/// What is to be done, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// Names it; setting one of the same name replaces it.
    pub key: String,
    /// Which handler it is for.
    pub kind: &'static str,
    pub due_at: DateTime<Utc>,
    pub payload: Value,
}

/// A timer that has been taken, or is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    pub key: String,
    pub kind: String,
    pub due_at: DateTime<Utc>,
    pub payload: Value,
    /// The command that asked for it.
    pub set_by: Uuid,
    /// When it may be taken, if it has not been done by then.
    pub next_at: DateTime<Utc>,
    /// How often it has been taken.
    pub attempts: i32,
    pub last_error: Option<String>,
}

impl Waiting {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let Json(payload) = row.try_get("payload")?;
        Ok(Self {
            key: row.try_get("timer_key")?,
            kind: row.try_get("kind")?,
            due_at: row.try_get("due_at")?,
            payload,
            set_by: row.try_get("set_by")?,
            next_at: row.try_get("next_at")?,
            attempts: row.try_get("attempts")?,
            last_error: row.try_get("last_error")?,
        })
    }
}

/// Sets a timer with the unit's append, in place of one of the same key.
pub fn set(unit: &mut UnitOfWork<'_>, timer: Timer) {
    let set_by = unit.command_id();
    unit.effect(Box::new(move |connection| {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO es.timers (timer_key, kind, due_at, payload, set_by, next_at)
                 VALUES ($1, $2, $3, $4, $5, $3)
                 ON CONFLICT (timer_key) DO UPDATE
                 SET kind = excluded.kind, due_at = excluded.due_at, payload = excluded.payload,
                     set_by = excluded.set_by, next_at = excluded.next_at, attempts = 0, last_error = NULL",
            )
            .bind(timer.key)
            .bind(timer.kind)
            .bind(timer.due_at)
            .bind(Json(timer.payload))
            .bind(set_by)
            .execute(connection)
            .await
            .map_err(failed)?;
            Ok(())
        })
    }));
}

/// Takes a timer back with the unit's append. One that is being handled at this moment may still be carried out:
/// handlers decide on the state that they find.
pub fn cancel(unit: &mut UnitOfWork<'_>, key: String) {
    unit.effect(Box::new(move |connection| {
        Box::pin(async move {
            sqlx::query("DELETE FROM es.timers WHERE timer_key = $1")
                .bind(key)
                .execute(connection)
                .await
                .map_err(failed)?;
            Ok(())
        })
    }));
}

/// Takes up to `limit` timers of `kinds` that may be taken at `now`, the one that waits longest first. Nobody else
/// takes them before `leased_until`.
///
/// # Errors
/// The database fails.
pub async fn take(
    connection: &mut PgConnection,
    kinds: &[&str],
    now: DateTime<Utc>,
    leased_until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Waiting>> {
    let rows = sqlx::query(
        "UPDATE es.timers t SET next_at = $3, attempts = t.attempts + 1
         FROM (SELECT w.timer_key FROM es.timers w
               WHERE w.next_at <= $2 AND w.kind = ANY($1)
               ORDER BY w.next_at LIMIT $4 FOR UPDATE SKIP LOCKED) AS due
         WHERE t.timer_key = due.timer_key
         RETURNING t.*",
    )
    .bind(kinds)
    .bind(now)
    .bind(leased_until)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mut taken = rows.iter().map(Waiting::read).collect::<sqlx::Result<Vec<_>>>()?;
    taken.sort_by(|a, b| (a.due_at, &a.key).cmp(&(b.due_at, &b.key)));
    Ok(taken)
}

/// Forgets a timer that was carried out, unless it has been set anew meanwhile.
///
/// # Errors
/// The database fails: it will be taken again, and its command be known.
pub async fn done(connection: &mut PgConnection, timer: &Waiting) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM es.timers WHERE timer_key = $1 AND set_by = $2")
        .bind(&timer.key)
        .bind(timer.set_by)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes why a timer could not be carried out, and when it may be taken again.
///
/// # Errors
/// The database fails.
pub async fn put_off(
    connection: &mut PgConnection,
    timer: &Waiting,
    until: DateTime<Utc>,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE es.timers SET next_at = $3, last_error = $4 WHERE timer_key = $1 AND set_by = $2")
        .bind(&timer.key)
        .bind(timer.set_by)
        .bind(until)
        .bind(error)
        .execute(connection)
        .await?;
    Ok(())
}

/// Timers that are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub timers: i64,
    /// When the one that waits longest was due.
    pub since: Option<DateTime<Utc>>,
}

/// How many timers are due at `now`, and since when.
///
/// # Errors
/// The database fails.
pub async fn due(connection: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Due> {
    let row = sqlx::query(
        "SELECT count(*) AS timers, min(t.due_at) AS since FROM es.timers t WHERE t.due_at <= $1",
    )
    .bind(now)
    .fetch_one(connection)
    .await?;
    Ok(Due {
        timers: row.try_get("timers")?,
        since: row.try_get("since")?,
    })
}

/// The first `limit` timers, the one that is due first at the top.
///
/// # Errors
/// The database fails.
pub async fn list(connection: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Waiting>> {
    let rows = sqlx::query("SELECT t.* FROM es.timers t ORDER BY t.due_at, t.timer_key LIMIT $1")
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().map(Waiting::read).collect()
}
