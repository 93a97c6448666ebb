//! How far each projection is, for operators and for Prometheus.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgExecutor, PgPool, Row};
use store::Position;

/// A projection or a reaction, as the database knows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    pub projection: String,
    /// Of the tables that are served.
    pub version: i32,
    pub at: Position,
    /// Positions between it and the end of the log; an upper bound of the events between them.
    pub lag_events: i64,
    /// Age of the first event that is missing, in seconds.
    pub lag_seconds: f64,
    pub dead_letters: i64,
    /// Why it stands still before an event that it cannot fold.
    pub stopped: Option<Stopped>,
    pub rebuild: Option<RebuildStatus>,
}

/// A projection that folds nothing more until the cause is mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// Names the event.
    pub error: String,
    pub since: DateTime<Utc>,
}

/// Tables that are made beside those that are served.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RebuildStatus {
    pub version: i32,
    pub at: Position,
    pub lag_events: i64,
}

/// Looks at all of them.
///
/// # Errors
/// The database fails.
pub async fn look(pool: &PgPool) -> sqlx::Result<Vec<Status>> {
    let rows = sqlx::query(
        "SELECT c.projection, c.version, c.last_xid, c.last_position,
                greatest(head.position - c.last_position, 0) AS lag_events,
                coalesce(extract(epoch FROM clock_timestamp() - missing.recorded_at), 0)::float8 AS lag_seconds,
                (SELECT count(*) FROM es.dead_letters d WHERE d.projection = c.projection AND NOT d.rebuild)
                    AS dead_letters,
                s.error AS stopped, s.since AS stopped_since,
                r.version AS rebuild_version, r.last_xid AS rebuild_xid, r.last_position AS rebuild_position,
                greatest(head.position - r.last_position, 0) AS rebuild_lag
         FROM es.checkpoints c
         LEFT JOIN es.rebuilds r USING (projection)
         LEFT JOIN es.stops s USING (projection)
         CROSS JOIN LATERAL (
             SELECT coalesce(max(h.position), 0) AS position FROM (
                 SELECT e.position FROM es.events e ORDER BY e.xid DESC, e.position DESC LIMIT 1) h) head
         LEFT JOIN LATERAL (
             SELECT e.recorded_at FROM es.events e
             WHERE (e.xid, e.position) > (c.last_xid::text::xid8, c.last_position)
             ORDER BY e.xid, e.position LIMIT 1) missing ON true
         ORDER BY c.projection",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let rebuild_version: Option<i32> = row.try_get("rebuild_version")?;
            let rebuild = match rebuild_version {
                Some(version) => Some(RebuildStatus {
                    version,
                    at: Position {
                        xid: row.try_get("rebuild_xid")?,
                        position: row.try_get("rebuild_position")?,
                    },
                    lag_events: row.try_get("rebuild_lag")?,
                }),
                None => None,
            };
            let error: Option<String> = row.try_get("stopped")?;
            let stopped = match error {
                Some(error) => Some(Stopped {
                    error,
                    since: row.try_get("stopped_since")?,
                }),
                None => None,
            };
            Ok(Status {
                projection: row.try_get("projection")?,
                version: row.try_get("version")?,
                at: Position {
                    xid: row.try_get("last_xid")?,
                    position: row.try_get("last_position")?,
                },
                lag_events: row.try_get("lag_events")?,
                lag_seconds: row.try_get("lag_seconds")?,
                dead_letters: row.try_get("dead_letters")?,
                stopped,
                rebuild,
            })
        })
        .collect()
}

/// Age of the oldest transaction that may still write, in seconds: what it may yet append holds every reader of
/// the log back.
///
/// # Errors
/// The database fails.
pub async fn barrier_age<'e>(executor: impl PgExecutor<'e>) -> sqlx::Result<f64> {
    sqlx::query_scalar("SELECT es.barrier_age()")
        .fetch_one(executor)
        .await
}
