//! Rebuilding a read model by the command line, and what SIGKILL in the middle of it leaves behind.

use serde_json::json;
use sqlx::postgres::PgPool;
use sqlx::{Executor, PgConnection, Postgres, Transaction};
use store::database::DatabaseRole;
use tests::process::{Process, stentor};
use tests::{TestApp, TestClient};

const NAME: &str = "credit_transactions";
/// Enough for several transactions of a rebuild: the first takes a thousand events, each further one twice as many.
const MOVEMENTS: i64 = 10_000;

/// Credits that one account was given one by one.
async fn move_credits(owner: &PgPool, account: &str) {
    sqlx::query(
        "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT 'credit_account', $1, last.sequence + n, 'CreditsAdjusted', '1',
                jsonb_build_object('CreditsAdjusted', jsonb_build_object('kind', 'bonus', 'credits', 1,
                    'note', 'one more', 'balance_after', 100 + n)),
                jsonb_build_object('tenant_id', $1, 'reseller_id', $1, 'command_id', gen_random_uuid(),
                    'at', clock_timestamp())
         FROM (SELECT max(e.sequence) AS sequence FROM es.events e
               WHERE e.aggregate_type = 'credit_account' AND e.aggregate_id = $1) AS last,
              generate_series(1, $2) AS n ORDER BY n",
    )
    .bind(account)
    .bind(MOVEMENTS)
    .execute(owner)
    .await
    .unwrap();
}

async fn rebuilt_to(connection: &mut PgConnection) -> Option<i64> {
    sqlx::query_scalar("SELECT last_position FROM es.rebuilds WHERE projection = $1")
        .bind(NAME)
        .fetch_optional(connection)
        .await
        .unwrap()
}

/// A process in the middle of a rebuild: it has stored some of it, and waits for us to store more.
async fn held_rebuild(app: &TestApp, owner: &PgPool) -> (Process, Transaction<'static, Postgres>) {
    let process = Process::started(&app.config, &["projections", "rebuild", NAME]);
    let mut connection = owner.acquire().await.unwrap();
    while rebuilt_to(&mut connection).await.unwrap_or_default() == 0 {
        tokio::task::yield_now().await;
    }
    let mut holding = owner.begin().await.unwrap();
    holding
        .execute("LOCK TABLE rebuild_credit_transactions.credit_transactions IN SHARE ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    (process, holding)
}

/// What is served, by way of the API.
async fn served(client: &TestClient) -> serde_json::Value {
    let query = "{ creditTransactions(first: 3) { nodes { id amount balanceAfter } } }";
    client.query(query, json!({})).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[actix_web::test]
async fn a_rebuild_that_is_killed_goes_on_or_is_abandoned_and_what_is_served_never_notices() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 100).await;
    let owner = app.database.pool(DatabaseRole::Owner).await;
    move_credits(&owner, &reseller.id).await;
    app.settle().await;
    let before = served(&admin).await;
    assert_eq!(
        before["creditTransactions"]["nodes"][0]["balanceAfter"],
        json!(100 + MOVEMENTS)
    );

    let (process, holding) = held_rebuild(&app, &owner).await;
    assert_eq!(served(&admin).await, before);
    process.kill().await;
    holding.rollback().await.unwrap();
    assert_eq!(served(&admin).await, before);
    let mut connection = owner.acquire().await.unwrap();
    let reached = rebuilt_to(&mut connection).await.unwrap();
    let status = text(&stentor(&app.config, &["projections", "status"]).await.stdout);
    let line = status.lines().find(|line| line.starts_with(NAME)).unwrap();
    assert!(line.contains("behind"), "status says what is there: {status}");

    // A switch to what is there folds the rest first; a second run goes on, and folds less than everything.
    let again = stentor(&app.config, &["projections", "rebuild", NAME]).await;
    let told = text(&again.stdout);
    let folded: i64 = told
        .split(": ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{again:?}"));
    assert!(reached > 0 && folded < app.events().await, "{told}");
    assert_eq!(served(&admin).await, before);
    let switched = stentor(&app.config, &["projections", "switch", NAME]).await;
    assert!(switched.status.success(), "{switched:?}");
    assert_eq!(served(&admin).await, before);

    let (process, holding) = held_rebuild(&app, &owner).await;
    process.kill().await;
    holding.rollback().await.unwrap();
    let abandoned = stentor(&app.config, &["projections", "abandon", NAME]).await;
    assert!(abandoned.status.success(), "{abandoned:?}");
    assert_eq!(rebuilt_to(&mut connection).await, None);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'rebuild%'")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(served(&admin).await, before);
    drop(connection);
    owner.close().await;
    assert!(app.audit().await.is_clean());
}
