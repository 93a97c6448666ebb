//! Currencies: how many decimals one has, how amounts become whole minor units, and how they are written.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// Decimals of a currency's main unit (ISO 4217).
pub fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// An amount of the main unit in minor units, rounded half away from zero: an amount and its negative stay
/// each other's negatives. `None` where it is too large.
pub fn to_minor(amount: Decimal, currency: &str) -> Option<i64> {
    let factor = Decimal::from(10_u64.checked_pow(minor_digits(currency))?);
    rounded(amount.checked_mul(factor)?)
}

/// A share of an amount in minor units, rounded half away from zero. `None` where it is too large.
pub fn share(amount_minor: i64, rate: Decimal) -> Option<i64> {
    rounded(Decimal::from(amount_minor).checked_mul(rate)?)
}

fn rounded(amount: Decimal) -> Option<i64> {
    amount
        .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
        .to_i64()
}

/// An amount for people: 766 minor units of EUR are "7.66 EUR".
pub fn shown(amount_minor: i64, currency: &str) -> String {
    format!(
        "{} {currency}",
        Decimal::new(amount_minor, minor_digits(currency))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_become_the_currencys_own_minor_units() {
        for (amount, currency, minor) in [
            ("19.99", "EUR", 1_999),
            ("-19.99", "EUR", -1_999),
            ("0.125", "USD", 13),
            ("-0.125", "USD", -13),
            ("1200", "JPY", 1_200),
            ("1.2345", "KWD", 1_235),
        ] {
            assert_eq!(
                to_minor(decimal(amount), currency),
                Some(minor),
                "{amount} {currency}"
            );
        }
        assert_eq!(to_minor(decimal("99999999999999999999"), "EUR"), None);
    }

    #[test]
    fn a_share_of_a_refund_is_the_negative_of_that_of_the_sale() {
        assert_eq!(share(1_999, decimal("0.19")), Some(380));
        assert_eq!(share(-1_999, decimal("0.19")), Some(-380));
        assert_eq!(share(50, decimal("0.01")), Some(1));
        assert_eq!(share(-50, decimal("0.01")), Some(-1));
    }

    #[test]
    fn an_amount_is_written_with_the_decimals_of_its_currency() {
        for (minor, currency, told) in [
            (766, "EUR", "7.66 EUR"),
            (-5, "USD", "-0.05 USD"),
            (1_200, "JPY", "1200 JPY"),
            (1_235, "KWD", "1.235 KWD"),
            (0, "EUR", "0.00 EUR"),
        ] {
            assert_eq!(shown(minor, currency), told);
        }
    }
}
