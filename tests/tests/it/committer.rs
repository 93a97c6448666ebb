//! Commands that share commits, states and lanes: what they store, and what they answer.

use commands::bus::{Bus, Done};
use commands::error::CommandError;
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountCommand, DebitPurpose};
use domain::credits::Credits;
use domain::ids::{ResellerId, TenantId};
use domain::personal::Sealed;
use domain::reseller::{Reseller, ResellerCommand};
use futures::future::join_all;
use sqlx::PgPool;
use store::database::DatabaseRole;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use store::wake::Wake;
use store::{Position, load};
use tests::TestDatabase;
use uuid::Uuid;

fn owner() -> Owner {
    Owner::reseller(ResellerId(Uuid::nil()))
}

fn cause(command_id: Uuid) -> Cause {
    Cause {
        command_id,
        fingerprint: vec![1],
        actor: None,
        owner: owner(),
        at: "2026-11-21T12:00:00Z".parse().unwrap(),
        happened_at: None,
        comment: None,
    }
}

fn debit(credits: i64) -> CreditAccountCommand {
    CreditAccountCommand::Debit {
        credits: Credits(credits),
        tenant_id: TenantId(Uuid::nil()),
        purpose: DebitPurpose::Extension,
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

fn bonus(credits: i64) -> CreditAccountCommand {
    CreditAccountCommand::Adjust {
        kind: AdjustmentKind::Bonus,
        credits: Credits(credits),
        expires_at: None,
        note: "for the test".to_owned(),
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// One command on one account; answers its balance.
async fn run_as(
    bus: &Bus,
    command_id: Uuid,
    account: &str,
    command: CreditAccountCommand,
) -> Result<Done<i64>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let account = unit
            .execute::<CreditAccount>(owner(), account, command.clone())
            .await?;
        Ok(account.balance().0)
    };
    bus.run(&cause(command_id), decide).await
}

async fn run(bus: &Bus, account: &str, command: CreditAccountCommand) -> Result<Done<i64>, CommandError> {
    run_as(bus, Uuid::new_v4(), account, command).await
}

async fn opened(bus: &Bus, account: &str, credits: i64) {
    run(bus, account, CreditAccountCommand::Open).await.unwrap();
    if credits > 0 {
        run(bus, account, bonus(credits)).await.unwrap();
    }
}

fn code(outcome: Result<Done<i64>, CommandError>) -> String {
    match outcome.unwrap_err() {
        CommandError::Problem(problem) => problem.code,
        CommandError::Internal(error) => panic!("{error}"),
    }
}

/// A database with two processes' buses on it.
async fn two_buses() -> (TestDatabase, PgPool, Bus, Bus) {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Commands).await;
    let (here, there) = (
        Bus::new(pool.clone(), Wake::local()),
        Bus::new(pool.clone(), Wake::local()),
    );
    (database, pool, here, there)
}

async fn balance(pool: &PgPool, account: &str) -> (i64, i64) {
    let mut connection = pool.acquire().await.unwrap();
    let loaded = load::load::<CreditAccount>(&mut connection, account)
        .await
        .unwrap();
    (loaded.state.balance().0, loaded.sequence)
}

/// Sequence, transaction, position and the position of the receipt, along one stream.
async fn stream(pool: &PgPool, account: &str) -> Vec<(i64, i64, i64, Option<i64>)> {
    sqlx::query_as(
        "SELECT e.sequence, e.xid::text::bigint, e.position, c.last_position
         FROM es.events e JOIN es.commands c ON c.command_id = (e.metadata ->> 'command_id')::uuid
         WHERE e.aggregate_id = $1 ORDER BY e.sequence",
    )
    .bind(account)
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_stream_that_another_process_wrote_is_decided_on_again() {
    let (_database, pool, here, there) = two_buses().await;
    opened(&here, "a", 100).await;
    assert_eq!(run(&there, "a", debit(10)).await.unwrap().value, 90);
    assert_eq!(run(&here, "a", debit(20)).await.unwrap().value, 70);
    assert_eq!(run(&there, "a", debit(30)).await.unwrap().value, 40);
    assert_eq!(balance(&pool, "a").await, (40, 5));
}

#[tokio::test]
async fn a_stream_that_is_only_read_lets_nothing_through_when_it_is_stale() {
    let (_database, pool, here, there) = two_buses().await;
    let register = ResellerCommand::Register {
        name: "Reseller".to_owned(),
        contact_email: Sealed {
            subject: Uuid::nil(),
            text: "c2VhbGVk".to_owned(),
        },
        commission_rate: rust_decimal::Decimal::new(20, 2),
        time_zone: "Europe/Berlin".to_owned(),
    };
    let change = async |bus: &Bus, command: ResellerCommand| {
        let decide = async |unit: &mut UnitOfWork<'_>| {
            unit.execute::<Reseller>(owner(), "r", command.clone()).await?;
            Ok(())
        };
        bus.run(&cause(Uuid::new_v4()), decide).await.unwrap();
    };
    let sell = async |bus: &Bus| {
        let decide = async |unit: &mut UnitOfWork<'_>| {
            let reseller = unit.load::<Reseller>("r").await?;
            reseller
                .ensure_active()
                .map_err(|refusal| CommandError::refused(&refusal))?;
            let account = unit.execute::<CreditAccount>(owner(), "a", bonus(1)).await?;
            Ok(account.balance().0)
        };
        bus.run(&cause(Uuid::new_v4()), decide).await
    };
    change(&here, register).await;
    opened(&here, "a", 0).await;
    assert_eq!(sell(&here).await.unwrap().value, 1);
    let reason = "unpaid".to_owned();
    change(&there, ResellerCommand::Suspend { reason }).await;
    // In memory here the reseller is still active.
    assert_eq!(code(sell(&here).await), "RESELLER_SUSPENDED");
    assert_eq!(balance(&pool, "a").await, (1, 2));
}

