//! Puts file, environment and arguments together.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};
use ultraai_core::{
    Error, ErrorKind, Lookup, Options, ProviderId, ProviderRegistration, Registry, Result, nearest,
};

use crate::{
    Arguments, OptionKind, Origin, Settings, Sources,
    aliases::{check_aliases, split},
    discovery::{discover, named_server},
    document::Document,
    gateway,
    kind::read_alone,
    named::Choices,
    reloading::Stamps,
    table::{Row, Tables, read_tables},
};

/// For those who name a settings file that is not there.
const ADVICE: &str = "name another file, or write one with `ultraai config --init`";

/// The strategy where nobody names one.
const DEFAULT_STRATEGY: &str = "simple";

/// The variable of an option, or of `strategy`.
fn variable(name: &str) -> String {
    format!("ULTRAAI_{}", name.to_uppercase())
}

impl Settings {
    /// Reads the settings: the file, the environment over it, the arguments over both. Where no provider is
    /// configured, those that are there are found.
    ///
    /// # Errors
    /// `Config`, which names the place, what is wrong there, and what is known or to do.
    pub async fn load(sources: &Sources, registry: &Arc<Registry>) -> Result<Self> {
        let file = sources.file();
        let document = file.as_ref().map(|path| Document::read(path, ADVICE)).transpose()?;
        let mut tables = match &document {
            Some(document) => read_tables(document, registry)?,
            None => Tables::default(),
        };
        let mut notices = misspelt_variables(&sources.variables);
        set_from_variables(&mut tables, &sources.lookup)?;
        set_from_arguments(&mut tables, &sources.arguments)?;
        tables.choices.options.validate().map_err(|error| placed(&tables.choices.origins, &error))?;

        let configured = !tables.rows.is_empty();
        for name in &sources.arguments.providers {
            if tables.rows.iter().all(|row| row.id != name.as_str())
                && let Some(row) = named_server(name, registry, sources.local_servers).await
            {
                tables.rows.push(row?);
            }
        }
        let selected = select(&mut tables.rows, &sources.arguments.providers, registry)?;
        if !configured && selected.is_none() {
            let found = discover(registry, &sources.lookup, sources.local_servers).await?;
            tables.rows = found.rows;
            notices.extend(found.notices);
        }
        check_names(&tables, registry)?;
        let (strategy, strategy_origin) = match tables.choices.strategy.take() {
            Some((name, origin)) => (name, origin),
            None => (default_strategy(registry)?, Origin::Default),
        };
        notices.append(&mut tables.prices.notices);
        registry.strategy(&strategy, Value::Object(tables.strategies.of(&strategy))).map_err(|error| {
            let names = registry.strategies().map(|row| row.name);
            let message = for_users(error.message(), "strategy", &strategy, names);
            Error::new(ErrorKind::Config, strategy_origin.before(&message))
        })?;
        for named in &tables.named {
            let default = (strategy.as_str(), &tables.choices.options);
            named.check(&tables.rows, default, &tables.strategies, registry)?;
            check_options(&named.choices, &tables.rows, registry)?;
        }
        check_aliases(&tables.gateway, &tables.rows, &tables.named, registry)?;
        let read = document.as_ref().map(Document::stamped).into_iter().chain(tables.prices.file.take());
        let stamps = Stamps::new(read, &tables.rows);
        Ok(Self {
            file,
            stamps,
            strategy,
            strategy_origin,
            options: tables.choices.options,
            origins: tables.choices.origins,
            named: tables.named,
            rows: tables.rows,
            strategies: tables.strategies,
            layers: tables.layers,
            prices: tables.prices,
            selected,
            notices,
            gateway: tables.gateway.settings.clone(),
            gateway_table: tables.gateway,
            registry: Arc::clone(registry),
            lookup: sources.lookup.clone(),
        })
    }
}

fn set_from_variables(tables: &mut Tables, lookup: &Lookup) -> Result<()> {
    if let Some(name) = lookup.get(&variable("strategy")) {
        tables.choices.strategy = Some((name.trim().to_owned(), Origin::Variable(variable("strategy"))));
    }
    for field in Options::FIELDS {
        if let Some(text) = lookup.get(&variable(field.name)) {
            set_option(tables, field.name, &text, Origin::Variable(variable(field.name)))?;
        }
    }
    tables.gateway.set_from_variables(lookup)
}

