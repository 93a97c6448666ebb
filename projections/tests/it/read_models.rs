//! Given events, the rows that each read model shows.

use crate::entitlements::deciding;
use crate::support::{ADMIN, Story, TestLog, noon, permit, platform, save_workflow, story};
use chrono::TimeDelta;
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountEvent, MovementKind};
use domain::credits::Credits;
use domain::ids::WorkflowId;
use domain::job::SpeechTask;
use domain::permission::{Origin, Permission};
use domain::price_list::{PRICE_LIST_ID, PriceList, PriceListEvent};
use domain::reseller::{Reseller, ResellerEvent};
use domain::subscription::{GrantSource, Subscription, SubscriptionEvent};
use domain::tenant::{Tenant, TenantEvent};
use domain::tier::Tier;
use domain::user::Role;
use domain::workflow::{WorkflowLibrary, WorkflowLibraryEvent};
use platform::Scope;
use projections::calendar::Span;
use projections::credit_transactions::TransactionFilter;
use projections::customers::{CustomerFilter, CustomerStatus};
use projections::page::PageRequest;
use projections::resellers::{ResellerFilter, ResellerStatus};
use projections::{
    ScopedConnection, Whose, activity, credit_transactions, customers, dashboard, packs, permissions,
};
use projections::{recordings, resellers, users, workflows};
use store::unit_of_work::Owner;
use uuid::Uuid;

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

fn found(search: &str) -> ResellerFilter<'_> {
    ResellerFilter {
        search: Some(search),
        ..ResellerFilter::default()
    }
}

fn first<K>(first: u32) -> PageRequest<K> {
    PageRequest { first, after: None }
}

#[tokio::test]
async fn a_reseller_shows_its_rate_balance_and_customers() {
    let (mut log, story) = folded().await;
    let suspended = ResellerEvent::ResellerSuspended {
        reason: "unpaid".to_owned(),
    };
    log.one::<Reseller>(story.reseller_id, suspended, story.of_reseller(), noon())
        .await;
    log.catch_up().await;
    let mut connection = scoped(&log, Scope::Platform).await;
    let (connection, scope) = connection.parts();
    let row = resellers::by_id(connection, scope, story.reseller_id.0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.name, "Nordwind");
    assert_eq!(row.contact_email.as_deref(), Some("Nordwind@reseller.test"));
    assert_eq!(row.commission_rate.to_string(), "0.20");
    assert_eq!((row.balance, row.customers_total), (870, 1));
    assert_eq!(row.status, ResellerStatus::Suspended);
    let page = resellers::page(connection, scope, found("NORD"), first(20))
        .await
        .unwrap();
    assert_eq!(page.rows, vec![row]);
    assert!(
        resellers::page(connection, scope, found("100%"), first(20))
            .await
            .unwrap()
            .rows
            .is_empty()
    );
}

#[tokio::test]
async fn movements_of_credits_name_customer_and_actor_and_add_up() {
    let (mut log, story) = folded().await;
    let bonus = CreditAccountEvent::CreditsAdjusted {
        kind: AdjustmentKind::Bonus,
        credits: Credits(10),
        note: "welcome".to_owned(),
        balance_after: Credits(880),
        lots: vec![],
    };
    log.one::<CreditAccount>(story.reseller_id, bonus, story.of_reseller(), noon())
        .await;
    log.catch_up().await;
    let mut connection = scoped(&log, story.reseller_scope()).await;
    let (connection, scope) = connection.parts();
    let page = credit_transactions::page(connection, scope, &TransactionFilter::default(), first(2))
        .await
        .unwrap();
    assert!(page.has_next);
    let kinds: Vec<_> = page
        .rows
        .iter()
        .map(|row| (row.kind, row.amount, row.balance_after))
        .collect();
    assert_eq!(
        kinds,
        [(MovementKind::Bonus, 10, 880), (MovementKind::Debit, -30, 870)]
    );
    assert_eq!(page.rows[1].customer_name.as_deref(), Some("Nordwind Ltd"));
    assert_eq!(
        page.rows[1].actor_name.as_deref(),
        Some("Platform"),
        "the admin's own name stays with the platform"
    );
    let after = PageRequest {
        first: 2,
        after: Some(page.rows[1].position),
    };
    let rest = credit_transactions::page(connection, scope, &TransactionFilter::default(), after)
        .await
        .unwrap();
    assert_eq!(rest.rows.len(), 1);
    assert!(!rest.has_next);
    assert_eq!(rest.rows[0].kind, MovementKind::Purchase);
    let mut admin = scoped(&log, Scope::Platform).await;
    let (connection, scope) = admin.parts();
    let of_story = TransactionFilter {
        reseller_id: Some(story.reseller_id.0),
        ..TransactionFilter::default()
    };
    let of_one = credit_transactions::page(connection, scope, &of_story, first(10))
        .await
        .unwrap();
    assert_eq!(of_one.rows[0].actor_name.as_deref(), Some("Ada Admin"));
}

