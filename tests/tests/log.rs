//! The log as the command line shows it: whether this program reads all of it, and what it holds.

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
