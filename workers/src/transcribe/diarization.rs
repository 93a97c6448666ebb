//! The options of `transcribe` that say whether and how speakers are told apart.

use std::path::PathBuf;

use workers::diarization::{DiarizationOptions, SPEAKER_THRESHOLD, SpeakerModel, Voices};
use workers::vad::Detector;
use workers::whisper::WhisperError;

/// Who speaks.
#[derive(Debug, clap::Args)]
pub struct Diarization {
    /// Tell speakers apart, and name who says each segment and each word.
    #[arg(long)]
    pub diarize: bool,
    /// How many speakers there are, if that is known.
    #[arg(long, requires = "diarize")]
    num_speakers: Option<usize>,
    /// How many speakers there are at least; 1 if it is not given.
    #[arg(long, requires = "diarize")]
    min_speakers: Option<usize>,
    /// How many speakers there are at most; 10 if it is not given.
    #[arg(long, requires = "diarize")]
    max_speakers: Option<usize>,
    /// File of a speaker embedding network, scripted for libtorch; if it is not given, voices are told apart by
    /// their cepstra.
    #[arg(long, requires = "diarize")]
    speaker_model: Option<PathBuf>,
    /// With --speaker-model and without --num-speakers: voices whose mean cosine distance is greater are different
    /// speakers, from 0 to 2.
    #[arg(long, requires = "speaker_model", default_value_t = SPEAKER_THRESHOLD)]
    speaker_threshold: f64,
}

impl Diarization {
    /// Loads the network; `None` where speakers are not told apart. `detector` finds speech.
    pub fn options(&self, detector: Detector) -> Result<Option<DiarizationOptions>, WhisperError> {
        if !self.diarize {
            return Ok(None);
        }
        let voices = match &self.speaker_model {
            Some(file) => Voices::Embeddings(SpeakerModel::load(file)?),
            None => Voices::Cepstra,
        };
        Ok(Some(DiarizationOptions {
            detector,
            voices,
            num_speakers: self.num_speakers,
            min_speakers: self.min_speakers,
            max_speakers: self.max_speakers,
            speaker_threshold: self.speaker_threshold,
        }))
    }
}
