//! Why a recording is refused. Each message says what was wrong and what to do; each code is for programs.

/// The variant's name in `SCREAMING_SNAKE` form is the code.
#[derive(Debug, thiserror::Error, strum::AsRefStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum AudioError {
    #[error("the file is empty: choose the recording again and wait until the upload is complete")]
    AudioEmpty,
    #[error(
        "the file is not a recording that can be read: WAV, MP3, FLAC, OGG (Opus or Vorbis) and M4A (AAC) are \
         accepted; convert it to one of them"
    )]
    AudioNotRecognised,
    #[error("the recording is cut off{}: upload the complete file", cut_off_detail(*.expected_ms, *.found_ms))]
    AudioCutOff {
        expected_ms: Option<u64>,
        found_ms: Option<u64>,
    },
    #[error(
        "the file holds no sound track that can be played: export the sound as WAV, MP3, FLAC, OGG or M4A"
    )]
    AudioNoTrack,
    #[error(
        "the recording lasts longer than the {} minutes that are allowed: split it into shorter parts",
        .allowed_ms / 60_000
    )]
    AudioTooLong { allowed_ms: u64 },
    #[error("the recording is damaged ({reason}): export it again from its source")]
    AudioDamaged { reason: String },
    #[error("the recording could not be read from storage: {0}; try again")]
    AudioReadFailed(#[from] std::io::Error),
}

impl AudioError {
    /// A code for programs, for example `AUDIO_CUT_OFF`.
    pub fn code(&self) -> &str {
        self.as_ref()
    }

    /// Whether the same file could be read at another time: only if storage failed, not the file.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::AudioReadFailed(_))
    }
}

fn cut_off_detail(expected_ms: Option<u64>, found_ms: Option<u64>) -> String {
    match (expected_ms, found_ms) {
        (Some(expected), Some(found)) => {
            format!(": {} of {} are there", seconds(found), seconds(expected))
        }
        (Some(expected), None) => format!(": it should last {}", seconds(expected)),
        (None, Some(found)) => format!(" after {}", seconds(found)),
        (None, None) => String::new(),
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
