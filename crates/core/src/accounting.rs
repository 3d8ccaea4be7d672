//! What attempts are priced, counted and measured with.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Clock, Cost, Error, ErrorKind, Meter, ModelName, Price, Usage};

/// Knows what models cost.
pub trait PriceSource: fmt::Debug + Send + Sync + 'static {
    /// The registered name.
    fn name(&self) -> &'static str;

    /// What `model` costs at the provider registered as `provider` at that time; `None` where it is not known.
    fn price(&self, provider: &str, model: &str, at: SystemTime) -> Option<Price>;
}

/// Counts the tokens of a text.
pub trait Tokenizer: fmt::Debug + Send + Sync + 'static {
    /// The registered name.
    fn name(&self) -> &'static str;

    /// How many tokens `model` makes of `text`; `None` where it is not known better than bytes tell. It may load its tables at the
    /// first call, and is called only for attempts that end without a report of the provider's own.
    fn count(&self, model: &str, text: &str) -> Option<u64>;

    /// Whether [`count`](Self::count) would answer `model` at once. Where it would not, it may begin to get ready, elsewhere
    /// and without waiting: attempts that were given up or broke off are not worth a wait. Default: yes.
    fn is_ready(&self, _: &str) -> bool {
        true
    }
}

/// What the attempts of one candidate are priced, counted and measured with.
#[derive(Debug, Default)]
pub struct Accounting {
    /// The user's own price, which goes over every source.
    own: Option<Price>,
    /// The model that the user's own price is of; none: of every one.
    own_model: Option<ModelName>,
    /// The registered name that sources are asked by.
    registered: Option<&'static str>,
    sources: Sources,
    tokenizers: Arc<[Arc<dyn Tokenizer>]>,
    meter: Option<Arc<dyn Meter>>,
    clock: Clock,
    /// Of those who only ask, such as selectors, and of those who know which model answered.
    last: [Mutex<Option<Quote>>; 2],
}

/// Sources of prices: those that the application gave, and then those that are linked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) all: Arc<[Arc<dyn PriceSource>]>,
    /// How many of them the application gave.
    pub(crate) given: usize,
    /// Whether the linked ones are asked: not where they would be wrong.
    pub(crate) linked: bool,
}

impl Sources {
    /// The application's own price is meant for what was asked too. A linked one is not: once an answer names its model, the
    /// price of another would be a guess.
    fn price(
        &self,
        provider: &str,
        asked: Option<&str>,
        answered: Option<&str>,
        at: SystemTime,
    ) -> Option<Price> {
        let (given, linked) = self.all.split_at(self.given);
        let both = || answered.into_iter().chain(asked);
        let own = given.iter().find_map(|source| both().find_map(|model| source.price(provider, model, at)));
        own.or_else(|| {
            let model = answered.or(asked).filter(|_| self.linked)?;
            linked.iter().find_map(|source| source.price(provider, model, at))
        })
    }
}

/// The last price that was looked up. Prices change by the hour at most, so one holds for its minute.
#[derive(Debug)]
struct Quote {
    minute: u64,
    request_model: Option<String>,
    response_model: Option<String>,
    price: Option<Price>,
}

impl From<Option<Price>> for Accounting {
    fn from(own: Option<Price>) -> Self {
        Self { own, ..Self::default() }
    }
}

impl Accounting {
    pub(crate) fn new(
        own: Option<Price>,
        registered: Option<&'static str>,
        sources: Sources,
        tokenizers: Arc<[Arc<dyn Tokenizer>]>,
        meter: Option<Arc<dyn Meter>>,
        clock: Clock,
    ) -> Self {
        Self { own, own_model: None, registered, sources, tokenizers, meter, clock, last: Default::default() }
    }

    /// Says of which model the user's own price is: a request may ask for another, and what that costs is not known by it.
    pub(crate) fn of_model(self, model: Option<&ModelName>) -> Self {
        Self { own_model: model.cloned(), ..self }
    }

    /// The user's own price, unless another model than its own is asked.
    fn own(&self, request_model: Option<&str>) -> Option<&Price> {
        let other =
            self.own_model.as_ref().zip(request_model).is_some_and(|(own, asked)| own.as_str() != asked);
        self.own.as_ref().filter(|_| !other)
    }

    /// The error for a model of unknown price where `limit` is to be kept: a limit of money as errors name it, such as
    /// `` "`budget_dollars`" ``.
    pub fn unknown_price(limit: &str, model: Option<&str>) -> Error {
        let what = match model {
            Some(model) => format!("the price of `{model}` is not known"),
            None => "its price is not known".to_owned(),
        };
        let message = format!(
            "{what}, so that {limit} could not be kept: set the provider's `price`, or the model's under `prices`, or `allow_unknown_prices`"
        );
        Error::new(ErrorKind::PriceUnknown, message).unsent()
    }

