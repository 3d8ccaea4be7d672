//! Which plugins this program holds.
//!
//! A plugin crate registers plain data at link time; nothing runs before `main`. A crate that stands only in
//! `Cargo.toml` and is never named in code is dropped by the linker, so name it: the facade does it under each
//! feature, a third-party crate is named by `use their_crate as _;`.

mod context;
mod entries;
mod macros;
mod usual_model;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use serde_json::Value;

pub(crate) use self::context::read_settings;
use self::usual_model::UsualModel;
pub use self::{
    context::{BuildContext, KeySource, Lookup, parse_settings, unknown_key},
    entries::{
        AnalyzerRegistration, EmbedderRegistration, FeatureHint, Field, LayerContext, LayerReading,
        LayerRegistration, ModelListerRegistration, Plugin, PricesRegistration, ProviderRegistration,
        Registration, SelectorRegistration, StrategyRegistration, TokenCounterRegistration,
        TokenizerRegistration,
    },
};
use crate::{
    Analyzer, Embedder, Error, ErrorKind, ModelLister, ModelName, Priority, Provider, Result, Selector,
    Strategy, TokenCounter,
};

/// The plugins of a program, by kind and name, sorted.
#[derive(Clone, Debug)]
pub struct Registry {
    providers: BTreeMap<&'static str, ProviderRegistration>,
    embedders: BTreeMap<&'static str, EmbedderRegistration>,
    model_listers: BTreeMap<&'static str, ModelListerRegistration>,
    token_counters: BTreeMap<&'static str, TokenCounterRegistration>,
    strategies: BTreeMap<&'static str, StrategyRegistration>,
    layers: BTreeMap<&'static str, LayerRegistration>,
    analyzers: BTreeMap<&'static str, AnalyzerRegistration>,
    selectors: BTreeMap<&'static str, SelectorRegistration>,
    prices: BTreeMap<&'static str, PricesRegistration>,
    tokenizers: BTreeMap<&'static str, TokenizerRegistration>,
    features: Vec<FeatureHint>,
}

/// The selector that core itself brings.
const PRIORITY: SelectorRegistration = SelectorRegistration::new("priority", || Arc::new(Priority))
    .summary("the order that the user gave: weight, then registration")
    .from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

impl Registry {
    fn empty() -> Self {
        Self {
            providers: BTreeMap::new(),
            embedders: BTreeMap::new(),
            model_listers: BTreeMap::new(),
            token_counters: BTreeMap::new(),
            strategies: BTreeMap::new(),
            layers: BTreeMap::new(),
            analyzers: BTreeMap::new(),
            selectors: BTreeMap::from([(PRIORITY.name, PRIORITY)]),
            prices: BTreeMap::new(),
            tokenizers: BTreeMap::new(),
            features: Vec::new(),
        }
    }

    /// What is linked into this program; read once.
    ///
    /// # Errors
    /// `Config` when two packages register the same name.
    pub fn linked() -> Result<Arc<Self>> {
        static LINKED: OnceLock<Result<Arc<Registry>>> = OnceLock::new();
        LINKED
            .get_or_init(|| {
                let mut registry = Self::empty();
                for plugin in inventory::iter::<Plugin> {
                    registry.add(*plugin)?;
                }
                registry.features.sort_unstable_by_key(|hint| (hint.kind, hint.name));
                Ok(Arc::new(registry))
            })
            .clone()
    }

    /// The same without tokenizers, which get ready in the background: whether one counts would depend on when it is asked,
    /// and in a simulation nothing may.
    #[must_use]
    pub fn without_tokenizers(&self) -> Arc<Self> {
        Arc::new(Self { tokenizers: BTreeMap::new(), ..self.clone() })
    }

