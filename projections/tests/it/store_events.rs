//! What stores said, and the grants that follow from it, as read models show them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::tier::Tier;
use platform::Scope;
use projections::page::PageRequest;
use projections::{
    ScopedConnection, customers, store_drifts, store_events, store_products, store_transactions,
};
use uuid::Uuid;

use crate::entitlements::deciding;
use crate::support::store_stories::date_grant;
use crate::support::{Story, TestLog, buy_in_store, map_products, noon, platform, story};

async fn folded() -> (TestLog, Story) {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let story = story(&mut log, "Nordwind").await;
    log.catch_up().await;
    (log, story)
}

async fn scoped(log: &TestLog, scope: Scope) -> ScopedConnection {
    ScopedConnection::begin(&log.read, scope).await.unwrap()
}

fn first<K>() -> PageRequest<K> {
    PageRequest {
        first: 10,
        after: None,
    }
}

#[tokio::test]
async fn a_grant_that_is_dated_anew_is_shown_with_its_last_dates_and_at_earlier_times_with_those_of_then() {
    let (mut log, story) = folded().await;
    let grant_id = Uuid::now_v7();
    date_grant(&mut log, &story, grant_id, 60).await;
    log.catch_up().await;
    let (row, tier) = customer_at(&log, &story, 40, None).await;
    assert_eq!(
        (row.tier, row.expires_at),
        (Tier::ENTERPRISE, noon() + TimeDelta::days(60))
    );
    assert_eq!(tier, Some(Tier::ENTERPRISE));

    let between: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(&log.owner)
        .await
        .unwrap();
    date_grant(&mut log, &story, grant_id, 3).await;
    log.catch_up().await;
    let (row, tier) = customer_at(&log, &story, 2, None).await;
    // What was paid with credits ends last again.
    assert_eq!(
        (row.tier, row.expires_at),
        (Tier::PREMIUM, noon() + TimeDelta::days(30))
    );
    assert_eq!(tier, Some(Tier::ENTERPRISE));
    assert_eq!(customer_at(&log, &story, 4, None).await.1, Some(Tier::PREMIUM));
    assert_eq!(customer_at(&log, &story, 40, None).await.1, None);
    let known_then = customer_at(&log, &story, 40, Some(between)).await.1;
    assert_eq!(known_then, Some(Tier::ENTERPRISE));
}

async fn customer_at(
    log: &TestLog,
    story: &Story,
    days: i64,
    known_at: Option<DateTime<Utc>>,
) -> (customers::CustomerRow, Option<Tier>) {
    let mut connection = scoped(log, story.reseller_scope()).await;
    let (read, scope) = connection.parts();
    let row = customers::by_id(read, scope, story.tenant_id.0)
        .await
        .unwrap()
        .unwrap();
    let at = noon() + TimeDelta::days(days);
    (row, deciding(log, story, at, known_at).await)
}

#[tokio::test]
async fn what_stores_said_is_shown_to_the_platform_and_to_the_customers_reseller() {
    let (mut log, story) = folded().await;
    map_products(&mut log).await;
    buy_in_store(&mut log, &story).await;
    log.catch_up().await;
    for (scope, rows) in [
        (Scope::Platform, 1),
        (story.reseller_scope(), 1),
        (Scope::Reseller(Uuid::now_v7().into()), 0),
    ] {
        let mut connection = scoped(&log, scope).await;
        let (read, scope) = connection.parts();
        let filter = store_events::StoreEventFilter {
            waiting: Some(false),
            tenant_id: Some(story.tenant_id.0),
        };
        let events = store_events::page(read, scope, filter, first()).await.unwrap();
        assert_eq!(events.rows.len(), rows);
        let sold = store_transactions::page(read, scope, None, first())
            .await
            .unwrap();
        assert_eq!(sold.rows.len(), rows);
        assert_eq!(
            store_drifts::page(read, scope, first()).await.unwrap().rows.len(),
            rows
        );
        assert_eq!(store_products::list(read, scope).await.unwrap().len(), 2);
    }
    let mut connection = scoped(&log, story.tenant_scope()).await;
    let (read, scope) = connection.parts();
    assert_eq!(store_products::list(read, scope).await.unwrap(), []);
}
