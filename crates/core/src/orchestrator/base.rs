//! What every strategy needs: the providers, their layers, the selector, the options.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    Run,
    admission::{Admission, Place},
    candidates::{capable, refuse_circle, unknown_provider},
    succession::Before,
    telling::Telling,
};
use crate::{
    Accounting, Budgets, BuildContext, CallContext, Candidate, ChatRequest, Clock, Error, ErrorKind, Layer,
    LayerContext, Lookup, Meter, Options, Provider as _, ProviderId, ProviderSpec, Purse, Registry,
    RequestOptions, Result, Selector, Slot, Strategy, Tokenizer,
    accounting::Sources,
    attempt::Attempt,
    candidate::{LayerSettings, Source},
    layer::stack,
    money::nano_dollars,
    stats::{Flight, OrchestratorStats, RequestStats, UnderWay},
};

/// Why a request ended that nobody began.
pub(super) const WAITED: &str =
    "the request waited for its turn until its deadline: `max_requests_in_flight` were under way";

/// The providers of an application with everything that strategies share. A clone is the same orchestrator.
#[derive(Clone)]
pub struct BaseOrchestrator {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) parts: Parts,
    pub(super) lasting: Lasting,
    pub(super) candidates: RwLock<Arc<Vec<Arc<Candidate>>>>,
    /// What those leave whose place this one takes.
    before: Before,
}

/// What goes on in the one that takes this one's place.
#[derive(Clone, Default)]
pub(super) struct Lasting {
    /// None: any number of requests may be under way.
    pub(super) admission: Option<Arc<Admission>>,
    pub(super) requests: Arc<RequestStats>,
    /// Selectors that options named, kept for what they learn.
    pub(super) selectors: Arc<Mutex<BTreeMap<&'static str, Arc<dyn Selector>>>>,
    pub(super) runs: Arc<AtomicU64>,
}

/// What a builder gives.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) registry: Arc<Registry>,
    pub(super) selector: Option<Arc<dyn Selector>>,
    pub(super) prices: Sources,
    pub(super) tokenizers: Arc<[Arc<dyn Tokenizer>]>,
    pub(super) meter: Option<Arc<dyn Meter>>,
    pub(super) layers: Vec<(Slot, Arc<dyn Layer>)>,
    pub(super) layer_settings: LayerSettings,
    pub(super) budgets: Arc<Budgets>,
    pub(super) options: Arc<Options>,
    pub(super) lookup: Lookup,
    pub(super) clock: Clock,
    pub(super) seed: u64,
}

impl BaseOrchestrator {
    pub(super) fn new(parts: Parts, lasting: Lasting, before: Before) -> Self {
        Self { inner: Arc::new(Inner { parts, lasting, candidates: RwLock::default(), before }) }
    }

    /// The plugins it builds from.
    pub fn registry(&self) -> &Registry {
        &self.inner.parts.registry
    }

    /// Requests under way.
    pub fn requests_in_flight(&self) -> u64 {
        self.inner.lasting.requests.in_flight()
    }

    /// Requests that wait for their turn, which are under way too.
    pub fn requests_queued(&self) -> u64 {
        self.inner.lasting.admission.as_ref().map_or(0, |admission| admission.waiting() as u64)
    }

    /// Waits for a place among the requests under way; `None` when the deadline came first.
    ///
    /// # Errors
    /// `QueueFull`, with the delay after which there will probably be room.
    pub(super) async fn admit(&self, cx: &CallContext) -> Result<Option<Option<OwnedSemaphorePermit>>> {
        let Some(admission) = &self.inner.lasting.admission else { return Ok(Some(None)) };
        let permit = admission.enter(cx.deadline(), || self.inner.lasting.requests.usual_duration()).await?;
        Ok(permit.map(Some))
    }

    /// Waits for a place among the requests under way, for what no strategy does, such as embeddings. It is under way until
    /// the place is dropped; requests that ended are counted without it.
    ///
    /// # Errors
    /// `QueueFull`, with the delay after which there will probably be room, and `Timeout` when the deadline came first.
    pub async fn enter(&self, cx: &CallContext) -> Result<Place> {
        let counted = UnderWay::begin(&self.inner.lasting.requests);
        match self.admit(cx).await? {
            Some(permit) => Ok(Place { _permit: permit, _counted: counted }),
            None => Err(Error::new(ErrorKind::Timeout, WAITED).unsent()),
        }
    }

