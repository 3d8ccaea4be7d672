//! The tables of a settings file, and `[orchestrator]` and `[providers.NAME]` among them.

use std::error::Error as _;

use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use ultraai_core::{
    Error, ErrorKind, KeySource, LayerRegistration, Options, ProviderId, ProviderSpec, Registry, Result,
    StrategyRegistration, nearest, registry::unknown_key,
};

use crate::{
    Origin,
    assemble::for_users,
    document::Document,
    gateway::GatewayTable,
    named::{Choices, Named, read_named},
    own::OwnSettings,
    prices::Prices,
    shown::{is_a_place, key_source, kind_of_value, shown_key},
};

/// How the names of our own packages begin.
const OURS: &str = "ultraai-";

/// The tables a file may have.
const TABLES: [&str; 7] =
    ["gateway", "layers", "orchestrator", "orchestrators", "prices", "providers", "strategies"];

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) choices: Choices,
    pub(crate) named: Vec<Named>,
    pub(crate) gateway: GatewayTable,
    pub(crate) rows: Vec<Row>,
    pub(crate) strategies: OwnSettings<StrategyRegistration>,
    pub(crate) layers: OwnSettings<LayerRegistration>,
    pub(crate) prices: Prices,
}

/// One provider as the settings hold it, with the places; the key itself is in `spec` only.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: ProviderId,
    pub(crate) spec: ProviderSpec,
    /// Where the provider as a whole stands.
    pub(crate) origin: Origin,
    /// What stands there, without the key.
    pub(crate) settings: Map<String, Value>,
    pub(crate) origins: Vec<(String, Origin)>,
    /// Where the key is, in words.
    pub(crate) key_shown: Option<String>,
    /// Where the key is, when it stands elsewhere.
    pub(crate) key_source: Option<KeySource>,
}

impl Row {
    /// Checks the settings of one provider.
    pub(crate) fn new(
        id: ProviderId,
        mut settings: Map<String, Value>,
        origin: Origin,
        mut origins: Vec<(String, Origin)>,
        registry: &Registry,
    ) -> Result<Self> {
        let kind = settings.get("type").and_then(Value::as_str);
        let known = kind.and_then(|kind| registry.provider_registration(kind).ok());
        if let Some((known, model)) = known.and_then(|known| Some((known, known.default_model?)))
            && !settings.contains_key("model")
        {
            settings.insert("model".to_owned(), model.into());
            origins.push(("model".to_owned(), Origin::Usual(format!("usual model of {}", known.name))));
        }
        let at = |key: &str| place_of(&origins, key).unwrap_or(&origin);
        let named = |message: String| Error::new(ErrorKind::Config, message).with_provider(id.clone());
        if let Some(Value::String(kind)) = settings.get("type") {
            let known = registry.provider_registration(kind).map_err(|error| {
                let linked = registry.providers().map(|row| row.name);
                named(at("type").before(&for_users(error.message(), "provider", kind, linked)))
            })?;
            let fields = || ProviderSpec::FIELDS.iter().chain(known.fields).map(|field| field.name);
            if let Some(key) = settings.keys().find(|key| fields().all(|field| field != **key)) {
                return Err(named(at(key).before(unknown_key(key, fields()).message())));
            }
        } else if !settings.contains_key("type")
            && let Some((key, message)) = misspelt(&settings, registry)
        {
            return Err(named(at(key).before(&message)));
        }
        let spec = ProviderSpec::from_settings(settings.clone())
            .map_err(|error| explained(&id, &settings, &origin, &origins, error))?;
        let key = settings.remove("api_key");
        Ok(Self {
            key_shown: key.as_ref().map(shown_key),
            key_source: key.as_ref().and_then(key_source),
            id,
            spec,
            origin,
            settings,
            origins,
        })
    }

    /// An error of this provider, with the place in the settings that it speaks of.
    pub(crate) fn explained(&self, error: Error) -> Error {
        if let Some(KeySource::File(path)) = &self.key_source
            && !is_a_place(path)
        {
            let message = "there is no file of the name that `api_key` gives, which is not repeated, for it may be the key itself: write the key into that file, or name another, as in { file = \"./key.txt\" }";
            let message = self.place_of("api_key").before(message);
            return Error::new(ErrorKind::Config, message).with_provider(self.id.clone());
        }
        explained(&self.id, &self.settings, &self.origin, &self.origins, error)
    }