    /// An empty registry, for static libraries and for tests that want an exact set.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder(Self::empty())
    }

    fn add(&mut self, plugin: Plugin) -> Result<()> {
        match plugin {
            Plugin::Providers(rows) => rows.iter().try_for_each(|row| insert(&mut self.providers, *row)),
            Plugin::Embedders(rows) => rows.iter().try_for_each(|row| insert(&mut self.embedders, *row)),
            Plugin::ModelListers(rows) => {
                rows.iter().try_for_each(|row| insert(&mut self.model_listers, *row))
            }
            Plugin::TokenCounters(rows) => {
                rows.iter().try_for_each(|row| insert(&mut self.token_counters, *row))
            }
            Plugin::Strategy(strategy) => insert(&mut self.strategies, strategy),
            Plugin::Layer(layer) => insert(&mut self.layers, layer),
            Plugin::Analyzer(analyzer) => insert(&mut self.analyzers, analyzer),
            Plugin::Selector(selector) => insert(&mut self.selectors, selector),
            Plugin::Prices(prices) => insert(&mut self.prices, prices),
            Plugin::Tokenizer(tokenizer) => insert(&mut self.tokenizers, tokenizer),
            Plugin::Features(hints) => {
                self.features.extend_from_slice(hints);
                Ok(())
            }
        }
    }

    /// Builds the provider `name` from its own settings, without I/O.
    ///
    /// # Errors
    /// `Config` when no such provider is linked, or what its settings lack.
    pub fn provider(&self, name: &str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
        let row = self.provider_registration(name)?;
        (row.build)(row.name, settings, context)
    }

    /// The registration of the provider `name`.
    ///
    /// # Errors
    /// `Config` when no such provider is linked.
    pub fn provider_registration(&self, name: &str) -> Result<&ProviderRegistration> {
        self.providers.get(name).ok_or_else(|| self.unknown(name, &self.providers))
    }

    /// Builds the embedder of the provider `name` from that provider's own settings, without I/O. The key is not among them: it
    /// stands in the context, or build by [`ProviderSpec::embedder`](crate::ProviderSpec::embedder). A request that names no
    /// model asks the usual one of the registration.
    ///
    /// # Errors
    /// `Config` when no such embedder is linked, or what the settings lack.
    pub fn embedder(&self, name: &str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Embedder>> {
        let row = self.embedder_registration(name)?;
        let embedder = (row.build)(row.name, settings, context)?;
        match row.default_model {
            Some(model) => Ok(Arc::new(UsualModel { embedder, model: ModelName::new(model)? })),
            None => Ok(embedder),
        }
    }

    /// The registration of the embedder `name`.
    ///
    /// # Errors
    /// `Config` when no such embedder is linked.
    pub fn embedder_registration(&self, name: &str) -> Result<&EmbedderRegistration> {
        self.embedders.get(name).ok_or_else(|| self.lacking(name, "makes no embeddings", &self.embedders))
    }

    /// Builds the lister of the models of the provider `name` from that provider's settings, without I/O.
    ///
    /// # Errors
    /// `Config` when no such lister is linked, or what the settings lack.
    pub fn model_lister(
        &self,
        name: &str,
        settings: Value,
        context: &BuildContext,
    ) -> Result<Arc<dyn ModelLister>> {
        let row = self.model_listers.get(name);
        let row = row.ok_or_else(|| self.lacking(name, "lists no models", &self.model_listers))?;
        (row.build)(row.name, settings, context)
    }

    /// Builds the counter of tokens of the provider `name` from that provider's settings, without I/O.
    ///
    /// # Errors
    /// `Config` when no such counter is linked, or what the settings lack.
    pub fn token_counter(
        &self,
        name: &str,
        settings: Value,
        context: &BuildContext,
    ) -> Result<Arc<dyn TokenCounter>> {
        let row = self.token_counters.get(name);
        let row = row.ok_or_else(|| self.lacking(name, "counts no tokens", &self.token_counters))?;
        (row.build)(row.name, settings, context)
    }

    /// Builds the strategy `name` from its own settings.
    ///
    /// # Errors
    /// `Config` when no such strategy is linked, or what is wrong in its settings.
    pub fn strategy(&self, name: &str, settings: Value) -> Result<Arc<dyn Strategy>> {
        let row = self.strategies.get(name).ok_or_else(|| self.unknown(name, &self.strategies))?;
        (row.build)(settings)
    }

    /// Builds the analyzer `name`.
    ///
    /// # Errors
    /// `Config` when no such analyzer is linked.
    pub fn analyzer(&self, name: &str) -> Result<Arc<dyn Analyzer>> {
        let row = self.analyzers.get(name).ok_or_else(|| self.unknown(name, &self.analyzers))?;
        Ok((row.build)())
    }

    /// Builds the selector `name`.
    ///
    /// # Errors
    /// `Config` when no such selector is linked.
    pub fn selector(&self, name: &str) -> Result<Arc<dyn Selector>> {
        let row = self.selectors.get(name).ok_or_else(|| self.unknown(name, &self.selectors))?;
        Ok((row.build)())
    }

    /// The registration of the layer `name`.
    ///
    /// # Errors
    /// `Config` when no such layer is linked.
    pub fn layer(&self, name: &str) -> Result<&LayerRegistration> {
        self.layers.get(name).ok_or_else(|| self.unknown(name, &self.layers))
    }

    /// Checks that the layer `name`, which the option `option` needs, is linked.
    pub(crate) fn require_layer(&self, name: &str, option: &str) -> Result<()> {
        self.layer(name).map(drop).map_err(|error| {
            let message = format!("`{option}` needs the layer `{name}`: {}", error.message());
            error.with_message(message)
        })
    }

    /// The linked providers, by name.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderRegistration> {
        self.providers.values()
    }

    /// The linked embedders, by name.
    pub fn embedders(&self) -> impl Iterator<Item = &EmbedderRegistration> {
        self.embedders.values()
    }

    /// The linked listers of models, by name.
    pub fn model_listers(&self) -> impl Iterator<Item = &ModelListerRegistration> {
        self.model_listers.values()
    }

    /// The linked counters of tokens, by name.
    pub fn token_counters(&self) -> impl Iterator<Item = &TokenCounterRegistration> {
        self.token_counters.values()
    }

    /// The linked strategies, by name.
    pub fn strategies(&self) -> impl Iterator<Item = &StrategyRegistration> {
        self.strategies.values()
    }

    /// The linked layers, by name.
    pub fn layers(&self) -> impl Iterator<Item = &LayerRegistration> {
        self.layers.values()
    }

    /// The linked analyzers, by name.
    pub fn analyzers(&self) -> impl Iterator<Item = &AnalyzerRegistration> {
        self.analyzers.values()
    }

    /// The linked selectors, by name.
    pub fn selectors(&self) -> impl Iterator<Item = &SelectorRegistration> {
        self.selectors.values()
    }

    /// The linked sources of prices, by name.
    pub fn prices(&self) -> impl Iterator<Item = &PricesRegistration> {
        self.prices.values()
    }

    /// The linked tokenizers, by name.
    pub fn tokenizers(&self) -> impl Iterator<Item = &TokenizerRegistration> {
        self.tokenizers.values()
    }

    /// The feature of the facade that brings the plugin `name` of that kind, linked or not.
    pub fn feature_of(&self, kind: &str, name: &str) -> Option<&'static str> {
        self.features.iter().find(|hint| hint.kind == kind && hint.name == name).map(|hint| hint.feature)
    }

    /// Says that the provider `name` does not do that, where it is linked, so that no feature would help.
    fn lacking<R: Registration>(&self, name: &str, lacks: &str, linked: &BTreeMap<&'static str, R>) -> Error {
        if !self.providers.contains_key(name) {
            return self.unknown(name, linked);
        }
        let names: Vec<_> = linked.keys().copied().collect();
        let message = format!("the provider `{name}` {lacks} (those that do: {})", names.join(", "));
        Error::new(ErrorKind::Config, message)
    }

    /// Says that `name` is not linked, what is, and what to do.
    fn unknown<R: Registration>(&self, name: &str, linked: &BTreeMap<&'static str, R>) -> Error {
        let kind = R::KIND;
        let names: Vec<_> = linked.keys().copied().collect();
        let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let mut message = format!("no {kind} `{name}` is linked into this program (linked: {list}); ");
        if let Some(feature) = self.feature_of(kind, name) {
            let _ = write!(message, "enable the feature `{feature}` of the crate `ultraai`");
        } else if let Some(near) = nearest(name, names.into_iter()) {
            let _ = write!(message, "did you mean `{near}`?");
        } else {
            let _ = write!(
                message,
                "enable its feature of the crate `ultraai`, or name its crate with `use … as _;`"
            );
        }
        Error::new(ErrorKind::Config, message)
    }
}

