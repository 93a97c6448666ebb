//! OGG: every page must be complete, and every logical stream must end with a page that says so.

use std::collections::HashSet;

use super::{CUT_OFF, bytes_at};
use crate::AudioError;
use crate::source::MediaSource;

const HEADER_BYTES: u64 = 27;
const FIRST_PAGE: u8 = 0b010;
const LAST_PAGE: u8 = 0b100;
/// More logical streams than any recording has; a bound on memory.
const STREAMS_MAX: usize = 64;

pub fn check_whole(source: &mut dyn MediaSource, bytes: u64) -> Result<(), AudioError> {
    let mut open = HashSet::new();
    let mut offset = 0;
    while offset < bytes {
        let Some(header) = bytes_at::<27>(source, offset)? else {
            return Err(CUT_OFF);
        };
        let [b'O', b'g', b'g', b'S', _version, flags, rest @ ..] = header else {
            return Err(AudioError::AudioDamaged {
                reason: format!("no OGG page at byte {offset}"),
            });
        };
        let [_, _, _, _, _, _, _, _, s0, s1, s2, s3, .., lacing_values] = rest;
        let serial = [s0, s1, s2, s3];
        if flags & FIRST_PAGE != 0 && open.len() < STREAMS_MAX {
            open.insert(serial);
        }
        if flags & LAST_PAGE != 0 {
            open.remove(&serial);
        }
        let Some(body) = body_bytes(source, offset + HEADER_BYTES, lacing_values)? else {
            return Err(CUT_OFF);
        };
        offset += HEADER_BYTES + u64::from(lacing_values) + body;
    }
    if offset > bytes || !open.is_empty() {
        Err(CUT_OFF)
    } else {
        Ok(())
    }
}

/// The sum of a page's lacing values.
fn body_bytes(source: &mut dyn MediaSource, offset: u64, count: u8) -> Result<Option<u64>, AudioError> {
    let mut lacing = vec![0; usize::from(count)];
    source.seek(std::io::SeekFrom::Start(offset))?;
    match source.read_exact(&mut lacing) {
        Ok(()) => Ok(Some(lacing.iter().map(|value| u64::from(*value)).sum())),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error.into()),
    }
}
