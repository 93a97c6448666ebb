//! Usage: what customers used and when, by the day and by the month.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::AnyEvent;
use domain::job::JobEvent;
use domain::period::Period;
use domain::usage::UsageEvent;
use domain::workflow::WorkflowLibraryEvent;
use platform::Scope;
use sqlx::{PgConnection, QueryBuilder};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::calendar::Step;
use crate::columns::column;
use crate::moves::Moves;
use crate::projection::{Projection, ProjectionError, Table, stored};
use crate::scope::{Whose, among};

/// A row per fact, per day and per month.
pub struct Metering;

/// What was used, or by how much it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Figures {
    pub storage_bytes: i64,
    pub audio_ms: i64,
    pub translated_ms: i64,
    pub jobs: i64,
    pub workflows: i64,
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.storage_bytes = self.storage_bytes.saturating_add(other.storage_bytes);
        self.audio_ms = self.audio_ms.saturating_add(other.audio_ms);
        self.translated_ms = self.translated_ms.saturating_add(other.translated_ms);
        self.jobs = self.jobs.saturating_add(other.jobs);
        self.workflows = self.workflows.saturating_add(other.workflows);
    }
}

/// One fact on its way into the tables.
struct Entry<'a> {
    recorded: &'a Recorded,
    at: DateTime<Utc>,
    figures: Figures,
}

impl Projection for Metering {
    const NAME: &'static str = "usage";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[
        Table::read("usage_entries", &["log_xid", "log_position"]),
        Table::read("usage_days", &["tenant_id", "day"]),
        Table::read("usage_months", &["tenant_id", "day"]),
    ];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project_batch(connection, std::slice::from_ref(recorded), vault)
            .await
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let (mut entries, mut moves) = (Vec::new(), Moves::default());
        for recorded in batch {
            moves.take(recorded)?;
            if let Some((at, figures)) = metered(recorded)? {
                entries.push(Entry {
                    recorded,
                    at,
                    figures,
                });
            }
        }
        if !entries.is_empty() {
            insert(connection, &entries).await?;
            add(connection, "usage_days", &entries, |at| at.date_naive()).await?;
            add(connection, "usage_months", &entries, |at| {
                Period::of(at).first_day()
            })
            .await?;
        }
        for follow in [
            "UPDATE usage_entries SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2",
            "UPDATE usage_days SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2",
            "UPDATE usage_months SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2",
        ] {
            moves.follow(connection, follow).await?;
        }
        Ok(())
    }
}

/// What an event changes, and when.
fn metered(recorded: &Recorded) -> Result<Option<(DateTime<Utc>, Figures)>, ProjectionError> {
    let mut figures = Figures::default();
    let mut metered_at = recorded.metadata.at;
    match &recorded.event {
        AnyEvent::Usage(UsageEvent::StorageTaken { bytes, .. }) => {
            figures.storage_bytes = stored(recorded, *bytes)?;
        }
        AnyEvent::Usage(UsageEvent::StorageFreed { bytes, .. }) => {
            figures.storage_bytes = -stored(recorded, *bytes)?;
        }
        AnyEvent::Usage(UsageEvent::SpeechMetered {
            audio_ms,
            translated,
            at,
            ..
        }) => {
            figures.audio_ms = stored(recorded, *audio_ms)?;
            figures.translated_ms = if *translated { figures.audio_ms } else { 0 };
            metered_at = *at;
        }
        AnyEvent::Job(JobEvent::JobQueued(_)) => figures.jobs = 1,
        AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowSaved { version: 1, .. }) => {
            figures.workflows = 1;
        }
        AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowRemoved { .. }) => figures.workflows = -1,
        AnyEvent::Usage(UsageEvent::SpeechHeld { .. } | UsageEvent::SpeechReleased { .. })
        | AnyEvent::Job(_)
        | AnyEvent::WorkflowLibrary(_)
        | AnyEvent::Reseller(_)
        | AnyEvent::CreditAccount(_)
        | AnyEvent::PriceList(_)
        | AnyEvent::Tenant(_)
        | AnyEvent::User(_)
        | AnyEvent::ApiKey(_)
        | AnyEvent::Subscription(_)
        | AnyEvent::Recording(_)
        | AnyEvent::Books(_)
        | AnyEvent::RecordedSale(_)
        | AnyEvent::TierList(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Hierarchy(_)
        | AnyEvent::Roster(_)
        | AnyEvent::Contracts(_)
        | AnyEvent::Payouts(_)
        | AnyEvent::Invoices(_)
        | AnyEvent::PermissionTemplates(_)
        | AnyEvent::ResellerPermissions(_)
        | AnyEvent::Bulk(_) => return Ok(None),
    }
    Ok(Some((metered_at, figures)))
}

