//! Credit accounts with some events each.

use sqlx::PgPool;
use uuid::Uuid;

/// The id of an account that [`accounts_with_events`] fills.
pub fn account_id(kind: &str, number: i64) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind} {number}").as_bytes()).to_string()
}

/// Fills accounts `first..last` of a kind with `events` events each: opened, then a bonus of a million credits
/// each time.
///
/// # Errors
/// The database fails.
pub async fn accounts_with_events(
    pool: &PgPool,
    kind: &str,
    first: i64,
    last: i64,
    events: i64,
) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO es.events
             (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT 'credit_account', a.id, s,
                CASE s WHEN 1 THEN 'CreditAccountOpened' ELSE 'CreditsAdjusted' END, '1',
                CASE s WHEN 1 THEN '\"CreditAccountOpened\"'::jsonb
                       ELSE jsonb_build_object('CreditsAdjusted', jsonb_build_object(
                           'kind', 'bonus', 'credits', 1000000, 'note', 'history',
                           'balance_after', (s - 1) * 1000000)) END,
                jsonb_build_object(
                    'tenant_id', '00000000-0000-0000-0000-000000000000',
                    'command_id', gen_random_uuid(), 'at', '2026-01-01T00:00:00Z')
         FROM unnest($1::text[]) WITH ORDINALITY AS a (id, number), generate_series(1, $2::bigint) AS s
         ORDER BY s, a.number",
    )
    .bind(
        (first..last)
            .map(|number| account_id(kind, number))
            .collect::<Vec<_>>(),
    )
    .bind(events)
    .execute(pool)
    .await?;
    Ok(())
}
