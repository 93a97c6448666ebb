//! Recordings: the uploaded audio of a tenant.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::recording::RecordingEvent;
use platform::Scope;
use sqlx::{PgConnection, QueryBuilder};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::page::{NewestKey, Page, PageRequest, newest_first};
use crate::projection::{Projection, ProjectionError, Table, stored, stream_id};
use crate::scope::within;

/// One row per recording.
pub struct Recordings;

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RecordingRow {
    pub recording_id: Uuid,
    /// File name as it was uploaded.
    pub name: String,
    pub bytes: i64,
    /// `wav`, `mp3`, `flac`, `ogg` or `m4a`.
    pub format: String,
    pub duration_ms: i64,
    pub uploaded_at: DateTime<Utc>,
}

impl RecordingRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.uploaded_at,
            id: self.recording_id,
        }
    }
}

impl Projection for Recordings {
    const NAME: &'static str = "recordings";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("recordings", &["recording_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::Recording(RecordingEvent::RecordingStored(recording)) => {
                sqlx::query(
                    "INSERT INTO recordings (recording_id, reseller_id, tenant_id, uploaded_by, name, object_key,
                                             bytes, sha256, format, duration_ms, uploaded_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                )
                .bind(stream_id(recorded)?)
                .bind(recording.reseller_id.0)
                .bind(recording.tenant_id.0)
                .bind(recording.uploaded_by.0)
                .bind(&recording.name)
                .bind(&recording.object_key)
                .bind(stored(recorded, recording.bytes)?)
                .bind(&recording.sha256)
                .bind(&recording.format)
                .bind(stored(recorded, recording.duration_ms)?)
                .bind(recorded.metadata.at)
                .execute(connection)
                .await?;
            }
            AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_) => {}
        }
        Ok(())
    }
}

/// Recordings, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<RecordingRow>> {
    let mut query = QueryBuilder::new(
        "SELECT r.recording_id, r.name, r.bytes, r.format, r.duration_ms, r.uploaded_at
         FROM read.recordings r WHERE true",
    );
    within(&mut query, "r", scope);
    newest_first(&mut query, "r.uploaded_at", "r.recording_id", &request);
    Ok(Page::new(
        &request,
        query.build_query_as().fetch_all(connection).await?,
    ))
}
