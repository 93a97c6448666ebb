//! The tiers on offer: published, changed from an instant on, retired.

use chrono::TimeDelta;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;

fn given(events: Vec<TierListEvent>) -> AggregateTestExecutor<TierList> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<TierListEvent>, command: TierListCommand, error: TierListError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code, kind and allowed values stand here.
#[track_caller]
fn assert_told(error: &TierListError) {
    let (code, kind, allowed) = match error {
        TierListError::TierNotFound { offered, .. } => {
            ("TIER_NOT_FOUND", RefusalKind::NotFound, offered.clone())
        }
        TierListError::InvalidName => ("INVALID_NAME", RefusalKind::Invalid, vec![]),
        TierListError::InvalidRank => ("INVALID_RANK", RefusalKind::Invalid, vec![]),
        TierListError::RankTaken(_) => ("RANK_TAKEN", RefusalKind::Conflict, vec![]),
        TierListError::InvalidPrice => ("INVALID_PRICE", RefusalKind::Invalid, vec![]),
        TierListError::InvalidLimits => ("INVALID_LIMITS", RefusalKind::Invalid, vec![]),
        TierListError::InvalidTrial => ("INVALID_TRIAL", RefusalKind::Invalid, vec![]),
        TierListError::NoTrial { offered, .. } => ("NO_TRIAL", RefusalKind::Conflict, offered.clone()),
        TierListError::EffectiveTooEarly { .. } => ("EFFECTIVE_TOO_EARLY", RefusalKind::Invalid, vec![]),
        TierListError::TooManyTiers => ("TOO_MANY_TIERS", RefusalKind::Conflict, vec![]),
        TierListError::TooManyVersions => ("TOO_MANY_VERSIONS", RefusalKind::Conflict, vec![]),
    };
    let facts = Facts {
        allowed,
        ..Facts::default()
    };
    assert_eq!((error.code(), error.kind(), error.facts()), (code, kind, facts));
}

fn day(days: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_454 + days)
}

fn founding(index: usize) -> (Tier, TierTerms) {
    founding::tiers()[index].clone()
}

fn published(tier: Tier, version: u32, terms: TierTerms, effective_at: DateTime<Utc>) -> TierListEvent {
    TierListEvent::TierPublished(TierPolicy {
        tier,
        version,
        name: terms.name,
        rank: terms.rank,
        credits_per_day: terms.credits_per_day,
        limits: terms.limits,
        effective_at,
    })
}

fn publish(tier: Tier, terms: TierTerms, effective_at: Option<DateTime<Utc>>) -> TierListCommand {
    TierListCommand::Publish {
        tier,
        terms,
        effective_at,
        at: day(10),
    }
}

/// The three founding tiers, from day 0 on.
pub(crate) fn founded() -> Vec<TierListEvent> {
    founding::tiers()
        .into_iter()
        .map(|(tier, terms)| published(tier, 1, terms, day(0)))
        .collect()
}

/// As a decision finds it.
pub(crate) fn founding_list() -> TierList {
    let mut list = TierList::default();
    for event in founded() {
        list.evolve(event);
    }
    list
}

/// The first version of a founding tier.
pub(crate) fn policy(tier: Tier) -> Arc<TierPolicy> {
    Arc::clone(founding_list().in_force(tier, day(0)).unwrap())
}

#[test]
fn the_founding_tiers_allow_what_customers_are_told() {
    let list = founding_list();
    let limits = |tier| list.in_force(tier, day(1)).unwrap().limits.clone();
    let (basic, premium, enterprise) = (
        limits(Tier::BASIC),
        limits(Tier::PREMIUM),
        limits(Tier::ENTERPRISE),
    );
    let told = |limits: &TierLimits| {
        (
            limits.upload_bytes_max / 1_000_000,
            limits.concurrent_jobs_max,
            limits.workflows_max,
            limits.storage_bytes_max.map(|bytes| bytes / 1_000_000_000),
            limits.translation_minutes_max,
        )
    };
    assert_eq!(told(&basic), (100, 2, Some(5), Some(5), Some(60)));
    assert_eq!(told(&premium), (500, 5, Some(20), Some(20), None));
    assert_eq!(told(&enterprise), (1_000, 10, None, Some(100), None));
    assert_eq!(
        [&basic, &premium, &enterprise].map(|limits| (limits.diarization, limits.separation)),
        [(false, false), (true, true), (true, true)]
    );
    let allows = |tier, model| list.in_force(tier, day(1)).unwrap().allows_model(model);
    assert!(allows(Tier::BASIC, "base") && !allows(Tier::BASIC, "small"));
    assert!(allows(Tier::PREMIUM, "medium") && !allows(Tier::PREMIUM, "large-v3"));
    assert!(allows(Tier::ENTERPRISE, "large-v3"));
}

#[test]
fn a_tier_is_added_and_a_version_follows_the_one_before() {
    let (_, mut terms) = founding(1);
    terms.rank = 25;
    let gold: Tier = "gold".parse().unwrap();
    given(founded())
        .when(publish(gold, terms.clone(), None))
        .then_expect_events(vec![published(gold, 1, terms, day(10))]);
    let (tier, mut terms) = founding(1);
    terms.limits.concurrent_jobs_max = 7;
    given(founded())
        .when(publish(tier, terms.clone(), Some(day(30))))
        .then_expect_events(vec![published(tier, 2, terms, day(30))]);
}

#[test]
fn a_version_holds_from_its_instant_on_for_all_who_have_the_tier() {
    let mut list = founding_list();
    let (tier, mut terms) = founding(1);
    terms.limits.concurrent_jobs_max = 7;
    list.evolve(published(tier, 2, terms, day(30)));
    let jobs = |at| list.in_force(tier, at).unwrap().limits.concurrent_jobs_max;
    assert_eq!(jobs(day(30) - TimeDelta::microseconds(1)), 5);
    assert_eq!(jobs(day(30)), 7);
    assert_eq!(jobs(day(-1)), 5, "before the first version the first one holds");
}

