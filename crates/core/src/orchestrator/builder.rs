//! Builds an orchestrator.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{BaseOrchestrator, Orchestrator, base::Parts};
use crate::{
    Budgets, Clock, Error, ErrorKind, Layer, Lookup, Meter, Options, PriceSource, ProviderId, Registry,
    Result, Selector, Slot, Strategy, accounting::Sources, candidate::LayerSettings, money::nano_dollars,
};

/// Builds an [`Orchestrator`]. Every option is a method here and a key of the settings.
#[derive(Debug)]
#[must_use = "call `build`"]
pub struct OrchestratorBuilder<S> {
    strategy: S,
    registry: Option<Arc<Registry>>,
    selector: Option<Arc<dyn Selector>>,
    prices: Vec<Arc<dyn PriceSource>>,
    meter: Option<Arc<dyn Meter>>,
    layers: Vec<(Slot, Arc<dyn Layer>)>,
    layer_settings: LayerSettings,
    options: Options,
    lookup: Lookup,
    clock: Clock,
    seed: Option<u64>,
    before: Option<BaseOrchestrator>,
}

macro_rules! option_methods {
    ($($(#[doc = $doc:literal])+ $name:ident($type:ty),)*) => {
        $($(#[doc = $doc])+
        pub fn $name(mut self, $name: $type) -> Self {
            self.options.$name = Some($name);
            self
        })*
    };
}

impl<S: Strategy> OrchestratorBuilder<S> {
    /// A builder around `strategy`, over what is linked into the program.
    pub fn new(strategy: S) -> Self {
        Self {
            strategy,
            registry: None,
            selector: None,
            prices: Vec::new(),
            meter: None,
            layers: Vec::new(),
            layer_settings: LayerSettings::new(),
            options: Options::default(),
            lookup: Lookup::environment(),
            clock: Clock::default(),
            seed: None,
            before: None,
        }
    }

    option_methods! {
        /// Sets the attempts after the first, for each candidate. Default: 3.
        max_retries(u32),
        /// Sets whether candidates are asked together. Default: true.
        parallel_requests(bool),
        /// Sets the upper bound of a whole request, in seconds. Default: 120.
        timeout_seconds(f64),
        /// Sets the upper bound of the time to connect, in seconds. Default: 10.
        connect_timeout_seconds(f64),
        /// Sets the upper bound of the time to the first content of a live answer, in seconds. Default: 60, and no
        /// more than half of the whole request's.
        first_event_timeout_seconds(f64),
        /// Sets the upper bound of the silence within a live answer, in seconds. Default: 30.
        gap_timeout_seconds(f64),
        /// Sets whether to stop as soon as enough good answers are there. Default: false.
        use_early_stopping(bool),
        /// Sets how many good answers are needed. Default: 1.
        min_responses_needed(usize),
        /// Sets how many candidates may be asked for one request. Default: all.
        max_providers_per_request(usize),
        /// Sets the candidate that compares the answers. Default: none: they are compared by their words.
        analyst(ProviderId),
        /// Sets the candidate that writes the synthesis. Default: the first healthy one that answered.
        synthesizer(ProviderId),
        /// Sets whether one answer is written from several good ones. Default: the strategy's own.
        synthesize(bool),
        /// Sets how many requests may be under way at once; further ones wait in order. Default: any number.
        max_requests_in_flight(usize),
        /// Sets how many requests may wait; further ones are refused. Default: 4 times `max_requests_in_flight`.
        max_queued_requests(usize),
        /// Sets what one request may cost, in dollars. Default: any amount.
        budget_dollars(f64),
        /// Sets what all requests of a day (UTC) may cost together, in dollars. Default: any amount.
        daily_budget_dollars(f64),
        /// Sets what the requests of a day (UTC) with one key may cost together, in dollars. Default: any amount.
        daily_budget_dollars_per_key(f64),
        /// Sets whether candidates of unknown price may be asked under a budget. Default: false.
        allow_unknown_prices(bool),
        /// Sets whether a provider may be asked without what it cannot be told. Default: false.
        drop_unsupported(bool),
        /// Sets whether `tracing` spans hold the prompts and the answers. Default: false.
        capture_message_content(bool),
    }

    /// Sets the analyzer that compares the answers. Default: `comparative` where it is linked.
    pub fn analysis_type(mut self, name: impl Into<String>) -> Self {
        self.options.analysis_type = Some(name.into());
        self
    }

    /// Sets the prompt of the comparison, with the variables that [`prompt`](crate::prompt) lists. Default: the analyzer's.
    pub fn analysis_template(mut self, template: impl Into<String>) -> Self {
        self.options.analysis_template = Some(template.into());
        self
    }

    /// Sets the prompt of the synthesis, with the variables that [`prompt`](crate::prompt) lists. Default:
    /// [`SYNTHESIS_TEMPLATE`](crate::prompt::SYNTHESIS_TEMPLATE).
    pub fn synthesis_template(mut self, template: impl Into<String>) -> Self {
        self.options.synthesis_template = Some(template.into());
        self
    }

    /// Sets the options that `options` holds.
    pub fn options(mut self, options: &Options) -> Self {
        self.options = self.options.overridden_by(options);
        self
    }

    /// Sets the plugins to build from. Default: those that are linked into the program.
    pub fn registry(mut self, registry: Arc<Registry>) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Sets who orders the candidates, where the option `selector` names nobody. Default: the strategy's own choice, else
    /// [`Priority`](crate::Priority).
    pub fn selector(mut self, selector: impl Selector) -> Self {
        self.selector = Some(Arc::new(selector));
        self
    }

    /// Names the selector that orders the candidates, such as `latency`. It goes over [`selector`](Self::selector).
    pub fn selector_named(mut self, name: impl Into<String>) -> Self {
        self.options.selector = Some(name.into());
        self
    }

    /// Adds a source of prices, which is asked before those that were added later and before the linked ones.
    pub fn prices(mut self, source: impl PriceSource) -> Self {
        self.prices.push(Arc::new(source));
        self
    }

    /// Sets who gets the measurements. Default: nobody.
    pub fn meter(mut self, meter: impl Meter) -> Self {
        self.meter = Some(Arc::new(meter));
        self
    }

    /// Puts a layer around every candidate, in place of a linked one of that slot.
    pub fn layer(mut self, slot: Slot, layer: impl Layer) -> Self {
        self.layers.push((slot, Arc::new(layer)));
        self
    }

    /// Sets settings of the linked layer `name` around every candidate, such as `json!({ "enabled": false })`. A candidate's own
    /// go over them: [`ProviderSpec::layer_settings`](crate::ProviderSpec::layer_settings).
    pub fn layer_settings(mut self, name: impl Into<String>, settings: Map<String, Value>) -> Self {
        self.layer_settings.insert(name.into(), settings);
        self
    }

    /// Sets where variables are looked up. Default: the process's environment.
    pub fn lookup(mut self, lookup: Lookup) -> Self {
        self.lookup = lookup;
        self
    }

    /// Sets the wall clock. Default: the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the seed of every random choice. Default: from the operating system.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Takes the place of `before`, whose prices, layers or plugins were others. The counters of the requests and what was spent
    /// today go on, and so do the counters of every candidate that is registered as it stood there. Its layers begin afresh, with
    /// breakers and limits, and so do its connections, and the queue where its bounds are others. Requests under way there keep
    /// what they began with. [`BaseOrchestrator::successor`] keeps more where only the options are others.
    pub fn succeeding(mut self, before: &BaseOrchestrator) -> Self {
        self.before = Some(before.clone());
        self
    }

    /// Builds the orchestrator.
    ///
    /// # Errors
    /// `Config` for an option that is wrong, or whose plugin is not linked.
    pub fn build(self) -> Result<Orchestrator<S>> {
        self.options.validate()?;
        let seed = match self.seed {
            Some(seed) => seed,
            None => getrandom::u64().map_err(|error| {
                let message = format!("the operating system gives no random numbers ({error}): set `seed`");
                Error::new(ErrorKind::Config, message)
            })?,
        };
        let registry = self.registry.map_or_else(Registry::linked, Ok)?;
        let linked = registry.prices().map(|row| (row.build)());
        let parts = Parts {
            prices: Sources {
                given: self.prices.len(),
                all: self.prices.into_iter().chain(linked).collect(),
                linked: true,
            },
            tokenizers: registry.tokenizers().map(|row| (row.build)()).collect(),
            meter: self.meter,
            registry,
            selector: self.selector,
            layers: self.layers,
            layer_settings: self.layer_settings,
            budgets: Arc::new(Budgets::new(
                self.options.daily_budget_dollars.and_then(nano_dollars),
                self.options.daily_budget_dollars_per_key.and_then(nano_dollars),
                self.clock.clone(),
            )),
            options: Arc::new(self.options),
            lookup: self.lookup,
            clock: self.clock,
            seed,
        };
        let base = match &self.before {
            Some(before) => before.with_parts(parts, false, |_| true),
            None => BaseOrchestrator::first(parts),
        };
        base.check_layers(base.layer_settings())?;
        base.check_links(base.options())?;
        base.selector_of(&self.strategy, base.options())?;
        Ok(Orchestrator::new(base, self.strategy))
    }
}
