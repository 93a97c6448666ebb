//! `stentor timers`.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;
use platform::{Clock, Config};
use serde_json::json;
use store::database::{self, DatabaseRole};
use store::timers::{self, Waiting};

#[derive(Subcommand)]
pub enum TimersCommand {
    /// Lists what is to be done later, the one that is due first at the top.
    List {
        /// How many, at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// Prints one JSON object per line.
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(config: &Config, command: TimersCommand) -> anyhow::Result<()> {
    let TimersCommand::List { limit, json } = command;
    let pool = database::connect(config.database.commands_url(), DatabaseRole::Commands, 1).await?;
    let waiting = timers::list(&mut *pool.acquire().await?, limit).await?;
    pool.close().await;
    super::print(&told(&waiting, Clock::default().now(), json)?)?;
    Ok(())
}

fn told(waiting: &[Waiting], now: DateTime<Utc>, as_json: bool) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for timer in waiting {
        let late_seconds = (now - timer.due_at).num_seconds().max(0);
        if as_json {
            let line = json!({
                "key": timer.key, "kind": timer.kind, "dueAt": timer.due_at, "lateSeconds": late_seconds,
                "nextAt": timer.next_at, "attempts": timer.attempts, "lastError": timer.last_error,
                "setBy": timer.set_by, "payload": timer.payload,
            });
            writeln!(text, "{line}")?;
            continue;
        }
        let due = timer.due_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(text, "{due}  {:<24} {}", timer.kind, timer.key)?;
        if late_seconds > 0 {
            write!(text, "  late by {late_seconds} s, taken {} times", timer.attempts)?;
        }
        if let Some(error) = &timer.last_error {
            write!(text, "  {error}")?;
        }
        writeln!(text)?;
    }
    if waiting.is_empty() && !as_json {
        text.push_str("no timer is set\n");
    }
    Ok(text)
}
