//! `stentor projections`: how far the read models are, and rebuilding them beside what is served.

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use clap::Subcommand;
use platform::{Config, config};
use projections::ReadModel;
use projections::dead_letters::{self, DeadLetter};
use projections::projection;
use projections::rebuild::Rebuild;
use projections::status::{self, Status};
use sqlx::PgPool;
use store::database::{self, DatabaseRole};
use store::vault::Vault;

use super::print;
use super::progress::Progress;

const CONNECTIONS: u32 = 4;

#[derive(Subcommand)]
pub enum ProjectionsCommand {
    /// How far each one is, what it put aside, and what is being rebuilt.
    Status {
        /// Prints it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Folds the log again, into tables beside those that are served; goes on where it was cut off.
    Rebuild { name: String },
    /// Serves what was rebuilt, in one transaction.
    Switch { name: String },
    /// Drops what a rebuild has made so far.
    Abandon { name: String },
    /// Events that were put aside, and why.
    DeadLetters {
        name: Option<String>,
        /// Prints them as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Folds events that were put aside again.
    Retry { name: String },
}

pub async fn run(config: &Config, command: ProjectionsCommand) -> anyhow::Result<ExitCode> {
    let url = config.database.projections_url();
    let pool = database::connect(url, DatabaseRole::Projections, CONNECTIONS).await?;
    match command {
        ProjectionsCommand::Status { json } => {
            let all = status::look(&pool).await?;
            print(&if json {
                serde_json::to_string_pretty(&all)? + "\n"
            } else {
                told(&all)?
            })?;
        }
        ProjectionsCommand::Rebuild { name } => rebuild(config, &pool, &name).await?,
        ProjectionsCommand::Switch { name } => {
            rebuild_of(config, &pool, &name)?.switch().await?;
            print(&format!("{name} is served from the rebuilt tables\n"))?;
        }
        ProjectionsCommand::Abandon { name } => {
            rebuild_of(config, &pool, &name)?.abandon().await?;
            print(&format!("nothing is left of a rebuild of {name}\n"))?;
        }
        ProjectionsCommand::DeadLetters { name, json } => {
            let letters = dead_letters::list(&mut *pool.acquire().await?, name.as_deref()).await?;
            print(&if json {
                serde_json::to_string_pretty(&letters)? + "\n"
            } else {
                told_letters(&letters)?
            })?;
        }
        ProjectionsCommand::Retry { name } => return retry(config, &pool, &name).await,
    }
    pool.close().await;
    Ok(ExitCode::SUCCESS)
}

fn named(name: &str) -> anyhow::Result<Arc<dyn ReadModel>> {
    let all = projection::all();
    let names: Vec<&str> = all.iter().map(|model| model.name()).collect();
    let unknown = format!(
        "there is no read model {name:?}: choose one of {}",
        names.join(", ")
    );
    all.into_iter()
        .find(|model| model.name() == name)
        .context(unknown)
}

fn vault(config: &Config) -> anyhow::Result<Vault> {
    Ok(Vault::new(&config::master_key(&config.identity.keys_path)?)?)
}

async fn rebuild(config: &Config, pool: &PgPool, name: &str) -> anyhow::Result<()> {
    let rebuild = rebuild_of(config, pool, name)?;
    let (progress, began) = (Mutex::new(Progress::new(rebuild.model.name())), Instant::now());
    let events = AtomicU64::new(0);
    let at = rebuild
        .run(&|reached| {
            events.store(reached.events, Ordering::Relaxed);
            let whole = |position: i64| u64::try_from(position).unwrap_or_default();
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.at(whole(reached.at.position), whole(reached.head.position));
        })
        .await?;
    progress.lock().unwrap_or_else(PoisonError::into_inner).done();
    let events = events.into_inner();
    let seconds = began.elapsed().as_secs_f64();
    print(&format!(
        "{name} is rebuilt to position {at}: {events} events in {seconds:.1} s; serve it with \
         `stentor projections switch {name}`\n"
    ))?;
    Ok(())
}

fn rebuild_of(config: &Config, pool: &PgPool, name: &str) -> anyhow::Result<Rebuild> {
    Ok(Rebuild {
        pool: pool.clone(),
        model: named(name)?,
        vault: vault(config)?,
    })
}

async fn retry(config: &Config, pool: &PgPool, name: &str) -> anyhow::Result<ExitCode> {
    let (model, vault) = (named(name)?, vault(config)?);
    let retried = dead_letters::retry(pool, model.as_ref(), &vault).await?;
    print(&format!(
        "{} events are folded, {} could still not be: see `stentor projections dead-letters {name}`\n",
        retried.folded, retried.left
    ))?;
    Ok(if retried.left == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn told(all: &[Status]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "{:<20} {:>7} {:>18} {:>10} {:>10} {:>12}  rebuild",
        "projection", "version", "position", "behind", "seconds", "dead letters"
    )?;
    for one in all {
        let rebuild = one.rebuild.as_ref().map_or_else(String::new, |rebuild| {
            format!(
                "v{} at {}, {} behind",
                rebuild.version, rebuild.at, rebuild.lag_events
            )
        });
        writeln!(
            text,
            "{:<20} {:>7} {:>18} {:>10} {:>10.1} {:>12}  {rebuild}",
            one.projection,
            one.version,
            one.at.to_string(),
            one.lag_events,
            one.lag_seconds,
            one.dead_letters
        )?;
    }
    for one in all {
        if let Some(stopped) = &one.stopped {
            writeln!(
                text,
                "STOPPED: {} since {}: {}",
                one.projection, stopped.since, stopped.error
            )?;
        }
    }
    Ok(text)
}

fn told_letters(letters: &[DeadLetter]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for letter in letters {
        let place = if letter.rebuild { " (rebuild)" } else { "" };
        writeln!(
            text,
            "{}{place} v{} {} after {} attempts: {}",
            letter.projection, letter.version, letter.position, letter.attempts, letter.error
        )?;
    }
    if letters.is_empty() {
        writeln!(text, "no event was put aside")?;
    }
    Ok(text)
}
