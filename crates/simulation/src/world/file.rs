//! The keys of a world file. Values check themselves, so that the parser says where a wrong one stands.

use std::{
    collections::BTreeMap,
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;
use toml::Spanned;
use ultraai_core::ErrorKind;

use crate::{AtTheEnd, BrownOut, Drift, Latency, Outage, RateLimit, Tokens};

/// A whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) requests: Option<NonZeroU64>,
    pub(super) seed: Option<u64>,
    pub(super) arrivals_per_second: Option<Spanned<Positive>>,
    pub(super) concurrency: Option<Spanned<NonZeroUsize>>,
    pub(super) live_share: Option<Share>,
    pub(super) prompt_tokens: Option<TokensTable>,
    pub(super) answer_tokens: Option<TokensTable>,
    pub(super) default: Option<Behaviour>,
    #[serde(default)]
    pub(super) providers: BTreeMap<String, Behaviour>,
    #[serde(default)]
    pub(super) outages: Vec<Spanned<OutagesTable>>,
}

/// `[default]` or `[providers.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Behaviour {
    pub(super) latency: Option<LatencyTable>,
    pub(super) tokens_per_second: Option<Positive>,
    pub(super) answer_tokens: Option<TokensTable>,
    pub(super) slow_share: Option<Share>,
    pub(super) slower: Option<Positive>,
    pub(super) drift: Option<DriftTable>,
    pub(super) failure_rate: Option<Share>,
    #[serde(default)]
    pub(super) failures: BTreeMap<ErrorKind, Positive>,
    pub(super) failure_latency: Option<LatencyTable>,
    pub(super) hang_rate: Option<Share>,
    pub(super) brown_out: Option<BrownOutTable>,
    pub(super) rate_limit: Option<RateLimitTable>,
    pub(super) trace: Option<Spanned<TraceTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutagesTable {
    #[serde(default)]
    pub(super) providers: Vec<String>,
    pub(super) how: How,
    pub(super) from_seconds: Option<Seconds>,
    pub(super) every_seconds: Option<PositiveSeconds>,
    pub(super) lasting_seconds: PositiveSeconds,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    Refuse,
    Hang,
}

