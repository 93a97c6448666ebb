//! Reads how many open customers a reseller has, where nobody has counted them so far.

use cqrs_es::Aggregate;
use domain::ids::ResellerId;
use domain::tenant::Tenant;
use sqlx::PgConnection;

/// Customers that are the reseller's and not closed. It reads every customer's events: for the day on which somebody
/// begins to count.
///
/// # Errors
/// The database fails.
pub async fn open_customers(connection: &mut PgConnection, reseller_id: ResellerId) -> sqlx::Result<u64> {
    let customers: i64 = sqlx::query_scalar(
        "SELECT count(*)
         FROM (
             SELECT DISTINCT ON (e.aggregate_id) e.aggregate_id,
                    coalesce(e.payload -> 'TenantCreated' ->> 'reseller_id', e.payload -> 'TenantMoved' ->> 'to')
                        AS reseller_id
             FROM es.events e
             WHERE e.aggregate_type = $1 AND e.event_type IN ('TenantCreated', 'TenantMoved')
             ORDER BY e.aggregate_id, e.sequence DESC) AS held
         WHERE held.reseller_id = $2
           AND coalesce((SELECT e.event_type FROM es.events e
                         WHERE e.aggregate_type = $1 AND e.aggregate_id = held.aggregate_id
                           AND e.event_type IN ('TenantClosed', 'TenantReopened')
                         ORDER BY e.sequence DESC LIMIT 1), '') <> 'TenantClosed'",
    )
    .bind(Tenant::TYPE)
    .bind(reseller_id.to_string())
    .fetch_one(connection)
    .await?;
    Ok(u64::try_from(customers).unwrap_or_default())
}
