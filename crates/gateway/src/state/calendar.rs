//! Days, months and minutes of the calendar that budgets and limits go by: UTC.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

const DAY: u64 = 24 * 60 * 60;

/// Seconds since 1970.
pub(crate) fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A day in UTC, as it is counted from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub u32);

impl Day {
    /// The day of a moment.
    pub fn of(now: SystemTime) -> Self {
        Self(u32::try_from(seconds(now) / DAY).unwrap_or(u32::MAX))
    }

    /// The number of its month: 12 for each year, and those before it in its year.
    pub fn month(self) -> u32 {
        let date = self.date();
        u32::try_from(date.year()).unwrap_or(0) * 12 + u32::from(u8::from(date.month())) - 1
    }

    fn date(self) -> Date {
        let seconds = i64::from(self.0).saturating_mul(DAY.cast_signed());
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH).date()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }
}

/// A moment as RFC 3339 writes it, to the second.
pub fn timestamp(seconds: u64) -> String {
    let day = Day(u32::try_from(seconds / DAY).unwrap_or(u32::MAX));
    let rest = seconds % DAY;
    format!("{day}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The seconds since 1970 at which a day such as `2027-01-31` begins; `None` for what is none.
pub fn start_of(date: &str) -> Option<u64> {
    let mut parts = date.splitn(3, '-');
    let mut part = || parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let (year, month, day) = (part()?, part()?, part()?);
    let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    u64::try_from(date.midnight().assume_utc().unix_timestamp()).ok()
}

/// The number of a moment's minute since 1970, and how long it still lasts.
pub(crate) fn minute(now: SystemTime) -> (u64, Duration) {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let minute = since.as_secs() / 60;
    (minute, Duration::from_secs((minute + 1) * 60).saturating_sub(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_those_of_utc() {
        let day = |date| Day(u32::try_from(start_of(date).unwrap() / DAY).unwrap());
        assert_eq!(day("1970-01-01"), Day(0));
        assert_eq!(day("2028-02-29").to_string(), "2028-02-29");
        assert_eq!(Day(day("2028-02-29").0 + 1), day("2028-03-01"));
        assert_eq!(day("2027-12-31").month() + 1, day("2028-01-01").month());
        assert_eq!(day("2028-01-01").month(), day("2028-01-31").month());
        assert_eq!(timestamp(1_715_677_201), "2024-05-14T09:00:01Z");
        for wrong in ["2027-02-29", "2027-13-01", "2027-1", "soon", "2027-01-01T00:00", "-027-01-01"] {
            assert_eq!(start_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_minute_lasts_until_the_next_one() {
        let at = UNIX_EPOCH + Duration::from_millis(119_250);
        assert_eq!(minute(at), (1, Duration::from_millis(750)));
        assert_eq!(minute(UNIX_EPOCH + Duration::from_mins(2)), (2, Duration::from_mins(1)));
    }
}
