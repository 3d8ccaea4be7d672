//! What the headers of a response say of rate limits.

use std::{
    cmp::Reverse,
    time::{Duration, SystemTime},
};

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
    let mut limits = parse(|name| response.header(name), now);
    if !response.is_success() {
        limits.retry_after = delay::retry_after(response, now);
    }
    limits
}

/// How long until everything that is used up is whole again, as far as the vendor says it.
pub(crate) fn used_up<'a>(header: impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> Option<Duration> {
    let said = said(&header, now);
    said.iter().flatten().filter(|said| said.remaining == 0).filter_map(|said| said.reset).max()
}

fn parse<'a>(header: impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> RateLimits {
    // The one that lets the least through.
    let quotas = said(&header, now).map(|of_one_kind| {
        let quotas = of_one_kind.into_iter().map(Said::quota);
        quotas.min_by_key(|quota| (quota.remaining, Reverse(quota.reset)))
    });
    let mut limits = RateLimits::default();
    [limits.requests, limits.tokens, limits.input_tokens, limits.output_tokens] = quotas;
    limits
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
    fn quota(self) -> Quota {
        Quota::new(self.limit, self.remaining, self.reset.unwrap_or(self.window))
    }
}

/// The limits of requests, of tokens, of input tokens and of output tokens.
fn said<'a>(header: &impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> [Vec<Said>; 4] {
    let number = |name: &str| header(name)?.trim().parse::<u64>().ok();
    let mut kinds: [Vec<Said>; 4] = Default::default();
    for (kind, whats) in
        [&["requests", "req"][..], &["tokens"], &["input-tokens"], &["output-tokens"]].into_iter().enumerate()
    {
        for what in whats {
            let name = |field: &str| format!("anthropic-ratelimit-{what}-{field}");
            if let Some(remaining) = number(&name("remaining")) {
                let reset = header(&name("reset")).and_then(|text| until(text, Bare::Seconds, now));
                let window = USUAL_WINDOW;
                kinds[kind].push(Said { limit: number(&name("limit")), remaining, reset, window });
            }
            // Azure's gateway says the window in seconds and the time until there is room in milliseconds.
            let bare = match header(&format!("x-ratelimit-renewalperiod-{what}")) {
                Some(_) => Bare::Milliseconds,
                None => Bare::Seconds,
            };
            for (suffix, window) in WINDOWS {
                let name = |field: &str| format!("x-ratelimit-{field}-{what}{suffix}");
                let Some(remaining) = number(&name("remaining")) else { continue };
                let reset = header(&name("reset")).and_then(|text| until(text, bare, now));
                kinds[kind].push(Said { limit: number(&name("limit")), remaining, reset, window: *window });
            }
        }
    }
    // OpenRouter and Together limit requests alone and do not name them.
    if let Some(remaining) = number("x-ratelimit-remaining") {
        let reset = header("x-ratelimit-reset").and_then(|text| until(text, Bare::Seconds, now));
        let limit = number("x-ratelimit-limit");
        kinds[0].push(Said { limit, remaining, reset, window: USUAL_WINDOW });
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers = [(&'static str, &'static str)];

    fn now() -> SystemTime {
        httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap()
    }

    fn limits(headers: &Headers) -> RateLimits {
        parse(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value), now())
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
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        assert_eq!(used_up(header, now()), Some(Duration::from_secs(2)));
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
