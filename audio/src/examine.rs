//! Reads a whole file, packet by packet and undecoded, and tells what it is.

use crate::source::{MediaSource, Opened};
use crate::{AudioError, AudioFormat, Limits};

/// What a recording is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    pub format: AudioFormat,
    /// Short name of the codec, for example `pcm_s16le`, `opus`, `aac`.
    pub codec: String,
    pub duration_ms: u64,
    pub sample_rate_hz: u32,
    pub channels: u16,
}

/// As [`crate::examine`], from any source that can seek.
pub fn examine_reader(source: Box<dyn MediaSource>, limits: Limits) -> Result<Examined, AudioError> {
    let mut opened = Opened::open(source)?;
    let mut ticks: u64 = 0;
    loop {
        match opened.next_packet() {
            Ok(Some(packet)) => ticks = ticks.saturating_add(packet.dur.get()),
            Ok(None) => break,
            Err(AudioError::AudioCutOff { expected_ms, .. }) => {
                let found_ms = Some(opened.milliseconds(ticks));
                return Err(AudioError::AudioCutOff {
                    expected_ms,
                    found_ms,
                });
            }
            Err(error) => return Err(error),
        }
        if opened.milliseconds(ticks) > limits.duration_ms_max {
            return Err(AudioError::AudioTooLong {
                allowed_ms: limits.duration_ms_max,
            });
        }
    }
    let duration_ms = opened.milliseconds(ticks);
    if let Some(promised) = opened.frames_promised.filter(|promised| ticks < *promised) {
        let expected_ms = Some(opened.milliseconds(promised));
        return Err(AudioError::AudioCutOff {
            expected_ms,
            found_ms: Some(duration_ms),
        });
    }
    if ticks == 0 {
        return Err(AudioError::AudioNoTrack);
    }
    Ok(Examined {
        format: opened.format,
        codec: opened.codec,
        duration_ms,
        sample_rate_hz: opened.sample_rate_hz,
        channels: opened.channels,
    })
}