#[tokio::test]
async fn a_refusal_is_decided_again_on_the_log() {
    let (_database, _pool, here, there) = two_buses().await;
    opened(&here, "a", 0).await;
    assert_eq!(code(run(&here, "a", debit(30)).await), "INSUFFICIENT_CREDITS");
    run(&there, "a", bonus(100)).await.unwrap();
    assert_eq!(run(&here, "a", debit(30)).await.unwrap().value, 70);
}

#[tokio::test]
async fn a_repeated_command_gets_its_first_answer_although_it_would_be_refused_now() {
    let (_database, pool, here, there) = two_buses().await;
    opened(&here, "a", 100).await;
    let id = Uuid::new_v4();
    let first = run_as(&here, id, "a", debit(100)).await.unwrap();
    for bus in [&here, &there] {
        let again = run_as(bus, id, "a", debit(100)).await.unwrap();
        assert_eq!(
            (again.value, again.position, again.replayed),
            (0, first.position, true)
        );
    }
    // A state that would allow it changes nothing either.
    run(&there, "a", bonus(100)).await.unwrap();
    let again = run_as(&here, id, "a", debit(100)).await.unwrap();
    assert_eq!((again.value, again.replayed), (0, true));
    assert_eq!(balance(&pool, "a").await, (100, 4));
}

#[tokio::test]
async fn a_hot_account_takes_every_command_that_its_balance_allows() {
    let (_database, pool, here, _) = two_buses().await;
    opened(&here, "hot", 250).await;
    let outcomes = join_all((0..300).map(|_| run(&here, "hot", debit(1)))).await;
    let done: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok())
        .collect();
    assert_eq!(done.len(), 250);
    for refused in outcomes.iter().filter(|outcome| outcome.is_err()) {
        assert!(
            refused
                .as_ref()
                .unwrap_err()
                .to_string()
                .contains("INSUFFICIENT_CREDITS")
        );
    }
    assert_eq!(balance(&pool, "hot").await, (0, 252));
    let stream = stream(&pool, "hot").await;
    let transactions: std::collections::HashSet<_> = stream.iter().map(|row| row.1).collect();
    assert!(
        transactions.len() < 126,
        "commands share commits: {}",
        transactions.len()
    );
    for pair in stream.windows(2) {
        assert_eq!(pair[1].0, pair[0].0 + 1, "no hole in the stream");
        assert!(
            (pair[0].1, pair[0].2) < (pair[1].1, pair[1].2),
            "the feed keeps its order"
        );
    }
    let mut answered: Vec<_> = done.iter().map(|done| done.position).collect();
    answered.sort();
    let stored: Vec<_> = stream[2..]
        .iter()
        .map(|row| {
            assert_eq!(row.3, Some(row.2), "the receipt knows its own last position");
            Position {
                xid: row.1,
                position: row.2,
            }
        })
        .collect();
    assert_eq!(answered, stored);
}

#[tokio::test]
async fn one_spoiled_command_does_no_harm_to_those_beside_it() {
    let (_database, pool, here, there) = two_buses().await;
    let accounts: Vec<_> = (0..40).map(|number| format!("a{number}")).collect();
    join_all(accounts.iter().map(|account| opened(&here, account, 10))).await;
    // Behind the back of the process: every tenth state in memory is stale, every seventh command a repetition.
    for account in accounts.iter().step_by(10) {
        run(&there, account, debit(5)).await.unwrap();
    }
    let repeated = Uuid::new_v4();
    run_as(&there, repeated, "a1", debit(1)).await.unwrap();
    let outcomes = join_all(accounts.iter().enumerate().map(|(number, account)| {
        let id = if number % 7 == 3 { repeated } else { Uuid::new_v4() };
        run_as(&here, id, account, debit(2))
    }))
    .await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let done = outcome.unwrap();
        let expected = match number {
            _ if number % 7 == 3 => (9, true),
            1 => (7, false),
            _ if number % 10 == 0 => (3, false),
            _ => (8, false),
        };
        assert_eq!((done.value, done.replayed), expected, "account {number}");
    }
    assert_eq!(
        balance(&pool, "a3").await,
        (10, 2),
        "a repetition appends nothing"
    );
}

