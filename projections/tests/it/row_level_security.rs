//! The second wall: what the role of the read API can do to the tables by itself, whatever a query forgets.

use crate::support::{
    Story, TestLog, act_as, buy_in_store, close_period, hold_credits, invite, invoice, issue_key,
    map_products, pay_out, platform, queue_job, run_bulk, save_workflow, sell, story,
};
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
    hold_credits(&mut log, &nordwind).await;
    hold_credits(&mut log, &suedwind).await;
    sell(&mut log, &nordwind).await;
    sell(&mut log, &suedwind).await;
    pay_out(&mut log, &[nordwind, suedwind]).await;
    invoice(&mut log, &nordwind).await;
    invoice(&mut log, &suedwind).await;
    save_workflow(&mut log, &nordwind, Uuid::now_v7().into(), 1).await;
    save_workflow(&mut log, &suedwind, Uuid::now_v7().into(), 1).await;
    for story in [&nordwind, &suedwind] {
        invite(&mut log, story).await;
        act_as(&mut log, story).await;
        issue_key(&mut log, story).await;
        run_bulk(&mut log, story).await;
    }
    map_products(&mut log).await;
    buy_in_store(&mut log, &nordwind).await;
    buy_in_store(&mut log, &suedwind).await;
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
        if ["read.packs", "read.store_products", "read.permission_templates"].contains(&table.as_str()) {
            assert_eq!(
                seen(&log, nordwind.reseller_scope(), &table).await.len(),
                all.len()
            );
            assert!(seen(&log, nordwind.tenant_scope(), &table).await.is_empty());
            continue;
        }
        let of_reseller = seen(&log, nordwind.reseller_scope(), &table).await;
        if table == "read.tiers" {
            let of_tenant = seen(&log, nordwind.tenant_scope(), &table).await;
            assert_eq!((of_reseller.len(), of_tenant.len()), (all.len(), all.len()));
            continue;
        }
        if [
            "read.closed_periods",
            "read.ledger_violations",
            "read.payout_runs",
        ]
        .contains(&table.as_str())
        {
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
async fn checkpoints_and_verifications_are_shown_to_the_platform_alone() {
    let (log, nordwind, _) = two_resellers().await;
    sqlx::raw_sql(
        "INSERT INTO es.audit_checkpoints (made_at, size, frontier, note) VALUES (now(), 1, '', 'note');
         INSERT INTO es.audit_runs (events, violations, first) VALUES (1, 1, '{\"found\": \"a row\"}')",
    )
    .execute(&log.owner)
    .await
    .unwrap();
    for (table, column) in [("es.audit_checkpoints", "note"), ("es.audit_runs", "first")] {
        let count = format!("SELECT count({column}) FROM {table}");
        for (scope, expected) in [
            (Scope::Platform, 1),
            (nordwind.reseller_scope(), 0),
            (nordwind.tenant_scope(), 0),
        ] {
            let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
            let rows: i64 = sqlx::query_scalar(&count)
                .fetch_one(connection.parts().0)
                .await
                .unwrap();
            assert_eq!(rows, expected, "{table} in {scope:?}");
        }
        let rows: i64 = sqlx::query_scalar(&count).fetch_one(&log.read).await.unwrap();
        assert_eq!(rows, 0, "{table} without a scope");
    }
}

#[tokio::test]
async fn the_read_role_can_only_select() {
    let (log, _, _) = two_resellers().await;
    let mut refused = vec![
        "SELECT live.append_progress(gen_random_uuid(), 1, 1, 1, 'fetch', 1, '[]', now())".to_owned(),
        "SELECT count(*) FROM es.events".to_owned(),
        "SELECT count(*) FROM es.subject_keys".to_owned(),
        "SELECT count(*) FROM es.chain".to_owned(),
        "SELECT frontier FROM es.audit_checkpoints".to_owned(),
        "INSERT INTO es.audit_runs DEFAULT VALUES".to_owned(),
        "SELECT count(*) FROM es.stops".to_owned(),
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