impl From<How> for Outage {
    fn from(how: How) -> Self {
        match how {
            How::Refuse => Self::Refuses,
            How::Hang => Self::Hangs,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TraceTable {
    pub(super) file: PathBuf,
    pub(super) provider: String,
    pub(super) model: String,
    #[serde(default)]
    pub(super) at_the_end: End,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    #[default]
    Repeat,
    Stay,
}

impl From<End> for AtTheEnd {
    fn from(end: End) -> Self {
        match end {
            End::Repeat => Self::Repeat,
            End::Stay => Self::Stay,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DriftTable {
    every_seconds: PositiveSeconds,
    slower: Positive,
}

impl From<DriftTable> for Drift {
    fn from(table: DriftTable) -> Self {
        Self { every: table.every_seconds.0, slower: table.slower.0 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrownOutTable {
    every_seconds: PositiveSeconds,
    lasting_seconds: PositiveSeconds,
    failure_rate: Share,
    slower: Positive,
}

impl From<BrownOutTable> for BrownOut {
    fn from(table: BrownOutTable) -> Self {
        Self {
            every: table.every_seconds.0,
            lasting: table.lasting_seconds.0,
            failure_rate: table.failure_rate.0,
            slower: table.slower.0,
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "RateLimitKeys")]
pub(super) struct RateLimitTable {
    pub(super) requests: Option<RateLimit>,
    pub(super) tokens: Option<RateLimit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateLimitKeys {
    requests_per_second: Option<Positive>,
    requests_at_once: Option<Positive>,
    tokens_per_second: Option<Positive>,
    tokens_at_once: Option<Positive>,
}

impl TryFrom<RateLimitKeys> for RateLimitTable {
    type Error = &'static str;

    fn try_from(keys: RateLimitKeys) -> Result<Self, Self::Error> {
        let both = |per_second: Option<Positive>, burst: Option<Positive>| match (per_second, burst) {
            (Some(per_second), Some(burst)) => {
                Ok(Some(RateLimit { per_second: per_second.0, burst: burst.0 }))
            }
            (None, None) => Ok(None),
            _ => Err("a limit needs both keys, `…_per_second` and `…_at_once`"),
        };
        let requests = both(keys.requests_per_second, keys.requests_at_once)?;
        let tokens = both(keys.tokens_per_second, keys.tokens_at_once)?;
        if requests.is_none() && tokens.is_none() {
            return Err(
                "no limit stands here: set `requests_per_second` and `requests_at_once`, or those of tokens",
            );
        }
        Ok(Self { requests, tokens })
    }
}

#[derive(Deserialize)]
#[serde(try_from = "LatencyKeys")]
pub(super) struct LatencyTable(pub(super) Latency);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "keys carry their unit")]
struct LatencyKeys {
    fixed_seconds: Option<Seconds>,
    least_seconds: Option<Seconds>,
    most_seconds: Option<Seconds>,
    p50_seconds: Option<PositiveSeconds>,
    p99_seconds: Option<PositiveSeconds>,
}

impl TryFrom<LatencyKeys> for LatencyTable {
    type Error = &'static str;

    fn try_from(keys: LatencyKeys) -> Result<Self, Self::Error> {
        let LatencyKeys { fixed_seconds, least_seconds, most_seconds, p50_seconds, p99_seconds } = keys;
        match (fixed_seconds, (least_seconds, most_seconds), (p50_seconds, p99_seconds)) {
            (Some(fixed), (None, None), (None, None)) => Ok(Latency::Fixed(fixed.0)),
            (None, (Some(least), Some(most)), (None, None)) if least.0 <= most.0 => {
                Ok(Latency::Uniform(least.0, most.0))
            }
            (None, (None, None), (Some(p50), Some(p99))) if p50.0 <= p99.0 => {
                Ok(Latency::LogNormal { p50: p50.0, p99: p99.0 })
            }
            (None, (Some(_), Some(_)), (None, None)) => Err("`least_seconds` is more than `most_seconds`"),
            (None, (None, None), (Some(_), Some(_))) => Err("`p50_seconds` is more than `p99_seconds`"),
            _ => Err("set `fixed_seconds`, or `least_seconds` and `most_seconds`, or `p50_seconds` and `p99_seconds`"),
        }
        .map(Self)
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "TokensKeys")]
pub(super) struct TokensTable(pub(super) Tokens);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensKeys {
    fixed: Option<u64>,
    least: Option<u64>,
    most: Option<u64>,
    p50: Option<u64>,
    p99: Option<u64>,
}

impl TryFrom<TokensKeys> for TokensTable {
    type Error = &'static str;

    fn try_from(keys: TokensKeys) -> Result<Self, Self::Error> {
        let TokensKeys { fixed, least, most, p50, p99 } = keys;
        match (fixed, (least, most), (p50, p99)) {
            (Some(fixed), (None, None), (None, None)) => Ok(Tokens::Fixed(fixed)),
            (None, (Some(least), Some(most)), (None, None)) if least <= most => {
                Ok(Tokens::Uniform(least, most))
            }
            (None, (None, None), (Some(p50), Some(p99))) if 0 < p50 && p50 <= p99 => {
                Ok(Tokens::LogNormal { p50, p99 })
            }
            (None, (Some(_), Some(_)), (None, None)) => Err("`least` is more than `most`"),
            (None, (None, None), (Some(_), Some(_))) => Err("`p50` must be above 0 and no more than `p99`"),
            _ => Err("set `fixed`, or `least` and `most`, or `p50` and `p99`"),
        }
        .map(Self)
    }
}

/// A number of a kind, and what is said of another one.
macro_rules! number {
    ($(#[doc = $doc:literal])+ $name:ident($inner:ty) $number:ident => $read:expr, $what:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Deserialize)]
        #[serde(try_from = "f64")]
        pub(super) struct $name(pub(super) $inner);

        impl TryFrom<f64> for $name {
            type Error = String;

            fn try_from($number: f64) -> Result<Self, String> {
                let read: Option<$inner> = $read;
                read.map(Self).ok_or_else(|| format!(concat!($what, " must stand here, and {} does"), $number))
            }
        }
    };
}

number!(
    /// 0 to 1.
    Share(f64) number => (0.0..=1.0).contains(&number).then_some(number), "a share from 0 to 1"
);
number!(
    /// Above 0, and within what clocks and counters hold.
    Positive(f64) number => (1e-6..=1e9).contains(&number).then_some(number), "a number from 0.000001 to 1000000000"
);
number!(
    /// A time from 0.
    Seconds(Duration) number => seconds(number), "a time of 0 to 100000000 seconds"
);
number!(
    /// A time above 0.
    PositiveSeconds(Duration) number => seconds(number).filter(|time| !time.is_zero()), "a time above 0, and up to 100000000 seconds"
);

/// Three years: no clock of a simulation overflows.
fn seconds(number: f64) -> Option<Duration> {
    (0.0..=1e8).contains(&number).then(|| Duration::from_secs_f64(number))
}
