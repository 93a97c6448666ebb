//! Erasing persons: destroys their keys and clears what is shown of them, in one transaction.
//!
//! Two advisory locks order an erasure and those who turn sealed fields into rows. Who opens a field holds the
//! first one, shared, until the transaction ends: an erasure finds the row and clears it, or the key is gone
//! before it is read. An audit holds the second one: it compares rows of one moment with fields opened later.

use sqlx::{PgConnection, Row};
use uuid::Uuid;

const OPENED_FIELDS: i64 = 0x7374_656e_746f_0001;
const AUDITS: i64 = 0x7374_656e_746f_0002;
const ADMINS: i64 = 0x7374_656e_746f_0004;

/// Lets no erasure commit before the connection's transaction has ended. At the beginning of a transaction that
/// writes rows: taken later, the two may wait for each other until the database breaks one off.
///
/// # Errors
/// The database fails.
pub async fn hold_off(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared($1)")
        .bind(OPENED_FIELDS)
        .execute(connection)
        .await?;
    Ok(())
}

/// Lets no erasure commit before the audit's transaction has ended.
///
/// # Errors
/// The database fails.
pub async fn hold_off_for_audit(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared($1)")
        .bind(AUDITS)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether an audit holds erasures off at present.
///
/// # Errors
/// The database fails.
pub async fn audit_runs(connection: &mut PgConnection) -> sqlx::Result<bool> {
    // Outside a transaction the lock is gone when the statement is. An audit shares its lock; another erasure,
    // which does not, is no audit.
    sqlx::query_scalar(
        "SELECT CASE WHEN pg_try_advisory_xact_lock($1) THEN false
                ELSE pg_try_advisory_xact_lock_shared($1) END",
    )
    .bind(AUDITS)
    .fetch_one(connection)
    .await
}

/// Waits for audits and for transactions that have opened sealed fields, and keeps new ones waiting until this
/// one ends.
///
/// # Errors
/// The database fails.
pub async fn begin(connection: &mut PgConnection) -> sqlx::Result<()> {
    for lock in [AUDITS, OPENED_FIELDS] {
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(lock)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Destroys the keys of `subjects` and clears the columns that show what they sealed.
///
/// # Errors
/// The database fails.
pub async fn forget(connection: &mut PgConnection, subjects: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM es.subject_keys WHERE subject_id = ANY($1)")
        .bind(subjects)
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT read.forget($1)")
        .bind(subjects)
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps others from taking a platform admin's rights away before the connection's transaction has ended.
///
/// # Errors
/// The database fails.
pub async fn lock_admins(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(ADMINS)
        .execute(connection)
        .await?;
    Ok(())
}

/// Admins of the platform who can sign in, `except` left out.
///
/// # Errors
/// The database fails.
pub async fn other_platform_admins(connection: &mut PgConnection, except: Uuid) -> sqlx::Result<u64> {
    let row = sqlx::query(
        "SELECT count(*) AS admins
         FROM (SELECT DISTINCT e.aggregate_id AS id FROM es.events e
               WHERE e.aggregate_type = 'user' AND e.aggregate_id <> $1
                 AND e.event_type IN ('UserRegistered', 'UserRoleChanged')
                 AND coalesce(e.payload #>> '{UserRegistered,role}', e.payload #>> '{UserRoleChanged,role}')
                     = 'platform_admin') AS once
         WHERE (SELECT coalesce(r.payload #>> '{UserRegistered,role}', r.payload #>> '{UserRoleChanged,role}')
                FROM es.events r
                WHERE r.aggregate_type = 'user' AND r.aggregate_id = once.id
                  AND r.event_type IN ('UserRegistered', 'UserRoleChanged')
                ORDER BY r.sequence DESC LIMIT 1) = 'platform_admin'
           AND coalesce(
               (SELECT d.event_type FROM es.events d
                WHERE d.aggregate_type = 'user' AND d.aggregate_id = once.id
                  AND d.event_type IN ('UserDisabled', 'UserEnabled', 'UserErased')
                ORDER BY d.sequence DESC LIMIT 1), 'UserEnabled') = 'UserEnabled'",
    )
    .bind(except.to_string())
    .fetch_one(connection)
    .await?;
    let admins: i64 = row.try_get("admins")?;
    Ok(u64::try_from(admins).unwrap_or_default())
}
