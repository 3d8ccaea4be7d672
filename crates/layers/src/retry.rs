//! Tries again what the same candidate may answer.
//!
//! A retry that everybody makes at once keeps a struggling provider down, so two things bound it: delays are
//! drawn anew each time (full jitter, <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>),
//! and retries are paid from a bucket that only successes refill. A count alone would let every request retry
//! while nothing at all succeeds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, EndpointId, Error, ErrorKind, Field, Layer,
    LayerContext, LayerRegistration, ModelName, Provider, Recovery, Result, Slot, duration, register_layer,
};

register_layer!(
    LayerRegistration::new("retry", build)
        .slot(Slot::Retry)
        .fields(RetryConfig::FIELDS)
        .summary("tries again what the same candidate may answer; how often is `max_retries`")
);

fn build(settings: Value, context: &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>> {
    let config: RetryConfig = context.parse(settings, RetryConfig::FIELDS)?;
    Ok(Some(Arc::new(RetryLayer::new(config)?)))
}

/// Delays and the bucket. How often is [`CallContext::max_retries`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryConfig {
    /// Upper bound of the delay before the first retry, in seconds; doubles after each. Default: 0.5, as in OpenAI's SDKs.
    pub base_delay_seconds: f64,
    /// Upper bound of any delay that the provider did not ask for, in seconds. Default: 8, as in OpenAI's SDKs.
    pub max_delay_seconds: f64,
    /// Tokens of a full bucket: a retry costs 5, after a timeout 10, and what a retry paid comes back when it is answered. Default:
    /// 500, as in the AWS SDKs' standard retry mode.
    pub bucket: u32,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { base_delay_seconds: 0.5, max_delay_seconds: 8.0, bucket: 500 }
    }
}

impl RetryConfig {
    /// Every setting, for help texts and settings files.
    pub const FIELDS: &'static [Field] = &[
        Field {
            name: "base_delay_seconds",
            doc: "Upper bound of the delay before the first retry, in seconds; doubles after each. Default: 0.5.",
        },
        Field {
            name: "max_delay_seconds",
            doc: "Upper bound of any delay that the provider did not ask for, in seconds. Default: 8.",
        },
        Field {
            name: "bucket",
            doc: "Tokens of a full bucket; a retry costs 5, after a timeout 10, and answers give back. Default: 500.",
        },
    ];

    fn checked(&self) -> Result<(Duration, Duration)> {
        Ok((
            duration("base_delay_seconds", self.base_delay_seconds)?,
            duration("max_delay_seconds", self.max_delay_seconds)?,
        ))
    }
}

/// Tokens a retry costs; as in the AWS SDKs' standard retry mode.
const RETRY_COST: u32 = 5;
/// Tokens a retry costs after a timeout, which held resources on both sides; as in the AWS SDKs.
const TIMEOUT_RETRY_COST: u32 = 10;
/// Tokens that an answer at the first attempt gives back; as in the AWS SDKs.
const FIRST_SUCCESS_REFUND: u32 = 1;

/// Purpose number of the jitter's random numbers.
const PURPOSE: u64 = 0x5245_5452;

/// The layer `retry`. Every candidate that it is put around has a bucket of its own.
#[derive(Clone, Copy, Debug)]
pub struct RetryLayer {
    base_delay: Duration,
    max_delay: Duration,
    bucket: u32,
}

impl RetryLayer {
    /// A layer with other delays or another bucket.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong.
    pub fn new(config: RetryConfig) -> Result<Self> {
        let (base_delay, max_delay) = config.checked()?;
        Ok(Self { base_delay, max_delay, bucket: config.bucket })
    }
}

impl Default for RetryLayer {
    fn default() -> Self {
        Self::new(RetryConfig::default()).expect("the defaults are durations")
    }
}

impl Layer for RetryLayer {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Retry { inner, config: *self, tokens: AtomicU32::new(self.bucket) })
    }
}