fn set_from_arguments(tables: &mut Tables, arguments: &Arguments) -> Result<()> {
    if let Some(name) = &arguments.strategy {
        tables.choices.strategy = Some((name.clone(), Origin::Argument("--strategy".to_owned())));
    }
    for argument in &arguments.options {
        set_option(tables, argument.name, &argument.value, Origin::Argument(argument.flag()))?;
    }
    Ok(())
}

fn set_option(tables: &mut Tables, name: &'static str, text: &str, origin: Origin) -> Result<()> {
    let wrong = |message: &str| Error::new(ErrorKind::Config, origin.before(message));
    let kind = OptionKind::of(name);
    let set = kind
        .value(text)
        .and_then(|value| read_alone(name, value))
        .ok_or_else(|| wrong(&format!("`{name}` must be {kind}, and is {text:?}")))?;
    let set = set.map_err(|error| wrong(error.message()))?;
    tables.choices.options = tables.choices.options.overridden_by(&set);
    tables.choices.origins.insert(name, origin);
    Ok(())
}

/// An error about options, with the place of the first one it names.
pub(crate) fn placed(origins: &BTreeMap<&'static str, Origin>, error: &Error) -> Error {
    let named = error.message().split('`').skip(1).step_by(2).find_map(|name| origins.get(name));
    let message = named.map_or_else(|| error.message().to_owned(), |origin| origin.before(error.message()));
    Error::new(error.kind(), message)
}

fn default_strategy(registry: &Registry) -> Result<String> {
    let mut names: Vec<_> = registry.strategies().map(|row| row.name).collect();
    names.sort_by_key(|name| *name != DEFAULT_STRATEGY);
    names.first().map(|name| (*name).to_owned()).ok_or_else(|| {
        let message =
            "no strategy is linked into this program: enable a feature `strategy-…` of the crate `ultraai`";
        Error::new(ErrorKind::Config, message)
    })
}

/// The providers that arguments name, in that order; those that are linked and not configured are added.
fn select(rows: &mut Vec<Row>, names: &[String], registry: &Registry) -> Result<Option<Vec<ProviderId>>> {
    let mut chosen: Vec<ProviderId> = Vec::new();
    for name in names {
        let id = match rows.iter().find(|row| row.id == name.as_str()) {
            Some(row) => row.id.clone(),
            None => {
                let row = unconfigured(name, rows, registry)?;
                let id = row.id.clone();
                rows.push(row);
                id
            }
        };
        if !chosen.contains(&id) {
            chosen.push(id);
        }
    }
    Ok((!chosen.is_empty()).then_some(chosen))
}

/// A provider that is linked and not configured, from `TYPE` or `TYPE/MODEL`.
fn unconfigured(name: &str, rows: &[Row], registry: &Registry) -> Result<Row> {
    let origin = Origin::Argument("--provider".to_owned());
    let (kind, model) = split(name);
    let known =
        registry.provider_registration(kind).map_err(|error| unknown(name, kind, rows, registry, &error))?;
    let mut settings = Map::new();
    settings.insert("type".into(), kind.into());
    if let Some(model) = model {
        settings.insert("model".into(), model.into());
    }
    let origins = settings.keys().map(|key| (key.clone(), origin.clone())).collect();
    Row::new(free_id(known, rows)?, settings, origin, origins, registry)
}

/// The provider's name, with a number where it is taken.
fn free_id(known: &ProviderRegistration, rows: &[Row]) -> Result<ProviderId> {
    let taken = |id: &str| rows.iter().any(|row| row.id == *id);
    let numbered = (2..).map(|number| format!("{}-{number}", known.name));
    let id = std::iter::once(known.name.to_owned()).chain(numbered).find(|id| !taken(id));
    ProviderId::new(id.unwrap_or_default())
}

