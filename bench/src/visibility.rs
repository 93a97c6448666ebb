//! From a command's answer until a waiting reader sees what it appended, with every projection running.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use commands::bus::Bus;
use commands::error::CommandError;
use domain::credit_account::CreditAccount;
use domain::ids::ResellerId;
use futures::future::try_join_all;
use projections::Waiter;
use projections::credit_transactions::CreditTransactions;
use projections::projection::Projection;
use store::Position;
use store::database::DatabaseRole;
use store::unit_of_work::{Owner, UnitOfWork};
use store::wake::Wake;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::env::Env;
use crate::work::{Measured, Target, Work};
use crate::{accounts, fill};

const KIND: &str = "visible";
const ACCOUNTS: u32 = 256;
const COMMANDS_PER_SECOND: u32 = 500;
/// What the projections are given to come to the end of the log before anything is measured.
const LONGEST: Duration = Duration::from_mins(1);

pub fn works() -> Vec<Box<dyn Work>> {
    vec![Box::new(Visible)]
}

struct Visible;

#[async_trait(?Send)]
impl Work for Visible {
    fn name(&self) -> &'static str {
        "append until visible to a waiting reader, p99 at 500/s"
    }

    fn unit(&self) -> &'static str {
        "ms"
    }

    fn target(&self) -> Target {
        Target::AtMost(50.0)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        fill::accounts_with_events(&env.owner, KIND, 0, i64::from(ACCOUNTS), 10).await
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        // Read models of the whole history are another figure: these begin where the log is now.
        sqlx::query(
            "INSERT INTO es.checkpoints (projection, version, last_xid, last_position)
             SELECT p.name, p.version, e.xid::text::bigint, e.position
             FROM unnest($1::text[], $2::int[]) AS p (name, version),
                  (SELECT e.xid, e.position FROM es.events e ORDER BY e.xid DESC, e.position DESC LIMIT 1) e
             ON CONFLICT (projection, version)
             DO UPDATE SET last_xid = excluded.last_xid, last_position = excluded.last_position",
        )
        .bind(models(|model| model.name()))
        .bind(models(|model| model.version()))
        .execute(&env.owner)
        .await?;
        let (wake, stop) = (Wake::local(), CancellationToken::new());
        let bus = env.bus_that_wakes(&wake);
        let pool = env.pool(DatabaseRole::Projections).await?;
        let runner = tokio::spawn(projections::run(
            pool.clone(),
            env.vault.clone(),
            wake.clone(),
            stop.clone(),
        ));
        let waiter = Waiter::new(env.commands.clone(), &wake);
        let waits = async |account: u32| -> anyhow::Result<f64> {
            let id = fill::account_id(KIND, i64::from(account % ACCOUNTS));
            let position = debit(env, &bus, &id).await?;
            let answered = Instant::now();
            waiter
                .wait_for(&[CreditTransactions::NAME], position, LONGEST)
                .await?;
            Ok(answered.elapsed().as_secs_f64() * 1_000.0)
        };
        waits(0).await?;
        let commands = u32::try_from(env.seconds.as_millis())? * COMMANDS_PER_SECOND / 1_000;
        let mut under_way = Vec::new();
        let waits = &waits;
        let began = tokio::time::Instant::now();
        for number in 0..commands {
            let at = began + Duration::from_secs(1) / COMMANDS_PER_SECOND * number;
            under_way.push(async move {
                sleep_until(at).await;
                waits(number).await
            });
        }
        let mut times = try_join_all(under_way).await?;
        stop.cancel();
        runner.await?;
        pool.close().await;
        times.sort_by(f64::total_cmp);
        let slow = times.len() * 99 / 100;
        Ok(Measured::of(times.get(slow).copied().unwrap_or_default()))
    }
}

/// One debit, answered with the position of its event.
async fn debit(env: &Env, bus: &Bus, account: &str) -> anyhow::Result<Position> {
    let owner = Owner::reseller(ResellerId(Uuid::nil()));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        unit.execute::<CreditAccount>(owner, account, accounts::debit_command())
            .await?;
        Ok::<(), CommandError>(())
    };
    Ok(bus.run(&env.cause(owner), decide).await?.position)
}

fn models<T>(of: impl Fn(&dyn projections::ReadModel) -> T) -> Vec<T> {
    projections::projection::all()
        .iter()
        .map(|model| of(model.as_ref()))
        .collect()
}