#[tokio::test]
async fn many_senders_of_one_command_get_one_answer() {
    let (_database, pool, here, there) = two_buses().await;
    opened(&here, "a", 100).await;
    let id = Uuid::new_v4();
    let (ours, theirs) = futures::join!(
        join_all((0..20).map(|_| run_as(&here, id, "a", debit(1)))),
        join_all((0..20).map(|_| run_as(&there, id, "a", debit(1)))),
    );
    let answers: Vec<_> = ours.into_iter().chain(theirs).map(Result::unwrap).collect();
    assert!(
        answers
            .iter()
            .all(|done| done.value == 99 && done.position == answers[0].position)
    );
    assert_eq!(answers.iter().filter(|done| !done.replayed).count(), 1);
    assert_eq!(balance(&pool, "a").await, (99, 3));
}

#[tokio::test]
async fn two_processes_on_one_hot_account_lose_nothing() {
    let (_database, pool, here, there) = two_buses().await;
    opened(&here, "hot", 1_000).await;
    let (ours, theirs) = futures::join!(
        join_all((0..60).map(|_| run(&here, "hot", debit(1)))),
        join_all((0..60).map(|_| run(&there, "hot", debit(1)))),
    );
    let done = ours
        .iter()
        .chain(&theirs)
        .filter(|outcome| outcome.is_ok())
        .count();
    for refused in ours.into_iter().chain(theirs).filter(Result::is_err) {
        assert_eq!(code(refused), "BUSY");
    }
    let done = i64::try_from(done).unwrap();
    assert_eq!(balance(&pool, "hot").await, (1_000 - done, 2 + done));
    assert!(done > 0);
}

#[tokio::test]
async fn a_command_whose_connection_breaks_at_the_append_is_unknown_and_can_be_repeated() {
    let (database, pool, here, _) = two_buses().await;
    opened(&here, "a", 100).await;
    let id = Uuid::new_v4();
    let owner = database.pool(DatabaseRole::Owner).await;
    // Holds the append: somebody else is about to use the same key.
    let mut blocker = owner.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO es.commands (command_id, tenant_id, fingerprint, outcome) VALUES ($1, '', '', '0')",
    )
    .bind(id)
    .execute(&mut *blocker)
    .await
    .unwrap();
    let cut = async {
        loop {
            let ended: i64 = sqlx::query_scalar(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&owner)
            .await
            .unwrap();
            if ended > 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let (outcome, ()) = futures::join!(run_as(&here, id, "a", debit(40)), cut);
    assert!(outcome.unwrap_err().is_unknown_outcome());
    blocker.rollback().await.unwrap();
    assert_eq!(balance(&pool, "a").await, (100, 2));
    let again = run_as(&here, id, "a", debit(40)).await.unwrap();
    assert_eq!((again.value, again.replayed), (60, false));
    let again = run_as(&here, id, "a", debit(40)).await.unwrap();
    assert_eq!((again.value, again.replayed), (60, true));
}

#[tokio::test]
async fn a_snapshot_is_only_a_cache() {
    let (database, pool, here, _) = two_buses().await;
    opened(&here, "long", 1_000).await;
    join_all((0..450).map(|_| run(&here, "long", debit(1)))).await;
    // Snapshots are written beside the commands.
    let taken: i64 = loop {
        let taken = sqlx::query_scalar("SELECT last_sequence FROM es.snapshots WHERE aggregate_id = 'long'")
            .fetch_optional(&pool)
            .await
            .unwrap();
        if let Some(taken) = taken {
            break taken;
        }
        tokio::task::yield_now().await;
    };
    assert!((200..=452).contains(&taken), "{taken}");
    let owner = database.pool(DatabaseRole::Owner).await;
    for change in [
        "SELECT 1",
        "UPDATE es.snapshots SET fold_hash = 'of another program', state = '{\"balance\": 7}'",
        "UPDATE es.snapshots SET last_sequence = 100000",
        "DELETE FROM es.snapshots",
    ] {
        sqlx::query(change).execute(&owner).await.unwrap();
        assert_eq!(balance(&pool, "long").await, (550, 452), "{change}");
        let elsewhere = Bus::new(pool.clone(), Wake::local());
        assert_eq!(
            code(run(&elsewhere, "long", debit(551)).await),
            "INSUFFICIENT_CREDITS"
        );
    }
}
