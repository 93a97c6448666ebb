//! Rebuilding beside what is served: nothing is lost, nothing is shown half, and readers notice nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{TestLog, noon, platform, queue_job, report, started, story};
use domain::job::{Job, JobEvent};
use platform::Scope;
use projections::ScopedConnection;
use projections::projection::{self, Projection, ProjectionError, ReadModel, Table};
use projections::rebuild::Rebuild;
use projections::runner::run_models;
use projections::wait::wait_for;
use sqlx::{Acquire, PgConnection};
use store::Recorded;
use store::vault::Vault;
use store::wake::Wake;
use tokio_util::sync::CancellationToken;

fn model(name: &str) -> Arc<dyn ReadModel> {
    projection::all()
        .into_iter()
        .find(|model| model.name() == name)
        .unwrap()
}

fn rebuild_of(log: &TestLog, model: &Arc<dyn ReadModel>) -> Rebuild {
    Rebuild {
        pool: log.projections.clone(),
        model: Arc::clone(model),
        vault: log.vault.clone(),
    }
}

async fn rows(log: &TestLog, table: &str) -> Vec<String> {
    let sql = format!("SELECT t::text FROM {table} t ORDER BY 1");
    sqlx::query_scalar(&sql).fetch_all(&log.owner).await.unwrap()
}

/// Everything that belongs to a table besides its rows.
async fn shape(log: &TestLog, table: &str) -> Vec<String> {
    let (schema, name) = table.split_once('.').unwrap();
    sqlx::query_scalar(
        "SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = $2
         UNION ALL SELECT 'policy ' || p::text FROM pg_policies p WHERE schemaname = $1 AND tablename = $2
         UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                   WHERE conrelid = ($1 || '.' || $2)::regclass
         UNION ALL SELECT 'grant ' || grantee || ' ' || privilege_type FROM information_schema.table_privileges
                   WHERE table_schema = $1 AND table_name = $2
         UNION ALL SELECT 'column ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' ||
                          coalesce(column_default, '') || ' ' || coalesce(collation_name, '')
                   FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2
         UNION ALL SELECT 'option ' || unnest(reloptions) FROM pg_class
                   WHERE oid = ($1 || '.' || $2)::regclass
         UNION ALL SELECT 'row security ' || relrowsecurity FROM pg_class
                   WHERE oid = ($1 || '.' || $2)::regclass
         ORDER BY 1",
    )
    .bind(schema)
    .bind(name)
    .fetch_all(&log.owner)
    .await
    .unwrap()
}

async fn oid(log: &TestLog, table: &str) -> i64 {
    sqlx::query_scalar("SELECT $1::regclass::oid::bigint")
        .bind(table)
        .fetch_one(&log.owner)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rebuilt_read_model_equals_the_live_one_and_has_all_that_belongs_to_it() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    let job_id = queue_job(&mut log, &nordwind).await;
    log.one::<Job>(job_id, started(1, 1), nordwind.of_tenant(), noon())
        .await;
    log.catch_up().await;
    // Progress is not in the log.
    report(&log, job_id, (1, 1, 1), 40, "[]").await.unwrap();
    log.one::<Job>(job_id, JobEvent::JobCancelled, nordwind.of_tenant(), noon())
        .await;
    let head = log.catch_up().await;
    let updates = rows(&log, "live.job_updates").await;
    for model in projection::all() {
        let remade: Vec<String> = model
            .tables()
            .iter()
            .filter(|table| table.schema == "read")
            .map(|table| format!("read.{}", table.name))
            .collect();
        let mut before = Vec::new();
        for table in &remade {
            before.push((
                rows(&log, table).await,
                shape(&log, table).await,
                oid(&log, table).await,
            ));
        }
        let rebuild = rebuild_of(&log, &model);
        assert_eq!(rebuild.run(&|_| {}).await.unwrap(), head);
        rebuild.switch().await.unwrap();
        for (table, (rows_before, shape_before, oid_before)) in remade.iter().zip(before) {
            assert_eq!(rows(&log, table).await, rows_before, "{table}");
            assert_eq!(shape(&log, table).await, shape_before, "{table}");
            assert_ne!(oid(&log, table).await, oid_before, "{table} is a new table");
        }
    }
    assert_eq!(rows(&log, "live.job_updates").await, updates, "progress is kept");
    story(&mut log, "Südwind").await;
    log.catch_up().await;
    let report = projections::audit::verify(&log.owner, &log.vault).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'rebuild%'")
        .fetch_one(&log.owner)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_rebuild_goes_on_where_it_was_cut_off() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    story(&mut log, "Nordwind").await;
    log.catch_up().await;
    let live = rows(&log, "read.customers").await;
    let model = model("customers");
    let rebuild = rebuild_of(&log, &model);
    let reached = rebuild.run(&|_| {}).await.unwrap();
    story(&mut log, "Südwind").await;
    log.catch_up().await;
    // Another process goes on: what is there is not folded again, or a customer would have two users.
    let mut begun_at = None;
    let told = std::sync::Mutex::new(&mut begun_at);
    rebuild
        .run(&|progress| {
            told.lock().unwrap().get_or_insert(progress.events);
        })
        .await
        .unwrap();
    assert!(begun_at.unwrap() < u64::try_from(reached.position).unwrap());
    rebuild.switch().await.unwrap();
    let now = rows(&log, "read.customers").await;
    assert_eq!(now.len(), live.len() * 2);
    let report = projections::audit::verify(&log.owner, &log.vault).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
}

