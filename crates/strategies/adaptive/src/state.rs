//! What was seen, as a file.

use std::{
    collections::BTreeMap,
    fs, io,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ultraai_core::{Error, ErrorKind, RequestId, Result};

use crate::{
    Kind,
    memory::{Memory, Observation, WINDOW},
};

/// The version of the form that is written, and the only one that is read.
const VERSION: u64 = 1;

/// More than any file of this version has.
const MOST_BYTES: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    /// By the names of the kinds: a path in an error then holds them.
    kinds: BTreeMap<String, Vec<Row>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    arm: String,
    request_id: RequestId,
    quality: f64,
    told: bool,
    seconds: f64,
    nano_dollars: Option<u64>,
}

/// What was seen, as JSON. It holds names of arms, numbers and ids of requests, and nothing of what was asked or answered.
pub(crate) fn to_json(memory: &Memory) -> String {
    let rows = |kind: Kind| {
        let row = |outcome: &Observation| Row {
            arm: memory.name(outcome.arm).to_owned(),
            request_id: outcome.request_id,
            quality: outcome.quality,
            told: outcome.told,
            seconds: outcome.seconds,
            nano_dollars: outcome.nano_dollars,
        };
        memory.outcomes(kind).iter().map(row).collect()
    };
    let file = File {
        version: VERSION,
        kinds: Kind::ALL.into_iter().map(|kind| (kind.as_str().to_owned(), rows(kind))).collect(),
    };
    serde_json::to_string(&file).expect("names and finite numbers are JSON")
}

/// Reads what [`to_json`] wrote. Arms that are not there any more are kept, and not used.
///
/// # Errors
/// `Config` for another version, and for what is cut short or otherwise no such state.
pub(crate) fn from_json(text: &str) -> Result<Memory> {
    let wrong = |what: String| {
        Error::new(ErrorKind::Config, format!("{what}; nothing of it was taken: repair or remove it"))
    };
    let value: Value = serde_json::from_str(text).map_err(|error| match error.is_eof() {
        true => wrong("it is cut short".to_owned()),
        false => wrong(format!("it is no JSON ({error})")),
    })?;
    match value.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(version) => {
            return Err(wrong(format!(
                "it is of version {version}, and this program reads version {VERSION}"
            )));
        }
        None => return Err(wrong("it says no version".to_owned())),
    }
    let file: File = serde_path_to_error::deserialize(value)
        .map_err(|error| wrong(format!("`{}` is wrong: {}", error.path(), error.inner())))?;
    let mut memory = Memory::default();
    for (name, rows) in file.kinds {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == name) else {
            return Err(wrong(format!("`kinds.{name}` is no kind of task that this version has")));
        };
        let skip = rows.len().saturating_sub(WINDOW);
        for (place, row) in rows.into_iter().enumerate() {
            let path = format!("kinds.{name}[{place}]");
            if !(0.0..=1.0).contains(&row.quality) {
                return Err(wrong(format!("`{path}.quality` is {}, and must be from 0 to 1", row.quality)));
            }
            if !(0.0..=1e9).contains(&row.seconds) {
                return Err(wrong(format!("`{path}.seconds` is {}, and must be from 0 to 1e9", row.seconds)));
            }
            if place >= skip {
                let Row { arm, request_id, quality, told, seconds, nano_dollars } = row;
                let arm = memory.arm(&arm);
                memory.push(
                    kind,
                    Observation { arm, request_id, quality, told, seconds, nano_dollars, number: 0 },
                );
            }
        }
    }
    Ok(memory)
}

/// Reads a state file; `None` where there is none.
///
/// # Errors
/// `Config`, which names the file.
pub(crate) fn read(path: &Path) -> Result<Option<Memory>> {
    let named = |what: &str| format!("the state file {}: {what}", path.display());
    let unreadable = |error: io::Error| {
        let what = match error.kind() {
            io::ErrorKind::InvalidInput => "it is no regular file: name another",
            _ => "it cannot be read: allow it, or name another",
        };
        Error::new(ErrorKind::Config, named(what)).with_source(error)
    };
    let Some(target) = regular(path).map_err(unreadable)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let file = fs::File::open(target).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        let what = named("it is larger than any of this program: name another");
        return Err(Error::new(ErrorKind::Config, what));
    }
    let text = String::from_utf8_lossy(&bytes);
    let memory = from_json(&text).map_err(|error| {
        let message = named(error.message());
        error.with_message(message)
    })?;
    Ok(Some(memory))
}

