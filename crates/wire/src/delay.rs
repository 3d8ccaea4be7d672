//! How long a server asks to wait.

use std::time::{Duration, SystemTime};

use crate::Response;

/// The delay that the response asks for: `retry-after-ms`, `retry-after` in seconds or as a date, and with status
/// 429 the time until a used-up limit is reset, as OpenAI and those who follow it say it.
pub fn retry_after(response: &Response, now: SystemTime) -> Option<Duration> {
    delay(|name| response.header(name), response.status() == 429, now)
}

fn delay<'a>(header: impl Fn(&str) -> Option<&'a str>, limited: bool, now: SystemTime) -> Option<Duration> {
    if let Some(milliseconds) = header("retry-after-ms").and_then(|value| value.trim().parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    if let Some(value) = header("retry-after").map(str::trim) {
        if let Ok(seconds) = value.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        if let Ok(date) = httpdate::parse_http_date(value) {
            return Some(date.duration_since(now).unwrap_or_default());
        }
    }
    if !limited {
        return None;
    }
    let used_up =
        |what: &str| header(&format!("x-ratelimit-remaining-{what}")).is_some_and(|left| left.trim() == "0");
    ["requests", "tokens"]
        .into_iter()
        .filter(|what| used_up(what))
        .filter_map(|what| span(header(&format!("x-ratelimit-reset-{what}"))?.trim()))
        .max()
}

/// A span of time as Go prints it: `1s`, `6m0s`, `20ms`, `1h2m3.5s`; a bare number is seconds.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" | "" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total =
            total.checked_add(Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay_of(headers: &[(&str, &'static str)]) -> Option<Duration> {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        delay(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value), true, now)
    }

    #[test]
    fn a_server_says_it_in_seconds_in_milliseconds_or_as_a_date() {
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        for (name, value, expected) in [
            ("retry-after", "7", seconds(7.0)),
            ("retry-after", " 1.5 ", seconds(1.5)),
            ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT", seconds(30.0)),
            ("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT", seconds(0.0)),
            ("retry-after", "-3", None),
            ("retry-after", "soon", None),
            ("retry-after", "NaN", None),
            ("retry-after-ms", "250", seconds(0.25)),
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
            assert_eq!(span(text), expected.map(Duration::from_millis), "{text}");
        }
    }
}
