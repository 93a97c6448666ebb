//! `bench-log`: what the event log does, against a plain insert per transaction on the same server in the same
//! run. It makes a database of its own and drops it.

mod accounts;
mod atomic;
mod audit;
mod baseline;
mod bulk;
#[expect(dead_code, reason = "the other program uses the rest")]
mod env;
mod fill;
mod hot;
mod projection;
mod replay;
mod report;
mod stock;
mod streams;
mod visibility;
#[expect(dead_code, reason = "the other program has targets of its own")]
mod work;

use std::time::Duration;

use clap::Parser;

use crate::env::Env;
use crate::report::Report;
use crate::work::Work;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the event log.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The server, by any of its databases; the login must be able to create databases and roles.
    #[arg(long, env = "DATABASE_URL")]
    url: String,
    /// Rounds; each measures the plain insert and then every work. Medians are reported.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only works whose name contains this text; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// Events that the log holds already, one pass each.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    events: Vec<u64>,
}

/// Every work, in the order of the table.
fn works() -> Vec<Box<dyn Work>> {
    let mut works = accounts::works();
    works.extend(hot::works());
    works.extend(streams::works());
    works.extend(atomic::works());
    works.extend(replay::works());
    works.extend(projection::works());
    works.extend(audit::works());
    works.extend(visibility::works());
    works.extend(bulk::works());
    works
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let seconds = Duration::try_from_secs_f64(cli.seconds)?;
    let chosen: Vec<_> = works()
        .into_iter()
        .filter(|work| cli.only.is_empty() || cli.only.iter().any(|text| work.name().contains(text.as_str())))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = works().iter().map(|work| work.name()).collect();
        anyhow::bail!("no work has such a name; there are: {}", names.join("; "));
    }
    let mut report = Report::default();
    let measured = passes(&cli, seconds, &chosen, &mut report).await;
    for work in &chosen {
        work.close().await?;
    }
    measured?;
    report.print()
}

/// One pass for each length of the log.
async fn passes(
    cli: &Cli,
    seconds: Duration,
    works: &[Box<dyn Work>],
    report: &mut Report,
) -> anyhow::Result<()> {
    for events in &cli.events {
        let env = Env::open(&cli.url, seconds, *events).await?;
        let measured = measure(&env, works, cli.rounds, report).await;
        env.close().await?;
        measured?;
    }
    Ok(())
}

async fn measure(env: &Env, works: &[Box<dyn Work>], rounds: u32, report: &mut Report) -> anyhow::Result<()> {
    for work in works {
        work.prepare(env).await?;
    }
    env.settle().await?;
    for round in 1..=rounds {
        let plain = baseline::rate(env).await?;
        report::progress(&format!(
            "{} events, round {round} of {rounds}: plain insert {plain:.0}/s",
            env.events
        ))?;
        for work in works {
            let measured = work.round(env).await?;
            report::progress(&format!(
                "  {}: {:.1} {}",
                work.name(),
                measured.value,
                work.unit()
            ))?;
            report.add(env.events, work.as_ref(), measured, plain);
        }
    }
    Ok(())
}
