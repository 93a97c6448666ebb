//! The second wall: what the role of the read API can do to the tables by itself, whatever a query forgets.

use crate::support::{Story, TestLog, close_period, platform, queue_job, save_workflow, story};
use platform::Scope;
use projections::ScopedConnection;
use sqlx::{PgPool, Row};
use uuid::Uuid;

async fn two_resellers() -> (TestLog, Story, Story) {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    let suedwind = story(&mut log, "Südwind").await;
    queue_job(&mut log, &nordwind).await;
    queue_job(&mut log, &suedwind).await;
    save_workflow(&mut log, &nordwind, Uuid::now_v7().into(), 1).await;
    save_workflow(&mut log, &suedwind, Uuid::now_v7().into(), 1).await;
    close_period(&mut log, "2026-11").await;
    close_period(&mut log, "2026-12").await;
    log.catch_up().await;
    // No story breaks a rule of the ledger.
    sqlx::query(
        "INSERT INTO read.ledger_violations (log_xid, log_position, rule, reseller_id, stream, sequence, event_type,
                                             expected, found, known_at)
         SELECT 1, n, 'balance_follows', $1, 'x', 1, 'CreditsDebited', '1', '2', now() FROM generate_series(1, 2) n",
    )
    .bind(nordwind.reseller_id.0)
    .execute(&log.owner)
    .await
    .unwrap();
    (log, nordwind, suedwind)
}

async fn tables(owner: &PgPool) -> Vec<String> {
    let sql = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
               WHERE schemaname IN ('read', 'live') ORDER BY 1";
    let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(owner).await.unwrap();
    assert!(tables.len() >= 12, "{tables:?}");
    tables
}

/// Owners of the rows that a bare SELECT shows.
async fn seen(log: &TestLog, scope: Scope, table: &str) -> Vec<(Option<Uuid>, Option<Uuid>)> {
    let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
    let sql = format!("SELECT reseller_id, tenant_id FROM {table}");
    let rows = sqlx::query(&sql).fetch_all(connection.parts().0).await.unwrap();
    rows.iter()
        .map(|row| (row.get("reseller_id"), row.get("tenant_id")))
        .collect()
}

#[tokio::test]
async fn a_bare_select_shows_the_scopes_rows_and_no_others() {
    let (log, nordwind, _) = two_resellers().await;
    for table in tables(&log.owner).await {
        let all = seen(&log, Scope::Platform, &table).await;
        assert!(all.len() > 1, "{table} is empty: the test would prove nothing");
        if table == "read.packs" {
            assert_eq!(
                seen(&log, nordwind.reseller_scope(), &table).await.len(),
                all.len()
            );
            assert!(seen(&log, nordwind.tenant_scope(), &table).await.is_empty());
            continue;
        }
        let of_reseller = seen(&log, nordwind.reseller_scope(), &table).await;
        if table == "read.closed_periods" || table == "read.ledger_violations" {
            assert!(of_reseller.is_empty(), "{table} is the platform's alone");
            assert!(seen(&log, nordwind.tenant_scope(), &table).await.is_empty());
            continue;
        }
        assert!(!of_reseller.is_empty(), "{table}");
        assert!(
            of_reseller
                .iter()
                .all(|(reseller, _)| *reseller == Some(nordwind.reseller_id.0)),
            "{table}"
        );
        assert!(of_reseller.len() < all.len(), "{table}");
        let of_tenant = seen(&log, nordwind.tenant_scope(), &table).await;
        let own = (Some(nordwind.reseller_id.0), Some(nordwind.tenant_id.0));
        assert!(of_tenant.iter().all(|owner| *owner == own), "{table}");
    }
}

#[tokio::test]
async fn without_a_scope_nothing_is_shown() {
    let (log, _, _) = two_resellers().await;
    for table in tables(&log.owner).await {
        let rows: i64 = sqlx::query_scalar(&format!("SELECT count(*) FROM {table}"))
            .fetch_one(&log.read)
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn the_read_role_can_only_select() {
    let (log, _, _) = two_resellers().await;
    let mut refused = vec![
        "SELECT live.append_progress(gen_random_uuid(), 1, 1, 1, 'fetch', 1, '[]', now())".to_owned(),
        "SELECT count(*) FROM es.events".to_owned(),
        "SELECT count(*) FROM es.subject_keys".to_owned(),
    ];
    for table in tables(&log.owner).await {
        refused.push(format!("INSERT INTO {table} DEFAULT VALUES"));
        refused.push(format!("UPDATE {table} SET reseller_id = NULL"));
        refused.push(format!("DELETE FROM {table}"));
        refused.push(format!("TRUNCATE {table}"));
    }
    for sql in refused {
        let error = sqlx::query(&sql).execute(&log.read).await.unwrap_err();
        let code = error
            .as_database_error()
            .and_then(|error| error.code().map(Into::into));
        // 42501: insufficient privilege.
        assert_eq!(code, Some("42501".to_owned()), "{sql}: {error}");
    }
}
