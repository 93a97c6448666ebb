//! Seals personal fields under a key per person, and names under a keyed digest.
//!
//! A person's key is random, wrapped by the master key and kept in `es.subject_keys`. Without the row the
//! person's fields are noise for ever, in the log and in every copy of it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand as secure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::personal::Sealed;
use secrecy::{ExposeSecret, SecretSlice};
use sqlx::PgConnection;
use uuid::Uuid;

const KEY_BYTES: usize = 32;
/// AES-GCM's nonce, stored before the ciphertext.
const NONCE_BYTES: usize = 12;
/// Most keys kept in memory; beyond it the cache starts anew.
const CACHED_KEYS_MAX: usize = 50_000;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the master key has {0} bytes, 32 are needed")]
    MasterKey(usize),
    #[error("a personal field of {0} cannot be opened: was the master key changed?")]
    Unreadable(Uuid),
    #[error("no randomness is to be had from the system")]
    Randomness,
    #[error("the key of a person cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

type Keys = Arc<RwLock<HashMap<Uuid, Arc<RandomizedNonceKey>>>>;

/// Clones share their cache.
#[derive(Clone)]
pub struct Vault {
    wrapping: Arc<RandomizedNonceKey>,
    digesting: Arc<hmac::Key>,
    keys: Keys,
}

impl Vault {
    /// # Errors
    /// The master key has not 32 bytes.
    pub fn new(master_key: &SecretSlice<u8>) -> Result<Self, VaultError> {
        let bytes = master_key.expose_secret();
        let invalid = || VaultError::MasterKey(bytes.len());
        if bytes.len() != KEY_BYTES {
            return Err(invalid());
        }
        // Two keys from one, so that a digest can never be a piece of an encryption.
        let derive = |purpose: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), purpose);
        let wrapping = RandomizedNonceKey::new(&AES_256_GCM, derive(b"stentor wrap").as_ref());
        Ok(Self {
            wrapping: Arc::new(wrapping.map_err(|_| invalid())?),
            digesting: Arc::new(hmac::Key::new(
                hmac::HMAC_SHA256,
                derive(b"stentor digest").as_ref(),
            )),
            keys: Keys::default(),
        })
    }

    /// Keyed digest of a name such as an e-mail address: equal names are found, none can be read back.
    pub fn digest(&self, kind: &str, name: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.digesting);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(name.as_bytes());
        context.sign().as_ref().to_vec()
    }

    /// Encrypts `text` under the person's key, which is made if it is missing.
    ///
    /// # Errors
    /// The database fails, or the stored key cannot be opened.
    pub async fn seal(
        &self,
        connection: &mut PgConnection,
        subject: Uuid,
        text: &str,
    ) -> Result<Sealed, VaultError> {
        let key = match self.key(connection, subject).await? {
            Some(key) => key,
            None => self.make_key(connection, subject).await?,
        };
        let sealed = encrypt(&key, subject, text.as_bytes()).ok_or(VaultError::Unreadable(subject))?;
        Ok(Sealed {
            subject,
            text: STANDARD_NO_PAD.encode(sealed),
        })
    }

    /// Decrypts a personal field; `None` if the person was erased.
    ///
    /// # Errors
    /// The database fails, or the field was not sealed with this key.
    pub async fn open(
        &self,
        connection: &mut PgConnection,
        sealed: &Sealed,
    ) -> Result<Option<String>, VaultError> {
        let Some(key) = self.key(connection, sealed.subject).await? else {
            return Ok(None);
        };
        let unreadable = || VaultError::Unreadable(sealed.subject);
        let bytes = STANDARD_NO_PAD.decode(&sealed.text).map_err(|_| unreadable())?;
        let opened = decrypt(&key, sealed.subject, &bytes).ok_or_else(unreadable)?;
        String::from_utf8(opened).map(Some).map_err(|_| unreadable())
    }

    async fn make_key(
        &self,
        connection: &mut PgConnection,
        subject: Uuid,
    ) -> Result<Arc<RandomizedNonceKey>, VaultError> {
        let mut bytes = [0_u8; KEY_BYTES];
        secure::fill(&mut bytes).map_err(|_| VaultError::Randomness)?;
        let wrapped = encrypt(&self.wrapping, subject, &bytes).ok_or(VaultError::Unreadable(subject))?;
        sqlx::query(
            "INSERT INTO es.subject_keys (subject_id, wrapped_key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(subject)
        .bind(wrapped)
        .execute(&mut *connection)
        .await?;
        // Somebody else may have been first: theirs counts.
        self.key(connection, subject)
            .await?
            .ok_or(VaultError::Unreadable(subject))
    }

    async fn key(
        &self,
        connection: &mut PgConnection,
        subject: Uuid,
    ) -> Result<Option<Arc<RandomizedNonceKey>>, VaultError> {
        if let Some(key) = self
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&subject)
        {
            return Ok(Some(Arc::clone(key)));
        }
        let wrapped: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT wrapped_key FROM es.subject_keys WHERE subject_id = $1")
                .bind(subject)
                .fetch_optional(connection)
                .await?;
        let Some(wrapped) = wrapped else {
            return Ok(None);
        };
        let bytes = decrypt(&self.wrapping, subject, &wrapped).ok_or(VaultError::Unreadable(subject))?;
        let key =
            RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| VaultError::Unreadable(subject))?;
        let key = Arc::new(key);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= CACHED_KEYS_MAX {
            keys.clear();
        }
        keys.insert(subject, Arc::clone(&key));
        Ok(Some(key))
    }
}

fn encrypt(key: &RandomizedNonceKey, subject: Uuid, plain: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = plain.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(subject.as_bytes()), &mut sealed)
        .ok()?;
    Some([nonce.as_ref().as_slice(), &sealed].concat())
}

fn decrypt(key: &RandomizedNonceKey, subject: Uuid, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_BYTES)?;
    let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut opened = text.to_vec();
    let length = key
        .open_in_place(nonce, Aad::from(subject.as_bytes()), &mut opened)
        .ok()?
        .len();
    opened.truncate(length);
    Some(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_opens_for_its_person_only() {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &[7; KEY_BYTES]).unwrap();
        let (anna, ben) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = encrypt(&key, anna, b"anna@example.test").unwrap();
        assert_eq!(decrypt(&key, anna, &sealed).unwrap(), b"anna@example.test");
        assert_eq!(decrypt(&key, ben, &sealed), None);
    }

    #[test]
    fn a_short_master_key_is_refused() {
        assert!(matches!(
            Vault::new(&vec![1; 16].into()),
            Err(VaultError::MasterKey(16))
        ));
    }
}
