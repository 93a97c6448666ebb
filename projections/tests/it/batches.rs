//! A batch folds to what its events fold to one by one, wherever the log is cut into batches.

use crate::support::store_stories::date_grant;
use crate::support::{
    Story, TestLog, act_as, buy_in_store, invite, invoice, issue_key, map_products, noon, pay_out, platform,
    queue_job, run_bulk, save_workflow, sell, started, story, succeeded,
};
use domain::hierarchy::{HIERARCHY_ID, Hierarchy, HierarchyEvent, Limits};
use domain::job::{Job, JobEvent};
use domain::reseller::{Profile, Reseller, ResellerEvent};
use domain::tenant::{Tenant, TenantEvent};
use domain::user::{Role, User, UserEvent};
use projections::projection::{self, ReadModel};
use sqlx::{Connection, Executor, PgConnection};
use store::unit_of_work::Owner;
use store::{Position, Recorded, feed};
use uuid::Uuid;

async fn busy(log: &mut TestLog) -> Vec<Recorded> {
    platform(log).await;
    map_products(log).await;
    let mut stories = Vec::new();
    for name in ["Nordwind", "Südwind", "Westwind"] {
        let story = story(log, name).await;
        stories.push(story);
        let (first, second) = (queue_job(log, &story).await, queue_job(log, &story).await);
        sell(log, &story).await;
        invoice(log, &story).await;
        let owner = story.of_tenant();
        log.one::<Job>(first, JobEvent::JobDispatched { attempt: 1 }, owner, noon())
            .await;
        log.one::<Job>(first, started(1, 1), owner, noon()).await;
        log.one::<Job>(second, JobEvent::JobDispatched { attempt: 1 }, owner, noon())
            .await;
        log.one::<Job>(first, started(1, 2), owner, noon()).await;
        log.one::<Job>(first, succeeded(first, &"ab".repeat(32)), owner, noon())
            .await;
        let failed = JobEvent::JobFailed {
            attempt: 1,
            code: "NOT_AUDIO".to_owned(),
            message: "no sound in the file".to_owned(),
        };
        log.one::<Job>(second, failed, owner, noon()).await;
        save_workflow(log, &story, Uuid::now_v7().into(), 1).await;
        buy_in_store(log, &story).await;
        invite(log, &story).await;
        act_as(log, &story).await;
        issue_key(log, &story).await;
        run_bulk(log, &story).await;
        changed_account(log, &story).await;
        let grant_id = Uuid::now_v7();
        for days in [60, 3] {
            date_grant(log, &story, grant_id, days).await;
        }
        let reason = || "unpaid".to_owned();
        for event in [
            TenantEvent::TenantSuspended { reason: reason() },
            TenantEvent::TenantResumed { reason: reason() },
            TenantEvent::TenantSuspended { reason: reason() },
        ] {
            log.one::<Tenant>(story.tenant_id, event, owner, noon()).await;
        }
    }
    pay_out(log, &stories).await;
    rearranged(log, &stories).await;
    let end = log.position().await;
    let mut connection = log.owner.acquire().await.unwrap();
    // Transactions of other databases of the cluster hold the feed back too.
    loop {
        let events = feed::read(&mut connection, Position::START, 10_000)
            .await
            .unwrap();
        if events.last().is_some_and(|event| event.position == end) {
            return events;
        }
    }
}

/// What befalls an account, all of it shown in one row.
async fn changed_account(log: &mut TestLog, story: &Story) {
    let reason = || "on leave".to_owned();
    let renamed = UserEvent::UserRenamed {
        name: log.seal(story.user_id.0, "Carl Renamed").await,
    };
    let role = UserEvent::UserRoleChanged {
        role: Role::CustomerUser,
        before: Role::CustomerAdmin,
    };
    for event in [
        renamed,
        role,
        UserEvent::TotpEnabled,
        UserEvent::UserDisabled { reason: reason() },
        UserEvent::UserEnabled { reason: reason() },
        UserEvent::UserDisabled { reason: reason() },
    ] {
        log.one::<User>(story.user_id.0, event, story.of_tenant(), noon())
            .await;
    }
}

