//! `stentor log check` and `stentor log export`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use platform::Config;
use store::Position;
use store::database::{self, DatabaseRole};
use store::rows::{self, Checked};

const BATCH_ROWS: i64 = 2_000;
/// Events between two lines about progress.
const TOLD_EVERY: u64 = 500_000;

pub async fn check(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let pool = database::connect(&config.database.url, DatabaseRole::Owner, 1).await?;
    let mut told = 0;
    let checked = rows::check(&mut *pool.acquire().await?, |events| {
        if events >= told + TOLD_EVERY {
            told = events;
            tracing::info!(events, "reading the log");
        }
    })
    .await?;
    let text = if json {
        serde_json::to_string_pretty(&checked)? + "\n"
    } else {
        said(&checked)?
    };
    super::print(&text)?;
    Ok(if checked.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn said(checked: &Checked) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    match &checked.unreadable {
        None => writeln!(text, "log: this program reads all {} events", checked.events)?,
        Some(event) => writeln!(
            text,
            "UNREADABLE: {} version {} at position {}, event {} of the stream {}: {}\n{} events before it can be read",
            event.event_type,
            event.event_version,
            event.position,
            event.sequence,
            event.stream,
            event.error,
            checked.events
        )?,
    }
    for subject in &checked.keys_of_erased {
        writeln!(
            text,
            "KEY OF AN ERASED PERSON: {subject} can be read again; delete its row in es.subject_keys, then rebuild \
             users, customers and resellers"
        )?;
    }
    Ok(text)
}

/// Writes every event as a line of JSON.
pub async fn export(config: &Config, out: &Path) -> anyhow::Result<()> {
    let pool = database::connect(&config.database.url, DatabaseRole::Owner, 1).await?;
    let mut connection = pool.acquire().await?;
    let file = File::create_new(out)
        .with_context(|| format!("{} cannot be written; is it there already?", out.display()))?;
    let mut file = BufWriter::new(file);
    let (mut after, mut events) = (Position::START, 0_u64);
    loop {
        let rows = rows::read(&mut connection, after, BATCH_ROWS).await?;
        let Some((last, _)) = rows.last() else {
            break;
        };
        after = *last;
        for (_, row) in &rows {
            serde_json::to_writer(&mut file, row)?;
            file.write_all(b"\n")?;
            events += 1;
        }
    }
    file.flush()?;
    super::print(&format!("{events} events are in {}\n", out.display()))?;
    Ok(())
}
