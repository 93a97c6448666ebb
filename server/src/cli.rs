//! The command line. Answers go to standard output, logs to standard error.

mod audit;
mod demo;
mod erase;
mod log;
mod periods;
mod progress;
mod projections;
mod restore;
mod simulate;
mod statements;
mod store_events;
mod timers;

use std::io::{BufRead, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use commands::bootstrap;
use metrics_exporter_prometheus::PrometheusBuilder;
use platform::{Clock, Config, shutdown, telemetry};
use secrecy::SecretString;
use server::parts::make_keys;
use server::{Parts, Role, serve};
use store::database;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The back office and the engine of transcription through resellers.
#[derive(Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings database, roles, schema, the first price list and the founding tiers up to date.
    Migrate,
    /// Serves until it is told to stop.
    Serve {
        /// What this process does; everything, unless told otherwise.
        #[arg(long, value_enum, value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// Makes demo data.
    Demo(demo::DemoArgs),
    /// Proves that the log is what was recorded, and that every figure follows from it.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// After a restore.
    #[command(subcommand)]
    Restore(RestoreCommand),
    /// The months of the books.
    #[command(subcommand)]
    Periods(periods::PeriodsCommand),
    /// Statements of payout runs.
    #[command(subcommand)]
    Statements(statements::StatementsCommand),
    /// How far the read models are; rebuilding them.
    #[command(subcommand)]
    Projections(projections::ProjectionsCommand),
    /// What is to be done later.
    #[command(subcommand)]
    Timers(timers::TimersCommand),
    /// Signing key, master key and audit key.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Platform admins.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// The event log itself.
    #[command(subcommand)]
    Log(LogCommand),
    /// What stores sent.
    #[command(subcommand)]
    StoreEvents(store_events::StoreEventsCommand),
    /// Plays somebody outside, to try the server with.
    #[command(subcommand)]
    Simulate(simulate::SimulateCommand),
    /// Erases a person for good: name, address, password and sessions.
    Erase {
        /// Id of the user, as the panel's list of people shows it.
        #[arg(long)]
        user: Uuid,
        /// Why, without naming the person: it stays in the log.
        #[arg(long)]
        reason: String,
    },
    /// The read API's schema.
    #[command(subcommand)]
    Schema(SchemaCommand),
}

#[derive(Subcommand)]
enum RestoreCommand {
    /// Renumbers a log that a logical dump brought from another cluster; changes nothing where none is needed.
    Fixup,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Reads every event with this program and names the first that it cannot read. Before an upgrade, run it with
    /// the new version.
    Check {
        /// Prints the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Writes every event as a line of JSON. Personal fields stay sealed.
    Export {
        /// A file that is not there yet.
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Makes the keys that are missing.
    Generate {
        /// Folder for the keys; the settings' `identity.keys_path` where left out.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Registers a platform admin; the password is read from standard input.
    Create {
        #[arg(long)]
        name: String,
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
enum SchemaCommand {
    /// Prints schema.graphql.
    Print,
}

impl Cli {
    /// Whether it goes on until it is told to stop.
    pub fn serves(&self) -> bool {
        matches!(self.command, Command::Serve { .. })
    }

    pub async fn run(self) -> anyhow::Result<ExitCode> {
        if let Command::Schema(SchemaCommand::Print) = self.command {
            print(&api::sdl())?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut config = Config::load()?;
        telemetry::start(&config.log.filter, config.log.json)?;
        match self.command {
            Command::Migrate => migrate(config).await?,
            Command::Serve { roles } => serve_roles(config, roles).await?,
            Command::Demo(args) => demo::run(config, args).await?,
            Command::Audit(command) => return command.run(&config).await,
            Command::Restore(RestoreCommand::Fixup) => restore::fixup(&config).await?,
            Command::Periods(command) => periods::run(config, command).await?,
            Command::Statements(command) => return statements::run(config, command).await,
            Command::Projections(command) => return projections::run(&config, command).await,
            Command::Timers(command) => timers::run(&config, command).await?,
            Command::Keys(KeysCommand::Generate { out }) => {
                config.identity.keys_path = out.unwrap_or(config.identity.keys_path);
                make_keys(&config)?;
                print(&format!("keys are in {}\n", config.identity.keys_path.display()))?;
            }
            Command::Admin(AdminCommand::Create { name, email }) => {
                create_admin(config, &name, &email).await?;
            }
            Command::Log(LogCommand::Check { json }) => return log::check(&config, json).await,
            Command::Log(LogCommand::Export { out }) => log::export(&config, &out).await?,
            Command::Simulate(command) => return simulate::run(&config, command).await,
            Command::StoreEvents(command) => store_events::run(config, command).await?,
            Command::Erase { user, reason } => erase::erase(config, user, &reason).await?,
            Command::Schema(SchemaCommand::Print) => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(text: &str) -> std::io::Result<()> {
    std::io::stdout().lock().write_all(text.as_bytes())
}

async fn migrate(config: Config) -> anyhow::Result<()> {
    database::migrate(&config.database.url).await?;
    let parts = Parts::open(Arc::new(config), Clock::default(), &CancellationToken::new()).await?;
    bootstrap::price_list(&parts.write_side()).await?;
    bootstrap::tiers(&parts.write_side()).await?;
    bootstrap::permission_templates(&parts.write_side()).await?;
    bootstrap::house(&parts.write_side()).await?;
    print("the database is up to date\n")?;
    Ok(())
}

async fn create_admin(config: Config, name: &str, email: &str) -> anyhow::Result<()> {
    let mut password = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut password)
        .context("the password is read from standard input")?;
    let password = SecretString::from(password.trim_end_matches(['\r', '\n']));
    let parts = Parts::open(Arc::new(config), Clock::default(), &CancellationToken::new()).await?;
    let made = bootstrap::admin(&parts.write_side(), name, email, password).await?;
    print(if made {
        "the admin is registered\n"
    } else {
        "this address is an admin's already; nothing was changed\n"
    })?;
    Ok(())
}

async fn serve_roles(config: Config, roles: Vec<Role>) -> anyhow::Result<()> {
    let roles = if roles.is_empty() {
        Role::ALL.to_vec()
    } else {
        roles
    };
    let address = (config.http.host.as_str(), config.http.port);
    let listener = TcpListener::bind(address).with_context(|| {
        format!(
            "{}:{} cannot be served; set STENTOR__HTTP__PORT to a free port",
            address.0, address.1
        )
    })?;
    let url = config.public_url();
    let metrics = PrometheusBuilder::new()
        .install_recorder()
        .context("metrics cannot be collected")?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        if let Err(error) = shutdown::requested().await {
            tracing::error!(%error, "signals cannot be watched");
        }
        stopping.cancel();
    });
    let parts = Parts::open(Arc::new(config), Clock::default(), &stop).await?;
    tracing::info!(%url, ?roles, "serving");
    serve(parts, &roles, listener, Some(metrics), stop).await?;
    tracing::info!("stopped");
    Ok(())
}
