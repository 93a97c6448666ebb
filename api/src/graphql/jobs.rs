//! Jobs and their transcripts.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::jobs::{self, JobOutput, JobRow, Jobs};
use projections::recordings::Recordings;

use super::page::{connection, cost, request};
use super::reach::{Reach, whose};
use super::recordings::Recording;
use super::scalars::{Int64, id, int, int64, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;
use crate::transcripts;

const SOURCES: &[&str] = &[Jobs::NAME, Recordings::NAME];

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::jobs::JobStatus")]
pub(super) enum JobStatus {
    Queued,
    Dispatched,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::jobs::JobStage")]
pub(super) enum JobStage {
    Fetch,
    Decode,
    Transcribe,
    Store,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::job::SpeechTask")]
pub(super) enum SpeechTask {
    Transcribe,
    Translate,
}

#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Job {
    id: ID,
    status: JobStatus,
    stage: Option<JobStage>,
    percent: i32,
    model: String,
    task: SpeechTask,
    /// Asked for; null lets the model detect it.
    language: Option<String>,
    recording: Recording,
    attempts: i32,
    failure: Option<JobFailure>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// Sequence of the latest update; pass it as afterSequence.
    last_sequence: i32,
    #[graphql(skip)]
    output: Option<JobOutput>,
}

#[derive(SimpleObject)]
pub(super) struct JobFailure {
    code: String,
    message: String,
}

#[derive(SimpleObject)]
pub(super) struct Transcript {
    language: String,
    duration_ms: Int64,
    text: String,
    segments: Vec<Segment>,
}

#[derive(SimpleObject)]
pub(super) struct Segment {
    index: i32,
    start_ms: Int64,
    end_ms: Int64,
    text: String,
}

#[ComplexObject]
impl Job {
    #[graphql(complexity = "100 + child_complexity")]
    async fn transcript(&self, ctx: &Context<'_>) -> ApiResult<Option<Transcript>> {
        let Some(output) = &self.output else {
            return Ok(None);
        };
        let transcript = transcripts::load(&Session::of(ctx)?.reader.objects, output).await?;
        Ok(Some(Transcript {
            language: transcript.language,
            duration_ms: int64(transcript.duration_ms),
            text: transcript.text,
            segments: transcript.segments.into_iter().map(Into::into).collect(),
        }))
    }
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        Self {
            id: id(row.job_id),
            status: row.status.into(),
            stage: row.stage.map(Into::into),
            percent: row.percent,
            model: row.model,
            task: row.task.into(),
            language: row.language,
            recording: row.recording.into(),
            attempts: int(row.attempts),
            failure: row.failure.map(Into::into),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            last_sequence: int(row.last_sequence),
            output: row.result,
        }
    }
}

impl From<jobs::JobFailure> for JobFailure {
    fn from(failure: jobs::JobFailure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
        }
    }
}

impl From<domain::transcript::Segment> for Segment {
    fn from(segment: domain::transcript::Segment) -> Self {
        Self {
            index: int(segment.index),
            start_ms: int64(segment.start_ms),
            end_ms: int64(segment.end_ms),
            text: segment.text,
        }
    }
}

connection!(JobConnection, JobEdge, Job);

#[derive(Default)]
pub(super) struct JobsQuery;

#[Object]
impl JobsQuery {
    #[graphql(complexity = "cost(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        status: Option<JobStatus>,
        #[graphql(default_with = "Some(Reach::Own)")] reach: Option<Reach>,
        reseller_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<JobConnection> {
        let session = Session::of(ctx)?;
        let whose = whose(reach, reseller_id.as_ref());
        let request = request(first, after.as_deref())?;
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = jobs::page(read, scope, whose, status.map(Into::into), request).await?;
        Ok(JobConnection::new(page, after.is_some(), JobRow::key, Into::into))
    }

    async fn job(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<Job>> {
        let session = Session::of(ctx)?;
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let Some(id) = parsed_id(&id) else {
            return Ok(None);
        };
        Ok(jobs::by_id(read, scope, id).await?.map(Into::into))
    }
}
