//! What can go wrong between a model folder and a transcript.

use std::path::PathBuf;

use tch::TchError;

#[derive(Debug, thiserror::Error, strum::AsRefStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum WhisperError {
    #[error("there is no model folder {folder}: name a folder with a Whisper model in Hugging Face's layout")]
    ModelUnknown { folder: PathBuf },
    #[error("the model folder {folder} lacks {file}: copy the complete model there")]
    ModelIncomplete { folder: PathBuf, file: String },
    #[error("{file} of the model cannot be used: {reason}; fetch the model again")]
    ModelUnusable { file: String, reason: String },
    #[error("the language {language:?} is unknown to this model: use one of {known}, or none to detect it")]
    LanguageUnknown { language: String, known: String },
    #[error("this model hears English only and cannot {what}: choose a multilingual model")]
    ModelEnglishOnly { what: &'static str },
    #[error("the prompt cannot be used: {reason}")]
    PromptUnusable { reason: String },
    #[error("{option} cannot be used: {reason}")]
    OptionUnusable { option: &'static str, reason: String },
    #[error("the transcription was stopped")]
    Stopped,
    #[error("libtorch failed: {0}")]
    Inference(#[from] TchError),
    #[error("reading the model failed: {0}")]
    ModelReadFailed(#[from] std::io::Error),
}

impl WhisperError {
    /// A code for programs, for example `MODEL_UNKNOWN`.
    pub fn code(&self) -> &str {
        self.as_ref()
    }

    pub(crate) fn option(option: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::OptionUnusable {
            option,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn unusable(file: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::ModelUnusable {
            file: file.into(),
            reason: reason.to_string(),
        }
    }
}
