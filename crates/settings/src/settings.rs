//! The settings in force, and the orchestrator they make.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use serde::{Serialize, Serializer};
use serde_json::Value;
use ultraai_core::{
    BaseOrchestrator, KeySource, LayerRegistration, Lookup, Options, Orchestrator, OrchestratorBuilder,
    ProviderId, ProviderSpec, Registry, RequestOptions, Result, Strategy, StrategyRegistration,
};

use crate::{
    DEFAULT, Entry, GatewaySettings, Origin,
    gateway::GatewayTable,
    kind::default_of,
    named::Named,
    own::OwnSettings,
    prices::Prices,
    reloading::Stamps,
    shown::{is_a_place, shown},
    table::Row,
};

/// What builds the orchestrator of some settings.
pub type Builder = OrchestratorBuilder<Arc<dyn Strategy>>;

/// The settings in force, each with the place it comes from.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The file that was read, when there is one.
    pub file: Option<PathBuf>,
    /// The strategy.
    pub strategy: String,
    /// The options that somebody set.
    pub options: Options,
    /// The providers that arguments name, in that order; `None`: all.
    pub selected: Option<Vec<ProviderId>>,
    /// What the user should know: a mock that answers, a key without a model, a misspelt variable.
    pub notices: Vec<String>,
    /// How the gateway listens, and what it keeps to.
    pub gateway: GatewaySettings,
    pub(crate) strategy_origin: Origin,
    pub(crate) origins: BTreeMap<&'static str, Origin>,
    pub(crate) rows: Vec<Row>,
    pub(crate) strategies: OwnSettings<StrategyRegistration>,
    pub(crate) layers: OwnSettings<LayerRegistration>,
    pub(crate) prices: Prices,
    pub(crate) named: Vec<Named>,
    pub(crate) gateway_table: GatewayTable,
    pub(crate) stamps: Stamps,
    pub(crate) registry: Arc<Registry>,
    pub(crate) lookup: Lookup,
}

impl Settings {
    /// The plugins they are for.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The providers with what they are built from, in the order of the file.
    pub fn providers(&self) -> impl Iterator<Item = (&ProviderId, &ProviderSpec)> {
        self.rows.iter().map(|row| (&row.id, &row.spec))
    }

    /// Builds the orchestrator with the providers that can be asked: the selected ones or all, and those they
    /// name in their place.
    ///
    /// # Errors
    /// `Config`, which says what a provider lacks, such as its key, and where it stands in the settings; and for options with
    /// which no request could be answered.
    pub fn build(&self) -> Result<Orchestrator<Arc<dyn Strategy>>> {
        self.build_with(|builder| builder, |_, spec| spec)
    }

