//! The worker's command line: `transcribe` for one file, `serve` for jobs from the broker, `bench` for its speed.

mod bench;
mod transcribe;

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use workers::serve::{self, Settings};

/// Transcribes recordings with Whisper models.
#[derive(Debug, Parser)]
#[command(name = "stentor-worker", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Transcribe one recording, without any service.
    Transcribe(Box<transcribe::Arguments>),
    /// Do jobs from the broker until SIGTERM.
    Serve(ServeArguments),
    /// Measure how long a model takes for 30 s of sound.
    Bench(bench::Arguments),
}

#[derive(Debug, clap::Args)]
struct ServeArguments {
    #[command(flatten)]
    settings: Settings,
    /// What to log, for example info or info,workers=debug.
    #[arg(long, default_value = "info", env = "STENTOR_LOG")]
    log: String,
    /// Log in JSON, for programs.
    #[arg(long, env = "STENTOR_LOG_JSON")]
    log_json: bool,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Transcribe(arguments) => transcribe::run(&arguments),
        Command::Serve(arguments) => start(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stentor-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &ServeArguments) -> anyhow::Result<()> {
    platform::telemetry::start(&arguments.log, arguments.log_json)?;
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider is installed"))?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot start")?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let signalled = stop.clone();
        tokio::spawn(async move {
            if let Err(error) = platform::shutdown::requested().await {
                tracing::error!(%error, "signals cannot be watched; end this process with SIGKILL");
                return;
            }
            tracing::info!("ending; a job under way goes back to the broker");
            signalled.cancel();
        });
        serve::run(&arguments.settings, stop).await
    })
}
