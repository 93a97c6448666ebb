//! Checks by a container's own structure that a file is whole, before any demuxer trusts it.

mod m4a;
mod ogg;
mod patched;
mod wav;

use std::io::SeekFrom;

use patched::Patched;
use wav::Length;

use crate::source::MediaSource;
use crate::{AudioError, AudioFormat};

/// Gives the source back for the demuxer. FLAC and MP3 promise a number of frames instead; the examination counts
/// them.
pub fn check_whole(
    format: AudioFormat,
    mut source: Box<dyn MediaSource>,
) -> Result<Box<dyn MediaSource>, AudioError> {
    let bytes = source.seek(SeekFrom::End(0))?;
    match format {
        AudioFormat::Wav => {
            if let Some(Length { at, bytes }) = wav::check_whole(source.as_mut(), bytes)? {
                source = Box::new(Patched {
                    inner: source,
                    at,
                    bytes,
                });
            }
        }
        AudioFormat::Ogg => ogg::check_whole(source.as_mut(), bytes)?,
        AudioFormat::M4a => m4a::check_whole(source.as_mut(), bytes)?,
        AudioFormat::Flac | AudioFormat::Mp3 => {}
    }
    source.seek(SeekFrom::Start(0))?;
    Ok(source)
}

/// `N` bytes at `offset`, or `None` where the file ends before.
fn bytes_at<const N: usize>(
    source: &mut dyn MediaSource,
    offset: u64,
) -> Result<Option<[u8; N]>, AudioError> {
    let mut buffer = [0; N];
    source.seek(SeekFrom::Start(offset))?;
    match source.read_exact(&mut buffer) {
        Ok(()) => Ok(Some(buffer)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error.into()),
    }
}

const CUT_OFF: AudioError = AudioError::AudioCutOff {
    expected_ms: None,
    found_ms: None,
};