    /// Refuses a provider of ours that would only say when it is asked that it needs a model. What the plugins of
    /// others need is theirs to say.
    pub(crate) fn check_model(&self, registry: &Registry) -> Result<()> {
        if !self.needs_model(registry) {
            return Ok(());
        }
        let kind = self.spec.type_name().unwrap_or_default();
        let message = match (&self.origin, self.text("base_url")) {
            (Origin::Argument(_), _) => format!("no `model`: write `-p {kind}/MODEL`"),
            (_, None) => format!("no `model`: set it, or write `-p {kind}/MODEL`"),
            // What an argument names would be at the usual address.
            (_, Some(_)) => "no `model`: set it to one that the server has".to_owned(),
        };
        let message = self.origin.before(&message);
        Err(Error::new(ErrorKind::Config, message).with_provider(self.id.clone()))
    }

    /// Whether it is one of ours and has no model, so that each request must name one.
    pub(crate) fn needs_model(&self, registry: &Registry) -> bool {
        let kind = self.spec.type_name().unwrap_or_default();
        let ours = registry.provider_registration(kind).is_ok_and(|known| known.package.starts_with(OURS));
        ours && self.spec.model_name().is_none()
    }

    pub(crate) fn place_of(&self, key: &str) -> &Origin {
        place_of(&self.origins, key).unwrap_or(&self.origin)
    }

    /// A text of its settings.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.settings.get(key)?.as_str()
    }
}

fn place_of<'a>(origins: &'a [(String, Origin)], key: &str) -> Option<&'a Origin> {
    origins.iter().find(|(known, _)| known == key).map(|(_, origin)| origin)
}

/// The first setting of a provider without `type` that no provider knows and that is near to a known one.
fn misspelt<'a>(settings: &'a Map<String, Value>, registry: &Registry) -> Option<(&'a str, String)> {
    let common = || ProviderSpec::FIELDS.iter().map(|field| field.name);
    let own = || registry.providers().flat_map(|known| known.fields).map(|field| field.name);
    let unknown = settings
        .keys()
        .find(|key| common().chain(own()).all(|name| name != **key) && nearest(key, common()).is_some())?;
    Some((unknown, unknown_key(unknown, common()).message().to_owned()))
}

/// The value at a path such as `price.output` or `fallbacks[1]`.
fn value_at<'a>(settings: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut steps = path.split(['.', '[']);
    let first = settings.get(steps.next()?)?;
    steps.try_fold(first, |value, step| match step.strip_suffix(']') {
        Some(number) => value.get(number.parse::<usize>().ok()?),
        None => value.get(step),
    })
}

/// An error of a provider with its name, and as [`placed`] words it.
fn explained(
    id: &ProviderId,
    settings: &Map<String, Value>,
    origin: &Origin,
    origins: &[(String, Origin)],
    error: Error,
) -> Error {
    if error.kind() != ErrorKind::Config || error.source().is_some() {
        return error;
    }
    let message = placed(settings, origin, |key| place_of(origins, key), error.message());
    Error::new(ErrorKind::Config, message).with_provider(id.clone())
}

/// Puts the place before the message, and takes out of it what a wrong value was: it may be a key that stands
/// in a wrong line.
pub(crate) fn placed<'a>(
    settings: &Map<String, Value>,
    origin: &'a Origin,
    place_of: impl Fn(&str) -> Option<&'a Origin>,
    message: &str,
) -> String {
    // What is quoted may be a name in the advice; the first one that is set here is where it is wrong.
    let quoted = || message.split('`').skip(1).step_by(2);
    let first = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
    let place = quoted().find_map(|path| place_of(&first(path))).unwrap_or(origin);
    let path = quoted().next().filter(|path| place_of(&first(path)).is_some());
    let wrong = path.filter(|_| message.starts_with("wrong setting"));
    let worded = wrong.and_then(|path| in_our_words(path, settings, message));
    place.before(worded.as_deref().unwrap_or(message))
}

