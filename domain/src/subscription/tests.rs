//! Dated rights: granted, extended, and what they add up to. All times are counted from one fixed day.

mod life;

use chrono::TimeDelta;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::tier_list::tests::founding_list;

pub(super) fn given(events: Vec<SubscriptionEvent>) -> AggregateTestExecutor<Subscription> {
    TestFramework::with(()).given(events)
}

#[track_caller]
pub(super) fn refused(past: Vec<SubscriptionEvent>, command: SubscriptionCommand, error: SubscriptionError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
pub(super) fn assert_told(error: &SubscriptionError) {
    let told = match error {
        SubscriptionError::InvalidPeriod => ("INVALID_PERIOD", RefusalKind::Invalid),
        SubscriptionError::SubscriptionNotFound => ("SUBSCRIPTION_NOT_FOUND", RefusalKind::NotFound),
        SubscriptionError::SubscriptionExpired(_) => ("SUBSCRIPTION_EXPIRED", RefusalKind::Forbidden),
        SubscriptionError::InvalidReason => ("INVALID_REASON", RefusalKind::Invalid),
        SubscriptionError::SubscriptionPaused(_) => ("SUBSCRIPTION_PAUSED", RefusalKind::Conflict),
        SubscriptionError::SubscriptionNotPaused => ("SUBSCRIPTION_NOT_PAUSED", RefusalKind::Conflict),
        SubscriptionError::SubscriptionOfStore => ("SUBSCRIPTION_OF_STORE", RefusalKind::Conflict),
        SubscriptionError::PlanUnchanged(_) => ("PLAN_UNCHANGED", RefusalKind::Conflict),
        SubscriptionError::NothingToChange(_) => ("NOTHING_TO_CHANGE", RefusalKind::Conflict),
    };
    assert_eq!((error.code(), error.kind()), told);
}

/// Hours since the first moment of 2026.
pub(super) fn hour(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_454) + TimeDelta::hours(hours)
}

pub(super) fn day(days: i64) -> DateTime<Utc> {
    hour(24 * days)
}

pub(super) fn grant_id(number: u128) -> GrantId {
    GrantId(Uuid::from_u128(number))
}

pub(super) fn grant(number: u128, tier: Tier, days: u32, at: DateTime<Utc>) -> SubscriptionCommand {
    SubscriptionCommand::Grant(new_grant(number, tier, days, at))
}

/// Of the premium tier.
pub(super) fn extend(number: u128, days: u32, at: DateTime<Utc>) -> SubscriptionCommand {
    SubscriptionCommand::Extend(new_grant(number, Tier::PREMIUM, days, at))
}

pub(super) fn new_grant(number: u128, tier: Tier, days: u32, at: DateTime<Utc>) -> NewGrant {
    NewGrant {
        grant_id: grant_id(number),
        tier,
        credits_per_day: 1,
        days,
        source: GrantSource::Credits,
        reason: None,
        payment: None,
        at,
    }
}

pub(super) fn granted_from(
    number: u128,
    tier: Tier,
    days: u32,
    starts_at: DateTime<Utc>,
) -> SubscriptionEvent {
    SubscriptionEvent::AccessGranted {
        grant_id: grant_id(number),
        tier,
        source: GrantSource::Credits,
        days,
        starts_at,
        ends_at: starts_at + TimeDelta::days(days.into()),
        credits_per_day: 1,
        reason: None,
        payment: None,
    }
}

pub(super) fn subscription(events: Vec<SubscriptionEvent>) -> Subscription {
    let mut subscription = Subscription::default();
    for event in events {
        subscription.evolve(event);
    }
    subscription
}

pub(super) fn tier_at(subscription: &Subscription, at: DateTime<Utc>) -> Option<Tier> {
    let tiers = founding_list();
    subscription.entitlement(&tiers, at).ok().map(|grant| grant.tier)
}

#[test]
fn access_is_granted_for_a_number_of_days() {
    given(vec![])
        .when(grant(1, Tier::PREMIUM, 30, day(0)))
        .then_expect_events(vec![granted_from(1, Tier::PREMIUM, 30, day(0))]);
}

#[test]
fn a_further_grant_holds_beside_the_first() {
    given(vec![granted_from(1, Tier::BASIC, 90, day(0))])
        .when(grant(2, Tier::ENTERPRISE, 7, day(10)))
        .then_expect_events(vec![granted_from(2, Tier::ENTERPRISE, 7, day(10))]);
}

