//! Rates, rounding, and splits over chains of parents.

use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;

fn rate(text: &str) -> Rate {
    Rate::try_from(text.parse::<Decimal>().unwrap()).unwrap()
}

#[test]
fn a_rate_lies_between_nothing_and_everything() {
    for (text, told) in [
        ("0", "0"),
        ("1", "1"),
        ("0.20", "0.2"),
        ("0.123456", "0.123456"),
        ("0.5000000000", "0.5"),
    ] {
        assert_eq!(rate(text).to_string(), told);
    }
    for text in ["-0.01", "1.000001", "20", "0.1234567", "-1"] {
        let decimal: Decimal = text.parse().unwrap();
        assert_eq!(Rate::try_from(decimal), Err(InvalidRate(decimal)), "{text}");
        assert!(serde_json::from_value::<Rate>(text.into()).is_err());
    }
    assert_eq!(rate("0.125").percent(), "12.5 %");
    assert_eq!(rate("1").percent(), "100 %");
    let text = serde_json::to_string(&rate("0.20")).unwrap();
    assert_eq!(text, "\"0.2\"");
    assert_eq!(serde_json::from_str::<Rate>(&text).unwrap(), rate("0.2"));
}

#[test]
fn halves_are_rounded_to_the_even_number() {
    for (amount, share, remainder) in [
        (1, 0, 500_000),
        (3, 2, -500_000),
        (5, 2, 500_000),
        (-1, 0, -500_000),
        (-3, -2, 500_000),
        (4, 2, 0),
    ] {
        assert_eq!(rate("0.5").share_of(amount), (share, remainder), "{amount}");
    }
    assert_eq!(proportion(100, 1, 3), 33);
    assert_eq!(proportion(100, 2, 3), 67);
    assert_eq!(proportion(5, 1, 0), 0);
    assert_eq!(rate("1").share_of(i64::MAX), (i64::MAX, 0));
}

fn party(number: u128, share: &str) -> Party {
    Party {
        reseller_id: ResellerId(Uuid::from_u128(number)),
        contract_version: 1,
        parent_share: rate(share),
    }
}

#[test]
fn a_parent_without_a_share_ends_the_chain() {
    let agreement = Agreement {
        seller: party(1, "0.5"),
        basis: Basis::Gross,
        rate: rate("0.1"),
        volume: None,
        parents: vec![party(2, "0"), party(3, "0.5")],
    };
    let amounts = Amounts {
        gross_minor: 1_000,
        ..Amounts::default()
    };
    let told: Vec<i64> = lines(&agreement, amounts)
        .iter()
        .map(|line| line.figures.amount_minor)
        .collect();
    assert_eq!(told, [50, 50]);
}

proptest! {
    #[test]
    fn the_parts_of_a_split_are_the_whole(
        gross in 1..1_000_000_000_i64,
        share in 0..=1_000_000_i64,
        shares in prop::collection::vec(0..=1_000_000_i64, 1..8),
    ) {
        let text = |micro: i64| Decimal::new(micro, 6).to_string();
        let parents = (2_u128..).zip(&shares).map(|(number, share)| party(number, &text(*share))).collect();
        let agreement = Agreement {
            seller: party(1, &text(shares[0])),
            basis: Basis::Gross,
            rate: rate(&text(share)),
            volume: None,
            parents,
        };
        let lines = lines(&agreement, Amounts { gross_minor: gross, ..Amounts::default() });
        let whole = lines[0].figures.gained_minor;
        prop_assert_eq!(lines.iter().map(|line| line.figures.amount_minor).sum::<i64>(), whole);
        prop_assert!(lines.iter().all(|line| line.figures.amount_minor >= 0));
        let exact = i128::from(gross) * i128::from(share);
        let told = i128::from(whole) * 1_000_000 + i128::from(rounding_micro(&lines));
        prop_assert_eq!(told, exact);
        prop_assert!(rounding_micro(&lines).abs() <= 500_000, "never more than half a minor unit");
    }
}
