//! The figures of a reseller's first page, counted from the other read models.

use chrono::{DateTime, Utc};
use domain::ids::ResellerId;
use sqlx::PgConnection;

use crate::calendar::Span;
use crate::projection::Projection;
use crate::{activity, credit_transactions, customers, grants, ledger, resellers, users};

/// The projections that the figures come from.
pub const SOURCES: &[&str] = &[
    resellers::Resellers::NAME,
    credit_transactions::CreditTransactions::NAME,
    customers::Customers::NAME,
    users::Users::NAME,
    activity::ActivityFeed::NAME,
    grants::Grants::NAME,
    ledger::Ledger::NAME,
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Figures {
    pub customers_total: i64,
    pub customers_active: i64,
    pub customers_expired: i64,
    /// Without access because their subscription is paused.
    pub customers_paused: i64,
    pub customers_suspended: i64,
    /// Customers created in the month.
    pub new_this_month: i64,
    /// Credits debited and captured in the month.
    pub used_this_month: i64,
}

/// Counts for one reseller, as of `now`.
///
/// # Errors
/// The database fails.
pub async fn figures(
    connection: &mut PgConnection,
    reseller_id: ResellerId,
    now: DateTime<Utc>,
    month: Span,
) -> sqlx::Result<Figures> {
    sqlx::query_as(
        "SELECT count(*) AS customers_total,
                count(*) FILTER (WHERE NOT suspended AND expires_at > $2) AS customers_active,
                count(*) FILTER (WHERE NOT suspended AND coalesce(expires_at, created_at) <= $2
                                       AND paused_at IS NULL) AS customers_expired,
                count(*) FILTER (WHERE NOT suspended AND coalesce(expires_at, created_at) <= $2
                                       AND paused_at IS NOT NULL) AS customers_paused,
                count(*) FILTER (WHERE suspended) AS customers_suspended,
                (SELECT count(*) FROM read.customer_stays
                 WHERE reseller_id = $1 AND arrived = 'created' AND began_at >= $3 AND began_at < $4) AS new_this_month,
                (SELECT coalesce(sum(credits), 0)::bigint FROM read.credit_transactions
                 WHERE reseller_id = $1 AND kind IN ('debit', 'capture') AND at >= $3 AND at < $4) AS used_this_month
         FROM read.customers
         WHERE reseller_id = $1 AND created_at IS NOT NULL AND closed_at IS NULL",
    )
    .bind(reseller_id.0)
    .bind(now)
    .bind(month.start)
    .bind(month.end)
    .fetch_one(connection)
    .await
}

/// A place on both axes of time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub as_of: DateTime<Utc>,
    /// What was recorded later is left out; `None` leaves nothing out.
    pub known_at: Option<DateTime<Utc>>,
}

/// The counts for one reseller at an earlier moment, from what carries its times: stays, grants, lines of the ledger
/// and activities. A customer was suspended if the last word on it by then was a suspension, and so for closed and paused.
///
/// # Errors
/// The database fails.
pub async fn figures_at(
    connection: &mut PgConnection,
    reseller_id: ResellerId,
    moment: Moment,
    month: Span,
) -> sqlx::Result<Figures> {
    sqlx::query_as(
        "WITH said AS (
             SELECT DISTINCT ON (a.tenant_id) a.tenant_id, a.kind = 'TenantSuspended' AS suspended
             FROM read.activity a
             WHERE a.reseller_id = $1 AND a.kind IN ('TenantSuspended', 'TenantResumed') AND a.at <= $2
               AND a.known_at <= coalesce($5, 'infinity')
             ORDER BY a.tenant_id, a.log_xid DESC, a.log_position DESC
         ), ended AS (
             SELECT DISTINCT ON (a.tenant_id) a.tenant_id, a.kind = 'TenantClosed' AS closed
             FROM read.activity a
             WHERE a.reseller_id = $1 AND a.kind IN ('TenantClosed', 'TenantReopened') AND a.at <= $2
               AND a.known_at <= coalesce($5, 'infinity')
             ORDER BY a.tenant_id, a.log_xid DESC, a.log_position DESC
         ), stood AS (
             SELECT DISTINCT ON (a.tenant_id) a.tenant_id, a.kind = 'SubscriptionPaused' AS paused
             FROM read.activity a
             WHERE a.reseller_id = $1
               AND a.kind IN ('SubscriptionPaused', 'SubscriptionResumed', 'SubscriptionCancelled') AND a.at <= $2
               AND a.known_at <= coalesce($5, 'infinity')
             ORDER BY a.tenant_id, a.log_xid DESC, a.log_position DESC
         ), stayed AS (
             SELECT s.tenant_id, s.began_at FROM read.customer_stays s
             WHERE s.reseller_id = $1 AND s.began_at <= $2 AND s.known_at <= coalesce($5, 'infinity')
               AND (s.ended_at IS NULL OR s.ended_at > least($2, $5))
         ), held AS (
             SELECT g.tenant_id, max(g.ends_at) AS expires_at FROM stayed JOIN read.grants g USING (tenant_id)
             WHERE g.happened_at <= $2 AND g.known_at <= coalesce($5, 'infinity')
               AND (g.superseded_at IS NULL OR g.superseded_at > $5) AND g.starts_at < g.ends_at
             GROUP BY g.tenant_id
         ), known AS (
             SELECT s.began_at AS created_at, coalesce(said.suspended, false) AS suspended, held.expires_at,
                    coalesce(stood.paused, false) AS paused
             FROM stayed s LEFT JOIN said USING (tenant_id) LEFT JOIN ended USING (tenant_id)
             LEFT JOIN held USING (tenant_id) LEFT JOIN stood USING (tenant_id)
             WHERE NOT coalesce(ended.closed, false)
         )
         SELECT count(*) AS customers_total,
                count(*) FILTER (WHERE NOT suspended AND expires_at > $2) AS customers_active,
                count(*) FILTER (WHERE NOT suspended AND coalesce(expires_at, created_at) <= $2 AND NOT paused)
                    AS customers_expired,
                count(*) FILTER (WHERE NOT suspended AND coalesce(expires_at, created_at) <= $2 AND paused)
                    AS customers_paused,
                count(*) FILTER (WHERE suspended) AS customers_suspended,
                (SELECT count(*) FROM read.customer_stays n
                 WHERE n.reseller_id = $1 AND n.arrived = 'created' AND n.began_at >= $3 AND n.began_at < $4
                   AND n.began_at <= $2 AND n.known_at <= coalesce($5, 'infinity')) AS new_this_month,
                (SELECT coalesce(sum(j.amount), 0)::bigint FROM read.journal j
                 WHERE j.reseller_id = $1 AND j.debit = 'credits.spent' AND j.happened_at >= $3 AND j.happened_at < $4
                   AND j.happened_at <= $2 AND j.known_at <= coalesce($5, 'infinity')) AS used_this_month
         FROM known",
    )
    .bind(reseller_id.0)
    .bind(moment.as_of)
    .bind(month.start)
    .bind(month.end)
    .bind(moment.known_at)
    .fetch_one(connection)
    .await
}
