//! Seals personal fields under a key per person, and names under a keyed digest.
//!
//! A person's key is random, wrapped by the master key and kept in `es.subject_keys`. Without the row the
//! person's fields are noise for ever, in the log and in every copy of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand as secure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::personal::Sealed;
use secrecy::{ExposeSecret, SecretSlice};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::erasure;

const KEY_BYTES: usize = 32;
/// AES-GCM's nonce, stored before the ciphertext.
const NONCE_BYTES: usize = 12;

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

/// Clones share the master key. Persons' keys are not kept: each is read where it is needed.
#[derive(Clone)]
pub struct Vault {
    wrapping: Arc<RandomizedNonceKey>,
    digesting: Arc<hmac::Key>,
    /// Where fields are noted as they are sealed.
    notes: Option<Notes>,
}

/// Fields as they were before they were sealed, by what they were sealed to: for whoever has just written them.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<HashMap<String, String>>>);

impl Notes {
    /// The field that was sealed to `text`, if this has seen it.
    pub fn opened(&self, text: &str) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(text)
            .cloned()
    }

    fn add(&self, sealed: &str, plain: &str) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.insert(sealed.to_owned(), plain.to_owned());
    }
}

impl Vault {
    /// The same vault, which notes the fields that it seals.
    #[must_use]
    pub fn noting(&self, notes: Notes) -> Self {
        Self {
            notes: Some(notes),
            ..self.clone()
        }
    }

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
            notes: None,
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

    /// Encrypts `texts` under the person's key, which is made if it is missing.
    ///
    /// # Errors
    /// The database fails, or the stored key cannot be opened.
    pub async fn seal<const N: usize>(
        &self,
        connection: &mut PgConnection,
        subject: Uuid,
        texts: [&str; N],
    ) -> Result<[Sealed; N], VaultError> {
        let key = self.key_or_new(connection, subject).await?;
        let sealed = texts.map(|text| encrypt(&key, subject, text.as_bytes()));
        if sealed.iter().any(Option::is_none) {
            return Err(VaultError::Unreadable(subject));
        }
        let sealed = sealed.map(|bytes| Sealed {
            subject,
            text: STANDARD_NO_PAD.encode(bytes.unwrap_or_default()),
        });
        if let Some(notes) = &self.notes {
            for (sealed, plain) in sealed.iter().zip(texts) {
                notes.add(&sealed.text, plain);
            }
        }
        Ok(sealed)
    }

