//! Jobs: what was asked for, how far it is, what came out.
//!
//! The same projection writes the status updates that subscribers follow ([`crate::job_updates`]): a job's row
//! and its last sequence are never seen apart.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::job::SpeechTask;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::job_fold;
use crate::page::{NewestKey, Page, PageRequest, newest_first, parsed, parsed_or_null};
use crate::projection::{Audited, Projection, ProjectionError, Table};
use crate::recordings::RecordingRow;
use crate::scope::{Whose, among, reaching};

/// One row per job, and the head and the updates of each.
pub struct Jobs;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    pub job_id: Uuid,
    pub status: JobStatus,
    pub stage: Option<JobStage>,
    /// Of the whole job, 0 to 100.
    pub percent: i32,
    pub model: String,
    pub task: SpeechTask,
    /// As asked for; `None` lets the model detect it.
    pub language: Option<String>,
    pub recording: RecordingRow,
    pub attempts: i64,
    pub failure: Option<JobFailure>,
    pub result: Option<JobOutput>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Of the latest update.
    pub last_sequence: i64,
}

/// Where the transcript is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOutput {
    pub object_key: String,
    /// Of the stored bytes, lower-case hex.
    pub sha256: String,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    pub code: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum JobStatus {
    Queued,
    Dispatched,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// Where a worker is; as in its reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum JobStage {
    Fetch,
    Decode,
    Transcribe,
    Store,
}

impl JobStatus {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Dispatched | Self::Running => false,
        }
    }
}

impl JobFailure {
    pub(crate) fn read(row: &PgRow) -> sqlx::Result<Option<Self>> {
        let code: Option<String> = row.try_get("failure_code")?;
        let message: Option<String> = row.try_get("failure_message")?;
        Ok(code.map(|code| Self {
            code,
            message: message.unwrap_or_default(),
        }))
    }
}

impl JobRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.created_at,
            id: self.job_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let object_key: Option<String> = row.try_get("result_key")?;
        let sha256: Option<String> = row.try_get("result_sha256")?;
        Ok(Self {
            job_id: row.try_get("job_id")?,
            status: parsed(row, "status")?,
            stage: parsed_or_null(row, "stage")?,
            percent: row.try_get("percent")?,
            model: row.try_get("model")?,
            task: parsed(row, "task")?,
            language: row.try_get("language")?,
            recording: RecordingRow {
                recording_id: row.try_get("recording_id")?,
                name: row.try_get("recording_name")?,
                bytes: row.try_get("bytes")?,
                format: row.try_get("format")?,
                duration_ms: row.try_get("duration_ms")?,
                uploaded_at: row.try_get("uploaded_at")?,
            },
            attempts: row.try_get("attempts")?,
            failure: JobFailure::read(row)?,
            result: object_key
                .zip(sha256)
                .map(|(object_key, sha256)| JobOutput { object_key, sha256 }),
            created_at: row.try_get("created_at")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            last_sequence: row.try_get("last_sequence")?,
        })
    }
}

impl Projection for Jobs {
    const NAME: &'static str = "jobs";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[
        Table::read("jobs", &["job_id"]),
        Table {
            schema: "live",
            name: "job_heads",
            key: &["job_id"],
            audited: Audited::Nothing,
        },
        Table {
            schema: "live",
            name: "job_updates",
            key: &["job_id", "event_sequence"],
            audited: Audited::Part {
                columns: &[
                    "reseller_id",
                    "tenant_id",
                    "status",
                    "failure_code",
                    "failure_message",
                    "at",
                ],
                condition: "kind = 'status'",
            },
        },
    ];

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
        job_fold::fold(connection, batch).await
    }

    fn updated_job(&self, recorded: &Recorded) -> Option<Uuid> {
        match &recorded.event {
            AnyEvent::Job(_) => recorded.id(),
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
            | AnyEvent::Recording(_)
            | AnyEvent::Usage(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_)
            | AnyEvent::RecordedSale(_)
            | AnyEvent::TierList(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_) => None,
        }
    }
}

/// Those of a list, or all that the scope may see.
fn select(scope: Scope, whose: Option<Whose>) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT j.*, h.stage, h.percent, h.last_sequence,
                r.name AS recording_name, r.bytes, r.format, r.duration_ms, r.uploaded_at
         FROM read.jobs j
         JOIN live.job_heads h USING (job_id)
         JOIN read.recordings r USING (recording_id)
         WHERE true",
    );
    match whose {
        Some(whose) => among(&mut query, "j", scope, whose),
        None => reaching(&mut query, "j", scope),
    }
    query
}

/// Jobs, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    whose: Whose,
    status: Option<JobStatus>,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<JobRow>> {
    let mut query = select(scope, Some(whose));
    if let Some(status) = status {
        query
            .push(" AND j.status = ")
            .push_bind(status.as_ref().to_owned());
    }
    newest_first(&mut query, "j.created_at", "j.job_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(JobRow::read).collect::<Result<_, _>>()?,
    ))
}

/// The job, if it is within the scope.
///
/// # Errors
/// The database fails.
pub async fn by_id(connection: &mut PgConnection, scope: Scope, id: Uuid) -> sqlx::Result<Option<JobRow>> {
    let mut query = select(scope, None);
    query.push(" AND j.job_id = ").push_bind(id);
    query
        .build()
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(JobRow::read)
        .transpose()
}
