//! MPEG-4: the boxes must fill the file exactly, and the index (`moov`) must be among them.

use super::{CUT_OFF, bytes_at};
use crate::AudioError;
use crate::source::MediaSource;

/// A length of 1 says that the real one follows in 64 bits, 0 that the box reaches to the end of the file.
const LONG: u32 = 1;
const TO_THE_END: u32 = 0;

pub fn check_whole(source: &mut dyn MediaSource, bytes: u64) -> Result<(), AudioError> {
    let mut index_seen = false;
    let mut offset = 0;
    while offset < bytes {
        let Some([l0, l1, l2, l3, name @ ..]) = bytes_at::<8>(source, offset)? else {
            return Err(CUT_OFF);
        };
        let length = match u32::from_be_bytes([l0, l1, l2, l3]) {
            TO_THE_END => bytes - offset,
            LONG => {
                let Some(long) = bytes_at::<8>(source, offset + 8)? else {
                    return Err(CUT_OFF);
                };
                u64::from_be_bytes(long)
            }
            short => u64::from(short),
        };
        if length < 8 {
            return Err(AudioError::AudioDamaged {
                reason: format!("an impossible box at byte {offset}"),
            });
        }
        index_seen |= &name == b"moov";
        if length > bytes - offset {
            return Err(CUT_OFF);
        }
        offset += length;
    }
    if index_seen { Ok(()) } else { Err(CUT_OFF) }
}
