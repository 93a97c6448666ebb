//! `stentor store-events`.

use std::fmt::Write;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context;
use clap::Subcommand;
use commands::store_events::{catalogue, inbox};
use platform::{Clock, Config};
use server::Parts;
use tokio_util::sync::CancellationToken;

#[derive(Subcommand)]
pub enum StoreEventsCommand {
    /// Lists what stores sent, the newest first.
    List {
        /// `waiting`, `taken` or `broken`.
        #[arg(long)]
        state: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// Prints a body byte for byte, as it came. It holds personal data.
    Show {
        /// Number of the row, as `list` shows it.
        number: i64,
    },
    /// Has events taken again: after an upgrade that understands more of them, or when a cause of failures is mended.
    /// What they have done is not done again.
    Replay {
        /// One event.
        #[arg(long, conflicts_with_all = ["event_type", "all"])]
        event: Option<String>,
        /// All of one type, for example `SUBSCRIPTION_PAUSED`.
        #[arg(long = "type", conflicts_with = "all")]
        event_type: Option<String>,
        /// Every event whose body is still kept.
        #[arg(long)]
        all: bool,
    },
}

pub async fn run(config: Config, command: StoreEventsCommand) -> anyhow::Result<()> {
    let parts = Parts::open(Arc::new(config), Clock::default(), &CancellationToken::new()).await?;
    let mut connection = parts.commands.acquire().await?;
    match command {
        StoreEventsCommand::List { state, limit } => {
            let mut text = String::new();
            for row in inbox::list(&mut connection, state.as_deref(), limit).await? {
                let (event, kind) = (
                    row.event_id.unwrap_or_default(),
                    row.event_type.unwrap_or_default(),
                );
                let error = row.error.map(|error| format!(": {error}")).unwrap_or_default();
                writeln!(
                    text,
                    "{} {} {} {} {kind} {event} {} attempts{error}",
                    row.inbox_id,
                    row.received_at.format("%Y-%m-%dT%H:%M:%SZ"),
                    row.hook,
                    row.state,
                    row.attempts
                )?;
            }
            if text.is_empty() {
                text.push_str("there are none\n");
            }
            super::print(&text)?;
        }
        StoreEventsCommand::Show { number } => {
            let (subject, body, _) = inbox::body(&mut connection, number)
                .await?
                .with_context(|| format!("there is no number {number}: see `stentor store-events list`"))?;
            let body = body.context("the body is no longer kept: see revenuecat.raw_days")?;
            let body = parts.vault.open_bytes(&mut connection, subject, &body).await?;
            let body = body.context("the person was erased, and the body with it")?;
            std::io::stdout().lock().write_all(&body)?;
        }
        StoreEventsCommand::Replay {
            event,
            event_type,
            all,
        } => {
            let which = match (event, event_type, all) {
                (Some(event), _, _) => inbox::Which::Event(event),
                (_, Some(event_type), _) => inbox::Which::Type(event_type),
                (_, _, true) => inbox::Which::All,
                (None, None, false) => anyhow::bail!("say which: --event ID, --type TYPE or --all"),
            };
            drop(connection);
            let replayed = catalogue::replay(&parts.write_side(), &which).await?;
            super::print(&format!(
                "{replayed} events are taken again by whoever serves the role commands\n"
            ))?;
        }
    }
    Ok(())
}