#[tokio::test]
async fn readers_with_prepared_statements_go_on_over_a_switch() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    story(&mut log, "Nordwind").await;
    log.catch_up().await;
    let mut reader = log.read.acquire().await.unwrap();
    let model = model("packs");
    let rebuild = rebuild_of(&log, &model);
    for _ in 0..3 {
        let mut transaction = reader.begin().await.unwrap();
        sqlx::query("SELECT set_config('stentor.scope', 'platform', true)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        let packs: i64 = sqlx::query_scalar("SELECT count(*) FROM read.packs WHERE code <> $1")
            .bind("none")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert!(packs > 0);
        transaction.rollback().await.unwrap();
        rebuild.run(&|_| {}).await.unwrap();
        rebuild.switch().await.unwrap();
    }
}

#[tokio::test]
async fn a_reader_who_had_begun_before_a_rebuild_sees_no_table_that_lacks_rows() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    log.catch_up().await;
    // Its snapshot is taken; it has touched no table.
    let mut early = ScopedConnection::begin(&log.read, Scope::Platform).await.unwrap();
    let model = model("packs");
    let rebuild = rebuild_of(&log, &model);
    rebuild.run(&|_| {}).await.unwrap();
    let switching = rebuild.switch();
    tokio::pin!(switching);
    let waits = tokio::time::timeout(Duration::from_millis(700), &mut switching).await;
    assert!(waits.is_err(), "{waits:?}");
    let packs = "SELECT count(*) FROM read.packs";
    let seen: i64 = sqlx::query_scalar(packs)
        .fetch_one(early.parts().0)
        .await
        .unwrap();
    assert!(seen > 0, "all that was there when it began");
    drop(early);
    switching.await.unwrap();
    let mut late = ScopedConnection::begin(&log.read, Scope::Platform).await.unwrap();
    let now: i64 = sqlx::query_scalar(packs).fetch_one(late.parts().0).await.unwrap();
    assert_eq!(now, seen);
}

#[tokio::test]
async fn nothing_is_switched_to_that_was_not_begun() {
    let log = TestLog::create().await;
    let model = model("packs");
    let rebuild = rebuild_of(&log, &model);
    assert!(matches!(
        rebuild.switch().await,
        Err(ProjectionError::NoRebuild("packs"))
    ));
}

/// The price list of a later program, which writes names in capitals.
struct LoudPacks;

impl Projection for LoudPacks {
    const NAME: &'static str = "packs";
    const VERSION: i32 = 1_000;
    const TABLES: &'static [Table] = &[Table::read("packs", &["code"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        projections::packs::Packs
            .project(connection, recorded, vault)
            .await?;
        sqlx::query("UPDATE packs SET name = upper(name)")
            .execute(connection)
            .await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_raised_version_is_built_beside_the_old_one_and_served_when_it_is_there() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let head = log.catch_up().await;
    let quiet = rows(&log, "read.packs").await;
    let stop = CancellationToken::new();
    let newer = tokio::spawn(run_models(
        vec![Arc::new(LoudPacks)],
        log.projections.clone(),
        log.vault.clone(),
        Wake::local(),
        stop.clone(),
    ));
    let loud = loop {
        let rows = rows(&log, "read.packs").await;
        if rows != quiet {
            break rows;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(loud.len(), quiet.len(), "all of it at once");
    wait_for(&log.read, &["packs"], head, Duration::from_secs(10))
        .await
        .unwrap();
    // An older program that still runs lets them be.
    let older = tokio::spawn(run_models(
        vec![model("packs"), model("resellers")],
        log.projections.clone(),
        log.vault.clone(),
        Wake::local(),
        stop.clone(),
    ));
    story(&mut log, "Nordwind").await;
    let head = log.position().await;
    wait_for(&log.read, &["packs", "resellers"], head, Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(rows(&log, "read.packs").await, loud);
    stop.cancel();
    newer.await.unwrap();
    older.await.unwrap();
}
