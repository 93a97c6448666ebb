//! Personal fields, as events carry them: encrypted under a key of the person.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A personal field that only the holder of the subject's key can read. When the key is erased the field is
/// gone while the log, its sums and its hashes stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The person whose key seals the text.
    pub subject: Uuid,
    /// Base64 of nonce and ciphertext.
    pub text: String,
}
