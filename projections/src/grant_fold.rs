//! Folds subscriptions: a row per grant and change of it, and a row per subscription for what is no grant.

use chrono::{DateTime, Utc};
use domain::subscription::{CancelWhen, Grant, GrantCut, GrantSource, SubscriptionEvent};
use sqlx::PgConnection;
use store::Recorded;
use uuid::Uuid;

use crate::columns::column;
use crate::projection::{ProjectionError, stream_id};

/// Rows that are still to be written, in the order of their events.
#[derive(Default)]
pub(crate) struct GrantFold<'a> {
    rows: Vec<NewRow<'a>>,
}

struct NewRow<'a> {
    recorded: &'a Recorded,
    tenant_id: Uuid,
    grant: Grant,
    reason: Option<&'a str>,
}

impl<'a> GrantFold<'a> {
    /// # Errors
    /// The database fails.
    pub async fn take(
        &mut self,
        connection: &mut PgConnection,
        recorded: &'a Recorded,
        event: &'a SubscriptionEvent,
    ) -> Result<(), ProjectionError> {
        let subject = (recorded, stream_id(recorded)?);
        match event {
            SubscriptionEvent::AccessGranted { .. } => self.granted(subject, event),
            SubscriptionEvent::AccessDated {
                grant_id,
                tier,
                source,
                starts_at,
                ends_at,
                ..
            } => {
                self.write(connection).await?;
                supersede(connection, subject, grant_id.0).await?;
                let grant = Grant {
                    grant_id: *grant_id,
                    tier: *tier,
                    source: *source,
                    starts_at: *starts_at,
                    ends_at: *ends_at,
                    credits_per_day: 0,
                    carry: 0,
                    payments: vec![],
                };
                self.add(subject, grant, None);
            }
            SubscriptionEvent::PlanChanged { cut, granted, .. } => {
                self.cut(connection, subject, cut).await?;
                self.add(subject, granted.clone(), None);
            }
            SubscriptionEvent::SubscriptionPaused { at, cut, .. } => {
                self.cut(connection, subject, cut).await?;
                pause(connection, subject, Some(*at)).await?;
            }
            SubscriptionEvent::SubscriptionResumed { granted, .. } => {
                for grant in granted {
                    self.add(subject, grant.clone(), None);
                }
                pause(connection, subject, None).await?;
            }
            SubscriptionEvent::SubscriptionCancelled { at, when, cut, .. } => {
                self.cut(connection, subject, cut).await?;
                cancel(connection, subject, *at, *when).await?;
            }
            SubscriptionEvent::AutoRenewalSet { days } => {
                self.write(connection).await?;
                set_renewal(connection, subject, *days).await?;
            }
            SubscriptionEvent::RenewalFailed {
                attempt,
                code,
                message,
                retry_at,
            } => {
                self.write(connection).await?;
                let failure = (i64::from(*attempt), code.as_str(), message.as_str());
                fail(connection, subject, failure, *retry_at).await?;
            }
        }
        Ok(())
    }

    fn granted(&mut self, subject: Subject<'a>, event: &'a SubscriptionEvent) {
        if let SubscriptionEvent::AccessGranted {
            grant_id,
            tier,
            source,
            starts_at,
            ends_at,
            credits_per_day,
            reason,
            payment,
            days: _,
        } = event
        {
            let grant = Grant {
                grant_id: *grant_id,
                tier: *tier,
                source: *source,
                starts_at: *starts_at,
                ends_at: *ends_at,
                credits_per_day: *credits_per_day,
                carry: 0,
                payments: payment.iter().copied().collect(),
            };
            self.add(subject, grant, reason.as_deref());
        }
    }

    fn add(&mut self, (recorded, tenant_id): Subject<'a>, grant: Grant, reason: Option<&'a str>) {
        self.rows.push(NewRow {
            recorded,
            tenant_id,
            grant,
            reason,
        });
    }

