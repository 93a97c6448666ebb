//! A source of which four bytes read otherwise: gives a WAV that was recorded into a pipe its true length.

use std::io::{Read, Result, Seek, SeekFrom};

use crate::source::MediaSource;

pub struct Patched {
    pub inner: Box<dyn MediaSource>,
    /// Where the replaced bytes stand.
    pub at: u64,
    pub bytes: [u8; 4],
}

impl Read for Patched {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let start = self.inner.stream_position()?;
        let read = self.inner.read(buffer)?;
        for (position, target) in (start..).zip(buffer.iter_mut().take(read)) {
            let replaced = position
                .checked_sub(self.at)
                .and_then(|offset| usize::try_from(offset).ok());
            if let Some(byte) = replaced.and_then(|offset| self.bytes.get(offset)) {
                *target = *byte;
            }
        }
        Ok(read)
    }
}

impl Seek for Patched {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.inner.seek(position)
    }
}

impl MediaSource for Patched {
    fn is_seekable(&self) -> bool {
        self.inner.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.inner.byte_len()
    }
}