    /// As [`build`](Self::build), with what else `prepare` gives the builder, and with the providers that `replace` makes of
    /// those that stand here.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_with(
        &self,
        prepare: impl FnOnce(Builder) -> Builder,
        replace: impl Fn(&ProviderId, ProviderSpec) -> ProviderSpec,
    ) -> Result<Orchestrator<Arc<dyn Strategy>>> {
        let orchestrator = prepare(self.builder()?).build()?;
        let check = |row: &Row| row.check_model(&self.registry);
        register(&orchestrator, &self.needed(), replace, check, |row, broken| {
            self.leaving_out(row, broken).unwrap_or_default()
        })?;
        let mut asked = RequestOptions::default();
        asked.providers.clone_from(&self.selected);
        self.check_answers(DEFAULT, orchestrator.check(&asked))?;
        Ok(orchestrator)
    }

    /// What builds the orchestrator of `[orchestrator]`, without its providers.
    pub(crate) fn builder(&self) -> Result<Builder> {
        let strategy =
            self.registry.strategy(&self.strategy, Value::Object(self.strategies.of(&self.strategy)))?;
        let builder = OrchestratorBuilder::new(strategy)
            .prices(self.prices.table.clone())
            .registry(Arc::clone(&self.registry))
            .lookup(self.lookup.clone())
            .options(&self.options);
        let layers = self.layers.iter();
        Ok(layers.fold(builder, |builder, (name, settings)| builder.layer_settings(name, settings.clone())))
    }

    /// How to leave `row` out, with arguments that name what works without the `broken` ones of a file; nothing where arguments
    /// name some already, and where nothing works without.
    pub(crate) fn leaving_out(&self, row: &Row, broken: &[&str]) -> Option<String> {
        if self.selected.is_some() {
            return None;
        }
        let from_file = |row: &&Row| matches!(row.origin, Origin::File { .. });
        let whole = self.rows.iter().filter(from_file).filter(|row| {
            self.needed_for([row.id.as_str()]).iter().all(|needed| !broken.contains(&needed.id.as_str()))
        });
        let others: Vec<_> = whole.map(|row| format!("-p {}", row.id)).collect();
        (!others.is_empty()).then(|| format!(", or leave `{}` out: `{}`", row.id, others.join(" ")))
    }

    /// The providers that can be asked, in the order of the file: a broken one that nobody asks for is no
    /// hindrance.
    fn needed(&self) -> Vec<&Row> {
        match &self.selected {
            Some(selected) => self.needed_for(selected.iter().map(ProviderId::as_str)),
            None => self.rows.iter().collect(),
        }
    }

    /// The providers that can be asked when these are selected.
    pub(crate) fn needed_for<'a>(&'a self, selected: impl IntoIterator<Item = &'a str>) -> Vec<&'a Row> {
        let mut open: Vec<&str> = selected.into_iter().collect();
        let aside = [&self.options.synthesizer, &self.options.analyst];
        open.extend(aside.into_iter().flatten().map(ProviderId::as_str));
        let mut needed: Vec<&str> = Vec::new();
        while let Some(id) = open.pop() {
            if !needed.contains(&id) {
                needed.push(id);
                let row = self.rows.iter().find(|row| row.id == *id);
                open.extend(row.iter().flat_map(|row| row.spec.fallback_names()).map(String::as_str));
            }
        }
        self.rows.iter().filter(|row| needed.contains(&row.id.as_str())).collect()
    }

    /// Every value in force with the place it comes from. Keys are never among them.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |table: &str, key: &str, value: String, origin: &Origin| Entry {
            table: table.to_owned(),
            key: key.to_owned(),
            value,
            origin: origin.clone(),
        };
        let strategy = Value::String(self.strategy.clone()).to_string();
        let mut entries = vec![entry("orchestrator", "strategy", strategy, &self.strategy_origin)];
        let options = serde_json::to_value(&self.options).unwrap_or_default();
        for field in Options::FIELDS {
            entries.push(match (options.get(field.name), self.origins.get(field.name)) {
                (Some(value), Some(origin)) => {
                    entry("orchestrator", field.name, shown(field.name, value), origin)
                }
                _ => {
                    let default = default_of(field.doc).unwrap_or("none");
                    entry("orchestrator", field.name, default.to_owned(), &Origin::Default)
                }
            });
        }
        for row in &self.rows {
            let table = format!("providers.{}", row.id);
            for (key, origin) in &row.origins {
                let value = match (row.settings.get(key), &row.key_shown) {
                    (Some(value), _) => shown(key, value),
                    (None, Some(key)) => key.clone(),
                    (None, None) => continue,
                };
                entries.push(entry(&table, key, value, origin));
            }
        }
        entries.extend(self.named.iter().flat_map(Named::entries));
        entries.extend(self.strategies.entries());
        entries.extend(self.layers.entries());
        entries.extend_from_slice(self.prices.entries());
        entries.extend(self.gateway_table.entries(&self.gateway));
        entries
    }

    /// What works and could be safer: keys that stand in a file.
    pub fn warnings(&self) -> Vec<String> {
        let given = self.rows.iter().filter(|row| row.key_shown.is_some() && row.key_source.is_none());
        given
            .map(|row| {
                let place = row.place_of("api_key");
                format!(
                    "{place}: the key of `{}` stands in the file: a variable is safer, as in api_key = {{ env = \"VARIABLE\" }}",
                    row.id
                )
            })
            .collect()
    }

    /// The providers in words.
    pub fn summaries(&self) -> Vec<ProviderSummary> {
        self.rows.iter().map(|row| self.summary(row)).collect()
    }

    /// The provider `id` in words.
    pub fn provider(&self, id: &ProviderId) -> Option<ProviderSummary> {
        self.rows.iter().find(|row| row.id == *id).map(|row| self.summary(row))
    }

    fn summary(&self, row: &Row) -> ProviderSummary {
        let kind = row.spec.type_name().unwrap_or_default();
        let known = self.registry.provider_registration(kind).ok();
        let variables = known.map_or(&[][..], |known| known.key_variables);
        let key = match (&row.key_source, &row.key_shown) {
            (Some(KeySource::Variable(name)), _) => {
                KeyPlace::Variable { name: name.clone(), is_set: self.lookup.get(name).is_some() }
            }
            (Some(KeySource::File(path)), _) if is_a_place(path) => KeyPlace::File(path.clone()),
            (Some(KeySource::File(_)), _) => KeyPlace::File("(hidden)".into()),
            (_, Some(_)) => KeyPlace::Given(row.place_of("api_key").clone()),
            _ => match variables.iter().find(|name| self.lookup.get(name).is_some()) {
                Some(name) => KeyPlace::Variable { name: (*name).to_owned(), is_set: true },
                None => match variables.first() {
                    Some(name) => KeyPlace::Variable { name: (*name).to_owned(), is_set: false },
                    None => KeyPlace::None,
                },
            },
        };
        let proxy = row.settings.get("http").and_then(|http| http.get("proxy")?.as_str());
        ProviderSummary {
            id: row.id.clone(),
            provider_type: kind.to_owned(),
            model: row.spec.model_name().map(str::to_owned),
            base_url: row.text("base_url").or(known.and_then(|known| known.base_url)).map(str::to_owned),
            is_behind_proxy: proxy.is_some_and(|proxy| proxy != "none"),
            key,
            key_optional: known.is_some_and(|known| known.key_optional || known.key_variables.is_empty()),
            origin: row.origin.clone(),
        }
    }
}

