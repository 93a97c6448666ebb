//! Rates from 0 to 1 with at most six decimals, and rounding half to even.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Millionths in one.
pub const MICRO: i64 = 1_000_000;

/// A share from nothing to everything, exact to a millionth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    micro: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no rate: a rate lies between 0 and 1 with at most 6 decimals, for example 0.20 for 20 %")]
pub struct InvalidRate(pub Decimal);

impl Rate {
    pub const ZERO: Self = Self { micro: 0 };

    pub fn decimal(self) -> Decimal {
        Decimal::new(self.micro.into(), 6).normalize()
    }

    pub fn is_zero(self) -> bool {
        self.micro == 0
    }

    /// For people: "20 %".
    pub fn percent(self) -> String {
        let percent = Decimal::new(self.micro.into(), 4).normalize();
        format!("{percent} %")
    }

    /// The share of an amount, rounded half to even, and what rounding left off in millionths: the amount times
    /// the rate is the one and the other.
    pub fn share_of(self, amount_minor: i64) -> (i64, i64) {
        let exact = i128::from(amount_minor) * i128::from(self.micro);
        let share = half_even(exact, i128::from(MICRO));
        let remainder = exact - share * i128::from(MICRO);
        (narrow(share), narrow(remainder))
    }
}

/// `amount * part / whole`, rounded half to even; nothing of nothing.
pub fn proportion(amount: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    narrow(half_even(
        i128::from(amount) * i128::from(part),
        i128::from(whole),
    ))
}

/// Shares of 64-bit amounts fit into 64 bits.
fn narrow(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

/// `dividend / divisor`, rounded half to even. The divisor is positive.
fn half_even(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let up = match (rest * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient.rem_euclid(2) == 1,
        std::cmp::Ordering::Greater => true,
    };
    quotient + i128::from(up)
}

impl TryFrom<Decimal> for Rate {
    type Error = InvalidRate;

    fn try_from(rate: Decimal) -> Result<Self, InvalidRate> {
        let normal = rate.normalize();
        let in_range = (Decimal::ZERO..=Decimal::ONE).contains(&normal);
        if !in_range || normal.scale() > 6 {
            return Err(InvalidRate(rate));
        }
        // At most six decimals, so rescaling to six is exact.
        let mut micro = normal;
        micro.rescale(6);
        u32::try_from(micro.mantissa())
            .map(|micro| Self { micro })
            .map_err(|_| InvalidRate(rate))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal().fmt(f)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Decimal as Deserialize>::deserialize(deserializer)?
            .try_into()
            .map_err(serde::de::Error::custom)
    }
}
