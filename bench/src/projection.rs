//! Folding movements of credits into rows and balances, exactly once: rows, balances and checkpoint in the same
//! transactions.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use projections::credit_transactions::CreditTransactions;
use projections::rebuild::Rebuild;
use store::database::DatabaseRole;
use tokio::sync::OnceCell;

use crate::env::Env;
use crate::fill;
use crate::work::{Measured, Target, Work};

/// Movements that are folded in a round, whatever the log's length: nothing in a fold depends on it.
const MOVEMENTS: u64 = 300_000;

pub fn works() -> Vec<Box<dyn Work>> {
    vec![Box::new(Ledger::default())]
}

/// Folds a log that holds nothing but credits: the worst case of a ledger.
#[derive(Default)]
struct Ledger {
    env: OnceCell<Env>,
}

#[async_trait(?Send)]
impl Work for Ledger {
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
                let own = env.beside().await?;
                fill::history(&own.owner, MOVEMENTS).await?;
                own.settle().await?;
                anyhow::Ok(own)
            })
            .await?;
        let rebuild = Rebuild {
            pool: own.pool(DatabaseRole::Projections).await?,
            model: Arc::new(CreditTransactions),
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