    /// The price of an exchange: the user's own, else what the sources know of the model that answered, or of the one that is
    /// asked.
    pub fn price(&self, request_model: Option<&str>, response_model: Option<&str>) -> Option<Price> {
        if let Some(own) = self.own(request_model) {
            return Some(own.clone());
        }
        if self.sources.all.is_empty() {
            return None;
        }
        let provider = self.registered?;
        let now = self.clock.now();
        let minute = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 60);
        let mut last =
            self.last[usize::from(response_model.is_some())].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(quote) = last.as_ref()
            && quote.minute == minute
            && quote.request_model.as_deref() == request_model
            && quote.response_model.as_deref() == response_model
        {
            return quote.price.clone();
        }
        let price = self.sources.price(provider, request_model, response_model, now);
        let text = |model: Option<&str>| model.map(str::to_owned);
        *last = Some(Quote {
            minute,
            request_model: text(request_model),
            response_model: text(response_model),
            price: price.clone(),
        });
        price
    }

    pub(crate) fn cost(&self, usage: &Usage, request: Option<&str>, response: Option<&str>) -> Cost {
        self.price(request, response).map_or(Cost::Unknown, |price| price.cost(usage))
    }

    pub(crate) fn meter(&self) -> Option<&dyn Meter> {
        self.meter.as_deref()
    }

    /// Whether somebody can count the tokens of texts.
    pub(crate) fn counts_tokens(&self) -> bool {
        !self.tokenizers.is_empty()
    }

    /// How many tokens `model` makes of `text`, where a tokenizer knows it; of those that are ready, unless `waits`.
    pub(crate) fn tokens(&self, model: Option<&str>, text: &str, waits: bool) -> Option<u64> {
        let model = model?;
        let mut able = self.tokenizers.iter().filter(|tokenizer| waits || tokenizer.is_ready(model));
        able.find_map(|tokenizer| tokenizer.count(model, text))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        time::Duration,
    };

    use super::*;

    /// Knows `dear`, and `new` from the second minute on.
    #[derive(Debug, Default)]
    struct Source(AtomicU64);

    impl PriceSource for Source {
        fn name(&self) -> &'static str {
            "test"
        }
        fn price(&self, provider: &str, model: &str, at: SystemTime) -> Option<Price> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let late = at >= UNIX_EPOCH + Duration::from_mins(1);
            match (provider, model) {
                ("acme", "dear") => Some(Price::new(2, 2)),
                ("acme", "new") if late => Some(Price::new(1, 1)),
                _ => None,
            }
        }
    }

    fn accounting(
        own: Option<Price>,
        given: usize,
        linked: bool,
    ) -> (Accounting, Arc<Source>, Arc<AtomicU64>) {
        let (source, seconds) = (Arc::new(Source::default()), Arc::new(AtomicU64::new(0)));
        let own_seconds = Arc::clone(&seconds);
        let clock = Clock::new(move || UNIX_EPOCH + Duration::from_secs(own_seconds.load(Ordering::Relaxed)));
        let all: Arc<[Arc<dyn PriceSource>]> = Arc::new([Arc::clone(&source) as Arc<dyn PriceSource>]);
        let sources = Sources { all, given, linked };
        let accounting = Accounting::new(own, Some("acme"), sources, Arc::default(), None, clock);
        (accounting, source, seconds)
    }

    #[test]
    fn the_model_that_answered_is_priced_before_the_one_that_was_asked() {
        let (accounting, ..) = accounting(None, 1, true);
        assert_eq!(accounting.price(Some("cheap"), Some("dear")), Some(Price::new(2, 2)));
        assert_eq!(accounting.price(Some("dear"), Some("dear-2026")), Some(Price::new(2, 2)));
        assert_eq!(accounting.price(Some("cheap"), None), None);
    }

    #[test]
    fn the_users_own_price_goes_over_every_source_and_strangers_have_none() {
        let (own, ..) = accounting(Some(Price::new(9, 9)), 1, true);
        assert_eq!(own.price(Some("dear"), None), Some(Price::new(9, 9)));
        let (elsewhere, ..) = accounting(None, 0, false);
        assert_eq!(elsewhere.price(Some("dear"), None), None);
    }

    #[test]
    fn the_users_own_price_is_not_that_of_another_model_that_a_request_asks_for() {
        let (accounting, ..) = accounting(Some(Price::new(9, 9)), 1, true);
        let accounting = accounting.of_model(Some(&ModelName::new("mine").unwrap()));
        assert_eq!(accounting.price(Some("mine"), Some("mine-2026")), Some(Price::new(9, 9)));
        assert_eq!(accounting.price(Some("dear"), None), Some(Price::new(2, 2)));
        assert_eq!(accounting.price(Some("stranger"), None), None);
    }

    #[test]
    fn a_linked_price_is_that_of_the_model_that_answered() {
        let (accounting, ..) = accounting(None, 0, true);
        assert_eq!(accounting.price(Some("dear"), None), Some(Price::new(2, 2)));
        assert_eq!(accounting.price(Some("cheap"), Some("dear")), Some(Price::new(2, 2)));
        assert_eq!(accounting.price(Some("dear"), Some("stranger")), None);
    }

    #[test]
    fn a_price_holds_for_its_minute() {
        let (accounting, source, seconds) = accounting(None, 1, true);
        assert_eq!(accounting.price(Some("new"), None), None);
        assert_eq!(accounting.price(Some("new"), None), None);
        assert_eq!(source.0.load(Ordering::Relaxed), 1);
        seconds.store(61, Ordering::Relaxed);
        assert_eq!(accounting.price(Some("new"), None), Some(Price::new(1, 1)));
    }
}
