//! Changing the plan, standing still, ending early, renewing: no second is made and none is lost.

use proptest::prelude::*;

use super::super::proration::Value;
use super::*;
use crate::ids::ResellerId;

fn change(
    number: u128,
    from: Tier,
    to: Tier,
    credits_per_day: u32,
    at: DateTime<Utc>,
) -> SubscriptionCommand {
    SubscriptionCommand::ChangePlan(NewPlan {
        grant_id: grant_id(number),
        from,
        to,
        credits_per_day,
        at,
    })
}

fn pause(at: DateTime<Utc>) -> SubscriptionCommand {
    SubscriptionCommand::Pause {
        reason: "holidays".to_owned(),
        at,
    }
}

fn resume(number: u128, at: DateTime<Utc>) -> SubscriptionCommand {
    SubscriptionCommand::Resume {
        grant_id: grant_id(number),
        reason: "back again".to_owned(),
        at,
    }
}

fn cancel(when: CancelWhen, at: DateTime<Utc>) -> SubscriptionCommand {
    SubscriptionCommand::Cancel {
        when,
        reason: "closed down".to_owned(),
        returned: Credits(i64::MAX),
        at,
    }
}

/// A grant with what a day of it was paid with.
fn paid(number: u128, tier: Tier, days: u32, from: DateTime<Utc>, price: u32) -> SubscriptionEvent {
    let mut event = granted_from(number, tier, days, from);
    if let SubscriptionEvent::AccessGranted { credits_per_day, .. } = &mut event {
        *credits_per_day = price;
    }
    event
}

fn given_away(source: GrantSource, number: u128, days: u32, from: DateTime<Utc>) -> SubscriptionEvent {
    let mut event = paid(number, Tier::PREMIUM, days, from, 0);
    if let SubscriptionEvent::AccessGranted { source: of, .. } = &mut event {
        *of = source;
    }
    event
}

/// Carries a command out.
#[track_caller]
fn after(mut subscription: Subscription, command: SubscriptionCommand) -> Subscription {
    for event in subscription.decide(command).unwrap() {
        subscription.evolve(event);
    }
    subscription
}

/// How long each tier holds from `at` on, whatever the number of grants.
fn rights(subscription: &Subscription, at: DateTime<Utc>) -> Vec<(Tier, DateTime<Utc>, DateTime<Utc>)> {
    let mut rights: Vec<_> = subscription
        .grants()
        .iter()
        .filter(|grant| grant.ends_at > at)
        .map(|grant| (grant.tier, grant.starts_at.max(at), grant.ends_at))
        .collect();
    rights.sort_by_key(|(_, starts_at, _)| *starts_at);
    rights
}

#[test]
fn ten_days_at_one_credit_are_five_days_at_two() {
    let past = vec![paid(1, Tier::BASIC, 30, day(0), 1)];
    let granted = Grant {
        grant_id: grant_id(2),
        tier: Tier::PREMIUM,
        source: GrantSource::Credits,
        starts_at: day(20),
        ends_at: day(25),
        credits_per_day: 2,
        carry: 0,
        payments: vec![],
    };
    given(past)
        .when(change(2, Tier::BASIC, Tier::PREMIUM, 2, day(20)))
        .then_expect_events(vec![SubscriptionEvent::PlanChanged {
            at: day(20),
            from: Tier::BASIC,
            to: Tier::PREMIUM,
            cut: vec![GrantCut {
                grant_id: grant_id(1),
                ends_at: day(20),
            }],
            granted,
            leaves: Standing {
                tier: Tier::PREMIUM,
                ends_at: day(25),
            },
        }]);
}

#[test]
fn days_that_follow_are_changed_with_those_that_run() {
    let past = vec![
        paid(1, Tier::BASIC, 30, day(0), 1),
        paid(2, Tier::BASIC, 30, day(30), 1),
        given_away(GrantSource::Manual, 3, 365, day(0)),
    ];
    let changed = after(
        subscription(past),
        change(4, Tier::BASIC, Tier::ENTERPRISE, 4, day(20)),
    );
    assert!(rights(&changed, day(20)).contains(&(Tier::ENTERPRISE, day(20), day(30))));
    assert_eq!(tier_at(&changed, day(19)), Some(Tier::PREMIUM), "the past stays");
    assert_eq!(
        tier_at(&changed, day(31)),
        Some(Tier::PREMIUM),
        "what was given stays"
    );
}

