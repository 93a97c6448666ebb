//! The runner: exactly once, whatever stops it, and in time for those who wait.

use std::time::Duration;

use crate::support::{TestLog, buy_in_store, map_products, platform, story};
use projections::wait::{WaitError, every_projection, reached};
use projections::{catch_up, run, wait_for};
use store::Position;
use store::wake::Wake;
use tokio_util::sync::CancellationToken;

/// Read models with figures for finance: they stop before what they cannot read.
const FINANCE: [&str; 6] = [
    "commissions",
    "credit_lots",
    "credit_transactions",
    "invoices",
    "ledger",
    "payouts",
];

async fn dump(log: &TestLog) -> Vec<String> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'read' ORDER BY 1")
            .fetch_all(&log.owner)
            .await
            .unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let sql = format!("SELECT '{table} ' || t::text FROM read.{table} t ORDER BY 1");
        rows.extend(
            sqlx::query_scalar::<_, String>(&sql)
                .fetch_all(&log.owner)
                .await
                .unwrap(),
        );
    }
    rows
}

#[tokio::test]
async fn folding_twice_is_folding_once() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    story(&mut log, "Nordwind").await;
    let head = log.catch_up().await;
    let once = dump(&log).await;
    assert_eq!(log.catch_up().await, head);
    assert_eq!(dump(&log).await, once);
}

#[tokio::test]
async fn tables_folded_anew_equal_those_folded_bit_by_bit() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    map_products(&mut log).await;
    for name in ["Nordwind", "Südwind"] {
        let story = story(&mut log, name).await;
        buy_in_store(&mut log, &story).await;
        log.catch_up().await;
    }
    let live = dump(&log).await;
    let tables: Vec<_> = projections::projection::all()
        .iter()
        .flat_map(|model| model.tables())
        .filter(|table| table.schema == "read")
        .map(|table| format!("read.{}", table.name))
        .collect();
    let emptied = format!("TRUNCATE {}; DELETE FROM es.checkpoints", tables.join(", "));
    sqlx::raw_sql(&emptied).execute(&log.owner).await.unwrap();
    log.catch_up().await;
    assert_eq!(dump(&log).await, live);
}

#[tokio::test]
async fn several_runners_at_once_fold_each_event_once() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    story(&mut log, "Nordwind").await;
    let runs = (0..3).map(|_| catch_up(&log.projections, &log.vault));
    for outcome in futures::future::join_all(runs).await {
        outcome.unwrap();
    }
    let report = projections::audit::verify(&log.owner, &log.vault).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
}

#[tokio::test]
async fn a_running_runner_reaches_a_new_position_and_stops_when_told() {
    let mut log = TestLog::create().await;
    let (wake, stop) = (Wake::local(), CancellationToken::new());
    let runner = tokio::spawn(run(
        log.projections.clone(),
        log.vault.clone(),
        wake.clone(),
        stop.clone(),
    ));
    platform(&mut log).await;
    let story = story(&mut log, "Nordwind").await;
    let suspended = domain::tenant::TenantEvent::TenantSuspended {
        reason: "unpaid".to_owned(),
    };
    let position = log
        .one::<domain::tenant::Tenant>(
            story.tenant_id,
            suspended,
            story.of_tenant(),
            crate::support::noon(),
        )
        .await;
    wake.events();
    wait_for(&log.read, &every_projection(), position, Duration::from_secs(10))
        .await
        .unwrap();
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), runner)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_position_beyond_the_log_is_stale_and_says_how_far_the_figures_are() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let head = log.catch_up().await;
    let beyond = Position {
        xid: head.xid + 1_000_000,
        position: 1,
    };
    let outcome = wait_for(&log.read, &["packs"], beyond, Duration::from_millis(30)).await;
    assert!(
        matches!(outcome, Err(WaitError::Stale { wanted, reached }) if wanted == beyond && reached == head)
    );
    assert_eq!(reached(&log.read, &["packs", "users"]).await.unwrap(), head);
}

/// Copies an event of a type under an id that names no row, and returns its position.
async fn append_unfoldable(log: &TestLog, event_type: &str) -> Position {
    let (xid, position) = sqlx::query_as(
        "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT aggregate_type, 'no-uuid', 1, event_type, event_version, payload, metadata
         FROM es.events WHERE event_type = $1 LIMIT 1
         RETURNING xid::text::bigint, position",
    )
    .bind(event_type)
    .fetch_one(&log.owner)
    .await
    .unwrap();
    Position { xid, position }
}

#[tokio::test]
async fn a_bad_event_is_put_aside_where_stale_figures_are_worse_than_one_missing() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    story(&mut log, "Nordwind").await;
    let bad = append_unfoldable(&log, "UserRegistered").await;
    story(&mut log, "Südwind").await;
    let head = log.catch_up().await;
    assert!(head > bad);
    let mut owner = log.owner.acquire().await.unwrap();
    let letters = projections::dead_letters::list(&mut owner, None).await.unwrap();
    let put_aside: Vec<_> = letters
        .iter()
        .map(|letter| (letter.projection.as_str(), letter.position, letter.attempts))
        .collect();
    assert_eq!(put_aside, [("users", bad, 1)]);
    assert!(
        letters[0].error.contains("its stream id is no UUID"),
        "{letters:?}"
    );
    assert_eq!(reached(&log.read, &every_projection()).await.unwrap(), head);
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM read.users")
        .fetch_one(&log.owner)
        .await
        .unwrap();
    let registered: i64 =
        sqlx::query_scalar("SELECT count(*) FROM es.events WHERE event_type = 'UserRegistered'")
            .fetch_one(&log.owner)
            .await
            .unwrap();
    assert_eq!(users, registered - 1);
    // The audit takes every connection of the pool.
    drop(owner);
    let report = projections::audit::verify(&log.owner, &log.vault).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
}

