//! Asks twice where an answer is late.
//!
//! A second leg for the few slowest requests takes most of a long tail away and costs little (J. Dean and L. A. Barroso, "The
//! Tail at Scale", Communications of the ACM 56(2), 2013, "hedged requests"). It pays only where a tail is long: where the
//! slowest would be overtaken by a fresh leg. Where times are narrow it stays still, and where second legs hardly ever win, since it
//! is long answers that take long, it nearly does.

mod estimate;
mod share;

use std::{pin::Pin, sync::Arc};

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use ultraai_core::{
    AbandonReason, CallContext, Capabilities, ChatReply, ChatRequest, Delivery, EndpointId, Error, ErrorKind,
    Field, Layer, LayerContext, LayerRegistration, ModelName, Provider, Result, Slot, register_layer,
};

use self::{
    estimate::{Estimator, Plan},
    share::{Paid, Share},
};
use crate::shared::nested::orchestrates;

register_layer!(
    LayerRegistration::new("hedge", build)
        .slot(Slot::Hedge)
        .fields(HedgeConfig::FIELDS)
        .summary("asks a second time where an answer is late, for a small share of the requests")
);

fn build(settings: Value, context: &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>> {
    let config: HedgeConfig = context.parse(settings, HedgeConfig::FIELDS)?;
    Ok(Some(Arc::new(HedgeLayer::new(config)?)))
}

/// When a second leg is started, and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HedgeConfig {
    /// Second legs, as a share of the requests. Default: 0.05, as in "The Tail at Scale".
    pub max_share: f64,
    /// Share of the candidate's own answers that are there when a second leg is started. Default: 0.95, as in "The Tail at
    /// Scale".
    pub quantile: f64,
    /// Answers that must have been timed before anything is asked twice. Default: 100, so that five of them are later than
    /// the default quantile.
    pub min_samples: u64,
}

impl Default for HedgeConfig {
    fn default() -> Self {
        Self { max_share: 0.05, quantile: 0.95, min_samples: 100 }
    }
}

impl HedgeConfig {
    /// Every setting, for help texts and settings files.
    pub const FIELDS: &'static [Field] = &[
        Field { name: "max_share", doc: "Second legs, as a share of the requests. Default: 0.05." },
        Field {
            name: "quantile",
            doc: "Share of the candidate's own answers that are there when a second leg is started. Default: 0.95.",
        },
        Field {
            name: "min_samples",
            doc: "Answers that must have been timed before anything is asked twice. Default: 100.",
        },
    ];

    fn check(&self) -> Result<()> {
        let wrong = |message| Err(Error::new(ErrorKind::Config, message));
        if !(self.max_share > 0.0 && self.max_share <= 1.0) {
            return wrong(format!(
                "`max_share` is {}: it must be a number above 0, and at most 1; to hedge nothing, set `enabled` to false",
                self.max_share
            ));
        }
        if !(0.5..1.0).contains(&self.quantile) {
            return wrong(format!(
                "`quantile` is {}: it must be a number from 0.5 up, and below 1",
                self.quantile
            ));
        }
        if self.min_samples == 0 {
            return wrong("`min_samples` is 0: it must be at least 1".to_owned());
        }
        Ok(())
    }
}

/// The layer `hedge`. Every candidate that it is put around has times and a share of its own.
///
/// Nothing is asked twice where [`CallContext::max_retries`] is 0: who wants no attempt after the first gets none. Nor is an
/// orchestrator, whose candidates are hedged one by one.
#[derive(Clone, Copy, Debug, Default)]
pub struct HedgeLayer {
    config: HedgeConfig,
}

impl HedgeLayer {
    /// A layer with another share or another quantile.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong.
    pub fn new(config: HedgeConfig) -> Result<Self> {
        config.check()?;
        Ok(Self { config })
    }
}

impl Layer for HedgeLayer {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        if orchestrates(&*inner) {
            return inner;
        }
        let estimator = || Estimator::new(self.config.quantile, self.config.min_samples);
        let share = Share::new(self.config.max_share);
        Arc::new(Hedge { inner, first_content: estimator(), whole: estimator(), share })
    }
}

/// A provider that is asked twice where it is late.
#[derive(Debug)]
struct Hedge {
    inner: Arc<dyn Provider>,
    /// Times to the first content of live answers. Core holds a live reply back until then.
    first_content: Estimator,
    /// Times to the end of whole answers.
    whole: Estimator,
    share: Share,
}

impl Hedge {
    fn estimator(&self, delivery: Delivery) -> &Estimator {
        match delivery {
            Delivery::Live => &self.first_content,
            Delivery::Whole => &self.whole,
        }
    }

