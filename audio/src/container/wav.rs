//! RIFF/WAVE: the data chunk must not be longer than the file.

use super::{CUT_OFF, bytes_at};
use crate::AudioError;
use crate::source::MediaSource;

/// What recorders write when they do not know the length yet; the data then reaches to the end of the file.
const UNKNOWN_LENGTH: u32 = u32::MAX;

/// The true length of data whose header does not tell it.
pub struct Length {
    /// Where the length field stands.
    pub at: u64,
    pub bytes: [u8; 4],
}

pub fn check_whole(source: &mut dyn MediaSource, bytes: u64) -> Result<Option<Length>, AudioError> {
    let mut byte_rate = 0;
    let mut offset = 12;
    while let Some([n0, n1, n2, n3, l0, l1, l2, l3]) = bytes_at::<8>(source, offset)? {
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let body = offset + 8;
        match &[n0, n1, n2, n3] {
            b"fmt " => {
                let Some([.., r0, r1, r2, r3]) = bytes_at::<12>(source, body)? else {
                    return Err(CUT_OFF);
                };
                byte_rate = u64::from(u32::from_le_bytes([r0, r1, r2, r3]));
            }
            b"data" if length == UNKNOWN_LENGTH => {
                let found = u32::try_from(bytes - body).map_err(|_| CUT_OFF)?;
                return Ok(Some(Length {
                    at: offset + 4,
                    bytes: found.to_le_bytes(),
                }));
            }
            b"data" => {
                check_data(u64::from(length), bytes - body, byte_rate)?;
                return Ok(None);
            }
            _ => {}
        }
        // Chunks are padded to even lengths.
        offset = body + u64::from(length) + u64::from(length % 2);
    }
    Err(CUT_OFF)
}

fn check_data(promised: u64, found: u64, byte_rate: u64) -> Result<(), AudioError> {
    if promised == 0 && found == 0 {
        return Err(AudioError::AudioNoTrack);
    }
    if found >= promised {
        return Ok(());
    }
    let milliseconds = |bytes: u64| bytes.saturating_mul(1000).checked_div(byte_rate);
    Err(AudioError::AudioCutOff {
        expected_ms: milliseconds(promised),
        found_ms: milliseconds(found),
    })
}
