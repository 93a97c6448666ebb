//! The models that a consumer has loaded: one at a time, since consecutive jobs mostly want the same.

use std::path::PathBuf;

use crate::whisper::{ComputeType, Whisper, WhisperError, best_device};

pub struct Models {
    folder: PathBuf,
    compute_type: ComputeType,
    loaded: Option<(String, Whisper)>,
}

impl Models {
    pub fn new(folder: PathBuf, compute_type: ComputeType) -> Self {
        Self {
            folder,
            compute_type,
            loaded: None,
        }
    }

    /// The model of this name, loaded if it is not the last one used.
    pub fn get(&mut self, name: &str) -> Result<&Whisper, WhisperError> {
        if self.loaded.as_ref().is_none_or(|(loaded, _)| loaded != name) {
            // Frees the old model's memory first.
            self.loaded = None;
            if !is_name(name) {
                return Err(WhisperError::ModelUnknown { folder: name.into() });
            }
            let whisper = Whisper::load_as(self.folder.join(name), best_device(), self.compute_type)?;
            tracing::info!(
                model = name,
                sha256 = whisper.digest.weights_sha256,
                precision = %whisper.model.precision,
                "model loaded"
            );
            return Ok(&self.loaded.insert((name.to_owned(), whisper)).1);
        }
        match &self.loaded {
            Some((_, whisper)) => Ok(whisper),
            None => Err(WhisperError::ModelUnknown { folder: name.into() }),
        }
    }
}

/// A job must not reach out of the models' folder.
fn is_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_without_a_path() {
        assert!(
            ["small", "large-v3", "large-v3.1", "my_model"]
                .into_iter()
                .all(is_name)
        );
        assert!(
            !["", ".", "..", ".hidden", "../small", "a/b", "a\\b", "/etc"]
                .into_iter()
                .any(is_name)
        );
    }
}
