//! Files that keep what the user asked to keep: written as a whole, for the user alone, with a version.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, error::Category};
use ultraai::{Error, ErrorKind};

use crate::failure::Failure;

/// Beyond what any conversation holds; what is longer is a file that was named by mistake.
const LONGEST_FILE: u64 = 256 << 20;

/// A kind of file.
#[derive(Debug)]
pub(crate) struct Format {
    /// The key at the top that holds the version.
    pub(crate) key: &'static str,
    /// The version that this program reads and writes.
    pub(crate) version: u64,
    /// What such a file holds.
    pub(crate) what: &'static str,
    /// What writes it.
    pub(crate) writer: &'static str,
    /// What reads it.
    pub(crate) reader: &'static str,
}

/// What `ask --save` writes.
pub(crate) const OUTCOME: Format = Format {
    key: "ultraai_outcome",
    version: 1,
    what: "an outcome",
    writer: "ultraai ask --save",
    reader: "ultraai show",
};

/// What `chat --save` writes.
pub(crate) const CONVERSATION: Format = Format {
    key: "ultraai_conversation",
    version: 1,
    what: "a conversation",
    writer: "ultraai chat --save",
    reader: "ultraai chat --resume",
};

/// A file that will be written.
#[derive(Debug)]
pub(crate) struct Target {
    /// As the user wrote it.
    name: String,
    /// Where it is, behind a symbolic link too.
    path: PathBuf,
    replace: bool,
}

impl Target {
    /// Checks that the file can be written, before anything is asked that costs money.
    ///
    /// # Errors
    /// `Config`: a file is there and `replace` is false, it is no file, or its folder takes none.
    pub(crate) fn new(path: &Path, replace: bool, instead: &str) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let path = match path.metadata() {
            // Another file in its place would be the end of a device or a pipe.
            Ok(found) if !found.is_file() => {
                return Err(Failure::usage(format!("{name} is no file: name one that can be written")));
            }
            Ok(_) if !replace => {
                return Err(Failure::usage(format!("{name} is there already and was left alone: {instead}")));
            }
            Ok(_) => path.canonicalize().map_err(|error| unwritable(&name, error))?,
            Err(_) if path.is_symlink() => {
                let behind = behind_links(path).map_err(|error| unwritable(&name, error))?;
                if !replace {
                    let behind = behind.display();
                    return Err(Failure::usage(format!(
                        "{name} is a link to {behind}, which is not there: name that file itself"
                    )));
                }
                behind
            }
            Err(_) => path.to_owned(),
        };
        let target = Self { name, path, replace };
        target.temporary().map_err(|error| unwritable(&target.name, error))?;
        Ok(target)
    }

    /// The name as the user wrote it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether `path` is the same file.
    pub(crate) fn is(&self, path: &Path) -> bool {
        is_same(&self.path, path)
    }

    /// Writes the whole file, or leaves what was there. What this wrote before is replaced.
    ///
    /// # Errors
    /// `Exhausted`: the disk is full, or the like. Where a file appeared meanwhile, it says where this one is.
    pub(crate) fn write(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let failed = |name: &str, error: io::Error| {
            Error::new(ErrorKind::Exhausted, format!("{name} could not be written")).with_source(error)
        };
        let write = |mut file: tempfile::NamedTempFile| {
            let mut buffered = BufWriter::new(&mut file);
            serde_json::to_writer_pretty(&mut buffered, value)?;
            buffered.write_all(b"\n")?;
            buffered.flush()?;
            drop(buffered);
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file = self.temporary().and_then(write).map_err(|error| failed(&self.name, error))?;
        let persisted =
            if self.replace { file.persist(&self.path) } else { file.persist_noclobber(&self.path) };
        match persisted {
            Ok(_) => {
                self.replace = true;
                Ok(())
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                let (_, kept) = error.file.keep().map_err(|error| failed(&self.name, error.error))?;
                let message =
                    format!("{} appeared meanwhile and was left alone: see {}", self.name, kept.display());
                Err(Error::new(ErrorKind::Exhausted, message).into())
            }
            Err(error) => Err(failed(&self.name, error.error).into()),
        }
    }

    /// A file beside it, which only the user may read and which goes with the value.
    fn temporary(&self) -> io::Result<tempfile::NamedTempFile> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        tempfile::Builder::new().prefix(".ultraai-").tempfile_in(folder.unwrap_or(Path::new(".")))
    }
}

/// Where a chain of links ends whose last one leads to no file.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match path.read_link() {
            Ok(next) => path = path.parent().map_or_else(|| next.clone(), |folder| folder.join(&next)),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// Whether both paths name one file that is there.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn unwritable(name: &str, error: io::Error) -> Failure {
    Error::new(ErrorKind::Config, format!("{name} cannot be written")).with_source(error).into()
}

