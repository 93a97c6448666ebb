//! Chaos: writers, readers and projections of one log as processes of their own, while processes are killed,
//! connections cut, PostgreSQL crashed and statements timed out. Afterwards everything that was promised is
//! counted.
//!
//! `storm` conducts; `writer`, `reader`, `runner` and `rebuilder` are the processes; `work` says what command a number
//! stands for; `record` is what a writer remembers; `repeat` sends it again; `check` compares promises with the log.

pub mod check;
pub mod children;
pub mod faults;
pub mod proxy;
pub mod reader;
pub mod rebuilder;
pub mod record;
pub mod repeat;
pub mod runner;
pub mod storm;
pub mod verdict;
pub mod work;
pub mod writer;

use std::path::PathBuf;

use domain::ids::PLATFORM;
use domain::personal::Sealed;
use platform::config;
use sqlx::PgPool;
use store::database::{self, DatabaseRole};
use store::vault::Vault;
use uuid::Uuid;

/// What every process of a run is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Run {
    /// The database.
    #[arg(long)]
    pub url: String,
    /// Everything that is decided by chance follows from it.
    #[arg(long)]
    pub seed: u64,
    /// Where records, keys and logs lie.
    #[arg(long)]
    pub folder: PathBuf,
    /// Which of its kind this process is.
    #[arg(long)]
    pub index: u32,
    /// When the run began, in milliseconds since 1970: writers count the shared commands from it.
    #[arg(long)]
    pub began_ms: i64,
}

impl Run {
    /// The personal fields' keys, made with the run.
    ///
    /// # Errors
    /// There is no master key in the folder.
    pub fn vault(&self) -> anyhow::Result<Vault> {
        Ok(Vault::new(&config::master_key(&self.folder)?)?)
    }

    /// The address in every customer's event, sealed: the resellers share one contact.
    ///
    /// # Errors
    /// The database fails.
    pub async fn contact(&self, pool: &PgPool) -> anyhow::Result<Sealed> {
        let subject = Uuid::new_v5(&PLATFORM, b"chaos contact");
        let mut connection = pool.acquire().await?;
        let vault = self.vault()?;
        let [contact] = vault
            .seal(&mut connection, subject, ["office@north.test"])
            .await?;
        Ok(contact)
    }

    /// A pool, whenever the database can be reached.
    pub async fn pool(&self, role: DatabaseRole, connections_max: u32) -> PgPool {
        loop {
            match database::connect(&self.url, role, connections_max).await {
                Ok(pool) => return pool,
                Err(error) => {
                    eprintln!("{error}");
                    pause_ms(100).await;
                }
            }
        }
    }

    /// The file of this process with an ending.
    pub fn file(&self, kind: &str) -> PathBuf {
        self.folder.join(format!("{kind}-{}", self.index))
    }
}

/// Logs warnings to the process' own log, and ends this process with the one that started it, which holds the other end of the standard input.
///
/// # Errors
/// There is a log already.
pub fn begin() -> anyhow::Result<()> {
    platform::telemetry::start("warn,sqlx=error", false)?;
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    Ok(())
}

pub(crate) async fn pause_ms(ms: u64) {
    let endless = tokio_util::sync::CancellationToken::new();
    platform::shutdown::pause(std::time::Duration::from_millis(ms), &endless).await;
}
