//! The tables `[strategies.NAME]` and `[layers.NAME]`: settings that a plugin has of its own.

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};
use ultraai_core::{
    Accounting, Budgets, Error, ErrorKind, LayerContext, LayerRegistration, ProviderId, Registry, Result,
    StrategyRegistration,
    registry::{Registration, unknown_key},
    stats::CandidateStats,
};

use crate::{
    Entry, Origin,
    assemble::for_users,
    document::Document,
    shown::shown,
    table::{in_order, placed},
};

/// A kind of plugins that have tables of their own.
pub(crate) trait Tabled: Registration {
    /// The table that holds theirs.
    const TABLE: &'static str;

    /// Those that are linked.
    fn linked(registry: &Registry) -> Vec<&Self>;

    /// The error for one that is not linked.
    fn unlinked(registry: &Registry, name: &str) -> Option<Error>;

    /// The keys it knows.
    fn keys(&self) -> Vec<&'static str>;

    /// Checks the values by building one.
    ///
    /// # Errors
    /// `Config`, which names the key.
    fn check(&self, settings: Map<String, Value>) -> Result<()>;
}

impl Tabled for StrategyRegistration {
    const TABLE: &'static str = "strategies";

    fn linked(registry: &Registry) -> Vec<&Self> {
        registry.strategies().collect()
    }

    fn unlinked(registry: &Registry, name: &str) -> Option<Error> {
        registry.strategy(name, Value::Null).err()
    }

    fn keys(&self) -> Vec<&'static str> {
        self.fields.iter().map(|field| field.name).collect()
    }

    fn check(&self, settings: Map<String, Value>) -> Result<()> {
        (self.build)(Value::Object(settings)).map(drop)
    }
}

impl Tabled for LayerRegistration {
    const TABLE: &'static str = "layers";

    fn linked(registry: &Registry) -> Vec<&Self> {
        registry.layers().collect()
    }

    fn unlinked(registry: &Registry, name: &str) -> Option<Error> {
        registry.layer(name).err()
    }

    fn keys(&self) -> Vec<&'static str> {
        self.all_fields().map(|field| field.name).collect()
    }

    fn check(&self, settings: Map<String, Value>) -> Result<()> {
        // Around nobody: it stands in no stack, and shares nothing with those that do.
        let nobody = ProviderId::new("nobody")?;
        let (stats, accounting) = (Arc::new(CandidateStats::default()), Arc::new(Accounting::default()));
        let budgets = Arc::new(Budgets::default());
        let context = LayerContext::new(&nobody, &stats, &accounting, &budgets);
        self.layer(settings, &context).map(drop).map_err(|error| {
            // The place says which layer it is.
            let known = format!("in the settings of the layer `{}`: ", self.name);
            let message = error.message().strip_prefix(&known).unwrap_or(error.message()).to_owned();
            error.with_message(message)
        })
    }
}

/// The settings of plugins of one kind, by name.
#[derive(Debug)]
pub(crate) struct OwnSettings<R> {
    by_name: BTreeMap<String, Own>,
    kind: PhantomData<fn() -> R>,
}

/// What one plugin has of its own.
#[derive(Debug)]
struct Own {
    settings: Map<String, Value>,
    origin: Origin,
    origins: BTreeMap<String, Origin>,
}

impl<R> Default for OwnSettings<R> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), kind: PhantomData }
    }
}

impl<R: Tabled> OwnSettings<R> {
    /// Reads the tables, and checks each with its plugin.
    pub(crate) fn read(document: &Document, table: &DeTable<'_>, registry: &Registry) -> Result<Self> {
        Self::default().read_over(document, table, R::TABLE, registry)
    }

    /// Reads the tables that stand under `path` and go over these, and checks each together with these.
    pub(crate) fn read_over(
        &self,
        document: &Document,
        table: &DeTable<'_>,
        path: &str,
        registry: &Registry,
    ) -> Result<Self> {
        let mut all = Self::default();
        for (name, value) in in_order(table) {
            let (at, name) = (name.span().start, name.get_ref().to_string());
            let DeValue::Table(table) = value.get_ref() else {
                return Err(document.wrong(at, &format!("`{name}` must be a table: write [{path}.{name}]")));
            };
            let mut own = Own { settings: Map::new(), origin: document.origin(at), origins: BTreeMap::new() };
            for (key, value) in in_order(table) {
                own.origins.insert(key.get_ref().to_string(), document.origin(key.span().start));
                own.settings.insert(key.get_ref().to_string(), document.json(value)?);
            }
            own.check::<R>(&name, self.of(&name), registry)?;
            all.by_name.insert(name, own);
        }
        Ok(all)
    }

    /// What the plugin `name` is built from.
    pub(crate) fn of(&self, name: &str) -> Map<String, Value> {
        self.by_name.get(name).map(|own| own.settings.clone()).unwrap_or_default()
    }

    /// Those that have a table, with what they are built from.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
        self.by_name.iter().map(|(name, own)| (name.as_str(), &own.settings))
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.by_name.iter().flat_map(|(name, own)| {
            own.origins.iter().map(move |(key, origin)| Entry {
                table: format!("{}.{name}", R::TABLE),
                key: key.clone(),
                value: own.settings.get(key).map(|value| shown(key, value)).unwrap_or_default(),
                origin: origin.clone(),
            })
        })
    }
}

impl Own {
    fn check<R: Tabled>(&self, name: &str, mut under: Map<String, Value>, registry: &Registry) -> Result<()> {
        let wrong =
            |origin: &Origin, message: &str| Err(Error::new(ErrorKind::Config, origin.before(message)));
        let linked = R::linked(registry);
        let Some(row) = linked.iter().find(|row| row.name() == name) else {
            let Some(error) = R::unlinked(registry, name) else { return Ok(()) };
            let names = linked.iter().map(|row| row.name());
            return wrong(&self.origin, &for_users(error.message(), R::KIND, name, names));
        };
        let keys = row.keys();
        if let Some((key, origin)) = self.origins.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
            return wrong(origin, unknown_key(key, keys.iter().copied()).message());
        }
        under.extend(self.settings.clone());
        row.check(under).map_err(|error| {
            let place_of = |key: &str| self.origins.get(key);
            let message = placed(&self.settings, &self.origin, place_of, error.message());
            error.with_message(message)
        })
    }
}
