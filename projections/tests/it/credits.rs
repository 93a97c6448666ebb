//! Credits in lots, as the read side shows them.

use chrono::TimeDelta;
use domain::credit_account::{
    AdjustmentKind, CreditAccount, CreditAccountEvent, DebitPurpose, ListedPrice, MovementKind, Share,
};
use domain::credits::{Credits, Money};
use domain::ids::ReservationId;
use projections::ScopedConnection;
use projections::credit_forecast;
use projections::credit_lots::{self, CreditAccountRow};
use projections::credit_transactions::{self, TransactionFilter};
use projections::page::PageRequest;
use uuid::Uuid;

use crate::support::{Story, TestLog, hold_credits, noon, platform, story};

fn share(lot: u64, credits: i64, promotional: bool) -> Share {
    Share {
        lot,
        credits: Credits(credits),
        promotional,
        expires_at: None,
    }
}

/// After the story's 870 credits of no lot: a pack, a bonus, a debit over both, half of it refunded, and a hold of
/// which a part is captured.
async fn movements(log: &mut TestLog, story: &Story) {
    let hold = ReservationId(Uuid::from_u128(5));
    let purchased = CreditAccountEvent::CreditsPurchased {
        pack_code: "starter".to_owned(),
        credits: Credits(100),
        price: Money {
            amount_minor: 5_000,
            currency: "USD".to_owned(),
        },
        note: None,
        balance_after: Credits(970),
        listed: Some(ListedPrice {
            version: 2,
            own: false,
            per_credit: "50".parse().unwrap(),
        }),
        lots: vec![share(1, 100, false)],
    };
    let bonus = CreditAccountEvent::CreditsAdjusted {
        kind: AdjustmentKind::Bonus,
        credits: Credits(20),
        note: "welcome".to_owned(),
        balance_after: Credits(990),
        lots: vec![share(2, 20, true)],
    };
    let debited = CreditAccountEvent::CreditsDebited {
        credits: Credits(50),
        tenant_id: story.tenant_id,
        purpose: DebitPurpose::Extension,
        balance_after: Credits(940),
        lots: vec![share(2, 20, true), share(1, 30, false)],
    };
    let refunded = CreditAccountEvent::CreditsRefunded {
        debit: 6,
        credits: Credits(25),
        tenant_id: Some(story.tenant_id),
        note: "cancelled".to_owned(),
        balance_after: Credits(965),
        lots: vec![share(1, 25, false)],
    };
    let reserved = CreditAccountEvent::CreditsReserved {
        reservation_id: hold,
        credits: Credits(40),
        tenant_id: Some(story.tenant_id),
        note: "renewal".to_owned(),
        expires_at: noon() + TimeDelta::days(3),
        balance_after: Credits(925),
        lots: vec![share(1, 40, false)],
    };
    let captured = CreditAccountEvent::CreditsCaptured {
        reservation_id: hold,
        credits: Credits(30),
        tenant_id: Some(story.tenant_id),
        note: "renewed".to_owned(),
        balance_after: Credits(925),
        lots: vec![share(1, 30, false)],
    };
    for event in [purchased, bonus, debited, refunded, reserved, captured] {
        log.one::<CreditAccount>(story.reseller_id, event, story.of_reseller(), noon())
            .await;
    }
    log.catch_up().await;
}

#[tokio::test]
async fn an_account_shows_its_lots_and_what_is_held() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    movements(&mut log, &nordwind).await;
    let mut connection = ScopedConnection::begin(&log.read, nordwind.reseller_scope())
        .await
        .unwrap();
    let (read, scope) = connection.parts();
    let id = nordwind.reseller_id.0;
    let account = credit_lots::account(read, scope, id).await.unwrap().unwrap();
    assert_eq!((account.balance, account.held), (925, 10));
    let open = credit_lots::lots(read, scope, id, false).await.unwrap();
    let told: Vec<_> = open
        .iter()
        .map(|lot| (lot.lot, lot.source, lot.remaining))
        .collect();
    assert_eq!(told, [(0, None, 870), (1, Some(MovementKind::Purchase), 55)]);
    assert_eq!(
        (open[1].list_version, open[1].pack_credits, open[1].number),
        (Some(2), Some(100), Some(4))
    );
    let closed = credit_lots::lots(read, scope, id, true).await.unwrap();
    assert_eq!((closed[0].lot, closed[0].promotional), (2, true));
    let held = credit_lots::reservations(read, scope, id).await.unwrap();
    assert_eq!((held[0].held, held[0].captured, held[0].released), (10, 30, 0));
}