    /// Who orders the candidates for `strategy` under `options`.
    ///
    /// # Errors
    /// `Config` when it is not linked.
    pub(super) fn selector_of(
        &self,
        strategy: &dyn Strategy,
        options: &Options,
    ) -> Result<Arc<dyn Selector>> {
        let parts = &self.inner.parts;
        let name = match (&options.selector, &parts.selector) {
            (Some(name), _) => name.as_str(),
            (None, Some(selector)) => return Ok(Arc::clone(selector)),
            (None, None) => strategy.selector().unwrap_or("priority"),
        };
        let mut built = self.inner.lasting.selectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(selector) = built.get(name) {
            return Ok(Arc::clone(selector));
        }
        let selector = parts.registry.selector(name)?;
        built.insert(selector.name(), Arc::clone(&selector));
        Ok(selector)
    }

    /// The options of this orchestrator; a request's go over them.
    pub fn options(&self) -> &Options {
        &self.inner.parts.options
    }

    /// Adds a candidate under the user's name for it: `provider("openai").model("gpt-4o")`, or any
    /// [`Provider`](crate::Provider), an orchestrator among them.
    ///
    /// The same name with the same settings keeps the candidate and its counters; with changed ones it
    /// starts afresh in the same place. Requests under way keep what they have.
    ///
    /// # Errors
    /// `Config`, which says what the settings lack, or that the fallbacks run in a circle.
    pub fn register_provider(&self, id: impl AsRef<str>, spec: impl Into<ProviderSpec>) -> Result<()> {
        let (id, spec) = (ProviderId::new(id)?, spec.into());
        let known = self.candidate(&id);
        if known.is_some_and(|candidate| *candidate.spec == spec) {
            return Ok(());
        }
        let candidate = match self.inner.before.whole(&id, &spec) {
            Some(candidate) => candidate,
            None => self.build(id, spec)?,
        };
        self.change(|candidates| {
            refuse_circle(candidates, &candidate)?;
            match candidates.iter_mut().find(|known| known.id == candidate.id) {
                Some(place) => *place = candidate,
                None => candidates.push(candidate),
            }
            Ok(())
        })
    }

    /// Swaps the settings of a candidate; its counters start afresh unless nothing changed.
    ///
    /// # Errors
    /// `Config` when no candidate has the name, or as [`register_provider`](Self::register_provider).
    pub fn reconfigure_provider(&self, id: impl AsRef<str>, spec: impl Into<ProviderSpec>) -> Result<()> {
        let id = ProviderId::new(id)?;
        if self.candidate(&id).is_none() {
            return Err(unknown_provider(id.as_str(), &self.candidates()));
        }
        self.register_provider(id.as_str(), spec)
    }

    /// Takes a candidate out. Requests under way keep it.
    ///
    /// # Errors
    /// `Config` when no candidate has the name.
    pub fn unregister_provider(&self, id: impl AsRef<str>) -> Result<()> {
        let id = id.as_ref();
        self.change(|candidates| match candidates.iter().position(|candidate| candidate.id == *id) {
            Some(place) => {
                candidates.remove(place);
                Ok(())
            }
            None => Err(unknown_provider(id, candidates)),
        })
    }

