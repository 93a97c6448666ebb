//! Conversions between counts, libtorch's signed sizes and floats, in one place and without `as`.

/// A count as libtorch wants it; saturates.
pub fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count as a float; exact below 2^32, which every count here is.
pub fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A token id as an index.
pub fn index(token: u32) -> usize {
    usize::try_from(token).unwrap_or(usize::MAX)
}

/// An index as a token id.
pub fn token(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Narrows to single precision, rounding to nearest.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "std offers no other f64 to f32 rounding"
)]
pub fn narrow(value: f64) -> f32 {
    value as f32
}

/// Rounds a non-negative float to a count; NaN and negatives become 0.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate, which is what is wanted"
)]
pub fn count(value: f64) -> usize {
    value.round_ties_even() as usize
}

/// Python's `tokens[-wanted:]`, which the reference cuts with: the last `wanted`, all for 0, and without the first
/// −`wanted` for less.
pub fn last(tokens: &[u32], wanted: i64) -> &[u32] {
    let distance = usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX);
    let from = if wanted > 0 {
        tokens.len().saturating_sub(distance)
    } else {
        distance.min(tokens.len())
    };
    tokens.get(from..).unwrap_or_default()
}
