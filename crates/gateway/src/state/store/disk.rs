//! A store in a folder: one file, written by redb. What is read often is in memory besides.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, StorageError,
    TableDefinition, WriteTransaction,
};
use ultraai::{Error, ErrorKind, Result, async_trait};

use super::{Day, MemoryStore, Spend, Spent, Store, StoredKey, Take, Use, place};

/// The store's file in its folder.
const FILE: &str = "keys.redb";

/// What a file is called that is not a store yet.
const UNFINISHED: &str = ".keys-";

/// The form of what is written. It grows where an older program would misread it.
const VERSION: u64 = 1;

/// Numbers of the store itself, by name.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Keys as JSON, by id.
const KEYS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("keys");
/// Nano-dollars, by day and key.
const SPEND: TableDefinition<'_, (u32, &str), u64> = TableDefinition::new("spend");
/// Seconds since 1970 of the last use, by key.
const USED: TableDefinition<'_, &str, u64> = TableDefinition::new("used");

/// Days that hold this month and the one before.
const TWO_MONTHS: u32 = 62;

/// How many days' spend is kept: a year and what a report of it takes. A store that grew for ever would open ever more slowly.
const KEPT_DAYS: u32 = 400;

/// Memory for pages: keys and sums are kept elsewhere, and read once.
const CACHE_BYTES: usize = 1 << 20;

/// A store in a folder, which one process has at a time.
#[derive(Debug)]
pub struct DiskStore {
    path: PathBuf,
    database: Database,
    memory: MemoryStore,
}

impl DiskStore {
    /// Whether there is a store in `folder`.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Checks that a store could be made in `folder`, and makes nothing.
    ///
    /// # Errors
    /// `Config` where the folder cannot be made or written.
    pub fn check_folder(folder: &Path) -> Result<()> {
        place::check(folder).map_err(|error| cannot(folder, error))
    }

    /// Whether a store could not be opened because another process has it open, which may pass.
    pub fn is_open_elsewhere(error: &Error) -> bool {
        let source =
            std::error::Error::source(error).and_then(|source| source.downcast_ref::<DatabaseError>());
        source.is_some_and(is_locked)
    }

    /// Opens the store in `folder`, and makes both where there is none: for their owner alone.
    ///
    /// # Errors
    /// `Config` where another process has it, where a newer program wrote it, and where its bytes are not what they were. Then
    /// it is left as it is.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        if !path.exists() {
            make(folder, &path)?;
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .map_err(|error| cannot(&path, error))?;
        let database = unpanicked(&path, {
            let path = path.clone();
            move || builder().open(&path).map_err(|error| unopened(&path, error))
        })?;
        let memory = MemoryStore::default();
        let store = Self { path, database, memory };
        store.check()?;
        store.load().map_err(|error| broken(&store.path, error))?;
        store.forget()?;
        // Somebody may have copied it.
        fs::set_permissions(&store.path, fs::Permissions::from_mode(0o600))
            .map_err(|error| cannot(&store.path, error))?;
        // Of a process that was killed while it made a store. Nobody else makes one now that it is there.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                // It does no harm where it stays.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(store)
    }

    /// # Errors
    /// `Config` where it is no store of ours, or a newer one.
    fn check(&self) -> Result<()> {
        let read = || -> Result<Option<u64>, redb::Error> {
            let table = self.database.begin_read()?.open_table(META)?;
            Ok(table.get("version")?.map(|version| version.value()))
        };
        let message = match read().map_err(|error| broken(&self.path, error))? {
            Some(VERSION) => return Ok(()),
            Some(newer) if newer > VERSION => format!(
                "{} was written by a newer version of this program (form {newer}, this one knows {VERSION}): use that version, or name another folder",
                self.path.display()
            ),
            _ => format!("{} is no store of keys: name another folder", self.path.display()),
        };
        Err(Error::new(ErrorKind::Config, message))
    }

    fn load(&self) -> Result<(), redb::Error> {
        let read = self.database.begin_read()?;
        for entry in read.open_table(KEYS)?.iter()? {
            let (id, json) = entry?;
            let key = serde_json::from_slice(json.value()).map_err(|error| {
                redb::Error::Corrupted(format!("the key `{}` cannot be read: {error}", id.value()))
            })?;
            self.memory.put(key);
        }
        let spend = read.open_table(SPEND)?;
        let newest = spend.last()?.map_or(0, |(key, _)| key.value().0);
        let mut rows = Vec::new();
        for entry in spend.range((newest.saturating_sub(TWO_MONTHS), "")..)? {
            let (key, nano_dollars) = entry?;
            let (day, id) = key.value();
            let nano_dollars = nano_dollars.value();
            rows.push(Spend { id: id.to_owned(), day: Day(day), nano_dollars, last_used: None });
        }
        for entry in read.open_table(USED)?.iter()? {
            let (id, at) = entry?;
            let last_used = Some(at.value());
            rows.push(Spend { id: id.value().to_owned(), day: Day(0), nano_dollars: 0, last_used });
        }
        self.memory.add(&rows);
        Ok(())
    }

    /// Takes out spend of days that are long over.
    fn forget(&self) -> Result<()> {
        let days = || -> Result<_, redb::Error> {
            let table = self.database.begin_read()?.open_table(SPEND)?;
            let day = |entry: Option<(redb::AccessGuard<'_, (u32, &str)>, _)>| {
                entry.map_or(0, |(key, _)| key.value().0)
            };
            Ok((day(table.first()?), day(table.last()?)))
        };
        let (oldest, newest) = days().map_err(|error| broken(&self.path, error))?;
        let kept = newest.saturating_sub(KEPT_DAYS);
        if oldest >= kept {
            return Ok(());
        }
        self.commit(|write| Ok(write.open_table(SPEND)?.retain_in(..(kept, ""), |_, _| false)?))
    }

    /// Writes, and returns when it is safe.
    fn commit(&self, write: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>) -> Result<()> {
        let committed = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            write(&transaction)?;
            Ok(transaction.commit()?)
        };
        committed().map_err(|error| {
            let message = format!("{} cannot be written: is the disk full?", self.path.display());
            Error::new(ErrorKind::ServerError, message).with_source(error)
        })
    }

    fn write_key(&self, key: &StoredKey) -> Result<()> {
        let json = serde_json::to_vec(key).expect("a key is plain data");
        self.commit(|write| {
            write.open_table(KEYS)?.insert(key.id.as_str(), json.as_slice())?;
            Ok(())
        })?;
        self.memory.put(key.clone());
        Ok(())
    }
}

