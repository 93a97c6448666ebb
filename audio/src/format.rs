//! The container formats that are accepted, told from a file's first bytes.

use serde::{Deserialize, Serialize};

/// A container format; its text form (`wav`, `mp3`, …) is also the usual file extension.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AudioFormat {
    Wav,
    Mp3,
    Flac,
    Ogg,
    M4a,
}

/// How many first bytes [`AudioFormat::sniff`] looks at.
pub const SNIFF_BYTES: usize = 16;

impl AudioFormat {
    /// The media type to serve such a file with.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Flac => "audio/flac",
            Self::Ogg => "audio/ogg",
            Self::M4a => "audio/mp4",
        }
    }

    /// Guesses the format; the demuxer has the last word.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [b'f', b'L', b'a', b'C', ..] => Some(Self::Flac),
            [b'O', b'g', b'g', b'S', ..] => Some(Self::Ogg),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::M4a),
            [b'I', b'D', b'3', ..] => Some(Self::Mp3),
            [0xff, second, third, ..] if is_mpeg_header(*second, *third) => Some(Self::Mp3),
            _ => None,
        }
    }
}

/// MPEG audio layer III: eleven sync bits, a known version, no reserved bit rate or sample rate.
fn is_mpeg_header(second: u8, third: u8) -> bool {
    let version_known = second & 0b0001_1000 != 0b0000_1000;
    let layer_three = second & 0b0000_0110 == 0b0000_0010;
    let bit_rate_known = third >> 4 != 0b1111 && third >> 4 != 0;
    let sample_rate_known = third & 0b0000_1100 != 0b0000_1100;
    second >> 5 == 0b111 && version_known && layer_three && bit_rate_known && sample_rate_known
}
