//! The audit finds what does not follow from the log, and names it.

use crate::support::{
    Story, TestLog, act_as, buy_in_store, close_period, hold_credits, invite, invoice, issue_key,
    map_products, noon, pay_out, platform, queue_job, report, run_bulk, save_workflow, sell, started, story,
};
use domain::job::{Job, JobEvent};
use projections::audit::{Difference, verify};
use uuid::Uuid;

async fn busy() -> (TestLog, Story) {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    let suedwind = story(&mut log, "Südwind").await;
    hold_credits(&mut log, &suedwind).await;
    map_products(&mut log).await;
    buy_in_store(&mut log, &nordwind).await;
    sell(&mut log, &nordwind).await;
    pay_out(&mut log, &[nordwind]).await;
    invoice(&mut log, &nordwind).await;
    invite(&mut log, &nordwind).await;
    act_as(&mut log, &nordwind).await;
    issue_key(&mut log, &nordwind).await;
    run_bulk(&mut log, &nordwind).await;
    let job_id = queue_job(&mut log, &nordwind).await;
    log.one::<Job>(job_id, started(1, 1), nordwind.of_tenant(), noon())
        .await;
    log.catch_up().await;
    save_workflow(&mut log, &nordwind, Uuid::now_v7().into(), 1).await;
    report(&log, job_id, (1, 1, 1), 40, "[]").await.unwrap();
    log.one::<Job>(job_id, JobEvent::JobCancelled, nordwind.of_tenant(), noon())
        .await;
    log.catch_up().await;
    (log, nordwind)
}

async fn edit(log: &TestLog, sql: &str) {
    let changed = sqlx::query(sql)
        .execute(&log.owner)
        .await
        .unwrap()
        .rows_affected();
    assert_eq!(changed, 1, "{sql}");
}

#[tokio::test]
async fn an_untouched_database_is_clean_and_its_digest_stays() {
    let (log, _) = busy().await;
    let report = verify(&log.owner, &log.vault).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert!(
        report.projections.iter().all(|projection| projection.rows > 0),
        "{report:#?}"
    );
    let again = verify(&log.owner, &log.vault).await.unwrap();
    assert_eq!(report, again);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'audit%'")
        .fetch_one(&log.owner)
        .await
        .unwrap();
    assert_eq!(left, 0, "the audit cleans up");
}

#[tokio::test]
async fn an_edited_row_is_named_with_both_values() {
    let (log, story) = busy().await;
    edit(
        &log,
        &format!(
            "UPDATE read.credit_balances SET balance = 9870 WHERE reseller_id = '{}'",
            story.reseller_id
        ),
    )
    .await;
    let report = verify(&log.owner, &log.vault).await.unwrap();
    assert_eq!(
        report.differences,
        [Difference {
            table: "read.credit_balances".to_owned(),
            key: format!("reseller_id={}", story.reseller_id),
            column: Some("balance".to_owned()),
            expected: Some("870".to_owned()),
            found: Some("9870".to_owned()),
        }]
    );
    assert!(!report.is_clean());
}

#[tokio::test]
async fn a_closed_month_that_the_journal_no_longer_gives_is_named() {
    let (mut log, _) = busy().await;
    close_period(&mut log, "2026-11").await;
    log.catch_up().await;
    let report = verify(&log.owner, &log.vault).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
    sqlx::query("UPDATE read.journal SET amount = amount + 1 WHERE debit = 'credits.spent'")
        .execute(&log.owner)
        .await
        .unwrap();
    let report = verify(&log.owner, &log.vault).await.unwrap();
    assert!(!report.is_clean());
    assert_eq!(report.changed_periods.len(), 1, "{report:#?}");
    let changed = &report.changed_periods[0];
    assert_eq!(changed.period.to_string(), "2026-11");
    assert_ne!(changed.expected, changed.found);
}

#[tokio::test]
async fn a_deleted_and_an_added_row_are_named() {
    let (log, story) = busy().await;
    edit(
        &log,
        &format!(
            "DELETE FROM read.customers WHERE tenant_id = '{}'",
            story.tenant_id
        ),
    )
    .await;
    edit(
        &log,
        "INSERT INTO read.packs (list, code, name, credits, price_minor, currency, valid_from)
         VALUES ('platform', 'gift', 'Gift', 5, 0, 'USD', '-infinity')",
    )
    .await;
    edit(
        &log,
        "UPDATE live.job_updates SET status = 'succeeded' WHERE status = 'cancelled'",
    )
    .await;
    let report = verify(&log.owner, &log.vault).await.unwrap();
    let named: Vec<_> = report
        .differences
        .iter()
        .map(|difference| {
            (
                difference.table.as_str(),
                difference.expected.is_some(),
                difference.found.is_some(),
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            ("read.customers", true, false),
            ("read.packs", false, true),
            ("live.job_updates", true, true)
        ],
        "{:#?}",
        report.differences
    );
    let added = &report.differences[1].key;
    assert!(added.contains("code=gift"), "{added}");
}

#[tokio::test]
async fn an_event_that_is_not_folded_yet_is_no_difference() {
    let (mut log, _) = busy().await;
    // In the log, and not yet folded: the audit stops where the live tables stopped.
    story(&mut log, "Westwind").await;
    let report = verify(&log.owner, &log.vault).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
}

#[tokio::test]
async fn a_log_with_a_hole_or_a_wrong_balance_is_named() {
    let (log, story) = busy().await;
    sqlx::raw_sql(&format!(
        "ALTER TABLE es.events DISABLE TRIGGER ALL;
         UPDATE es.events SET payload = jsonb_set(payload, '{{CreditsDebited,credits}}', '29')
         WHERE aggregate_id = '{0}' AND event_type = 'CreditsDebited';
         DELETE FROM es.events WHERE aggregate_type = 'credit_account' AND aggregate_id = '{0}' AND sequence = 1;",
        story.reseller_id
    ))
    .execute(&log.owner)
    .await
    .unwrap();
    let report = verify(&log.owner, &log.vault).await.unwrap();
    assert_eq!(report.log_faults.len(), 2, "{report:#?}");
    assert!(report.log_faults[0].contains("some are missing"), "{report:#?}");
    assert!(report.log_faults[1].contains("add up to 871"), "{report:#?}");
}