#[test]
fn a_plan_is_changed_to_another_one_and_only_with_paid_days_left() {
    let past = vec![paid(1, Tier::BASIC, 30, day(0), 1)];
    refused(
        past.clone(),
        change(2, Tier::BASIC, Tier::BASIC, 1, day(1)),
        SubscriptionError::PlanUnchanged(Tier::BASIC),
    );
    for (tier, at) in [(Tier::BASIC, day(30)), (Tier::PREMIUM, day(1))] {
        refused(
            past.clone(),
            change(2, tier, Tier::ENTERPRISE, 1, at),
            SubscriptionError::NothingToChange(tier),
        );
    }
    refused(
        vec![given_away(GrantSource::Trial, 1, 7, day(0))],
        change(2, Tier::PREMIUM, Tier::ENTERPRISE, 1, day(1)),
        SubscriptionError::NothingToChange(Tier::PREMIUM),
    );
}

#[test]
fn paid_days_do_not_wait_for_the_end_of_a_trial() {
    let trial = vec![given_away(GrantSource::Trial, 1, 14, day(0))];
    let bought = after(subscription(trial), extend(2, 5, day(3)));
    let paid_days = (Tier::PREMIUM, day(3), day(8));
    assert!(
        rights(&bought, day(3)).contains(&paid_days),
        "not after the trial"
    );
    let deciding = |at| bought.entitlement(&founding_list(), at).unwrap().source;
    assert_eq!(deciding(day(2)), GrantSource::Trial);
    assert_eq!(
        deciding(day(4)),
        GrantSource::Credits,
        "paid days have no allowance by the day"
    );
    assert_eq!(
        deciding(day(9)),
        GrantSource::Trial,
        "what is left of it holds after them"
    );
    let again = after(bought, extend(3, 5, day(4)));
    assert!(rights(&again, day(4)).contains(&(Tier::PREMIUM, day(8), day(13))));
    let over = subscription(vec![given_away(GrantSource::Trial, 1, 14, day(0))]);
    let late = after(over, extend(2, 5, day(20)));
    assert!(rights(&late, day(20)).contains(&(Tier::PREMIUM, day(20), day(25))));
}

#[test]
fn time_stands_still_while_a_subscription_is_paused() {
    let past = vec![
        paid(1, Tier::PREMIUM, 30, day(0), 1),
        paid(2, Tier::PREMIUM, 10, day(30), 1),
    ];
    let paused = after(subscription(past), pause(day(12)));
    assert_eq!(paused.paused_at(), Some(day(12)));
    assert_eq!(tier_at(&paused, day(11)), Some(Tier::PREMIUM));
    let error = paused.entitlement(&founding_list(), day(13)).unwrap_err();
    assert_told(&error);
    assert_eq!(error, SubscriptionError::SubscriptionPaused(day(12)));
    let resumed = after(paused, resume(3, day(100)));
    assert_eq!(
        rights(&resumed, day(100)),
        [
            (Tier::PREMIUM, day(100), day(118)),
            (Tier::PREMIUM, day(118), day(128))
        ]
    );
    assert_eq!(tier_at(&resumed, day(99)), None);
    assert_eq!(tier_at(&resumed, day(5)), Some(Tier::PREMIUM));
}

#[test]
fn nothing_is_granted_changed_or_paused_while_time_stands_still() {
    let mut past = vec![paid(1, Tier::PREMIUM, 30, day(0), 1)];
    past.extend(subscription(past.clone()).decide(pause(day(12))).unwrap());
    let paused = SubscriptionError::SubscriptionPaused(day(12));
    for command in [
        pause(day(13)),
        extend(2, 30, day(13)),
        grant(2, Tier::BASIC, 30, day(13)),
        change(2, Tier::PREMIUM, Tier::BASIC, 1, day(13)),
    ] {
        refused(past.clone(), command, paused.clone());
    }
    // A store's time is the store's.
    let store = NewGrant {
        source: GrantSource::Store,
        credits_per_day: 0,
        ..new_grant(2, Tier::PREMIUM, 30, day(13))
    };
    let bought = after(subscription(past), SubscriptionCommand::Grant(store));
    assert_eq!(tier_at(&bought, day(14)), Some(Tier::PREMIUM));
    refused(
        vec![],
        resume(1, day(1)),
        SubscriptionError::SubscriptionNotPaused,
    );
    refused(vec![], pause(day(1)), SubscriptionError::SubscriptionNotFound);
    refused(
        vec![paid(1, Tier::BASIC, 1, day(0), 1)],
        pause(day(2)),
        SubscriptionError::SubscriptionExpired(day(1)),
    );
}

