//! What a customer might do at an earlier time, or as far as it was known by one: its grants and standing say so
//! themselves, and what was used then is summed.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use domain::entitlement::{Answer, Question, Subject, entitlement};
use domain::ids::GrantId;
use domain::period::Period;
use domain::subscription::{Grant, Subscription};
use domain::tier_list::TierList;
use domain::usage::{DAY, Speech, Usage};
use platform::Scope;
use sqlx::{PgConnection, QueryBuilder, Row};
use uuid::Uuid;

use super::{Customer, World};
use crate::page::parsed;
use crate::scope::reaching;
use crate::tiers;

/// A customer as it was.
pub struct Earlier {
    at: DateTime<Utc>,
    subscription: Subscription,
    tiers: TierList,
    usage: Usage,
    workflows: u64,
    running_jobs: u64,
}

impl Earlier {
    /// The customer at `at`, which the scope shows; with `known_at`, as far as it was recorded by then.
    ///
    /// # Errors
    /// The database fails.
    pub async fn load(
        connection: &mut PgConnection,
        scope: Scope,
        (tenant_id, customer): (Uuid, &Customer),
        at: DateTime<Utc>,
        known_at: Option<DateTime<Utc>>,
    ) -> sqlx::Result<Self> {
        let subscription = match known_at {
            Some(known_at) => known_grants(&mut *connection, scope, tenant_id, known_at).await?,
            None => customer.subscription.clone(),
        };
        let by = known_at.map_or(at, |known_at| known_at.min(at));
        let (usage, workflows) = used(&mut *connection, tenant_id, by).await?;
        Ok(Self {
            at,
            subscription,
            tiers: tiers::list(&mut *connection, known_at).await?,
            usage,
            workflows,
            running_jobs: running(connection, tenant_id, by).await?,
        })
    }

    pub fn tiers(&self) -> &TierList {
        &self.tiers
    }

    pub fn ask(&self, world: &World, customer: &Customer, question: &Question<'_>) -> Answer {
        let bar = world.bar(customer, self.at);
        let subject = Subject {
            bar: bar.as_ref(),
            subscription: &self.subscription,
            tiers: &self.tiers,
            usage: &self.usage,
            workflows: self.workflows,
            running_jobs: self.running_jobs,
        };
        entitlement(&subject, question, self.at)
    }
}

async fn known_grants(
    connection: &mut PgConnection,
    scope: Scope,
    tenant_id: Uuid,
    known_at: DateTime<Utc>,
) -> sqlx::Result<Subscription> {
    let mut query = QueryBuilder::new(
        "SELECT g.grant_id, g.tier, g.source, g.starts_at, g.ends_at, g.credits_per_day FROM read.grants g
         WHERE g.starts_at < g.ends_at AND g.tenant_id = ",
    );
    query.push_bind(tenant_id);
    query.push(" AND g.known_at <= ").push_bind(known_at);
    query
        .push(" AND (g.superseded_at IS NULL OR g.superseded_at > ")
        .push_bind(known_at)
        .push(")");
    reaching(&mut query, "g", scope);
    let rows = query.build().fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let credits_per_day: i64 = row.try_get("credits_per_day")?;
            Ok(Grant {
                grant_id: GrantId(row.try_get("grant_id")?),
                tier: parsed(row, "tier")?,
                source: parsed(row, "source")?,
                starts_at: row.try_get("starts_at")?,
                ends_at: row.try_get("ends_at")?,
                credits_per_day: u32::try_from(credits_per_day).unwrap_or(u32::MAX),
                carry: 0,
                payments: vec![],
            })
        })
        .collect()
}

/// What was used at `at`, and the workflows that there were. Whole months before come from their sums.
async fn used(
    connection: &mut PgConnection,
    tenant_id: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<(Usage, u64)> {
    let month = Period::of(at);
    let begin = month.first_day().and_time(NaiveTime::MIN).and_utc();
    let sums = sqlx::query(
        "SELECT coalesce(sum(u.storage_bytes), 0)::bigint AS storage_bytes,
                coalesce(sum(u.workflows), 0)::bigint AS workflows,
                coalesce(sum(u.audio_ms) FILTER (WHERE u.present), 0)::bigint AS audio_ms,
                coalesce(sum(u.translated_ms) FILTER (WHERE u.present), 0)::bigint AS translated_ms
         FROM (
             SELECT storage_bytes, workflows, audio_ms, translated_ms, true AS present FROM read.usage_entries
             WHERE tenant_id = $1 AND at >= $2 AND at <= $3
             UNION ALL
             SELECT storage_bytes, workflows, 0, 0, false FROM read.usage_months
             WHERE tenant_id = $1 AND day < $4) AS u",
    )
    .bind(tenant_id)
    .bind(begin)
    .bind(at)
    .bind(month.first_day())
    .fetch_one(&mut *connection)
    .await?;
    // The day's minutes are whole ones.
    let since = at - DAY - TimeDelta::minutes(1);
    let day = sqlx::query(
        "SELECT at, audio_ms FROM read.usage_entries
         WHERE tenant_id = $1 AND at > $2 AND at <= $3 AND audio_ms > 0 ORDER BY at",
    )
    .bind(tenant_id)
    .bind(since)
    .bind(at)
    .fetch_all(connection)
    .await?;
    let day = day
        .iter()
        .map(|row| Ok((row.try_get("at")?, number(row.try_get("audio_ms")?))))
        .collect::<sqlx::Result<Vec<_>>>()?;
    let speech = Speech {
        audio_ms: number(sums.try_get("audio_ms")?),
        translated_ms: number(sums.try_get("translated_ms")?),
    };
    let stored = number(sums.try_get("storage_bytes")?);
    Ok((
        Usage::figured(stored, (month, speech), day),
        number(sums.try_get("workflows")?),
    ))
}

async fn running(connection: &mut PgConnection, tenant_id: Uuid, at: DateTime<Utc>) -> sqlx::Result<u64> {
    let running: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM read.jobs
         WHERE tenant_id = $1 AND started_at <= $2 AND (finished_at IS NULL OR finished_at > $2)",
    )
    .bind(tenant_id)
    .bind(at)
    .fetch_one(connection)
    .await?;
    Ok(number(running))
}

/// Sums of what was taken and freed are never negative.
fn number(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or_default()
}
