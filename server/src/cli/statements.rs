//! `stentor statements`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use commands::payouts::{self, Regenerated};
use domain::payout::page;
use platform::{Clock, Config};
use server::Parts;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[derive(Subcommand)]
pub enum StatementsCommand {
    /// Makes a statement again from the log and compares its digests with those that were frozen.
    Regenerate {
        /// Id of the statement.
        id: Uuid,
        /// Prints the canonical JSON instead of the comparison.
        #[arg(long, conflicts_with = "html")]
        json: bool,
        /// Prints the page instead of the comparison.
        #[arg(long)]
        html: bool,
    },
}

/// Fails where the statement is not what was frozen.
pub async fn run(config: Config, command: StatementsCommand) -> anyhow::Result<ExitCode> {
    let StatementsCommand::Regenerate { id, json, html } = command;
    let parts = Parts::open(Arc::new(config), Clock::default(), &CancellationToken::new()).await?;
    let Some(made) = payouts::regenerate(&parts.write_side(), id).await? else {
        anyhow::bail!("there is no statement {id}: take the id from `statements` in GraphQL");
    };
    let text = if json {
        made.again.canonical()
    } else if html {
        page(&made.again)
    } else {
        compared(&made)
    };
    super::print(&text)?;
    Ok(if made.is_same() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn compared(made: &Regenerated) -> String {
    let (frozen, again) = (&made.frozen, made.again.head());
    let verdict = if made.is_same() {
        "the same to the byte"
    } else {
        "DIFFERENT: run `stentor audit verify`"
    };
    format!(
        "statement {} of {}, {} lines\njson frozen {}\n      made   {}\nhtml frozen {}\n      made   {}\n{verdict}\n",
        frozen.statement_id,
        frozen.reseller_name,
        again.lines,
        frozen.digest,
        again.digest,
        frozen.html_digest,
        again.html_digest
    )
}
