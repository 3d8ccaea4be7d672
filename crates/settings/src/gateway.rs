//! The table `[gateway]`: how `ultraai serve` listens, and what it keeps to.

use std::{collections::BTreeMap, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use serde_json::Value;
use toml::de::{DeTable, DeValue};
use ultraai_core::{Error, ErrorKind, Field, Lookup, Result, registry::unknown_key};

use crate::{
    Entry, Origin,
    document::Document,
    kind::default_of,
    shown::{kind_of_value, shown},
    table::in_order,
    value::Setting,
};

/// What the server reads once, when it begins.
const AT_START: [&str; 3] = ["listen", "workers", "state_folder"];

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $key:literal $name:ident: $type:ty = $default:expr $(, in $bounds:expr)?;)*) => {
        /// How the gateway listens, and what it keeps to: the table `[gateway]`.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct GatewaySettings {
            $($(#[doc = $doc])+ pub $name: $type,)*
        }

        impl Default for GatewaySettings {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl GatewaySettings {
            /// Every setting with what it means and its default, as keys of a settings file.
            pub const FIELDS: &'static [Field] = &[$(Field { name: $key, doc: concat!($($doc),+) },)*];

            /// Sets what stands under `key`, one of [`FIELDS`](Self::FIELDS).
            ///
            /// # Errors
            /// What it must be.
            fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
                $(if key == $key {
                    let bounds: Option<RangeInclusive<f64>> = None$(.or(Some($bounds)))?;
                    self.$name = read($key, value, bounds)?;
                })*
                Ok(())
            }

            /// What a variable's text gives under `key`.
            fn value_of(key: &str, text: &str) -> Option<Value> {
                $(if key == $key {
                    return <$type as Setting>::of_text(text);
                })*
                None
            }

            /// What is expected under `key`.
            fn expected(key: &str) -> &'static str {
                $(if key == $key {
                    return <$type as Setting>::EXPECTED;
                })*
                ""
            }

            /// The value under `key`, as a file would hold it; `Null` where there is none.
            pub(crate) fn value(&self, key: &str) -> Value {
                $(if key == $key {
                    return self.$name.value();
                })*
                Value::Null
            }

            /// Takes over what `other` holds under `key`.
            fn take(&mut self, key: &str, other: &Self) {
                $(if key == $key {
                    self.$name.clone_from(&other.$name);
                })*
            }
        }
    };
}

settings! {
    /// Where it listens: an address of this machine and a port. Default: 127.0.0.1:8080.
    "listen" listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080));
    /// Threads that serve, each with its own connections. Default: as many as the machine has cores.
    "workers" workers: Option<usize> = None, in 1.0..=1024.0;
    /// The folder of keys and spend; a path is relative to the folder of the settings file. Default: `ultraai` in the user's folder for state.
    "state_folder" state_folder: Option<PathBuf> = None;
    /// Names that stand for others in a request's `model`, such as `"gpt-4o" = "default"`. Default: none.
    "aliases" aliases: BTreeMap<String, String> = BTreeMap::new();
    /// Upper bound of a request's body, in bytes; once it is read, it may take four times as many of memory. Default: 33554432, which is 32 MiB.
    "max_body_bytes" max_body_bytes: usize = 32 << 20, in 1024.0..=1_073_741_824.0;
    /// Upper bound of a request's head, in bytes. Default: 65536, which is 64 KiB.
    "max_header_bytes" max_header_bytes: usize = 64 << 10, in 8192.0..=1_048_576.0;
    /// Upper bound of open connections; beyond it new ones wait. Default: 20000.
    "max_connections" max_connections: usize = 20_000, in 1.0..=1_000_000.0;
    /// How long a connection may take to send the head of a request, and stay open between two, in seconds. Default: 75.
    "idle_timeout_seconds" idle_timeout: Duration = Duration::from_secs(75), in 0.01..=86400.0;
    /// How long a caller may send nothing of a body that it began, or read nothing of an answer, in seconds. Default: 60.
    "stall_timeout_seconds" stall_timeout: Duration = Duration::from_mins(1), in 0.01..=86400.0;
    /// How long a stream says nothing before a comment line keeps it open, in seconds. Default: 10.
    "keep_alive_seconds" keep_alive: Duration = Duration::from_secs(10), in 0.01..=3600.0;
    /// How long requests under way may go on once the server is told to stop, in seconds; 0 breaks them off. Default: 30.
    "shutdown_timeout_seconds" shutdown_timeout: Duration = Duration::from_secs(30), in 0.0..=86400.0;
    /// Origins whose pages may call it from a browser, such as `["https://app.example.com"]`; `["*"]` means all. Default: none.
    "cors_origins" cors_origins: Vec<String> = Vec::new();
    /// Whether each request is told on standard output, without content. Default: true.
    "access_log" access_log: bool = true;
}