#[tokio::test]
async fn a_customer_is_whole_whatever_the_order_of_its_events() {
    let (mut log, story) = folded().await;
    let mut connection = scoped(&log, story.tenant_scope()).await;
    let (read, scope) = connection.parts();
    let row = customers::by_id(read, scope, story.tenant_id.0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.name.as_str(), row.tier, row.users_total),
        ("Nordwind Ltd", Tier::PREMIUM, 1)
    );
    assert_eq!(row.expires_at, noon() + TimeDelta::days(30));
    assert_eq!(row.status(noon()), CustomerStatus::Active);
    assert_eq!(
        row.status(row.expires_at),
        CustomerStatus::Expired,
        "the end is not included"
    );
    drop(connection);
    let suspended = TenantEvent::TenantSuspended {
        reason: "fraud".to_owned(),
    };
    log.one::<Tenant>(story.tenant_id, suspended, story.of_tenant(), noon())
        .await;
    log.catch_up().await;
    let mut connection = scoped(&log, story.reseller_scope()).await;
    let (read, scope) = connection.parts();
    for (status, rows) in [
        (CustomerStatus::Active, 0),
        (CustomerStatus::Expired, 0),
        (CustomerStatus::Suspended, 1),
    ] {
        let filter = CustomerFilter {
            search: Some("nord"),
            status: Some((status, noon())),
            whose: Whose::Own,
        };
        assert_eq!(
            customers::page(read, scope, filter, first(5))
                .await
                .unwrap()
                .rows
                .len(),
            rows,
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn the_highest_tier_that_holds_decides() {
    let (mut log, story) = folded().await;
    let granted = SubscriptionEvent::AccessGranted {
        grant_id: uuid::Uuid::now_v7().into(),
        tier: Tier::ENTERPRISE,
        source: GrantSource::Credits,
        days: 1,
        starts_at: noon(),
        ends_at: noon() + TimeDelta::days(1),
        credits_per_day: 1,
        reason: None,
        payment: None,
    };
    log.one::<Subscription>(story.tenant_id, granted, story.of_tenant(), noon())
        .await;
    log.catch_up().await;
    for (days, tier) in [(0, Some(Tier::ENTERPRISE)), (1, Some(Tier::PREMIUM)), (30, None)] {
        let at = noon() + TimeDelta::days(days);
        assert_eq!(deciding(&log, &story, at, None).await, tier, "after {days} days");
    }
}

#[tokio::test]
async fn a_user_keeps_name_and_role_until_erased() {
    let (log, story) = folded().await;
    let mut connection = scoped(&log, story.tenant_scope()).await;
    let (read, scope) = connection.parts();
    let row = users::by_id(read, scope, story.user_id.0).await.unwrap().unwrap();
    assert_eq!(
        (row.name.as_deref(), row.role),
        (Some("Carl Nordwind"), Role::CustomerAdmin)
    );
    assert_eq!(users::by_id(read, scope, ADMIN).await.unwrap(), None);
}

#[tokio::test]
async fn the_price_list_shows_retired_packs_as_such_and_nothing_to_tenants() {
    let (mut log, story) = folded().await;
    let retired = PriceListEvent::PackRetired {
        code: "starter".to_owned(),
        currency: None,
    };
    log.one::<PriceList>(PRICE_LIST_ID, retired, Owner::PLATFORM, noon())
        .await;
    log.catch_up().await;
    for (scope, packs_seen) in [
        (story.reseller_scope(), 2),
        (Scope::Platform, 2),
        (story.tenant_scope(), 0),
    ] {
        let mut connection = scoped(&log, scope).await;
        let (read, scope) = connection.parts();
        let rows = packs::list(read, scope, None, noon(), false).await.unwrap();
        assert_eq!(rows.len(), packs_seen);
        assert!(rows.iter().all(|pack| pack.retired == (pack.code == "starter")));
    }
}

#[tokio::test]
async fn recordings_are_paged_newest_first() {
    let (log, story) = folded().await;
    let mut connection = scoped(&log, story.tenant_scope()).await;
    let (read, scope) = connection.parts();
    let page = recordings::page(read, scope, first(20)).await.unwrap();
    assert_eq!(page.rows[0].name, "Nordwind.wav");
    let after = PageRequest {
        first: 20,
        after: Some(page.rows[0].key()),
    };
    assert!(
        recordings::page(read, scope, after)
            .await
            .unwrap()
            .rows
            .is_empty()
    );
}

#[tokio::test]
async fn a_workflow_is_shown_in_its_latest_version_until_it_is_removed() {
    let (mut log, story) = folded().await;
    let (kept, gone) = (WorkflowId(Uuid::now_v7()), WorkflowId(Uuid::now_v7()));
    for (workflow_id, version) in [(kept, 1), (gone, 1), (kept, 2)] {
        save_workflow(&mut log, &story, workflow_id, version).await;
    }
    let removed = WorkflowLibraryEvent::WorkflowRemoved { workflow_id: gone };
    log.one::<WorkflowLibrary>(story.tenant_id, removed, story.of_tenant(), noon())
        .await;
    log.catch_up().await;
    let mut connection = scoped(&log, story.tenant_scope()).await;
    let (read, scope) = connection.parts();
    let rows = workflows::page(read, scope, first(20)).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].workflow_id, rows[0].version), (kept.0, 2));
    assert_eq!(
        (rows[0].model.as_str(), rows[0].task),
        ("small", SpeechTask::Transcribe)
    );
}

