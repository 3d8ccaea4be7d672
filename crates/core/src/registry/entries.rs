//! What a plugin registers: const data and `fn` pointers.

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::{
    Analyzer, BuildContext, Layer, PriceSource, Provider, ProviderId, Result, Selector, Slot, Strategy,
    Tokenizer, stats::CandidateStats,
};

/// One submission of a plugin crate. Use the `register_*!` macros.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Plugin {
    /// Providers, a row each.
    Providers(&'static [ProviderRegistration]),
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
    /// `provider`, `strategy`, `layer`, `analyzer`, `selector`, `price source` or `tokenizer`.
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

registration!(StrategyRegistration, "strategy", fn(Value) -> Result<Arc<dyn Strategy>>, {
    /// Its own settings.
    fields: &'static [Field] = &[],
});

registration!(LayerRegistration, "layer", fn(&LayerContext<'_>) -> Result<Arc<dyn Layer>>, {
    /// Where it stands.
    slot: Slot = Slot::Outermost,
});

registration!(AnalyzerRegistration, "analyzer", fn() -> Arc<dyn Analyzer>, {});

registration!(SelectorRegistration, "selector", fn() -> Arc<dyn Selector>, {});

registration!(PricesRegistration, "price source", fn() -> Arc<dyn PriceSource>, {});

registration!(TokenizerRegistration, "tokenizer", fn() -> Arc<dyn Tokenizer>, {});

/// What a layer may know when it is built: one layer is built for each candidate.
#[derive(Debug)]
#[non_exhaustive]
pub struct LayerContext<'a> {
    /// The candidate it will stand around.
    pub provider_id: &'a ProviderId,
    /// The candidate's counters.
    pub stats: &'a Arc<CandidateStats>,
}

impl<'a> LayerContext<'a> {
    /// What a layer around this candidate may know.
    pub fn new(provider_id: &'a ProviderId, stats: &'a Arc<CandidateStats>) -> Self {
        Self { provider_id, stats }
    }
}

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