fn insert<R: Registration>(map: &mut BTreeMap<&'static str, R>, row: R) -> Result<()> {
    match map.insert(row.name(), row) {
        // A dev-dependency cycle links one package twice; it is still one plugin.
        Some(other) if other.package() != row.package() => {
            let (name, kind) = (row.name(), R::KIND);
            let mut packages = [other.package(), row.package()];
            packages.sort_unstable();
            let message = format!(
                "the {kind} `{name}` is registered by two packages, `{}` and `{}`: link one of them, or rename one",
                packages[0], packages[1]
            );
            Err(Error::new(ErrorKind::Config, message))
        }
        _ => Ok(()),
    }
}

/// No longer name is compared with known ones.
const LONGEST_NAME: usize = 128;

/// The known name that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The work grows with the length, and a name is short.
    if name.len() > LONGEST_NAME {
        return None;
    }
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(name.chars().count()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Fills a [`Registry`] by hand.
#[derive(Debug)]
#[must_use = "call `build`"]
pub struct RegistryBuilder(Registry);

impl RegistryBuilder {
    /// Adds a plugin.
    ///
    /// # Errors
    /// `Config` when another package has the name.
    pub fn plugin(mut self, plugin: Plugin) -> Result<Self> {
        self.0.add(plugin)?;
        Ok(self)
    }

    /// The registry.
    pub fn build(self) -> Arc<Registry> {
        Arc::new(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(_: &'static str, _: Value, _: &BuildContext) -> Result<Arc<dyn Provider>> {
        Err(Error::new(ErrorKind::Config, "not built in this test"))
    }

    const ACME: [ProviderRegistration; 1] =
        [ProviderRegistration::new("acme", build).from_package("acme-one", "1.0.0")];
    const OTHER: [ProviderRegistration; 1] =
        [ProviderRegistration::new("acme", build).from_package("acme-two", "1.0.0")];
    const HINTS: [FeatureHint; 1] =
        [FeatureHint { kind: "provider", name: "openai", feature: "provider-openai" }];

    fn acme() -> RegistryBuilder {
        Registry::builder().plugin(Plugin::Providers(&ACME)).unwrap()
    }

    #[test]
    fn one_name_from_two_packages_names_both() {
        let error = acme().plugin(Plugin::Providers(&OTHER)).unwrap_err().to_string();
        assert!(error.contains("`acme-one` and `acme-two`"), "{error}");
    }

    #[test]
    fn one_package_twice_is_one_entry() {
        assert_eq!(acme().plugin(Plugin::Providers(&ACME)).unwrap().build().providers().count(), 1);
    }

    #[test]
    fn an_unknown_name_says_what_is_linked_and_what_to_do() {
        let registry = acme().plugin(Plugin::Features(&HINTS)).unwrap().build();
        let text = |name| registry.provider_registration(name).unwrap_err().to_string();
        assert_eq!(
            text("openai"),
            "no provider `openai` is linked into this program (linked: acme); enable the feature `provider-openai` of the crate `ultraai`"
        );
        assert!(text("acmee").ends_with("did you mean `acme`?"));
        assert!(text("zzz").ends_with("`use … as _;`"));
        let told = |error: Option<Error>| error.unwrap().to_string();
        let context = BuildContext::new(crate::ProviderId::new("mine").unwrap(), crate::Lookup::empty());
        assert!(
            told(registry.embedder("acme", Value::Null, &context).err())
                .starts_with("the provider `acme` makes no embeddings (those that do: "),
        );
        assert!(
            told(registry.model_lister("acme", Value::Null, &context).err())
                .starts_with("the provider `acme` lists no models (those that do: "),
        );
        let error = registry.require_layer("retry", "max_retries").unwrap_err().to_string();
        assert!(
            error.starts_with("`max_retries` needs the layer `retry`: no layer `retry` is linked"),
            "{error}"
        );
    }
}
