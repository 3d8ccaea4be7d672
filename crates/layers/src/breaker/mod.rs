//! Refuses at once while the candidate is known to be down.
//!
//! What it knows belongs to (host, credential, model) and is shared by all candidates of the process that have these in common.
//! Only attempts that reached the provider are counted, and only failures that speak against the provider's health are failures.
//!
//! It opens after some failures in a row, which a dead provider shows at once, and when most of the last outcomes were failures,
//! which one that is half alive shows. Shares over a span of time, as other breakers count them, would say nothing where there is
//! little traffic, and come late where there is much.

mod cell;
mod ticket;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, EndpointId, Error, ErrorKind, Field, Layer,
    LayerContext, LayerReading, LayerRegistration, ModelName, Provider, Result, Slot, duration,
    register_layer,
};

use self::{cell::Cell, ticket::Ticket};
use crate::shared::{
    calls::of_candidate,
    nested::orchestrates,
    states::{Seat, Shared, host_of},
};

register_layer!(
    LayerRegistration::new("breaker", build)
        .slot(Slot::Breaker)
        .fields(BreakerConfig::FIELDS)
        .readings(Some(layer_readings))
        .summary(
            "refuses at once while a candidate is known to be down, and lets one probe through now and then"
        )
);

fn build(settings: Value, context: &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>> {
    let config: BreakerConfig = context.parse(settings, BreakerConfig::FIELDS)?;
    Ok(Some(Arc::new(BreakerLayer::new(config)?)))
}

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// Failures in a row that open it. Default: 5. It opens too when 12 of the last 20 outcomes were failures.
    pub failures_to_open: u32,
    /// How long it refuses before the first probe, in seconds, up to a tenth less at random; doubles after each probe that fails.
    /// What the provider asks for is a floor. Default: 5.
    pub open_seconds: f64,
    /// Upper bound of the time between two probes that the provider did not ask for, in seconds. Default: 60.
    pub max_open_seconds: f64,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures_to_open: 5, open_seconds: 5.0, max_open_seconds: 60.0 }
    }
}

impl BreakerConfig {
    /// Every setting, for help texts and settings files.
    pub const FIELDS: &'static [Field] = &[
        Field {
            name: "failures_to_open",
            doc: "Failures in a row that open it; 12 of the last 20 outcomes do so too. Default: 5.",
        },
        Field {
            name: "open_seconds",
            doc: "How long it refuses before the first probe, in seconds; doubles after each probe that fails. Default: 5.",
        },
        Field {
            name: "max_open_seconds",
            doc: "Upper bound of the time between two probes that the provider did not ask for, in seconds. Default: 60.",
        },
    ];
}

/// The layer `breaker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BreakerLayer {
    failures_to_open: u32,
    open: Duration,
    max_open: Duration,
}

impl BreakerLayer {
    /// A layer with other settings.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong.
    pub fn new(config: BreakerConfig) -> Result<Self> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Config, message));
        let open = duration("open_seconds", config.open_seconds)?;
        let max_open = duration("max_open_seconds", config.max_open_seconds)?;
        if config.failures_to_open == 0 {
            return wrong("`failures_to_open` is 0: it must be at least 1");
        }
        if max_open < open {
            return wrong("`max_open_seconds` is less than `open_seconds`: it must be at least as much");
        }
        Ok(Self { failures_to_open: config.failures_to_open, open, max_open })
    }
}

impl Default for BreakerLayer {
    fn default() -> Self {
        Self::new(BreakerConfig::default()).expect("the defaults are durations")
    }
}

static SHARED: Shared<BreakerLayer, Cell> = Shared::new();

impl Layer for BreakerLayer {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        if orchestrates(&*inner) {
            return inner;
        }
        Arc::new(Breaker { seat: Seat::new(&SHARED, inner.endpoint(), *self), inner })
    }
}

/// What a breaker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Lets attempts through.
    Closed,
    /// Refuses them.
    Open,
    /// Lets one probe through, or waits for what it says.
    HalfOpen,
}

/// One breaker of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// The host of the candidates that share it, with its port; `None` where the candidate has no endpoint.
    pub host: Option<String>,
    /// The model, where requests name one.
    pub model: Option<String>,
    /// What it does.
    pub state: State,
}

/// What all breakers of this process do now, in the order of their hosts and models.
pub fn readings() -> Vec<Reading> {
    let rows = SHARED.all().into_iter();
    let reading = |(endpoint, model, cell): (Option<EndpointId>, _, Arc<Cell>)| Reading {
        host: host_of(endpoint.as_ref()),
        model,
        state: cell.state(),
    };
    rows.map(reading).collect()
}

/// The same, as any layer tells it.
fn layer_readings() -> Vec<LayerReading> {
    let rows = SHARED.all().into_iter();
    let reading = |(endpoint, model, cell): (_, _, Arc<Cell>)| LayerReading {
        endpoint,
        model,
        states: &["closed", "half_open", "open"],
        state: match cell.state() {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open => 2,
        },
    };
    rows.map(reading).collect()
}

/// A provider that is left alone while it is down.
#[derive(Debug)]
struct Breaker {
    inner: Arc<dyn Provider>,
    seat: Seat<BreakerLayer, Cell>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Breaker {
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
        let cell = self.seat.of(request.model.as_ref(), Cell::new);
        let started = Instant::now();
        let ticket = Ticket::new(cell, started, cx.has_spare()).map_err(|error| of_candidate(cx, error))?;
        match self.inner.chat(cx, request).await {
            Ok(reply) => Ok(ticket.answered(cx, reply)),
            Err(error) => {
                ticket.failed(cx, &error);
                Err(error)
            }
        }
    }
}
