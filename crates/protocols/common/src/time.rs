//! Moments as vendors write them.

/// The seconds since 1970 of a moment such as `2025-05-14T00:00:00Z` or `2025-05-14T02:00:00.5+02:00`; `None` for what is none.
pub fn seconds_since_1970(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let end = time.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(time.len());
    let (clock, zone) = time.split_at(end);
    let mut clock = clock.split('.').next()?.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next().flatten().unwrap_or(0));
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && (1970..10_000).contains(&year);
    if !in_range {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds - offset(zone)?).ok()
}

/// The seconds that a zone such as `Z` or `+02:00` is ahead.
fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') => return Some(0),
        Some(b'+') => (1, &zone[1..]),
        Some(b'-') => (-1, &zone[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}

/// The days since 1970 of a date of the Gregorian calendar, from the year 1970 on; years begin in March here, so that the day
/// that is left out comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_their_zone() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2025-05-14T00:00:00Z", Some(1_747_180_800)),
            ("2000-02-29T23:59:59Z", Some(951_868_799)),
            ("2024-05-14T02:00:00.123456-07:00", Some(1_715_677_200)),
            ("2024-05-14T11:00:00+02:00", Some(1_715_677_200)),
            ("1970-01-01T00:00:00+01:00", None),
            ("2024-13-14T02:00:00Z", None),
            ("2024-05-14", None),
            ("soon", None),
        ] {
            assert_eq!(seconds_since_1970(text), seconds, "{text}");
        }
    }
}