#[test]
fn a_store_goes_on_while_ours_stands_still() {
    let store = given_away(GrantSource::Store, 1, 30, day(0));
    for command in [pause(day(1)), cancel(CancelWhen::Now, day(1))] {
        refused(
            vec![store.clone()],
            command,
            SubscriptionError::SubscriptionOfStore,
        );
    }
    let own = paid(2, Tier::BASIC, 30, day(0), 1);
    let paused = after(subscription(vec![store, own]), pause(day(10)));
    assert_eq!(tier_at(&paused, day(11)), Some(Tier::PREMIUM));
}

#[test]
fn a_cancelled_subscription_gives_whole_paid_days_back() {
    let past = vec![
        paid(1, Tier::PREMIUM, 30, day(0), 2),
        given_away(GrantSource::Manual, 2, 90, day(0)),
    ];
    let at = hour(24 * 10 + 1);
    let cuts = [1, 2].map(|number| GrantCut {
        grant_id: grant_id(number),
        ends_at: at,
    });
    given(past.clone())
        .when(cancel(CancelWhen::Now, at))
        .then_expect_events(vec![SubscriptionEvent::SubscriptionCancelled {
            at,
            when: CancelWhen::Now,
            reason: "closed down".to_owned(),
            cut: cuts.to_vec(),
            // 19 days and 23 hours at two credits are 39.9 credits.
            returned: Credits(39),
            leaves: Standing {
                tier: Tier::PREMIUM,
                ends_at: at,
            },
        }]);
    let cancelled = after(subscription(past), cancel(CancelWhen::Now, at));
    assert_eq!(tier_at(&cancelled, at), None);
}

#[test]
fn a_subscription_that_is_cancelled_at_its_end_runs_until_then_and_renews_no_more() {
    let past = vec![
        paid(1, Tier::PREMIUM, 30, day(0), 1),
        SubscriptionEvent::AutoRenewalSet { days: Some(30) },
    ];
    let cancelled = after(subscription(past), cancel(CancelWhen::AtEnd, day(3)));
    assert_eq!(cancelled.auto_renewal(), None);
    assert_eq!(tier_at(&cancelled, day(29)), Some(Tier::PREMIUM));
}

#[test]
fn a_paused_subscription_gives_back_what_it_held() {
    let past = vec![paid(1, Tier::PREMIUM, 30, day(0), 1)];
    let paused = after(subscription(past), pause(day(10)));
    let events = paused.decide(cancel(CancelWhen::Now, day(500))).unwrap();
    let [SubscriptionEvent::SubscriptionCancelled { returned, .. }] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(*returned, Credits(20));
    let cancelled = after(paused, cancel(CancelWhen::Now, day(500)));
    assert_eq!(cancelled.paused_at(), None);
    let error = cancelled.decide(resume(9, day(501))).unwrap_err();
    assert_eq!(error, SubscriptionError::SubscriptionNotPaused);
}

fn payment(debit: u64, credits: i64) -> Payment {
    Payment {
        reseller_id: ResellerId(Uuid::from_u128(77)),
        debit,
        credits: Credits(credits),
    }
}

/// As [`paid`], with the debit that paid for it.
fn paid_by(debit: u64, days: u32, from: DateTime<Utc>, price: u32) -> SubscriptionEvent {
    let mut event = paid(debit.into(), Tier::PREMIUM, days, from, price);
    if let SubscriptionEvent::AccessGranted { payment: of, .. } = &mut event {
        *of = Some(payment(debit, i64::from(days) * i64::from(price)));
    }
    event
}

