//! `stentor demo`: accounts to sign in with, and a year of history to look at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveTime, Utc};
use clap::Subcommand;
use commands::bootstrap;
use commands::history::{self, Wanted};
use platform::audit_key::AuditKey;
use platform::shutdown::pause;
use platform::{Clock, Config};
use projections::status;
use server::Parts;
use sqlx::PgPool;
use store::chain;
use tokio_util::sync::CancellationToken;

use super::print;
use super::progress::Progress;

/// Between two looks at how far the read models are.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub enum DemoCommand {
    /// Makes the three demo accounts; running it again changes nothing.
    Seed,
    /// Fills an empty log with a year of resellers, customers and jobs, and folds and chains it.
    History {
        /// How many events.
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
        events: u64,
        /// Another number gives another history; the same gives the same one, on the same day.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

pub async fn run(config: Config, command: DemoCommand) -> anyhow::Result<()> {
    if !config.demo.enabled {
        anyhow::bail!(
            "this is no demo installation: set STENTOR__DEMO__ENABLED=true where public passwords and invented \
             customers do no harm"
        );
    }
    let stop = CancellationToken::new();
    let parts = Parts::open(Arc::new(config), Clock::default(), &stop).await?;
    match command {
        DemoCommand::Seed => seed(&parts).await,
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

/// Brings read models and chain to the end of the log, whether a server runs or not.
async fn fold(parts: &Parts) -> anyhow::Result<()> {
    let key = AuditKey::open(&parts.config.identity.keys_path)?;
    let folding = async {
        let folded = async {
            projections::catch_up(&parts.projections, &parts.vault).await?;
            anyhow::Ok(())
        };
        let chained = async {
            chain::catch_up(&parts.projections, &key).await?;
            anyhow::Ok(())
        };
        tokio::try_join!(folded, chained)
    };
    let mut progress = Progress::new("events folded, over all read models");
    let done = tokio::select! {
        done = folding => done.map(drop),
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
