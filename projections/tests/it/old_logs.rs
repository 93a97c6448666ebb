//! Logs as earlier versions wrote them: today's program folds every event and finds nothing wrong with them.
//!
//! Files in `tests/logs` are named after the version that wrote them and are never edited. With each release
//! `cargo nextest run --workspace --run-ignored only -E 'test(write_a_log_with_this_version)'` adds one, from the
//! stories of these tests; `stentor log export` writes the same form from a real database.

use std::fs;
use std::path::{Path, PathBuf};

use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountEvent};
use domain::credits::Credits;
use domain::ids::WorkflowId;
use domain::job::{Job, JobEvent};
use domain::price_list::{PRICE_LIST_ID, PriceList, PriceListEvent};
use domain::reseller::{Reseller, ResellerEvent};
use domain::tenant::{Tenant, TenantEvent};
use domain::user::{User, UserEvent};
use domain::workflow::{WorkflowLibrary, WorkflowLibraryEvent};
use projections::audit::verify;
use store::rows::{self, StoredRow};
use store::unit_of_work::Owner;
use store::{Position, erasure};
use uuid::Uuid;

use crate::support::{Story, TestLog, noon, platform, queue_job, save_workflow, started, story, succeeded};

const STORIES: usize = 12;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs")
}

fn old_logs() -> Vec<(String, Vec<StoredRow>)> {
    let mut logs: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let rows = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), rows)
        })
        .collect();
    logs.sort_by(|(left, _), (right, _)| left.cmp(right));
    logs
}

/// Puts rows into the log as they are, past everything that would write them today.
async fn append_raw(log: &TestLog, rows: &[StoredRow]) {
    let mut transaction = log.owner.begin().await.unwrap();
    for row in rows {
        sqlx::query(
            "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
                                    metadata, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7::text::jsonb, $8)",
        )
        .bind(&row.aggregate_type)
        .bind(&row.aggregate_id)
        .bind(row.sequence)
        .bind(&row.event_type)
        .bind(&row.event_version)
        .bind(row.payload.get())
        .bind(row.metadata.get())
        .bind(row.recorded_at)
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn an_old_log_is_read_folded_and_audited_by_todays_program() {
    let logs = old_logs();
    assert!(!logs.is_empty());
    for (version, rows) in logs {
        assert!(rows.len() >= 200, "{version} has {} events", rows.len());
        let log = TestLog::create().await;
        append_raw(&log, &rows).await;
        let mut connection = log.owner.acquire().await.unwrap();
        let checked = rows::check(&mut connection, |_| ()).await.unwrap();
        assert!(checked.is_clean(), "{version}: {checked:?}");
        assert_eq!(checked.events, u64::try_from(rows.len()).unwrap(), "{version}");
        drop(connection);
        log.catch_up().await;
        let report = verify(&log.owner, &log.vault).await.unwrap();
        assert!(report.is_clean(), "{version}: {report:?}");
        assert_eq!(report.events, checked.events, "{version}");
        let parked: i64 = sqlx::query_scalar("SELECT count(*) FROM es.dead_letters")
            .fetch_one(&log.owner)
            .await
            .unwrap();
        assert_eq!(parked, 0, "{version}");
    }
}

#[tokio::test]
async fn the_check_names_the_first_event_that_it_cannot_read() {
    let (_, mut rows) = old_logs().swap_remove(0);
    rows.truncate(40);
    let (bad, good) = rows.split_last_mut().unwrap();
    let log = TestLog::create().await;
    append_raw(&log, good).await;
    bad.event_version = "7".to_owned();
    append_raw(&log, std::slice::from_ref(bad)).await;
    let mut connection = log.owner.acquire().await.unwrap();
    let checked = rows::check(&mut connection, |_| ()).await.unwrap();
    assert_eq!(checked.events, 39);
    let unreadable = checked.unreadable.unwrap();
    assert_eq!(unreadable.event_version, "7");
    assert_eq!(
        unreadable.stream,
        format!("{}/{}", bad.aggregate_type, bad.aggregate_id)
    );
    assert!(
        unreadable.error.contains("written by a newer program"),
        "{}",
        unreadable.error
    );
}

#[tokio::test]
async fn the_check_tells_when_an_erased_persons_key_is_back() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    erase(&mut log, &nordwind).await;
    let mut connection = log.owner.acquire().await.unwrap();
    assert!(rows::check(&mut connection, |_| ()).await.unwrap().is_clean());
    sqlx::query("INSERT INTO es.subject_keys (subject_id, wrapped_key) VALUES ($1, '')")
        .bind(nordwind.user_id.0)
        .execute(&mut *connection)
        .await
        .unwrap();
    let checked = rows::check(&mut connection, |_| ()).await.unwrap();
    assert_eq!(checked.keys_of_erased, [nordwind.user_id.0]);
}