#[tokio::test]
async fn the_dashboard_counts_in_the_resellers_month() {
    let (log, story) = folded().await;
    let mut connection = scoped(&log, story.reseller_scope()).await;
    let (read, scope) = connection.parts();
    let month = Span::month_of(noon(), "Europe/Berlin");
    let figures = dashboard::figures(read, story.reseller_id, noon(), month)
        .await
        .unwrap();
    assert_eq!(
        (
            figures.customers_total,
            figures.customers_active,
            figures.customers_expired
        ),
        (1, 1, 0)
    );
    assert_eq!((figures.used_this_month, figures.new_this_month), (30, 1));
    let later = noon() + TimeDelta::days(60);
    let month = Span::month_of(later, "Europe/Berlin");
    let figures = dashboard::figures(read, story.reseller_id, later, month)
        .await
        .unwrap();
    assert_eq!((figures.customers_active, figures.customers_expired), (0, 1));
    assert_eq!((figures.used_this_month, figures.new_this_month), (0, 0));
    let said: Vec<_> = activity::latest(read, scope, Whose::Own, None, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.text)
        .collect();
    assert_eq!(said[0], "Nordwind Ltd uploaded Nordwind.wav");
    assert!(
        said.contains(&"900 credits bought with the pack starter".to_owned()),
        "{said:?}"
    );
    assert!(
        said.contains(&"Nordwind Ltd got 30 days of premium, until 2026-12-21".to_owned()),
        "{said:?}"
    );
}

#[tokio::test]
async fn permissions_show_their_origin_to_whoever_may_see_the_reseller() {
    let (mut log, story) = folded().await;
    permit(&mut log, &story).await;
    log.catch_up().await;
    let mut connection = scoped(&log, story.reseller_scope()).await;
    let (read, scope) = connection.parts();
    let rows = permissions::of_reseller(read, scope, story.reseller_id.0)
        .await
        .unwrap();
    let of = |permission: Permission| rows.iter().find(|row| row.permission == permission).unwrap();
    let logs = of(Permission::ViewLogs);
    let origin = logs.origin.as_ref().unwrap();
    assert_eq!((logs.granted, &origin.origin), (true, &Origin::Override));
    assert_eq!(
        (origin.by.as_deref(), origin.reason.as_deref()),
        (Some("Platform"), Some("has an auditor"))
    );
    assert!(!of(Permission::ApiAccess).granted);
    let needed = [Permission::ViewLogs, Permission::ApiAccess];
    let denied = permissions::missing(&mut connection, story.reseller_id, &needed)
        .await
        .unwrap()
        .unwrap();
    let basic = Origin::Template {
        code: "basic".to_owned(),
        version: 1,
    };
    assert_eq!(
        (denied.permission, denied.origin),
        (Permission::ApiAccess, Some(basic))
    );
    assert_eq!(
        permissions::missing(&mut connection, story.reseller_id, &needed[..1])
            .await
            .unwrap(),
        None
    );
    let mut connection = scoped(&log, story.tenant_scope()).await;
    let (read, scope) = connection.parts();
    let hidden = permissions::of_reseller(read, scope, story.reseller_id.0)
        .await
        .unwrap();
    assert_eq!(hidden, []);
}