#[test]
fn publishing_what_holds_already_changes_nothing() {
    let (tier, terms) = founding(0);
    given(founded())
        .when(publish(tier, terms, None))
        .then_expect_events(vec![]);
}

#[test]
fn a_retired_tier_is_no_longer_offered_and_stays_what_it_was() {
    given(founded())
        .when(TierListCommand::Retire { tier: Tier::PREMIUM })
        .then_expect_events(vec![TierListEvent::TierRetired { tier: Tier::PREMIUM }]);
    let mut list = founding_list();
    list.evolve(TierListEvent::TierRetired { tier: Tier::PREMIUM });
    let error = list.offered(Tier::PREMIUM, day(1)).unwrap_err();
    assert_told(&error);
    assert_eq!(
        error.to_string(),
        "there is no tier premium on offer: choose one of basic, enterprise"
    );
    assert!(list.known(Tier::PREMIUM, day(1)).is_ok());
    assert!(list.known("gold".parse().unwrap(), day(1)).is_err());
}

#[test]
fn a_retired_tier_is_offered_again_when_it_is_published() {
    let (tier, terms) = founding(1);
    let mut past = founded();
    past.push(TierListEvent::TierRetired { tier });
    given(past)
        .when(publish(tier, terms.clone(), None))
        .then_expect_events(vec![published(tier, 2, terms, day(10))]);
}

#[test]
fn only_what_is_offered_is_retired() {
    let offered = vec!["basic".to_owned(), "enterprise".to_owned(), "premium".to_owned()];
    let gold = "gold".parse().unwrap();
    let error = TierListError::TierNotFound { tier: gold, offered };
    refused(founded(), TierListCommand::Retire { tier: gold }, error);
}

#[test]
fn terms_that_break_a_rule_are_refused() {
    type Spoil = fn(&mut TierTerms);
    let spoilt: [(Spoil, TierListError); 10] = [
        (|terms| terms.name = " ".to_owned(), TierListError::InvalidName),
        (|terms| terms.rank = RANK_MAX + 1, TierListError::InvalidRank),
        (|terms| terms.rank = 20, TierListError::RankTaken(Tier::PREMIUM)),
        (|terms| terms.credits_per_day = 0, TierListError::InvalidPrice),
        (
            |terms| terms.credits_per_day = CREDITS_PER_DAY_MAX + 1,
            TierListError::InvalidPrice,
        ),
        (
            |terms| terms.limits.upload_bytes_max = 0,
            TierListError::InvalidLimits,
        ),
        (
            |terms| terms.limits.storage_bytes_max = Some(u64::MAX),
            TierListError::InvalidLimits,
        ),
        (
            |terms| terms.limits.models = Some(vec![String::new()]),
            TierListError::InvalidLimits,
        ),
        (
            |terms| terms.limits.trial = Some(trial(TRIAL_DAYS_MAX + 1, 15)),
            TierListError::InvalidTrial,
        ),
        (
            |terms| terms.limits.trial = Some(trial(14, 0)),
            TierListError::InvalidTrial,
        ),
    ];
    for (spoil, error) in spoilt {
        let (tier, mut terms) = founding(0);
        spoil(&mut terms);
        refused(founded(), publish(tier, terms, None), error);
    }
}

fn trial(days: u32, audio_minutes_per_day: u32) -> TrialTerms {
    TrialTerms {
        days,
        audio_minutes_per_day,
    }
}

#[test]
fn what_can_be_tried_is_told_to_whoever_tries_what_cannot() {
    let list = founding_list();
    assert_eq!(list.trial(Tier::PREMIUM, day(1)).ok(), Some(trial(14, 15)));
    let error = list.trial(Tier::BASIC, day(1)).unwrap_err();
    assert_told(&error);
    assert_eq!(
        error.to_string(),
        "the tier basic cannot be tried: choose one of premium"
    );
    let unknown = "gold".parse().unwrap();
    assert_eq!(list.trial(unknown, day(1)).unwrap_err().code(), "TIER_NOT_FOUND");
}

#[test]
fn nothing_is_changed_for_the_past_or_before_the_version_before() {
    let (tier, mut terms) = founding(0);
    terms.limits.concurrent_jobs_max = 3;
    let error = TierListError::EffectiveTooEarly { earliest: day(10) };
    refused(founded(), publish(tier, terms.clone(), Some(day(9))), error);
    let mut past = founded();
    past.push(published(tier, 2, founding(0).1, day(40)));
    let earliest = day(40) + TimeDelta::microseconds(1);
    let error = TierListError::EffectiveTooEarly { earliest };
    refused(past, publish(tier, terms, Some(day(20))), error);
}

#[test]
fn the_list_is_bounded() {
    let (_, terms) = founding(0);
    let past: Vec<_> = (0..TIERS_MAX)
        .map(|number| {
            let tier = format!("t{number}").parse().unwrap();
            let mut terms = terms.clone();
            terms.rank = number.try_into().unwrap();
            published(tier, 1, terms, day(0))
        })
        .collect();
    let mut more = terms.clone();
    more.rank = 999;
    refused(
        past,
        publish("more".parse().unwrap(), more.clone(), None),
        TierListError::TooManyTiers,
    );
    let past: Vec<_> = (1..)
        .take(VERSIONS_MAX)
        .map(|version| published(Tier::BASIC, version, terms.clone(), day(0)))
        .collect();
    refused(
        past,
        publish(Tier::BASIC, more, None),
        TierListError::TooManyVersions,
    );
}
