//! The tables `[orchestrators.NAME]`: further orchestrators over the same providers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use ultraai_core::{
    Error, ErrorKind, Options, ProviderId, Registry, Result, StrategyRegistration, registry::unknown_key,
};

use crate::{
    DEFAULT, Entry, OptionKind, Origin,
    assemble::{advice, for_users},
    document::Document,
    kind::read_alone,
    own::OwnSettings,
    shown::{kind_of_value, shown},
    table::{Row, in_order},
};

/// The keys besides the options.
const KEYS: [&str; 3] = ["strategy", "providers", "strategies"];

/// A strategy and options as a table sets them, with the places.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    pub(crate) strategy: Option<(String, Origin)>,
    pub(crate) options: Options,
    pub(crate) origins: BTreeMap<&'static str, Origin>,
}

/// One table `[orchestrators.NAME]`.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: ProviderId,
    pub(crate) origin: Origin,
    pub(crate) choices: Choices,
    /// Only these, where the table names them.
    pub(crate) providers: Option<(Vec<ProviderId>, Origin)>,
    /// Goes over `[strategies.NAME]`.
    pub(crate) strategies: OwnSettings<StrategyRegistration>,
}

impl Choices {
    /// Reads `strategy` or an option; `known` are the keys that may stand in the table.
    pub(crate) fn read(
        &mut self,
        document: &Document,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        known: &[&str],
    ) -> Result<()> {
        let (at, key) = (key.span().start, key.get_ref().as_ref());
        let json = document.json(value)?;
        if key == "strategy" {
            let Value::String(name) = json else {
                let message = format!("`strategy` must be a text, and {} stands there", kind_of_value(&json));
                return Err(document.wrong(at, &message));
            };
            self.strategy = Some((name, document.origin(at)));
            return Ok(());
        }
        let Some(field) = Options::FIELDS.iter().find(|field| field.name == key) else {
            let known = known.iter().copied().chain(Options::FIELDS.iter().map(|field| field.name));
            return Err(document.wrong(at, unknown_key(key, known).message()));
        };
        let set = read_alone(key, json.clone()).ok_or_else(|| {
            let expected = OptionKind::of(key);
            let message = format!("`{key}` must be {expected}, and {} stands there", kind_of_value(&json));
            document.wrong(at, &message)
        })?;
        let set = set.map_err(|error| document.wrong(at, error.message()))?;
        self.options = self.options.overridden_by(&set);
        self.origins.insert(field.name, document.origin(at));
        Ok(())
    }
}

/// Reads `[orchestrators]`, over what `[strategies]` holds.
pub(crate) fn read_named(
    document: &Document,
    table: &DeTable<'_>,
    strategies: &OwnSettings<StrategyRegistration>,
    registry: &Registry,
) -> Result<Vec<Named>> {
    in_order(table)
        .into_iter()
        .map(|(name, value)| Named::read(document, name, value, strategies, registry))
        .collect()
}

impl Named {
    fn read(
        document: &Document,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        strategies: &OwnSettings<StrategyRegistration>,
        registry: &Registry,
    ) -> Result<Self> {
        let at = name.span().start;
        let name = ProviderId::new(name.get_ref()).map_err(|error| {
            document.wrong(at, &error.message().replacen("provider id", "orchestrator's name", 1))
        })?;
        if name == DEFAULT {
            let message = "`default` is the orchestrator of the table [orchestrator]: set it there, or give this one another name";
            return Err(document.wrong(at, message));
        }
        let DeValue::Table(table) = value.get_ref() else {
            return Err(
                document.wrong(at, &format!("`{name}` must be a table: write [orchestrators.{name}]"))
            );
        };
        let mut named = Self {
            origin: document.origin(at),
            choices: Choices::default(),
            providers: None,
            strategies: OwnSettings::default(),
            name,
        };
        for (key, value) in in_order(table) {
            let at = key.span().start;
            match key.get_ref().as_ref() {
                "providers" => named.providers = Some((read_ids(document, at, value)?, document.origin(at))),
                "strategies" => {
                    let DeValue::Table(own) = value.get_ref() else {
                        let message = format!(
                            "`strategies` must be a table: write [orchestrators.{}.strategies.NAME]",
                            named.name
                        );
                        return Err(document.wrong(at, &message));
                    };
                    let path = format!("orchestrators.{}.strategies", named.name);
                    named.strategies = strategies.read_over(document, own, &path, registry)?;
                }
                name => {
                    named.choices.read(document, key, value, &KEYS)?;
                    let is_connect = name == "connect_timeout_seconds";
                    if is_connect || named.choices.options.shared_by_requests() == Some(name) {
                        let message = format!(
                            "`{name}` is shared by all requests, whichever orchestrator they name: set it under [orchestrator]"
                        );
                        return Err(document.wrong(at, &message));
                    }
                }
            }
        }
        Ok(named)
    }

