//! A list as a file that grows: the CSV, alone or in an archive beside what it says of itself.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Value, Variables};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::{SimpleFileOptions, StreamWriter};

use super::cell;
use crate::table;

/// What was saved, beside it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sidecar {
    pub(super) list: String,
    /// What was asked, filters included.
    pub(super) query: String,
    pub(super) variables: Variables,
    /// When the state was taken that all rows come from, and what it includes.
    pub(super) as_of: DateTime<Utc>,
    pub(super) position: String,
    pub(super) columns: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summed<'a> {
    #[serde(flatten)]
    sidecar: &'a Sidecar,
    rows: u64,
    bytes: u64,
    /// Of the CSV.
    sha256: String,
}

/// Where finished bytes wait to be sent.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Out {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Container {
    Plain(Out),
    Zip(Box<ZipWriter<StreamWriter<Out>>>),
}

pub(super) struct Archive {
    out: Out,
    container: Container,
    sidecar: Sidecar,
    rows: u64,
    bytes: u64,
    digest: Sha256,
}

impl Archive {
    /// Begins with the row of titles.
    ///
    /// # Errors
    /// Nothing that can happen in memory.
    pub(super) fn begin(sidecar: Sidecar, zipped: bool) -> io::Result<Self> {
        let out = Out::default();
        let container = if zipped {
            let mut zip = ZipWriter::new_stream(out.clone());
            zip.start_file(format!("{}.csv", sidecar.list), options())?;
            Container::Zip(Box::new(zip))
        } else {
            Container::Plain(out.clone())
        };
        let mut archive = Self {
            out,
            container,
            sidecar,
            rows: 0,
            bytes: 0,
            digest: Sha256::new(),
        };
        let titles = archive.sidecar.columns.clone();
        archive.write([titles])?;
        Ok(archive)
    }

    /// Adds rows.
    ///
    /// # Errors
    /// As [`Archive::begin`].
    pub(super) fn add(&mut self, rows: &[Vec<Value>]) -> io::Result<()> {
        self.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        self.write(rows.iter().map(|row| row.iter().map(cell::text).collect()))
    }

    fn write(&mut self, rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<()> {
        let text = table::csv(rows)?;
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.digest.update(&text);
        match &mut self.container {
            Container::Plain(out) => out.write_all(&text),
            Container::Zip(zip) => zip.write_all(&text),
        }
    }

    /// What can be sent by now.
    pub(super) fn take(&self) -> Bytes {
        self.out.take()
    }

    /// Ends the file; an archive gets what it says of itself.
    ///
    /// # Errors
    /// As [`Archive::begin`].
    pub(super) fn end(self) -> io::Result<Bytes> {
        if let Container::Zip(mut zip) = self.container {
            let summed = Summed {
                sidecar: &self.sidecar,
                rows: self.rows,
                bytes: self.bytes,
                sha256: hex::encode(self.digest.finalize()),
            };
            zip.start_file(format!("{}.json", self.sidecar.list), options())?;
            serde_json::to_writer_pretty(&mut zip, &summed)?;
            zip.finish()?;
        }
        Ok(self.out.take())
    }
}

/// Nobody knows how long a list is before it ends.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().large_file(true)
}