/// A provider that is asked again.
#[derive(Debug)]
struct Retry {
    inner: Arc<dyn Provider>,
    config: RetryLayer,
    tokens: AtomicU32,
}

impl Retry {
    /// Takes the price of a retry out of the bucket, when it holds it.
    fn pay(&self, kind: ErrorKind) -> Option<u32> {
        let cost = if kind == ErrorKind::Timeout { TIMEOUT_RETRY_COST } else { RETRY_COST };
        self.tokens.fetch_update(Relaxed, Relaxed, |tokens| tokens.checked_sub(cost)).ok().map(|_| cost)
    }

    fn refund(&self, tokens: u32) {
        let full = self.config.bucket;
        let _ = self
            .tokens
            .fetch_update(Relaxed, Relaxed, |now| (now < full).then(|| full.min(now.saturating_add(tokens))));
    }

    /// The delay before the next attempt, or `None` when waiting is of no use.
    fn delay(&self, cx: &CallContext, error: &Error) -> Option<Duration> {
        let doubled =
            self.config.base_delay.saturating_mul(1_u32.checked_shl(cx.attempt()).unwrap_or(u32::MAX));
        let drawn = doubled.min(self.config.max_delay).mul_f64(cx.rng(PURPOSE).f64());
        // What the provider asks for is a floor: all who were refused together must not come back before it.
        let delay = error
            .retry_after()
            .map_or(drawn, |asked| asked.saturating_add(drawn.min(self.config.base_delay)));
        cx.remaining_until_content().is_none_or(|left| delay < left).then_some(delay)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Retry {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.inner.capabilities(model)
    }

    fn endpoint(&self) -> Option<EndpointId> {
        self.inner.endpoint()
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        match self.inner.chat(cx, Arc::clone(&request)).await {
            Ok(reply) => {
                self.refund(FIRST_SUCCESS_REFUND);
                Ok(reply)
            }
            // Boxed, so that the first attempt, which is mostly the only one, needs no room for more.
            Err(error) => Box::pin(self.again(cx, request, error)).await,
        }
    }
}

impl Retry {
    /// Asks again after `error`, until it is of no use any more.
    async fn again(&self, cx: &CallContext, request: Arc<ChatRequest>, error: Error) -> Result<ChatReply> {
        let mut before = error;
        let first = cx.attempt();
        for attempt in first.. {
            if before.is_unsent()
                || before.kind().recovery() != Recovery::Retry
                || attempt - first >= cx.max_retries()
            {
                break;
            }
            let cx = cx.clone().with_attempt(attempt);
            let Some(delay) = self.delay(&cx, &before) else { break };
            let Some(cost) = self.pay(before.kind()) else { break };
            tokio::time::sleep(delay).await;
            match self.inner.chat(&cx.with_attempt(attempt + 1), Arc::clone(&request)).await {
                Ok(reply) => {
                    self.refund(cost);
                    return Ok(reply);
                }
                // It has waited as long as it may already, and another candidate may be free. The failure before a retry that
                // was refused here says what is wrong.
                Err(error) if error.is_unsent() => break,
                Err(error) => before = error,
            }
        }
        Err(before)
    }
}

#[cfg(test)]
mod tests {
    use ultraai_testkit::{Scripted, Step};

    use super::*;

    #[test]
    fn a_bucket_of_any_size_is_never_more_than_full() {
        let inner: Arc<dyn Provider> = Arc::new(Scripted::new([Step::fail(ErrorKind::ServerError)]));
        let config = RetryLayer::new(RetryConfig { bucket: u32::MAX, ..RetryConfig::default() }).unwrap();
        let retry = Retry { inner, config, tokens: AtomicU32::new(u32::MAX) };
        let paid = retry.pay(ErrorKind::ServerError).unwrap();
        retry.refund(FIRST_SUCCESS_REFUND);
        retry.refund(paid);
        assert_eq!(retry.tokens.load(Relaxed), u32::MAX);
    }
}
