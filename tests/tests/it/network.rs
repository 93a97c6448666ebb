//! A network that swallows what it is given: who waits for an answer of the database waits for a time, and what became
//! of a command is found out by its receipt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::bus::{Bus, Done};
use commands::error::CommandError;
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountCommand};
use domain::credits::Credits;
use domain::ids::ResellerId;
use projections::Waiter;
use sqlx::PgPool;
use store::Position;
use store::committer::Limits;
use store::database::{self, DatabaseRole};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use store::wake::Wake;
use tests::TestDatabase;
use tests::chaos::proxy::Proxy;
use uuid::Uuid;

/// An account, and a bus that reaches the database by a way that can fail.
struct Hole {
    database: TestDatabase,
    proxy: Arc<Proxy>,
    bus: Bus,
    pool: PgPool,
}

const ACCOUNT: &str = "a";
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

fn owner() -> Owner {
    Owner::reseller(ResellerId(Uuid::nil()))
}

/// What happens in the transaction of an append that shares it with nobody; the others share theirs.
type Alone = Option<(Arc<Proxy>, fn(&Proxy))>;

async fn send(
    bus: &Bus,
    command_id: Uuid,
    command: CreditAccountCommand,
    alone: Alone,
) -> Result<Done<i64>, CommandError> {
    let cause = Cause {
        command_id,
        fingerprint: vec![1],
        actor: None,
        owner: owner(),
        at: "2026-11-21T12:00:00Z".parse().unwrap(),
        happened_at: None,
        comment: None,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let account = unit
            .execute::<CreditAccount>(owner(), ACCOUNT, command.clone())
            .await?;
        if let Some((proxy, happens)) = alone.clone() {
            unit.effect(Box::new(move |_| {
                Box::pin(async move {
                    happens(&proxy);
                    Ok(())
                })
            }));
        }
        Ok(account.balance().0)
    };
    bus.run(&cause, decide).await
}

fn bonus() -> CreditAccountCommand {
    CreditAccountCommand::Adjust {
        kind: AdjustmentKind::Bonus,
        credits: Credits(10),
        expires_at: None,
        note: "for the test".to_owned(),
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// A way to a database, and its address by this way.
async fn by_proxy(url: &str) -> (Proxy, String) {
    let (server, name) = url.rsplit_once('/').unwrap();
    let (login, port) = server.rsplit_once(':').unwrap();
    let proxy = Proxy::start(port.parse().unwrap()).await.unwrap();
    let url = format!("{login}:{}/{name}", proxy.port());
    (proxy, url)
}

impl Hole {
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let (proxy, url) = by_proxy(&database.url).await;
        let proxy = Arc::new(proxy);
        let pool = database::connect(&url, DatabaseRole::Commands, 4).await.unwrap();
        let limits = Limits {
            answer_within: ANSWER_WITHIN,
            ..Limits::default()
        };
        let bus = Bus::with(pool.clone(), Wake::local(), limits);
        send(&bus, Uuid::new_v4(), CreditAccountCommand::Open, None)
            .await
            .unwrap();
        Self {
            database,
            proxy,
            bus,
            pool,
        }
    }

    /// Events of the account, by the direct way.
    async fn stored(&self) -> i64 {
        let direct = self.database.pool(DatabaseRole::Commands).await;
        sqlx::query_scalar("SELECT count(*) FROM es.events WHERE aggregate_id = $1")
            .bind(ACCOUNT)
            .fetch_one(&direct)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn an_append_whose_answer_is_swallowed_is_answered_by_its_receipt() {
    let hole = Hole::new().await;
    hole.proxy.mute();
    let began = Instant::now();
    let command_id = Uuid::new_v4();
    let done = send(&hole.bus, command_id, bonus(), None).await.unwrap();
    assert_eq!((done.value, done.replayed), (10, false));
    assert!(began.elapsed() >= ANSWER_WITHIN, "the answer came all the same");
    let again = send(&hole.bus, command_id, bonus(), None).await.unwrap();
    assert_eq!(
        (again.value, again.position, again.replayed),
        (10, done.position, true)
    );
    assert_eq!(hole.stored().await, 2);
}

#[tokio::test]
async fn an_append_into_a_hole_ends_as_unknown_and_its_repetition_is_carried_out_once() {
    let hole = Hole::new().await;
    let nothing_happens: Alone = Some((Arc::clone(&hole.proxy), |_| {}));
    for (alone, balance) in [(None, 10), (nothing_happens, 20)] {
        let command_id = Uuid::new_v4();
        hole.proxy.freeze();
        let began = Instant::now();
        let error = send(&hole.bus, command_id, bonus(), alone.clone())
            .await
            .unwrap_err();
        assert!(error.is_unknown_outcome(), "{error}");
        assert!(began.elapsed() < 20 * ANSWER_WITHIN, "{:?}", began.elapsed());
        hole.proxy.cut();
        let done = send(&hole.bus, command_id, bonus(), alone).await.unwrap();
        assert_eq!(done.value, balance);
    }
    assert_eq!(hole.stored().await, 3);
}

#[tokio::test]
async fn a_pool_finds_out_that_its_connections_have_no_other_end() {
    let hole = Hole::new().await;
    let direct = hole.database.pool(DatabaseRole::Owner).await;
    // As many as the pool has, each in the middle of a statement that never ends by itself.
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let pool = hole.pool.clone();
            tokio::spawn(async move { sqlx::query("SELECT pg_sleep(86400)").execute(&pool).await })
        })
        .collect();
    let under_way = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'";
    while sqlx::query_scalar::<_, i64>(under_way)
        .fetch_one(&direct)
        .await
        .unwrap()
        < 4
    {
        tokio::task::yield_now().await;
    }
    hole.proxy.mute();
    // Whoever waited has gone; the connections are back in the pool, with nobody at their other end.
    for asked in asking {
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
    }
    sqlx::query("SELECT").execute(&hole.pool).await.unwrap();
}

#[tokio::test]
async fn a_thousand_waiters_share_one_connection_and_one_look() {
    let database = TestDatabase::create().await;
    let (proxy, url) = by_proxy(&database.url).await;
    let pool = database::connect(&url, DatabaseRole::Read, 2).await.unwrap();
    let wake = Wake::local();
    let waiter = Waiter::new(pool, &wake);
    let wanted = Position {
        xid: 1_000,
        position: 1,
    };
    let waiting: Vec<_> = (0..1_000)
        .map(|_| {
            let waiter = waiter.clone();
            tokio::spawn(async move { waiter.wait_for(&["packs"], wanted, Duration::from_secs(30)).await })
        })
        .collect();
    let begun = proxy.sent();
    // A few looks later, whatever that takes.
    while proxy.sent() < begun + 5 {
        tokio::task::yield_now().await;
    }
    let direct = database.pool(DatabaseRole::Owner).await;
    sqlx::query("INSERT INTO es.checkpoints (projection, version, last_xid, last_position) VALUES ('packs', 1, 1000, 1)")
        .execute(&direct)
        .await
        .unwrap();
    wake.checkpoints();
    for waited in waiting {
        waited.await.unwrap().unwrap();
    }
    let sent = proxy.sent() - begun;
    assert!(sent < 100, "{sent} messages for a thousand waiters");
    assert!(proxy.connections() <= 2, "{}", proxy.connections());
}
