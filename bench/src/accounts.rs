//! Debits on different accounts, each by a command of its own.

use async_trait::async_trait;
use commands::bus::Bus;
use commands::error::CommandError;
use domain::credit_account::{CreditAccount, CreditAccountCommand, DebitPurpose};
use domain::credits::Credits;
use domain::ids::{ResellerId, TenantId};
use store::unit_of_work::{Owner, UnitOfWork};
use uuid::Uuid;

use crate::env::Env;
use crate::work::{Measured, Target, Work};
use crate::{fill, stock};

/// Accounts that the tasks share out: task `t` debits `t`, `t + tasks`, ...
const ACCOUNTS: usize = 1_024;
const KIND: &str = "different";

pub fn works() -> Vec<Box<dyn Work>> {
    vec![
        Box::new(DifferentAccounts {
            name: "debits on different accounts, 32 in flight",
            in_flight: 32,
            target: 0.9,
            stock: true,
        }),
        Box::new(DifferentAccounts {
            name: "debits on different accounts, 256 in flight",
            in_flight: 256,
            target: 2.0,
            stock: false,
        }),
    ]
}

struct DifferentAccounts {
    name: &'static str,
    in_flight: usize,
    target: f64,
    stock: bool,
}

#[async_trait(?Send)]
impl Work for DifferentAccounts {
    fn name(&self) -> &'static str {
        self.name
    }

    fn unit(&self) -> &'static str {
        "commands/s"
    }

    fn target(&self) -> Target {
        Target::OfPlain(self.target)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        // Each in-flight figure has accounts of its own, so that none warms the other's.
        let kind = self.kind();
        fill::accounts_with_events(&env.owner, &kind, 0, i64::try_from(ACCOUNTS)?, 10).await?;
        fill::accounts_with_events(&env.owner, &self.stock_kind(), 0, i64::try_from(ACCOUNTS)?, 10).await?;
        for account in 0..i64::try_from(ACCOUNTS)? {
            debit(env, &env.bus, &fill::account_id(&kind, account)).await?;
        }
        Ok(())
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let kind = self.kind();
        let account = |task: usize, number: usize| {
            i64::try_from((task + number * self.in_flight) % ACCOUNTS).unwrap_or_default()
        };
        let value = env
            .rate(self.in_flight, async |task, number| {
                debit(env, &env.bus, &fill::account_id(&kind, account(task, number))).await
            })
            .await?;
        let mut measured = Measured::of(value);
        if self.stock {
            let framework = stock::framework(&env.owner);
            let kind = self.stock_kind();
            let rate = env.rate(self.in_flight, async |task, number| {
                stock::debit(&framework, &fill::account_id(&kind, account(task, number))).await
            });
            measured.stock = Some(rate.await?);
        }
        Ok(measured)
    }
}

impl DifferentAccounts {
    fn kind(&self) -> String {
        format!("{KIND}-{}", self.in_flight)
    }

    fn stock_kind(&self) -> String {
        format!("{KIND}-stock-{}", self.in_flight)
    }
}

/// The command of a debit of one credit.
pub fn debit_command() -> CreditAccountCommand {
    CreditAccountCommand::Debit {
        credits: Credits(1),
        tenant_id: TenantId(Uuid::nil()),
        purpose: DebitPurpose::Extension,
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// One debit through the bus, answered when it is durable.
///
/// # Errors
/// It is refused, or the database fails.
pub async fn debit(env: &Env, bus: &Bus, account: &str) -> anyhow::Result<()> {
    let owner = Owner::reseller(ResellerId(Uuid::nil()));
    let cause = env.cause(owner);
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let account = unit
            .execute::<CreditAccount>(owner, account, debit_command())
            .await?;
        Ok::<i64, CommandError>(account.balance().0)
    };
    bus.run(&cause, decide).await?;
    Ok(())
}