/// The value as its type, within its bounds.
fn read<T: Setting>(key: &str, value: &Value, bounds: Option<RangeInclusive<f64>>) -> Result<T, String> {
    let set = T::read(value).ok_or_else(|| match &bounds {
        Some(bounds) if value.is_number() => outside::<T>(key, value, bounds),
        _ => format!("`{key}` must be {}, and {} stands there", T::EXPECTED, kind_of_value(value)),
    })?;
    if let (Some(number), Some(bounds)) = (set.number(), bounds)
        && !bounds.contains(&number)
    {
        return Err(outside::<T>(key, value, &bounds));
    }
    set.check().map_err(|what| format!("`{key}` {what}"))?;
    Ok(set)
}

fn outside<T: Setting>(key: &str, value: &Value, bounds: &RangeInclusive<f64>) -> String {
    let (least, most) = (bounds.start(), bounds.end());
    format!("`{key}` is {value}: it must be {} from {least} up to {most}", T::EXPECTED)
}

/// What is set, and where.
#[derive(Debug, Default)]
pub(crate) struct GatewayTable {
    pub(crate) settings: GatewaySettings,
    /// By key, and by `aliases.` and the alias.
    pub(crate) origins: BTreeMap<String, Origin>,
}

/// The variable of a setting.
pub(crate) fn variable(key: &str) -> String {
    format!("ULTRAAI_GATEWAY_{}", key.to_uppercase())
}

/// Those that a variable can set: not a table.
pub(crate) fn with_variables() -> impl Iterator<Item = &'static str> {
    GatewaySettings::FIELDS.iter().map(|field| field.name).filter(|key| *key != "aliases")
}

impl GatewayTable {
    /// Reads `[gateway]`.
    pub(crate) fn read(document: &Document, table: &DeTable<'_>) -> Result<Self> {
        let mut read = Self::default();
        for (key, value) in in_order(table) {
            let (at, key) = (key.span().start, key.get_ref().as_ref());
            let known = || GatewaySettings::FIELDS.iter().map(|field| field.name);
            if known().all(|name| name != key) {
                return Err(document.wrong(at, unknown_key(key, known()).message()));
            }
            match (key, value.get_ref()) {
                ("aliases", DeValue::Table(aliases)) => read.read_aliases(document, aliases)?,
                ("aliases", _) => {
                    let message = "`aliases` must be a table: write [gateway.aliases], and under it \"gpt-4o\" = \"default\"";
                    return Err(document.wrong(at, message));
                }
                _ => {
                    let json = document.json(value)?;
                    read.settings.set(key, &json).map_err(|message| document.wrong(at, &message))?;
                    read.origins.insert(key.to_owned(), document.origin(at));
                }
            }
        }
        if let Some(folder) = &mut read.settings.state_folder {
            *folder = document.beside(folder);
        }
        Ok(read)
    }

    fn read_aliases(&mut self, document: &Document, table: &DeTable<'_>) -> Result<()> {
        for (alias, value) in in_order(table) {
            let (at, alias) = (alias.span().start, alias.get_ref().as_ref());
            let name = match value.get_ref() {
                DeValue::String(name) => name.to_string(),
                _ => {
                    let stands = kind_of_value(&document.json(value)?);
                    let message = format!(
                        "the alias \"{alias}\" must be a text, the name that it stands for, and {stands} stands there; write a name with dots in quotes"
                    );
                    return Err(document.wrong(at, &message));
                }
            };
            if alias.trim().is_empty() {
                return Err(document.wrong(at, "an alias is empty: write the name that requests give"));
            }
            self.settings.aliases.insert(alias.to_owned(), name);
            self.origins.insert(format!("aliases.{alias}"), document.origin(at));
        }
        Ok(())
    }

