//! Transcripts, from the object store.

use domain::transcript::Transcript;
use platform::objects::{ObjectError, Objects};
use projections::jobs::JobOutput;
use sha2::{Digest, Sha256};

#[derive(Debug, thiserror::Error)]
pub(crate) enum TranscriptError {
    #[error("a transcript cannot be fetched: {0}")]
    Objects(#[from] ObjectError),
    #[error(
        "the transcript {key} was changed after its job: its SHA-256 is {found}, the log says {expected}"
    )]
    Changed {
        key: String,
        expected: String,
        found: String,
    },
    #[error("the transcript {key} cannot be read: {source}")]
    Unreadable { key: String, source: serde_json::Error },
}

/// The transcript that a job's events vouch for.
pub(crate) async fn load(objects: &Objects, output: &JobOutput) -> Result<Transcript, TranscriptError> {
    let bytes = objects.get(&output.object_key).await?;
    let found = hex::encode(Sha256::digest(&bytes));
    if found != output.sha256 {
        let (key, expected) = (output.object_key.clone(), output.sha256.clone());
        return Err(TranscriptError::Changed { key, expected, found });
    }
    serde_json::from_slice(&bytes).map_err(|source| TranscriptError::Unreadable {
        key: output.object_key.clone(),
        source,
    })
}
