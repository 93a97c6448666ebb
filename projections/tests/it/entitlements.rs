//! What customers may do: from memory, from the tables and from the log, the same answer.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::entitlement::{Answer, Feature, Question, Subject, entitlement};
use domain::ids::{GrantId, JobId, RecordingId, TenantId, WorkflowId};
use domain::reseller::{Reseller, ResellerEvent};
use domain::subscription::{GrantSource, Subscription, SubscriptionEvent};
use domain::tenant::{Tenant, TenantEvent};
use domain::tier::Tier;
use domain::tier_list::{TIER_LIST_ID, TierList};
use domain::usage::{Usage, UsageEvent};
use domain::workflow::{WorkflowLibrary, WorkflowLibraryEvent};
use platform::Scope;
use projections::ScopedConnection;
use projections::calendar::Step;
use projections::entitlements::earlier::Earlier;
use projections::entitlements::{Customer, Memory, World};
use projections::usage::{Figures, Subject as Whom, between};
use store::{Position, load};
use strum::IntoEnumIterator;
use uuid::Uuid;

use crate::support::{Story, TestLog, noon, platform, queue_job, save_workflow, started, story, succeeded};

/// What a customer is in the tables, and the world around it.
async fn seen(log: &TestLog, memory: &Memory, story: &Story) -> (Arc<World>, Arc<Customer>) {
    memory.freshen(log.position().await).await.unwrap();
    let mut found = memory.customers(&[story.tenant_id.0]).await.unwrap();
    (memory.world(), found.remove(&story.tenant_id.0).unwrap())
}

/// The tier that decides at a time, as far as it was known by one.
pub async fn deciding(
    log: &TestLog,
    story: &Story,
    at: DateTime<Utc>,
    known_at: Option<DateTime<Utc>>,
) -> Option<Tier> {
    let memory = Memory::new(log.read.clone());
    let (world, customer) = seen(log, &memory, story).await;
    let scope = story.tenant_scope();
    let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
    let subject = (story.tenant_id.0, customer.as_ref());
    let earlier = Earlier::load(connection.parts().0, scope, subject, at, known_at)
        .await
        .unwrap();
    let question = Question::of(Feature::Workflows, 0);
    let told = earlier.ask(&world, &customer, &question).deciding;
    if known_at.is_none() {
        assert_eq!(world.ask(&customer, &question, at).deciding, told);
    }
    told.map(|deciding| deciding.tier)
}

fn questions() -> Vec<Question<'static>> {
    let counted = Feature::iter().filter(|feature| *feature != Feature::Model);
    let counted = counted.flat_map(|feature| [0, 1, 1_000, 5_000_000_000].map(|n| Question::of(feature, n)));
    counted
        .chain(["tiny", "small", "large-v3"].map(Question::model))
        .collect()
}

/// As the write side decides, from the streams alone.
async fn from_the_log(
    log: &TestLog,
    tenant_id: TenantId,
    running_jobs: u64,
    at: DateTime<Utc>,
) -> Vec<Answer> {
    let mut connection = log.commands.acquire().await.unwrap();
    let id = tenant_id.to_string();
    let subscription = load::load::<Subscription>(&mut connection, &id)
        .await
        .unwrap()
        .state;
    let usage = load::load::<Usage>(&mut connection, &id).await.unwrap().state;
    let library = load::load::<WorkflowLibrary>(&mut connection, &id)
        .await
        .unwrap()
        .state;
    let tiers = load::load::<TierList>(&mut connection, TIER_LIST_ID)
        .await
        .unwrap()
        .state;
    let subject = Subject {
        bar: None,
        subscription: &subscription,
        tiers: &tiers,
        usage: &usage,
        workflows: library.len().try_into().unwrap(),
        running_jobs,
    };
    let answers = questions();
    answers
        .iter()
        .map(|question| entitlement(&subject, question, at))
        .collect()
}

/// A small generator: the same steps in every run.
struct Steps(u64);

