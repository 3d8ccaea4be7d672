//! The tables `[strategies.NAME]`: settings that a strategy has of its own.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};
use ultraai_core::{Error, ErrorKind, Registry, Result, registry::unknown_key};

use crate::{
    Entry, Origin,
    assemble::for_users,
    document::Document,
    shown::shown,
    table::{in_order, placed},
};

/// The settings of strategies, by name.
#[derive(Debug, Default)]
pub(crate) struct Strategies(BTreeMap<String, Own>);

/// What one strategy has of its own.
#[derive(Debug)]
struct Own {
    settings: Map<String, Value>,
    origin: Origin,
    origins: BTreeMap<String, Origin>,
}

impl Strategies {
    /// Reads the tables, and checks each with its strategy.
    pub(crate) fn read(document: &Document, table: &DeTable<'_>, registry: &Registry) -> Result<Self> {
        let mut all = Self::default();
        for (name, value) in in_order(table) {
            let (at, name) = (name.span().start, name.get_ref().to_string());
            let DeValue::Table(table) = value.get_ref() else {
                return Err(
                    document.wrong(at, &format!("`{name}` must be a table: write [strategies.{name}]"))
                );
            };
            let mut own = Own { settings: Map::new(), origin: document.origin(at), origins: BTreeMap::new() };
            for (key, value) in in_order(table) {
                own.origins.insert(key.get_ref().to_string(), document.origin(key.span().start));
                own.settings.insert(key.get_ref().to_string(), document.json(value)?);
            }
            own.check(&name, registry)?;
            all.0.insert(name, own);
        }
        Ok(all)
    }

    /// What the strategy `name` is built from.
    pub(crate) fn of(&self, name: &str) -> Value {
        self.0.get(name).map_or(Value::Null, |own| Value::Object(own.settings.clone()))
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.0.iter().flat_map(|(name, own)| {
            own.origins.iter().map(move |(key, origin)| Entry {
                table: format!("strategies.{name}"),
                key: key.clone(),
                value: own.settings.get(key).map(|value| shown(key, value)).unwrap_or_default(),
                origin: origin.clone(),
            })
        })
    }
}

impl Own {
    fn check(&self, name: &str, registry: &Registry) -> Result<()> {
        let wrong =
            |origin: &Origin, message: &str| Err(Error::new(ErrorKind::Config, origin.before(message)));
        let Some(row) = registry.strategies().find(|row| row.name == name) else {
            let Err(error) = registry.strategy(name, Value::Null) else { return Ok(()) };
            let names = registry.strategies().map(|row| row.name);
            return wrong(&self.origin, &for_users(error.message(), "strategy", name, names));
        };
        let fields = || row.fields.iter().map(|field| field.name);
        if let Some((key, origin)) = self.origins.iter().find(|(key, _)| fields().all(|field| field != **key))
        {
            return wrong(origin, unknown_key(key, fields()).message());
        }
        (row.build)(Value::Object(self.settings.clone())).map(drop).map_err(|error| {
            let place_of = |key: &str| self.origins.get(key);
            let message = placed(&self.settings, &self.origin, place_of, error.message());
            error.with_message(message)
        })
    }
}
