//! What a long stream costs: an account with 10,000 events beside one with 10.

use std::cell::Cell;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use commands::error::CommandError;
use domain::credit_account::CreditAccount;
use store::unit_of_work::{Owner, UnitOfWork};

use crate::env::Env;
use crate::work::{Measured, Target, Work};
use crate::{accounts, fill, stock};

const LONG: i64 = 10_000;
const SHORT: i64 = 10;
/// Tasks, each with an account of its own.
const IN_FLIGHT: usize = 8;
/// The account whose first load is measured.
const COLD: &str = "cold";

pub fn works() -> Vec<Box<dyn Work>> {
    vec![Box::new(Warm), Box::new(FirstLoad)]
}

struct Warm;

#[async_trait(?Send)]
impl Work for Warm {
    fn name(&self) -> &'static str {
        "debits on accounts with 10,000 events, beside 10"
    }

    fn unit(&self) -> &'static str {
        "commands/s"
    }

    fn target(&self) -> Target {
        Target::OfBeside(0.95)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        let accounts = i64::try_from(IN_FLIGHT)?;
        fill::accounts_with_events(&env.owner, "long", 0, accounts, LONG).await?;
        fill::accounts_with_events(&env.owner, "short", 0, accounts, SHORT).await?;
        fill::accounts_with_events(&env.owner, "long-stock", 0, accounts, LONG).await?;
        rate(env, "long").await?;
        rate(env, "short").await?;
        Ok(())
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let short = rate(env, "short").await?;
        let framework = stock::framework(&env.owner);
        let stock = env.rate(IN_FLIGHT, async |task, _| {
            stock::debit(&framework, &fill::account_id("long-stock", i64::try_from(task)?)).await
        });
        Ok(Measured {
            stock: Some(stock.await?),
            beside: Some(short),
            ..Measured::of(rate(env, "long").await?)
        })
    }
}

async fn rate(env: &Env, kind: &str) -> anyhow::Result<f64> {
    env.rate(IN_FLIGHT, async |task, _| {
        accounts::debit(env, &env.bus, &fill::account_id(kind, i64::try_from(task)?)).await
    })
    .await
}

struct FirstLoad;

#[async_trait(?Send)]
impl Work for FirstLoad {
    fn name(&self) -> &'static str {
        "first load of an account with 10,000 events"
    }

    fn unit(&self) -> &'static str {
        "ms"
    }

    fn target(&self) -> Target {
        Target::AtMost(20.0)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        fill::accounts_with_events(&env.owner, COLD, 0, 1, LONG).await?;
        // What a life of ten thousand commands would have left behind: read once, as a first command does.
        accounts::debit(env, &env.bus, &fill::account_id(COLD, 0)).await
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let bus = env.cold_bus();
        let cause = env.cause(Owner::PLATFORM);
        let took = Cell::new(Duration::ZERO);
        let decide = async |unit: &mut UnitOfWork<'_>| {
            let began = Instant::now();
            let account = unit.load::<CreditAccount>(&fill::account_id(COLD, 0)).await?;
            took.set(began.elapsed());
            Ok::<i64, CommandError>(account.balance().0)
        };
        bus.run(&cause, decide).await?;
        Ok(Measured::of(took.get().as_secs_f64() * 1_000.0))
    }
}
