//! Options of orchestration, at three depths: settings, orchestrator, request; the later wins.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AttemptLimits, Error, ErrorKind, Field, Ledger, ModelName, ProviderId, Purse, Result, money::nano_dollars,
};

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty,)*) => {
        /// Options of orchestration. What is `None` is left to the depth below, and at last to the default.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Options {
            $($(#[doc = $doc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        impl Options {
            /// Every option with what it means and its default, for help texts and settings files.
            pub const FIELDS: &'static [Field] = &[$(Field { name: stringify!($name), doc: concat!($($doc),+) },)*];

            /// These options, with those that `over` sets in place of them.
            #[must_use]
            pub fn overridden_by(&self, over: &Self) -> Self {
                Self { $($name: over.$name.clone().or_else(|| self.$name.clone()),)* }
            }
        }
    };
}

options! {
    /// Attempts after the first, for each candidate. Default: 3.
    max_retries: u32,
    /// Whether candidates are asked together, and not one after the other. Default: true.
    parallel_requests: bool,
    /// Upper bound of the whole request, in seconds; while others are left to ask, one candidate gets two thirds of it. Default: 120.
    timeout_seconds: f64,
    /// Upper bound of the time to connect to a provider, in seconds; it holds for providers registered afterwards. Default: 10.
    connect_timeout_seconds: f64,
    /// Upper bound of the time to the first content of a live answer, in seconds. Default: 60, and no more than half of `timeout_seconds`, so that another candidate can be asked.
    first_event_timeout_seconds: f64,
    /// Upper bound of the silence within a live answer, in seconds. Default: 30.
    gap_timeout_seconds: f64,
    /// The analyzer that compares the answers, such as `comparative` or `factual`. Default: `comparative` where it is linked.
    analysis_type: String,
    /// The candidate that compares the answers. Default: none: they are compared by their words.
    analyst: ProviderId,
    /// The prompt of the comparison; `{{answers}}` must stand in it, and may `{{count}}`, `{{delimiter}}`, `{{format}}` and `{{question}}`. Default: the analyzer's own.
    analysis_template: String,
    /// Whether to stop as soon as `min_responses_needed` good answers are there; `parallel` stops too when the missing ones could not change its choice. Default: false.
    use_early_stopping: bool,
    /// Good answers that are needed. Default: 1.
    min_responses_needed: usize,
    /// Candidates that may be asked for one request. Default: all.
    max_providers_per_request: usize,
    /// Who orders the candidates, such as `priority` or `dynamic`. Default: the strategy's own choice, else `priority`.
    selector: String,
    /// Whether one answer is written from several good ones. Default: the strategy's own: yes for `simple`, no for `parallel`.
    synthesize: bool,
    /// The candidate that writes the synthesis. Default: the first healthy one that answered.
    synthesizer: ProviderId,
    /// The prompt of the synthesis; `{{answers}}` must stand in it, and may `{{comparison}}`, `{{count}}`, `{{delimiter}}` and `{{question}}`. Default: a built-in one.
    synthesis_template: String,
    /// Requests that may be under way at once; further ones wait in order. Default: any number.
    max_requests_in_flight: usize,
    /// Requests that may wait where `max_requests_in_flight` are under way; further ones are refused. Default: 4 times as many.
    max_queued_requests: usize,
    /// What one request may cost, in dollars; needs the layer `budget`. Default: any amount.
    budget_dollars: f64,
    /// What all requests of a day (UTC) may cost together, in dollars; needs the layer `budget`. Default: any amount.
    daily_budget_dollars: f64,
    /// What the requests of a day (UTC) with one key may cost together, in dollars; needs the layer `budget`. Default: any amount.
    daily_budget_dollars_per_key: f64,
    /// Whether candidates of unknown price may be asked under a budget; what they cost is not counted then. Default: false.
    allow_unknown_prices: bool,
    /// Whether a provider may be asked without what it cannot be told, such as a parameter that its protocol has no field for; the trace says what was left out. Default: false: such a provider is not asked.
    drop_unsupported: bool,
    /// Whether `tracing` spans hold the prompts and the answers. Default: false.
    capture_message_content: bool,
}