/// The regular file that `path` leads to, through whatever links; `None` where there is none. A pipe would be waited for, and a
/// device read without an end.
///
/// # Errors
/// `InvalidInput` for what is no regular file, and the system's own.
fn regular(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::canonicalize(path).map(Some),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Checks that there is a folder for the file `path`.
///
/// # Errors
/// `Config` where there is none.
pub(crate) fn check_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_none_or(Path::is_dir) {
        return Ok(());
    }
    let what =
        format!("the state file {}: its folder is not there: make it, or name another file", path.display());
    Err(Error::new(ErrorKind::Config, what))
}

/// Writes a state file: a new one beside it takes its place only when all of it is on the disk.
///
/// # Errors
/// `Config`, which names the file.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, text).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::InvalidInput => "is no regular file: name another",
            _ => "cannot be written: allow it, or name another",
        };
        let what = format!("the state file {} {why}", path.display());
        Error::new(ErrorKind::Config, what).with_source(error)
    })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = regular(path)?;
    let path = target.as_deref().unwrap_or(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Two programs that write the same file do not write into each other's.
    name.push(format!(".{}-{:08x}.tmp", std::process::id(), fastrand::u32(..)));
    let temporary = path.with_file_name(name);
    let written = write_all(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

fn write_all(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        let mut memory = Memory::default();
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            let arm = memory.arm(if place % 2 == 0 { "fallback" } else { "gone" });
            let request_id = RequestId::default();
            let nano_dollars = (place > 0).then_some(17);
            memory.push(
                kind,
                Observation {
                    arm,
                    request_id,
                    quality: 0.7,
                    told: true,
                    seconds: 1.25,
                    nano_dollars,
                    number: 0,
                },
            );
        }
        memory
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = to_json(&memory());
        assert_eq!(to_json(&from_json(&text).unwrap()), text);
    }

    #[test]
    fn a_state_that_is_cut_anywhere_is_refused() {
        let text = to_json(&memory());
        for end in 0..text.len() {
            let error = from_json(&text[..end]).unwrap_err();
            assert!(error.message().contains("it is cut short"), "cut at {end}: {error}");
        }
    }

    #[test]
    fn another_version_and_wrong_values_are_refused_by_name() {
        let row = |change: &str| {
            let good =
                r#""arm":"a","request_id":"1","quality":0.5,"told":false,"seconds":1,"nano_dollars":null"#;
            let (key, _) = change.split_once(':').unwrap();
            let kept: Vec<&str> = good.split(',').filter(|part| !part.starts_with(key)).collect();
            format!(r#"{{"version":1,"kinds":{{"code":[{{{},{change}}}]}}}}"#, kept.join(","))
        };
        for (text, names) in [
            (r#"{"version":2,"kinds":{}}"#.to_owned(), "version 2"),
            (r#"{"version":"1","kinds":{}}"#.to_owned(), "no version"),
            (r#"{"kinds":{}}"#.to_owned(), "no version"),
            ("[]".to_owned(), "no version"),
            ("no".to_owned(), "no JSON"),
            (r#"{"version":1}"#.to_owned(), "kinds"),
            (r#"{"version":1,"kinds":{},"more":1}"#.to_owned(), "more"),
            (r#"{"version":1,"kinds":{"verse":[]}}"#.to_owned(), "verse"),
            (r#"{"version":1,"kinds":{"code":7}}"#.to_owned(), "kinds.code"),
            (row(r#""quality":1.5"#), "kinds.code[0].quality"),
            (row(r#""quality":"good""#), "kinds.code[0].quality"),
            (row(r#""quality":1e999"#), "number out of range"),
            (row(r#""quality":NaN"#), "no JSON"),
            (row(r#""seconds":-1"#), "kinds.code[0].seconds"),
            (row(r#""nano_dollars":-1"#), "kinds.code[0].nano_dollars"),
            (row(r#""request_id":"xyz""#), "kinds.code[0].request_id"),
            (row(r#""arm":null"#), "kinds.code[0].arm"),
        ] {
            let error = from_json(&text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains(names), "{text}: {error}");
            assert!(error.message().contains("nothing of it was taken"), "{error}");
        }
        assert!(from_json(&row(r#""quality":1"#)).is_ok());
    }
}
