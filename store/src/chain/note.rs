//! A checkpoint as text: a signed note in the form of C2SP's tlog-checkpoint, which tools for transparency logs read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use platform::audit_key::{AuditKey, AuditPublicKey, SIGNATURE_BYTES};

use super::hash::Hash;

/// Ed25519, in C2SP's list of algorithms.
const ALGORITHM: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which log this is; also the name of its key.
    pub origin: String,
    /// Events covered.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Hash,
    /// Head of the chain after the last of them.
    pub head: Hash,
    /// How many tenants have events among them, and the root over the heads of their chains.
    pub tenants: u64,
    pub tenants_root: Hash,
    pub made_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("it is no checkpoint: {0}")]
    Malformed(&'static str),
    #[error("its signature is not by the audit key {key} of {origin:?}")]
    Signature { origin: String, key: String },
}

impl Note {
    /// The text that is signed.
    fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\nhead {}\ntenants {} {}\ntime {}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root.bytes()),
            self.head,
            self.tenants,
            self.tenants_root,
            self.made_at.format(TIME),
        )
    }

    /// The whole note, with its signature.
    pub fn sign(&self, key: &AuditKey) -> String {
        let text = self.text();
        let mut signature = key_id(&self.origin, &key.public()).to_vec();
        signature.extend(key.sign(text.as_bytes()));
        format!(
            "{text}\n\u{2014} {} {}\n",
            self.origin,
            STANDARD.encode(signature)
        )
    }

    /// Reads a note without asking who signed it.
    ///
    /// # Errors
    /// It is no checkpoint of this form.
    pub fn parse(signed: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        let (text, _) = signed
            .split_once("\n\n")
            .ok_or(malformed("an empty line is missing"))?;
        let mut lines = text.lines();
        let mut next = |what| lines.next().ok_or(malformed(what));
        let origin = next("the origin is missing")?.to_owned();
        let size = next("the size is missing")?
            .parse()
            .map_err(|_| malformed("the size is no number"))?;
        let root = STANDARD.decode(next("the root is missing")?).ok();
        let root = root
            .and_then(|root| Hash::from_bytes(&root))
            .ok_or(malformed("the root is no hash"))?;
        let head = next("the head is missing")?
            .strip_prefix("head ")
            .and_then(Hash::from_hex);
        let head = head.ok_or(malformed("the head is no hash"))?;
        let tenants = next("the tenants are missing")?.strip_prefix("tenants ");
        let (count, tenants_root) = tenants
            .and_then(|line| line.split_once(' '))
            .and_then(|(count, root)| Some((count.parse().ok()?, Hash::from_hex(root)?)))
            .ok_or(malformed("the tenants are no count and hash"))?;
        let made_at = next("the time is missing")?
            .strip_prefix("time ")
            .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
            .ok_or(malformed("the time cannot be read"))?;
        let note = Self {
            origin,
            size,
            root,
            head,
            tenants: count,
            tenants_root,
            made_at: made_at.to_utc(),
        };
        // What is signed is this very text: nothing may stand in it that was not read.
        if lines.next().is_some() || note.text() != format!("{text}\n") {
            return Err(malformed("it is not written as a checkpoint is"));
        }
        Ok(note)
    }

    /// Reads a note that `key` has signed.
    ///
    /// # Errors
    /// It is no checkpoint, or `key` did not sign it.
    pub fn verify(signed: &str, key: &AuditPublicKey) -> Result<Self, NoteError> {
        let note = Self::parse(signed)?;
        let text = note.text();
        let id = key_id(&note.origin, key);
        let prefix = format!("\u{2014} {} ", note.origin);
        let good = signed
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix))
            .any(|line| {
                STANDARD.decode(line).is_ok_and(|bytes| {
                    bytes.len() == KEY_ID_BYTES + SIGNATURE_BYTES
                        && bytes
                            .strip_prefix(&id)
                            .is_some_and(|signature| key.verifies(text.as_bytes(), signature))
                })
            });
        if good {
            Ok(note)
        } else {
            Err(NoteError::Signature {
                key: hex::encode(id),
                origin: note.origin,
            })
        }
    }

    /// Where the object store keeps it. In the order of size and time.
    pub fn object_key(&self) -> String {
        let time = self.made_at.format("%Y%m%dT%H%M%S%6fZ");
        format!("audit/checkpoints/{:020}-{time}.txt", self.size)
    }
}

/// Id of the key that a note says it was signed with, in hex: whether it was is another question.
pub(super) fn signer(signed: &str) -> Option<String> {
    let (_, signatures) = signed.split_once("\n\n")?;
    let (_, encoded) = signatures.lines().next()?.rsplit_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    bytes.get(..KEY_ID_BYTES).map(hex::encode)
}

/// The first bytes of a hash over the key and its name.
pub(super) fn key_id(origin: &str, key: &AuditPublicKey) -> [u8; KEY_ID_BYTES] {
    let hash = Hash::of(&[origin.as_bytes(), b"\n", &[ALGORITHM], key.bytes()]);
    let mut id = [0; KEY_ID_BYTES];
    for (place, byte) in id.iter_mut().zip(hash.bytes()) {
        *place = *byte;
    }
    id
}

/// The key as C2SP writes it: name, id and key in one line.
pub fn verifier_key(origin: &str, key: &AuditPublicKey) -> String {
    let mut bytes = vec![ALGORITHM];
    bytes.extend_from_slice(key.bytes());
    format!(
        "{origin}+{}+{}",
        hex::encode(key_id(origin, key)),
        STANDARD.encode(bytes)
    )
}
