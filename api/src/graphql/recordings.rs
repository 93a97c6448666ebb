//! Recordings that have been uploaded.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::recordings::{self, RecordingRow, Recordings};

use super::page::{connection, cost, request};
use super::scalars::{Int64, id};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(SimpleObject)]
pub(super) struct Recording {
    id: ID,
    name: String,
    bytes: Int64,
    format: String,
    duration_ms: Int64,
    uploaded_at: DateTime<Utc>,
}

impl From<RecordingRow> for Recording {
    fn from(row: RecordingRow) -> Self {
        Self {
            id: id(row.recording_id),
            name: row.name,
            bytes: Int64(row.bytes),
            format: row.format,
            duration_ms: Int64(row.duration_ms),
            uploaded_at: row.uploaded_at,
        }
    }
}

connection!(RecordingConnection, RecordingEdge, Recording);

#[derive(Default)]
pub(super) struct RecordingsQuery;

#[Object]
impl RecordingsQuery {
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn recordings(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<RecordingConnection> {
        let session = Session::of(ctx)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session
            .read(&[Recordings::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let page = recordings::page(read, scope, request).await?;
        Ok(RecordingConnection::new(
            page,
            after.is_some(),
            RecordingRow::key,
            Into::into,
        ))
    }
}
