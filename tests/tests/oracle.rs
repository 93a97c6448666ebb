//! The stock crates as oracle: the same commands through cqrs-es' own framework on postgres-es, and through
//! our store, leave the same rows.

use std::collections::HashMap;

use cqrs_es::CqrsFramework;
use cqrs_es::persist::PersistedEventStore;
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountCommand, DebitPurpose};
use domain::credits::Credits;
use domain::ids::{ResellerId, TenantId};
use postgres_es::PostgresEventRepository;
use serde_json::Value;
use sqlx::PgPool;
use store::database::DatabaseRole;
use store::unit_of_work::{Cause, ExecuteError, Owner, UnitOfWork};
use tests::TestDatabase;
use uuid::Uuid;

/// Opened, raised, lowered, refused, corrected, refused again.
fn commands() -> Vec<CreditAccountCommand> {
    let debit = |credits| CreditAccountCommand::Debit {
        credits: Credits(credits),
        tenant_id: TenantId(Uuid::from_u128(9)),
        purpose: DebitPurpose::Extension,
    };
    let adjust = |kind, credits| CreditAccountCommand::Adjust {
        kind,
        credits: Credits(credits),
        note: "by hand".to_owned(),
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