    /// Its strategy: its own, else that of `[orchestrator]`.
    pub(crate) fn strategy<'a>(&'a self, default: &'a str) -> &'a str {
        self.choices.strategy.as_ref().map_or(default, |(name, _)| name)
    }

    /// The providers that it names.
    pub(crate) fn named(&self) -> impl Iterator<Item = &ProviderId> {
        let options = &self.choices.options;
        let providers = self.providers.iter().flat_map(|(ids, _)| ids);
        providers.chain(&options.synthesizer).chain(&options.analyst)
    }

    /// What its strategy is built from.
    pub(crate) fn strategy_settings(
        &self,
        default: &str,
        under: &OwnSettings<StrategyRegistration>,
    ) -> Map<String, Value> {
        let name = self.strategy(default);
        let mut settings = under.of(name);
        settings.extend(self.strategies.of(name));
        settings
    }

    /// Checks what it names, and its options over those of `[orchestrator]`, whose strategy is `default`.
    pub(crate) fn check(
        &self,
        rows: &[Row],
        (default, options): (&str, &Options),
        under: &OwnSettings<StrategyRegistration>,
        registry: &Registry,
    ) -> Result<()> {
        let wrong =
            |origin: &Origin, message: &str| Err(Error::new(ErrorKind::Config, origin.before(message)));
        let ids = || rows.iter().map(|row| row.id.as_str());
        if ids().any(|id| id == self.name.as_str()) {
            let message = format!(
                "`{0}` is the name of a provider too, and a request that names it could mean either: give one of them another name",
                self.name
            );
            return wrong(&self.origin, &message);
        }
        if let Some((providers, origin)) = &self.providers
            && let Some(unknown) = providers.iter().find(|id| ids().all(|known| known != id.as_str()))
        {
            let advice = advice(unknown.as_str(), rows);
            let message = format!("no provider `{unknown}` is configured, which `providers` names: {advice}");
            return wrong(origin, &message);
        }
        let name = self.strategy(default);
        let settings = Value::Object(self.strategy_settings(default, under));
        if let Err(error) = registry.strategy(name, settings) {
            let names = registry.strategies().map(|row| row.name);
            let origin = self.choices.strategy.as_ref().map_or(&self.origin, |(_, origin)| origin);
            return wrong(origin, &for_users(error.message(), "strategy", name, names));
        }
        let both = options.overridden_by(&self.choices.options);
        both.validate().map_err(|error| self.explained(&error))
    }

    /// An error about its options, with the place of the first one that is set here.
    pub(crate) fn explained(&self, error: &Error) -> Error {
        let mut options = error.message().split('`').skip(1).step_by(2);
        let place = options.find_map(|option| self.choices.origins.get(option)).unwrap_or(&self.origin);
        Error::new(error.kind(), place.before(error.message()))
    }

    /// What is set in it, and where.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let table = format!("orchestrators.{}", self.name);
        let entry = |key: &str, value: String, origin: &Origin| Entry {
            table: table.clone(),
            key: key.to_owned(),
            value,
            origin: origin.clone(),
        };
        let mut entries = Vec::new();
        if let Some((name, origin)) = &self.choices.strategy {
            entries.push(entry("strategy", Value::from(name.as_str()).to_string(), origin));
        }
        if let Some((providers, origin)) = &self.providers {
            let list: Value = providers.iter().map(|id| Value::from(id.as_str())).collect();
            entries.push(entry("providers", shown("providers", &list), origin));
        }
        let options = serde_json::to_value(&self.choices.options).unwrap_or_default();
        for (name, origin) in &self.choices.origins {
            let value = options.get(*name).map(|value| shown(name, value)).unwrap_or_default();
            entries.push(entry(name, value, origin));
        }
        entries.extend(
            self.strategies.entries().map(|own| Entry { table: format!("{table}.{}", own.table), ..own }),
        );
        entries
    }
}

fn read_ids(document: &Document, at: usize, value: &Spanned<DeValue<'_>>) -> Result<Vec<ProviderId>> {
    let json = document.json(value)?;
    let wrong = |what: &str| {
        let message =
            format!("`providers` must be a list of providers' names, such as [\"a\", \"b\"], and {what}");
        Err(document.wrong(at, &message))
    };
    let Value::Array(values) = &json else {
        return wrong(&format!("{} stands there", kind_of_value(&json)));
    };
    let mut ids: Vec<ProviderId> = Vec::new();
    for value in values {
        let Some(text) = value.as_str() else {
            return wrong(&format!("{} stands in it", kind_of_value(value)));
        };
        let id = ProviderId::new(text).map_err(|error| document.wrong(at, error.message()))?;
        if ids.contains(&id) {
            return Err(document.wrong(at, &format!("`providers` names `{id}` twice: once is enough")));
        }
        ids.push(id);
    }
    match ids.is_empty() {
        true => Err(document.wrong(at, "`providers` is empty: name a provider, or leave it out to have all")),
        false => Ok(ids),
    }
}
