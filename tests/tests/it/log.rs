//! The log as the command line shows it: whether this program reads all of it, and what it holds.

use serde_json::{Value, json};
use sqlx::Executor;
use store::database::DatabaseRole;
use store::rows::StoredRow;
use tests::TestApp;
use tests::process::stentor;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[actix_web::test]
async fn a_log_is_checked_and_the_first_unreadable_event_is_named() {
    let app = TestApp::start().await;
    app.admin().await;
    let events = app.events().await;
    let checked = stentor(&app.config, &["log", "check"]).await;
    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(
        text(&checked.stdout),
        format!("log: this program reads all {events} events\n")
    );

    let owner = app.database.pool(DatabaseRole::Owner).await;
    owner
        .execute(
            "ALTER TABLE es.events DISABLE TRIGGER USER;
             UPDATE es.events SET event_version = '2' WHERE event_type = 'UserRegistered';
             ALTER TABLE es.events ENABLE TRIGGER USER",
        )
        .await
        .unwrap();
    let (xid, position, stream): (String, i64, String) = sqlx::query_as(
        "SELECT xid::text, position, aggregate_id FROM es.events WHERE event_type = 'UserRegistered'",
    )
    .fetch_one(&owner)
    .await
    .unwrap();
    let checked = stentor(&app.config, &["log", "check"]).await;
    assert!(!checked.status.success());
    let told = text(&checked.stdout);
    let place = format!(
        "UserRegistered version 2 at position {}, event 1 of the stream user/{stream}",
        store::Position {
            xid: xid.parse().unwrap(),
            position
        }
    );
    assert!(told.contains(&place), "{told}");
    assert!(told.contains("was written by a newer program"), "{told}");
    owner.close().await;
}

#[actix_web::test]
async fn the_platform_sees_how_the_proof_stands_and_nobody_else() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 10).await;
    assert!(app.audit().await.is_clean());
    for args in [["audit", "checkpoint"], ["audit", "verify"]] {
        let done = stentor(&app.config, &args).await;
        assert!(done.status.success(), "{done:?}");
    }
    let key = text(&stentor(&app.config, &["audit", "key"]).await.stdout);
    let query = "{ auditStatus { sound events head position lag ledgerViolations
        checkpoint { size root key } lastVerification { events violations first }
        firstLedgerViolation { rule } } }";
    let status = admin.query(query, json!({})).await["auditStatus"].clone();
    let events = app.events().await;
    assert_eq!(
        (&status["sound"], &status["events"], &status["lag"]),
        (&json!(true), &json!(events), &json!(0)),
        "{status}"
    );
    assert_eq!(status["checkpoint"]["size"], json!(events));
    let signer = status["checkpoint"]["key"].as_str().unwrap();
    assert!(key.contains(&format!("+{signer}+")), "{key} {signer}");
    assert_eq!(
        status["lastVerification"],
        json!({"events": events, "violations": 0, "first": null})
    );
    assert_eq!(status["firstLedgerViolation"], Value::Null);
    let refused = reseller.client.graphql(query, json!({})).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "FORBIDDEN",
        "{refused}"
    );

    let owner = app.database.pool(DatabaseRole::Owner).await;
    owner
        .execute(
            "INSERT INTO read.ledger_violations (log_xid, log_position, rule, stream, sequence, event_type, expected,
                                                 found, known_at)
             VALUES (1, 1, 'balance_follows', 'x', 1, 'CreditsDebited', '1', '2', now())",
        )
        .await
        .unwrap();
    owner.close().await;
    let status = admin.query(query, json!({})).await["auditStatus"].clone();
    assert_eq!(
        (&status["sound"], &status["ledgerViolations"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(status["firstLedgerViolation"], json!({"rule": "balance_follows"}));
}

#[actix_web::test]
async fn a_log_is_exported_line_by_line_and_no_file_is_overwritten() {
    let app = TestApp::start().await;
    app.admin().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let args = ["log", "export", "--out", path.to_str().unwrap()];
    let exported = stentor(&app.config, &args).await;
    assert!(exported.status.success(), "{exported:?}");
    let lines = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<StoredRow> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(i64::try_from(rows.len()).unwrap(), app.events().await);
    assert!(rows.iter().any(|row| row.event_type == "UserRegistered"));
    // Personal fields are as sealed as in the log.
    assert!(!lines.contains("Ada Admin") && !lines.contains(tests::app::ADMIN));
    let again = stentor(&app.config, &args).await;
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("is it there already?"), "{again:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), lines);
}
