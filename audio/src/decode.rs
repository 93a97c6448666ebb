//! Decodes a file into mono samples at Whisper's rate, in a stream: only the 16 kHz result is held in memory.

use symphonia::core::errors::Error as SymphoniaError;

use crate::resample::Resample;
use crate::source::{MediaSource, Opened};
use crate::{AudioError, Limits};

/// The rate that speech models hear.
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// As [`crate::decode_mono_16k`], from any source that can seek.
///
/// A damaged packet becomes silence of its length, so that the times after it stay right; a file of which most
/// packets are damaged is refused.
pub fn decode_mono_16k_reader(source: Box<dyn MediaSource>, limits: Limits) -> Result<Vec<f32>, AudioError> {
    let mut opened = Opened::open(source)?;
    let mut decoder = opened.decoder()?;
    let samples_max = limits
        .duration_ms_max
        .saturating_mul(u64::from(SAMPLE_RATE_HZ) / 1000);
    let mut resample: Option<Resample> = None;
    let mut output = Vec::new();
    let mut interleaved: Vec<f32> = Vec::new();
    let mut mono: Vec<f32> = Vec::new();
    let (mut good, mut damaged) = (0_u64, 0_u64);
    let mut last_reason = String::new();

    while let Some(packet) = opened.next_packet()? {
        mono.clear();
        let rate_hz = match decoder.decode(&packet) {
            Ok(buffer) => {
                good += 1;
                let spec = buffer.spec();
                let (rate_hz, channels) = (spec.rate(), spec.channels().count());
                buffer.copy_to_vec_interleaved(&mut interleaved);
                mix_down(&interleaved, channels, &mut mono);
                rate_hz
            }
            Err(SymphoniaError::DecodeError(reason)) => {
                damaged += 1;
                reason.clone_into(&mut last_reason);
                mono.resize(
                    usize::try_from(packet.dur.get())
                        .unwrap_or(0)
                        .min(MAX_PACKET_FRAMES),
                    0.0,
                );
                opened.sample_rate_hz
            }
            Err(error) => {
                return Err(AudioError::AudioDamaged {
                    reason: error.to_string(),
                });
            }
        };
        let resample = match &mut resample {
            Some(resample) => resample,
            empty => empty.insert(Resample::new(rate_hz, SAMPLE_RATE_HZ)?),
        };
        resample.push(&mono, &mut output)?;
        if u64::try_from(output.len()).unwrap_or(u64::MAX) > samples_max {
            return Err(AudioError::AudioTooLong {
                allowed_ms: limits.duration_ms_max,
            });
        }
    }
    if damaged > good {
        return Err(AudioError::AudioDamaged { reason: last_reason });
    }
    if let Some(resample) = resample {
        resample.finish(&mut output)?;
    }
    if output.is_empty() {
        return Err(AudioError::AudioNoTrack);
    }
    Ok(output)
}

/// No codec here packs more frames; a packet that claims more is lying.
const MAX_PACKET_FRAMES: usize = 1 << 16;

/// Appends the mean of each frame's channels.
fn mix_down(interleaved: &[f32], channels: usize, mono: &mut Vec<f32>) {
    if channels <= 1 {
        mono.extend_from_slice(interleaved);
        return;
    }
    let share = 1.0 / f32::from(u16::try_from(channels).unwrap_or(u16::MAX));
    mono.extend(
        interleaved
            .chunks_exact(channels)
            .map(|frame| frame.iter().sum::<f32>() * share),
    );
}
