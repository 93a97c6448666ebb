//! What customers are told that each tier allows.

use strum::IntoEnumIterator;

use super::*;

#[test]
fn each_tier_has_its_limits() {
    let limits: Vec<_> = Tier::iter()
        .map(Tier::policy)
        .map(|policy| {
            (
                policy.tier,
                policy.upload_bytes_max,
                policy.concurrent_jobs_max,
                policy.translation,
            )
        })
        .collect();
    assert_eq!(
        limits,
        [
            (Tier::Basic, 100_000_000, 2, false),
            (Tier::Premium, 500_000_000, 5, true),
            (Tier::Enterprise, 1_000_000_000, 10, true),
        ]
    );
}

#[test]
fn a_higher_tier_allows_whatever_a_lower_one_does() {
    let tiers: Vec<_> = Tier::iter().collect();
    for pair in tiers.windows(2) {
        let (lower, higher) = (pair[0].policy(), pair[1].policy());
        assert!(lower.tier < higher.tier);
        assert!(lower.upload_bytes_max <= higher.upload_bytes_max);
        assert!(lower.concurrent_jobs_max <= higher.concurrent_jobs_max);
        assert!(lower.translation <= higher.translation);
        assert!(
            lower
                .models()
                .unwrap_or_default()
                .iter()
                .all(|model| higher.allows_model(model))
        );
    }
}

#[test]
fn only_the_highest_tier_allows_every_model() {
    assert!(Tier::Basic.policy().allows_model("base"));
    assert!(!Tier::Basic.policy().allows_model("small"));
    assert!(Tier::Premium.policy().allows_model("medium"));
    assert!(!Tier::Premium.policy().allows_model("large-v3"));
    assert!(Tier::Enterprise.policy().allows_model("large-v3"));
    assert_eq!(Tier::Enterprise.policy().models(), None);
}

#[test]
fn a_tier_is_called_the_same_in_the_log_and_in_the_interfaces() {
    for (tier, name) in Tier::iter().zip(["basic", "premium", "enterprise"]) {
        assert_eq!(tier.as_ref(), name);
        assert_eq!(name.parse(), Ok(tier));
        assert_eq!(serde_json::to_value(tier).unwrap(), name);
    }
}