#[test]
fn a_period_has_at_least_one_day_and_at_most_ten_years() {
    let past = vec![granted_from(1, Tier::BASIC, 30, day(0))];
    for days in [1, DAYS_MAX] {
        given(vec![])
            .when(grant(1, Tier::BASIC, days, day(0)))
            .then_expect_events(vec![granted_from(1, Tier::BASIC, days, day(0))]);
    }
    for days in [0, DAYS_MAX + 1, u32::MAX] {
        refused(
            vec![],
            grant(1, Tier::BASIC, days, day(0)),
            SubscriptionError::InvalidPeriod,
        );
        refused(
            past.clone(),
            extend(2, days, day(0)),
            SubscriptionError::InvalidPeriod,
        );
    }
}

#[test]
fn a_period_beyond_the_calendar_is_refused() {
    let at = DateTime::<Utc>::MAX_UTC;
    refused(
        vec![],
        grant(1, Tier::BASIC, 1, at),
        SubscriptionError::InvalidPeriod,
    );
}

#[test]
fn an_extension_follows_the_days_that_are_left() {
    given(vec![granted_from(1, Tier::PREMIUM, 30, day(0))])
        .when(extend(2, 90, day(10)))
        .then_expect_events(vec![granted_from(2, Tier::PREMIUM, 90, day(30))]);
}

#[test]
fn an_extension_of_an_ended_subscription_starts_now() {
    given(vec![granted_from(1, Tier::PREMIUM, 30, day(0))])
        .when(extend(2, 90, day(45)))
        .then_expect_events(vec![granted_from(2, Tier::PREMIUM, 90, day(45))]);
}

#[test]
fn an_extension_continues_the_higher_of_two_tiers_that_end_together() {
    let premium = granted_from(1, Tier::PREMIUM, 30, day(0));
    let basic = granted_from(2, Tier::BASIC, 20, day(10));
    for past in [vec![premium.clone(), basic.clone()], vec![basic, premium]] {
        let subscription = subscription(past);
        let last = subscription.last(&founding_list(), day(15)).unwrap();
        assert_eq!(last.grant_id, grant_id(1));
    }
    let none = Subscription::default();
    let error = none.last(&founding_list(), day(0)).unwrap_err();
    assert_eq!(error, SubscriptionError::SubscriptionNotFound);
}

#[test]
fn nothing_can_be_extended_before_the_first_grant() {
    refused(
        vec![],
        extend(1, 30, day(0)),
        SubscriptionError::SubscriptionNotFound,
    );
}

#[test]
fn a_grant_holds_from_its_first_moment_until_just_before_its_end() {
    let subscription = subscription(vec![granted_from(1, Tier::PREMIUM, 30, day(0))]);
    assert_eq!(tier_at(&subscription, day(0)), Some(Tier::PREMIUM));
    assert_eq!(
        tier_at(&subscription, day(30) - TimeDelta::nanoseconds(1)),
        Some(Tier::PREMIUM)
    );
    assert_eq!(tier_at(&subscription, day(30)), None);
    assert_eq!(tier_at(&subscription, day(0) - TimeDelta::nanoseconds(1)), None);
}

#[test]
fn the_longer_of_two_grants_of_one_tier_decides() {
    let short = granted_from(1, Tier::PREMIUM, 30, day(0));
    let long = granted_from(2, Tier::PREMIUM, 90, day(0));
    for past in [vec![short.clone(), long.clone()], vec![long, short]] {
        let subscription = subscription(past);
        assert_eq!(
            subscription
                .entitlement(&founding_list(), day(1))
                .unwrap()
                .grant_id,
            grant_id(2)
        );
    }
}

#[test]
fn without_a_grant_there_is_no_entitlement() {
    let error = Subscription::default()
        .entitlement(&founding_list(), day(0))
        .unwrap_err();
    assert_eq!(error, SubscriptionError::SubscriptionNotFound);
    assert_eq!(Subscription::default().ends_at(), None);
}

#[test]
fn an_ended_subscription_says_since_when() {
    let subscription = subscription(vec![
        granted_from(1, Tier::BASIC, 30, day(0)),
        granted_from(2, Tier::PREMIUM, 7, day(0)),
    ]);
    let error = subscription.entitlement(&founding_list(), day(31)).unwrap_err();
    assert_told(&error);
    assert_eq!(error, SubscriptionError::SubscriptionExpired(day(30)));
    assert_eq!(
        error.to_string(),
        "the subscription ended on 2026-01-31 00:00 UTC: ask your reseller to extend it"
    );
}

fn rank(tier: Tier) -> u32 {
    founding_list().in_force(tier, day(0)).unwrap().rank
}

fn any_tier() -> impl Strategy<Value = Tier> {
    prop_oneof![Just(Tier::BASIC), Just(Tier::PREMIUM), Just(Tier::ENTERPRISE)]
}

