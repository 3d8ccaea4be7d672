//! What all requests share, and what a reload replaces.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use ultraai::{Embedder, Error, ErrorKind, ProviderId, Result, TokenCounter};
use ultraai_settings::{GatewaySettings, Orchestrators, Settings};

use crate::{Metrics, State, access::Log, answer::now, server::Lifecycle, state::Caller};

/// What all requests share.
#[derive(Debug)]
pub struct App {
    live: RwLock<Arc<Live>>,
    /// Keys, their limits and what was spent.
    pub(crate) state: State,
    /// Measurements.
    pub(crate) metrics: Metrics,
    /// Whether it takes requests, or stops.
    pub(crate) lifecycle: Lifecycle,
    /// Where requests are told.
    pub(crate) log: Arc<Log>,
}

/// What a reload replaces. A request under way keeps what it began with.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) settings: Settings,
    pub(crate) orchestrators: Orchestrators,
    /// When they were put in force, in seconds since 1970.
    pub(crate) since: u64,
    /// Those that were asked so far.
    embedders: Mutex<BTreeMap<ProviderId, Arc<dyn Embedder>>>,
    counters: Mutex<BTreeMap<ProviderId, Option<Arc<dyn TokenCounter>>>>,
}

impl App {
    /// A gateway with these settings.
    ///
    /// # Errors
    /// `Config`, which says what a provider lacks.
    pub fn new(settings: Settings, state: State, metrics: Metrics) -> Result<Self> {
        let live = Arc::new(Live::new(settings, &metrics)?);
        metrics.know(live.models());
        Ok(Self {
            live: RwLock::new(live),
            state,
            metrics,
            lifecycle: Lifecycle::default(),
            log: Arc::default(),
        })
    }

    /// Puts other settings in the place of those in force. Everything is built and checked first; requests under way keep what
    /// they began with, and keys, limits and spend stay. Returns the keys of `[gateway]` that wait for a restart.
    ///
    /// # Errors
    /// `Config`; then those in force stay. Settings without the providers that a file set up are refused too, as
    /// [`Settings::take_over`] says.
    pub fn replace(&self, mut settings: Settings) -> Result<Vec<&'static str>> {
        let old = self.live();
        let waiting = settings.take_over(&old.settings)?;
        let live = old.succeeded_by(settings, &self.metrics)?;
        self.metrics.know(live.models());
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        Ok(waiting)
    }

    /// The names that requests may give as their model, but for those of the providers' other models.
    pub fn models(&self) -> Vec<String> {
        self.live().orchestrators.names()
    }

    /// Asks the server to stop: the first time with what is under way finished, the second time at once.
    pub fn stop(&self) {
        self.lifecycle.stop();
    }

    /// Whether it takes requests: not once it was asked to stop.
    pub fn is_ready(&self) -> bool {
        !self.lifecycle.is_stopping()
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Live {
    fn new(settings: Settings, metrics: &Metrics) -> Result<Self> {
        let settings = bounded(settings);
        let orchestrators = settings.orchestrators(|builder| builder.meter(metrics.clone()))?;
        Ok(Self::of(settings, orchestrators))
    }

    /// What takes its place; a provider that is set up as before goes on as it is.
    fn succeeded_by(&self, settings: Settings, metrics: &Metrics) -> Result<Self> {
        let settings = bounded(settings);
        let orchestrators =
            self.orchestrators.reloaded(&settings, |builder| builder.meter(metrics.clone()))?;
        let embedders = self.embedders.lock().unwrap_or_else(PoisonError::into_inner);
        let same = embedders.iter().filter(|(id, _)| self.goes_on_in(&orchestrators, id));
        let embedders = same.map(|(id, embedder)| (id.clone(), Arc::clone(embedder))).collect();
        Ok(Self { embedders: Mutex::new(embedders), ..Self::of(settings, orchestrators) })
    }

    fn of(settings: Settings, orchestrators: Orchestrators) -> Self {
        Self {
            settings,
            orchestrators,
            since: now(),
            embedders: Mutex::default(),
            counters: Mutex::default(),
        }
    }

    /// Who makes the embeddings of the provider `id`, in the books of its candidate.
    ///
    /// # Errors
    /// What it lacks.
    pub(crate) fn embedder(&self, id: &ProviderId) -> Result<Arc<dyn Embedder>> {
        let mut embedders = self.embedders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(embedder) = embedders.get(id) {
            return Ok(Arc::clone(embedder));
        }
        let candidate = self.orchestrators.default_orchestrator().candidate(id);
        let candidate = candidate.ok_or_else(|| not_asked(id))?;
        let embedder = candidate.accounted(self.settings.embedder(id)?);
        embedders.insert(id.clone(), Arc::clone(&embedder));
        Ok(embedder)
    }

    /// The names that `caller` may give as a request's model, but for those of the providers' other models.
    pub(crate) fn names_for(&self, caller: &Caller) -> Vec<String> {
        self.names().filter(|name| caller.may_ask(name)).collect()
    }

    /// The names that a request may give as its model, but for those of the providers' other models.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.orchestrators.names().into_iter().chain(self.gateway().aliases.keys().cloned())
    }

    /// Who counts tokens as the vendor of the provider `id` does, where it counts any.
    ///
    /// # Errors
    /// What it lacks.
    pub(crate) fn token_counter(&self, id: &ProviderId) -> Result<Option<Arc<dyn TokenCounter>>> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = counters.get(id) {
            return Ok(counter.clone());
        }
        let counter = self.settings.token_counter(id)?;
        counters.insert(id.clone(), counter.clone());
        Ok(counter)
    }

    /// What a name in a request stands for.
    pub(crate) fn resolved<'a>(&'a self, name: &'a str) -> &'a str {
        self.gateway().aliases.get(name).map_or(name, String::as_str)
    }

    /// The models that somebody configured; others are what callers write.
    fn models(&self) -> HashSet<String> {
        let aliases =
            self.gateway().aliases.values().filter_map(|name| Some(name.split_once('/')?.1.to_owned()));
        let candidates = self.orchestrators.default_orchestrator().candidates();
        let own = candidates.iter().filter_map(|candidate| Some(candidate.model()?.to_string()));
        own.chain(aliases).collect()
    }

    /// Whether the provider `id` is the same one in `others`, with the same books.
    fn goes_on_in(&self, others: &Orchestrators, id: &ProviderId) -> bool {
        let of = |orchestrators: &Orchestrators| orchestrators.default_orchestrator().candidate(id);
        of(&self.orchestrators).zip(of(others)).is_some_and(|(old, new)| Arc::ptr_eq(&old, &new))
    }

    pub(crate) fn gateway(&self) -> &GatewaySettings {
        &self.settings.gateway
    }
}

/// The error for a provider that the settings hold and arguments leave out.
pub(crate) fn not_asked(id: &ProviderId) -> Error {
    let message = format!("the provider `{id}` is not asked here: `GET /v1/models` lists those that are");
    Error::new(ErrorKind::ModelNotFound, message)
}

/// Requests under way at once, and those that wait for their turn, where the settings do not say how many: a server without a
/// bound takes what it cannot carry.
const IN_FLIGHT: usize = 10_000;
const QUEUED: usize = 1_000;

/// The settings with a bound of what is under way.
fn bounded(mut settings: Settings) -> Settings {
    let options = &mut settings.options;
    if options.max_requests_in_flight.is_none() {
        (options.max_requests_in_flight, options.max_queued_requests) = (Some(IN_FLIGHT), Some(QUEUED));
    }
    settings
}
