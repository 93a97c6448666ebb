//! The periods of the books: calendar months in UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A calendar month in UTC, whatever the time zone of the reseller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(NaiveDate);

impl Period {
    /// The month that an instant falls into.
    pub fn of(at: DateTime<Utc>) -> Self {
        Self::of_day(at.date_naive())
    }

    /// The month of a day.
    pub fn of_day(day: NaiveDate) -> Self {
        Self(day.with_day(1).unwrap_or(day))
    }

    pub fn first_day(self) -> NaiveDate {
        self.0
    }

    /// The first instant that no longer belongs to it.
    pub fn end(self) -> DateTime<Utc> {
        self.next().0.and_time(NaiveTime::MIN).and_utc()
    }

    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add_months(Months::new(1)).unwrap_or(self.0))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no month: write year and month, for example 2026-11")]
pub struct InvalidPeriod(String);

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
            .ok()
            .map(Self)
            .filter(|period| period.to_string() == text)
            .ok_or_else(|| InvalidPeriod(text.chars().take(32).collect()))
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_ends_where_the_next_begins_in_utc() {
        let december = period("2026-12");
        assert_eq!(december.next(), period("2027-01"));
        assert_eq!(december.end().to_rfc3339(), "2027-01-01T00:00:00+00:00");
        assert_eq!(Period::of(december.end()), period("2027-01"));
        assert_eq!(
            Period::of("2026-12-31T23:59:59.999999Z".parse().unwrap()),
            december
        );
    }

    #[test]
    fn a_month_survives_its_text_and_nothing_else_is_one() {
        assert_eq!(period("2026-02").to_string(), "2026-02");
        for text in [
            "",
            "2026",
            "2026-2",
            "2026-13",
            "2026-00",
            "2026-11-01",
            "26-11",
            "+2026-11",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