#[test]
fn what_comes_back_goes_to_the_debits_the_last_first() {
    let running = subscription(vec![paid_by(5, 30, day(0), 2), paid_by(9, 10, day(30), 3)]);
    let back = running.paid_back(day(20));
    assert_eq!(back.payments, [payment(9, 30), payment(5, 20)]);
    assert_eq!(back.unnamed, Credits(0));
    // Across a pause and a change of plan, the debits stay known.
    let resumed = after(after(running, pause(day(20))), resume(20, day(25)));
    assert_eq!(resumed.paid_back(day(25)), back);
    let changed = after(resumed, change(21, Tier::PREMIUM, Tier::BASIC, 1, day(25)));
    assert_eq!(changed.paid_back(day(25)), back);
    assert_eq!(changed.paid_back(day(65)).payments, [payment(9, 10)]);
}

#[test]
fn days_of_which_no_debit_is_known_come_back_apart() {
    let past = vec![paid(1, Tier::PREMIUM, 30, day(0), 1), paid_by(9, 10, day(30), 1)];
    let back = subscription(past).paid_back(day(20) + TimeDelta::hours(12));
    assert_eq!(back.payments, [payment(9, 10)]);
    assert_eq!(back.unnamed, Credits(9));
}

#[test]
fn no_more_comes_back_than_the_accounts_take() {
    let past = vec![paid_by(5, 30, day(0), 1)];
    let mut command = cancel(CancelWhen::Now, day(10));
    if let SubscriptionCommand::Cancel { returned, .. } = &mut command {
        *returned = Credits(3);
    }
    let events = subscription(past).decide(command).unwrap();
    let [SubscriptionEvent::SubscriptionCancelled { returned, .. }] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(*returned, Credits(3));
}

#[test]
fn what_has_ended_is_not_cancelled() {
    refused(
        vec![],
        cancel(CancelWhen::Now, day(1)),
        SubscriptionError::SubscriptionNotFound,
    );
    refused(
        vec![paid(1, Tier::BASIC, 1, day(0), 1)],
        cancel(CancelWhen::AtEnd, day(2)),
        SubscriptionError::SubscriptionExpired(day(1)),
    );
}

#[test]
fn whoever_pauses_resumes_or_cancels_says_why() {
    let past = vec![paid(1, Tier::BASIC, 30, day(0), 1)];
    let paused = subscription(past.clone()).decide(pause(day(1))).unwrap();
    let reason = " ".to_owned();
    let at = day(1);
    let commands = [
        (
            past.clone(),
            SubscriptionCommand::Pause {
                reason: reason.clone(),
                at,
            },
        ),
        (
            past.clone(),
            SubscriptionCommand::Cancel {
                when: CancelWhen::Now,
                reason: reason.clone(),
                returned: Credits(0),
                at,
            },
        ),
        (
            [past, paused].concat(),
            SubscriptionCommand::Resume {
                grant_id: grant_id(2),
                reason,
                at,
            },
        ),
    ];
    for (past, command) in commands {
        refused(past, command, SubscriptionError::InvalidReason);
    }
    let given = NewGrant {
        reason: Some(" ".to_owned()),
        ..new_grant(1, Tier::BASIC, 1, day(0))
    };
    refused(
        vec![],
        SubscriptionCommand::Grant(given),
        SubscriptionError::InvalidReason,
    );
}

#[test]
fn a_renewal_is_set_changed_and_switched_off() {
    let past = vec![paid(1, Tier::BASIC, 30, day(0), 1)];
    let set = |days| SubscriptionCommand::SetAutoRenewal { days };
    given(past.clone())
        .when(set(Some(30)))
        .then_expect_events(vec![SubscriptionEvent::AutoRenewalSet { days: Some(30) }]);
    given(past.clone()).when(set(None)).then_expect_events(vec![]);
    refused(past, set(Some(0)), SubscriptionError::InvalidPeriod);
    refused(vec![], set(Some(30)), SubscriptionError::SubscriptionNotFound);
}

