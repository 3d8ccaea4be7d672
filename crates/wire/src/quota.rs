//! What the headers of a response say of rate limits.

use std::{
    cmp::Reverse,
    time::{Duration, SystemTime},
};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use ultraai_core::{Quota, RateLimits};

use crate::{
    Response,
    delay::{self, Bare, until},
};

/// How long until a limit is whole again where the vendor does not say: most limits are by the minute.
const USUAL_WINDOW: Duration = Duration::from_mins(1);

/// What vendors put behind a header's name for one of several limits, with its window: Cerebras and Mistral do.
const WINDOWS: &[(&str, Duration)] = &[
    ("", USUAL_WINDOW),
    ("-second", Duration::from_secs(1)),
    ("-10-second", Duration::from_secs(10)),
    ("-minute", Duration::from_mins(1)),
    ("-hour", Duration::from_hours(1)),
    ("-day", Duration::from_hours(24)),
    ("-month", Duration::from_hours(30 * 24)),
];

/// What the response says of rate limits, in the headers of OpenAI and those who follow it, and in Anthropic's.
pub fn rate_limits(response: &Response, now: SystemTime) -> RateLimits {
    let mut limits = parse(response.headers(), now);
    if !response.is_success() {
        limits.retry_after = delay::retry_after(response, now);
    }
    limits
}

/// How long until everything that is used up is whole again, as far as the vendor says it.
pub(crate) fn used_up(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let used_up = headers.iter().filter_map(|header| Said::read(header, headers, now));
    used_up.filter(|(_, said)| said.remaining == 0).filter_map(|(_, said)| said.reset).max()
}

fn parse(headers: &HeaderMap, now: SystemTime) -> RateLimits {
    let mut limits = RateLimits::default();
    for (kind, said) in headers.iter().filter_map(|header| Said::read(header, headers, now)) {
        let quota = match kind {
            Kind::Requests => &mut limits.requests,
            Kind::Tokens => &mut limits.tokens,
            Kind::InputTokens => &mut limits.input_tokens,
            Kind::OutputTokens => &mut limits.output_tokens,
        };
        // Of several the one that lets the least through.
        let both = quota.take().into_iter().chain([said.quota()]);
        *quota = both.min_by_key(|quota| (quota.remaining, Reverse(quota.reset)));
    }
    limits
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Requests,
    Tokens,
    InputTokens,
    OutputTokens,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        match name {
            "requests" | "req" => Some(Self::Requests),
            "tokens" => Some(Self::Tokens),
            "input-tokens" => Some(Self::InputTokens),
            "output-tokens" => Some(Self::OutputTokens),
            _ => None,
        }
    }
}

/// A limit as headers say it.
#[derive(Clone, Copy, Debug)]
struct Said {
    limit: Option<u64>,
    remaining: u64,
    reset: Option<Duration>,
    window: Duration,
}

