//! `stentor restore fixup`.

use std::fmt::Write;

use anyhow::Context;
use platform::Config;
use sqlx::{Connection, PgConnection};
use store::restore::{self, Fixup};

pub async fn fixup(config: &Config) -> anyhow::Result<()> {
    let mut owner = PgConnection::connect(&config.database.url)
        .await
        .context("the database cannot be reached; is it running, and is DATABASE_URL right?")?;
    let text = match restore::fixup(&mut owner).await? {
        Some(fixup) => told(&fixup)?,
        None => "nothing to do: every transaction id of the log is of this cluster\n".to_owned(),
    };
    owner.close().await?;
    super::print(&text)?;
    Ok(())
}

fn told(fixup: &Fixup) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "{} events renumbered: positions 3-1 to 3-{}",
        fixup.events, fixup.events
    )?;
    for (table, rows) in &fixup.tables {
        writeln!(text, "{table:<32} {rows:>10} rows follow")?;
    }
    writeln!(
        text,
        "positions and cursors that clients hold from before are void; next: stentor migrate, stentor audit verify"
    )?;
    Ok(text)
}
