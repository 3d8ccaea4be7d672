//! Whether what settings were read from is still what it was.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use ultraai_core::{Error, ErrorKind, KeySource, ProviderId, Result};

use crate::{Origin, Settings, table::Row};

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
pub(crate) struct Stamp {
    hash: Option<u64>,
    /// It was read, and comments are the most that stands in it.
    is_blank: bool,
}

impl Stamp {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        // Editors of Windows write a byte order mark.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let is_blank = lines.all(|line| line.first().is_none_or(|first| *first == b'#'));
        Self { hash: Some(hasher.finish()), is_blank }
    }

    fn of_file(path: &Path) -> Self {
        std::fs::read(path).map_or(Self { hash: None, is_blank: false }, |bytes| Self::of(&bytes))
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

    /// The first file that held something in `before` and holds nothing here.
    fn emptied_since(&self, before: &Self) -> Option<&Path> {
        let held = |path| before.files.get(path).is_some_and(|stamp| stamp.hash.is_some() && !stamp.is_blank);
        let mut blank = self.files.iter().filter(|(_, stamp)| stamp.is_blank);
        blank.find(|(path, _)| held(*path)).map(|(path, _)| path.as_path())
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
    ///
    /// # Errors
    /// `Config` where a file was emptied, or where providers that a file set up would give way to what is found without one.
    pub fn take_over(&mut self, before: &Self) -> Result<Vec<&'static str>> {
        self.check_succession(before)?;
        let read = &mut self.gateway_table.settings;
        Ok(self.gateway.keep(read, &before.gateway_table.settings, &before.gateway))
    }

    /// Whoever wrote down whom prompts go to does not mean others by an emptied file, nor by one that is written at this moment.
    fn check_succession(&self, before: &Self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Config, message));
        if let Some(path) = self.stamps.emptied_since(&before.stamps) {
            let path = path.display();
            return wrong(format!(
                "{path} held something and is empty now: write it again, or restart the server to do without"
            ));
        }
        let is_written = |row: &&Row| matches!(row.origin, Origin::File { .. });
        let mut written = before.rows.iter().filter(is_written).peekable();
        let place =
            self.file.as_ref().map_or_else(|| "a settings file".into(), |path| path.display().to_string());
        if written.peek().is_some() && !self.rows.iter().any(|row| is_written(&row)) {
            return wrong(format!(
                "no provider stands in {place} any more, and those that are found without one are taken at a start only: write a table `[providers.NAME]`, or restart the server"
            ));
        }
        let replaced = |id: &ProviderId| self.rows.iter().any(|row| row.id == *id && !is_written(&row));
        match written.find(|row| replaced(&row.id)) {
            Some(Row { id, .. }) => wrong(format!(
                "`{id}` does not stand in {place} any more, and what an argument means by that name otherwise is taken at a start only: write the table `[providers.{id}]`, or restart the server"
            )),
            None => Ok(()),
        }
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