    /// The grants' present rows are superseded by such that end earlier.
    async fn cut(
        &mut self,
        connection: &mut PgConnection,
        (recorded, _): Subject<'_>,
        cuts: &[GrantCut],
    ) -> Result<(), ProjectionError> {
        self.write(connection).await?;
        sqlx::query(
            "WITH superseded AS (
                 UPDATE grants g SET superseded_at = $3
                 FROM unnest($1::uuid[], $2::timestamptz[]) AS c (grant_id, ends_at)
                 WHERE g.grant_id = c.grant_id AND g.superseded_at IS NULL
                 RETURNING g.grant_id, g.reseller_id, g.tenant_id, g.tier, g.source, g.starts_at, c.ends_at,
                           g.credits_per_day, g.reason)
             INSERT INTO grants (grant_id, reseller_id, tenant_id, tier, source, starts_at, ends_at, credits_per_day,
                                 reason, change, happened_at, known_at, log_xid, log_position)
             SELECT s.*, $4, $5, $3, $6, $7 FROM superseded s",
        )
        .bind(column(cuts, |cut| cut.grant_id.0))
        .bind(column(cuts, |cut| cut.ends_at))
        .bind(recorded.known_at())
        .bind(recorded.sequence)
        .bind(recorded.happened_at())
        .bind(recorded.position.xid)
        .bind(recorded.position.position)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Writes what has been taken.
    ///
    /// # Errors
    /// The database fails.
    pub async fn write(&mut self, connection: &mut PgConnection) -> Result<(), ProjectionError> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO grants (grant_id, reseller_id, tenant_id, tier, source, starts_at, ends_at, credits_per_day,
                                 reason, change, happened_at, known_at, log_xid, log_position)
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[],
                                  $7::timestamptz[], $8::bigint[], $9::text[], $10::bigint[], $11::timestamptz[],
                                  $12::timestamptz[], $13::bigint[], $14::bigint[])",
        )
        .bind(column(&rows, |row| row.grant.grant_id.0))
        .bind(column(&rows, |row| row.recorded.metadata.reseller_id))
        .bind(column(&rows, |row| row.tenant_id))
        .bind(column(&rows, |row| row.grant.tier.as_ref().to_owned()))
        .bind(column(&rows, |row| row.grant.source.as_ref().to_owned()))
        .bind(column(&rows, |row| row.grant.starts_at))
        .bind(column(&rows, |row| row.grant.ends_at))
        .bind(column(&rows, |row| i64::from(row.grant.credits_per_day)))
        .bind(column(&rows, |row| row.reason.map(str::to_owned)))
        .bind(column(&rows, |row| row.recorded.sequence))
        .bind(column(&rows, |row| row.recorded.happened_at()))
        .bind(column(&rows, |row| row.recorded.known_at()))
        .bind(column(&rows, |row| row.recorded.position.xid))
        .bind(column(&rows, |row| row.recorded.position.position))
        .execute(&mut *connection)
        .await?;
        paid(connection, &rows).await?;
        Ok(())
    }
}

/// An event, and the tenant that it is of.
type Subject<'a> = (&'a Recorded, Uuid);

/// Each tenant has a row from its first grant on; one that is paid ends a run of failures.
async fn paid(connection: &mut PgConnection, rows: &[NewRow<'_>]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO subscriptions (tenant_id, reseller_id)
         SELECT DISTINCT ON (n.tenant_id) n.tenant_id, n.reseller_id
         FROM unnest($1::uuid[], $2::uuid[]) AS n (tenant_id, reseller_id)
         ON CONFLICT DO NOTHING",
    )
    .bind(column(rows, |row| row.tenant_id))
    .bind(column(rows, |row| row.recorded.metadata.reseller_id))
    .execute(&mut *connection)
    .await?;
    let paid = rows.iter().filter(|row| row.grant.source == GrantSource::Credits);
    let paid: Vec<Uuid> = paid.map(|row| row.tenant_id).collect();
    sqlx::query(
        "UPDATE subscriptions
         SET renewals_failed = 0, failure_code = NULL, failure = NULL, failed_at = NULL, retry_at = NULL,
             cancelled_at = NULL
         WHERE tenant_id = ANY($1) AND (renewals_failed > 0 OR cancelled_at IS NOT NULL)",
    )
    .bind(paid)
    .execute(connection)
    .await?;
    Ok(())
}

/// From this event on the grant has other dates.
async fn supersede(
    connection: &mut PgConnection,
    (recorded, _): Subject<'_>,
    grant_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE grants SET superseded_at = $2 WHERE grant_id = $1 AND superseded_at IS NULL")
        .bind(grant_id)
        .bind(recorded.known_at())
        .execute(connection)
        .await?;
    Ok(())
}

async fn pause(
    connection: &mut PgConnection,
    (_, tenant_id): Subject<'_>,
    at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE subscriptions SET paused_at = $2 WHERE tenant_id = $1")
        .bind(tenant_id)
        .bind(at)
        .execute(connection)
        .await?;
    Ok(())
}

async fn cancel(
    connection: &mut PgConnection,
    (_, tenant_id): Subject<'_>,
    at: DateTime<Utc>,
    when: CancelWhen,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE subscriptions
         SET cancelled_at = $2, renewal_days = NULL, paused_at = CASE WHEN $3 THEN NULL ELSE paused_at END
         WHERE tenant_id = $1",
    )
    .bind(tenant_id)
    .bind(at)
    .bind(when == CancelWhen::Now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn set_renewal(
    connection: &mut PgConnection,
    (_, tenant_id): Subject<'_>,
    days: Option<u32>,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE subscriptions SET renewal_days = $2 WHERE tenant_id = $1")
        .bind(tenant_id)
        .bind(days.map(i64::from))
        .execute(connection)
        .await?;
    Ok(())
}

async fn fail(
    connection: &mut PgConnection,
    (recorded, tenant_id): Subject<'_>,
    (attempt, code, message): (i64, &str, &str),
    retry_at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE subscriptions
         SET renewals_failed = $2, failure_code = $3, failure = $4, failed_at = $5, retry_at = $6
         WHERE tenant_id = $1",
    )
    .bind(tenant_id)
    .bind(attempt)
    .bind(code)
    .bind(message)
    .bind(recorded.known_at())
    .bind(retry_at)
    .execute(connection)
    .await?;
    Ok(())
}
