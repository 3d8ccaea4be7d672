//! Reserves money before each attempt.
//!
//! What an attempt costs is known when it is over, and by then others are under way. So each reserves the most that it may
//! cost, in every purse that it draws from, and is not begun where one of them does not hold that much: a limit is never
//! passed, however many ask at once. Core's attempt settles what was reserved.

mod bound;

use std::{pin::Pin, sync::Arc};

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    Accounting, Budgets, CallContext, Capabilities, ChatReply, ChatRequest, Cost, Deposit, EndpointId, Error,
    ErrorKind, Field, Layer, LayerContext, LayerRegistration, ModelName, Provider, Purse, Result, Slot,
    register_layer,
};

use crate::shared::nested::orchestrates;

register_layer!(
    LayerRegistration::new("budget", build).slot(Slot::Budget).fields(BudgetConfig::FIELDS).summary(
        "keeps to limits of money: `budget_dollars`, `daily_budget_dollars`, `daily_budget_dollars_per_key`"
    )
);

fn build(settings: Value, context: &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>> {
    let config: BudgetConfig = context.parse(settings, BudgetConfig::FIELDS)?;
    let layer = BudgetLayer::new(config, Arc::clone(context.accounting), Arc::clone(context.budgets))?;
    Ok(Some(Arc::new(layer)))
}

/// How much is reserved. What may be spent are options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// Tokens that an answer may have where neither the request's `max_tokens` nor the model says it. Default: 131,072: GPT-5
    /// writes up to 128,000, and few others more.
    pub assumed_output_tokens: u64,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self { assumed_output_tokens: 131_072 }
    }
}

impl BudgetConfig {
    /// Every setting, for help texts and settings files.
    pub const FIELDS: &'static [Field] = &[Field {
        name: "assumed_output_tokens",
        doc: "Tokens that an answer may have where neither `max_tokens` nor the model says it. Default: 131072.",
    }];
}

/// The layer `budget` around one candidate. Around an orchestrator it reserves nothing, since each of the candidates in there
/// does, and hands on the limits of the day that they draw from.
#[derive(Clone, Debug)]
pub struct BudgetLayer {
    config: BudgetConfig,
    accounting: Arc<Accounting>,
    budgets: Arc<Budgets>,
}

impl BudgetLayer {
    /// A layer around the candidate whose attempts are priced by `accounting`; what may be spent in a day say `budgets`.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong.
    pub fn new(config: BudgetConfig, accounting: Arc<Accounting>, budgets: Arc<Budgets>) -> Result<Self> {
        if config.assumed_output_tokens == 0 {
            let message = "`assumed_output_tokens` is 0: it must be at least 1";
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Self { config, accounting, budgets })
    }
}

impl Layer for BudgetLayer {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        let orchestrates = orchestrates(&*inner);
        Arc::new(Budget { endpoint: inner.endpoint(), inner, orchestrates, layer: self.clone() })
    }
}

/// A provider that is asked only for what can be paid.
#[derive(Debug)]
struct Budget {
    inner: Arc<dyn Provider>,
    endpoint: Option<EndpointId>,
    orchestrates: bool,
    layer: BudgetLayer,
}

impl Budget {
    /// The same call, for which the most that it may cost is set aside in every purse that it draws from.
    fn set_aside(&self, cx: &CallContext, request: &ChatRequest) -> Result<CallContext> {
        let BudgetLayer { config, accounting, budgets } = &self.layer;
        let today = budgets.both_of_today(self.endpoint.as_ref());
        let purses = || cx.purses().chain(today.iter().flatten().map(|(limit, purse)| (*limit, purse)));
        let Some((limit, _)) = purses().next() else { return Ok(cx.clone()) };
        let model = request.model.as_ref();
        let most = match accounting.price(model.map(ModelName::as_str), None) {
            Some(price) => {
                let can = model.map(|model| self.inner.capabilities(model)).unwrap_or_default();
                let output = bound::output_tokens(request, &can, config.assumed_output_tokens);
                price.upper_bound(bound::input_tokens(request), output)
            }
            // It reserves nothing, and what it cost is spent where that is known in the end.
            None if cx.allows_unknown_prices() => 0,
            None => return Err(Accounting::unknown_price(limit, model.map(ModelName::as_str))),
        };
        let reserve = |(limit, purse): (&'static str, &Purse)| {
            purse.reserve(most).ok_or_else(|| too_dear(limit, purse, most, request))
        };
        Ok(cx.clone().with_deposit(Deposit::of_all(purses().map(reserve))?))
    }

    /// The same call, whose candidates draw from the limits of the day here too.
    fn handed_on(&self, cx: &CallContext) -> CallContext {
        let today = self.layer.budgets.today(None);
        today.into_iter().fold(cx.clone(), |cx, (limit, purse)| cx.with_purse(limit, purse))
    }
}

fn too_dear(limit: &str, purse: &Purse, most: u64, request: &ChatRequest) -> Error {
    let left = Cost::NanoDollars(purse.remaining().unwrap_or(0));
    let most = Cost::NanoDollars(most);
    let advice = match request.max_tokens {
        Some(tokens) => format!("lower `max_tokens` ({tokens} now)"),
        None => "set the request's `max_tokens` or the layer's `assumed_output_tokens`".to_owned(),
    };
    let raise = match limit.starts_with("`daily") {
        true => format!("raise {limit} or wait for midnight UTC"),
        false => format!("raise {limit}"),
    };
    let message = format!("of {limit} {left} is left, and the attempt may cost {most}: {advice}, or {raise}");
    Error::new(ErrorKind::BudgetExceeded, message).unsent()
}

// Written out, and not through the macro, so that where nothing is limited the inner future is handed on and not boxed once
// more.
#[deny(clippy::missing_trait_methods)]
impl Provider for Budget {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.inner.capabilities(model)
    }

    fn endpoint(&self) -> Option<EndpointId> {
        self.endpoint.clone()
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
        let is_limited = self.layer.budgets.is_limited();
        if self.orchestrates && is_limited {
            return Box::pin(async move { self.inner.chat(&self.handed_on(cx), request).await });
        }
        if self.orchestrates || !is_limited && cx.purses().next().is_none() {
            return self.inner.chat(cx, request);
        }
        Box::pin(async move {
            let cx = self.set_aside(cx, &request)?;
            self.inner.chat(&cx, request).await
        })
    }
}
