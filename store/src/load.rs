//! Folds a stream to the present state of its aggregate.

use domain::Decider;
use domain::any_event::{self, DecodeError};
use serde_json::value::RawValue;
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
}

/// An aggregate as its stream says.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    pub state: A,
    /// Sequence of the last event; 0 for a stream that does not exist.
    pub sequence: i64,
    /// Position of the last event.
    pub position: Position,
}

/// Loads one aggregate.
///
/// # Errors
/// The database fails, or an event cannot be decoded.
pub async fn load<A: Decider>(connection: &mut PgConnection, id: &str) -> Result<Loaded<A>, LoadError> {
    let stream = || format!("{}/{id}", A::TYPE);
    let database = |source| LoadError::Database {
        stream: stream(),
        source,
    };
    let rows = sqlx::query(
        "SELECT e.sequence, e.event_type, e.event_version, e.payload, e.xid::text::bigint AS transaction, e.position
         FROM es.events e
         WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 ORDER BY e.sequence",
    )
    .bind(A::TYPE)
    .bind(id)
    .fetch_all(connection)
    .await
    .map_err(database)?;
    let mut loaded = Loaded {
        state: A::default(),
        sequence: 0,
        position: Position::START,
    };
    for row in rows {
        let sequence: i64 = row.try_get("sequence").map_err(database)?;
        let event_type = row.try_get("event_type").map_err(database)?;
        let version = row.try_get("event_version").map_err(database)?;
        let payload: &RawValue = row.try_get::<Json<&RawValue>, _>("payload").map_err(database)?.0;
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
        loaded.position = Position {
            xid: row.try_get("transaction").map_err(database)?,
            position: row.try_get("position").map_err(database)?,
        };
    }
    Ok(loaded)
}