impl Steps {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

async fn happen(log: &mut TestLog, story: &Story, steps: &mut Steps, at: DateTime<Utc>) {
    let (id, owner) = (story.tenant_id, story.of_tenant());
    match steps.next(6) {
        0 => {
            let tiers = [Tier::BASIC, Tier::PREMIUM, Tier::ENTERPRISE];
            let tier = *tiers.get(usize::try_from(steps.next(3)).unwrap()).unwrap();
            let days = u32::try_from(1 + steps.next(20)).unwrap();
            let granted = SubscriptionEvent::AccessGranted {
                grant_id: GrantId(Uuid::now_v7()),
                tier,
                source: GrantSource::Manual,
                days,
                starts_at: at,
                ends_at: at + TimeDelta::days(days.into()),
                credits_per_day: 0,
                reason: None,
                payment: None,
            };
            log.one::<Subscription>(id, granted, owner, at).await;
        }
        1 => {
            let recording_id = RecordingId(Uuid::now_v7());
            let bytes = steps.next(4_000_000_000);
            log.one::<Usage>(id, UsageEvent::StorageTaken { recording_id, bytes }, owner, at)
                .await;
        }
        2 => {
            let metered = UsageEvent::SpeechMetered {
                job_id: JobId(Uuid::now_v7()),
                audio_ms: steps.next(3_000_000),
                translated: steps.next(2) == 0,
                at,
            };
            log.one::<Usage>(id, metered, owner, at).await;
        }
        3 => save_workflow(log, story, WorkflowId(Uuid::now_v7()), 1).await,
        4 => {
            let held = UsageEvent::SpeechHeld {
                job_id: JobId(Uuid::now_v7()),
                recording_id: story.recording_id,
                audio_ms: steps.next(600_000),
                translated: false,
            };
            log.one::<Usage>(id, held, owner, at).await;
        }
        _ => drop(queue_job(log, story).await),
    }
}

#[tokio::test]
async fn memory_tables_and_log_give_the_same_answers_whatever_happens() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let stories = [
        story(&mut log, "Nordwind").await,
        story(&mut log, "Westwind").await,
    ];
    let memory = Memory::new(log.read.clone());
    let mut steps = Steps(7);
    for round in 0..25 {
        let at = noon() + TimeDelta::hours(7 * round);
        for _ in 0..3 {
            let one = stories[usize::try_from(steps.next(2)).unwrap()];
            happen(&mut log, &one, &mut steps, at).await;
        }
        log.catch_up().await;
        for story in &stories {
            let (world, kept) = seen(&log, &memory, story).await;
            let (fresh_world, fresh) = seen(&log, &Memory::new(log.read.clone()), story).await;
            let expected = from_the_log(&log, story.tenant_id, kept.running_jobs(), at).await;
            for (question, expected) in questions().iter().zip(expected) {
                assert_eq!(
                    world.ask(&kept, question, at),
                    expected,
                    "round {round}: {question:?}"
                );
                assert_eq!(fresh_world.ask(&fresh, question, at), expected, "round {round}");
            }
        }
    }
}

