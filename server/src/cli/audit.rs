//! `stentor audit`: verify, status, checkpoint, key, export.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Subcommand;
use platform::audit_key::{AuditKey, AuditPublicKey};
use platform::objects::Objects;
use platform::{Clock, Config, Scope, config};
use projections::audit::Stage;
use projections::ledger::violations;
use serde_json::json;
use sqlx::PgPool;
use store::chain::export::{Selection, export};
use store::chain::verify::Evidence;
use store::chain::{self, status, verifier_key};
use store::database::{self, DatabaseRole};
use store::vault::Vault;

use super::progress::Bars;

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Checks the log against its hash chain and checkpoints, folds it again and compares every row.
    Verify {
        /// Prints the report as JSON.
        #[arg(long)]
        json: bool,
        /// A checkpoint that you kept, to compare with; may be given several times.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// Leaves the published checkpoints out: for a database that was recovered to a moment before them.
        #[arg(long)]
        ignore_published: bool,
    },
    /// Shows how the proof stands: head, lag, last checkpoint, what the last verification and the ledger found.
    Status {
        #[arg(long)]
        json: bool,
    },
    /// Signs a checkpoint over all events, publishes and prints it.
    Checkpoint,
    /// Prints the public key that checkpoints are signed with.
    Key,
    /// Writes an archive that anybody can verify, up to the last checkpoint.
    Export {
        /// The archive, a .zip.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Number of the first event; 1 where left out.
        #[arg(long, conflicts_with = "tenant")]
        from: Option<u64>,
        /// Number of the last event; that of the last checkpoint where left out.
        #[arg(long, conflicts_with = "tenant")]
        to: Option<u64>,
        /// Only the events of this tenant or reseller.
        #[arg(long, value_name = "ID")]
        tenant: Option<String>,
    },
}

impl AuditCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<ExitCode> {
        match self {
            Self::Verify {
                json,
                checkpoint,
                ignore_published,
            } => verify(config, json, checkpoint, ignore_published).await,
            Self::Status { json } => show_status(config, json).await,
            Self::Checkpoint => checkpoint(config).await,
            Self::Key => {
                let key = AuditPublicKey::open(&config.identity.keys_path)?;
                super::print(&format!(
                    "{}{}\n",
                    key.pem(),
                    verifier_key(&config.audit.origin, &key)
                ))?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Export {
                out,
                from,
                to,
                tenant,
            } => {
                let selection = match (tenant, from, to) {
                    (Some(tenant), ..) => Selection::Tenant(tenant),
                    (None, None, None) => Selection::All,
                    (None, first, last) => Selection::Range {
                        first: first.unwrap_or(1),
                        last,
                    },
                };
                write_archive(config, selection, out).await
            }
        }
    }
}

/// As many as an audit uses: four of its own, and those that read, hash and fold.
const CONNECTIONS: u32 = 12;

async fn owner(config: &Config) -> anyhow::Result<PgPool> {
    Ok(database::connect(&config.database.url, DatabaseRole::Owner, CONNECTIONS).await?)
}

async fn verify(
    config: &Config,
    as_json: bool,
    kept: Vec<PathBuf>,
    ignore_published: bool,
) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let pool = owner(config).await?;
    let vault = Vault::new(&config::master_key(&config.identity.keys_path)?)?;
    let objects = Objects::open(&config.storage)?;
    let mut evidence = Evidence {
        key: AuditPublicKey::open(&config.identity.keys_path)?,
        objects: (!ignore_published).then_some(&objects),
        kept: Vec::new(),
    };
    for file in kept {
        let text = std::fs::read_to_string(&file);
        evidence
            .kept
            .push(text.with_context(|| format!("the checkpoint {} cannot be read", file.display()))?);
    }
    projections::audit::settle(&pool, Duration::from_secs(3)).await?;
    let bars = Bars::default();
    let (mut chained, mut folding, mut comparing) = (
        bars.bar("events compared with the chain"),
        bars.bar("events folded again"),
        bars.bar("read models compared"),
    );
    let mut tell_chain = |done, total| chained.at(done, total);
    let mut tell_fold = |stage, done, total| match stage {
        Stage::Fold => folding.at(done, total),
        Stage::Compare => comparing.at(done, total),
    };
    let (chain, folded) = tokio::join!(
        chain::verify::verify(&pool, &evidence, &mut tell_chain),
        projections::audit::verify_telling(&pool, &vault, &mut tell_fold)
    );
    for bar in [chained, folding, comparing] {
        bar.done();
    }
    let report = report::Report::new(chain?, folded, began.elapsed());
    let first = report.first();
    status::record_run(
        &mut *pool.acquire().await?,
        report.chain.events,
        report.violations(),
        first.as_ref(),
    )
    .await?;
    let text = if as_json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        report.told()?
    };
    super::print(&text)?;
    Ok(if report.clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn show_status(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let pool = owner(config).await?;
    let mut connection = pool.acquire().await?;
    let status = status::read(&mut connection, Clock::default().now()).await?;
    let violations = violations::list(&mut connection, Scope::Platform).await?;
    let sound = status.is_sound() && violations.is_empty();
    let text = if as_json {
        let ledger = json!({
            "violations": violations.len(),
            "first": violations.first().map(report::told_violation),
        });
        serde_json::to_string_pretty(&json!({"sound": sound, "chain": status, "ledger": ledger}))? + "\n"
    } else {
        report::told_status(&status, &violations)?
    };
    super::print(&text)?;
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn checkpoint(config: &Config) -> anyhow::Result<ExitCode> {
    let url = config.database.projections_url();
    let pool = database::connect(url, DatabaseRole::Projections, 2).await?;
    let key = AuditKey::open(&config.identity.keys_path)?;
    let objects = Objects::open(&config.storage)?;
    chain::catch_up(&pool, &key).await?;
    let now = Clock::default().now();
    let made = chain::make_checkpoint(&pool, &key, &config.audit.origin, now).await?;
    chain::publish(&pool, &objects, None).await?;
    super::print(&made.text)?;
    Ok(ExitCode::SUCCESS)
}

async fn write_archive(config: &Config, selection: Selection, out: PathBuf) -> anyhow::Result<ExitCode> {
    let pool = owner(config).await?;
    let key = AuditPublicKey::open(&config.identity.keys_path)?;
    let exported = export(&pool, &key, &selection, &out).await?;
    super::print(&format!(
        "{} events, proven by the checkpoint over {} events of {}, are in {}\n",
        exported.events,
        exported.checkpoint.size,
        exported.checkpoint.made_at,
        out.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}