/// Says that `name` is neither configured nor linked; `unlinked` says how the latter is mended.
fn unknown(name: &str, kind: &str, rows: &[Row], registry: &Registry, unlinked: &Error) -> Error {
    let configured: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    let linked = registry.providers().map(|row| row.name);
    let advice = match nearest(kind, configured.iter().copied().chain(linked)) {
        Some(near) if configured.contains(&near) => format!("; did you mean `{near}`?"),
        _ => String::new(),
    };
    let list = if configured.is_empty() { "none".to_owned() } else { configured.join(", ") };
    let message = format!(
        "no provider `{name}` is configured (configured: {list}), and {}{advice}",
        for_users(unlinked.message(), "provider", kind, registry.providers().map(|row| row.name))
    );
    Error::new(ErrorKind::Config, Origin::Argument("--provider".to_owned()).before(&message))
}

/// What is said of a name that is not linked, without advice to those who write programs.
pub(crate) fn for_users<'a>(
    message: &str,
    kind: &str,
    name: &str,
    linked: impl Iterator<Item = &'a str>,
) -> String {
    let names: Vec<_> = linked.collect();
    if nearest(name, names.iter().copied()).is_some() || !message.contains("is linked into this program") {
        return message.to_owned();
    }
    match names.is_empty() {
        true => format!("no {kind} `{name}` is linked into this program, nor any other"),
        false => format!(
            "no {kind} `{name}` is linked into this program (linked: {}): name one of these",
            names.join(", ")
        ),
    }
}

/// Checks the names that settings give to providers and analyzers.
fn check_names(tables: &Tables, registry: &Registry) -> Result<()> {
    let ids = || tables.rows.iter().map(|row| row.id.as_str());
    for row in &tables.rows {
        if let Some(name) = row.spec.fallback_names().iter().find(|name| ids().all(|id| id != **name)) {
            let advice = advice(name, &tables.rows);
            let message = format!("no provider `{name}` is configured, which `fallbacks` names: {advice}");
            let message = row.place_of("fallbacks").before(&message);
            return Err(Error::new(ErrorKind::Config, message).with_provider(row.id.clone()));
        }
    }
    check_options(&tables.choices, &tables.rows, registry)
}

/// What to name in the place of a provider that is not configured.
pub(crate) fn advice(name: &str, rows: &[Row]) -> String {
    let ids = || rows.iter().map(|row| row.id.as_str());
    match nearest(name, ids()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("configured: {}", ids().collect::<Vec<_>>().join(", ")),
    }
}

/// Checks the names that options give.
fn check_options(choices: &Choices, rows: &[Row], registry: &Registry) -> Result<()> {
    let wrong = |option: &str, message: &str| {
        let origin = choices.origins.get(option).unwrap_or(&Origin::Default);
        Err(Error::new(ErrorKind::Config, origin.before(message)))
    };
    let options = &choices.options;
    for (option, named) in [("synthesizer", &options.synthesizer), ("analyst", &options.analyst)] {
        if let Some(id) = named.as_ref().filter(|id| rows.iter().all(|row| row.id != **id)) {
            let advice = advice(id.as_str(), rows);
            let message = format!("no provider `{id}` is configured, which `{option}` names: {advice}");
            return wrong(option, &message);
        }
    }
    if let Some(name) = options.analysis_type.as_deref()
        && let Err(error) = registry.analyzer(name)
    {
        let names = registry.analyzers().map(|row| row.name);
        return wrong("analysis_type", &for_users(error.message(), "analyzer", name, names));
    }
    if let Some(name) = options.selector.as_deref()
        && let Err(error) = registry.selector(name)
    {
        let names = registry.selectors().map(|row| row.name);
        return wrong("selector", &for_users(error.message(), "selector", name, names));
    }
    Ok(())
}

/// Variables that look like ours and are none.
fn misspelt_variables(names: &[String]) -> Vec<String> {
    let known: Vec<String> = ["strategy", "config", "log"]
        .into_iter()
        .chain(Options::FIELDS.iter().map(|field| field.name))
        .map(variable)
        .chain(gateway::with_variables().map(gateway::variable))
        .collect();
    names
        .iter()
        .filter(|name| name.starts_with("ULTRAAI_") && !known.contains(name))
        .filter_map(|name| {
            let near = nearest(name, known.iter().map(String::as_str))?;
            Some(format!("the variable {name} means nothing here: did you mean {near}?"))
        })
        .collect()
}
