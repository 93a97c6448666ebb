//! A check of an entitlement from memory, by one thread; beside it the same question by SQL, one after the other.

use std::time::Instant;

use async_trait::async_trait;
use domain::entitlement::{Feature, Question};
use projections::entitlements::Memory;
use sqlx::PgPool;
use store::Position;
use store::database::DatabaseRole;
use uuid::Uuid;

use crate::env::Env;
use crate::work::{Measured, Target, Work};

/// Checks between two looks at the clock.
const AT_A_TIME: u16 = 1_000;
const PER_SECOND_MIN: f64 = 500_000.0;

pub fn works() -> Vec<Box<dyn Work>> {
    vec![Box::new(FromMemory)]
}

struct FromMemory;

#[async_trait(?Send)]
impl Work for FromMemory {
    fn name(&self) -> &'static str {
        "entitlement check from memory, one core"
    }

    fn unit(&self) -> &'static str {
        "checks/s"
    }

    fn target(&self) -> Target {
        Target::AtLeastBeside(PER_SECOND_MIN)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        let pool = env.pool(DatabaseRole::Projections).await?;
        projections::catch_up(&pool, &env.vault).await?;
        pool.close().await;
        Ok(())
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let pool = env.pool(DatabaseRole::Read).await?;
        let ids: Vec<Uuid> =
            sqlx::query_scalar("SELECT tenant_id FROM read.subscriptions ORDER BY tenant_id LIMIT 10000")
                .fetch_all(&env.owner)
                .await?;
        anyhow::ensure!(
            !ids.is_empty(),
            "the history has no customers: give more --events"
        );
        let memory = Memory::new(pool.clone());
        memory.freshen(Position::START).await?;
        memory.customers(&ids).await?;
        let value = checks_per_second(env, &memory, &ids)?;
        let beside = Some(by_sql(env, &ids).await?);
        pool.close().await;
        Ok(Measured {
            beside,
            ..Measured::of(value)
        })
    }
}

/// Everything that an answer costs: finding the customer, deciding, and reading the answer.
fn checks_per_second(env: &Env, memory: &Memory, ids: &[Uuid]) -> anyhow::Result<f64> {
    let (began, at) = (Instant::now(), env.now());
    let question = Question::of(Feature::Workflows, 1);
    let mut ids = ids.iter().cycle();
    let (mut done, mut allowed): (u32, u32) = (0, 0);
    while began.elapsed() < env.seconds {
        for id in ids.by_ref().take(AT_A_TIME.into()) {
            let Some(customer) = memory.known(*id) else {
                anyhow::bail!("a customer is not in memory");
            };
            let answer = memory.world().ask(&customer, &question, at);
            allowed = allowed.wrapping_add(u32::from(answer.is_allowed()));
        }
        done += u32::from(AT_A_TIME);
    }
    std::hint::black_box(allowed);
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

/// The same question, one statement each, on one connection of the schema's owner: no scope is checked.
async fn by_sql(env: &Env, ids: &[Uuid]) -> anyhow::Result<f64> {
    let at = env.now();
    let pool: &PgPool = &env.owner;
    env.rate(1, async |_, number| {
        let id = ids.get(number % ids.len());
        sqlx::query(
            "SELECT g.grant_id, g.source, g.ends_at, t.tier, t.version, (t.limits ->> 'workflows_max')::bigint AS most,
                    (SELECT count(*) FROM read.workflows w WHERE w.tenant_id = g.tenant_id) AS used
             FROM read.grants g
             CROSS JOIN LATERAL (
                 SELECT * FROM read.tiers t WHERE t.tier = g.tier
                 ORDER BY (t.effective_at <= $2) DESC, CASE WHEN t.effective_at <= $2 THEN -t.version ELSE t.version END
                 LIMIT 1) AS t
             WHERE g.tenant_id = $1 AND g.superseded_at IS NULL AND g.starts_at <= $2 AND g.ends_at > $2
             ORDER BY t.rank DESC, g.ends_at DESC LIMIT 1",
        )
        .bind(id)
        .bind(at)
        .fetch_optional(pool)
        .await?;
        Ok(())
    })
    .await
}
