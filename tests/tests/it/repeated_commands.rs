//! One key, several senders at the same moment: one carries the command out, all get its answer.

use commands::bus::Bus;
use commands::error::{CommandError, Problem};
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountCommand};
use domain::credits::Credits;
use domain::ids::ResellerId;
use store::database::DatabaseRole;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use store::wake::Wake;
use tests::TestDatabase;
use uuid::Uuid;

const RESELLER: ResellerId = ResellerId(Uuid::from_u128(5));

fn cause(number: u128) -> Cause {
    Cause {
        command_id: Uuid::from_u128(number),
        fingerprint: vec![1],
        actor: None,
        owner: Owner::reseller(RESELLER),
        at: "2026-11-21T12:00:00Z".parse().unwrap(),
        happened_at: None,
        comment: None,
    }
}

async fn account(unit: &mut UnitOfWork<'_>, command: CreditAccountCommand) -> Result<i64, CommandError> {
    let owner = Owner::reseller(RESELLER);
    let account = unit
        .execute::<CreditAccount>(owner, &RESELLER.0.to_string(), command)
        .await?;
    Ok(account.balance().0)
}

fn adjust(kind: AdjustmentKind, credits: i64) -> CreditAccountCommand {
    CreditAccountCommand::Adjust {
        kind,
        credits: Credits(credits),
        expires_at: None,
        note: "by hand".to_owned(),
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn who_is_overtaken_by_the_same_command_gets_its_answer_and_no_refusal() {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Commands).await;
    let (slow, fast) = (
        Bus::new(pool.clone(), Wake::local()),
        Bus::new(pool.clone(), Wake::local()),
    );
    slow.run(&cause(1), async |unit: &mut UnitOfWork<'_>| {
        account(unit, CreditAccountCommand::Open).await?;
        account(unit, adjust(AdjustmentKind::Bonus, 10)).await
    })
    .await
    .unwrap();
    // All that there is: a second time it would be refused.
    let spend = || adjust(AdjustmentKind::Adjustment, -10);
    let same = cause(2);
    let mut overtaken = None;
    let done = slow
        .run(&same, async |unit: &mut UnitOfWork<'_>| {
            let balance = account(unit, spend()).await?;
            if overtaken.is_none() {
                let first = fast
                    .run(&same, async |unit: &mut UnitOfWork<'_>| {
                        account(unit, spend()).await
                    })
                    .await?;
                overtaken = Some(first);
            }
            Ok(balance)
        })
        .await
        .unwrap();
    let first = overtaken.unwrap();
    assert!(done.replayed && !first.replayed);
    assert_eq!((done.value, done.position), (first.value, first.position));
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM es.events")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(events, 3);
}

#[tokio::test]
async fn a_refusal_is_not_told_while_nobody_can_say_whether_the_command_was_carried_out_before() {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Commands).await;
    let bus = Bus::new(pool.clone(), Wake::local());
    // The database goes away between decision and look-up. A client would take a refusal as the last word.
    let told = bus
        .run(&cause(1), async |_: &mut UnitOfWork<'_>| {
            pool.close().await;
            Err::<i64, CommandError>(Problem::invalid("there is too little").into())
        })
        .await;
    assert!(matches!(told, Err(CommandError::Internal(_))), "{told:?}");
}
