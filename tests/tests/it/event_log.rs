//! The event log on a real PostgreSQL: order, receipts, conflicts, claims, and who may change what.

use domain::credit_account::{CreditAccount, CreditAccountCommand, Purchase};
use domain::credits::{Credits, Money};
use domain::ids::ResellerId;
use sqlx::{Acquire, PgPool};
use store::append::{self, AppendError, Claim};
use store::committer::CommitError;
use store::database::DatabaseRole;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use store::{Position, feed, load};
use tests::TestDatabase;
use uuid::Uuid;

fn cause(id: u128) -> Cause {
    Cause {
        command_id: Uuid::from_u128(id),
        fingerprint: vec![1],
        actor: None,
        owner: Owner::PLATFORM,
        at: "2026-11-21T12:00:00Z".parse().unwrap(),
        happened_at: None,
        comment: None,
    }
}

fn purchase(credits: i64) -> CreditAccountCommand {
    CreditAccountCommand::Purchase {
        purchase: Purchase {
            pack_code: "starter".to_owned(),
            credits: Credits(credits),
            price: Money {
                amount_minor: 5_000,
                currency: "USD".to_owned(),
            },
            listed: None,
            expires_at: None,
            note: None,
        },
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

async fn run(
    pool: &PgPool,
    id: u128,
    account: &str,
    commands: Vec<CreditAccountCommand>,
) -> Result<Position, CommitError> {
    let cause = cause(id);
    let mut unit = UnitOfWork::new(pool, &cause);
    for command in commands {
        unit.execute::<CreditAccount>(Owner::reseller(ResellerId(Uuid::nil())), account, command)
            .await
            .unwrap();
    }
    unit.commit(serde_json::Value::Null).await
}

#[tokio::test]
async fn events_of_several_streams_are_stored_together_or_not_at_all() {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Commands).await;
    run(&pool, 1, "a", vec![CreditAccountCommand::Open])
        .await
        .unwrap();
    let cause = cause(2);
    let owner = Owner::PLATFORM;
    let mut late = UnitOfWork::new(&pool, &cause);
    late.execute::<CreditAccount>(owner, "a", purchase(5))
        .await
        .unwrap();
    late.execute::<CreditAccount>(owner, "b", CreditAccountCommand::Open)
        .await
        .unwrap();
    run(&pool, 3, "a", vec![purchase(7)]).await.unwrap();
    assert!(matches!(
        late.commit(serde_json::Value::Null).await,
        Err(CommitError::Append(AppendError::Conflict))
    ));
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(
        load::load::<CreditAccount>(&mut connection, "b")
            .await
            .unwrap()
            .sequence,
        0
    );
    assert_eq!(
        load::load::<CreditAccount>(&mut connection, "a")
            .await
            .unwrap()
            .state
            .balance(),
        Credits(7)
    );
    assert!(
        append::carried(&mut connection, Uuid::from_u128(2))
            .await
            .unwrap()
            .is_none(),
        "no receipt either"
    );
}

#[tokio::test]
async fn a_command_id_is_carried_out_once() {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Commands).await;
    let first = run(&pool, 1, "a", vec![CreditAccountCommand::Open])
        .await
        .unwrap();
    assert!(matches!(
        run(&pool, 1, "b", vec![CreditAccountCommand::Open]).await,
        Err(CommitError::Append(AppendError::Duplicate))
    ));
    let mut connection = pool.acquire().await.unwrap();
    let carried = append::carried(&mut connection, Uuid::from_u128(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((carried.position, carried.fingerprint), (Some(first), vec![1]));
}

#[tokio::test]
async fn a_claimed_name_belongs_to_one_stream() {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Commands).await;
    let claim = |stream: &str| Claim {
        kind: "email",
        digest: vec![7],
        aggregate_type: "user",
        aggregate_id: stream.to_owned(),
    };
    for (id, stream, taken) in [(1, "anna", false), (2, "ben", true)] {
        let cause = cause(id);
        let mut unit = UnitOfWork::new(&pool, &cause);
        unit.claim(claim(stream));
        let outcome = unit.commit(serde_json::Value::Null).await;
        assert_eq!(
            matches!(outcome, Err(CommitError::Append(AppendError::Claimed(_)))),
            taken
        );
    }
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(
        append::holder(&mut connection, "email", &[7])
            .await
            .unwrap()
            .as_deref(),
        Some("anna")
    );
}

#[tokio::test]
async fn the_feed_never_shows_an_event_behind_which_another_may_still_appear() {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Commands).await;
    let mut slow = pool.acquire().await.unwrap();
    let mut open = slow.begin().await.unwrap();
    // The slow writer has its transaction id before the fast one, and appends after it.
    sqlx::query("SELECT pg_current_xact_id()")
        .execute(&mut *open)
        .await
        .unwrap();
    let fast = run(&pool, 1, "fast", vec![CreditAccountCommand::Open])
        .await
        .unwrap();
    let mut reader = pool.acquire().await.unwrap();
    assert!(
        feed::read(&mut reader, Position::START, 10)
            .await
            .unwrap()
            .is_empty(),
        "the slow one comes first"
    );
    sqlx::query(
        "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT aggregate_type, 'slow', sequence, event_type, event_version, payload, metadata FROM es.events",
    )
    .execute(&mut *open)
    .await
    .unwrap();
    open.commit().await.unwrap();
    // Other databases of the server hold the barrier too: wait until it has passed.
    let events = loop {
        let events = feed::read(&mut reader, Position::START, 10).await.unwrap();
        if events.len() == 2 {
            break events;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(events[0].aggregate_id, "slow");
    assert_eq!(
        (events[1].aggregate_id.as_str(), events[1].position),
        ("fast", fast)
    );
    assert!(
        events[0].position.position > events[1].position.position,
        "positions alone would have lost it"
    );
}

#[tokio::test]
async fn nobody_changes_the_log() {
    let database = TestDatabase::create().await;
    let commands = database.pool(DatabaseRole::Commands).await;
    run(&commands, 1, "a", vec![CreditAccountCommand::Open])
        .await
        .unwrap();
    let owner = database.pool(DatabaseRole::Owner).await;
    for statement in [
        "UPDATE es.events SET payload = '{}'",
        "DELETE FROM es.events",
        "TRUNCATE es.events",
    ] {
        for pool in [&commands, &owner] {
            let refused = sqlx::query(statement).execute(pool).await.unwrap_err();
            let code = refused.as_database_error().unwrap().code().unwrap().into_owned();
            assert_eq!(code, "42501", "{statement}");
        }
    }
    for role in [DatabaseRole::Projections, DatabaseRole::Read] {
        let pool = database.pool(role).await;
        let insert = "INSERT INTO es.commands (command_id, tenant_id, fingerprint, outcome)
                      VALUES (gen_random_uuid(), '', '', '{}')";
        assert!(
            sqlx::query(insert).execute(&pool).await.is_err(),
            "{role:?} must not append"
        );
    }
    let read = database.pool(DatabaseRole::Read).await;
    for secret in [
        "auth.credentials",
        "auth.sessions",
        "es.events",
        "es.subject_keys",
    ] {
        assert!(
            sqlx::query(&format!("SELECT * FROM {secret}"))
                .fetch_all(&read)
                .await
                .is_err(),
            "{secret}"
        );
    }
}

#[tokio::test]
async fn migrations_run_twice_change_nothing() {
    let database = TestDatabase::create().await;
    store::database::migrate(&database.url).await.unwrap();
    store::database::migrate(&database.url).await.unwrap();
}

#[tokio::test]
async fn what_was_decided_after_a_mark_can_be_taken_back() {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Commands).await;
    run(&pool, 1, "a", vec![CreditAccountCommand::Open])
        .await
        .unwrap();
    let cause = cause(2);
    let mut unit = UnitOfWork::new(&pool, &cause);
    let owner = Owner::reseller(ResellerId(Uuid::nil()));
    unit.execute::<CreditAccount>(owner, "a", purchase(5))
        .await
        .unwrap();
    let outer = unit.mark();
    unit.begin::<CreditAccount>("b");
    unit.execute::<CreditAccount>(owner, "b", CreditAccountCommand::Open)
        .await
        .unwrap();
    let inner = unit.mark();
    unit.execute::<CreditAccount>(owner, "a", purchase(7))
        .await
        .unwrap();
    unit.execute::<CreditAccount>(owner, "b", purchase(9))
        .await
        .unwrap();
    unit.back_to(inner);
    let (a, b): (CreditAccount, CreditAccount) =
        (unit.load("a").await.unwrap(), unit.load("b").await.unwrap());
    assert_eq!((a.balance(), b.balance()), (Credits(5), Credits(0)));
    unit.back_to(outer);
    unit.execute::<CreditAccount>(owner, "a", purchase(1))
        .await
        .unwrap();
    unit.commit(serde_json::Value::Null).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let a = load::load::<CreditAccount>(&mut connection, "a").await.unwrap();
    assert_eq!((a.state.balance(), a.sequence), (Credits(6), 3));
    assert_eq!(
        load::load::<CreditAccount>(&mut connection, "b")
            .await
            .unwrap()
            .sequence,
        0
    );
}