impl Options {
    /// Sets options: `Options::default().edited(|options| options.max_retries = Some(1))`.
    #[must_use]
    pub fn edited(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    /// Checks what no number may be, and that the templates can be filled in.
    ///
    /// # Errors
    /// `Config`, which names the option.
    pub fn validate(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Config, message));
        for (name, seconds) in [
            ("timeout_seconds", self.timeout_seconds),
            ("connect_timeout_seconds", self.connect_timeout_seconds),
            ("first_event_timeout_seconds", self.first_event_timeout_seconds),
            ("gap_timeout_seconds", self.gap_timeout_seconds),
        ] {
            if let Some(seconds) = seconds {
                duration(name, seconds)?;
            }
        }
        for (name, dollars) in self.budgets() {
            if let Some(dollars) = dollars
                && nano_dollars(dollars).is_none()
            {
                return wrong(format!(
                    "`{name}` is {dollars}: it must be an amount of dollars from 0 up to a million"
                ));
            }
        }
        if self.max_queued_requests.is_some() && self.max_requests_in_flight.is_none() {
            return wrong("`max_queued_requests` is set, and nobody waits without `max_requests_in_flight`: set that too".to_owned());
        }
        for (name, count) in [
            ("min_responses_needed", self.min_responses_needed),
            ("max_providers_per_request", self.max_providers_per_request),
            ("max_requests_in_flight", self.max_requests_in_flight),
        ] {
            if count == Some(0) {
                return wrong(format!("`{name}` is 0: it must be at least 1"));
            }
        }
        if let (Some(needed), Some(most)) = (self.min_responses_needed, self.max_providers_per_request)
            && needed > most
        {
            return wrong(format!(
                "`min_responses_needed` is {needed} and `max_providers_per_request` is {most}: so many answers cannot come"
            ));
        }
        crate::prompt::validate(self)
    }

    /// The options with their defaults filled in.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub(crate) fn resolve(&self) -> Result<Resolved> {
        self.validate()?;
        let seconds = |value: Option<f64>, default| Duration::from_secs_f64(value.unwrap_or(default));
        let timeout = seconds(self.timeout_seconds, 120.0);
        let first_event = seconds(self.first_event_timeout_seconds, timeout.as_secs_f64().min(120.0) / 2.0);
        Ok(Resolved {
            max_retries: self.max_retries.unwrap_or(3),
            timeout,
            limits: AttemptLimits {
                first_event: Some(first_event),
                gap: Some(seconds(self.gap_timeout_seconds, 30.0)),
                attempt: None,
                content_by: None,
            },
        })
    }

    /// What limits money, with its name.
    pub(crate) fn budgets(&self) -> [(&'static str, Option<f64>); 3] {
        [
            ("budget_dollars", self.budget_dollars),
            ("daily_budget_dollars", self.daily_budget_dollars),
            ("daily_budget_dollars_per_key", self.daily_budget_dollars_per_key),
        ]
    }

    /// What belongs to the whole orchestrator and cannot be set for one request: the name of what is set all the same.
    pub fn shared_by_requests(&self) -> Option<&'static str> {
        [
            ("max_requests_in_flight", self.max_requests_in_flight.is_some()),
            ("max_queued_requests", self.max_queued_requests.is_some()),
            ("daily_budget_dollars", self.daily_budget_dollars.is_some()),
            ("daily_budget_dollars_per_key", self.daily_budget_dollars_per_key.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_set)| is_set.then_some(name))
    }

    /// Whether candidates are asked together.
    pub fn parallel_requests(&self) -> bool {
        self.parallel_requests.unwrap_or(true)
    }

    /// Whether to stop as soon as enough good answers are there.
    pub fn use_early_stopping(&self) -> bool {
        self.use_early_stopping.unwrap_or(false)
    }

    /// Whether what a provider cannot be told may be left out.
    pub fn drop_unsupported(&self) -> bool {
        self.drop_unsupported.unwrap_or(false)
    }

    /// Whether spans hold the prompts and the answers.
    pub fn capture_message_content(&self) -> bool {
        self.capture_message_content.unwrap_or(false)
    }

    /// Good answers that are needed.
    pub fn min_responses_needed(&self) -> usize {
        self.min_responses_needed.unwrap_or(1)
    }
}

