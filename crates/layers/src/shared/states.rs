//! State that belongs to (host, credential, model), shared by the candidates that have all three in common.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use ultraai_core::{EndpointId, ModelName};

/// Models of one candidate whose states are kept while nobody uses them. A request names its model, so that their number is the
/// callers' and must be bounded.
const MOST_MODELS: usize = 64;

/// States that are never swept before there are so many.
const FIRST_SWEEP: usize = 64;

/// Whose state it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Endpoint(EndpointId),
    /// A candidate of no endpoint, which shares with nobody.
    Own(u64),
}

/// Where a state belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key<S> {
    place: Place,
    /// The model's name; empty where requests name none.
    model: Arc<str>,
    /// Candidates of other settings cannot share: they would not agree on what the state means.
    settings: S,
}

/// The states of this process, each for as long as a candidate uses it.
pub(crate) struct Shared<S, T>(LazyLock<Mutex<States<S, T>>>);

struct States<S, T> {
    by_key: HashMap<Key<S>, Weak<T>>,
    /// How many there may be before those that nobody uses any more are swept out.
    sweep_at: usize,
}

impl<S, T> States<S, T> {
    fn new() -> Mutex<Self> {
        Mutex::new(Self { by_key: HashMap::new(), sweep_at: FIRST_SWEEP })
    }
}

impl<S: Eq + Hash, T> Shared<S, T> {
    pub(crate) const fn new() -> Self {
        Self(LazyLock::new(States::new))
    }

    fn of(&self, key: Key<S>, make: impl FnOnce() -> T) -> Arc<T> {
        let mut states = self.states();
        if let Some(state) = states.by_key.get(&key).and_then(Weak::upgrade) {
            return state;
        }
        if states.by_key.len() >= states.sweep_at {
            states.by_key.retain(|_, state| state.strong_count() > 0);
            // Twice what is left, so that the sweeps together cost no more than the insertions.
            states.sweep_at = FIRST_SWEEP.max(2 * states.by_key.len());
        }
        let state = Arc::new(make());
        states.by_key.insert(key, Arc::downgrade(&state));
        state
    }

    /// The states in use, in the order of their hosts and models: the endpoint, where they have one, the model, where requests name
    /// one, and the state.
    pub(crate) fn all(&self) -> Vec<(Option<EndpointId>, Option<String>, Arc<T>)> {
        let states = self.states();
        let used = states.by_key.iter().filter_map(|(key, state)| Some((key, state.upgrade()?)));
        let row = |(key, state): (&Key<S>, Arc<T>)| {
            let endpoint = match &key.place {
                Place::Endpoint(endpoint) => Some(endpoint.clone()),
                Place::Own(_) => None,
            };
            (endpoint, Some(key.model.to_string()).filter(|model| !model.is_empty()), state)
        };
        let mut rows: Vec<_> = used.map(row).collect();
        rows.sort_by_cached_key(|(endpoint, model, _)| (host_of(endpoint.as_ref()), model.clone()));
        rows
    }

    fn states(&self) -> MutexGuard<'_, States<S, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The host of an endpoint, where there is one.
pub(crate) fn host_of(endpoint: Option<&EndpointId>) -> Option<String> {
    endpoint.map(|endpoint| endpoint.host().to_owned())
}

/// The states that one candidate uses: one for each model that it is asked for.
pub(crate) struct Seat<S: 'static, T: 'static> {
    shared: &'static Shared<S, T>,
    place: Place,
    settings: S,
    /// The model that was asked for first: nearly always the only one.
    first: OnceLock<(Arc<str>, Arc<T>)>,
    others: Mutex<HashMap<Arc<str>, Arc<T>>>,
}

impl<S: Clone + Eq + Hash, T> Seat<S, T> {
    pub(crate) fn new(shared: &'static Shared<S, T>, endpoint: Option<EndpointId>, settings: S) -> Self {
        static OWN: AtomicU64 = AtomicU64::new(0);
        let own = || Place::Own(OWN.fetch_add(1, Ordering::Relaxed));
        let place = endpoint.map_or_else(own, Place::Endpoint);
        Self { shared, place, settings, first: OnceLock::new(), others: Mutex::default() }
    }

