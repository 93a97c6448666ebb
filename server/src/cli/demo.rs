//! `stentor demo`: accounts to sign in with, and a year of history to look at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use commands::bootstrap;
use commands::history::{self, Wanted};
use platform::audit_key::AuditKey;
use platform::shutdown::pause;
use platform::{Clock, Config};
use projections::status;
use server::{Parts, year};
use sqlx::PgPool;
use store::{chain, database};
use tokio_util::sync::CancellationToken;

use super::print;
use super::progress::Progress;

/// Between two looks at how far the read models are.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct DemoArgs {
    /// As `year`, with its defaults.
    #[arg(long)]
    year: bool,
    #[command(subcommand)]
    command: Option<DemoCommand>,
}

#[derive(Args)]
pub struct YearArgs {
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    resellers: u16,
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    customers: u32,
    /// Another number gives another year.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Default for YearArgs {
    fn default() -> Self {
        Self {
            resellers: 20,
            customers: 2_000,
            seed: 1,
        }
    }
}

#[derive(Subcommand)]
pub enum DemoCommand {
    /// Makes the three demo accounts; running it again changes nothing.
    Seed,
    /// Lives a year of a business in an empty database, by its commands: packs, customers, renewals, sales, refunds,
    /// store events, invoices, payouts and closed months.
    Year(YearArgs),
    /// Fills an empty log with a year of resellers, customers and jobs, as fast as it can be stored, and folds and
    /// chains it.
    History {
        /// How many events.
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
        events: u64,
        /// Another number gives another history; the same gives the same one, on the same day.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

pub async fn run(config: Config, args: DemoArgs) -> anyhow::Result<()> {
    if !config.demo.enabled {
        anyhow::bail!(
            "this is no demo installation: set STENTOR__DEMO__ENABLED=true where public passwords and invented \
             customers do no harm"
        );
    }
    let stop = CancellationToken::new();
    let command = match args.command {
        Some(DemoCommand::Year(year)) => return live(config, year).await,
        None => return live(config, YearArgs::default()).await,
        Some(command) => command,
    };
    let parts = Parts::open(Arc::new(config), Clock::default(), &stop).await?;
    match command {
        DemoCommand::Seed => seed(&parts).await,
        DemoCommand::Year(year) => live((*parts.config).clone(), year).await,
        DemoCommand::History { events, seed } => make_history(&parts, events, seed).await,
    }
}

async fn seed(parts: &Parts) -> anyhow::Result<()> {
    bootstrap::demo(&parts.write_side()).await?;
    let (admin, reseller, customer) = (
        bootstrap::DEMO_ADMIN,
        bootstrap::DEMO_RESELLER,
        bootstrap::DEMO_CUSTOMER,
    );
    print(&format!(
        "demo accounts: {admin}, {reseller}, {customer}; password {}\n",
        bootstrap::DEMO_PASSWORD
    ))?;
    Ok(())
}

async fn live(mut config: Config, args: YearArgs) -> anyhow::Result<()> {
    database::migrate(&config.database.url).await?;
    let database = &mut config.database;
    for url in [
        &mut database.url,
        &mut database.commands_url,
        &mut database.projections_url,
        &mut database.read_url,
    ] {
        flush_later(url);
    }
    let clock = Clock::default();
    clock.advance(-TimeDelta::days(i64::from(year::DAYS)));
    let parts = Parts::open(Arc::new(config), clock, &CancellationToken::new()).await?;
    let full: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM es.events)")
        .fetch_one(&parts.commands)
        .await?;
    anyhow::ensure!(
        !full,
        "the log holds events already, and a year begins with an empty one: name a new database in DATABASE_URL; this \
         command migrates it"
    );
    let (write, began) = (parts.write_side(), Instant::now());
    bootstrap::price_list(&write).await?;
    bootstrap::tiers(&write).await?;
    bootstrap::house(&write).await?;
    let wanted = year::Wanted {
        seed: args.seed,
        resellers: args.resellers.into(),
        customers: usize::try_from(args.customers)?,
    };
    let mut progress = Progress::new("days lived");
    let mut told = |day| progress.at(day, u64::from(year::DAYS));
    let over = CancellationToken::new();
    let living = async {
        let lived = year::live(&write, wanted, &mut told).await;
        over.cancel();
        anyhow::Ok(lived?)
    };
    let both = tokio::try_join!(living, follow(&parts, &over));
    progress.done();
    let (lived, ()) = both?;
    let seconds = began.elapsed().as_secs_f64();
    print(&format!(
        "{} commands and {} store events were carried out in {seconds:.1} s\n",
        lived.commands, lived.store_events
    ))?;
    for (code, times) in &lived.refused {
        print(&format!("  refused {times} times: {code}\n"))?;
    }
    seed(&parts).await?;
    fold(&parts).await?;
    flush(&parts.commands).await?;
    let seconds = began.elapsed().as_secs_f64();
    print(&format!(
        "read models and hash chain include them after {seconds:.1} s: `stentor audit verify` proves it\n"
    ))?;
    Ok(())
}

/// Commits by this URL do not wait for the disk. Nobody relies on a year that is half lived: it is flushed once, at its
/// end, and lived again where the machine stops before.
fn flush_later(url: &mut String) {
    if url.is_empty() {
        return;
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    url.push(separator);
    url.push_str("options[synchronous_commit]=off");
}

/// What was committed before is on the disk: a commit that waits has everything before it written.
async fn flush(pool: &PgPool) -> anyhow::Result<()> {
    let mut transaction = pool
        .begin_with("BEGIN; SET LOCAL synchronous_commit = on")
        .await?;
    sqlx::query("SELECT pg_current_xact_id()")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

async fn make_history(parts: &Parts, events: u64, seed: u64) -> anyhow::Result<()> {
    let wanted = Wanted {
        seed,
        events,
        until: midnight(parts.clock.now()),
    };
    let began = Instant::now();
    let mut progress = Progress::new("events stored");
    let stored = history::append(&parts.commands, &parts.vault, wanted, &mut |stored| {
        progress.at(stored, events.max(stored));
    })
    .await;
    progress.done();
    let stored = stored?;
    let filled = began.elapsed().as_secs_f64();
    print(&format!("{stored} events are stored after {filled:.1} s\n"))?;
    fold(parts).await?;
    let seconds = began.elapsed().as_secs_f64();
    print(&format!(
        "read models and hash chain include them after {seconds:.1} s: `stentor audit verify` proves it, \
         `stentor demo seed` makes accounts to sign in with\n"
    ))?;
    Ok(())
}

/// A history ends at the beginning of the day, so that the same day gives the same one.
fn midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    now.with_time(NaiveTime::MIN).single().unwrap_or(now)
}

/// Folds and chains what is lived, as it comes, until it is over.
async fn follow(parts: &Parts, over: &CancellationToken) -> anyhow::Result<()> {
    while pause(LOOK_EVERY, over).await {
        catch_up(parts).await?;
    }
    Ok(())
}

/// Brings read models and chain to the end of the log, whether a server runs or not.
async fn catch_up(parts: &Parts) -> anyhow::Result<()> {
    let key = AuditKey::open(&parts.config.identity.keys_path)?;
    let folded = async {
        projections::catch_up(&parts.projections, &parts.vault).await?;
        anyhow::Ok(())
    };
    let chained = async {
        chain::catch_up(&parts.projections, &key).await?;
        anyhow::Ok(())
    };
    tokio::try_join!(folded, chained)?;
    Ok(())
}

/// As [`catch_up`], showing how far it is.
async fn fold(parts: &Parts) -> anyhow::Result<()> {
    let mut progress = Progress::new("events folded, over all read models");
    let done = tokio::select! {
        done = catch_up(parts) => done,
        failed = watch(&parts.projections, &mut progress) => failed,
    };
    progress.done();
    done
}

/// Shows how far the read models are; ends only when they cannot be looked at.
async fn watch(pool: &PgPool, progress: &mut Progress) -> anyhow::Result<()> {
    while pause(LOOK_EVERY, &CancellationToken::new()).await {
        let models = status::look(pool).await?;
        let whole = |number: i64| u64::try_from(number).unwrap_or_default();
        let done = models.iter().map(|model| whole(model.at.position)).sum();
        let left: u64 = models.iter().map(|model| whole(model.lag_events)).sum();
        progress.at(done, done + left);
    }
    Ok(())
}
