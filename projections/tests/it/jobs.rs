//! Jobs and the one sequence that their status changes and their progress share.

use crate::support::{Story, TestLog, noon, platform, queue_job, report, started, story, succeeded};
use domain::job::{Job, JobEvent};
use projections::job_updates::{self, JobUpdateKind, JobUpdateRow};
use projections::jobs::{self, JobStatus};
use projections::page::PageRequest;
use projections::{ScopedConnection, catch_up};
use uuid::Uuid;

async fn queued() -> (TestLog, Story, Uuid) {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let story = story(&mut log, "Nordwind").await;
    let job_id = queue_job(&mut log, &story).await;
    log.catch_up().await;
    (log, story, job_id)
}

async fn happens(log: &mut TestLog, story: &Story, job_id: Uuid, event: JobEvent) {
    log.one::<Job>(job_id, event, story.of_tenant(), noon()).await;
    log.catch_up().await;
}

async fn updates(log: &TestLog, story: &Story, job_id: Uuid) -> Vec<JobUpdateRow> {
    let mut connection = ScopedConnection::begin(&log.read, story.tenant_scope())
        .await
        .unwrap();
    let (read, scope) = connection.parts();
    job_updates::after(read, scope, job_id, 0).await.unwrap()
}

#[tokio::test]
async fn status_and_progress_share_one_sequence_without_gaps() {
    let (mut log, story, job_id) = queued().await;
    happens(&mut log, &story, job_id, JobEvent::JobDispatched { attempt: 1 }).await;
    happens(&mut log, &story, job_id, started(1, 1)).await;
    let segment = r#"[{"index": 0, "start_ms": 0, "end_ms": 900, "text": "Hello."}]"#;
    assert_eq!(report(&log, job_id, (1, 1, 1), 40, segment).await, Some(4));
    assert_eq!(
        report(&log, job_id, (1, 1, 1), 50, "[]").await,
        None,
        "delivered twice"
    );
    assert_eq!(report(&log, job_id, (1, 1, 3), 30, "[]").await, Some(5));
    assert_eq!(
        report(&log, job_id, (1, 1, 2), 90, "[]").await,
        None,
        "delivered late"
    );
    happens(&mut log, &story, job_id, succeeded(job_id, "ab")).await;
    assert_eq!(
        report(&log, job_id, (1, 1, 4), 99, "[]").await,
        None,
        "the job has ended"
    );

    let updates = updates(&log, &story, job_id).await;
    let sequences: Vec<_> = updates.iter().map(|update| update.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
    let percents: Vec<_> = updates.iter().map(|update| update.percent).collect();
    assert_eq!(
        percents,
        [0, 0, 0, 40, 40, 100],
        "the percentage never falls within a delivery"
    );
    assert_eq!(updates[3].kind, JobUpdateKind::Progress);
    assert_eq!(updates[3].segments[0].text, "Hello.");
    assert!(updates[5].is_last());

    let mut connection = ScopedConnection::begin(&log.read, story.tenant_scope())
        .await
        .unwrap();
    let (read, scope) = connection.parts();
    let row = jobs::by_id(read, scope, job_id).await.unwrap().unwrap();
    assert_eq!(
        (row.status, row.percent, row.last_sequence, row.attempts),
        (JobStatus::Succeeded, 100, 6, 1)
    );
    assert_eq!(row.result.unwrap().object_key, format!("transcripts/{job_id}"));
    let page = jobs::page(
        read,
        scope,
        projections::Whose::Own,
        Some(JobStatus::Failed),
        PageRequest {
            first: 5,
            after: None,
        },
    )
    .await
    .unwrap();
    assert!(page.rows.is_empty());
}

#[tokio::test]
async fn a_job_delivered_again_begins_again_and_keeps_counting() {
    let (mut log, story, job_id) = queued().await;
    happens(&mut log, &story, job_id, started(1, 1)).await;
    report(&log, job_id, (1, 1, 1), 70, "[]").await;
    // The second worker's report overtakes the event that says it has started.
    assert_eq!(report(&log, job_id, (1, 2, 1), 5, "[]").await, Some(4));
    happens(&mut log, &story, job_id, started(1, 2)).await;
    assert_eq!(
        report(&log, job_id, (1, 1, 9), 95, "[]").await,
        None,
        "the first worker is out"
    );
    let failed = JobEvent::JobFailed {
        attempt: 1,
        code: "AUDIO_UNREADABLE".into(),
        message: "cut off".into(),
    };
    happens(&mut log, &story, job_id, failed).await;
    let updates = updates(&log, &story, job_id).await;
    let percents: Vec<_> = updates
        .iter()
        .map(|update| (update.sequence, update.percent))
        .collect();
    assert_eq!(percents, [(1, 0), (2, 0), (3, 70), (4, 5), (5, 5), (6, 5)]);
    assert_eq!(updates[5].failure.as_ref().unwrap().code, "AUDIO_UNREADABLE");
}

#[tokio::test]
async fn progress_of_an_unknown_job_is_refused() {
    let (log, _, _) = queued().await;
    assert_eq!(report(&log, Uuid::now_v7(), (1, 1, 1), 10, "[]").await, None);
}

#[tokio::test]
async fn concurrent_reports_leave_no_gap() {
    let (mut log, story, job_id) = queued().await;
    happens(&mut log, &story, job_id, started(1, 1)).await;
    let reports = (1..=30).map(|number| report(&log, job_id, (1, 1, number), number, "[]"));
    futures::future::join_all(reports).await;
    happens(&mut log, &story, job_id, JobEvent::JobCancelled).await;
    let updates = updates(&log, &story, job_id).await;
    assert!(
        updates
            .iter()
            .map(|update| update.sequence)
            .eq(1..=i64::try_from(updates.len()).unwrap())
    );
}

#[tokio::test]
async fn folding_a_job_again_repeats_no_update() {
    let (mut log, story, job_id) = queued().await;
    happens(&mut log, &story, job_id, JobEvent::JobCancelled).await;
    let before = updates(&log, &story, job_id).await;
    sqlx::raw_sql("DELETE FROM read.jobs; UPDATE es.checkpoints SET last_xid = 0, last_position = 0 WHERE projection = 'jobs'")
        .execute(&log.owner)
        .await
        .unwrap();
    catch_up(&log.projections, &log.vault).await.unwrap();
    assert_eq!(updates(&log, &story, job_id).await, before);
}
