//! A reseller's debit, the new customer and its grant: three streams, one append.

use async_trait::async_trait;
use commands::error::CommandError;
use domain::credit_account::CreditAccount;
use domain::ids::{GrantId, ResellerId, TenantId};
use domain::personal::Sealed;
use domain::subscription::{GrantSource, NewGrant, Subscription, SubscriptionCommand};
use domain::tenant::{Tenant, TenantCommand};
use domain::tier::Tier;
use store::unit_of_work::{Owner, UnitOfWork};
use uuid::Uuid;

use crate::env::Env;
use crate::work::{Measured, Target, Work};
use crate::{accounts, fill};

const KIND: &str = "atomic";
const IN_FLIGHT: usize = 32;

pub fn works() -> Vec<Box<dyn Work>> {
    vec![Box::new(NewCustomer)]
}

struct NewCustomer;

#[async_trait(?Send)]
impl Work for NewCustomer {
    fn name(&self) -> &'static str {
        "debit + customer + grant in one append, 32 in flight"
    }

    fn unit(&self) -> &'static str {
        "commands/s"
    }

    fn target(&self) -> Target {
        Target::OfPlain(0.6)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        fill::accounts_with_events(&env.owner, KIND, 0, i64::try_from(IN_FLIGHT)?, 10).await
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let value = env.rate(IN_FLIGHT, async |task, _| {
            create(env, &fill::account_id(KIND, i64::try_from(task)?)).await
        });
        Ok(Measured::of(value.await?))
    }
}

async fn create(env: &Env, account: &str) -> anyhow::Result<()> {
    let reseller_id = ResellerId(Uuid::nil());
    let tenant_id = TenantId(Uuid::now_v7());
    let grant_id = GrantId(Uuid::now_v7());
    let id = tenant_id.to_string();
    let owner = Owner::tenant(reseller_id, tenant_id);
    let cause = env.cause(Owner::reseller(reseller_id));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let create = TenantCommand::Create {
            reseller_id,
            name: "Customer".to_owned(),
            contact_email: Sealed {
                subject: tenant_id.0,
                text: "c2VhbGVk".repeat(8),
            },
        };
        unit.begin::<Tenant>(&id);
        unit.begin::<Subscription>(&id);
        unit.execute::<Tenant>(owner, &id, create).await?;
        let grant = SubscriptionCommand::Grant(NewGrant {
            grant_id,
            tier: Tier::PREMIUM,
            credits_per_day: 1,
            days: 1,
            source: GrantSource::Credits,
            reason: None,
            payment: None,
            at: cause.at,
        });
        unit.execute::<Subscription>(owner, &id, grant).await?;
        let account = unit
            .execute::<CreditAccount>(Owner::reseller(reseller_id), account, accounts::debit_command())
            .await?;
        Ok::<i64, CommandError>(account.balance().0)
    };
    env.bus.run(&cause, decide).await?;
    Ok(())
}
