//! The subscription to a job's updates: from any sequence on, in order, none twice, none left out.

use std::time::Duration;

use async_graphql::{Context, Enum, ID, SimpleObject, Subscription as GraphQlSubscription};
use async_stream::try_stream;
use chrono::{DateTime, Utc};
use futures::Stream;
use projections::Projection;
use projections::job_updates::{self, JobHead, JobUpdateRow};
use projections::jobs::Jobs;
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::jobs::{JobFailure, JobStage, JobStatus, Segment};
use super::scalars::{id, int, parsed_id};
use crate::error::{ApiError, ApiResult};
use crate::session::{Fresh, Session};

/// How long an unnoticed update can wait: the wake-up is a hint, not a promise.
const REQUERY: Duration = Duration::from_secs(1);
/// A job may be asked for before it is in the read tables; one that is not there by then is not found.
const APPEAR_MAX: Duration = Duration::from_secs(2);
const APPEAR_POLL: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::job_updates::JobUpdateKind")]
pub(super) enum JobUpdateKind {
    Status,
    Progress,
}

#[derive(SimpleObject)]
pub(super) struct JobUpdate {
    job_id: ID,
    /// Counts from 1 without gaps.
    sequence: i32,
    kind: JobUpdateKind,
    status: JobStatus,
    stage: Option<JobStage>,
    percent: i32,
    /// Segments that became known with this update.
    segments: Vec<Segment>,
    failure: Option<JobFailure>,
    at: DateTime<Utc>,
}

impl From<JobUpdateRow> for JobUpdate {
    fn from(row: JobUpdateRow) -> Self {
        Self {
            job_id: id(row.job_id),
            sequence: int(row.sequence),
            kind: row.kind.into(),
            status: row.status.into(),
            stage: row.stage.map(Into::into),
            percent: row.percent,
            segments: row.segments.into_iter().map(Into::into).collect(),
            failure: row.failure.map(Into::into),
            at: row.at,
        }
    }
}

pub(crate) struct Subscription;

#[GraphQlSubscription]
impl Subscription {
    async fn job_updates(
        &self,
        ctx: &Context<'_>,
        job_id: ID,
        #[graphql(default = 0)] after_sequence: Option<i32>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> Result<impl Stream<Item = ApiResult<JobUpdate>>, ApiError> {
        let session = Session::of(ctx)?;
        let after = after_sequence.unwrap_or_default();
        if after < 0 {
            return Err(ApiError::BadUserInput(
                "afterSequence is 0 or the sequence of an update".to_owned(),
            ));
        }
        let unknown = || ApiError::NotFound("there is no such job");
        let job_id = parsed_id(&job_id).ok_or_else(unknown)?;
        session.read(&[Jobs::NAME], (&min_position, &wait_for)).await?;
        let mut updated = session.updated_jobs();
        appeared(&session, job_id, &mut updated)
            .await?
            .ok_or_else(unknown)?;
        Ok(follow(session, job_id, i64::from(after), updated))
    }
}

async fn appeared(
    session: &Session,
    job_id: Uuid,
    updated: &mut broadcast::Receiver<Uuid>,
) -> ApiResult<Option<JobHead>> {
    let deadline = Instant::now() + APPEAR_MAX;
    loop {
        let head = head(session, job_id).await?;
        if head.is_some() || Instant::now() >= deadline {
            return Ok(head);
        }
        wait(updated, job_id, APPEAR_POLL).await;
    }
}

fn follow(
    session: Session,
    job_id: Uuid,
    mut after: i64,
    mut updated: broadcast::Receiver<Uuid>,
) -> impl Stream<Item = ApiResult<JobUpdate>> {
    try_stream! {
        loop {
            let rows = next(&session, job_id, after).await?;
            if rows.is_empty() {
                // Resumed at or beyond the end: nothing will follow.
                let ended = head(&session, job_id).await?.is_none_or(|head| {
                    head.status.is_final() && head.last_sequence <= after
                });
                if ended {
                    return;
                }
                wait(&mut updated, job_id, REQUERY).await;
            }
            for row in rows {
                after = row.sequence;
                let last = row.is_last();
                yield row.into();
                if last {
                    return;
                }
            }
        }
    }
}

async fn head(session: &Session, job_id: Uuid) -> ApiResult<Option<JobHead>> {
    let mut connection = session.read(&[], Fresh::default()).await?;
    let (read, scope) = connection.parts();
    Ok(job_updates::head(read, scope, job_id).await?)
}

async fn next(session: &Session, job_id: Uuid, after: i64) -> ApiResult<Vec<JobUpdateRow>> {
    let mut connection = session.read(&[], Fresh::default()).await?;
    let (read, scope) = connection.parts();
    Ok(job_updates::after(read, scope, job_id, after).await?)
}

/// Returns when the job may have updates that have not been queried, or after `longest`.
async fn wait(updated: &mut broadcast::Receiver<Uuid>, job_id: Uuid, longest: Duration) {
    let deadline = Instant::now() + longest;
    loop {
        match timeout_at(deadline, updated.recv()).await {
            Ok(Ok(other)) if other != job_id => {}
            // Closed only when the process ends: then time alone wakes.
            Ok(Err(broadcast::error::RecvError::Closed)) => {
                tokio::time::sleep_until(deadline).await;
                return;
            }
            Ok(Ok(_) | Err(broadcast::error::RecvError::Lagged(_))) | Err(_) => return,
        }
    }
}
