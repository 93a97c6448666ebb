//! Updates of a job, in one sequence without gaps: its status changes, folded from the log, and its progress,
//! which the write side appends by `live.append_progress`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ids::{ResellerId, TenantId};
use domain::transcript::Segment;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use uuid::Uuid;

use crate::columns::column;
use crate::jobs::{JobFailure, JobStage, JobStatus};
use crate::page::{PAGE_ROWS_MAX, parsed, parsed_or_null};
use crate::projection::ProjectionError;
use crate::scope::reaching;

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

/// Begins sequences of jobs. A repeated fold finds them begun.
pub(crate) async fn open(
    connection: &mut PgConnection,
    jobs: &[(Uuid, ResellerId, TenantId)],
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO job_heads (job_id, reseller_id, tenant_id, status)
         SELECT n.*, 'queued' FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS n
         ON CONFLICT (job_id) DO NOTHING",
    )
    .bind(column(jobs, |(job_id, ..)| *job_id))
    .bind(column(jobs, |(_, reseller_id, _)| reseller_id.0))
    .bind(column(jobs, |(.., tenant_id)| tenant_id.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// A job's sequence as it stands, locked against the write side's reports.
#[derive(sqlx::FromRow)]
struct Head {
    job_id: Uuid,
    reseller_id: Uuid,
    tenant_id: Uuid,
    last_sequence: i64,
    last_event: i64,
    report_attempt: i32,
    report_delivery: i32,
    report_number: i32,
    status: String,
    stage: Option<String>,
    percent: i32,
}

impl Head {
    /// Takes a change in, unless this event has its update already. Reports of the delivery that begins may have
    /// come before its event: then the progress stays.
    fn take(&mut self, recorded: &Recorded, change: &StatusChange) -> Result<bool, ProjectionError> {
        if self.last_event >= recorded.sequence {
            return Ok(false);
        }
        let delivery = match change.delivery {
            Some((attempt, delivery)) => Some((part(recorded, attempt)?, part(recorded, delivery)?)),
            None => None,
        };
        let begins = delivery.filter(|delivery| (self.report_attempt, self.report_delivery) < *delivery);
        if let Some((attempt, delivery)) = begins {
            (self.report_attempt, self.report_delivery, self.report_number) = (attempt, delivery, 0);
            self.percent = 0;
        }
        if begins.is_some() || change.status.is_final() {
            self.stage = None;
        }
        self.percent = change.percent.unwrap_or(self.percent);
        change.status.as_ref().clone_into(&mut self.status);
        self.last_sequence += 1;
        self.last_event = recorded.sequence;
        Ok(true)
    }
}

/// An update about to be appended.
struct NewUpdate<'a> {
    job_id: Uuid,
    reseller_id: Uuid,
    tenant_id: Uuid,
    sequence: i64,
    event_sequence: i64,
    status: JobStatus,
    stage: Option<String>,
    percent: i32,
    failure: Option<&'a JobFailure>,
    at: DateTime<Utc>,
}

/// Appends a status update for each change, in their order, unless its event has one already.
pub(crate) async fn append_status(
    connection: &mut PgConnection,
    changes: &[(Uuid, &Recorded, StatusChange)],
) -> Result<(), ProjectionError> {
    // In one order, so that two who lock several heads never wait for each other.
    let heads: Vec<Head> = sqlx::query_as(
        "SELECT job_id, reseller_id, tenant_id, last_sequence, last_event, report_attempt, report_delivery,
                report_number, status, stage, percent
         FROM job_heads WHERE job_id = ANY($1) ORDER BY job_id FOR UPDATE",
    )
    .bind(column(changes, |(job_id, ..)| *job_id))
    .fetch_all(&mut *connection)
    .await?;
    let mut heads: BTreeMap<Uuid, Head> = heads.into_iter().map(|head| (head.job_id, head)).collect();
    let mut updates = Vec::new();
    for (job_id, recorded, change) in changes {
        if let Some(head) = heads.get_mut(job_id)
            && head.take(recorded, change)?
        {
            updates.push(NewUpdate {
                job_id: *job_id,
                reseller_id: head.reseller_id,
                tenant_id: head.tenant_id,
                sequence: head.last_sequence,
                event_sequence: recorded.sequence,
                status: change.status,
                stage: head.stage.clone(),
                percent: head.percent,
                failure: change.failure.as_ref(),
                at: recorded.metadata.at,
            });
        }
    }
    if updates.is_empty() {
        return Ok(());
    }
    write_heads(connection, &heads.into_values().collect::<Vec<_>>()).await?;
    insert(connection, &updates).await?;
    Ok(())
}

async fn write_heads(connection: &mut PgConnection, heads: &[Head]) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE job_heads h
         SET last_sequence = n.last_sequence, last_event = n.last_event, report_attempt = n.report_attempt,
             report_delivery = n.report_delivery, report_number = n.report_number, status = n.status,
             stage = n.stage, percent = n.percent
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::int[], $5::int[], $6::int[], $7::text[],
                     $8::text[], $9::int[])
              AS n (job_id, last_sequence, last_event, report_attempt, report_delivery, report_number, status,
                    stage, percent)
         WHERE h.job_id = n.job_id",
    )
    .bind(column(heads, |head| head.job_id))
    .bind(column(heads, |head| head.last_sequence))
    .bind(column(heads, |head| head.last_event))
    .bind(column(heads, |head| head.report_attempt))
    .bind(column(heads, |head| head.report_delivery))
    .bind(column(heads, |head| head.report_number))
    .bind(column(heads, |head| head.status.clone()))
    .bind(column(heads, |head| head.stage.clone()))
    .bind(column(heads, |head| head.percent))
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert(connection: &mut PgConnection, updates: &[NewUpdate<'_>]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO job_updates (job_id, sequence, reseller_id, tenant_id, kind, event_sequence, status, stage,
                                  percent, failure_code, failure_message, at)
         SELECT n.job_id, n.sequence, n.reseller_id, n.tenant_id, 'status', n.event_sequence, n.status, n.stage,
                n.percent, n.failure_code, n.failure_message, n.at
         FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
                     $8::int[], $9::text[], $10::text[], $11::timestamptz[])
              AS n (job_id, sequence, reseller_id, tenant_id, event_sequence, status, stage, percent,
                    failure_code, failure_message, at)",
    )
    .bind(column(updates, |update| update.job_id))
    .bind(column(updates, |update| update.sequence))
    .bind(column(updates, |update| update.reseller_id))
    .bind(column(updates, |update| update.tenant_id))
    .bind(column(updates, |update| update.event_sequence))
    .bind(updates.iter().map(|update| update.status.as_ref()).collect::<Vec<_>>())
    .bind(column(updates, |update| update.stage.clone()))
    .bind(column(updates, |update| update.percent))
    .bind(column(updates, |update| update.failure.map(|failure| failure.code.clone())))
    .bind(column(updates, |update| update.failure.map(|failure| failure.message.clone())))
    .bind(column(updates, |update| update.at))
    .execute(connection)
    .await?;
    Ok(())
}

fn part(recorded: &Recorded, number: u32) -> Result<i32, ProjectionError> {
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
    reaching(&mut query, "h", scope);
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
    reaching(&mut query, "u", scope);
    query.push(" ORDER BY u.sequence LIMIT ").push(PAGE_ROWS_MAX);
    query
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(JobUpdateRow::read)
        .collect()
}
