//! Folds events of jobs: many of them into one row each, and their status updates in order.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::job::{JobEvent, JobRequest};
use sqlx::PgConnection;
use std::collections::HashMap;
use store::Recorded;
use uuid::Uuid;

use crate::columns::column;
use crate::job_updates::{self, StatusChange};
use crate::jobs::{JobFailure, JobStatus};
use crate::moves::Moves;
use crate::projection::{ProjectionError, stream_id};

pub(crate) async fn fold(connection: &mut PgConnection, batch: &[Recorded]) -> Result<(), ProjectionError> {
    let (mut changes, mut queued, mut patches) = (Vec::new(), Vec::new(), Patches::default());
    let mut moves = Moves::default();
    for recorded in batch {
        moves.take(recorded)?;
        let AnyEvent::Job(event) = &recorded.event else {
            continue;
        };
        let job_id = stream_id(recorded)?;
        let change = change(event);
        if let JobEvent::JobQueued(request) = event {
            queued.push((job_id, request, recorded.metadata.at));
        }
        patches.of(job_id).take(event, &change, recorded.metadata.at);
        changes.push((job_id, recorded, change));
    }
    if !changes.is_empty() {
        write(connection, &queued, patches, &changes).await?;
    }
    follow(connection, &moves).await?;
    Ok(())
}

/// A job goes where its customer goes, with all that it has told.
async fn follow(connection: &mut PgConnection, moves: &Moves) -> sqlx::Result<()> {
    for statement in [
        "UPDATE jobs SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2",
        "UPDATE job_heads SET reseller_id = $3
         WHERE reseller_id = $2 AND job_id IN (SELECT j.job_id FROM jobs j WHERE j.tenant_id = $1)",
        "UPDATE job_updates SET reseller_id = $3
         WHERE reseller_id = $2 AND job_id IN (SELECT j.job_id FROM jobs j WHERE j.tenant_id = $1)",
    ] {
        moves.follow(connection, statement).await?;
    }
    Ok(())
}

async fn write(
    connection: &mut PgConnection,
    queued: &[(Uuid, &JobRequest, DateTime<Utc>)],
    patches: Patches<'_>,
    changes: &[(Uuid, &Recorded, StatusChange)],
) -> Result<(), ProjectionError> {
    if !queued.is_empty() {
        insert(connection, queued).await?;
        let opened: Vec<_> = queued
            .iter()
            .map(|(job_id, request, _)| (*job_id, request.reseller_id, request.tenant_id))
            .collect();
        job_updates::open(connection, &opened).await?;
    }
    update(connection, &patches.0.into_iter().collect::<Vec<_>>()).await?;
    job_updates::append_status(connection, changes).await
}

fn change(event: &JobEvent) -> StatusChange {
    let (status, delivery, percent, failure) = match event {
        JobEvent::JobQueued(_) => (JobStatus::Queued, None, Some(0), None),
        JobEvent::JobDispatched { attempt } => (JobStatus::Dispatched, Some((*attempt, 0)), None, None),
        JobEvent::JobStarted {
            attempt, delivery, ..
        } => (JobStatus::Running, Some((*attempt, *delivery)), None, None),
        JobEvent::JobSucceeded { .. } => (JobStatus::Succeeded, None, Some(100), None),
        JobEvent::JobFailed { code, message, .. } => {
            let (code, message) = (code.clone(), message.clone());
            (JobStatus::Failed, None, None, Some(JobFailure { code, message }))
        }
        JobEvent::JobCancelled => (JobStatus::Cancelled, None, None, None),
    };
    StatusChange {
        status,
        delivery,
        percent,
        failure,
    }
}

/// What a batch changes in each job's row.
#[derive(Default)]
struct Patches<'a>(HashMap<Uuid, Patch<'a>>);

impl<'a> Patches<'a> {
    fn of(&mut self, job_id: Uuid) -> &mut Patch<'a> {
        self.0.entry(job_id).or_insert(Patch {
            status: JobStatus::Queued,
            attempt: None,
            failure: None,
            started_at: None,
            finished_at: None,
            result: None,
        })
    }
}

struct Patch<'a> {
    status: JobStatus,
    attempt: Option<i64>,
    failure: Option<(&'a str, &'a str)>,
    /// Of the first start.
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// Key and digest.
    result: Option<(&'a str, &'a str)>,
}

impl<'a> Patch<'a> {
    fn take(&mut self, event: &'a JobEvent, change: &StatusChange, at: DateTime<Utc>) {
        self.status = change.status;
        self.attempt = change
            .delivery
            .map(|(attempt, _)| attempt.into())
            .or(self.attempt);
        self.finished_at = change.status.is_final().then_some(at);
        self.failure = None;
        match event {
            JobEvent::JobStarted { .. } => self.started_at = self.started_at.or(Some(at)),
            JobEvent::JobSucceeded { result, .. } => {
                self.result = Some((&result.object_key, &result.sha256));
            }
            JobEvent::JobFailed { code, message, .. } => self.failure = Some((code, message)),
            JobEvent::JobQueued(_) | JobEvent::JobDispatched { .. } | JobEvent::JobCancelled => {}
        }
    }
}

async fn insert(
    connection: &mut PgConnection,
    queued: &[(Uuid, &JobRequest, DateTime<Utc>)],
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO jobs (job_id, reseller_id, tenant_id, recording_id, submitted_by, model, language, task, created_at,
                           status)
         SELECT n.*, 'queued' FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[],
                                          $7::text[], $8::text[], $9::timestamptz[]) AS n",
    )
    .bind(column(queued, |(job_id, ..)| *job_id))
    .bind(column(queued, |(_, request, _)| request.reseller_id.0))
    .bind(column(queued, |(_, request, _)| request.tenant_id.0))
    .bind(column(queued, |(_, request, _)| request.recording_id.0))
    .bind(column(queued, |(_, request, _)| request.submitted_by.0))
    .bind(column(queued, |(_, request, _)| request.model.as_str()))
    .bind(column(queued, |(_, request, _)| request.language.as_deref()))
    .bind(column(queued, |(_, request, _)| request.task.as_ref().to_owned()))
    .bind(column(queued, |(.., at)| *at))
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(connection: &mut PgConnection, patches: &[(Uuid, Patch<'_>)]) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE jobs j
         SET status = n.status, attempts = coalesce(n.attempt, j.attempts),
             failure_code = n.failure_code, failure_message = n.failure_message,
             started_at = coalesce(j.started_at, n.started_at), finished_at = n.finished_at,
             result_key = coalesce(n.result_key, j.result_key),
             result_sha256 = coalesce(n.result_sha256, j.result_sha256)
         FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[],
                     $7::timestamptz[], $8::text[], $9::text[])
              AS n (job_id, status, attempt, failure_code, failure_message, started_at, finished_at, result_key,
                    result_sha256)
         WHERE j.job_id = n.job_id",
    )
    .bind(column(patches, |(job_id, _)| *job_id))
    .bind(column(patches, |(_, patch)| patch.status.as_ref().to_owned()))
    .bind(column(patches, |(_, patch)| patch.attempt))
    .bind(column(patches, |(_, patch)| patch.failure.map(|(code, _)| code)))
    .bind(column(patches, |(_, patch)| patch.failure.map(|(_, message)| message)))
    .bind(column(patches, |(_, patch)| patch.started_at))
    .bind(column(patches, |(_, patch)| patch.finished_at))
    .bind(column(patches, |(_, patch)| patch.result.map(|(key, _)| key)))
    .bind(column(patches, |(_, patch)| patch.result.map(|(_, sha256)| sha256)))
    .execute(connection)
    .await?;
    Ok(())
}
