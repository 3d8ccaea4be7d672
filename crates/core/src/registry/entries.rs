//! What a plugin registers: const data and `fn` pointers.

use std::{fmt, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    Accounting, Analyzer, Budgets, BuildContext, Clock, Embedder, EndpointId, Error, ErrorKind, Layer,
    ModelLister, ModelName, PriceSource, Provider, ProviderId, Result, Selector, Slot, Strategy,
    TokenCounter, Tokenizer, registry::parse_settings, stats::CandidateStats,
};

/// One submission of a plugin crate. Use the `register_*!` macros.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Plugin {
    /// Providers, a row each.
    Providers(&'static [ProviderRegistration]),
    /// Embedders, a row each.
    Embedders(&'static [EmbedderRegistration]),
    /// Listers of models, a row each.
    ModelListers(&'static [ModelListerRegistration]),
    /// Counters of tokens, a row each.
    TokenCounters(&'static [TokenCounterRegistration]),
    /// A strategy.
    Strategy(StrategyRegistration),
    /// A layer.
    Layer(LayerRegistration),
    /// An analyzer.
    Analyzer(AnalyzerRegistration),
    /// A selector.
    Selector(SelectorRegistration),
    /// A source of prices.
    Prices(PricesRegistration),
    /// A tokenizer.
    Tokenizer(TokenizerRegistration),
    /// Which feature of the facade brings which plugin, linked or not.
    Features(&'static [FeatureHint]),
}

inventory::collect!(Plugin);

/// What all registrations have in common.
pub trait Registration: Copy {
    /// The kind, as in error texts.
    const KIND: &'static str;
    /// The registered name.
    fn name(&self) -> &'static str;
    /// The package that registered it.
    fn package(&self) -> &'static str;
}

/// A key of a plugin's own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What it means, its unit and its default.
    pub doc: &'static str,
}

/// Which feature of the facade brings a plugin; only the facade can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureHint {
    /// `provider`, `embedder`, `model lister`, `token counter`, `strategy`, `layer`, `analyzer`, `selector`, `price source` or `tokenizer`.
    pub kind: &'static str,
    /// The registered name.
    pub name: &'static str,
    /// The feature.
    pub feature: &'static str,
}

macro_rules! registration {
    ($name:ident, $kind:literal, $build:ty, { $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        #[doc = concat!("A ", $kind, " that a program can build by name.")]
        #[derive(Clone, Copy)]
        #[non_exhaustive]
        pub struct $name {
            /// The registered name.
            pub name: &'static str,
            /// One line about it, for lists.
            pub summary: &'static str,
            /// The package that registers it.
            pub package: &'static str,
            /// The version of that package.
            pub version: &'static str,
            /// Builds one.
            pub build: $build,
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $name {
            #[doc = concat!("The ", $kind, " `name`, built by `build`.")]
            pub const fn new(name: &'static str, build: $build) -> Self {
                Self { name, summary: "", package: "", version: "", build, $($field: $default,)* }
            }

            /// Sets the line for lists.
            #[must_use]
            pub const fn summary(mut self, summary: &'static str) -> Self {
                self.summary = summary;
                self
            }

            /// Sets the package; the macros do it.
            #[must_use]
            pub const fn from_package(mut self, package: &'static str, version: &'static str) -> Self {
                self.package = package;
                self.version = version;
                self
            }

            $($(#[$doc])*
            #[must_use]
            pub const fn $field(mut self, $field: $type) -> Self {
                self.$field = $field;
                self
            })*
        }

        impl Registration for $name {
            const KIND: &'static str = $kind;
            fn name(&self) -> &'static str {
                self.name
            }
            fn package(&self) -> &'static str {
                self.package
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("name", &self.name).field("package", &self.package).finish_non_exhaustive()
            }
        }
    };
}

registration!(ProviderRegistration, "provider", fn(&'static str, Value, &BuildContext) -> Result<Arc<dyn Provider>>, {
    /// `gen_ai.provider.name`, where it differs from the name.
    semconv_name: Option<&'static str> = None,
    /// The variables that usually hold its key, the first one first; empty when it takes none.
    key_variables: &'static [&'static str] = &[],
    /// Whether it can be asked without a key.
    key_optional: bool = false,
    /// Its own settings.
    fields: &'static [Field] = &[],
    /// Its usual address.
    base_url: Option<&'static str> = None,
    /// The model that is asked where the settings name none and only a key was found.
    default_model: Option<&'static str> = None,
});

registration!(EmbedderRegistration, "embedder", fn(&'static str, Value, &BuildContext) -> Result<Arc<dyn Embedder>>, {
    /// The model that is asked where nobody names one.
    default_model: Option<&'static str> = None,
});

registration!(
    ModelListerRegistration,
    "model lister",
    fn(&'static str, Value, &BuildContext) -> Result<Arc<dyn ModelLister>>,
    {}
);

registration!(
    TokenCounterRegistration,
    "token counter",
    fn(&'static str, Value, &BuildContext) -> Result<Arc<dyn TokenCounter>>,
    {}
);

registration!(StrategyRegistration, "strategy", fn(Value) -> Result<Arc<dyn Strategy>>, {
    /// Its own settings.
    fields: &'static [Field] = &[],
});

/// What a layer of this process says of one address and model now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerReading {
    /// Where the candidates send that it is about, and as whom; `None` where they have no address.
    pub endpoint: Option<EndpointId>,
    /// The model, where requests name one.
    pub model: Option<String>,
    /// The states that there are, the best one first.
    pub states: &'static [&'static str],
    /// The one that it is in, by its place among them.
    pub state: usize,
}

/// Builds a layer around one candidate from its own settings; `None` where it has nothing to do.
type BuildLayer = fn(Value, &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>>;

registration!(LayerRegistration, "layer", BuildLayer, {
    /// Where it stands.
    slot: Slot = Slot::Outermost,
    /// Its own settings, besides `enabled`, which every layer has.
    fields: &'static [Field] = &[],
    /// What it tells of the states that candidates are in, such as whether they are left alone.
    readings: Option<fn() -> Vec<LayerReading>> = None,
});

registration!(AnalyzerRegistration, "analyzer", fn() -> Arc<dyn Analyzer>, {});

registration!(SelectorRegistration, "selector", fn() -> Arc<dyn Selector>, {});

registration!(PricesRegistration, "price source", fn() -> Arc<dyn PriceSource>, {});

registration!(TokenizerRegistration, "tokenizer", fn() -> Arc<dyn Tokenizer>, {});

/// What a layer may know when it is built: one layer is built for each candidate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerContext<'a> {
    /// The candidate it will stand around.
    pub provider_id: &'a ProviderId,
    /// The candidate's model, where it has one of its own.
    pub model: Option<&'a ModelName>,
    /// Where the candidate's provider sends, and as whom.
    pub endpoint: Option<EndpointId>,
    /// The candidate's counters.
    pub stats: &'a Arc<CandidateStats>,
    /// What the candidate's attempts cost.
    pub accounting: &'a Arc<Accounting>,
    /// The wall clock.
    pub clock: Clock,
    /// What may be spent in a day.
    pub budgets: &'a Arc<Budgets>,
    /// Seed of everything random in it.
    pub seed: u64,
}

impl<'a> LayerContext<'a> {
    /// What a layer around this candidate may know; the rest is at its default and can be set.
    pub fn new(
        provider_id: &'a ProviderId,
        stats: &'a Arc<CandidateStats>,
        accounting: &'a Arc<Accounting>,
        budgets: &'a Arc<Budgets>,
    ) -> Self {
        Self {
            provider_id,
            model: None,
            endpoint: None,
            stats,
            accounting,
            clock: Clock::default(),
            budgets,
            seed: 0,
        }
    }

    /// Reads the layer's own settings into its struct.
    ///
    /// # Errors
    /// `Config`, which names the key that is unknown, and the nearest known one, or the value that is wrong.
    pub fn parse<T: DeserializeOwned>(&self, settings: Value, fields: &[Field]) -> Result<T> {
        parse_settings(settings, fields)
    }
}

impl LayerRegistration {
    /// Builds the layer around one candidate; `None` where `enabled` is false, or where it has nothing to do.
    ///
    /// # Errors
    /// `Config`, which names the layer and the setting that is wrong.
    pub fn layer(
        &self,
        mut settings: Map<String, Value>,
        context: &LayerContext<'_>,
    ) -> Result<Option<Arc<dyn Layer>>> {
        let named = |error: Error| {
            let message = format!("in the settings of the layer `{}`: {}", self.name, error.message());
            error.with_message(message)
        };
        match settings.remove(ENABLED.name) {
            None | Some(Value::Bool(true)) => (self.build)(Value::Object(settings), context).map_err(named),
            Some(Value::Bool(false)) if self.slot == Slot::Budget => {
                let message = "the layer cannot be disabled, and does nothing where no option limits money: take those out instead";
                Err(named(Error::new(ErrorKind::Config, message)))
            }
            Some(Value::Bool(false)) => Ok(None),
            Some(_) => {
                let message = format!("`{}` must be true or false", ENABLED.name);
                Err(named(Error::new(ErrorKind::Config, message)))
            }
        }
    }

    /// Every setting of it, for help texts and settings files.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        // What keeps to limits of money cannot be disabled.
        (self.slot != Slot::Budget).then_some(&ENABLED).into_iter().chain(self.fields)
    }
}

/// The setting that every layer has.
const ENABLED: Field = Field { name: "enabled", doc: "Whether it stands around candidates. Default: true." };

impl ProviderRegistration {
    /// Whether its settings move it away from the vendor's own address: what answers elsewhere under the same protocol has
    /// prices of its own.
    pub(crate) fn is_moved(&self, settings: &serde_json::Map<String, Value>) -> bool {
        let own = settings.get("base_url").and_then(Value::as_str);
        own.zip(self.base_url).is_some_and(|(own, usual)| host(own) != host(usual))
    }
}

/// The host of an address, with its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).trim()
}
