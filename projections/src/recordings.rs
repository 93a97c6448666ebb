//! Recordings: the uploaded audio of a tenant.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::recording::{RecordingEvent, StoredRecording};
use platform::Scope;
use sqlx::{PgConnection, QueryBuilder};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::columns::column;
use crate::moves::Moves;
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
    const VERSION: i32 = 2;
    const TABLES: &'static [Table] = &[Table::read("recordings", &["recording_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project_batch(connection, std::slice::from_ref(recorded), vault)
            .await
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let (mut rows, mut removed, mut moves) = (Vec::new(), Vec::new(), Moves::default());
        for recorded in batch {
            moves.take(recorded)?;
            match &recorded.event {
                AnyEvent::Recording(RecordingEvent::RecordingStored(recording)) => rows.push(NewRow {
                    recording_id: stream_id(recorded)?,
                    bytes: stored(recorded, recording.bytes)?,
                    duration_ms: stored(recorded, recording.duration_ms)?,
                    at: recorded.metadata.at,
                    recording,
                }),
                AnyEvent::Recording(RecordingEvent::RecordingRemoved) => {
                    removed.push((stream_id(recorded)?, recorded.metadata.at));
                }
                AnyEvent::Reseller(_)
                | AnyEvent::CreditAccount(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
                | AnyEvent::User(_)
                | AnyEvent::ApiKey(_)
                | AnyEvent::Bulk(_)
                | AnyEvent::PermissionTemplates(_)
                | AnyEvent::ResellerPermissions(_)
                | AnyEvent::Subscription(_)
                | AnyEvent::Job(_)
                | AnyEvent::WorkflowLibrary(_)
                | AnyEvent::Usage(_)
                | AnyEvent::Books(_)
                | AnyEvent::RecordedSale(_)
                | AnyEvent::TierList(_)
                | AnyEvent::StoreAccount(_)
                | AnyEvent::StoreCatalogue(_)
                | AnyEvent::Hierarchy(_)
                | AnyEvent::Roster(_)
                | AnyEvent::Contracts(_)
                | AnyEvent::Payouts(_)
                | AnyEvent::Invoices(_) => {}
            }
        }
        insert(connection, &rows).await?;
        mark_removed(connection, &removed).await?;
        let follow = "UPDATE recordings SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2";
        moves.follow(connection, follow).await?;
        Ok(())
    }
}

struct NewRow<'a> {
    recording_id: Uuid,
    bytes: i64,
    duration_ms: i64,
    at: DateTime<Utc>,
    recording: &'a StoredRecording,
}

async fn insert(connection: &mut PgConnection, rows: &[NewRow<'_>]) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO recordings (recording_id, reseller_id, tenant_id, uploaded_by, name, object_key, bytes, sha256,
                                 format, duration_ms, uploaded_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::bigint[],
                              $8::text[], $9::text[], $10::bigint[], $11::timestamptz[])",
    )
    .bind(column(rows, |row| row.recording_id))
    .bind(column(rows, |row| row.recording.reseller_id.0))
    .bind(column(rows, |row| row.recording.tenant_id.0))
    .bind(column(rows, |row| row.recording.uploaded_by.0))
    .bind(column(rows, |row| row.recording.name.as_str()))
    .bind(column(rows, |row| row.recording.object_key.as_str()))
    .bind(column(rows, |row| row.bytes))
    .bind(column(rows, |row| row.recording.sha256.as_str()))
    .bind(column(rows, |row| row.recording.format.as_str()))
    .bind(column(rows, |row| row.duration_ms))
    .bind(column(rows, |row| row.at))
    .execute(connection)
    .await?;
    Ok(())
}

async fn mark_removed(connection: &mut PgConnection, removed: &[(Uuid, DateTime<Utc>)]) -> sqlx::Result<()> {
    if removed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE recordings r SET removed_at = n.at FROM unnest($1::uuid[], $2::timestamptz[]) AS n (id, at)
         WHERE r.recording_id = n.id",
    )
    .bind(column(removed, |(id, _)| *id))
    .bind(column(removed, |(_, at)| *at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Recordings that are kept, the newest first.
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
         FROM read.recordings r WHERE r.removed_at IS NULL",
    );
    within(&mut query, "r", scope);
    newest_first(&mut query, "r.uploaded_at", "r.recording_id", &request);
    Ok(Page::new(
        &request,
        query.build_query_as().fetch_all(connection).await?,
    ))
}