/// Reads a file of this format; `-` is standard input.
///
/// # Errors
/// `Config`: it cannot be read, is no JSON, is cut short, or is of another kind or version.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, format: &Format) -> Result<T, Failure> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = match is_stdin {
        true => io::stdin().lock().take(LONGEST_FILE + 1).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Error::new(ErrorKind::Config, format!("{name} cannot be read")).with_source(error))?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(Failure::usage(format!("{name} is longer than 256 MiB: it is none that ultraai wrote")));
    }
    parse(&bytes, format).map_err(|wrong| Failure::usage(format!("{name} {wrong}")))
}

/// The errors say nothing of what the file holds: that is the user's own.
fn parse<T: DeserializeOwned>(bytes: &[u8], format: &Format) -> Result<T, String> {
    let Format { key, version, what, writer, .. } = format;
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Eof if bytes.trim_ascii().is_empty() => {
                format!("is empty: name a file that `{writer}` wrote")
            }
            Category::Eof => format!("is cut short: it ends in the middle of line {line}"),
            _ => format!("is no JSON (line {line}, column {column}): name a file that `{writer}` wrote"),
        }
    })?;
    let Some(found) = value.get(key) else {
        let other = [&OUTCOME, &CONVERSATION].into_iter().find(|other| value.get(other.key).is_some());
        return Err(match other {
            Some(other) => format!("holds {}, and not {what}: `{}` reads it", other.what, other.reader),
            None => format!("does not hold {what}, for it has no `{key}`: name a file that `{writer}` wrote"),
        });
    };
    match found.as_u64() {
        Some(found) if found == *version => (),
        Some(found) => {
            return Err(format!(
                "is of version {found}, and this program reads version {version}: read it with the program that wrote it"
            ));
        }
        None => {
            return Err(format!(
                "is damaged at `{key}`, which is no version: name a file that `{writer}` wrote"
            ));
        }
    }
    serde_path_to_error::deserialize(value)
        .map_err(|error| format!("is damaged at `{}`: name another file that `{writer}` wrote", error.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        #[derive(serde::Deserialize, Debug)]
        struct Any {
            #[expect(dead_code, reason = "it is there to be missed")]
            text: String,
        }
        parse::<Any>(text.as_bytes(), &OUTCOME).unwrap_err()
    }

    #[test]
    fn each_way_of_being_wrong_has_its_own_words() {
        for (text, words) in [
            ("", "is empty"),
            ("secret", "is no JSON (line 1, column 1)"),
            (r#"{ "ultraai_outcome": 1, "te"#, "is cut short: it ends in the middle of line 1"),
            (r#"{ "synthesis": {} }"#, "does not hold an outcome"),
            (r#"{ "ultraai_conversation": 1 }"#, "`ultraai chat --resume` reads it"),
            (
                r#"{ "ultraai_outcome": { "secret": 1 } }"#,
                "is damaged at `ultraai_outcome`, which is no version",
            ),
            (r#"{ "ultraai_outcome": "secret" }"#, "is damaged at `ultraai_outcome`"),
            (r#"{ "ultraai_outcome": 2 }"#, "is of version 2, and this program reads version 1"),
            (r#"{ "ultraai_outcome": 1, "text": ["secret"] }"#, "is damaged at `text`"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(words) && !refusal.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_left_alone_even_when_it_appears_late() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        let mut target = Target::new(&path, false, "name another").unwrap();
        std::fs::write(&path, "mine").unwrap();
        let error = target.write(&1).unwrap_err().to_string();
        assert!(error.contains("appeared meanwhile") && error.contains(".ultraai-"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(Target::new(&path, false, "name another").unwrap_err().to_string().ends_with("name another"));
        Target::new(&path, true, "").unwrap().write(&1).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_refused_before_anything_is_asked_and_followed_when_forced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (target, link) in [("x.json", "one"), ("one", "two"), ("none/x.json", "far"), ("round", "round")]
        {
            std::os::unix::fs::symlink(target, at(link)).unwrap();
        }
        let refusal = |name: &str, force| Target::new(&at(name), force, "").unwrap_err().to_string();
        assert!(refusal("two", false).contains("x.json, which is not there: name that file itself"));
        assert!(refusal("far", true).contains("cannot be written"));
        assert!(refusal("round", false).contains("cannot be written"));
        Target::new(&at("two"), true, "").unwrap().write(&1).unwrap();
        assert_eq!(std::fs::read_to_string(at("x.json")).unwrap(), "1\n");
        assert!(at("one").is_symlink() && at("two").is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_a_device_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("x.json"), folder.path().join("link.json"));
        std::fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        Target::new(&link, true, "").unwrap().write(&1).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
        assert!(link.is_symlink());
        assert!(
            Target::new(Path::new("/dev/null"), true, "").unwrap_err().to_string().contains("is no file")
        );
    }
}
