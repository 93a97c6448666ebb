//! A batch folds to what its events fold to one by one, wherever the log is cut into batches.

use crate::support::{TestLog, noon, platform, queue_job, save_workflow, started, story, succeeded};
use domain::job::{Job, JobEvent};
use domain::tenant::{Tenant, TenantEvent};
use projections::projection::{self, ReadModel};
use sqlx::{Connection, Executor, PgConnection};
use store::{Position, Recorded, feed};
use uuid::Uuid;

async fn busy(log: &mut TestLog) -> Vec<Recorded> {
    platform(log).await;
    for name in ["Nordwind", "Südwind", "Westwind"] {
        let story = story(log, name).await;
        let (first, second) = (queue_job(log, &story).await, queue_job(log, &story).await);
        let owner = story.of_tenant();
        log.one::<Job>(first, JobEvent::JobDispatched { attempt: 1 }, owner, noon())
            .await;
        log.one::<Job>(first, started(1, 1), owner, noon()).await;
        log.one::<Job>(second, JobEvent::JobDispatched { attempt: 1 }, owner, noon())
            .await;
        log.one::<Job>(first, started(1, 2), owner, noon()).await;
        log.one::<Job>(first, succeeded(first, &"ab".repeat(32)), owner, noon())
            .await;
        let failed = JobEvent::JobFailed {
            attempt: 1,
            code: "NOT_AUDIO".to_owned(),
            message: "no sound in the file".to_owned(),
        };
        log.one::<Job>(second, failed, owner, noon()).await;
        save_workflow(log, &story, Uuid::now_v7().into(), 1).await;
        let reason = || "unpaid".to_owned();
        for event in [
            TenantEvent::TenantSuspended { reason: reason() },
            TenantEvent::TenantResumed { reason: reason() },
            TenantEvent::TenantSuspended { reason: reason() },
        ] {
            log.one::<Tenant>(story.tenant_id, event, owner, noon()).await;
        }
    }
    let end = log.position().await;
    let mut connection = log.owner.acquire().await.unwrap();
    // Transactions of other databases of the cluster hold the feed back too.
    loop {
        let events = feed::read(&mut connection, Position::START, 10_000)
            .await
            .unwrap();
        if events.last().is_some_and(|event| event.position == end) {
            return events;
        }
    }
}

/// The model's rows after folding the batches, which are then rolled back.
async fn folded(log: &TestLog, model: &dyn ReadModel, batches: &[&[Recorded]]) -> Vec<String> {
    let mut connection = log.projections.acquire().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    transaction
        .execute("SET LOCAL search_path = read, live")
        .await
        .unwrap();
    for batch in batches {
        model
            .fold_batch(&mut transaction, batch, &log.vault)
            .await
            .unwrap();
    }
    let rows = dump(&mut transaction, model).await;
    transaction.rollback().await.unwrap();
    rows
}

async fn dump(connection: &mut PgConnection, model: &dyn ReadModel) -> Vec<String> {
    let mut rows = Vec::new();
    for table in model.tables() {
        let sql = format!(
            "SELECT '{0} ' || t::text FROM {1}.{0} t ORDER BY 1",
            table.name, table.schema
        );
        rows.extend(
            sqlx::query_scalar::<_, String>(&sql)
                .fetch_all(&mut *connection)
                .await
                .unwrap(),
        );
    }
    rows
}

/// Cuts `events` at places that follow from `seed`.
fn cut(events: &[Recorded], seed: u64) -> Vec<&[Recorded]> {
    let (mut batches, mut rest, mut state) = (Vec::new(), events, seed);
    while !rest.is_empty() {
        // Knuth's multiplier: any spread will do.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let length = usize::try_from(state >> 60).unwrap() + 1;
        let (batch, after) = rest.split_at(length.min(rest.len()));
        batches.push(batch);
        rest = after;
    }
    batches
}

#[tokio::test]
async fn a_batch_is_what_its_events_are_one_by_one() {
    let mut log = TestLog::create().await;
    let events = busy(&mut log).await;
    assert!(events.len() > 50);
    for model in projection::all() {
        let single: Vec<&[Recorded]> = events.chunks(1).collect();
        let one_by_one = folded(&log, model.as_ref(), &single).await;
        assert!(!one_by_one.is_empty(), "{} shows nothing of it", model.name());
        assert_eq!(
            folded(&log, model.as_ref(), &[&events]).await,
            one_by_one,
            "{} folds all at once",
            model.name()
        );
        for seed in 1..=5 {
            let batches = cut(&events, seed);
            assert_eq!(
                folded(&log, model.as_ref(), &batches).await,
                one_by_one,
                "{} in batches by the seed {seed}",
                model.name()
            );
        }
    }
}
