//! The store's file, whole and broken.

use std::io::{Seek as _, SeekFrom, Write as _};

use super::*;
use crate::state::{KeyTerms, token::fresh};

fn key(name: &str) -> StoredKey {
    let (id, _, secret_hash) = fresh().unwrap();
    StoredKey { id, secret_hash, created: 1, revoked: None, terms: KeyTerms::new(name) }
}

fn spend(id: &str, day: u32, nano_dollars: u64) -> Spend {
    Spend { id: id.to_owned(), day: Day(day), nano_dollars, last_used: Some(u64::from(day)) }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refusal(folder: &Path) -> String {
    let path = folder.join(FILE);
    let before = fs::read(&path).unwrap();
    let error = DiskStore::open(folder).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(fs::read(&path).unwrap() == before, "it was left as it is");
    error.message().to_owned()
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("a/b");
    assert!(!DiskStore::is_in(&folder));
    let store = DiskStore::open(&folder).unwrap();
    assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
    let (one, two) = (key("one"), key("two"));
    store.insert(one.clone()).await.unwrap();
    store.insert(two.clone()).await.unwrap();
    assert!(store.insert(two.clone()).await.is_err(), "an id is given once");
    store.revoke(&two.id, 5).await.unwrap().unwrap();
    assert!(store.revoke("nobody", 5).await.unwrap().is_none());
    // The last of January and the first two of February 1970.
    store.spend(&[spend(&one.id, 30, 7), spend(&one.id, 31, 2)]).await.unwrap();
    store.spend(&[spend(&one.id, 31, 3), spend(&one.id, 32, 1)]).await.unwrap();
    drop(store);
    let store = DiskStore::open(&folder).unwrap();
    let (_, mut keys) = store.keys(None).await.unwrap().unwrap();
    keys.sort_by_key(|key| key.terms.name.clone());
    assert_eq!(keys, [one.clone(), StoredKey { revoked: Some(5), ..two }]);
    let ids = [one.id.clone()];
    assert_eq!(store.spent(&ids, Day(31)).await.unwrap(), [Spent { on_day: 5, in_month: 6 }]);
    assert_eq!(store.spent(&ids, Day(30)).await.unwrap(), [Spent { on_day: 7, in_month: 7 }]);
    assert_eq!(store.last_used(&ids).await.unwrap(), [Some(32)]);
}

#[tokio::test]
async fn days_that_are_long_over_are_forgotten_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    store.spend(&[100, 599, 600, 1000].map(|day| spend("k", day, 5))).await.unwrap();
    drop(store);
    let store = DiskStore::open(folder.path()).unwrap();
    let table = store.database.begin_read().unwrap().open_table(SPEND).unwrap();
    let days: Vec<_> = table.iter().unwrap().map(|entry| entry.unwrap().0.value().0).collect();
    assert_eq!(days, [600, 1000]);
}

#[test]
fn a_store_that_another_has_open_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _open = DiskStore::open(folder.path()).unwrap();
    let error = DiskStore::open(folder.path()).unwrap_err();
    assert!(error.message().contains("another process has"), "{error}");
    assert!(DiskStore::is_open_elsewhere(&error));
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    store
        .commit(|write| {
            write.open_table(META)?.insert("version", VERSION + 1)?;
            Ok(())
        })
        .unwrap();
    drop(store);
    let error = DiskStore::open(folder.path()).unwrap_err();
    assert!(error.message().contains("newer version"), "{error}");
    assert!(error.message().contains("form 2, this one knows 1"), "{error}");
}

#[test]
fn a_broken_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    fs::write(&path, "keys = []\n".repeat(1000)).unwrap();
    assert!(refusal(folder.path()).contains("broken or no store of keys"));
    assert!(!DiskStore::is_open_elsewhere(&DiskStore::open(folder.path()).unwrap_err()));
    fs::write(&path, "").unwrap();
    assert!(DiskStore::open(folder.path()).is_err(), "an empty file is none that we made");

    fs::remove_file(&path).unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    for name in 0..50 {
        store.write_key(&key(&name.to_string())).unwrap();
    }
    drop(store);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 3]).unwrap();
    assert!(DiskStore::open(folder.path()).unwrap_err().message().contains("was left as it is"));
    // The keys' pages, wherever they are.
    fs::write(&path, &whole).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for (at, _) in whole.windows(11).enumerate().filter(|(_, text)| text == b"secret_hash") {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(b"SECRET_HASH").unwrap();
    }
    drop(file);
    assert!(DiskStore::open(folder.path()).unwrap_err().message().contains("was left as it is"));
}

#[test]
fn what_a_killed_process_left_of_a_new_store_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join(".keys-abc");
    fs::write(&left, "half a store").unwrap();
    DiskStore::open(folder.path()).unwrap();
    assert!(!left.exists());
}
