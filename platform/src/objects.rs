//! The object store: recordings and transcripts, in a local folder or behind the S3 API.

use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart};
use tokio::io::AsyncReadExt;

use crate::config::Storage;

/// Size of the pieces in which a file goes to the store: S3 wants at least 5 MiB.
const PIECE_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("there is no object {0:?}")]
    NotFound(String),
    #[error("the object store fails: {0}")]
    Store(#[source] StoreError),
    #[error("the object store's folder cannot be used: {0}")]
    Folder(#[source] std::io::Error),
    #[error("a file cannot be read: {0}")]
    File(#[source] std::io::Error),
}

/// Clones share the store.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
}

impl Objects {
    /// # Errors
    /// The folder cannot be made, or the S3 settings are incomplete.
    pub fn open(storage: &Storage) -> Result<Self, ObjectError> {
        let store: Arc<dyn ObjectStore> = if let Some(bucket) = &storage.s3_bucket {
            // Region, endpoint and credentials come from AWS' own environment variables.
            let s3 = AmazonS3Builder::from_env().with_bucket_name(bucket).build();
            Arc::new(s3.map_err(ObjectError::Store)?)
        } else {
            std::fs::create_dir_all(&storage.path).map_err(ObjectError::Folder)?;
            let folder = LocalFileSystem::new_with_prefix(&storage.path).map_err(ObjectError::Store)?;
            Arc::new(folder.with_automatic_cleanup(true))
        };
        Ok(Self { store })
    }

    /// Stores bytes under `key`; a reader sees all of them or nothing.
    ///
    /// # Errors
    /// The store fails.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectError> {
        let stored = self
            .store
            .put(&Path::from(key), PutPayload::from_bytes(bytes))
            .await;
        stored.map(|_| ()).map_err(|error| failed(key, error))
    }

    /// Stores bytes under `key` unless something is there already: what was stored once is not replaced.
    ///
    /// # Errors
    /// The store fails.
    pub async fn put_new(&self, key: &str, bytes: Bytes) -> Result<(), ObjectError> {
        let stored = self
            .store
            .put_opts(
                &Path::from(key),
                PutPayload::from_bytes(bytes),
                PutMode::Create.into(),
            )
            .await;
        match stored {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(failed(key, error)),
        }
    }

    /// The keys that begin with this folder, in their order.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, ObjectError> {
        let listed = self.store.list(Some(&Path::from(folder)));
        let keys = listed
            .map_ok(|object| object.location.to_string())
            .try_collect::<Vec<_>>();
        let mut keys = keys.await.map_err(ObjectError::Store)?;
        keys.sort();
        Ok(keys)
    }

    /// Stores a file under `key`, piece by piece; a reader sees all of it or nothing.
    ///
    /// # Errors
    /// The file cannot be read, or the store fails; nothing is left behind then.
    pub async fn put_file(&self, key: &str, file: &FilePath) -> Result<(), ObjectError> {
        let mut source = tokio::fs::File::open(file).await.map_err(ObjectError::File)?;
        let upload = self
            .store
            .put_multipart(&Path::from(key))
            .await
            .map_err(|error| failed(key, error))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE_BYTES);
        let mut piece = vec![0; 256 * 1024];
        loop {
            let read = match source.read(&mut piece).await {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => {
                    upload.abort().await.map_err(|error| failed(key, error))?;
                    return Err(ObjectError::File(error));
                }
            };
            upload
                .wait_for_capacity(4)
                .await
                .map_err(|error| failed(key, error))?;
            upload.write(piece.get(..read).unwrap_or_default());
        }
        upload
            .finish()
            .await
            .map(|_| ())
            .map_err(|error| failed(key, error))
    }

    /// # Errors
    /// There is no such object, or the store fails.
    pub async fn get(&self, key: &str) -> Result<Bytes, ObjectError> {
        let found = self
            .store
            .get(&Path::from(key))
            .await
            .map_err(|error| failed(key, error))?;
        found.bytes().await.map_err(|error| failed(key, error))
    }

    /// Size in bytes and the content, piece by piece.
    ///
    /// # Errors
    /// There is no such object, or the store fails.
    pub async fn stream(
        &self,
        key: &str,
    ) -> Result<(u64, BoxStream<'static, Result<Bytes, ObjectError>>), ObjectError> {
        let found = self
            .store
            .get(&Path::from(key))
            .await
            .map_err(|error| failed(key, error))?;
        let size = found.meta.size;
        Ok((size, found.into_stream().map_err(ObjectError::Store).boxed()))
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// The store fails.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        match self.store.delete(&Path::from(key)).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(ObjectError::Store(error)),
        }
    }
}

fn failed(key: &str, error: StoreError) -> ObjectError {
    if matches!(error, StoreError::NotFound { .. }) {
        ObjectError::NotFound(key.to_owned())
    } else {
        ObjectError::Store(error)
    }
}
