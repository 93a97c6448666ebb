//! `bench-read`: what reads cost, against the same by hand-written SQL on the same server in the same run. It makes a
//! database of its own and drops it. A work is a file; [`works`] lists them.

#[path = "../env.rs"]
#[expect(dead_code, reason = "the other program uses the rest")]
mod env;
#[path = "../report.rs"]
mod report;
#[path = "../work.rs"]
#[expect(dead_code, reason = "the other program uses the rest")]
mod work;

mod dashboard;
mod entitlements;

use std::time::Duration;

use clap::Parser;

use crate::env::Env;
use crate::report::Report;
use crate::work::Work;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the read side.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The server, by any of its databases; the login must be able to create databases and roles.
    #[arg(long, env = "DATABASE_URL")]
    url: String,
    /// Rounds. Medians are reported.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only works whose name contains this text; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// Events of the history that the read tables are folded from, one pass each.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000])]
    events: Vec<u64>,
    /// Customers of the platforms whose dashboards are asked for, one pass each, the smallest first; the tables of a
    /// million take five to eight minutes to fill.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000])]
    customers: Vec<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let seconds = Duration::try_from_secs_f64(cli.seconds)?;
    let (of_events, of_customers) = (entitlements::works(), dashboard::works());
    let names: Vec<_> = of_events
        .iter()
        .chain(&of_customers)
        .map(|work| work.name())
        .collect();
    let is_chosen =
        |name: &str| cli.only.is_empty() || cli.only.iter().any(|text| name.contains(text.as_str()));
    if !names.iter().any(|name| is_chosen(name)) {
        anyhow::bail!("no work has such a name; there are: {}", names.join("; "));
    }
    let mut report = Report::default();
    for (works, sizes, is_history) in [
        (of_events, &cli.events, true),
        (of_customers, &cli.customers, false),
    ] {
        let chosen: Vec<_> = works.into_iter().filter(|work| is_chosen(work.name())).collect();
        for size in sizes.iter().filter(|_| !chosen.is_empty()) {
            let env = if is_history {
                Env::open(&cli.url, seconds, *size).await?
            } else {
                Env::empty(&cli.url, seconds, *size).await?
            };
            let measured = measure(&env, &chosen, cli.rounds, &mut report).await;
            env.close().await?;
            measured?;
        }
    }
    report.print()
}

async fn measure(env: &Env, works: &[Box<dyn Work>], rounds: u32, report: &mut Report) -> anyhow::Result<()> {
    for work in works {
        work.prepare(env).await?;
    }
    env.settle().await?;
    for round in 1..=rounds {
        report::progress(&format!("size {}, round {round} of {rounds}", env.events))?;
        for work in works {
            let measured = work.round(env).await?;
            report::progress(&format!(
                "  {}: {:.1} {}",
                work.name(),
                measured.value,
                work.unit()
            ))?;
            // Nothing here is held against a plain insert.
            report.add(env.events, work.as_ref(), measured, 1.0);
        }
    }
    Ok(())
}
