//! Random secrets that programs and browsers keep.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::error::CommandError;

/// 32 random bytes as text for headers, cookies and addresses: nobody guesses them, so that their SHA-256 is all
/// that has to be stored.
///
/// # Errors
/// The system has no randomness.
pub fn random() -> Result<String, CommandError> {
    let mut bytes = [0_u8; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(CommandError::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
