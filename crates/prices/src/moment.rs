//! A moment as prices depend on it: the day and the time of day, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_OF_DAY: u64 = 86_400;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Days since 1970-01-01.
    day: u64,
    /// Seconds since midnight.
    second: u64,
}

impl Moment {
    /// The moment of a clock's time; before 1970 there were no prices.
    pub(crate) fn of(at: SystemTime) -> Self {
        let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { day: seconds / SECONDS_OF_DAY, second: seconds % SECONDS_OF_DAY }
    }

    /// Whether a condition holds: `2026-08-17` from that day on, `16:30-00:30` daily. `None` for what is neither.
    pub(crate) fn meets(self, condition: &str) -> Option<bool> {
        if let Some(day) = days(condition) {
            return Some(self.day >= day);
        }
        let (start, end) = condition.split_once('-')?;
        let (start, end) = (seconds(start)?, seconds(end)?);
        // An interval that ends before it starts goes over midnight.
        Some(match end < start {
            true => self.second >= start || self.second < end,
            false => (start..end).contains(&self.second),
        })
    }
}

fn seconds(time: &str) -> Option<u64> {
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour * 60 + minute) * 60)
}

/// Days from 1970-01-01 to `date`, or `None` for what is no date from then on.
pub(crate) fn days(date: &str) -> Option<u64> {
    let mut parts = date.split('-').map(str::parse::<u64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    if parts.next().is_some() || !(1970..=9999).contains(&year) {
        return None;
    }
    if day == 0 || day > *lengths.get(before)? {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    Some(years + lengths.iter().take(before).sum::<u64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn moment(seconds: u64) -> Moment {
        Moment::of(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        // As GNU date has them: `date -ud 2026-11-22 +%s` is 1795305600.
        assert_eq!(days("1970-01-01"), Some(0));
        assert_eq!(days("2024-02-29"), Some(19_782));
        assert_eq!(days("2026-11-22"), Some(1_795_305_600 / SECONDS_OF_DAY));
        for wrong in ["2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-01", "1969-01-01", "x"] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_price_starts_at_midnight() {
        assert_eq!(moment(1_795_305_600).meets("2026-11-22"), Some(true));
        assert_eq!(moment(1_795_305_599).meets("2026-11-22"), Some(false));
    }

    #[test]
    fn an_interval_may_go_over_midnight() {
        for (time, held) in [(16 * 60 + 29, false), (16 * 60 + 30, true), (0, true), (29, true), (30, false)]
        {
            assert_eq!(moment(time * 60).meets("16:30-00:30"), Some(held), "minute {time}");
            assert_eq!(moment(time * 60).meets("00:30-16:30"), Some(!held), "minute {time}");
        }
    }

    #[test]
    fn what_is_no_condition_is_none() {
        for wrong in ["", "16:30", "24:00-01:00", "16:60-17:00", "soon"] {
            assert_eq!(moment(0).meets(wrong), None, "{wrong}");
        }
    }
}
