//! `stentor simulate`.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use platform::shutdown::pause;
use platform::{Clock, Config};
use server::simulator::business::Business;
use server::simulator::{self, Target, lifecycle, lookups};
use tokio_util::sync::CancellationToken;

#[derive(Subcommand)]
pub enum SimulateCommand {
    /// Plays lives of customers in a store against a server: renewals, refunds, grace, transfers; repeated and in mixed
    /// order. Ends with status 1 where a customer does not have what it must have.
    Revenuecat(Revenuecat),
}

#[derive(Args)]
pub struct Revenuecat {
    /// The server; the settings' address where left out.
    #[arg(long)]
    url: Option<String>,
    #[arg(long, default_value = "main")]
    hook: String,
    /// What the hook expects as Authorization.
    #[arg(long)]
    authorization: String,
    /// An admin of the platform, who makes a reseller with customers.
    #[arg(long)]
    email: String,
    #[arg(long, env = "STENTOR_SIMULATE_PASSWORD", hide_env_values = true)]
    password: String,
    #[arg(long, default_value_t = 26)]
    customers: usize,
    /// The same seed plays the same lives in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Answers look-ups on this address: the setting `revenuecat.api_url` of the server has to be `http://ADDRESS/v1`.
    #[arg(long)]
    look_ups: Option<SocketAddr>,
    /// Goes on answering look-ups for so many seconds after the check, so that the server compares.
    #[arg(long, default_value_t = 0)]
    stay: u64,
}

pub async fn run(config: &Config, command: SimulateCommand) -> anyhow::Result<ExitCode> {
    let SimulateCommand::Revenuecat(wanted) = command;
    let url = wanted.url.unwrap_or_else(|| config.public_url());
    let business = Business::sign_in(&url, &wanted.email, &wanted.password).await?;
    let users = business.found(wanted.customers).await?;
    let plan = lifecycle::plan(&users, wanted.seed, Clock::default().now());
    let serving = match wanted.look_ups {
        None => None,
        Some(address) => {
            let listener =
                TcpListener::bind(address).with_context(|| format!("{address} cannot be served"))?;
            Some(lookups::serve(listener, plan.subscribers.clone())?)
        }
    };
    let target = Target {
        url,
        hook: wanted.hook,
        authorization: wanted.authorization,
    };
    let outcome = simulator::run(&target, &business, &plan, wanted.seed).await?;
    if let Some(serving) = serving {
        pause(Duration::from_secs(wanted.stay), &CancellationToken::new()).await;
        serving.stop(true).await;
    }
    let mut text = String::new();
    for expected in &plan.expected {
        let until = expected
            .until
            .map(|until| format!(" until {}", until.format("%Y-%m-%d %H:%M:%S")));
        writeln!(
            text,
            "{} {:?}: {}{}",
            expected.user,
            expected.life,
            expected.tier,
            until.unwrap_or_default()
        )?;
    }
    for (expected, found) in &outcome.wrong {
        writeln!(text, "WRONG {} {:?}: found {found}", expected.user, expected.life)?;
    }
    writeln!(
        text,
        "{} events in {} deliveries, {} customers, {} wrong",
        outcome.events,
        outcome.deliveries,
        plan.expected.len(),
        outcome.wrong.len()
    )?;
    super::print(&text)?;
    Ok(if outcome.wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
