//! Uploading a recording: streamed to disk within the tier's limit, examined, stored, then recorded.

use std::path::Path;

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use domain::entitlement::{Feature, Question};
use domain::ids::RecordingId;
use domain::recording::{Recording, RecordingCommand, RecordingError, StoredRecording, checked_name};
use domain::usage::{Usage, UsageCommand};
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::unit_of_work::{Cause, UnitOfWork};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::entitlement::{self, Entitled};
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
pub async fn receive<S, E>(
    entitled: &Entitled,
    at: DateTime<Utc>,
    mut body: S,
) -> Result<Received, CommandError>
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
        fits(entitled, bytes, at)?;
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

/// Whether an upload of this size may be stored.
///
/// # Errors
/// It is larger than the tier allows, or than the room that is left.
pub fn fits(entitled: &Entitled, bytes: u64, at: DateTime<Utc>) -> Result<(), CommandError> {
    entitled.ask(&Question::of(Feature::UploadBytes, bytes), at)?;
    entitled.ask(&Question::of(Feature::StorageBytes, bytes), at)?;
    Ok(())
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
        let entitled = entitlement::load(unit, caller.reseller_id, caller.tenant_id).await?;
        fits(&entitled, recording.bytes, cause.at)?;
        let owner = caller.owner();
        let taken = UsageCommand::Store {
            recording_id,
            bytes: recording.bytes,
        };
        unit.execute::<Usage>(owner, &caller.tenant_id.to_string(), taken)
            .await?;
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

/// Removes a recording: its bytes go, its room is free, and what was made of it stays.
///
/// # Errors
/// The recording is not the customer's, or a job still works on it.
pub async fn remove(
    write: &WriteSide,
    cause: &Cause,
    caller: &TenantCaller,
    recording_id: RecordingId,
) -> Result<Done<()>, CommandError> {
    let id = recording_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let recording = unit.load::<Recording>(&id).await?;
        let stored = recording
            .stored()
            .filter(|stored| stored.tenant_id == caller.tenant_id)
            .ok_or_else(|| CommandError::refused(&RecordingError::RecordingNotFound))?;
        let freed = UsageCommand::Free {
            recording_id,
            bytes: stored.bytes,
        };
        unit.execute::<Usage>(caller.owner(), &caller.tenant_id.to_string(), freed)
            .await?;
        unit.execute::<Recording>(caller.owner(), &id, RecordingCommand::Remove)
            .await?;
        Ok(stored.object_key.clone())
    };
    let Done {
        value: object_key,
        position,
        replayed,
    } = write.bus.run(cause, decide).await?;
    // A repeated command comes here again: what broke off is done then. One that is only tried removes nothing.
    if !write.bus.is_trial() {
        write.objects.delete(&object_key).await?;
    }
    Ok(Done {
        value: (),
        position,
        replayed,
    })
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