/// Commands in the order of their times, some of them refused.
fn any_history() -> impl Strategy<Value = Vec<SubscriptionCommand>> {
    let step = (any::<bool>(), any_tier(), 0..100_u32, 0..2_000_i64);
    prop::collection::vec(step, 1..12).prop_map(|steps| {
        let mut now = 0;
        steps
            .into_iter()
            .zip(1..)
            .map(|((new, tier, days, hours), number)| {
                now += hours;
                if new {
                    grant(number, tier, days, hour(now))
                } else {
                    extend(number, days, hour(now))
                }
            })
            .collect()
    })
}

fn is_extension(command: &SubscriptionCommand) -> bool {
    matches!(command, SubscriptionCommand::Extend { .. })
}

fn dated(from: i64, to: i64, leaves: (Tier, i64)) -> SubscriptionEvent {
    SubscriptionEvent::AccessDated {
        grant_id: grant_id(7),
        tier: Tier::PREMIUM,
        source: GrantSource::Store,
        starts_at: day(from),
        ends_at: day(to),
        leaves: Standing {
            tier: leaves.0,
            ends_at: day(leaves.1),
        },
    }
}

fn date(from: i64, to: i64) -> SubscriptionCommand {
    SubscriptionCommand::Date {
        grant_id: grant_id(7),
        tier: Tier::PREMIUM,
        source: GrantSource::Store,
        starts_at: day(from),
        ends_at: day(to),
    }
}

#[test]
fn a_grant_from_elsewhere_comes_moves_and_goes() {
    let basic = granted_from(1, Tier::BASIC, 5, day(0));
    given(vec![basic.clone()])
        .when(date(0, 10))
        .then_expect_events(vec![dated(0, 10, (Tier::PREMIUM, 10))]);
    let past = vec![basic, dated(0, 10, (Tier::PREMIUM, 10))];
    given(past.clone()).when(date(0, 10)).then_expect_events(vec![]);
    given(past)
        .when(date(0, 0))
        .then_expect_events(vec![dated(0, 0, (Tier::BASIC, 5))]);
    given(vec![]).when(date(3, 3)).then_expect_events(vec![]);
    refused(vec![], date(2, 1), SubscriptionError::InvalidPeriod);
}

#[test]
fn a_grant_that_was_dated_anew_holds_for_its_last_dates_only() {
    let mut subscription = Subscription::default();
    for to in [10, 4] {
        subscription.evolve(dated(0, to, (Tier::PREMIUM, to)));
    }
    assert_eq!(tier_at(&subscription, day(3)), Some(Tier::PREMIUM));
    assert_eq!(tier_at(&subscription, day(5)), None);
}

proptest! {
    #[test]
    fn an_extension_lengthens_by_its_days_and_takes_no_right_away(
        history in any_history(),
        moments in prop::collection::vec(0..30_000_i64, 20),
    ) {
        let mut subscription = Subscription::default();
        for command in history {
            let before = subscription.clone();
            let extends = is_extension(&command);
            let Ok(events) = subscription.decide(command) else {
                continue;
            };
            prop_assert_eq!(events.len(), 1);
            for event in events {
                let SubscriptionEvent::AccessGranted { days, starts_at, ends_at, .. } = event else {
                    panic!("a grant is a grant: {event:?}");
                };
                prop_assert_eq!(ends_at - starts_at, TimeDelta::days(days.into()));
                subscription.evolve(event);
                if extends {
                    prop_assert!(before.ends_at().is_some_and(|before| before <= starts_at));
                    prop_assert_eq!(subscription.ends_at(), Some(ends_at));
                }
            }
            prop_assert!(subscription.ends_at() >= before.ends_at());
            for &moment in &moments {
                let rank = |of: &Subscription| tier_at(of, hour(moment)).map(rank);
                prop_assert!(rank(&subscription) >= rank(&before));
            }
        }
    }

    #[test]
    fn the_entitlement_is_the_highest_tier_that_holds(
        history in any_history(),
        moments in prop::collection::vec(-100..30_000_i64, 20),
    ) {
        let mut subscription = Subscription::default();
        let mut log = Vec::new();
        for command in history {
            for event in subscription.decide(command).unwrap_or_default() {
                log.push(event.clone());
                subscription.evolve(event);
            }
        }
        for at in moments.into_iter().map(hour) {
            let holding = log.iter().filter_map(|event| {
                let SubscriptionEvent::AccessGranted { tier, starts_at, ends_at, .. } = event else {
                    panic!("a grant is a grant: {event:?}");
                };
                (*starts_at <= at && at < *ends_at).then_some(*tier)
            });
            prop_assert_eq!(tier_at(&subscription, at), holding.max_by_key(|tier| rank(*tier)));
        }
    }
}