#[async_trait]
impl Store for DiskStore {
    async fn keys(&self, since: Option<u64>) -> Result<Option<(u64, Vec<StoredKey>)>> {
        self.memory.keys(since).await
    }

    async fn insert(&self, key: StoredKey) -> Result<()> {
        match self.memory.key(&key.id) {
            Some(_) => self.memory.insert(key).await,
            None => self.write_key(&key),
        }
    }

    async fn revoke(&self, id: &str, at: u64) -> Result<Option<StoredKey>> {
        let Some(mut key) = self.memory.key(id) else { return Ok(None) };
        if key.revoked.is_none() {
            key.revoked = Some(at);
            self.write_key(&key)?;
        }
        Ok(Some(key))
    }

    async fn spend(&self, spent: &[Spend]) -> Result<()> {
        if spent.is_empty() {
            return Ok(());
        }
        self.commit(|write| {
            let (mut table, mut used) = (write.open_table(SPEND)?, write.open_table(USED)?);
            for Spend { id, day, nano_dollars, last_used } in spent {
                if *nano_dollars > 0 {
                    let place = (day.0, id.as_str());
                    let before = table.get(place)?.map_or(0, |sum| sum.value());
                    table.insert(place, before.saturating_add(*nano_dollars))?;
                }
                if let Some(at) = last_used {
                    used.insert(id.as_str(), *at)?;
                }
            }
            Ok(())
        })?;
        self.memory.add(spent);
        Ok(())
    }

    async fn spent(&self, ids: &[String], day: Day) -> Result<Vec<Spent>> {
        self.memory.spent(ids, day).await
    }

    async fn take(&self, taken: &[Take]) -> Result<Vec<Use>> {
        self.memory.take(taken).await
    }

    async fn last_used(&self, ids: &[String]) -> Result<Vec<Option<u64>>> {
        self.memory.last_used(ids).await
    }
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

/// Makes an empty store. It gets its name when it is whole: a crash before leaves none, and none that is broken.
fn make(folder: &Path, path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| cannot(folder, error))?;
    // Readable by its owner alone.
    let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder);
    let file = file.map_err(|error| cannot(folder, error))?;
    let begin = || -> Result<(), redb::Error> {
        let database = builder().create(file.path())?;
        let write = database.begin_write()?;
        write.open_table(META)?.insert("version", VERSION)?;
        write.open_table(KEYS)?;
        write.open_table(SPEND)?;
        write.open_table(USED)?;
        Ok(write.commit()?)
    };
    begin().map_err(|error| broken(path, error))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        // Another process was quicker.
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(cannot(path, error.error)),
    }
}

/// Does what may panic where bytes are not what they were, in a thread of its own.
fn unpanicked<T: Send + 'static>(path: &Path, act: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = std::thread::spawn(act).join();
    done.unwrap_or_else(|_| Err(broken(path, redb::Error::Corrupted("its pages make no sense".to_owned()))))
}

fn cannot(path: &Path, error: std::io::Error) -> Error {
    let message = format!("{} cannot be made or opened: name another folder for keys", path.display());
    Error::new(ErrorKind::Config, message).with_source(error)
}

fn is_locked(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch)
}

fn unopened(path: &Path, error: DatabaseError) -> Error {
    let path_shown = path.display();
    let message = match &error {
        error if is_locked(error) => format!(
            "another process has {path_shown} open, mostly a running `ultraai serve`: stop it, or name another folder"
        ),
        DatabaseError::UpgradeRequired(form) => {
            format!("{path_shown} was written in another form ({form}): use the program that wrote it")
        }
        DatabaseError::Storage(StorageError::Io(io)) if io.kind() != std::io::ErrorKind::InvalidData => {
            format!("{path_shown} cannot be opened")
        }
        _ => return broken(path, error.into()),
    };
    Error::new(ErrorKind::Config, message).with_source(error)
}

fn broken(path: &Path, error: redb::Error) -> Error {
    let message = format!(
        "{} is broken or no store of keys, and was left as it is: put a copy back, or move it away and make new keys",
        path.display()
    );
    let broken = Error::new(ErrorKind::Config, message);
    match error {
        redb::Error::Io(error) => broken.with_source(error),
        error => broken.with_source(error),
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
