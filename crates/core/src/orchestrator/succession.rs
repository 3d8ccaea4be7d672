//! An orchestrator in the place of another: what goes on there, and what begins afresh.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{
    BaseOrchestrator,
    admission::Admission,
    base::{Lasting, Parts},
};
use crate::{
    Budgets, Candidate, Options, ProviderId, ProviderSpec, Result, money::nano_dollars, stats::CandidateStats,
};

/// The candidates of the orchestrator whose place another takes. They are not kept alive here: once its last request has
/// ended nothing of them is left but what the new one took over.
#[derive(Default)]
pub(super) struct Before {
    candidates: Mutex<Vec<Weak<Candidate>>>,
    /// Whole candidates go on, and not their counters alone.
    wholes: bool,
}

impl Before {
    /// The candidate that was called so and is set up in the same way, where it goes on as it is.
    pub(super) fn whole(&self, id: &ProviderId, spec: &ProviderSpec) -> Option<Arc<Candidate>> {
        self.wholes.then(|| self.taken(id, spec))?
    }

    /// The counters of the candidate that was called so and is set up in the same way; else new ones.
    pub(super) fn counters(&self, id: &ProviderId, spec: &ProviderSpec) -> Arc<CandidateStats> {
        let candidate = (!self.wholes).then(|| self.taken(id, spec)).flatten();
        candidate.map(|candidate| Arc::clone(&candidate.stats)).unwrap_or_default()
    }

    /// What is taken is taken once: whoever is registered again later begins afresh.
    fn taken(&self, id: &ProviderId, spec: &ProviderSpec) -> Option<Arc<Candidate>> {
        let mut candidates = self.candidates.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |candidate: &Arc<Candidate>| candidate.id == *id && *candidate.spec == *spec;
        let place = candidates.iter().position(|known| known.upgrade().as_ref().is_some_and(is_it))?;
        candidates.swap_remove(place).upgrade()
    }
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Before").field("wholes", &self.wholes).finish_non_exhaustive()
    }
}

impl BaseOrchestrator {
    pub(super) fn first(parts: Parts) -> Self {
        let admission = Admission::new(&parts.options).map(Arc::new);
        Self::new(parts, Lasting { admission, ..Lasting::default() }, Before::default())
    }

    /// An orchestrator that takes the place of this one under other `options`, with the same plugins, prices and layers, and
    /// without candidates. This one stays as it is, with the requests under way.
    ///
    /// Each candidate that is registered there as it stands here goes on as it is, with counters, breakers, limits and
    /// connections, where `is_same` says so; such as not where its key was read from a file that has another one now. Where
    /// `connect_timeout_seconds` or a daily budget is another, its counters alone go on. The counters of the requests go
    /// on, what selectors learned, and what was spent today. A queue whose bounds are others begins empty: who waits here waits on.
    ///
    /// # Errors
    /// `Config` for options that are wrong, or whose plugin is not linked.
    pub fn successor(&self, options: Options, is_same: impl Fn(&ProviderId) -> bool) -> Result<Self> {
        options.validate()?;
        let parts = Parts { options: Arc::new(options), ..self.inner.parts.clone() };
        let same_connections =
            parts.options.connect_timeout_seconds == self.options().connect_timeout_seconds;
        let next = self.with_parts(parts, same_connections, is_same);
        next.check_links(next.options())?;
        Ok(next)
    }

    /// One with these parts in the place of this one. Of the candidates that are the same, `wholes` go on where their budgets do.
    pub(super) fn with_parts(
        &self,
        mut parts: Parts,
        wholes: bool,
        is_same: impl Fn(&ProviderId) -> bool,
    ) -> Self {
        let old = &self.inner;
        let limits = [parts.options.daily_budget_dollars, parts.options.daily_budget_dollars_per_key];
        let [daily, per_key] = limits.map(|dollars| dollars.and_then(nano_dollars));
        parts.budgets = match old.parts.budgets.limits() == [daily, per_key] {
            true => Arc::clone(&old.parts.budgets),
            false => Arc::new(Budgets::with_limits(&old.parts.budgets, daily, per_key)),
        };
        let mut lasting = old.lasting.clone();
        if Admission::bounds(&parts.options) != Admission::bounds(&old.parts.options) {
            lasting.admission = Admission::new(&parts.options).map(Arc::new);
        }
        if !Arc::ptr_eq(&parts.registry, &old.parts.registry) {
            lasting.selectors = Arc::default();
        }
        let wholes = wholes && Arc::ptr_eq(&parts.budgets, &old.parts.budgets);
        let candidates = self.candidates();
        let same = candidates.iter().filter(|candidate| is_same(&candidate.id)).map(Arc::downgrade);
        Self::new(parts, lasting, Before { candidates: Mutex::new(same.collect()), wholes })
    }
}
