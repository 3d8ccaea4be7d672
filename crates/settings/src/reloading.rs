//! Whether what settings were read from is still what it was.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use ultraai_core::{KeySource, ProviderId};

use crate::{Settings, table::Row};

/// What files held when settings were read: the file of settings and that of prices, and files of keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stamps {
    files: BTreeMap<PathBuf, Stamp>,
    /// The files that each provider reads when it is built.
    of_providers: BTreeMap<ProviderId, Vec<PathBuf>>,
}

/// What a file held; nothing where it could not be read. Contents are compared, since a clock of files may stand still between
/// two writings, and a folder that is mounted changes behind a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<u64>);

impl Stamp {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self(Some(hasher.finish()))
    }

    fn of_file(path: &Path) -> Self {
        std::fs::read(path).map_or(Self(None), |bytes| Self::of(&bytes))
    }
}

impl Stamps {
    /// Those of `files`, as they were read, and of what the providers of `rows` will read.
    pub(crate) fn new(files: impl IntoIterator<Item = (PathBuf, Stamp)>, rows: &[Row]) -> Self {
        let mut stamps = Self { files: files.into_iter().collect(), of_providers: BTreeMap::new() };
        for row in rows {
            let own = files_of(row);
            for path in &own {
                stamps.files.entry(path.clone()).or_insert_with(|| Stamp::of_file(path));
            }
            if !own.is_empty() {
                stamps.of_providers.insert(row.id.clone(), own);
            }
        }
        stamps
    }

    /// Whether the provider `id` would read the same from its files in both.
    pub(crate) fn agree_on(&self, id: &ProviderId, other: &Self) -> bool {
        let of = |stamps: &Self| -> Vec<_> {
            let files = stamps.of_providers.get(id).into_iter().flatten();
            files.map(|path| (path.clone(), stamps.files.get(path).copied())).collect()
        };
        of(self) == of(other)
    }
}

/// The files that a provider reads when it is built.
fn files_of(row: &Row) -> Vec<PathBuf> {
    let key = match &row.key_source {
        Some(KeySource::File(path)) => Some(path.clone()),
        _ => None,
    };
    let named = row.settings.iter().filter(|(name, _)| name.ends_with("_file") || name.ends_with("_path"));
    key.into_iter().chain(named.filter_map(|(_, value)| value.as_str().map(PathBuf::from))).collect()
}

/// What the files hold now that settings were read from. Two are equal where nothing changed between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen(BTreeMap<PathBuf, Stamp>);

impl Settings {
    /// What the files held when these settings were read: the settings file, the file of prices and those of keys.
    pub fn seen(&self) -> Seen {
        Seen(self.stamps.files.clone())
    }

    /// Whether the provider `id` stands in both in the same way, so that what was built of it can go on.
    pub fn has_same_provider(&self, id: &ProviderId, other: &Self) -> bool {
        let spec =
            |settings: &Self| settings.rows.iter().find(|row| row.id == *id).map(|row| row.spec.clone());
        let timeout = |settings: &Self| settings.options.connect_timeout_seconds;
        spec(self) == spec(other)
            && timeout(self) == timeout(other)
            && self.stamps.agree_on(id, &other.stamps)
    }

    /// Takes the place of `before` in a program that runs: what that cannot change, and what the program set itself, stays as it
    /// is in force. Returns the keys of `[gateway]` that wait for a restart: those that are not as they were at the start.
    pub fn take_over(&mut self, before: &Self) -> Vec<&'static str> {
        let read = &mut self.gateway_table.settings;
        self.gateway.keep(read, &before.gateway_table.settings, &before.gateway)
    }
}

impl Seen {
    /// What the same files hold now. It reads them.
    #[must_use]
    pub fn now(&self) -> Self {
        Self(self.0.keys().map(|path| (path.clone(), Stamp::of_file(path))).collect())
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