    /// The state for `model`, which `make` makes where there is none yet.
    pub(crate) fn of(&self, model: Option<&ModelName>, make: impl Fn(&S) -> T) -> Arc<T> {
        let name = model.map_or("", ModelName::as_str);
        let find = |name: &Arc<str>| {
            let key =
                Key { place: self.place.clone(), model: Arc::clone(name), settings: self.settings.clone() };
            self.shared.of(key, || make(&self.settings))
        };
        let (first, state) = self.first.get_or_init(|| {
            let name = Arc::from(name);
            let state = find(&name);
            (name, state)
        });
        if **first == *name {
            return Arc::clone(state);
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = others.get(name) {
            return Arc::clone(state);
        }
        let name = Arc::from(name);
        let state = find(&name);
        if others.len() >= MOST_MODELS {
            others.retain(|_, state| Arc::strong_count(state) > 1);
        }
        if others.len() < MOST_MODELS {
            others.insert(name, Arc::clone(&state));
        }
        state
    }
}

impl<S: fmt::Debug, T> fmt::Debug for Seat<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("place", &self.place)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ultraai_core::Secret;

    use super::*;

    type Numbers = Shared<u32, AtomicU64>;

    fn endpoint(host: &str, key: &str) -> EndpointId {
        EndpointId::new(host, Some(&Secret::new(key).unwrap()))
    }

    fn of(seat: &Seat<u32, AtomicU64>, model: &str) -> Arc<AtomicU64> {
        seat.of(Some(&ModelName::new(model).unwrap()), |_| AtomicU64::new(0))
    }

    #[test]
    fn host_credential_model_and_settings_decide_who_shares() {
        static SHARED: Numbers = Shared::new();
        let seat = |host, key, settings| Seat::new(&SHARED, Some(endpoint(host, key)), settings);
        let one = seat("a:1", "k", 1);
        let state = of(&one, "m");
        assert!(Arc::ptr_eq(&state, &of(&one, "m")));
        assert!(Arc::ptr_eq(&state, &of(&seat("a:1", "k", 1), "m")), "all in common");
        for (other, model, what) in [
            (seat("b:1", "k", 1), "m", "another host"),
            (seat("a:1", "l", 1), "m", "another credential"),
            (seat("a:1", "k", 1), "n", "another model"),
            (seat("a:1", "k", 2), "m", "other settings"),
            (Seat::new(&SHARED, None, 1), "m", "no endpoint"),
        ] {
            assert!(!Arc::ptr_eq(&state, &of(&other, model)), "{what}");
        }
    }

    #[test]
    fn a_state_lives_as_long_as_a_candidate_that_uses_it() {
        static SHARED: Numbers = Shared::new();
        let seat = || Seat::new(&SHARED, Some(endpoint("a:1", "k")), 1);
        let (one, other) = (seat(), seat());
        of(&one, "m").store(7, Ordering::Relaxed);
        of(&other, "m");
        drop(one);
        assert_eq!(of(&other, "m").load(Ordering::Relaxed), 7);
        drop(other);
        assert_eq!(of(&seat(), "m").load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_million_ids_leave_the_maps_small() {
        static SHARED: Numbers = Shared::new();
        let kept = Seat::new(&SHARED, Some(endpoint("kept:1", "k")), 1);
        of(&kept, "m").store(7, Ordering::Relaxed);
        for number in 0..500_000 {
            let seat = Seat::new(&SHARED, Some(EndpointId::new(format!("host-{number}:1"), None)), 1);
            of(&seat, "m");
            of(&kept, &format!("model-{number}"));
        }
        assert!(kept.others.lock().unwrap().len() <= MOST_MODELS);
        let states = SHARED.states();
        assert!(states.by_key.len() <= 4 * MOST_MODELS, "{}", states.by_key.len());
        assert!(states.by_key.capacity() <= 16 * MOST_MODELS, "{}", states.by_key.capacity());
        drop(states);
        assert_eq!(of(&kept, "m").load(Ordering::Relaxed), 7, "what is in use stays");
    }
}
