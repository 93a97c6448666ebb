//! A generated year of history keeps every rule, and the audit proves it.

use std::collections::BTreeMap;

use sqlx::Row;
use tests::process::stentor;
use tests::proof::Proof;

const EVENTS: &str = "5000";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What happened, without ids and sealed fields: how many events of each type there are, and where credits went.
async fn told(proof: &Proof) -> (BTreeMap<String, i64>, Vec<(String, i64)>) {
    let counted = sqlx::query("SELECT e.event_type, count(*) AS events FROM es.events e GROUP BY 1")
        .fetch_all(&proof.owner)
        .await
        .unwrap();
    let counted = counted
        .iter()
        .map(|row| (row.get("event_type"), row.get("events")))
        .collect();
    let accounts = sqlx::query_as(
        "SELECT a.reseller_id || ' ' || a.account, a.debits - a.credits FROM read.ledger_accounts a ORDER BY 1",
    )
    .fetch_all(&proof.owner)
    .await
    .unwrap();
    (counted, accounts)
}

#[tokio::test]
async fn a_generated_year_is_proven_by_the_audit_and_is_the_same_for_the_same_seed() {
    let (first, second) = (Proof::empty().await, Proof::empty().await);
    for proof in [&first, &second] {
        let migrated = stentor(&proof.config(), &["migrate"]).await;
        assert!(migrated.status.success(), "{}", text(&migrated.stderr));
        let made = stentor(
            &proof.config(),
            &["demo", "history", "--events", EVENTS, "--seed", "7"],
        )
        .await;
        assert!(made.status.success(), "{}", text(&made.stderr));
        let audit = stentor(&proof.config(), &["audit", "verify"]).await;
        assert!(
            audit.status.success(),
            "{}{}",
            text(&audit.stdout),
            text(&audit.stderr)
        );
    }
    let (counted, accounts) = told(&first).await;
    assert!(counted.values().sum::<i64>() >= 5_000);
    for kind in [
        "ResellerRegistered",
        "CreditsPurchased",
        "CreditsDebited",
        "TenantCreated",
        "AccessGranted",
        "UserRegistered",
        "RecordingStored",
        "JobSucceeded",
        "JobFailed",
    ] {
        assert!(counted.contains_key(kind), "{counted:?} has no {kind}");
    }
    assert_eq!((counted, accounts), told(&second).await);
    let months: i64 = sqlx::query_scalar("SELECT count(DISTINCT date_trunc('month', at)) FROM read.activity")
        .fetch_one(&first.owner)
        .await
        .unwrap();
    assert!(months >= 12, "it fills {months} months");
    let violations: i64 = sqlx::query_scalar("SELECT count(*) FROM read.ledger_violations")
        .fetch_one(&first.owner)
        .await
        .unwrap();
    assert_eq!(violations, 0);
}

#[tokio::test]
async fn a_log_with_events_is_not_filled_with_a_history() {
    let proof = Proof::new().await;
    let made = stentor(&proof.config(), &["demo", "history", "--events", EVENTS]).await;
    assert!(!made.status.success());
    let told = text(&made.stderr);
    assert!(told.contains("holds 12 events already"), "{told}");
}