impl Said {
    /// Reads a header that says what is left, and those that belong to it.
    fn read(
        (name, value): (&HeaderName, &HeaderValue),
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Option<(Kind, Self)> {
        let name = name.as_str();
        let text = |name: String| headers.get(name)?.to_str().ok();
        let number = |text: &str| text.trim().parse::<u64>().ok();
        if let Some(what) = name.strip_prefix("anthropic-ratelimit-") {
            let what = what.strip_suffix("-remaining")?;
            let (kind, remaining) = (Kind::named(what)?, number(value.to_str().ok()?)?);
            let limit = text(format!("anthropic-ratelimit-{what}-limit")).and_then(number);
            let reset = text(format!("anthropic-ratelimit-{what}-reset"));
            let reset = reset.and_then(|text| until(text, Bare::Seconds, now));
            return Some((kind, Self { limit, remaining, reset, window: USUAL_WINDOW }));
        }
        let what = name.strip_prefix("x-ratelimit-remaining")?;
        let (kind, window) = match what.strip_prefix('-') {
            // OpenRouter and Together limit requests alone and do not name them.
            None if what.is_empty() => (Kind::Requests, USUAL_WINDOW),
            None => return None,
            Some(named) => WINDOWS
                .iter()
                .find_map(|(suffix, window)| Some((Kind::named(named.strip_suffix(suffix)?)?, *window)))?,
        };
        let remaining = number(value.to_str().ok()?)?;
        // Azure's gateway says the window in seconds and the time until there is room in milliseconds.
        let bare = match headers.contains_key(format!("x-ratelimit-renewalperiod{what}")) {
            true => Bare::Milliseconds,
            false => Bare::Seconds,
        };
        let limit = text(format!("x-ratelimit-limit{what}")).and_then(number);
        let reset = text(format!("x-ratelimit-reset{what}")).and_then(|text| until(text, bare, now));
        Some((kind, Self { limit, remaining, reset, window }))
    }

    fn quota(self) -> Quota {
        Quota::new(self.limit, self.remaining, self.reset.unwrap_or(self.window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers = [(&'static str, &'static str)];

    fn now() -> SystemTime {
        httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap()
    }

    fn map(headers: &Headers) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        headers.iter().map(header).collect()
    }

    fn limits(headers: &Headers) -> RateLimits {
        parse(&map(headers), now())
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be missing")]
    fn quota(limit: impl Into<Option<u64>>, remaining: u64, milliseconds: u64) -> Option<Quota> {
        Some(Quota::new(limit.into(), remaining, Duration::from_millis(milliseconds)))
    }

    #[test]
    fn each_vendors_own_form_is_read() {
        let cases: &[(&str, &Headers, [Option<Quota>; 2])] = &[
            (
                "openai",
                &[
                    ("x-ratelimit-limit-requests", "10000"),
                    ("x-ratelimit-remaining-requests", "9999"),
                    ("x-ratelimit-reset-requests", "6ms"),
                    ("x-ratelimit-limit-tokens", "200000"),
                    ("x-ratelimit-remaining-tokens", "199000"),
                    ("x-ratelimit-reset-tokens", "1m0.3s"),
                ],
                [quota(10_000, 9_999, 6), quota(200_000, 199_000, 60_300)],
            ),
            (
                "azure",
                &[
                    ("x-ratelimit-limit-requests", "120"),
                    ("x-ratelimit-remaining-requests", "119"),
                    ("x-ratelimit-reset-requests", "500"),
                    ("x-ratelimit-renewalperiod-requests", "60"),
                ],
                [quota(120, 119, 500), None],
            ),
            (
                "openrouter",
                &[
                    ("x-ratelimit-limit", "50"),
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1792567690500"),
                ],
                [quota(50, 0, 10_500), None],
            ),
            (
                "together",
                &[("x-ratelimit-limit", "2"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")],
                [quota(2, 0, 1_000), None],
            ),
            (
                "mistral",
                &[
                    ("x-ratelimit-limit-req-minute", "100"),
                    ("x-ratelimit-remaining-req-minute", "98"),
                    ("x-ratelimit-limit-req-10-second", "60"),
                    ("x-ratelimit-remaining-req-10-second", "50"),
                    ("x-ratelimit-remaining-tokens-minute", "1499781"),
                    ("x-ratelimit-remaining-tokens-month", "199999999445"),
                ],
                [quota(60, 50, 10_000), quota(None, 1_499_781, 60_000)],
            ),
            (
                "cerebras",
                &[
                    ("x-ratelimit-limit-requests-day", "14400"),
                    ("x-ratelimit-remaining-requests-day", "14399"),
                    ("x-ratelimit-reset-requests-day", "33011.382867"),
                    ("x-ratelimit-limit-tokens-minute", "60000"),
                    ("x-ratelimit-remaining-tokens-minute", "0"),
                    ("x-ratelimit-reset-tokens-minute", "11.5"),
                ],
                [
                    Some(Quota::new(Some(14_400), 14_399, Duration::from_secs_f64(33_011.382_867))),
                    quota(60_000, 0, 11_500),
                ],
            ),
            (
                "xai, which tells no reset",
                &[("x-ratelimit-limit-requests", "1800"), ("x-ratelimit-remaining-requests", "1799")],
                [quota(1_800, 1_799, 60_000), None],
            ),
            ("nobody", &[("content-type", "text/plain")], [None, None]),
        ];
        for (vendor, headers, expected) in cases {
            let limits = limits(headers);
            assert_eq!([limits.requests, limits.tokens], *expected, "{vendor}");
            assert_eq!((limits.input_tokens, limits.output_tokens), (None, None), "{vendor}");
        }
    }

    #[test]
    fn anthropic_says_dates_for_four_kinds() {
        let headers: &Headers = &[
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-10-21T07:28:02Z"),
            ("anthropic-ratelimit-tokens-remaining", "9"),
            ("anthropic-ratelimit-tokens-reset", "2026-10-21T07:28:01.5Z"),
            ("anthropic-ratelimit-input-tokens-remaining", "8"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-10-21T09:29:00+02:00"),
            ("anthropic-ratelimit-output-tokens-remaining", "0"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-10-21T07:27:00Z"),
        ];
        let limits = limits(headers);
        assert_eq!(limits.requests, quota(50, 0, 2_000));
        assert_eq!(limits.tokens, quota(None, 9, 1_500));
        assert_eq!(limits.input_tokens, quota(None, 8, 60_000));
        assert_eq!(limits.output_tokens, quota(None, 0, 0));
        assert_eq!(used_up(&map(headers), now()), Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_cannot_be_is_not_said() {
        let of = |remaining, reset| {
            limits(&[("x-ratelimit-remaining-requests", remaining), ("x-ratelimit-reset-requests", reset)])
                .requests
        };
        let month = 31 * 24 * 3600 * 1000;
        for (remaining, reset, expected) in [
            ("-1", "1s", None),
            ("NaN", "1s", None),
            ("1e3", "1s", None),
            ("99999999999999999999999", "1s", None),
            ("", "1s", None),
            (" 5 ", "1s", quota(None, 5, 1_000)),
            ("18446744073709551615", "1s", quota(None, u64::MAX, 1_000)),
            ("5", "-1", quota(None, 5, 60_000)),
            ("5", "NaN", quota(None, 5, 60_000)),
            ("5", "inf", quota(None, 5, 60_000)),
            ("5", "soon", quota(None, 5, 60_000)),
            ("5", "99999999h", quota(None, 5, month)),
            ("5", "9e99", quota(None, 5, 60_000)),
            ("5", "9999999999999", quota(None, 5, month)),
            ("5", "1700000000", quota(None, 5, 0)),
            ("5", "1999-01-01T00:00:00Z", quota(None, 5, 0)),
            ("5", "9999-12-31T23:59:59Z", quota(None, 5, month)),
            ("5", "2026-13-01T00:00:00Z", quota(None, 5, 60_000)),
        ] {
            assert_eq!(of(remaining, reset), expected, "{remaining} {reset}");
        }
    }

    #[test]
    fn of_several_limits_the_one_counts_that_lets_the_least_through() {
        let limits = limits(&[
            ("x-ratelimit-remaining-req-minute", "0"),
            ("x-ratelimit-remaining-requests-day", "0"),
            ("x-ratelimit-remaining-requests", "7"),
        ]);
        assert_eq!(limits.requests, quota(None, 0, 24 * 3_600_000));
    }
}
