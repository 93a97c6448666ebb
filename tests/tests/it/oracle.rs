//! The stock crates as oracle: the same commands through cqrs-es' own framework on postgres-es, and through
//! our store, leave the same rows.

use std::collections::HashMap;

use commands::bus::Bus;
use commands::error::CommandError;
use cqrs_es::CqrsFramework;
use cqrs_es::persist::PersistedEventStore;
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountCommand, DebitPurpose};
use domain::credits::Credits;
use domain::ids::{ResellerId, TenantId};
use futures::future::join_all;
use postgres_es::PostgresEventRepository;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use sqlx::PgPool;
use store::database::DatabaseRole;
use store::unit_of_work::{Cause, ExecuteError, Owner, UnitOfWork};
use store::wake::Wake;
use tests::TestDatabase;
use uuid::Uuid;

/// Opened, raised, lowered, refused, corrected, refused again.
fn commands() -> Vec<CreditAccountCommand> {
    let debit = |credits| CreditAccountCommand::Debit {
        credits: Credits(credits),
        tenant_id: TenantId(Uuid::from_u128(9)),
        purpose: DebitPurpose::Extension,
        at: chrono::DateTime::UNIX_EPOCH,
    };
    let adjust = |kind, credits| CreditAccountCommand::Adjust {
        kind,
        credits: Credits(credits),
        expires_at: None,
        note: "by hand".to_owned(),
        at: chrono::DateTime::UNIX_EPOCH,
    };
    vec![
        debit(1),
        CreditAccountCommand::Open,
        CreditAccountCommand::Open,
        adjust(AdjustmentKind::Bonus, 100),
        debit(30),
        debit(71),
        adjust(AdjustmentKind::Adjustment, -70),
        debit(1),
    ]
}

type Row = (String, String, i64, String, String, Value);

async fn rows(pool: &PgPool) -> Vec<Row> {
    sqlx::query_as(
        "SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload
         FROM es.events ORDER BY aggregate_type, aggregate_id, sequence",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

async fn through_the_stock_crates(pool: &PgPool) -> Vec<Option<String>> {
    let repository = PostgresEventRepository::new(pool.clone()).with_tables("es.events", "es.snapshots");
    let store = PersistedEventStore::<_, CreditAccount>::new_event_store(repository);
    let framework = CqrsFramework::new(store, Vec::new(), ());
    let mut refusals = Vec::new();
    for command in commands() {
        let metadata = HashMap::from([("tenant_id".to_owned(), Uuid::nil().to_string())]);
        let outcome = framework.execute_with_metadata("a", command, metadata).await;
        refusals.push(outcome.err().map(|refusal| refusal.to_string()));
    }
    refusals
}

async fn through_our_store(pool: &PgPool) -> Vec<Option<String>> {
    let mut refusals = Vec::new();
    for command in commands() {
        let cause = Cause {
            command_id: Uuid::new_v4(),
            fingerprint: Vec::new(),
            actor: None,
            owner: Owner::PLATFORM,
            at: "2026-11-21T12:00:00Z".parse().unwrap(),
            happened_at: None,
            comment: None,
        };
        let mut unit = UnitOfWork::new(pool, &cause);
        let owner = Owner::reseller(ResellerId(Uuid::nil()));
        match unit.execute::<CreditAccount>(owner, "a", command).await {
            Ok(_) => {
                unit.commit(Value::Null).await.unwrap();
                refusals.push(None);
            }
            Err(ExecuteError::Refused(refusal)) => refusals.push(Some(refusal.to_string())),
            Err(error) => panic!("{error}"),
        }
    }
    refusals
}

#[tokio::test]
async fn our_store_and_the_stock_crates_leave_the_same_rows() {
    let (stock_database, our_database) = (TestDatabase::create().await, TestDatabase::create().await);
    let stock = stock_database.pool(DatabaseRole::Commands).await;
    let ours = our_database.pool(DatabaseRole::Commands).await;
    assert_eq!(
        through_our_store(&ours).await,
        through_the_stock_crates(&stock).await
    );
    let rows = rows(&ours).await;
    assert_eq!(rows.len(), 4);
    assert_eq!(rows, self::rows(&stock).await);
}

/// As random as its seed: most are small, some are refused.
fn random_commands(seed: u64, length: usize) -> Vec<CreditAccountCommand> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..length)
        .map(|number| match random.random_range(0..10) {
            0 => CreditAccountCommand::Open,
            _ if number == 0 => CreditAccountCommand::Open,
            1 | 2 => CreditAccountCommand::Adjust {
                kind: AdjustmentKind::Bonus,
                credits: Credits(random.random_range(0..200)),
                expires_at: None,
                note: "random".to_owned(),
                at: chrono::DateTime::UNIX_EPOCH,
            },
            3 => CreditAccountCommand::Adjust {
                kind: AdjustmentKind::Adjustment,
                credits: Credits(random.random_range(-150..150)),
                expires_at: None,
                note: "random".to_owned(),
                at: chrono::DateTime::UNIX_EPOCH,
            },
            _ => CreditAccountCommand::Debit {
                credits: Credits(random.random_range(0..60)),
                tenant_id: TenantId(Uuid::from_u128(9)),
                purpose: DebitPurpose::NewCustomer,
                at: chrono::DateTime::UNIX_EPOCH,
            },
        })
        .collect()
}

