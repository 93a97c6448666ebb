//! The key that signs the log's hash chain and its checkpoints: Ed25519, and nothing else is signed with it.

use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PRIVATE_KEY_FILE: &str = "audit.key.der";
const PUBLIC_KEY_FILE: &str = "audit.pub";
pub const PUBLIC_KEY_BYTES: usize = 32;
pub const SIGNATURE_BYTES: usize = 64;
/// What RFC 8410 puts before the 32 bytes of an Ed25519 key.
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

#[derive(Debug, thiserror::Error)]
#[error("the audit key {path} cannot be used: {reason}; `stentor keys generate` makes one")]
pub struct AuditKeyError {
    path: String,
    reason: String,
}

impl AuditKeyError {
    fn new(path: &Path, reason: impl ToString) -> Self {
        Self {
            path: path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

/// Signs.
pub struct AuditKey {
    pair: Ed25519KeyPair,
    public: AuditPublicKey,
}

/// Checks what an [`AuditKey`] signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPublicKey([u8; PUBLIC_KEY_BYTES]);

/// Makes a key pair in `folder` unless there is one.
///
/// # Errors
/// The folder cannot be written.
pub fn generate(folder: &Path) -> Result<(), AuditKeyError> {
    let path = folder.join(PRIVATE_KEY_FILE);
    if path.exists() {
        return Ok(());
    }
    let failed = |reason: &dyn std::fmt::Display| AuditKeyError::new(&path, reason);
    let pair = Ed25519KeyPair::generate().map_err(|error| failed(&error))?;
    let private = pair.to_pkcs8().map_err(|error| failed(&error))?;
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    std::fs::write(folder.join(PUBLIC_KEY_FILE), pair.public_key().as_ref())
        .map_err(|error| failed(&error))?;
    crate::config::write_secret(&path, private.as_ref()).map_err(|error| failed(&error))
}

impl AuditKey {
    /// # Errors
    /// There is no key in `folder`.
    pub fn open(folder: &Path) -> Result<Self, AuditKeyError> {
        let path = folder.join(PRIVATE_KEY_FILE);
        let der = std::fs::read(&path).map_err(|error| AuditKeyError::new(&path, error))?;
        Self::from_pkcs8(&der).ok_or_else(|| AuditKeyError::new(&path, "it holds no Ed25519 key in PKCS #8"))
    }

    /// `None` where the bytes are no Ed25519 key.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(der).ok()?;
        let public = AuditPublicKey::from_bytes(pair.public_key().as_ref())?;
        Some(Self { pair, public })
    }

    pub fn public(&self) -> AuditPublicKey {
        self.public
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl AuditPublicKey {
    /// # Errors
    /// There is no public key in `folder`.
    pub fn open(folder: &Path) -> Result<Self, AuditKeyError> {
        let path = folder.join(PUBLIC_KEY_FILE);
        let bytes = std::fs::read(&path).map_err(|error| AuditKeyError::new(&path, error))?;
        Self::from_bytes(&bytes)
            .ok_or_else(|| AuditKeyError::new(&path, format!("it has {} bytes instead of 32", bytes.len())))
    }

    /// `None` unless there are 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.0
    }

    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, signature)
            .is_ok()
    }

    /// As every tool for keys reads it.
    pub fn pem(&self) -> String {
        let mut der = SPKI_PREFIX.to_vec();
        der.extend_from_slice(&self.0);
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_and_key_alone() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        generate(folder.path()).unwrap();
        generate(other.path()).unwrap();
        let key = AuditKey::open(folder.path()).unwrap();
        let public = AuditPublicKey::open(folder.path()).unwrap();
        assert_eq!(key.public(), public);
        let signature = key.sign(b"head");
        assert!(public.verifies(b"head", &signature));
        assert!(!public.verifies(b"heap", &signature));
        assert!(
            !AuditPublicKey::open(other.path())
                .unwrap()
                .verifies(b"head", &signature)
        );
    }

    #[test]
    fn a_second_run_keeps_the_key() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path()).unwrap();
        let before = AuditPublicKey::open(folder.path()).unwrap();
        generate(folder.path()).unwrap();
        assert_eq!(AuditPublicKey::open(folder.path()).unwrap(), before);
    }
}