#[tokio::test]
async fn a_running_job_a_suspension_and_a_move_are_known() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let (ours, other) = (
        story(&mut log, "Nordwind").await,
        story(&mut log, "Westwind").await,
    );
    let memory = Memory::new(log.read.clone());
    let job_id = queue_job(&mut log, &ours).await;
    log.one::<domain::job::Job>(job_id, started(1, 1), ours.of_tenant(), noon())
        .await;
    log.catch_up().await;
    let (world, customer) = seen(&log, &memory, &ours).await;
    assert_eq!(customer.running_jobs(), 1);
    log.one::<domain::job::Job>(job_id, succeeded(job_id, "ab"), ours.of_tenant(), noon())
        .await;
    log.catch_up().await;
    assert_eq!(seen(&log, &memory, &ours).await.1.running_jobs(), 0);

    let may = |world: &World, customer: &Customer, seconds: i64| {
        let at = noon() + TimeDelta::seconds(seconds);
        world
            .ask(customer, &Question::of(Feature::Workflows, 1), at)
            .code()
    };
    assert_eq!(may(&world, &customer, 0), "ALLOWED");
    let reason = "unpaid".to_owned();
    let at = noon() + TimeDelta::seconds(10);
    let suspended = TenantEvent::TenantSuspended {
        reason: reason.clone(),
    };
    log.one::<Tenant>(ours.tenant_id, suspended, ours.of_tenant(), at)
        .await;
    log.catch_up().await;
    let (world, customer) = seen(&log, &memory, &ours).await;
    assert_eq!(may(&world, &customer, 10), "CUSTOMER_SUSPENDED");
    assert_eq!(may(&world, &customer, 9), "ALLOWED");

    let resumed = TenantEvent::TenantResumed {
        reason: reason.clone(),
    };
    log.one::<Tenant>(ours.tenant_id, resumed, ours.of_tenant(), at)
        .await;
    let moved = TenantEvent::TenantMoved {
        from: ours.reseller_id,
        to: other.reseller_id,
        reason: reason.clone(),
    };
    log.one::<Tenant>(ours.tenant_id, moved, ours.of_tenant(), at)
        .await;
    let closed = ResellerEvent::ResellerSuspended { reason };
    log.one::<Reseller>(
        other.reseller_id,
        closed,
        other.of_reseller(),
        at + TimeDelta::seconds(1),
    )
    .await;
    log.catch_up().await;
    let (world, customer) = seen(&log, &memory, &ours).await;
    assert_eq!(may(&world, &customer, 10), "ALLOWED");
    assert_eq!(may(&world, &customer, 11), "RESELLER_SUSPENDED");
    let shows = |scope| world.shows(scope, ours.tenant_id.0, &customer);
    assert!(shows(Scope::Platform) && shows(ours.tenant_scope()) && shows(other.reseller_scope()));
    assert!(!shows(ours.reseller_scope()) && !shows(other.tenant_scope()));
}

#[tokio::test]
async fn memory_that_is_behind_catches_up_with_a_position() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let story = story(&mut log, "Nordwind").await;
    log.catch_up().await;
    let memory = Memory::new(log.read.clone());
    memory.freshen(Position::START).await.unwrap();
    assert_eq!(seen(&log, &memory, &story).await.1.workflows(), 0);
    for number in 1..=3 {
        save_workflow(&mut log, &story, WorkflowId(Uuid::now_v7()), 1).await;
        let position = log.catch_up().await;
        memory.freshen(position).await.unwrap();
        let known = memory.known(story.tenant_id.0);
        assert!(known.is_none(), "what changed is not kept");
        assert_eq!(seen(&log, &memory, &story).await.1.workflows(), number);
        assert!(memory.known(story.tenant_id.0).is_some());
        assert!(memory.world().position() >= position);
    }
}

async fn used(log: &TestLog, scope: Scope, tenant_id: Option<Uuid>, step: Step) -> Vec<(String, Figures)> {
    let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
    let (read, scope) = connection.parts();
    let whom = Whom {
        tenant_id,
        whose: projections::Whose::Below,
    };
    let days = ("2026-11-01".parse().unwrap(), "2027-01-01".parse().unwrap());
    let used = between(read, scope, whom, days, step).await.unwrap();
    used.iter()
        .map(|used| (used.day.to_string(), used.figures))
        .collect()
}

fn figures(storage_bytes: i64, audio_ms: i64, translated_ms: i64, jobs: i64, workflows: i64) -> Figures {
    Figures {
        storage_bytes,
        audio_ms,
        translated_ms,
        jobs,
        workflows,
    }
}