    /// Encrypts bytes under the person's key, which is made if it is missing: for what is kept outside the log.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub async fn seal_bytes(
        &self,
        connection: &mut PgConnection,
        subject: Uuid,
        bytes: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let key = self.key_or_new(connection, subject).await?;
        encrypt(&key, subject, bytes).ok_or(VaultError::Unreadable(subject))
    }

    /// Decrypts what [`Self::seal_bytes`] has sealed; `None` if the person was erased.
    ///
    /// # Errors
    /// As [`Self::open_all`].
    pub async fn open_bytes(
        &self,
        connection: &mut PgConnection,
        subject: Uuid,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, VaultError> {
        let keys = self.keys(connection, &[subject]).await?;
        let Some(key) = keys.0.get(&subject) else {
            return Ok(None);
        };
        // A key that was made after an erasure opens nothing of before.
        Ok(decrypt(key, subject, sealed))
    }

    /// Decrypts a personal field; `None` if the person was erased.
    ///
    /// # Errors
    /// As [`Self::open_all`].
    pub async fn open(
        &self,
        connection: &mut PgConnection,
        sealed: &Sealed,
    ) -> Result<Option<String>, VaultError> {
        let [opened] = self.open_all(connection, [sealed]).await?;
        Ok(opened)
    }

    /// Decrypts personal fields with one look at the keys; `None` where the person was erased. No erasure
    /// commits before the connection's transaction has ended, and no key is kept: what an erasure has destroyed
    /// opens nothing, in any process.
    ///
    /// # Errors
    /// The database fails, or a field was not sealed with its person's key.
    pub async fn open_all<const N: usize>(
        &self,
        connection: &mut PgConnection,
        sealed: [&Sealed; N],
    ) -> Result<[Option<String>; N], VaultError> {
        let subjects: Vec<Uuid> = sealed.iter().map(|sealed| sealed.subject).collect();
        let keys = self.keys(connection, &subjects).await?;
        let mut opened = [const { None }; N];
        for (text, sealed) in opened.iter_mut().zip(sealed) {
            *text = keys.open(sealed)?;
        }
        Ok(opened)
    }

    /// The keys of many persons at once, for as long as the connection's transaction lasts: no erasure commits
    /// before. To be dropped with it.
    ///
    /// # Errors
    /// The database fails, or a stored key cannot be opened.
    pub async fn keys(&self, connection: &mut PgConnection, subjects: &[Uuid]) -> Result<Keys, VaultError> {
        erasure::hold_off(connection).await?;
        let rows: Vec<(Uuid, Vec<u8>)> =
            sqlx::query_as("SELECT subject_id, wrapped_key FROM es.subject_keys WHERE subject_id = ANY($1)")
                .bind(subjects)
                .fetch_all(connection)
                .await?;
        let opened = rows
            .into_iter()
            .map(|(subject, wrapped)| Ok((subject, self.unwrapped(subject, &wrapped)?)));
        opened.collect::<Result<_, VaultError>>().map(Keys)
    }

    /// A key for somebody who has none; to be stored together with what it seals.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new_key(&self, subject: Uuid) -> Result<NewKey, VaultError> {
        let mut bytes = [0_u8; KEY_BYTES];
        secure::fill(&mut bytes).map_err(|_| VaultError::Randomness)?;
        let unusable = || VaultError::Unreadable(subject);
        Ok(NewKey {
            subject,
            wrapped: encrypt(&self.wrapping, subject, &bytes).ok_or_else(unusable)?,
            key: RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| unusable())?,
            notes: self.notes.clone(),
        })
    }

    async fn key_or_new(
        &self,
        connection: &mut PgConnection,
        subject: Uuid,
    ) -> Result<RandomizedNonceKey, VaultError> {
        let new = self.new_key(subject)?;
        // Where there is a key already, it counts.
        let made = sqlx::query(
            "INSERT INTO es.subject_keys (subject_id, wrapped_key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(subject)
        .bind(&new.wrapped)
        .execute(&mut *connection)
        .await?;
        if made.rows_affected() == 1 {
            return Ok(new.key);
        }
        let wrapped: Vec<u8> =
            sqlx::query_scalar("SELECT wrapped_key FROM es.subject_keys WHERE subject_id = $1")
                .bind(subject)
                .fetch_one(connection)
                .await?;
        self.unwrapped(subject, &wrapped)
    }

    fn unwrapped(&self, subject: Uuid, wrapped: &[u8]) -> Result<RandomizedNonceKey, VaultError> {
        let bytes = decrypt(&self.wrapping, subject, wrapped).ok_or(VaultError::Unreadable(subject))?;
        RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| VaultError::Unreadable(subject))
    }
}

/// A person's key before it is stored.
pub struct NewKey {
    subject: Uuid,
    wrapped: Vec<u8>,
    key: RandomizedNonceKey,
    notes: Option<Notes>,
}

/// Stores keys of persons who have none, by one statement.
///
/// # Errors
/// The database fails.
pub async fn store_keys(connection: &mut PgConnection, keys: &[NewKey]) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO es.subject_keys (subject_id, wrapped_key)
         SELECT * FROM unnest($1::uuid[], $2::bytea[])",
    )
    .bind(keys.iter().map(NewKey::subject).collect::<Vec<_>>())
    .bind(keys.iter().map(NewKey::wrapped).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

impl NewKey {
    pub fn subject(&self) -> Uuid {
        self.subject
    }

    /// As `es.subject_keys` holds it.
    pub fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// # Errors
    /// The key cannot seal it.
    pub fn seal(&self, text: &str) -> Result<Sealed, VaultError> {
        let bytes = encrypt(&self.key, self.subject, text.as_bytes());
        let sealed = STANDARD_NO_PAD.encode(bytes.ok_or(VaultError::Unreadable(self.subject))?);
        if let Some(notes) = &self.notes {
            notes.add(&sealed, text);
        }
        Ok(Sealed {
            subject: self.subject,
            text: sealed,
        })
    }
}

/// Keys of persons who were not erased when they were fetched.
pub struct Keys(HashMap<Uuid, RandomizedNonceKey>);

impl Keys {
    /// Decrypts a personal field; `None` if there is no key to it.
    ///
    /// # Errors
    /// The field was not sealed with this key.
    pub fn open(&self, sealed: &Sealed) -> Result<Option<String>, VaultError> {
        let Some(key) = self.0.get(&sealed.subject) else {
            return Ok(None);
        };
        let unreadable = || VaultError::Unreadable(sealed.subject);
        let bytes = STANDARD_NO_PAD.decode(&sealed.text).map_err(|_| unreadable())?;
        let opened = decrypt(key, sealed.subject, &bytes).ok_or_else(unreadable)?;
        String::from_utf8(opened).map(Some).map_err(|_| unreadable())
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
