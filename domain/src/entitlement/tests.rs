//! One decision for every feature: yes, no, how much, until when, and why.

use std::str::FromStr;

use proptest::prelude::*;
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::*;
use crate::ids::{GrantId, JobId, RecordingId};
use crate::subscription::{Grant, GrantSource};
use crate::tier::Tier;
use crate::tier_list::tests::policy;
use crate::usage::UsageEvent;

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn tiers() -> TierList {
    let policies = [Tier::BASIC, Tier::PREMIUM, Tier::ENTERPRISE].map(|tier| (*policy(tier)).clone());
    policies.into_iter().collect()
}

fn grant(number: u128, tier: Tier, source: GrantSource) -> Grant {
    Grant {
        grant_id: GrantId(Uuid::from_u128(number)),
        tier,
        source,
        starts_at: noon() - chrono::TimeDelta::days(1),
        ends_at: noon() + chrono::TimeDelta::days(29),
        credits_per_day: 1,
        carry: 0,
        payments: vec![],
    }
}

fn used(events: impl IntoIterator<Item = UsageEvent>) -> Usage {
    let mut usage = Usage::default();
    for event in events {
        cqrs_es::Aggregate::apply(&mut usage, event);
    }
    usage
}

/// What is asked of a customer with one grant.
struct Customer {
    bar: Option<Bar>,
    subscription: Subscription,
    tiers: TierList,
    usage: Usage,
    workflows: u64,
    running_jobs: u64,
}

impl Customer {
    fn of(tier: Tier) -> Self {
        Self {
            bar: None,
            subscription: [grant(1, tier, GrantSource::Credits)].into_iter().collect(),
            tiers: tiers(),
            usage: Usage::default(),
            workflows: 0,
            running_jobs: 0,
        }
    }

    fn ask(&self, question: Question<'_>) -> Answer {
        let subject = Subject {
            bar: self.bar.as_ref(),
            subscription: &self.subscription,
            tiers: &self.tiers,
            usage: &self.usage,
            workflows: self.workflows,
            running_jobs: self.running_jobs,
        };
        entitlement(&subject, &question, noon())
    }
}

/// Code, words, and the figures for programs.
#[track_caller]
fn denied(answer: &Answer, code: &str, words: &str, figures: (Option<i64>, Option<i64>)) {
    let denial = answer.clone().allowed().unwrap_err();
    let facts = denial.facts();
    assert_eq!((denial.code(), denial.to_string().as_str()), (code, words));
    assert_eq!((facts.needed, facts.available), figures);
}

#[test]
fn an_answer_names_the_limit_and_the_grant_that_decided() {
    let customer = Customer {
        workflows: 3,
        ..Customer::of(Tier::BASIC)
    };
    let answer = customer.ask(Question::of(Feature::Workflows, 1));
    assert!(answer.is_allowed());
    assert_eq!(
        (answer.limit, answer.used, answer.remaining(), answer.resets_at),
        (Some(5), Some(3), Some(2), None)
    );
    let deciding = answer.deciding.unwrap();
    assert_eq!(
        (deciding.grant_id.0, deciding.source, deciding.tier_version),
        (Uuid::from_u128(1), GrantSource::Credits, 1)
    );
    assert_eq!(
        (answer.code(), answer.to_string().as_str()),
        (
            "ALLOWED",
            "the basic tier allows 5 workflows and 3 workflows are in use"
        )
    );
}

#[test]
fn the_highest_grant_decides() {
    let grants = [
        grant(1, Tier::BASIC, GrantSource::Credits),
        grant(2, Tier::PREMIUM, GrantSource::Store),
    ];
    let customer = Customer {
        subscription: grants.into_iter().collect(),
        ..Customer::of(Tier::BASIC)
    };
    let answer = customer.ask(Question::model("medium"));
    assert!(answer.is_allowed());
    assert_eq!(
        answer.to_string(),
        "the model \"medium\" is part of the premium tier"
    );
    assert_eq!(answer.deciding.unwrap().source, GrantSource::Store);
}