#[tokio::test]
async fn a_bad_event_stops_finance_before_it_and_no_other() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    story(&mut log, "Nordwind").await;
    log.catch_up().await;
    story(&mut log, "Südwind").await;
    let bad = append_unfoldable(&log, "CreditsPurchased").await;
    let (wake, stop) = (Wake::local(), CancellationToken::new());
    let runner = tokio::spawn(run(
        log.projections.clone(),
        log.vault.clone(),
        wake,
        stop.clone(),
    ));
    let shown = ["packs", "jobs", "users"];
    wait_for(&log.read, &shown, bad, Duration::from_secs(10))
        .await
        .unwrap();
    let (xid, position) = sqlx::query_as(
        "SELECT e.xid::text::bigint, e.position FROM es.events e
         WHERE (e.xid, e.position) < ($1::text::xid8, $2) ORDER BY e.xid DESC, e.position DESC LIMIT 1",
    )
    .bind(bad.xid.to_string())
    .bind(bad.position)
    .fetch_one(&log.owner)
    .await
    .unwrap();
    let last_good = Position { xid, position };
    let finance = ["credit_transactions"];
    wait_for(&log.read, &finance, last_good, Duration::from_secs(10))
        .await
        .unwrap();
    let reached = reached(&log.read, &finance).await.unwrap();
    assert_eq!(
        reached, last_good,
        "what came before the bad event is folded, and no more"
    );
    let letters: i64 = sqlx::query_scalar("SELECT count(*) FROM es.dead_letters")
        .fetch_one(&log.owner)
        .await
        .unwrap();
    assert_eq!(letters, 0);
    stop.cancel();
    runner.await.unwrap();
}

/// An event of a version that only a newer program writes: a copy of the first one of a type, in a stream of its own.
async fn append_unreadable(log: &TestLog, event_type: &str) -> Position {
    let (xid, position) = sqlx::query_as(
        "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT aggregate_type, gen_random_uuid(), 1, event_type, '99', payload, metadata
         FROM es.events WHERE event_type = $1 ORDER BY position LIMIT 1
         RETURNING xid::text::bigint, position",
    )
    .bind(event_type)
    .fetch_one(&log.owner)
    .await
    .unwrap();
    Position { xid, position }
}

/// The program learns to read what it could not.
async fn upgrade(log: &TestLog) {
    sqlx::raw_sql(
        "ALTER TABLE es.events DISABLE TRIGGER USER;
         UPDATE es.events SET event_version = '1' WHERE event_version = '99';
         ALTER TABLE es.events ENABLE TRIGGER USER",
    )
    .execute(&log.owner)
    .await
    .unwrap();
}

async fn status_of(log: &TestLog, name: &str) -> projections::status::Status {
    let all = projections::status::look(&log.projections).await.unwrap();
    all.into_iter().find(|status| status.projection == name).unwrap()
}

#[tokio::test]
async fn an_event_that_this_program_cannot_read_is_put_aside_by_dashboards_and_stops_finance_until_it_can() {
    let finance = FINANCE;
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    story(&mut log, "Nordwind").await;
    log.catch_up().await;
    let (wake, stop) = (Wake::local(), CancellationToken::new());
    let runner = tokio::spawn(run(
        log.projections.clone(),
        log.vault.clone(),
        wake,
        stop.clone(),
    ));
    // Once met at the head of the log, and once again behind it.
    let mut unreadable = Vec::new();
    for name in ["Südwind", "Ostwind"] {
        unreadable.push(append_unreadable(&log, "UserRegistered").await);
        story(&mut log, name).await;
    }
    let end = log.position().await;
    let dashboards: Vec<_> = every_projection()
        .into_iter()
        .filter(|name| !finance.contains(name))
        .collect();
    wait_for(&log.read, &dashboards, end, Duration::from_secs(20))
        .await
        .unwrap();
    let mut owner = log.owner.acquire().await.unwrap();
    for name in &dashboards {
        let letters = projections::dead_letters::list(&mut owner, Some(name))
            .await
            .unwrap();
        let put_aside: Vec<_> = letters.iter().map(|letter| letter.position).collect();
        assert_eq!(put_aside, unreadable, "{name}");
        let told = format!("event at {} cannot be decoded", unreadable[0]);
        assert!(letters[0].error.contains(&told), "{letters:?}");
    }
    for name in finance {
        // The note comes a moment after the stop.
        let stopped = loop {
            if let Some(stopped) = status_of(&log, name).await.stopped {
                break stopped;
            }
            tokio::task::yield_now().await;
        };
        assert!(stopped.error.contains(&unreadable[0].to_string()), "{stopped:?}");
        let reached = reached(&log.read, &[name]).await.unwrap();
        assert!(reached < unreadable[0], "{name}");
    }

    upgrade(&log).await;
    wait_for(&log.read, &finance, end, Duration::from_secs(20))
        .await
        .unwrap();
    while status_of(&log, "ledger").await.stopped.is_some() {
        tokio::task::yield_now().await;
    }
    for model in projections::projection::all() {
        let retried = projections::dead_letters::retry(&log.projections, model.as_ref(), &log.vault)
            .await
            .unwrap();
        let expected = if finance.contains(&model.name()) { 0 } else { 2 };
        assert_eq!((retried.folded, retried.left), (expected, 0), "{}", model.name());
    }
    stop.cancel();
    runner.await.unwrap();
    // The audit takes all connections of the owner.
    drop(owner);
    let report = projections::audit::verify(&log.owner, &log.vault).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
}
