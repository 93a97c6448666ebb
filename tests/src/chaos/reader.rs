//! A process that tails the feed and notes the place of every event it saw: 16 bytes each, in the order seen.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Context;
use store::database::DatabaseRole;
use store::{Position, feed};

use super::{Run, pause_ms};

pub const BYTES: u64 = 16;
const BATCH: i64 = 500;

fn encode(position: Position) -> Vec<u8> {
    [position.xid.to_le_bytes(), position.position.to_le_bytes()].concat()
}

fn decode(bytes: &[u8]) -> anyhow::Result<Position> {
    let (xid, position) = bytes.split_at_checked(8).context("a place has 16 bytes")?;
    Ok(Position {
        xid: i64::from_le_bytes(xid.try_into()?),
        position: i64::from_le_bytes(position.try_into()?),
    })
}

/// Notes events until it is killed.
///
/// # Errors
/// The file cannot be written.
pub async fn run(run: Run) -> anyhow::Result<()> {
    let path = run.file("reader");
    let mut file = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(&path)?;
    let whole = file.metadata()?.len() / BYTES * BYTES;
    file.set_len(whole)?;
    file.seek(SeekFrom::End(0))?;
    let mut after = last(&path)?.unwrap_or(Position::START);
    let pool = run.pool(DatabaseRole::Projections, 2).await;
    loop {
        let read = match pool.acquire().await {
            Ok(mut connection) => feed::read(&mut connection, after, BATCH).await,
            Err(error) => Err(error.into()),
        };
        match read {
            Ok(events) if events.is_empty() => pause_ms(10).await,
            Ok(events) => {
                let mut bytes = Vec::new();
                for event in &events {
                    bytes.extend(encode(event.position));
                    after = event.position;
                }
                file.write_all(&bytes)?;
            }
            Err(error) => {
                eprintln!("{error}");
                pause_ms(50).await;
            }
        }
    }
}

/// How many events a reader has noted.
pub fn noted(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len() / BYTES)
}

/// The last event that a reader has noted.
///
/// # Errors
/// The file cannot be read.
pub fn last(path: &Path) -> anyhow::Result<Option<Position>> {
    let count = noted(path);
    if count == 0 {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start((count - 1) * BYTES))?;
    let mut bytes = [0; 16];
    file.read_exact(&mut bytes)?;
    decode(&bytes).map(Some)
}

/// The next places of a reader's file, at most `count`.
///
/// # Errors
/// The file cannot be read.
pub fn places(file: &mut impl Read, count: usize) -> anyhow::Result<Vec<Position>> {
    let mut bytes = Vec::new();
    let limit = BYTES * u64::try_from(count)?;
    file.take(limit).read_to_end(&mut bytes)?;
    bytes.chunks_exact(16).map(decode).collect()
}