    /// The candidates, in the order of registration.
    pub fn candidates(&self) -> Arc<Vec<Arc<Candidate>>> {
        Arc::clone(&self.inner.candidates.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The candidate of that name.
    pub fn candidate(&self, id: &ProviderId) -> Option<Arc<Candidate>> {
        self.candidates().iter().find(|candidate| candidate.id == *id).cloned()
    }

    /// The counters of the requests so far, and of every candidate's attempts.
    pub fn stats(&self) -> OrchestratorStats {
        let candidates = self.candidates();
        let providers = candidates.iter().map(|candidate| (candidate.id.clone(), candidate.stats.snapshot()));
        OrchestratorStats::new(
            self.inner.lasting.requests.snapshot(self.requests_queued()),
            providers.collect(),
        )
    }

    /// Begins a request: checks it and the options, sets deadline, purse, ledger and the candidates' order.
    ///
    /// # Errors
    /// `InvalidRequest` or `Config` for what nobody could answer, `Unsupported` when no candidate can do
    /// what the request asks for.
    pub fn start(&self, request: ChatRequest, options: &RequestOptions) -> Result<Run> {
        self.start_with(Arc::new(request), options, None, None)
    }

    pub(super) fn start_with(
        &self,
        request: Arc<ChatRequest>,
        over: &RequestOptions,
        parent: Option<&CallContext>,
        events: Option<Telling>,
    ) -> Result<Run> {
        let parts = &self.inner.parts;
        let options = match over.options == Options::default() {
            true => Arc::clone(&parts.options),
            false => Arc::new(parts.options.overridden_by(&over.options)),
        };
        let resolved = options.resolve()?;
        self.check_links(&over.options)?;
        if over.options.connect_timeout_seconds.is_some() {
            let message = "`connect_timeout_seconds` cannot be set for one request: connections are shared; set it on the \
                           orchestrator, or in the settings";
            return Err(Error::new(ErrorKind::Config, message));
        }
        if let Some(name) = over.options.shared_by_requests() {
            let message = format!(
                "`{name}` cannot be set for one request: all requests share it; set it on the orchestrator, or in the settings"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        // One without a limit only counts, and core does that itself.
        if over.purse.as_ref().is_some_and(|purse| purse.limit().is_some()) {
            self.check_budget_layer("purse")?;
        }
        request.validate()?;

        let all = self.candidates();
        if all.is_empty() {
            let message = "no provider is registered: call `register_provider`, or name one in the settings";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let seed = over.seed.unwrap_or_else(|| self.next_seed());
        let cx = match parent {
            Some(cx) => cx.child().inside(&options),
            None => {
                let ledger = over.ledger.clone().unwrap_or_default();
                let limit = options.budget_dollars.and_then(nano_dollars);
                let purse = limit.map_or_else(Purse::unlimited, Purse::of);
                let unknown_prices = options.allow_unknown_prices.unwrap_or(false);
                let clock = parts.clock.clone();
                CallContext::with_purses(seed, clock, purse, over.purse.clone(), unknown_prices, ledger)
            }
        };
        let cx = cx
            .with_timeout(resolved.timeout)
            .with_capture(options.capture_message_content())
            .with_drop_unsupported(options.drop_unsupported());
        let cx = if over.hurried { cx.hurried() } else { cx };
        let mut run = Run::new(self.clone(), cx, request, options, resolved, all, events);
        run.max_retries = over.options.max_retries;
        run.seed = seed;
        run.candidates = capable(&run, over)?;
        run.put_model_in();
        run.check_named(&run.options)?;
        run.flight = Some(Flight::begin(&self.inner.lasting.requests, parts.meter.clone()));
        Ok(run)
    }

    /// Checks that what the options need is linked.
    ///
    /// # Errors
    /// `Config`, which names the option and what brings it.
    pub fn check_links(&self, options: &Options) -> Result<()> {
        let parts = &self.inner.parts;
        let own_retry = parts.layers.iter().any(|(slot, _)| *slot == Slot::Retry);
        if options.max_retries.is_some_and(|retries| retries > 0) && !own_retry {
            parts.registry.require_layer("retry", "max_retries")?;
        }
        if let Some((option, _)) = options.budgets().into_iter().find(|(_, dollars)| dollars.is_some()) {
            self.check_budget_layer(option)?;
        }
        if let Some(analyzer) = &options.analysis_type {
            parts.registry.analyzer(analyzer)?;
        }
        if let Some(selector) = &options.selector {
            parts.registry.selector(selector)?;
        }
        Ok(())
    }

    /// The settings of layers around every candidate.
    pub(super) fn layer_settings(&self) -> &LayerSettings {
        &self.inner.parts.layer_settings
    }

    /// Checks that the layers that settings are for are linked.
    pub(super) fn check_layers(&self, settings: &LayerSettings) -> Result<()> {
        settings.keys().try_for_each(|name| self.registry().layer(name).map(drop))
    }

    /// What may be spent in a day, and what was spent today.
    pub fn budgets(&self) -> &Budgets {
        &self.inner.parts.budgets
    }

    /// Checks that somebody keeps to the limit of money that `option` is.
    fn check_budget_layer(&self, option: &str) -> Result<()> {
        match self.inner.parts.layers.iter().any(|(slot, _)| *slot == Slot::Budget) {
            true => Ok(()),
            false => self.registry().require_layer("budget", option),
        }
    }

    fn next_seed(&self) -> u64 {
        let number = self.inner.lasting.runs.fetch_add(1, Ordering::Relaxed);
        // The golden ratio spreads neighbouring numbers over all bits (Knuth, TAOCP 3, 6.4).
        fastrand::Rng::with_seed(self.inner.parts.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).u64(..)
    }

    fn build(&self, id: ProviderId, spec: ProviderSpec) -> Result<Arc<Candidate>> {
        let parts = &self.inner.parts;
        let named = |error: Error| match error.provider() {
            None => error.with_provider(id.clone()),
            Some(_) => error,
        };
        let terms = spec.terms().map_err(named)?;
        if terms.max_retries.is_some_and(|retries| retries > 0) {
            let options = Options { max_retries: terms.max_retries, ..Options::default() };
            self.check_links(&options).map_err(named)?;
        }
        let mut registered = None;
        let mut sources = parts.prices.clone();
        if let Source::Registered { name, settings, .. } | Source::Played { name, settings, .. } =
            &spec.source
        {
            let row = parts.registry.provider_registration(name).map_err(named)?;
            registered = Some(row.name);
            sources.linked = !row.is_moved(settings);
        }
        let provider = match &spec.source {
            Source::Built(provider) | Source::Played { by: provider, .. } => Arc::clone(provider),
            Source::Registered { name, settings, key } => {
                let mut context = BuildContext::new(id.clone(), parts.lookup.clone());
                context.model.clone_from(&terms.model);
                context.key.clone_from(key);
                context.seed = self.next_seed();
                if let Some(seconds) = parts.options.connect_timeout_seconds {
                    context.connect_timeout = Duration::from_secs_f64(seconds);
                }
                parts.registry.provider(name, settings.clone().into(), &context).map_err(named)?
            }
        };
        let stats = self.inner.before.counters(&id, &spec);
        let accounting = Accounting::new(
            terms.price.clone(),
            registered,
            sources,
            Arc::clone(&parts.tokenizers),
            parts.meter.clone(),
            parts.clock.clone(),
        );
        let accounting = Arc::new(accounting.of_model(terms.model.as_ref()));
        let (model, books) = (terms.model.clone(), Arc::clone(&accounting));
        let attempt = Attempt::of_model(provider, id.clone(), model, books, Arc::clone(&stats));
        let context = LayerContext {
            model: terms.model.as_ref(),
            endpoint: attempt.endpoint(),
            clock: parts.clock.clone(),
            seed: self.next_seed(),
            ..LayerContext::new(&id, &stats, &accounting, &parts.budgets)
        };
        let layers = self.layers(&spec, &context).map_err(named)?;
        let stack = stack(Arc::new(attempt), &layers);
        let provider_name = stack.name().into();
        Ok(Arc::new(Candidate { id, spec: Arc::new(spec), terms, provider_name, stack, stats, accounting }))
    }

    /// The layers around one candidate: the application's own, and the linked ones in the slots that those leave free.
    fn layers(&self, spec: &ProviderSpec, context: &LayerContext<'_>) -> Result<Vec<(Slot, Arc<dyn Layer>)>> {
        let parts = &self.inner.parts;
        self.check_layers(&spec.common.layers)?;
        let mut layers = parts.layers.clone();
        layers.extend(spec.layers.iter().cloned());
        for row in parts.registry.layers() {
            if layers.iter().any(|(slot, _)| *slot == row.slot) {
                continue;
            }
            let mut settings = parts.layer_settings.get(row.name).cloned().unwrap_or_default();
            settings.extend(spec.common.layers.get(row.name).cloned().unwrap_or_default());
            if let Some(layer) = row.layer(settings, context)? {
                layers.push((row.slot, layer));
            }
        }
        Ok(layers)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Candidate>>) -> Result<()>) -> Result<()> {
        let mut candidates = self.inner.candidates.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = candidates.to_vec();
        change(&mut changed)?;
        *candidates = Arc::new(changed);
        Ok(())
    }
}

impl fmt::Debug for BaseOrchestrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.candidates().iter().map(|candidate| candidate.id.clone()).collect();
        f.debug_struct("BaseOrchestrator").field("candidates", &ids).finish_non_exhaustive()
    }
}
