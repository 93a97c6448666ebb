//! Uploading a recording: streamed to disk within the tier's limit, examined, stored, then recorded.

use std::path::Path;

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use domain::ids::RecordingId;
use domain::recording::{Recording, RecordingCommand, StoredRecording, checked_name};
use domain::tier::TierPolicy;
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::entitlement;
use crate::error::{CommandError, Problem};
use crate::identity::caller::TenantCaller;

/// An upload on disk, within its limit. Gone when this is dropped.
pub struct Received {
    file: NamedTempFile,
    pub bytes: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// Writes an upload to disk while it arrives; stops as soon as it passes the tier's limit.
///
/// # Errors
/// It is larger than the tier allows, the client went away, or the disk fails.
pub async fn receive<S, E>(policy: &TierPolicy, mut body: S) -> Result<Received, CommandError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let file = NamedTempFile::new()?;
    let mut writer = tokio::fs::File::from_std(file.reopen()?);
    let mut digest = Sha256::new();
    let mut bytes: u64 = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            let detail = format!("the upload broke off after {bytes} bytes ({error}): send it again");
            Problem::new(StatusCode::BAD_REQUEST, "UPLOAD_INCOMPLETE", detail)
        })?;
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if bytes > policy.limits.upload_bytes_max {
            return Err(too_large(policy, None).into());
        }
        digest.update(&piece);
        writer.write_all(&piece).await?;
    }
    writer.flush().await?;
    Ok(Received {
        file,
        bytes,
        sha256: hex::encode(digest.finalize()),
    })
}

/// The refusal of an upload beyond the tier's limit; `bytes` where the client announced its size.
pub fn too_large(policy: &TierPolicy, bytes: Option<u64>) -> Problem {
    let limit = policy.limits.upload_bytes_max;
    let detail = format!(
        "the recording is larger than the {} MB that the {} tier allows: send a shorter or a compressed one, or \
         ask your reseller for a higher tier",
        limit / 1_000_000,
        policy.tier.as_ref()
    );
    Problem {
        needed: bytes.and_then(|bytes| bytes.try_into().ok()),
        available: limit.try_into().ok(),
        ..Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE", detail)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Uploaded {
    pub recording_id: Uuid,
    pub name: String,
    pub bytes: u64,
    pub format: String,
    pub duration_ms: u64,
    pub sha256: String,
}

/// Examines a received upload, stores it and records it. Whatever fails, nothing is left behind.
///
/// # Errors
/// It is no recording, it is cut off, or storage fails.
pub async fn store(
    write: &WriteSide,
    cause: &Cause,
    caller: &TenantCaller,
    name: &str,
    received: Received,
) -> Result<Done<Uploaded>, CommandError> {
    let name = checked_name(name).map_err(|refusal| CommandError::refused(&refusal))?;
    let examined = examine(received.file.path()).await?;
    let recording_id = RecordingId(Uuid::now_v7());
    let object_key = format!("recordings/{}/{recording_id}", caller.tenant_id);
    let recording = StoredRecording {
        reseller_id: caller.reseller_id,
        tenant_id: caller.tenant_id,
        uploaded_by: caller.user_id,
        name: name.clone(),
        object_key: object_key.clone(),
        bytes: received.bytes,
        sha256: received.sha256.clone(),
        format: examined.format.to_string(),
        duration_ms: examined.duration_ms,
    };
    write.objects.put_file(&object_key, received.file.path()).await?;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        entitlement::policy(unit, caller.reseller_id, caller.tenant_id, cause.at).await?;
        let owner = Owner::tenant(caller.reseller_id, caller.tenant_id);
        let command = RecordingCommand::Store(recording.clone());
        unit.begin::<Recording>(&recording_id.to_string());
        unit.execute::<Recording>(owner, &recording_id.to_string(), command)
            .await?;
        Ok(Uploaded {
            recording_id: recording_id.0,
            name: name.clone(),
            bytes: recording.bytes,
            format: recording.format.clone(),
            duration_ms: recording.duration_ms,
            sha256: recording.sha256.clone(),
        })
    };
    let done = write.bus.run(cause, decide).await;
    let kept = match &done {
        Ok(done) => !done.replayed,
        Err(error) => error.is_unknown_outcome(),
    };
    if !kept {
        // The log knows another object, or none: this one is nobody's.
        write.objects.delete(&object_key).await?;
    }
    done
}

async fn examine(path: &Path) -> Result<audio::Examined, CommandError> {
    let path = path.to_owned();
    let examined = tokio::task::spawn_blocking(move || audio::examine(path, audio::Limits::default()));
    examined.await.map_err(CommandError::internal)?.map_err(|error| {
        if error.is_transient() {
            return CommandError::internal(error);
        }
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), error.to_string()).into()
    })
}
