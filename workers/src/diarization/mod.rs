//! Speaker diarization: who speaks when.
//!
//! Speech is cut where the voice may change, the pieces are clustered by their voice, and the borders are drawn anew
//! once the voices are known. Voices are told apart by their cepstra, or by a network's embeddings. One voice at a
//! time: where two speak at once, one of them is named.

mod assignment;
mod cepstral;
mod changes;
mod clustering;
mod embedded;
mod embedding;
mod features;
mod gaussian;
mod resegmentation;
mod rttm;
mod speech;
mod turns;

use std::borrow::Cow;

use serde::Serialize;

use clustering::Count;

use crate::vad::Detector;
use crate::whisper::{Transcription, WhisperError};

pub use assignment::assign;
pub use embedding::SpeakerModel;
pub use rttm::rttm;

/// A stretch of a recording in which one speaker speaks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Turn {
    /// Seconds from the start of the recording, in whole hundredths.
    pub start: f64,
    pub end: f64,
    /// `SPEAKER_00` is who speaks first, `SPEAKER_01` the next one to be heard.
    pub speaker: String,
}

/// What voices are told apart by.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Voices {
    /// Gaussians of mel-frequency cepstral coefficients. Needs no model.
    Cepstra,
    /// A speaker embedding network.
    Embeddings(SpeakerModel),
}

/// How speakers are told apart; names are those of `WhisperX`.
#[derive(Clone, Debug, Serialize)]
pub struct DiarizationOptions {
    /// Finds speech.
    pub detector: Detector,
    pub voices: Voices,
    /// Exactly so many speakers; `None` if nobody knows.
    pub num_speakers: Option<usize>,
    /// At least so many; `None` is 1.
    pub min_speakers: Option<usize>,
    /// At most so many; `None` is [`MOST_SPEAKERS`].
    pub max_speakers: Option<usize>,
    /// With embeddings and without `num_speakers`: clusters whose mean cosine distance is greater are different
    /// speakers, from 0 to 2.
    pub speaker_threshold: f64,
}

/// So many speakers at most where nobody says.
pub const MOST_SPEAKERS: usize = 10;
/// The mean cosine distance of different speakers where nobody says.
pub const SPEAKER_THRESHOLD: f64 = 0.7;

impl Default for DiarizationOptions {
    fn default() -> Self {
        Self {
            detector: Detector::Energy,
            voices: Voices::Cepstra,
            num_speakers: None,
            min_speakers: None,
            max_speakers: None,
            speaker_threshold: SPEAKER_THRESHOLD,
        }
    }
}

impl DiarizationOptions {
    /// Refuses no speakers, an exact number beside bounds, bounds in the wrong order, and a distance that no
    /// embeddings have.
    pub fn check(&self) -> Result<(), WhisperError> {
        let counts = [
            ("num_speakers", self.num_speakers),
            ("min_speakers", self.min_speakers),
            ("max_speakers", self.max_speakers),
        ];
        for (name, count) in counts {
            if count == Some(0) {
                return Err(WhisperError::option(
                    name,
                    "it is 0; give 1 or more, or leave it out",
                ));
            }
        }
        if let (Some(exactly), Some(bound)) = (self.num_speakers, self.min_speakers.or(self.max_speakers)) {
            let reason = format!(
                "it is exactly {exactly}, and bounds ({bound}) are given, too; leave out either it, or min_speakers and max_speakers"
            );
            return Err(WhisperError::option("num_speakers", reason));
        }
        let (least, most) = (self.count().least, self.count().most);
        if least > most {
            let reason =
                format!("it is {least}, more than max_speakers, which is {most}; raise that, or lower it");
            return Err(WhisperError::option("min_speakers", reason));
        }
        if !(0.0..=2.0).contains(&self.speaker_threshold) {
            let reason = "a cosine distance lies between 0 and 2";
            return Err(WhisperError::option("speaker_threshold", reason));
        }
        Ok(())
    }

    fn count(&self) -> Count {
        let exactly = self.num_speakers;
        Count {
            least: exactly.or(self.min_speakers).unwrap_or(1),
            most: exactly.or(self.max_speakers).unwrap_or(MOST_SPEAKERS),
        }
    }

    /// Who speaks when in samples at 16 kHz; samples that are no numbers count as silence. Turns are in order and
    /// apart. There are fewer speakers than asked for where there is too little speech, and none in silence.
    pub fn diarize(&self, samples: &[f32]) -> Result<Vec<Turn>, WhisperError> {
        self.check()?;
        let samples = finite(samples);
        let regions = speech::regions(&self.detector, &samples)?;
        if regions.is_empty() {
            return Ok(Vec::new());
        }
        let course = match &self.voices {
            Voices::Cepstra => cepstral::speakers(&samples, &regions, self.count())?,
            Voices::Embeddings(model) => {
                embedded::speakers(&samples, &regions, self.count(), model, self.speaker_threshold)?
            }
        };
        Ok(turns::turns(&regions, &course))
    }
}

impl Transcription {
    /// With the turns in `samples`, and the speaker of every segment and word; as it is without options.
    pub(crate) fn with_speakers(
        mut self,
        samples: &[f32],
        options: Option<&DiarizationOptions>,
    ) -> Result<Self, WhisperError> {
        let Some(options) = options else {
            return Ok(self);
        };
        let turns = options.diarize(samples)?;
        assignment::assign(&mut self.segments, &turns);
        self.turns = Some(turns);
        Ok(self)
    }
}

/// With silence in place of what is no number.
fn finite(samples: &[f32]) -> Cow<'_, [f32]> {
    if samples.iter().all(|sample| sample.is_finite()) {
        return Cow::Borrowed(samples);
    }
    let sound = |sample: &f32| if sample.is_finite() { *sample } else { 0.0 };
    samples.iter().map(sound).collect()
}