    /// Asks, and once more when the answer is late.
    async fn hedged(&self, cx: &CallContext, request: Arc<ChatRequest>, plan: Plan) -> Result<ChatReply> {
        let estimator = self.estimator(request.delivery);
        let first_cx = cx.child();
        let mut first_leg = Leg::begin(estimator);
        let mut first = self.inner.chat(&first_cx, Arc::clone(&request));
        let mut late = first_leg.began + plan.after;
        let paid = loop {
            tokio::select! {
                biased;
                reply = &mut first => return first_leg.end(reply),
                () = tokio::time::sleep_until(late) => {}
            }
            if cx.remaining().is_some_and(|left| left < plan.usual) {
                // The second leg could hardly be over before the deadline.
                return first_leg.end(first.await);
            }
            if let Some(paid) = self.share.pay(estimator.wins()) {
                break paid;
            }
            // Most that are late now are there soon; those that still are not are the ones that a share is worth for.
            late += plan.usual;
        };
        let second_cx = cx.child().as_hedge();
        let mut second_leg = Leg::begin(estimator);
        let mut second = self.inner.chat(&second_cx, request);
        tokio::select! {
            biased;
            reply = &mut first => match first_leg.end(reply) {
                Ok(reply) => {
                    // Before the leg is dropped, which closes its row.
                    second_cx.abandon(AbandonReason::LostHedge);
                    estimator.wins().learn(false);
                    Ok(reply)
                }
                Err(error) => match self.end_second(&mut second_leg, &paid, second.await) {
                    Ok(reply) => Ok(reply),
                    Err(other) => Err(more_telling(error, other)),
                },
            },
            reply = &mut second => match self.end_second(&mut second_leg, &paid, reply) {
                Ok(reply) => {
                    first_cx.abandon(AbandonReason::LostHedge);
                    estimator.wins().learn(true);
                    Ok(reply)
                }
                Err(other) => first_leg.end(first.await).map_err(|error| more_telling(error, other)),
            },
        }
    }

    /// A second leg that was refused here was none, and its share goes to another.
    fn end_second(&self, leg: &mut Leg<'_>, paid: &Paid, reply: Result<ChatReply>) -> Result<ChatReply> {
        if reply.as_ref().is_err_and(Error::is_unsent) {
            self.share.give_back(paid);
        }
        leg.end(reply)
    }
}

/// Of the errors of both legs, the one that says more of the candidate.
fn more_telling(first: Error, second: Error) -> Error {
    if first.is_unsent() { second } else { first }
}

/// One leg, whose time is written down. Dropped before its end it took at least as long as it was waited for.
struct Leg<'a> {
    estimator: &'a Estimator,
    began: Instant,
    open: bool,
}

impl<'a> Leg<'a> {
    fn begin(estimator: &'a Estimator) -> Self {
        Self { estimator, began: Instant::now(), open: true }
    }

    /// A failure says nothing of how long an answer takes, unless it was waited for in vain.
    fn end(&mut self, reply: Result<ChatReply>) -> Result<ChatReply> {
        self.open = false;
        match &reply {
            Ok(_) => self.estimator.took(self.began.elapsed()),
            Err(error) if error.kind() == ErrorKind::Timeout && !error.is_unsent() => {
                self.estimator.took_at_least(self.began.elapsed());
            }
            Err(_) => {}
        }
        reply
    }
}

impl Drop for Leg<'_> {
    fn drop(&mut self) {
        if self.open {
            self.estimator.took_at_least(self.began.elapsed());
        }
    }
}

// Written out, and not through the macro, so that a call that is not hedged needs no room for a second leg.
#[deny(clippy::missing_trait_methods)]
impl Provider for Hedge {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.inner.capabilities(model)
    }

    fn endpoint(&self) -> Option<EndpointId> {
        self.inner.endpoint()
    }

    fn chat<'this, 'cx, 'call>(
        &'this self,
        cx: &'cx CallContext,
        request: Arc<ChatRequest>,
    ) -> Pin<Box<dyn Future<Output = Result<ChatReply>> + Send + 'call>>
    where
        'this: 'call,
        'cx: 'call,
        Self: 'call,
    {
        self.share.earn();
        let estimator = self.estimator(request.delivery);
        match estimator.plan().filter(|_| cx.max_retries() > 0) {
            Some(plan) => Box::pin(self.hedged(cx, request, plan)),
            None => Box::pin(async move {
                let mut leg = Leg::begin(estimator);
                leg.end(self.inner.chat(cx, request).await)
            }),
        }
    }
}