/// Registers the providers of `rows`, each of which `check` agrees to. `advise` says how to go on without a broken one, where
/// these are `broken`, in words that follow those about it.
pub(crate) fn register(
    base: &BaseOrchestrator,
    rows: &[&Row],
    replace: impl Fn(&ProviderId, ProviderSpec) -> ProviderSpec,
    check: impl Fn(&Row) -> Result<()>,
    advise: impl FnOnce(&Row, &[&str]) -> String,
) -> Result<()> {
    let mut refusals = Vec::new();
    for row in rows {
        let registered = base
            .register_provider(row.id.as_str(), replace(&row.id, row.spec.clone()))
            .map_err(|error| row.explained(error))
            .and_then(|()| check(row));
        refusals.extend(registered.err().map(|error| (row, error)));
    }
    let broken: Vec<_> = refusals.iter().map(|(row, _)| row.id.as_str()).collect();
    let Some((row, error)) = refusals.into_iter().next() else { return Ok(()) };
    let message = format!("{}{}", error.message(), advise(row, &broken));
    Err(error.with_message(message))
}

/// A configured provider in words.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProviderSummary {
    /// The user's name for it.
    pub id: ProviderId,
    /// The registered provider.
    #[serde(rename = "type")]
    pub provider_type: String,
    /// The model.
    pub model: Option<String>,
    /// The address, its own or the usual one.
    #[serde(skip)]
    pub base_url: Option<String>,
    /// Whether its settings name a proxy, so that who answers at the address is the proxy's matter.
    #[serde(skip)]
    pub is_behind_proxy: bool,
    /// Where its key is.
    pub key: KeyPlace,
    /// Whether it can be asked without a key.
    pub key_optional: bool,
    /// Where it was set up.
    pub origin: Origin,
}

impl ProviderSummary {
    /// Whether a settings file sets it up, and nobody else.
    pub fn is_from_file(&self) -> bool {
        matches!(self.origin, Origin::File { .. })
    }
}

/// Where a key is; never the key. `Display` says it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPlace {
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
        /// Whether it holds anything.
        is_set: bool,
    },
    /// A file that holds the key and nothing else.
    File(PathBuf),
    /// The settings themselves.
    Given(Origin),
    /// Nowhere: it takes none.
    None,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, is_set: true } => write!(f, "{name} (set)"),
            Self::Variable { name, is_set: false } => write!(f, "{name} (not set)"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Given(origin) => write!(f, "{origin}"),
            Self::None => f.write_str("none needed"),
        }
    }
}

impl Serialize for KeyPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