    /// Sets what variables hold.
    pub(crate) fn set_from_variables(&mut self, lookup: &Lookup) -> Result<()> {
        for key in with_variables() {
            let Some(text) = lookup.get(&variable(key)) else { continue };
            let origin = Origin::Variable(variable(key));
            let set = match GatewaySettings::value_of(key, &text) {
                Some(value) => self.settings.set(key, &value),
                None => Err(format!("`{key}` must be {}, and is {text:?}", GatewaySettings::expected(key))),
            };
            set.map_err(|message| Error::new(ErrorKind::Config, origin.before(&message)))?;
            self.origins.insert(key.to_owned(), origin);
        }
        Ok(())
    }

    /// An error about an alias, with its place.
    pub(crate) fn wrong_alias(&self, alias: &str, message: &str) -> Error {
        let origin = self.origins.get(&format!("aliases.{alias}")).unwrap_or(&Origin::Default);
        Error::new(ErrorKind::Config, origin.before(message))
    }

    /// Every setting with the place it comes from.
    pub(crate) fn entries(&self, in_force: &GatewaySettings) -> Vec<Entry> {
        let entry = |table: &str, key: &str, value: String, origin: Option<&Origin>| Entry {
            table: table.to_owned(),
            key: key.to_owned(),
            value,
            origin: origin.unwrap_or(&Origin::Default).clone(),
        };
        let plain = GatewaySettings::FIELDS.iter().filter(|field| field.name != "aliases");
        let mut entries: Vec<_> = plain
            .map(|field| match self.origins.get(field.name) {
                Some(origin) => {
                    let value = shown(field.name, &in_force.value(field.name));
                    entry("gateway", field.name, value, Some(origin))
                }
                None => {
                    let default = default_of(field.doc).unwrap_or("none");
                    entry("gateway", field.name, default.to_owned(), None)
                }
            })
            .collect();
        for (alias, name) in &in_force.aliases {
            let origin = self.origins.get(&format!("aliases.{alias}"));
            entries.push(entry("gateway.aliases", alias, Value::from(name.as_str()).to_string(), origin));
        }
        entries
    }
}

impl GatewaySettings {
    /// Keeps what a running server cannot change, and what its program changed after it read `before`: all of that stays as
    /// `in_force` has it, and in `read`, which was read now, as `before` has it, so that the next ones are compared with that too.
    /// Returns what the user set otherwise since the start, and what waits for a restart.
    pub(crate) fn keep(&mut self, read: &mut Self, before: &Self, in_force: &Self) -> Vec<&'static str> {
        let mut waiting = Vec::new();
        for Field { name, .. } in Self::FIELDS {
            let at_start = AT_START.contains(name);
            if at_start && read.value(name) != before.value(name) {
                waiting.push(*name);
            }
            if at_start || before.value(name) != in_force.value(name) {
                self.take(name, in_force);
                read.take(name, before);
            }
        }
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_what_its_documentation_says() {
        let settings = GatewaySettings::default();
        for field in GatewaySettings::FIELDS {
            let said = default_of(field.doc).unwrap_or_else(|| panic!("{} has no default", field.name));
            let said = said.split(',').next().unwrap();
            let is_empty = |value: &Value| match value {
                Value::Null => true,
                Value::Array(list) => list.is_empty(),
                Value::Object(map) => map.is_empty(),
                _ => false,
            };
            match settings.value(field.name) {
                Value::String(text) => assert_eq!(said, text),
                value if is_empty(&value) => assert!(
                    said == "none" || matches!(field.name, "workers" | "state_folder"),
                    "{}: {said}",
                    field.name
                ),
                value => assert_eq!(said, value.to_string(), "{}", field.name),
            }
        }
    }

    #[test]
    fn what_the_program_changed_and_what_is_read_at_the_start_stays() {
        let read = GatewaySettings::default();
        let mut in_force = read.clone();
        in_force.listen = SocketAddr::from(([127, 0, 0, 1], 9));
        in_force.access_log = false;
        let mut new = read.clone();
        new.keep_alive = Duration::from_secs(3);
        let mut read_now = new.clone();
        assert_eq!(new.keep(&mut read_now, &read, &in_force), [""; 0]);
        assert_eq!((new.listen, new.access_log), (in_force.listen, false));
        assert_eq!((new.keep_alive, read_now.keep_alive), (Duration::from_secs(3), Duration::from_secs(3)));
        let mut new = GatewaySettings { workers: Some(3), access_log: false, ..read.clone() };
        let mut read_now = new.clone();
        assert_eq!(new.keep(&mut read_now, &read, &in_force), ["workers"]);
        assert_eq!(new.workers, None);
        assert_eq!(
            (read_now.workers, read_now.access_log),
            (None, true),
            "the next ones are compared with the start"
        );
    }
}
