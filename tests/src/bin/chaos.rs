//! `chaos`: see [`tests::chaos`]. Run by `./dev chaos`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tests::chaos::storm::Storm;
use tests::chaos::{Run, begin, reader, rebuilder, runner, writer};

/// Kills, cuts and crashes what works on one log, then counts what was promised and what is there.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A whole run on a cluster of its own.
    Storm(Storm),
    /// A process of a run that sends commands.
    #[command(hide = true)]
    Writer(Run),
    /// A process of a run that tails the feed.
    #[command(hide = true)]
    Reader(Run),
    /// A process of a run that folds the projections.
    #[command(hide = true)]
    Runner(Run),
    /// A process of a run that rebuilds the projections.
    #[command(hide = true)]
    Rebuilder(Run),
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Storm(storm) => {
            let runtime = tokio::runtime::Runtime::new()?;
            return runtime.block_on(whole(storm));
        }
        Command::Writer(run) => child(writer::run(run))?,
        Command::Reader(run) => child(reader::run(run))?,
        Command::Runner(run) => child(runner::run(run))?,
        Command::Rebuilder(run) => child(rebuilder::run(run))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn child(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    begin()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

async fn whole(storm: Storm) -> anyhow::Result<ExitCode> {
    let seed = storm.seed.unwrap_or_else(rand::random);
    let folder = tempfile::Builder::new().prefix("stentor-chaos-").tempdir()?;
    eprintln!("seed {seed}, records in {}", folder.path().display());
    let outcome = storm.run(folder.path(), seed).await;
    let sound = match &outcome {
        Ok(verdict) => {
            print!("{verdict}");
            verdict.faults.is_empty()
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            false
        }
    };
    if sound {
        println!("everything that was promised is there, once");
        return Ok(ExitCode::SUCCESS);
    }
    let kept = folder.keep();
    println!("NOT SOUND: seed {seed}, records and logs in {}", kept.display());
    Ok(ExitCode::FAILURE)
}
