//! `stentor`: one binary, many roles.

mod cli;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        // The causes in one line, and no backtrace whatever RUST_BACKTRACE says: most of these are refusals.
        // Where standard error is closed, nobody reads it.
        let _ = writeln!(std::io::stderr(), "stentor: {error:#}");
        ExitCode::FAILURE
    })
}

fn run() -> anyhow::Result<ExitCode> {
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        anyhow::bail!("TLS has been set up twice: this is a defect of the program");
    }
    let cli = cli::Cli::parse();
    if cli.serves() {
        return actix_web::rt::System::new().block_on(cli.run());
    }
    // Audits and rebuilds use every processor.
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(cli.run())
}
