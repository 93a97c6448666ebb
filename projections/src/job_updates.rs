//! Updates of a job, in one sequence without gaps: its status changes, folded from the log, and its progress,
//! which the write side appends by `live.append_progress`.

use chrono::{DateTime, Utc};
use domain::ids::{ResellerId, TenantId};
use domain::transcript::Segment;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use uuid::Uuid;

use crate::jobs::{JobFailure, JobStage, JobStatus};
use crate::page::{PAGE_ROWS_MAX, parsed, parsed_or_null};
use crate::projection::{ProjectionError, stored};
use crate::scope::within;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobUpdateRow {
    pub job_id: Uuid,
    /// From 1, without gaps.
    pub sequence: i64,
    pub kind: JobUpdateKind,
    pub status: JobStatus,
    pub stage: Option<JobStage>,
    /// Of the whole job, 0 to 100.
    pub percent: i32,
    /// Those that became known with this update.
    pub segments: Vec<Segment>,
    pub failure: Option<JobFailure>,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum JobUpdateKind {
    Status,
    Progress,
}

impl JobUpdateRow {
    /// Whether no update can follow.
    pub fn is_last(&self) -> bool {
        self.kind == JobUpdateKind::Status && self.status.is_final()
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let Json(segments) = row.try_get("segments")?;
        Ok(Self {
            job_id: row.try_get("job_id")?,
            sequence: row.try_get("sequence")?,
            kind: parsed(row, "kind")?,
            status: parsed(row, "status")?,
            stage: parsed_or_null(row, "stage")?,
            percent: row.try_get("percent")?,
            segments,
            failure: JobFailure::read(row)?,
            at: row.try_get("at")?,
        })
    }
}

/// What an event changes for those who watch.
pub(crate) struct StatusChange {
    pub status: JobStatus,
    /// (attempt, delivery) that begins; its progress starts at nothing.
    pub delivery: Option<(u32, u32)>,
    /// `None` leaves it as it is.
    pub percent: Option<i32>,
    pub failure: Option<JobFailure>,
}

/// Begins a job's sequence. A repeated fold finds it begun.
pub(crate) async fn open(
    connection: &mut PgConnection,
    job_id: Uuid,
    reseller_id: ResellerId,
    tenant_id: TenantId,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO job_heads (job_id, reseller_id, tenant_id, status) VALUES ($1, $2, $3, 'queued')
         ON CONFLICT (job_id) DO NOTHING",
    )
    .bind(job_id)
    .bind(reseller_id.0)
    .bind(tenant_id.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Appends a status update, unless this event has one already.
///
/// Reports of the delivery that begins may have come before its event: then the progress stays.
pub(crate) async fn append_status(
    connection: &mut PgConnection,
    recorded: &Recorded,
    job_id: Uuid,
    change: &StatusChange,
) -> Result<(), ProjectionError> {
    let (attempt, delivery) = match change.delivery {
        Some((attempt, delivery)) => (Some(part(recorded, attempt)?), Some(part(recorded, delivery)?)),
        None => (None, None),
    };
    sqlx::query(
        "WITH known AS (
             SELECT h.job_id, coalesce((h.report_attempt, h.report_delivery) < ($4, $5), false) AS begins
             FROM job_heads h WHERE h.job_id = $1 FOR UPDATE),
         head AS (
             UPDATE job_heads h
             SET last_sequence = h.last_sequence + 1, last_event = $2, status = $3,
                 report_attempt = CASE WHEN known.begins THEN $4 ELSE h.report_attempt END,
                 report_delivery = CASE WHEN known.begins THEN $5 ELSE h.report_delivery END,
                 report_number = CASE WHEN known.begins THEN 0 ELSE h.report_number END,
                 stage = CASE WHEN known.begins OR $7 THEN NULL ELSE h.stage END,
                 percent = coalesce($6, CASE WHEN known.begins THEN 0 ELSE h.percent END)
             FROM known
             WHERE h.job_id = known.job_id AND h.last_event < $2
             RETURNING h.*)
         INSERT INTO job_updates (job_id, sequence, reseller_id, tenant_id, kind, event_sequence, status, stage,
                                  percent, failure_code, failure_message, at)
         SELECT head.job_id, head.last_sequence, head.reseller_id, head.tenant_id, 'status', $2, $3, head.stage,
                head.percent, $8, $9, $10
         FROM head",
    )
    .bind(job_id)
    .bind(recorded.sequence)
    .bind(change.status.as_ref())
    .bind(attempt)
    .bind(delivery)
    .bind(change.percent)
    .bind(change.status.is_final())
    .bind(change.failure.as_ref().map(|failure| &failure.code))
    .bind(change.failure.as_ref().map(|failure| &failure.message))
    .bind(recorded.metadata.at)
    .execute(connection)
    .await?;
    Ok(())
}

fn part(recorded: &Recorded, number: u32) -> Result<i32, ProjectionError> {
    let number = stored(recorded, number.into())?;
    i32::try_from(number)
        .map_err(|_| ProjectionError::event(recorded, "an attempt or delivery exceeds 2^31 - 1"))
}

/// How far a job's sequence has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobHead {
    pub last_sequence: i64,
    pub status: JobStatus,
}

/// The head of a job's sequence, if the job is within the scope.
///
/// # Errors
/// The database fails.
pub async fn head(
    connection: &mut PgConnection,
    scope: Scope,
    job_id: Uuid,
) -> sqlx::Result<Option<JobHead>> {
    let mut query =
        QueryBuilder::new("SELECT h.last_sequence, h.status FROM live.job_heads h WHERE h.job_id = ");
    query.push_bind(job_id);
    within(&mut query, "h", scope);
    let row = query.build().fetch_optional(connection).await?;
    row.map(|row| {
        Ok(JobHead {
            last_sequence: row.try_get("last_sequence")?,
            status: parsed(&row, "status")?,
        })
    })
    .transpose()
}

/// The next updates after a sequence, in order, at most [`PAGE_ROWS_MAX`].
///
/// # Errors
/// The database fails.
pub async fn after(
    connection: &mut PgConnection,
    scope: Scope,
    job_id: Uuid,
    sequence: i64,
) -> sqlx::Result<Vec<JobUpdateRow>> {
    let mut query = QueryBuilder::new("SELECT u.* FROM live.job_updates u WHERE u.job_id = ");
    query
        .push_bind(job_id)
        .push(" AND u.sequence > ")
        .push_bind(sequence);
    within(&mut query, "u", scope);
    query
        .push(" ORDER BY u.sequence LIMIT ")
        .push_bind(i64::from(PAGE_ROWS_MAX));
    query
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(JobUpdateRow::read)
        .collect()
}