/// What serde says of the value at `path`, in the words of users.
fn in_our_words(path: &str, settings: &Map<String, Value>, message: &str) -> Option<String> {
    let (_, cause) = message.split_once("`: ")?;
    let mut quoted = cause.split('`').skip(1).step_by(2);
    if cause.starts_with("missing field ") {
        return Some(format!("`{path}.{}` is missing", quoted.next()?));
    }
    if cause.starts_with("unknown field ") {
        let unknown = quoted.next()?;
        let path = path.strip_suffix(unknown).map_or(path, |path| path.trim_end_matches('.'));
        return Some(format!("in `{path}`: {}", unknown_key(unknown, quoted).message()));
    }
    let (_, expected) = cause.rsplit_once(", expected ")?;
    let value = value_at(settings, path)?;
    Some(format!("`{path}` must be {}, and {} stands there", in_words(expected), kind_of_value(value)))
}

/// Serde's words for what is expected, in those of users.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 up",
        "a nonzero u32" | "a nonzero u64" | "a nonzero usize" => "a whole number from 1 up",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list",
        other if other.starts_with("struct ") || other == "a map" => "a table",
        other => other,
    }
}

/// Reads a whole file.
pub(crate) fn read_tables(document: &Document, registry: &Registry) -> Result<Tables> {
    let mut tables = Tables::default();
    let whole = document.tables()?;
    let mut pairs = in_order(&whole);
    // What a provider sets of a layer, and an orchestrator of a strategy, goes over what all have of it, wherever that stands.
    pairs.sort_by_key(|(name, _)| !matches!(name.get_ref().as_ref(), "layers" | "strategies"));
    for (name, value) in pairs {
        let at = name.span().start;
        let name = name.get_ref().as_ref();
        if name == "strategy" || Options::FIELDS.iter().any(|field| field.name == name) {
            let message = format!("`{name}` stands outside of every table: put it under [orchestrator]");
            return Err(document.wrong(at, &message));
        }
        if !TABLES.contains(&name) {
            let message = unknown_key(name, TABLES.iter().copied()).message().replace("setting", "table");
            return Err(document.wrong(at, &message));
        }
        let DeValue::Table(table) = value.get_ref() else {
            return Err(document.wrong(at, &format!("`{name}` must be a table: write [{name}]")));
        };
        match name {
            "orchestrator" => {
                for (key, value) in in_order(table) {
                    tables.choices.read(document, key, value, &["strategy"])?;
                }
            }
            "orchestrators" => tables.named = read_named(document, table, &tables.strategies, registry)?,
            "gateway" => tables.gateway = GatewayTable::read(document, table)?,
            "strategies" => tables.strategies = OwnSettings::read(document, table, registry)?,
            "layers" => tables.layers = OwnSettings::read(document, table, registry)?,
            "prices" => tables.prices = Prices::read(document, table, registry)?,
            _ => {
                for (name, value) in in_order(table) {
                    let row = read_provider(document, name, value, &tables.layers, registry)?;
                    tables.rows.push(row);
                }
            }
        }
    }
    Ok(tables)
}

fn read_provider(
    document: &Document,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    layers: &OwnSettings<LayerRegistration>,
    registry: &Registry,
) -> Result<Row> {
    let at = name.span().start;
    let id = ProviderId::new(name.get_ref()).map_err(|error| document.wrong(at, error.message()))?;
    let DeValue::Table(table) = value.get_ref() else {
        return Err(document.wrong(at, &format!("`{id}` must be a table: write [providers.{id}]")));
    };
    let mut settings = Map::new();
    let mut origins = Vec::new();
    for (key, value) in in_order(table) {
        let at = key.span().start;
        if key.get_ref() == "layers" {
            let DeValue::Table(own) = value.get_ref() else {
                let message = format!("`layers` must be a table: write [providers.{id}.layers.NAME]");
                return Err(document.wrong(at, &message));
            };
            layers.read_over(document, own, &format!("providers.{id}.layers"), registry)?;
        }
        settings.insert(key.get_ref().to_string(), document.json(value)?);
        origins.push((key.get_ref().to_string(), document.origin(at)));
    }
    Row::new(id, settings, document.origin(at), origins, registry)
}

/// The pairs of a table as the file has them.
pub(crate) fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>)> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}