async fn insert(connection: &mut PgConnection, entries: &[Entry<'_>]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO usage_entries (log_xid, log_position, reseller_id, tenant_id, at, storage_bytes, audio_ms,
                                    translated_ms, jobs, workflows)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bigint[],
                              $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])",
    )
    .bind(column(entries, |entry| entry.recorded.position.xid))
    .bind(column(entries, |entry| entry.recorded.position.position))
    .bind(column(entries, |entry| entry.recorded.metadata.reseller_id))
    .bind(column(entries, |entry| entry.recorded.metadata.tenant_id))
    .bind(column(entries, |entry| entry.at))
    .bind(column(entries, |entry| entry.figures.storage_bytes))
    .bind(column(entries, |entry| entry.figures.audio_ms))
    .bind(column(entries, |entry| entry.figures.translated_ms))
    .bind(column(entries, |entry| entry.figures.jobs))
    .bind(column(entries, |entry| entry.figures.workflows))
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds entries to the sums of their days or months.
async fn add(
    connection: &mut PgConnection,
    table: &'static str,
    entries: &[Entry<'_>],
    day: impl Fn(DateTime<Utc>) -> NaiveDate,
) -> sqlx::Result<()> {
    let mut sums: BTreeMap<(Uuid, NaiveDate), (Option<Uuid>, Figures)> = BTreeMap::new();
    for entry in entries {
        let owner = &entry.recorded.metadata;
        let (reseller_id, sum) = sums.entry((owner.tenant_id, day(entry.at))).or_default();
        *reseller_id = owner.reseller_id;
        sum.add(entry.figures);
    }
    let sums: Vec<_> = sums.into_iter().collect();
    sqlx::query(&format!(
        "INSERT INTO {table} AS u (tenant_id, day, reseller_id, storage_bytes, audio_ms, translated_ms, jobs, workflows)
         SELECT * FROM unnest($1::uuid[], $2::date[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[],
                              $7::bigint[], $8::bigint[])
         ON CONFLICT (tenant_id, day) DO UPDATE
         SET storage_bytes = u.storage_bytes + excluded.storage_bytes, audio_ms = u.audio_ms + excluded.audio_ms,
             translated_ms = u.translated_ms + excluded.translated_ms, jobs = u.jobs + excluded.jobs,
             workflows = u.workflows + excluded.workflows"
    ))
    .bind(column(&sums, |((tenant_id, _), _)| *tenant_id))
    .bind(column(&sums, |((_, day), _)| *day))
    .bind(column(&sums, |(_, (reseller_id, _))| *reseller_id))
    .bind(column(&sums, |(_, (_, sum))| sum.storage_bytes))
    .bind(column(&sums, |(_, (_, sum))| sum.audio_ms))
    .bind(column(&sums, |(_, (_, sum))| sum.translated_ms))
    .bind(column(&sums, |(_, (_, sum))| sum.jobs))
    .bind(column(&sums, |(_, (_, sum))| sum.workflows))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose usage is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// One customer's; else that of all whom the list shows.
    pub tenant_id: Option<Uuid>,
    pub whose: Whose,
}

/// What was used in one day or month. Storage and workflows are what there was at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The first day.
    pub day: NaiveDate,
    pub figures: Figures,
}

/// Usage from a day up to, not including, another one; days and months in which nothing changed are left out.
///
/// # Errors
/// The database fails.
pub async fn between(
    connection: &mut PgConnection,
    scope: Scope,
    subject: Subject,
    (from, to): (NaiveDate, NaiveDate),
    step: Step,
) -> sqlx::Result<Vec<Used>> {
    // What there was before the first day: whole months, and the days of the last one.
    let month = Period::of_day(from).first_day();
    let months = select("usage_months", scope, subject, (NaiveDate::MIN, month));
    let days = select("usage_days", scope, subject, (month, from));
    let mut kept = Figures::default();
    for before in [months, days] {
        for (_, figures) in rows(connection, before).await? {
            kept.add(figures);
        }
    }
    let table = match step {
        Step::Day => "usage_days",
        Step::Month => "usage_months",
    };
    let present = select(table, scope, subject, (from, to));
    let used = rows(connection, present).await?.into_iter().map(|(day, change)| {
        kept.storage_bytes = kept.storage_bytes.saturating_add(change.storage_bytes);
        kept.workflows = kept.workflows.saturating_add(change.workflows);
        let figures = Figures {
            storage_bytes: kept.storage_bytes,
            workflows: kept.workflows,
            ..change
        };
        Used { day, figures }
    });
    Ok(used.collect())
}

type Query = QueryBuilder<'static, sqlx::Postgres>;

fn select(table: &'static str, scope: Scope, subject: Subject, (from, to): (NaiveDate, NaiveDate)) -> Query {
    let mut query = QueryBuilder::new(format!(
        "SELECT u.day, sum(u.storage_bytes)::bigint AS storage_bytes, sum(u.audio_ms)::bigint AS audio_ms,
                sum(u.translated_ms)::bigint AS translated_ms, sum(u.jobs)::bigint AS jobs,
                sum(u.workflows)::bigint AS workflows
         FROM read.{table} u WHERE u.day < "
    ));
    query.push_bind(to);
    // Postgres knows fewer days than the calendar of this program.
    if from > NaiveDate::MIN {
        query.push(" AND u.day >= ").push_bind(from);
    }
    if let Some(tenant_id) = subject.tenant_id {
        query.push(" AND u.tenant_id = ").push_bind(tenant_id);
    }
    among(&mut query, "u", scope, subject.whose);
    query.push(" GROUP BY u.day ORDER BY u.day");
    query
}

async fn rows(connection: &mut PgConnection, mut query: Query) -> sqlx::Result<Vec<(NaiveDate, Figures)>> {
    let rows = query.build_query_as::<DayRow>().fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.day, row.figures)).collect())
}

#[derive(sqlx::FromRow)]
struct DayRow {
    day: NaiveDate,
    #[sqlx(flatten)]
    figures: Figures,
}
