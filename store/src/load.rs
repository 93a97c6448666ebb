//! Folds a stream to the present state of its aggregate: from its snapshot where a good one is there.

use domain::Decider;
use domain::any_event::{self, DecodeError};
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};

use crate::Position;

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the stream {stream} cannot be read: {source}")]
    Database { stream: String, source: sqlx::Error },
    #[error("event {sequence} of the stream {stream} cannot be decoded: {source}")]
    Decode {
        stream: String,
        sequence: i64,
        source: DecodeError,
    },
    #[error("a state in memory is of another aggregate than its stream: this is a defect of the program")]
    Aggregate,
}

/// An aggregate as its stream says.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    pub state: A,
    /// Sequence of the last event; 0 for a stream that does not exist.
    pub sequence: i64,
    /// Sequence of the last event in the snapshot that was used; 0 where none was.
    pub snapshot: i64,
    /// Position of the last event.
    pub position: Position,
}

impl<A: Decider> Loaded<A> {
    fn nothing() -> Self {
        Self {
            state: A::default(),
            sequence: 0,
            snapshot: 0,
            position: Position::START,
        }
    }
}

/// Loads one aggregate.
///
/// # Errors
/// The database fails, or an event cannot be decoded.
pub async fn load<A: Decider>(connection: &mut PgConnection, id: &str) -> Result<Loaded<A>, LoadError> {
    let database = |source| LoadError::Database {
        stream: format!("{}/{id}", A::TYPE),
        source,
    };
    // The snapshot's own last event comes first: without it the snapshot is not of this log.
    let rows = sqlx::query(
        "SELECT s.last_sequence AS snapshot, CASE WHEN e.sequence = s.last_sequence THEN s.state END AS state,
                e.sequence, e.event_type, e.event_version, e.payload, e.xid::text::bigint AS transaction, e.position
         FROM (SELECT) AS one
         LEFT JOIN es.snapshots s ON s.aggregate_type = $1 AND s.aggregate_id = $2 AND s.fold_hash = $3
         LEFT JOIN LATERAL (
             SELECT * FROM es.events e
             WHERE e.aggregate_type = $1 AND e.aggregate_id = $2
               AND e.sequence >= coalesce(s.last_sequence, 0)) AS e ON true
         ORDER BY e.sequence",
    )
    .bind(A::TYPE)
    .bind(id)
    .bind(domain::FOLD_HASH)
    .fetch_all(&mut *connection)
    .await
    .map_err(database)?;
    let snapshot: Option<i64> = match rows.first() {
        Some(row) => row.try_get("snapshot").map_err(database)?,
        None => None,
    };
    let Some(last_sequence) = snapshot else {
        return fold(Loaded::nothing(), id, &rows);
    };
    match begun(last_sequence, &rows).map_err(database)? {
        Some(begun) => {
            let loaded = fold(begun, id, rows.get(1..).unwrap_or_default())?;
            metrics::histogram!("stentor_append_snapshot_age_events").record(f64::from(
                u32::try_from(loaded.sequence - last_sequence).unwrap_or(u32::MAX),
            ));
            Ok(loaded)
        }
        None => whole(connection, id).await,
    }
}

/// The fold that the snapshot holds; `None` where it does not belong to this log or cannot be read.
fn begun<A: Decider>(last_sequence: i64, rows: &[PgRow]) -> sqlx::Result<Option<Loaded<A>>> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let Ok(Some(Json(state))) = row.try_get::<Option<Json<A>>, _>("state") else {
        return Ok(None);
    };
    Ok(Some(Loaded {
        state,
        sequence: last_sequence,
        snapshot: last_sequence,
        position: position(row)?,
    }))
}

/// Every event, without regard to snapshots.
async fn whole<A: Decider>(connection: &mut PgConnection, id: &str) -> Result<Loaded<A>, LoadError> {
    let rows = sqlx::query(
        "SELECT e.sequence, e.event_type, e.event_version, e.payload, e.xid::text::bigint AS transaction, e.position
         FROM es.events e
         WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 ORDER BY e.sequence",
    )
    .bind(A::TYPE)
    .bind(id)
    .fetch_all(connection)
    .await
    .map_err(|source| LoadError::Database {
        stream: format!("{}/{id}", A::TYPE),
        source,
    })?;
    fold(Loaded::nothing(), id, &rows)
}

fn fold<A: Decider>(mut loaded: Loaded<A>, id: &str, rows: &[PgRow]) -> Result<Loaded<A>, LoadError> {
    let stream = || format!("{}/{id}", A::TYPE);
    let database = |source| LoadError::Database {
        stream: stream(),
        source,
    };
    for row in rows {
        let Some(sequence) = row.try_get::<Option<i64>, _>("sequence").map_err(database)? else {
            break;
        };
        let event_type = row.try_get("event_type").map_err(database)?;
        let version = row.try_get("event_version").map_err(database)?;
        let payload: &RawValue = row.try_get::<Json<_>, _>("payload").map_err(database)?.0;
        let event =
            any_event::decode(A::TYPE, event_type, version, payload.get().as_bytes()).map_err(|source| {
                LoadError::Decode {
                    stream: stream(),
                    sequence,
                    source,
                }
            })?;
        loaded.state.apply(event);
        loaded.sequence = sequence;
        loaded.position = position(row).map_err(database)?;
    }
    Ok(loaded)
}

fn position(row: &PgRow) -> sqlx::Result<Position> {
    Ok(Position {
        xid: row.try_get("transaction")?,
        position: row.try_get("position")?,
    })
}
