//! Days and months where somebody is.

use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// From `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

/// By what figures are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Day,
    Month,
}

impl Step {
    /// The first day of the step that a day is in.
    fn first_of(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day,
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }

    fn after(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => first.checked_add_days(Days::new(1)),
            Self::Month => first.checked_add_months(Months::new(1)),
        }
    }
}

impl Span {
    /// The month that `now` falls into. A zone that is not known counts as UTC.
    pub fn month_of(now: DateTime<Utc>, time_zone: &str) -> Self {
        let zone = zone(time_zone);
        let first = Step::Month.first_of(now.with_timezone(&zone).date_naive());
        let next = Step::Month.after(first).unwrap_or(first);
        Self {
            start: midnight(first, zone),
            end: midnight(next, zone),
        }
    }

    /// The days or months from the one that `from` is in up to, not including, the day `to`. They are counted no
    /// further than one more than `most`.
    pub fn steps(from: NaiveDate, to: NaiveDate, by: Step, time_zone: &str, most: usize) -> Vec<Self> {
        let zone = zone(time_zone);
        let mut steps = Vec::new();
        let mut first = by.first_of(from);
        while first < to && steps.len() <= most {
            let Some(next) = by.after(first) else { break };
            steps.push(Self {
                start: midnight(first, zone),
                end: midnight(next, zone),
            });
            first = next;
        }
        steps
    }
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// The first instant of a day. Where the clock skips midnight, the day begins when the skip ends.
fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let mut local = day.and_time(NaiveTime::MIN);
    let next_day = local + Days::new(1);
    while local < next_day {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => return instant.to_utc(),
            LocalResult::None => local += TimeDelta::minutes(15),
        }
    }
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(now: &str, zone: &str) -> (String, String) {
        let month = Span::month_of(now.parse().unwrap(), zone);
        (month.start.to_rfc3339(), month.end.to_rfc3339())
    }

    #[test]
    fn a_month_begins_at_midnight_where_the_reseller_is() {
        let berlin = month("2026-10-31T23:30:00Z", "Europe/Berlin");
        assert_eq!(
            berlin,
            (
                "2026-10-31T23:00:00+00:00".into(),
                "2026-11-30T23:00:00+00:00".into()
            )
        );
        let new_york = month("2026-11-01T03:59:59Z", "America/New_York");
        assert_eq!(
            new_york,
            (
                "2026-10-01T04:00:00+00:00".into(),
                "2026-11-01T04:00:00+00:00".into()
            )
        );
    }

    #[test]
    fn a_year_ends_with_december() {
        let utc = month("2026-12-31T23:59:59Z", "UTC");
        assert_eq!(
            utc,
            (
                "2026-12-01T00:00:00+00:00".into(),
                "2027-01-01T00:00:00+00:00".into()
            )
        );
    }

    #[test]
    fn a_month_whose_first_midnight_is_skipped_begins_with_the_first_instant_that_exists() {
        // Lord Howe and others skip at 2:00; Asunción moved its clocks from 0:00 to 1:00 on 1 October 2017.
        let asuncion = month("2017-10-15T12:00:00Z", "America/Asuncion");
        assert_eq!(asuncion.0, "2017-10-01T04:00:00+00:00");
    }

    #[test]
    fn steps_begin_with_the_one_asked_for_and_follow_each_other() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let months = Span::steps(
            day("2026-09-15"),
            day("2026-12-01"),
            Step::Month,
            "Europe/Berlin",
            100,
        );
        assert_eq!(months.len(), 3);
        assert_eq!(months[0].start.to_rfc3339(), "2026-08-31T22:00:00+00:00");
        assert!(months.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(months[2].end.to_rfc3339(), "2026-11-30T23:00:00+00:00");
        assert_eq!(
            Span::steps(day("2026-01-01"), day("2026-03-01"), Step::Day, "UTC", 100).len(),
            59
        );
        assert_eq!(
            Span::steps(day("1026-01-01"), day("2026-03-01"), Step::Day, "UTC", 100).len(),
            101
        );
        assert_eq!(
            Span::steps(day("2026-03-01"), day("2026-01-01"), Step::Day, "UTC", 100),
            []
        );
    }
}