#[tokio::test]
async fn a_forecast_names_the_renewals_that_the_credits_do_not_cover() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    movements(&mut log, &nordwind).await;
    let correction = CreditAccountEvent::CreditsAdjusted {
        kind: AdjustmentKind::Adjustment,
        credits: Credits(-900),
        note: "too many".to_owned(),
        balance_after: Credits(25),
        lots: vec![share(0, 870, false), share(1, 30, false)],
    };
    log.one::<CreditAccount>(nordwind.reseller_id, correction, nordwind.of_reseller(), noon())
        .await;
    log.catch_up().await;
    let mut connection = ScopedConnection::begin(&log.read, nordwind.reseller_scope())
        .await
        .unwrap();
    let (read, scope) = connection.parts();
    let id = nordwind.reseller_id.0;
    let mut ahead = async |days| {
        let until = noon() + TimeDelta::days(days);
        credit_forecast::forecast(read, scope, id, noon(), until)
            .await
            .unwrap()
            .unwrap()
    };
    let forecast = ahead(30).await;
    assert_eq!(
        (forecast.available, forecast.spent, forecast.lasts_days()),
        (25, 110, Some(6))
    );
    assert_eq!((forecast.renewals, forecast.renewals_cost), (1, 30));
    assert_eq!(forecast.failing[0].name.as_deref(), Some("Nordwind Ltd"));
    assert_eq!(ahead(29).await.renewals, 0);
}

#[tokio::test]
async fn transactions_are_found_by_what_they_are() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    movements(&mut log, &nordwind).await;
    let mut connection = ScopedConnection::begin(&log.read, nordwind.reseller_scope())
        .await
        .unwrap();
    let (read, scope) = connection.parts();
    let mut found = async |filter: TransactionFilter| -> Vec<i64> {
        let request = PageRequest {
            first: 10,
            after: None,
        };
        let page = credit_transactions::page(read, scope, &filter, request)
            .await
            .unwrap();
        page.rows.iter().map(|row| row.number).collect()
    };
    let any = TransactionFilter::default;
    assert_eq!(found(any()).await, [9, 8, 7, 6, 5, 4, 3, 2]);
    let kinds = vec![MovementKind::Debit, MovementKind::Capture];
    assert_eq!(found(TransactionFilter { kinds, ..any() }).await, [9, 6, 3]);
    let customer_id = Some(nordwind.tenant_id.0);
    assert_eq!(
        found(TransactionFilter { customer_id, ..any() }).await,
        [9, 8, 7, 6, 3]
    );
    let of_number = Some(6);
    assert_eq!(found(TransactionFilter { of_number, ..any() }).await, [7]);
    let (credits_min, credits_max) = (Some(40), Some(50));
    let sized = TransactionFilter {
        credits_min,
        credits_max,
        ..any()
    };
    assert_eq!(found(sized).await, [8, 6]);
    let from = Some(noon() + TimeDelta::seconds(1));
    assert!(found(TransactionFilter { from, ..any() }).await.is_empty());
    let until = Some(noon());
    assert!(found(TransactionFilter { until, ..any() }).await.is_empty());
    let actor_id = Some(Uuid::now_v7());
    assert!(found(TransactionFilter { actor_id, ..any() }).await.is_empty());
}

#[tokio::test]
async fn alerts_and_settings_show_and_the_ledger_knows_the_line() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    hold_credits(&mut log, &nordwind).await;
    log.catch_up().await;
    let mut connection = ScopedConnection::begin(&log.read, nordwind.reseller_scope())
        .await
        .unwrap();
    let (read, scope) = connection.parts();
    let id = nordwind.reseller_id.0;
    let account = credit_lots::account(read, scope, id).await.unwrap();
    let expected = CreditAccountRow {
        reseller_id: id,
        balance: 860,
        held: 10,
        credit_line: 50,
        thresholds: vec![865],
    };
    assert_eq!(account, Some(expected));
    let alerts = credit_lots::alerts(read, scope, id).await.unwrap();
    assert_eq!((alerts[0].threshold, alerts[0].balance), (865, 860));
    let line: i64 = sqlx::query_scalar("SELECT credit_line FROM read.ledgers WHERE reseller_id = $1")
        .bind(id)
        .fetch_one(&log.owner)
        .await
        .unwrap();
    assert_eq!(line, 50);
}
