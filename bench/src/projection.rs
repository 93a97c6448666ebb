//! Folding movements of credits into the ledger, exactly once: lines, accounts and checkpoint in the same
//! transactions, by a rebuild beside what is served.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use projections::ledger::Ledger;
use projections::rebuild::Rebuild;
use store::database::DatabaseRole;
use tokio::sync::OnceCell;

use crate::env::Env;
use crate::fill;
use crate::work::{Measured, Target, Work};

/// Accounts whose movements come in turn, and events of each: as many as a reseller of some fifty customers has in
/// a year. Whatever the log's length: nothing in a fold depends on it.
const ACCOUNTS: i64 = 3_000;
const EVENTS_EACH: i64 = 100;

pub fn works() -> Vec<Box<dyn Work>> {
    vec![Box::new(Folding::default())]
}

/// Folds a log that holds nothing but credits: the worst case of a ledger.
#[derive(Default)]
struct Folding {
    env: OnceCell<Env>,
}

#[async_trait(?Send)]
impl Work for Folding {
    fn name(&self) -> &'static str {
        "exactly-once ledger projection"
    }

    fn unit(&self) -> &'static str {
        "movements/s"
    }

    fn target(&self) -> Target {
        Target::AtLeast(100_000.0)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let own = self
            .env
            .get_or_try_init(|| async {
                let own = env.beside(0).await?;
                fill::accounts_with_events(&own.owner, "ledger", 0, ACCOUNTS, EVENTS_EACH).await?;
                own.settle().await?;
                anyhow::Ok(own)
            })
            .await?;
        let rebuild = Rebuild {
            pool: own.pool(DatabaseRole::Projections).await?,
            model: Arc::new(Ledger),
            vault: own.vault.clone(),
        };
        let began = Instant::now();
        let mut events = 0;
        let folded = std::sync::Mutex::new(&mut events);
        rebuild
            .run(&|progress| {
                if let Ok(mut folded) = folded.lock() {
                    **folded = progress.events;
                }
            })
            .await?;
        let seconds = began.elapsed().as_secs_f64();
        rebuild.abandon().await?;
        rebuild.pool.close().await;
        Ok(Measured::of(f64::from(u32::try_from(events)?) / seconds))
    }

    async fn close(&self) -> anyhow::Result<()> {
        match self.env.get() {
            Some(own) => own.close().await,
            None => Ok(()),
        }
    }
}