async fn erase(log: &mut TestLog, story: &Story) {
    let erased = UserEvent::UserErased {
        reason: "asked to be forgotten".to_owned(),
        home: story.home(),
        subjects: vec![story.user_id.0],
    };
    log.one::<User>(story.user_id, erased, story.of_tenant(), noon())
        .await;
    let mut connection = log.owner.acquire().await.unwrap();
    erasure::forget(&mut connection, &[story.user_id.0])
        .await
        .unwrap();
}

/// Everything that can happen to a story.
async fn eventful(log: &mut TestLog, story: &Story) {
    let workflow_id = WorkflowId(Uuid::now_v7());
    for version in 1..=2 {
        save_workflow(log, story, workflow_id, version).await;
    }
    let removed = WorkflowLibraryEvent::WorkflowRemoved { workflow_id };
    log.one::<WorkflowLibrary>(story.tenant_id, removed, story.of_tenant(), noon())
        .await;
    for ended in [Some(true), Some(false), None] {
        let id = queue_job(log, story).await;
        let tenant = story.of_tenant();
        let dispatched = JobEvent::JobDispatched { attempt: 1 };
        log.one::<Job>(id, dispatched, tenant, noon()).await;
        log.one::<Job>(id, started(1, 1), tenant, noon()).await;
        let end = match ended {
            Some(true) => succeeded(id, &"22".repeat(32)),
            Some(false) => JobEvent::JobFailed {
                attempt: 1,
                code: "AUDIO_UNREADABLE".to_owned(),
                message: "the recording cannot be decoded".to_owned(),
            },
            None => JobEvent::JobCancelled,
        };
        log.one::<Job>(id, end, tenant, noon()).await;
    }
    let adjusted = CreditAccountEvent::CreditsAdjusted {
        kind: AdjustmentKind::Bonus,
        credits: Credits(5),
        note: "for patience".to_owned(),
        balance_after: Credits(875),
        lots: vec![],
    };
    log.one::<CreditAccount>(story.reseller_id, adjusted, story.of_reseller(), noon())
        .await;
    let reason = || "unpaid invoices".to_owned();
    let suspended = TenantEvent::TenantSuspended { reason: reason() };
    log.one::<Tenant>(story.tenant_id, suspended, story.of_tenant(), noon())
        .await;
    let resumed = TenantEvent::TenantResumed { reason: reason() };
    log.one::<Tenant>(story.tenant_id, resumed, story.of_tenant(), noon())
        .await;
    let suspended = ResellerEvent::ResellerSuspended { reason: reason() };
    log.one::<Reseller>(story.reseller_id, suspended, story.of_reseller(), noon())
        .await;
    let resumed = ResellerEvent::ResellerResumed { reason: reason() };
    log.one::<Reseller>(story.reseller_id, resumed, story.of_reseller(), noon())
        .await;
    log.one::<User>(
        story.user_id,
        UserEvent::PasswordChanged,
        story.of_tenant(),
        noon(),
    )
    .await;
}

#[tokio::test]
#[ignore = "writes a file: run it once for each release"]
async fn write_a_log_with_this_version() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    for number in 0..STORIES {
        let story = story(&mut log, &format!("Nordwind {number}")).await;
        eventful(&mut log, &story).await;
        if number % 4 == 0 {
            erase(&mut log, &story).await;
        }
    }
    let retired = PriceListEvent::PackRetired {
        code: "starter".to_owned(),
        currency: None,
    };
    log.one::<PriceList>(PRICE_LIST_ID, retired, Owner::PLATFORM, noon())
        .await;
    let mut connection = log.owner.acquire().await.unwrap();
    let rows = rows::read(&mut connection, Position::START, 10_000)
        .await
        .unwrap();
    let lines: String = rows
        .iter()
        .map(|(_, row)| serde_json::to_string(row).unwrap() + "\n")
        .collect();
    fs::create_dir_all(folder()).unwrap();
    fs::write(folder().join(concat!(env!("CARGO_PKG_VERSION"), ".jsonl")), lines).unwrap();
}