/// The account's commands one after the other; answers which were refused.
async fn along_the_committer(bus: &Bus, account: &str, commands: Vec<CreditAccountCommand>) -> Vec<bool> {
    let mut refused = Vec::new();
    for command in commands {
        let cause = Cause {
            command_id: Uuid::new_v4(),
            fingerprint: Vec::new(),
            actor: None,
            owner: Owner::PLATFORM,
            at: "2026-11-21T12:00:00Z".parse().unwrap(),
            happened_at: None,
            comment: None,
        };
        let decide = async |unit: &mut UnitOfWork<'_>| {
            let owner = Owner::reseller(ResellerId(Uuid::nil()));
            unit.execute::<CreditAccount>(owner, account, command.clone())
                .await?;
            Ok(())
        };
        match bus.run(&cause, decide).await {
            Ok(_) => refused.push(false),
            Err(CommandError::Problem(_)) => refused.push(true),
            Err(CommandError::Internal(error)) => panic!("{error}"),
        }
    }
    refused
}

async fn along_the_stock_crates(
    pool: &PgPool,
    account: &str,
    commands: Vec<CreditAccountCommand>,
) -> Vec<bool> {
    let repository = PostgresEventRepository::new(pool.clone()).with_tables("es.events", "es.snapshots");
    let store = PersistedEventStore::<_, CreditAccount>::new_event_store(repository);
    let framework = CqrsFramework::new(store, Vec::new(), ());
    let mut refused = Vec::new();
    for command in commands {
        let metadata = HashMap::from([("tenant_id".to_owned(), Uuid::nil().to_string())]);
        let outcome = framework.execute_with_metadata(account, command, metadata).await;
        refused.push(outcome.is_err());
    }
    refused
}

/// Many accounts at once through two processes' committers, which take turns on every account.
#[tokio::test]
async fn random_commands_that_share_commits_leave_the_rows_of_the_stock_crates() {
    let (stock_database, our_database) = (TestDatabase::create().await, TestDatabase::create().await);
    let stock = stock_database.pool(DatabaseRole::Commands).await;
    let ours = our_database.pool(DatabaseRole::Commands).await;
    let buses = [
        Bus::new(ours.clone(), Wake::local()),
        Bus::new(ours.clone(), Wake::local()),
    ];
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let accounts: Vec<_> = (0..12_u64)
        .map(|number| {
            let commands = random_commands(seed.wrapping_add(number), 40);
            (format!("account-{number}"), commands)
        })
        .collect();
    let expected = join_all(
        accounts
            .iter()
            .map(|(account, commands)| along_the_stock_crates(&stock, account, commands.clone())),
    );
    let found = join_all(accounts.iter().map(async |(account, commands)| {
        let mut refused = Vec::new();
        for (number, part) in commands.chunks(7).enumerate() {
            refused.extend(along_the_committer(&buses[number % 2], account, part.to_vec()).await);
        }
        refused
    }));
    assert_eq!(found.await, expected.await);
    assert_eq!(rows(&ours).await, rows(&stock).await);
}
