//! How repetitive a text is: a decoder that loops writes text that compresses too well.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::numbers::float;

/// UTF-8 bytes divided by their zlib-compressed length at level 6.
pub fn compression_ratio(text: &str) -> f64 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    // Writing into memory cannot fail; were it to, the ratio 0 calls for no fallback.
    let compressed = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish())
        .unwrap_or_default();
    if compressed.is_empty() {
        0.0
    } else {
        float(text.len()) / float(compressed.len())
    }
}