#[test]
fn what_is_full_is_refused_with_figures_and_remedy() {
    let recording_id = RecordingId(Uuid::from_u128(4));
    let bytes = 4_999_000_000;
    let customer = Customer {
        usage: used([UsageEvent::StorageTaken { recording_id, bytes }]),
        workflows: 5,
        running_jobs: 2,
        ..Customer::of(Tier::BASIC)
    };
    assert!(
        customer
            .ask(Question::of(Feature::StorageBytes, 1_000_000))
            .is_allowed()
    );
    denied(
        &customer.ask(Question::of(Feature::StorageBytes, 1_000_001)),
        "STORAGE_FULL",
        "the basic tier keeps 5000 MB of recordings, 4999 MB are taken and this one has 2 MB: remove recordings, \
         or ask your reseller for a higher tier",
        (Some(5_000_000_001), Some(5_000_000_000)),
    );
    denied(
        &customer.ask(Question::of(Feature::Workflows, 1)),
        "TOO_MANY_WORKFLOWS",
        "the basic tier allows 5 workflows and you have 5: remove one, or ask your reseller for a higher tier",
        (Some(6), Some(5)),
    );
    denied(
        &customer.ask(Question::of(Feature::ConcurrentJobs, 1)),
        "TOO_MANY_JOBS",
        "the basic tier runs 2 jobs at one time and 2 run: wait until one ends, or ask your reseller for a higher \
         tier",
        (Some(3), Some(2)),
    );
    denied(
        &customer.ask(Question::of(Feature::UploadBytes, 100_000_001)),
        "FILE_TOO_LARGE",
        "the recording is larger than the 100 MB that the basic tier allows: send a shorter or a compressed one, or \
         ask your reseller for a higher tier",
        (Some(100_000_001), Some(100_000_000)),
    );
}

#[test]
fn what_the_tier_lacks_is_refused_with_what_it_has() {
    let customer = Customer::of(Tier::BASIC);
    let model = customer.ask(Question::model("small"));
    denied(
        &model,
        "MODEL_NOT_IN_TIER",
        "the model \"small\" is not part of the basic tier: choose one of tiny, base, or ask your reseller for a \
         higher tier",
        (None, None),
    );
    assert_eq!(model.allowed().unwrap_err().facts().allowed, ["tiny", "base"]);
    denied(
        &customer.ask(Question::of(Feature::Diarization, 1)),
        "DIARIZATION_NOT_IN_TIER",
        "telling speakers apart is not part of the basic tier: leave it out, or ask your reseller for a higher tier",
        (None, None),
    );
    let mut without = (*policy(Tier::BASIC)).clone();
    without.limits.translation_minutes_max = Some(0);
    let customer = Customer {
        tiers: [without].into_iter().collect(),
        ..customer
    };
    denied(
        &customer.ask(Question::of(Feature::TranslationSeconds, 1)),
        "TRANSLATION_NOT_IN_TIER",
        "translation is not part of the basic tier: transcribe, or ask your reseller for a higher tier",
        (None, None),
    );
}

#[test]
fn a_month_of_translation_ends_with_the_month() {
    let metered = |number, audio_ms, at| UsageEvent::SpeechMetered {
        job_id: JobId(Uuid::from_u128(number)),
        audio_ms,
        translated: true,
        at,
    };
    let october = noon() - chrono::TimeDelta::days(30);
    let customer = Customer {
        usage: used([metered(1, 9_000_000, october), metered(2, 3_500_000, noon())]),
        ..Customer::of(Tier::BASIC)
    };
    let fits = customer.ask(Question::speech(Feature::TranslationSeconds, 100_000));
    assert!(fits.is_allowed());
    assert_eq!(
        (fits.used, fits.remaining(), fits.resets_at),
        (
            Some(3_500),
            Some(100),
            Some("2026-12-01T00:00:00Z".parse().unwrap())
        )
    );
    denied(
        &customer.ask(Question::speech(Feature::TranslationSeconds, 100_001)),
        "TRANSLATION_USED_UP",
        "the basic tier has 60 minutes of translation in a month, 58:20 minutes of translation are used or set aside \
         and this one has 1:41 minutes of translation: wait until 2026-12-01 00:00 UTC, or ask your reseller for a \
         higher tier",
        (Some(3_601), Some(3_600)),
    );
}

