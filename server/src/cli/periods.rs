//! `stentor periods`.

use std::fmt::Write;
use std::sync::Arc;

use clap::Subcommand;
use commands::books;
use domain::period::Period;
use platform::{Clock, Config};
use server::Parts;
use tokio_util::sync::CancellationToken;

#[derive(Subcommand)]
pub enum PeriodsCommand {
    /// Closes a month of the books, in UTC; closing it again changes nothing.
    Close {
        /// For example 2026-11.
        month: Period,
    },
    /// Lists the closed months.
    List,
}

pub async fn run(config: Config, command: PeriodsCommand) -> anyhow::Result<()> {
    let parts = Parts::open(Arc::new(config), Clock::default(), &CancellationToken::new()).await?;
    let write = parts.write_side();
    match command {
        PeriodsCommand::Close { month } => {
            let cause = books::console_cause(&write, month);
            let done = books::close_period(&write, &cause, month).await?;
            super::print(&format!("{}\n", line(&done.value)))?;
        }
        PeriodsCommand::List => {
            let mut text = String::new();
            for closed in books::closed_periods(&write).await? {
                writeln!(text, "{}", line(&closed))?;
            }
            if text.is_empty() {
                text.push_str("no period is closed\n");
            }
            super::print(&text)?;
        }
    }
    Ok(())
}

fn line(closed: &books::ClosedPeriod) -> String {
    format!(
        "{} closed with {} entries, sha256 {}",
        closed.period, closed.entries, closed.digest
    )
}