/// What core itself needs of the options, ready for use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolved {
    pub(crate) max_retries: u32,
    pub(crate) timeout: Duration,
    pub(crate) limits: AttemptLimits,
}

/// Thirty years: what is longer is no limit, and clocks would overflow.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

/// Checks a duration of the settings, in seconds: above 0 and no more than thirty years.
///
/// # Errors
/// `Config`, which names it.
pub fn duration(name: &str, seconds: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration <= LONGEST => Ok(duration),
        _ => {
            let most = LONGEST.as_secs();
            let message =
                format!("`{name}` is {seconds}: it must be a number of seconds above 0, and at most {most}");
            Err(Error::new(ErrorKind::Config, message))
        }
    }
}

/// What one request may set.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestOptions {
    /// Options of orchestration, over the orchestrator's.
    pub options: Options,
    /// Only these candidates. Default: all.
    pub providers: Option<Vec<ProviderId>>,
    /// The model that the candidates are asked for in place of their own; whoever is asked as somebody's fallback keeps its own.
    /// Default: none.
    pub model: Option<ModelName>,
    /// Where the attempts are written, so that they can be read when the call was dropped. Default: a new one.
    pub ledger: Option<Ledger>,
    /// Seed of every random choice. Default: a random one.
    pub seed: Option<u64>,
    /// A purse that this request draws from besides its own, such as a customer's; one with a limit needs the layer `budget`.
    /// Default: none.
    pub purse: Option<Purse>,
    /// Whether its `timeout_seconds` is a stranger's own: when that time is up, it says nothing of the candidates, whom others ask
    /// too. Default: no.
    pub hurried: bool,
}

impl RequestOptions {
    /// Sets the options of orchestration.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the candidates.
    #[must_use]
    pub fn with_providers(mut self, providers: Vec<ProviderId>) -> Self {
        self.providers = Some(providers);
        self
    }

    /// Sets the model that the candidates are asked for in place of their own.
    #[must_use]
    pub fn with_model(mut self, model: ModelName) -> Self {
        self.model = Some(model);
        self
    }

    /// Sets the ledger.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl RequestOptions {
    /// Sets the purse that this request draws from besides its own.
    #[must_use]
    pub fn with_purse(mut self, purse: Purse) -> Self {
        self.purse = Some(purse);
        self
    }
}

impl From<Options> for RequestOptions {
    fn from(options: Options) -> Self {
        Self { options, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_depth_wins() {
        let settings = Options { max_retries: Some(1), timeout_seconds: Some(5.0), ..Options::default() };
        let request = Options { max_retries: Some(2), ..Options::default() };
        let both = settings.overridden_by(&request);
        assert_eq!((both.max_retries, both.timeout_seconds), (Some(2), Some(5.0)));
    }

    #[test]
    fn wrong_numbers_are_refused_by_name() {
        for (options, name) in [
            (Options { timeout_seconds: Some(-1.0), ..Options::default() }, "timeout_seconds"),
            (Options { gap_timeout_seconds: Some(f64::NAN), ..Options::default() }, "gap_timeout_seconds"),
            (Options { timeout_seconds: Some(1e19), ..Options::default() }, "at most 1000000000"),
            (Options { min_responses_needed: Some(0), ..Options::default() }, "min_responses_needed"),
        ] {
            assert!(options.validate().unwrap_err().to_string().contains(name));
        }
    }

    #[test]
    fn every_option_is_listed_with_its_default() {
        assert!(Options::FIELDS.iter().all(|field| field.doc.contains("Default:")));
    }
}
