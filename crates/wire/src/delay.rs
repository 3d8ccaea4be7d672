//! How long a server asks to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::HeaderMap;

use crate::{Response, quota};

/// No limit has a longer window than a month, so nothing that is said is taken for longer.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// Bare numbers from here on are no spans but moments, in seconds or in milliseconds since 1970.
const FIRST_SECOND: f64 = 1e9;
const FIRST_MILLISECOND: f64 = 1e12;

/// What a number without a unit means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bare {
    Seconds,
    Milliseconds,
}

/// The delay that the response asks for: `retry-after-ms`, `retry-after` in seconds or as a date, and with status
/// 429 the time until the limits that are used up are reset, as OpenAI and those who follow it say it, and Anthropic.
pub fn retry_after(response: &Response, now: SystemTime) -> Option<Duration> {
    delay(response.headers(), response.status() == 429, now)
}

fn delay(headers: &HeaderMap, limited: bool, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let milliseconds = header("retry-after-ms").and_then(|text| span(text.trim(), Bare::Milliseconds));
    let said = || header("retry-after").and_then(|text| until(text, Bare::Seconds, now));
    let reset = || limited.then(|| quota::used_up(headers, now)).flatten();
    milliseconds.map(|delay| delay.min(LONGEST)).or_else(said).or_else(reset)
}

/// The time until what a header says: a span, or a moment in any of the forms that servers use. The past is now.
pub(crate) fn until(text: &str, bare: Bare, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let moment = match text.parse::<f64>() {
        Ok(number) if number >= FIRST_MILLISECOND => since_1970(number / 1000.0),
        Ok(number) if number >= FIRST_SECOND => since_1970(number),
        Ok(_) => None,
        Err(_) => httpdate::parse_http_date(text).ok().or_else(|| rfc_3339(text)),
    };
    let left = match moment {
        Some(moment) => moment.duration_since(now).unwrap_or_default(),
        None => span(text, bare)?,
    };
    Some(left.min(LONGEST))
}

fn since_1970(seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

/// A span of time as Go prints it: `1s`, `6m0s`, `20ms`, `1h2m3.5s`; or a bare number.
fn span(text: &str, bare: Bare) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match (unit, bare) {
            ("h", _) => 3600.0,
            ("m", _) => 60.0,
            ("s", _) | ("", Bare::Seconds) => 1.0,
            ("ms", _) | ("", Bare::Milliseconds) => 1e-3,
            ("us" | "µs", _) => 1e-6,
            ("ns", _) => 1e-9,
            _ => return None,
        };
        total =
            total.checked_add(Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// A moment such as `2026-10-21T07:28:00Z`, with a fraction or another zone where there is one.
fn rfc_3339(text: &str) -> Option<SystemTime> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let fraction = match fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("0.{fraction}").parse::<f64>().ok()?,
        false => return None,
    };
    let east = match zone {
        "Z" | "z" => 0,
        _ => {
            let [hours, minutes] = numbers(&zone[1..], ':')?;
            (hours * 60 + minutes) * if zone.starts_with('-') { -60 } else { 60 }
        }
    };
    let possible = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - east;
    let whole = Duration::from_secs(u64::try_from(seconds).ok().filter(|_| possible)?);
    UNIX_EPOCH.checked_add(whole + Duration::try_from_secs_f64(fraction).ok()?)
}

/// Exactly `N` numbers of at most four digits.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for number in &mut numbers {
        let part = parts.next().filter(|part| part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days from the first of 1970 on, in the calendar of today. The year begins in March here, so that a leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_month = (153 * month + 2) / 5;
    365 * year + year / 4 - year / 100 + year / 400 + days_before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderName, HeaderValue};

    use super::*;

    fn now() -> SystemTime {
        httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap()
    }

    fn delay_of(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        delay(&headers.iter().map(header).collect(), true, now())
    }

    #[test]
    fn a_server_says_it_in_seconds_in_milliseconds_or_as_a_date() {
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        for (name, value, expected) in [
            ("retry-after", "7", seconds(7.0)),
            ("retry-after", " 1.5 ", seconds(1.5)),
            ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT", seconds(30.0)),
            ("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT", seconds(0.0)),
            ("retry-after", "2026-10-21T07:28:30Z", seconds(30.0)),
            ("retry-after", "99999999", Some(LONGEST)),
            ("retry-after", "-3", None),
            ("retry-after", "soon", None),
            ("retry-after", "NaN", None),
            ("retry-after", "inf", None),
            ("retry-after-ms", "250", seconds(0.25)),
            ("retry-after-ms", "-250", None),
        ] {
            assert_eq!(delay_of(&[(name, value)]), expected, "{name}: {value}");
        }
    }

    #[test]
    fn without_a_word_the_reset_of_what_is_used_up_counts() {
        let headers = [
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "6m0s"),
            ("x-ratelimit-remaining-tokens", "5"),
            ("x-ratelimit-reset-tokens", "1h"),
        ];
        assert_eq!(delay_of(&headers), Some(Duration::from_mins(6)));
        assert_eq!(delay_of(&headers[2..]), None);
        // Where no reset is said, none is made up.
        assert_eq!(delay_of(&headers[..1]), None);
        let anthropic = [
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-10-21T07:28:45Z"),
        ];
        assert_eq!(delay_of(&anthropic), Some(Duration::from_secs(45)));
    }

    #[test]
    fn spans_are_read_as_go_prints_them() {
        for (text, expected) in [
            ("1s", Some(1_000)),
            ("20ms", Some(20)),
            ("6m0s", Some(360_000)),
            ("1h2m3.5s", Some(3_723_500)),
            ("7", Some(7_000)),
            ("", None),
            ("s", None),
            ("1d", None),
            ("-1s", None),
        ] {
            assert_eq!(span(text, Bare::Seconds), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_every_form_of_the_standard() {
        let same = ["2026-10-21T07:28:00Z", "2026-10-21t09:28:00.000+02:00", "2026-10-20 23:28:00-08:00"];
        assert!(same.iter().all(|text| rfc_3339(text) == Some(now())), "{same:?}");
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(rfc_3339(text), Some(UNIX_EPOCH + Duration::from_secs(seconds)), "{text}");
        }
        for text in ["2026-10-21", "2026-10-21T07:28Z", "1-1-1T1:1:1Z", "2026-10-21T07:28:00.xZ", "aT-", "é"]
        {
            assert_eq!(rfc_3339(text), None, "{text}");
        }
    }
}
