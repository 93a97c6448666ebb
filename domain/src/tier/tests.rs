//! A tier's code.

use super::*;

#[test]
fn a_tier_is_called_the_same_in_the_log_and_in_the_interfaces() {
    for (tier, name) in [
        (Tier::BASIC, "basic"),
        (Tier::PREMIUM, "premium"),
        (Tier::ENTERPRISE, "enterprise"),
    ] {
        assert_eq!((tier.as_ref(), tier.to_string().as_str()), (name, name));
        assert_eq!(name.parse(), Ok(tier));
        assert_eq!(serde_json::to_value(tier).unwrap(), name);
        assert_eq!(serde_json::from_value::<Tier>(name.into()).unwrap(), tier);
    }
}

#[test]
fn a_code_is_short_and_plain() {
    for code in ["a", "gold-2027", "abcdefghijklmnopqrstuvwx"] {
        assert_eq!(code.parse::<Tier>().unwrap().as_ref(), code);
    }
    for code in [
        "",
        "Basic",
        "gold 2027",
        "über",
        "a\0b",
        "abcdefghijklmnopqrstuvwxy",
    ] {
        assert_eq!(code.parse::<Tier>(), Err(InvalidTier), "{code:?}");
        assert!(serde_json::from_value::<Tier>(code.into()).is_err());
    }
}