#[test]
fn a_failed_renewal_is_counted_and_bridged() {
    let fail = |number, at| SubscriptionCommand::FailRenewal {
        code: "INSUFFICIENT_CREDITS".to_owned(),
        message: "30 credits are needed, 2 are available".to_owned(),
        retry_at: Some(day(30)),
        grace: Some(NewGrant {
            source: GrantSource::Grace,
            credits_per_day: 0,
            ..new_grant(number, Tier::BASIC, 3, at)
        }),
    };
    let failed = after(
        subscription(vec![paid(1, Tier::BASIC, 30, day(0), 1)]),
        fail(2, day(29)),
    );
    assert_eq!((failed.renewals_failed(), failed.ends_at()), (1, Some(day(33))));
    assert_eq!(failed.last_paid().unwrap().ends_at, day(30));
    let again = after(failed.clone(), fail(3, day(30)));
    assert_eq!(again.renewals_failed(), 2);
    // Grace is no gift: the paid days go on where they ended.
    let renewed = after(failed.clone(), extend(4, 30, day(31)));
    assert_eq!((renewed.renewals_failed(), renewed.ends_at()), (0, Some(day(60))));
    let late = after(failed, extend(4, 30, day(40)));
    assert_eq!(late.ends_at(), Some(day(70)));
}

proptest! {
    #[test]
    fn changing_there_and_back_at_one_instant_changes_nothing(
        days in prop::collection::vec(1..400_u32, 1..4),
        prices in (1..50_u32, 1..50_u32),
        elapsed in 0..86_400_000_000_i64,
    ) {
        let mut subscription = Subscription::default();
        let mut starts_at = day(0);
        for (number, days) in (1..).zip(days) {
            let event = paid(number, Tier::BASIC, days, starts_at, prices.0);
            starts_at += TimeDelta::days(days.into());
            subscription.evolve(event);
        }
        let at = day(0) + TimeDelta::microseconds(elapsed);
        let ends_at = subscription.ends_at();
        let there = change(90, Tier::BASIC, Tier::PREMIUM, prices.1, at);
        // A moment's worth buys nothing of a dearer tier.
        prop_assume!(subscription.decide(there.clone()).is_ok());
        let there = after(subscription.clone(), there);
        let back = after(there, change(91, Tier::PREMIUM, Tier::BASIC, prices.0, at));
        prop_assert_eq!(back.ends_at(), ends_at);
        prop_assert_eq!(rights(&back, at), vec![(Tier::BASIC, at, ends_at.unwrap())]);
        let worth = |of: &Subscription| Value::left(of.grants(), at);
        prop_assert_eq!(worth(&back), worth(&subscription));
    }

    #[test]
    fn no_change_of_plan_makes_or_loses_value(
        days in 1..400_u32,
        steps in prop::collection::vec((1..1_000_u32, 0..86_400_000_000_i64), 1..8),
    ) {
        let mut subscription = Subscription::default();
        subscription.evolve(paid(1, Tier::BASIC, days, day(0), 7));
        let (mut at, mut tier) = (day(0), Tier::BASIC);
        for (number, (price, elapsed)) in (2..).zip(steps) {
            at += TimeDelta::microseconds(elapsed);
            let to = if tier == Tier::BASIC { Tier::PREMIUM } else { Tier::BASIC };
            let before = Value::left(subscription.grants(), at);
            let Ok(events) = subscription.decide(change(number, tier, to, price, at)) else {
                return Ok(());
            };
            for event in events {
                subscription.evolve(event);
            }
            prop_assert_eq!(Value::left(subscription.grants(), at), before);
            tier = to;
        }
    }

    #[test]
    fn a_pause_keeps_every_microsecond(
        days in prop::collection::vec(1..100_u32, 1..4),
        before in 0..86_400_000_000_i64,
        paused in 0..8_640_000_000_000_i64,
    ) {
        let mut subscription = Subscription::default();
        let mut starts_at = day(0);
        for (number, days) in (1..).zip(days) {
            subscription.evolve(paid(number, Tier::PREMIUM, days, starts_at, 3));
            starts_at += TimeDelta::days(days.into());
        }
        let at = day(0) + TimeDelta::microseconds(before);
        let again = at + TimeDelta::microseconds(paused);
        let resumed = after(after(subscription.clone(), pause(at)), resume(50, again));
        let later = |(tier, from, to)| (tier, from + (again - at), to + (again - at));
        let moved: Vec<_> = rights(&subscription, at).into_iter().map(later).collect();
        prop_assert_eq!(rights(&resumed, again), moved);
        let worth = |of: &Subscription, at| Value::left(of.grants(), at);
        prop_assert_eq!(worth(&resumed, again), worth(&subscription, at));
    }
}
