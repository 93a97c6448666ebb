//! What a writer remembers of each command, whatever happens to it: that it is about to be sent, and what was
//! answered. A line counts once it is on the disk.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc;

use anyhow::{Context, bail};
use store::Position;
use tokio::sync::oneshot;

/// Ends each line: one that lacks it was torn by a kill.
const END: &str = ".";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Sent {
        lane: u32,
        number: u64,
    },
    Answered {
        lane: u32,
        number: u64,
        position: Position,
        outcome: i64,
    },
    /// The business said no, which it never should here.
    Refused {
        lane: u32,
        number: u64,
        code: String,
    },
}

impl Entry {
    fn line(&self) -> String {
        match self {
            Self::Sent { lane, number } => format!("S {lane} {number} {END}\n"),
            Self::Answered {
                lane,
                number,
                position,
                outcome,
            } => format!("A {lane} {number} {position} {outcome} {END}\n"),
            Self::Refused { lane, number, code } => format!("R {lane} {number} {code} {END}\n"),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        Some(match words.as_slice() {
            ["S", lane, number, END] => Self::Sent {
                lane: lane.parse().ok()?,
                number: number.parse().ok()?,
            },
            ["A", lane, number, position, outcome, END] => Self::Answered {
                lane: lane.parse().ok()?,
                number: number.parse().ok()?,
                position: position.parse().ok()?,
                outcome: outcome.parse().ok()?,
            },
            ["R", lane, number, code, END] => Self::Refused {
                lane: lane.parse().ok()?,
                number: number.parse().ok()?,
                code: (*code).to_owned(),
            },
            _ => return None,
        })
    }
}

/// Everything in a record, in its order.
///
/// # Errors
/// The file cannot be read.
pub fn entries(path: &Path) -> anyhow::Result<impl Iterator<Item = Entry> + use<>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(BufReader::new(file)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| Entry::parse(&line)))
}

type Line = (String, oneshot::Sender<()>);

/// Appends lines; those that wait together share one write to the disk.
#[derive(Clone)]
pub struct Record {
    lines: mpsc::Sender<Line>,
}

impl Record {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut file = File::options().create(true).read(true).append(true).open(path)?;
        // A torn line gets an end of its own, so that the next one is whole.
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        let (lines, waiting) = mpsc::channel();
        std::thread::spawn(move || {
            if let Err(error) = write(&mut file, &waiting) {
                eprintln!("the record cannot be written: {error}");
                std::process::exit(1);
            }
        });
        Ok(Self { lines })
    }

    /// Returns once the entry is on the disk.
    ///
    /// # Errors
    /// The record has ended.
    pub async fn put(&self, entry: &Entry) -> anyhow::Result<()> {
        let (written, waiting) = oneshot::channel();
        if self.lines.send((entry.line(), written)).is_err() {
            bail!("the record has ended");
        }
        Ok(waiting.await?)
    }
}

fn write(file: &mut File, waiting: &mpsc::Receiver<Line>) -> std::io::Result<()> {
    while let Ok((mut text, first)) = waiting.recv() {
        let mut written = vec![first];
        while let Ok((line, next)) = waiting.try_recv() {
            text.push_str(&line);
            written.push(next);
        }
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        for waiter in written {
            // Whoever waited may have given up.
            let _ = waiter.send(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_torn_line_spoils_neither_what_was_before_nor_what_follows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let sent = Entry::Sent { lane: 1, number: 12 };
        Record::open(&path).unwrap().put(&sent).await.unwrap();
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"A 1 12 700-1").unwrap();
        let answered = Entry::Answered {
            lane: 1,
            number: 12,
            position: "700-13".parse().unwrap(),
            outcome: 5,
        };
        Record::open(&path).unwrap().put(&answered).await.unwrap();
        assert_eq!(entries(&path).unwrap().collect::<Vec<_>>(), [sent, answered]);
    }
}