/// The resellers hang below each other and apart again, and their customers go from one to the other.
async fn rearranged(log: &mut TestLog, stories: &[Story]) {
    let [first, second, third] = stories else {
        panic!("three stories")
    };
    let reason = || "sold".to_owned();
    let moved = |reseller: &Story, from: Option<&Story>, to: Option<&Story>| HierarchyEvent::ResellerMoved {
        reseller_id: reseller.reseller_id,
        from: from.map(|story| story.reseller_id),
        to: to.map(|story| story.reseller_id),
        reason: reason(),
    };
    let limits = Limits {
        customers_max: Some(5),
        sub_resellers_max: None,
    };
    let limited = HierarchyEvent::ResellerLimitsSet {
        reseller_id: third.reseller_id,
        limits,
    };
    for (story, event) in [
        (second, moved(second, None, Some(first))),
        (third, moved(third, None, Some(second))),
        (third, limited),
        (second, moved(second, Some(first), None)),
        (first, moved(first, None, Some(third))),
    ] {
        log.one::<Hierarchy>(HIERARCHY_ID, event, story.of_reseller(), noon())
            .await;
    }
    let suspended = ResellerEvent::ResellerSuspended { reason: reason() };
    log.one::<Reseller>(second.reseller_id, suspended, second.of_reseller(), noon())
        .await;
    let phone = log.seal(third.reseller_user.0, "+49 30 1234").await;
    let profile = Profile {
        name: "Westwind West".to_owned(),
        phone: Some(phone),
        time_zone: "UTC".to_owned(),
        ..Profile::default()
    };
    let changed = ResellerEvent::ResellerProfileChanged(profile);
    log.one::<Reseller>(third.reseller_id, changed, third.of_reseller(), noon())
        .await;
    handed_over(log, first, second, third).await;
}

async fn handed_over(log: &mut TestLog, first: &Story, second: &Story, third: &Story) {
    let reason = || "sold".to_owned();
    let contact_email = log.seal(first.tenant_id.0, "new@customer.test").await;
    let resumed = TenantEvent::TenantResumed { reason: reason() };
    let given = |from: &Story, to: &Story| TenantEvent::TenantMoved {
        from: from.reseller_id,
        to: to.reseller_id,
        reason: reason(),
    };
    let closed = TenantEvent::TenantClosed {
        reason: reason(),
        reopen_until: noon(),
    };
    let renamed = TenantEvent::TenantProfileChanged {
        name: "Harbour".to_owned(),
        contact_email,
    };
    for (event, owner) in [
        (resumed, first),
        (given(first, second), first),
        (renamed, second),
        (given(second, third), second),
        (closed, third),
        (TenantEvent::TenantReopened { reason: reason() }, third),
    ] {
        let owner = Owner::tenant(owner.reseller_id, first.tenant_id);
        log.one::<Tenant>(first.tenant_id, event, owner, noon()).await;
    }
    let of_third = Story {
        reseller_id: third.reseller_id,
        ..*first
    };
    queue_job(log, &of_third).await;
}

/// The model's rows after folding the batches, which are then rolled back.
async fn folded(log: &TestLog, model: &dyn ReadModel, batches: &[&[Recorded]]) -> Vec<String> {
    let mut connection = log.projections.acquire().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    transaction
        .execute("SET LOCAL search_path = read, live")
        .await
        .unwrap();
    for batch in batches {
        model
            .fold_batch(&mut transaction, batch, &log.vault)
            .await
            .unwrap();
    }
    let rows = dump(&mut transaction, model).await;
    transaction.rollback().await.unwrap();
    rows
}

async fn dump(connection: &mut PgConnection, model: &dyn ReadModel) -> Vec<String> {
    let mut rows = Vec::new();
    for table in model.tables() {
        let sql = format!(
            "SELECT '{0} ' || t::text FROM {1}.{0} t ORDER BY 1",
            table.name, table.schema
        );
        rows.extend(
            sqlx::query_scalar::<_, String>(&sql)
                .fetch_all(&mut *connection)
                .await
                .unwrap(),
        );
    }
    rows
}

/// Cuts `events` at places that follow from `seed`.
fn cut(events: &[Recorded], seed: u64) -> Vec<&[Recorded]> {
    let (mut batches, mut rest, mut state) = (Vec::new(), events, seed);
    while !rest.is_empty() {
        // Knuth's multiplier: any spread will do.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let length = usize::try_from(state >> 60).unwrap() + 1;
        let (batch, after) = rest.split_at(length.min(rest.len()));
        batches.push(batch);
        rest = after;
    }
    batches
}

#[tokio::test]
async fn a_batch_is_what_its_events_are_one_by_one() {
    let mut log = TestLog::create().await;
    let events = busy(&mut log).await;
    assert!(events.len() > 50);
    for model in projection::all() {
        let single: Vec<&[Recorded]> = events.chunks(1).collect();
        let one_by_one = folded(&log, model.as_ref(), &single).await;
        assert!(!one_by_one.is_empty(), "{} shows nothing of it", model.name());
        assert_eq!(
            folded(&log, model.as_ref(), &[&events]).await,
            one_by_one,
            "{} folds all at once",
            model.name()
        );
        for seed in 1..=5 {
            let batches = cut(&events, seed);
            assert_eq!(
                folded(&log, model.as_ref(), &batches).await,
                one_by_one,
                "{} in batches by the seed {seed}",
                model.name()
            );
        }
    }
}