/// Two customers; the first one uses things in three months.
async fn used_up(log: &mut TestLog, workflow_id: WorkflowId) -> (Story, Story) {
    platform(log).await;
    let (ours, other) = (story(log, "Nordwind").await, story(log, "Westwind").await);
    let recording_id = RecordingId(Uuid::now_v7());
    let taken = |bytes| UsageEvent::StorageTaken { recording_id, bytes };
    let freed = UsageEvent::StorageFreed {
        recording_id,
        bytes: 700,
    };
    let heard = |audio_ms, translated, at: &str| UsageEvent::SpeechMetered {
        job_id: JobId(Uuid::now_v7()),
        audio_ms,
        translated,
        at: at.parse().unwrap(),
    };
    for (event, at) in [
        (taken(700), "2026-10-31T12:00:00Z"),
        (taken(300), "2026-11-21T23:59:59Z"),
        (freed, "2026-11-22T00:00:00Z"),
        (
            heard(60_000, false, "2026-11-22T01:00:00Z"),
            "2026-11-22T01:00:00Z",
        ),
        (
            heard(30_000, true, "2026-12-01T00:00:00Z"),
            "2026-12-01T00:00:00Z",
        ),
    ] {
        log.one::<Usage>(ours.tenant_id, event, ours.of_tenant(), at.parse().unwrap())
            .await;
    }
    save_workflow(log, &ours, workflow_id, 1).await;
    save_workflow(log, &ours, workflow_id, 2).await;
    queue_job(log, &ours).await;
    queue_job(log, &other).await;
    log.catch_up().await;
    (ours, other)
}

#[tokio::test]
async fn usage_is_summed_by_the_day_and_the_month() {
    let mut log = TestLog::create().await;
    let workflow_id = WorkflowId(Uuid::now_v7());
    let (ours, other) = used_up(&mut log, workflow_id).await;
    let expected = [
        ("2026-11-21".to_owned(), figures(1_000, 0, 0, 1, 1)),
        ("2026-11-22".to_owned(), figures(300, 60_000, 0, 0, 1)),
        ("2026-12-01".to_owned(), figures(300, 30_000, 30_000, 0, 1)),
    ];
    let own = Some(ours.tenant_id.0);
    assert_eq!(used(&log, ours.tenant_scope(), own, Step::Day).await, expected);
    assert_eq!(used(&log, ours.reseller_scope(), None, Step::Day).await, expected);
    assert_eq!(used(&log, other.reseller_scope(), own, Step::Day).await, []);
    let all = used(&log, Scope::Platform, None, Step::Day).await;
    assert_eq!(all[0].1, figures(1_000, 0, 0, 2, 1));

    let removed = WorkflowLibraryEvent::WorkflowRemoved { workflow_id };
    let at = "2026-12-02T00:00:00Z".parse().unwrap();
    log.one::<WorkflowLibrary>(ours.tenant_id, removed, ours.of_tenant(), at)
        .await;
    log.catch_up().await;
    let november = ("2026-11-01".to_owned(), figures(300, 60_000, 0, 1, 1));
    let december = ("2026-12-01".to_owned(), figures(300, 30_000, 30_000, 0, 0));
    let months = used(&log, ours.tenant_scope(), own, Step::Month).await;
    assert_eq!(months, [november, december]);
}

#[tokio::test]
async fn what_was_used_at_an_earlier_time_is_summed_to_it() {
    let mut log = TestLog::create().await;
    let (ours, _) = used_up(&mut log, WorkflowId(Uuid::now_v7())).await;
    let memory = Memory::new(log.read.clone());
    let (world, customer) = seen(&log, &memory, &ours).await;
    let then = async |at: &str| {
        let mut connection = ScopedConnection::begin(&log.read, ours.tenant_scope())
            .await
            .unwrap();
        let (read, scope) = connection.parts();
        let subject = (ours.tenant_id.0, customer.as_ref());
        let earlier = Earlier::load(read, scope, subject, at.parse().unwrap(), None)
            .await
            .unwrap();
        [Feature::StorageBytes, Feature::AudioSeconds, Feature::Workflows].map(|feature| {
            earlier
                .ask(&world, &customer, &Question::of(feature, 0))
                .used
                .unwrap()
        })
    };
    assert_eq!(then("2026-11-21T23:59:59Z").await, [1_000, 0, 1]);
    assert_eq!(then("2026-11-30T00:00:00Z").await, [300, 60, 1]);
    assert_eq!(then("2026-12-03T00:00:00Z").await, [300, 30, 1]);
}