#[test]
fn without_a_grant_nothing_is_allowed() {
    let customer = Customer {
        subscription: Subscription::default(),
        ..Customer::of(Tier::BASIC)
    };
    for feature in Feature::iter() {
        let answer = customer.ask(Question::of(feature, 1));
        assert_eq!(answer.code(), "SUBSCRIPTION_NOT_FOUND", "{feature:?}");
        assert_eq!((answer.deciding, answer.limit), (None, None));
    }
    let nowhere = Tier::from_str("nowhere").unwrap();
    let customer = Customer {
        subscription: [grant(1, nowhere, GrantSource::Manual)].into_iter().collect(),
        ..customer
    };
    assert_eq!(
        customer.ask(Question::of(Feature::Workflows, 1)).code(),
        "TIER_NOT_FOUND"
    );
}

#[test]
fn whoever_is_barred_is_told_why() {
    let refusal = crate::tenant::TenantError::CustomerSuspended;
    let customer = Customer {
        bar: Some(Bar::of(&refusal)),
        ..Customer::of(Tier::ENTERPRISE)
    };
    let answer = customer.ask(Question::of(Feature::Workflows, 1));
    assert_eq!(
        (answer.code(), answer.to_string()),
        ("CUSTOMER_SUSPENDED", refusal.to_string())
    );
}

/// Fifteen minutes in any 24 hours.
#[test]
fn a_trial_has_an_allowance_by_the_day() {
    let heard = |hours: i64, minutes: u64| UsageEvent::SpeechMetered {
        job_id: JobId(Uuid::new_v4()),
        audio_ms: minutes * 60_000,
        translated: false,
        at: noon() - chrono::TimeDelta::hours(hours),
    };
    let tries = |usage| Customer {
        subscription: [grant(1, Tier::PREMIUM, GrantSource::Trial)]
            .into_iter()
            .collect(),
        usage,
        ..Customer::of(Tier::PREMIUM)
    };
    let customer = tries(used([heard(30, 15), heard(20, 6), heard(2, 4)]));
    let left = customer.ask(Question::of(Feature::AudioSeconds, 300));
    assert!(
        left.is_allowed(),
        "what was heard before counts no longer: {left}"
    );
    assert_eq!(
        (left.limit, left.used, left.span),
        (Some(900), Some(600), Some(CountedSpan::Day))
    );
    let more = customer.ask(Question::of(Feature::AudioSeconds, 301));
    assert_eq!(more.code(), "AUDIO_USED_UP");
    // When the six minutes are a day ago there is room.
    let free = noon() + chrono::TimeDelta::hours(4) + chrono::TimeDelta::minutes(1);
    assert_eq!(more.resets_at, Some(free));
    assert_eq!(
        more.to_string(),
        "the trial of the premium tier has 15 minutes of speech in 24 hours, 10 minutes of speech are used or set \
         aside and this one has 5:01 minutes of speech: wait until 2026-11-21 16:01 UTC, or ask your reseller for \
         paid days"
    );
    let paid = Customer {
        subscription: [
            grant(1, Tier::PREMIUM, GrantSource::Trial),
            grant(2, Tier::PREMIUM, GrantSource::Credits),
        ]
        .into_iter()
        .collect(),
        ..customer
    };
    let answer = paid.ask(Question::of(Feature::AudioSeconds, 100_000));
    assert!(answer.is_allowed(), "{answer}");
    assert_eq!(answer.limit, None);
}

proptest! {
    /// What is left may be used, and not one more.
    #[test]
    fn what_remains_is_exactly_what_is_allowed(
        stored in 0_u64..6_000_000_000,
        workflows in 0_u64..8,
        running_jobs in 0_u64..4,
        minutes in 0_u64..80,
    ) {
        let recording_id = RecordingId(Uuid::from_u128(4));
        let customer = Customer {
            usage: used([
                UsageEvent::StorageTaken { recording_id, bytes: stored },
                UsageEvent::SpeechMetered {
                    job_id: JobId(Uuid::from_u128(5)), audio_ms: minutes * 60_000, translated: true, at: noon(),
                },
            ]),
            workflows,
            running_jobs,
            ..Customer::of(Tier::BASIC)
        };
        for feature in Feature::iter() {
            let answer = customer.ask(Question::of(feature, 0));
            if let Some(left) = answer.remaining() {
                prop_assert!(customer.ask(Question::of(feature, left)).is_allowed());
                prop_assert!(!customer.ask(Question::of(feature, left + 1)).is_allowed());
            }
        }
    }
}
