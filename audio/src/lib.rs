//! Recordings: what a file is, how long it is, whether it is whole, and its samples at 16 kHz mono.
//!
//! The server examines uploads with [`examine`], the worker hears them with [`decode_mono_16k`]. Both judge a
//! file by its content, never by its name, and neither needs libtorch.

mod container;
mod decode;
mod error;
mod examine;
mod format;
mod resample;
mod source;

use std::path::Path;

pub use decode::{SAMPLE_RATE_HZ, decode_mono_16k_reader};
pub use error::AudioError;
pub use examine::{Examined, examine_reader};
pub use format::AudioFormat;
pub use source::MediaSource;

/// What a file may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest playing time that is accepted, in milliseconds.
    pub duration_ms_max: u64,
}

impl Default for Limits {
    /// Twelve hours: at 16 kHz mono about 2.8 GB of samples.
    fn default() -> Self {
        Self {
            duration_ms_max: 12 * 60 * 60 * 1000,
        }
    }
}

/// Reads the whole file without decoding it and tells what it is; a file that is cut off is refused.
pub fn examine(path: impl AsRef<Path>, limits: Limits) -> Result<Examined, AudioError> {
    examine_reader(Box::new(std::fs::File::open(path)?), limits)
}

/// Decodes a file into samples from -1 to 1 at 16 kHz, all channels mixed into one.
pub fn decode_mono_16k(path: impl AsRef<Path>, limits: Limits) -> Result<Vec<f32>, AudioError> {
    decode_mono_16k_reader(Box::new(std::fs::File::open(path)?), limits)
}
