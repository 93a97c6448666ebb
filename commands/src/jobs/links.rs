//! The links by which a worker gets one recording and gives one transcript, and nothing else.

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use chrono::TimeDelta;
use domain::ids::JobId;
use domain::job::{Job, JobRequest};
use domain::transcript::Transcript;
use platform::tokens::{LinkGrant, LinkKind};
use sha2::{Digest, Sha256};
use store::load;

use crate::WriteSide;
use crate::error::{CommandError, Problem};

pub const AUDIO_PATH: &str = "/api/work/audio";
pub const RESULT_PATH: &str = "/api/work/result";

/// A job's two links and when they close.
pub struct Links {
    pub audio_url: String,
    pub result_url: String,
    pub expire_at: chrono::DateTime<chrono::Utc>,
}

/// # Errors
/// The signing key is unusable.
pub fn make(write: &WriteSide, job_id: JobId, attempt: u32) -> Result<Links, CommandError> {
    let expire_at = write.clock.now() + TimeDelta::hours(write.config.speech.link_hours.into());
    let base = write.config.public_url();
    let url = |kind, path: &str| {
        let token = write.signer.link(
            LinkGrant {
                job_id,
                attempt,
                kind,
            },
            expire_at,
        )?;
        Ok::<_, CommandError>(format!("{base}{path}?token={token}"))
    };
    Ok(Links {
        audio_url: url(LinkKind::Audio, AUDIO_PATH)?,
        result_url: url(LinkKind::Result, RESULT_PATH)?,
        expire_at,
    })
}

/// The job that a link's token opens, while it may still be worked on.
///
/// # Errors
/// The token is not valid for `kind`, or the job has ended.
pub async fn open(
    write: &WriteSide,
    token: &str,
    kind: LinkKind,
) -> Result<(JobId, JobRequest), CommandError> {
    let grant = write
        .verifier
        .verify_link(token, write.clock.now())
        .ok()
        .filter(|grant| grant.kind == kind)
        .ok_or_else(|| {
            let detail =
                "this link is not valid or has expired: only the worker of a running job has a valid one";
            Problem::new(StatusCode::FORBIDDEN, "LINK_INVALID", detail)
        })?;
    let mut connection = write.pool.acquire().await?;
    let job = load::load::<Job>(&mut connection, &grant.job_id.to_string())
        .await?
        .state;
    match job.request() {
        // A worker may be faster than the record of its dispatch: its attempt is then one ahead.
        Some(request) if !job.state().is_final() && grant.attempt >= job.attempt() => {
            Ok((grant.job_id, request.clone()))
        }
        Some(_) | None => {
            let detail = "the job has ended or was handed to another worker: drop it";
            Err(Problem::new(StatusCode::GONE, "JOB_ENDED", detail).into())
        }
    }
}

/// Where a transcript lies: its digest is part of the name, so that two workers can never mix their results.
pub fn result_key(job_id: JobId, request: &JobRequest, sha256: &str) -> String {
    format!("transcripts/{}/{job_id}/{sha256}.json", request.tenant_id)
}

/// Stores a worker's transcript.
///
/// # Errors
/// It is no transcript, or storage fails.
pub async fn store_result(
    write: &WriteSide,
    job_id: JobId,
    request: &JobRequest,
    body: Bytes,
) -> Result<(), CommandError> {
    if let Err(error) = serde_json::from_slice::<Transcript>(&body) {
        return Err(Problem::invalid(format!("the body is no transcript: {error}")).into());
    }
    let sha256 = hex::encode(Sha256::digest(&body));
    write
        .objects
        .put(&result_key(job_id, request, &sha256), body)
        .await?;
    Ok(())
}
