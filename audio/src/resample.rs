//! Changes the sample rate of a mono stream, chunk by chunk, with rubato's FFT resampler.

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Indexing, Resampler, WindowFunction};

use crate::AudioError;

/// Frames that go into the resampler at once.
const CHUNK: usize = 4096;

pub enum Resample {
    /// The rates are equal: samples pass untouched, so that a 16 kHz recording is heard bit by bit.
    Same,
    Change(Box<Change>),
}

pub struct Change {
    resampler: Fft<f32>,
    pending: Vec<f32>,
    frames_in: u64,
    rate_in: u32,
    rate_out: u32,
    /// The filter's delay, still to be dropped from the start of the output.
    delay: usize,
    /// Where this recording's samples begin and how many have been given out.
    produced: u64,
}

impl Resample {
    /// Rates in Hz.
    pub fn new(rate_in: u32, rate_out: u32) -> Result<Self, AudioError> {
        if rate_in == rate_out {
            return Ok(Self::Same);
        }
        // One sub-chunk: a long filter, which keeps the sound flat almost up to half the lower rate.
        let resampler = Fft::new_custom(
            size(rate_in),
            size(rate_out),
            CHUNK,
            1,
            1,
            WindowFunction::BlackmanHarris2,
            FixedSync::Input,
        )
        .map_err(internal)?;
        let delay = resampler.output_delay();
        let pending = Vec::with_capacity(2 * CHUNK);
        Ok(Self::Change(Box::new(Change {
            resampler,
            pending,
            frames_in: 0,
            rate_in,
            rate_out,
            delay,
            produced: 0,
        })))
    }

    /// Appends what can be computed so far to `output`.
    pub fn push(&mut self, samples: &[f32], output: &mut Vec<f32>) -> Result<(), AudioError> {
        match self {
            Self::Same => output.extend_from_slice(samples),
            Self::Change(change) => {
                change.frames_in += u64::try_from(samples.len()).unwrap_or(0);
                change.pending.extend_from_slice(samples);
                while change.pending.len() >= change.resampler.input_frames_next() {
                    change.process(None, output)?;
                }
            }
        }
        Ok(())
    }

    /// Appends the rest, so that the output lasts as long as the input.
    pub fn finish(self, output: &mut Vec<f32>) -> Result<(), AudioError> {
        let Self::Change(mut change) = self else {
            return Ok(());
        };
        let wanted = (change.frames_in * u64::from(change.rate_out)).div_ceil(u64::from(change.rate_in));
        while change.produced < wanted {
            let partial = change.pending.len();
            change.pending.resize(change.resampler.input_frames_next(), 0.0);
            change.process(Some(partial), output)?;
        }
        let surplus = usize::try_from(change.produced - wanted).unwrap_or(0);
        output.truncate(output.len().saturating_sub(surplus));
        Ok(())
    }
}

impl Change {
    fn process(&mut self, partial_len: Option<usize>, output: &mut Vec<f32>) -> Result<(), AudioError> {
        let frames = self.resampler.input_frames_next();
        let chunk = [self.pending.drain(..frames).collect::<Vec<f32>>()];
        let adapter = SequentialSliceOfVecs::new(&chunk, 1, frames).map_err(internal)?;
        let indexing = Indexing {
            partial_len,
            ..Indexing::default()
        };
        let resampled = self
            .resampler
            .process(&adapter, Some(&indexing))
            .map_err(internal)?
            .take_data();
        let skip = self.delay.min(resampled.len());
        self.delay -= skip;
        output.extend(resampled.iter().skip(skip));
        self.produced += u64::try_from(resampled.len() - skip).unwrap_or(0);
        Ok(())
    }
}

fn internal(error: impl std::fmt::Display) -> AudioError {
    AudioError::AudioDamaged {
        reason: error.to_string(),
    }
}

fn size(rate: u32) -> usize {
    usize::try_from(rate).unwrap_or(usize::MAX)
}
