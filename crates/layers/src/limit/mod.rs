//! Keeps to the provider's limits: requests and tokens in a minute, and requests at once.
//!
//! Limits belong to (host, credential, model) and are shared by all candidates of the process that have these in common. Besides
//! those of the settings it keeps to what the provider says of its own: what is left, until when, and how long nothing is to be
//! sent. Who finds no place waits in order, and is refused at once where no place is free in time.

mod gate;
mod learned;
mod line;
mod ticket;
mod window;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, EndpointId, Error, ErrorKind, Field, Layer,
    LayerContext, LayerRegistration, ModelName, Provider, Result, Slot, duration, register_layer,
};

use self::{gate::Gate, ticket::Ticket};
use crate::shared::{
    nested::orchestrates,
    states::{Seat, Shared, host_of},
};

register_layer!(
    LayerRegistration::new("limit", build)
        .slot(Slot::Limit)
        .fields(LimitConfig::FIELDS)
        .summary("waits in order for a place under the provider's limits, those of the settings and those that it tells")
);

fn build(settings: Value, context: &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>> {
    let config: LimitConfig = context.parse(settings, LimitConfig::FIELDS)?;
    Ok(Some(Arc::new(LimitLayer::new(config)?)))
}

/// The limits. Those that the provider tells are kept besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitConfig {
    /// Requests in any minute. Default: none.
    pub requests_per_minute: Option<u64>,
    /// Tokens of requests and answers in any minute. They are estimated before and counted after. Default: none.
    pub tokens_per_minute: Option<u64>,
    /// Requests at once; a live answer counts to its end. Default: none.
    pub max_concurrency: Option<u32>,
    /// How long a request waits for its place, in seconds. Default: none but the deadline.
    pub max_wait_seconds: Option<f64>,
}

impl LimitConfig {
    /// Every setting, for help texts and settings files.
    pub const FIELDS: &'static [Field] = &[
        Field {
            name: "requests_per_minute",
            doc: "Requests in any minute. Default: none but the provider's own.",
        },
        Field {
            name: "tokens_per_minute",
            doc: "Tokens of requests and answers in any minute; a larger request goes through alone. Default: none but the provider's own.",
        },
        Field {
            name: "max_concurrency",
            doc: "Requests at once; a live answer counts to its end. Default: none.",
        },
        Field {
            name: "max_wait_seconds",
            doc: "How long a request waits for its place, in seconds. Default: none but the deadline.",
        },
    ];
}

/// The layer `limit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LimitLayer {
    requests_per_minute: Option<u64>,
    tokens_per_minute: Option<u64>,
    max_concurrency: Option<u32>,
    max_wait: Option<Duration>,
}

impl LimitLayer {
    /// A layer with these limits.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong.
    pub fn new(config: LimitConfig) -> Result<Self> {
        let LimitConfig { requests_per_minute, tokens_per_minute, max_concurrency, max_wait_seconds } =
            config;
        let given = [
            ("requests_per_minute", requests_per_minute),
            ("tokens_per_minute", tokens_per_minute),
            ("max_concurrency", max_concurrency.map(u64::from)),
        ];
        if let Some((name, _)) = given.iter().find(|(_, limit)| *limit == Some(0)) {
            let message =
                format!("`{name}` is 0: it must be at least 1; leave it out where there is no limit");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let max_wait = max_wait_seconds.map(|seconds| duration("max_wait_seconds", seconds)).transpose()?;
        Ok(Self { requests_per_minute, tokens_per_minute, max_concurrency, max_wait })
    }
}

static SHARED: Shared<LimitLayer, Gate> = Shared::new();

impl Layer for LimitLayer {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        if orchestrates(&*inner) {
            return inner;
        }
        Arc::new(Limit { seat: Seat::new(&SHARED, inner.endpoint(), *self), inner })
    }
}

/// What goes on at one gate of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// The host of the candidates that share it, with its port; `None` where the candidate has no endpoint.
    pub host: Option<String>,
    /// The model, where requests name one.
    pub model: Option<String>,
    /// Requests that have a place.
    pub in_flight: usize,
    /// Requests that wait for one.
    pub waiting: usize,
}

/// What goes on at all gates of this process, in the order of their hosts and models.
pub fn readings() -> Vec<Reading> {
    let rows = SHARED.all().into_iter();
    rows.map(|(endpoint, model, gate)| gate.reading(host_of(endpoint.as_ref()), model)).collect()
}

/// A provider that is asked no more than it takes.
#[derive(Debug)]
struct Limit {
    inner: Arc<dyn Provider>,
    seat: Seat<LimitLayer, Gate>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Limit {
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
        let gate = self.seat.of(request.model.as_ref(), Gate::new);
        let ticket = Ticket::wait(gate, cx, &request).await?;
        let cx = cx.clone().with_quota_observer(ticket.observer());
        match self.inner.chat(&cx, request).await {
            Ok(reply) if reply.is_live() || !ticket.counts_tokens() => Ok(ticket.answered(reply)),
            // Boxed, so that calls whose tokens nobody counts need no room for it.
            Ok(reply) => Box::pin(ticket.counted(reply)).await,
            Err(error) => Err(ticket.failed(&cx, error)),
        }
    }
}
