//! Dated rights: granted, extended, and what they add up to. All times are counted from one fixed day.

use chrono::TimeDelta;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn given(events: Vec<SubscriptionEvent>) -> AggregateTestExecutor<Subscription> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<SubscriptionEvent>, command: SubscriptionCommand, error: SubscriptionError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn assert_told(error: &SubscriptionError) {
    let told = match error {
        SubscriptionError::InvalidPeriod => ("INVALID_PERIOD", RefusalKind::Invalid),
        SubscriptionError::SubscriptionNotFound => ("SUBSCRIPTION_NOT_FOUND", RefusalKind::NotFound),
        SubscriptionError::SubscriptionExpired(_) => ("SUBSCRIPTION_EXPIRED", RefusalKind::Forbidden),
    };
    assert_eq!((error.code(), error.kind()), told);
}

/// Hours since the first moment of 2026.
fn hour(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_454) + TimeDelta::hours(hours)
}

fn day(days: i64) -> DateTime<Utc> {
    hour(24 * days)
}

fn grant_id(number: u128) -> GrantId {
    GrantId(Uuid::from_u128(number))
}

fn grant(number: u128, tier: Tier, days: u32, at: DateTime<Utc>) -> SubscriptionCommand {
    SubscriptionCommand::Grant {
        grant_id: grant_id(number),
        tier,
        days,
        source: GrantSource::Credits,
        at,
    }
}

fn extend(number: u128, days: u32, at: DateTime<Utc>) -> SubscriptionCommand {
    SubscriptionCommand::Extend {
        grant_id: grant_id(number),
        days,
        source: GrantSource::Credits,
        at,
    }
}

fn granted_from(number: u128, tier: Tier, days: u32, starts_at: DateTime<Utc>) -> SubscriptionEvent {
    SubscriptionEvent::AccessGranted {
        grant_id: grant_id(number),
        tier,
        source: GrantSource::Credits,
        days,
        starts_at,
        ends_at: starts_at + TimeDelta::days(days.into()),
    }
}

fn subscription(events: Vec<SubscriptionEvent>) -> Subscription {
    let mut subscription = Subscription::default();
    for event in events {
        subscription.evolve(event);
    }
    subscription
}

fn tier_at(subscription: &Subscription, at: DateTime<Utc>) -> Option<Tier> {
    subscription.entitlement(at).ok().map(|grant| grant.tier)
}

#[test]
fn access_is_granted_for_a_number_of_days() {
    given(vec![])
        .when(grant(1, Tier::Premium, 30, day(0)))
        .then_expect_events(vec![granted_from(1, Tier::Premium, 30, day(0))]);
}

#[test]
fn a_further_grant_holds_beside_the_first() {
    given(vec![granted_from(1, Tier::Basic, 90, day(0))])
        .when(grant(2, Tier::Enterprise, 7, day(10)))
        .then_expect_events(vec![granted_from(2, Tier::Enterprise, 7, day(10))]);
}

#[test]
fn a_period_has_at_least_one_day_and_at_most_ten_years() {
    let past = vec![granted_from(1, Tier::Basic, 30, day(0))];
    for days in [1, DAYS_MAX] {
        given(vec![])
            .when(grant(1, Tier::Basic, days, day(0)))
            .then_expect_events(vec![granted_from(1, Tier::Basic, days, day(0))]);
    }
    for days in [0, DAYS_MAX + 1, u32::MAX] {
        refused(
            vec![],
            grant(1, Tier::Basic, days, day(0)),
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
        grant(1, Tier::Basic, 1, at),
        SubscriptionError::InvalidPeriod,
    );
}

#[test]
fn an_extension_follows_the_days_that_are_left() {
    given(vec![granted_from(1, Tier::Premium, 30, day(0))])
        .when(extend(2, 90, day(10)))
        .then_expect_events(vec![granted_from(2, Tier::Premium, 90, day(30))]);
}

#[test]
fn an_extension_of_an_ended_subscription_starts_now() {
    given(vec![granted_from(1, Tier::Premium, 30, day(0))])
        .when(extend(2, 90, day(45)))
        .then_expect_events(vec![granted_from(2, Tier::Premium, 90, day(45))]);
}

#[test]
fn an_extension_continues_the_higher_of_two_tiers_that_end_together() {
    let premium = granted_from(1, Tier::Premium, 30, day(0));
    let basic = granted_from(2, Tier::Basic, 20, day(10));
    for past in [vec![premium.clone(), basic.clone()], vec![basic, premium]] {
        given(past)
            .when(extend(3, 30, day(15)))
            .then_expect_events(vec![granted_from(3, Tier::Premium, 30, day(30))]);
    }
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
    let subscription = subscription(vec![granted_from(1, Tier::Premium, 30, day(0))]);
    assert_eq!(tier_at(&subscription, day(0)), Some(Tier::Premium));
    assert_eq!(
        tier_at(&subscription, day(30) - TimeDelta::nanoseconds(1)),
        Some(Tier::Premium)
    );
    assert_eq!(tier_at(&subscription, day(30)), None);
    assert_eq!(tier_at(&subscription, day(0) - TimeDelta::nanoseconds(1)), None);
}

#[test]
fn the_longer_of_two_grants_of_one_tier_decides() {
    let short = granted_from(1, Tier::Premium, 30, day(0));
    let long = granted_from(2, Tier::Premium, 90, day(0));
    for past in [vec![short.clone(), long.clone()], vec![long, short]] {
        let subscription = subscription(past);
        assert_eq!(subscription.entitlement(day(1)).unwrap().grant_id, grant_id(2));
    }
}

#[test]
fn without_a_grant_there_is_no_entitlement() {
    let error = Subscription::default().entitlement(day(0)).unwrap_err();
    assert_eq!(error, SubscriptionError::SubscriptionNotFound);
    assert_eq!(Subscription::default().ends_at(), None);
}

#[test]
fn an_ended_subscription_says_since_when() {
    let subscription = subscription(vec![
        granted_from(1, Tier::Basic, 30, day(0)),
        granted_from(2, Tier::Premium, 7, day(0)),
    ]);
    let error = subscription.entitlement(day(31)).unwrap_err();
    assert_told(&error);
    assert_eq!(error, SubscriptionError::SubscriptionExpired(day(30)));
    assert_eq!(
        error.to_string(),
        "the subscription ended on 2026-01-31 00:00 UTC: ask your reseller to extend it"
    );
}

fn any_tier() -> impl Strategy<Value = Tier> {
    prop_oneof![Just(Tier::Basic), Just(Tier::Premium), Just(Tier::Enterprise)]
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
                let SubscriptionEvent::AccessGranted { days, starts_at, ends_at, .. } = event;
                prop_assert_eq!(ends_at - starts_at, TimeDelta::days(days.into()));
                subscription.evolve(event);
                if extends {
                    prop_assert!(before.ends_at().is_some_and(|before| before <= starts_at));
                    prop_assert_eq!(subscription.ends_at(), Some(ends_at));
                }
            }
            prop_assert!(subscription.ends_at() >= before.ends_at());
            for &moment in &moments {
                prop_assert!(tier_at(&subscription, hour(moment)) >= tier_at(&before, hour(moment)));
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
                let SubscriptionEvent::AccessGranted { tier, starts_at, ends_at, .. } = event;
                (*starts_at <= at && at < *ends_at).then_some(*tier)
            });
            prop_assert_eq!(tier_at(&subscription, at), holding.max());
        }
    }
}
