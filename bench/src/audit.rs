//! The proof of the log: chaining all events anew, and what `stentor audit verify` does, over a generated history of
//! the pass's length, whose read models are folded and whose chain is whole.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use async_trait::async_trait;
use platform::audit_key::{self, AuditKey};
use sqlx::Executor;
use store::chain;
use store::chain::verify::Evidence;
use store::database::DatabaseRole;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::env::Env;
use crate::work::{Measured, Target, Work};

pub fn works() -> Vec<Box<dyn Work>> {
    let log = Arc::new(Log::default());
    vec![
        Box::new(Chain(Arc::clone(&log))),
        Box::new(Audit(Arc::clone(&log))),
        Box::new(Memory(log)),
    ]
}

/// A database of its own, which no other work appends to.
#[derive(Default)]
struct Log(Mutex<Option<Proven>>);

struct Proven {
    env: Env,
    /// What the pass asked for.
    wanted: u64,
    /// Events that there are.
    events: u32,
    key: AuditKey,
    /// The most that the process held during the last audit, in megabytes.
    memory_mb: Option<f64>,
    _keys: TempDir,
}

impl Log {
    /// The log for this pass; made when it is first asked for.
    async fn of(&self, env: &Env) -> anyhow::Result<MutexGuard<'_, Option<Proven>>> {
        let mut held = self.0.lock().await;
        if held.as_ref().is_none_or(|log| log.wanted != env.events) {
            if let Some(old) = held.take() {
                old.env.close().await?;
            }
            *held = Some(Proven::make(env.beside(env.events).await?).await?);
        }
        Ok(held)
    }

    async fn close(&self) -> anyhow::Result<()> {
        match self.0.lock().await.take() {
            Some(log) => log.env.close().await,
            None => Ok(()),
        }
    }
}

impl Proven {
    async fn make(env: Env) -> anyhow::Result<Self> {
        let keys = tempfile::tempdir()?;
        audit_key::generate(keys.path())?;
        let key = AuditKey::open(keys.path())?;
        let pool = env.pool(DatabaseRole::Projections).await?;
        projections::catch_up(&pool, &env.vault).await?;
        chain::catch_up(&pool, &key).await?;
        pool.close().await;
        env.settle().await?;
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM es.events")
            .fetch_one(&env.owner)
            .await?;
        Ok(Self {
            wanted: env.events,
            events: u32::try_from(events)?,
            env,
            key,
            memory_mb: None,
            _keys: keys,
        })
    }

    /// Events per second, from an empty chain.
    async fn chain(&self) -> anyhow::Result<f64> {
        self.env
            .owner
            .execute(
                "ALTER TABLE es.chain DISABLE TRIGGER USER; ALTER TABLE es.tenant_chain DISABLE TRIGGER USER;
                 TRUNCATE es.chain, es.tenant_chain;
                 ALTER TABLE es.chain ENABLE TRIGGER USER; ALTER TABLE es.tenant_chain ENABLE TRIGGER USER",
            )
            .await?;
        sqlx::query("DELETE FROM es.checkpoints WHERE projection = $1")
            .bind(chain::CHECKPOINT_NAME)
            .execute(&self.env.owner)
            .await?;
        let pool = self.env.pool(DatabaseRole::Projections).await?;
        let began = Instant::now();
        chain::catch_up(&pool, &self.key).await?;
        let seconds = began.elapsed().as_secs_f64();
        pool.close().await;
        Ok(f64::from(self.events) / seconds)
    }

    /// Events per second, as `stentor audit verify` goes about it.
    async fn audit(&mut self) -> anyhow::Result<f64> {
        let evidence = Evidence {
            key: self.key.public(),
            objects: None,
            kept: Vec::new(),
        };
        forget_peak()?;
        let began = Instant::now();
        let mut quiet = |_, _| {};
        let (chain, folded) = tokio::join!(
            chain::verify::verify(&self.env.owner, &evidence, &mut quiet),
            projections::audit::verify(&self.env.owner, &self.env.vault)
        );
        let seconds = began.elapsed().as_secs_f64();
        self.memory_mb = Some(peak_mb()?);
        anyhow::ensure!(
            chain?.is_clean() && folded?.is_clean(),
            "the audit of the generated history finds something"
        );
        Ok(f64::from(self.events) / seconds)
    }
}

/// Lets the system count the peak of this process' memory from now on.
fn forget_peak() -> anyhow::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").context("the peak of the memory cannot be reset")
}

fn peak_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kilobytes = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?
            .strip_suffix("kB")?
            .trim()
            .parse::<f64>()
            .ok()
    });
    Ok(kilobytes.context("the system does not tell the peak of the memory")? / 1_024.0)
}

struct Chain(Arc<Log>);

#[async_trait(?Send)]
impl Work for Chain {
    fn name(&self) -> &'static str {
        "hash chain over the whole log, from nothing"
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    fn target(&self) -> Target {
        Target::AtLeast(100_000.0)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let held = self.0.of(env).await?;
        let log = held.as_ref().context("there is no log")?;
        Ok(Measured::of(log.chain().await?))
    }

    async fn close(&self) -> anyhow::Result<()> {
        self.0.close().await
    }
}

struct Audit(Arc<Log>);

#[async_trait(?Send)]
impl Work for Audit {
    fn name(&self) -> &'static str {
        "audit verify"
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    fn target(&self) -> Target {
        Target::AtLeast(50_000.0)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let mut held = self.0.of(env).await?;
        let log = held.as_mut().context("there is no log")?;
        Ok(Measured::of(log.audit().await?))
    }

    async fn close(&self) -> anyhow::Result<()> {
        self.0.close().await
    }
}

struct Memory(Arc<Log>);

#[async_trait(?Send)]
impl Work for Memory {
    fn name(&self) -> &'static str {
        "peak memory of the process during audit verify"
    }

    fn unit(&self) -> &'static str {
        "MB"
    }

    fn target(&self) -> Target {
        Target::AtMost(200.0)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let mut held = self.0.of(env).await?;
        let log = held.as_mut().context("there is no log")?;
        // That of the round's audit, where it has been measured.
        if log.memory_mb.is_none() {
            log.audit().await?;
        }
        Ok(Measured::of(log.memory_mb.take().unwrap_or_default()))
    }

    async fn close(&self) -> anyhow::Result<()> {
        self.0.close().await
    }
}
