//! Recorded provider traffic, and what the vendors' own SDKs read in it.
//!
//! The recordings lie outside the repository: `ULTRAAI_WIRE_DIR` names their folder. Tests that read them run where the
//! folder is, and say that they were skipped where it is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::Value;
use ultraai_core::{ChatRequest, ChatResponse, Codec, Losses, Native, Result, ServerCodec};

use crate::codecs::fold_named;

/// One recorded exchange.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recording {
    /// The file, below the folder.
    pub file: String,
    /// How the body is framed: `json`, `sse`, `ndjson`, `aws-eventstream`, `text`, `binary`.
    pub framing: String,
    /// The HTTP status.
    pub status: u16,
    /// The body of the answer.
    pub body: Vec<u8>,
    /// What was asked, where that is known and is JSON.
    pub request: Option<RecordedRequest>,
}

/// A recorded request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The path and the query that it was sent to.
    pub path: String,
    /// The body.
    pub body: Value,
}

impl Recording {
    /// Reads the body with `codec`: one of `framing` as a stream of the frames that `cut` makes of its pieces, large ones and
    /// then small ones; any other as a whole answer.
    ///
    /// # Errors
    /// What the codec or `cut` finds.
    ///
    /// # Panics
    /// When the size of the pieces makes a difference.
    pub fn read(
        &self,
        codec: &dyn Codec,
        framing: &str,
        cut: impl Fn(Vec<Bytes>) -> Result<Vec<(String, Bytes)>>,
    ) -> Result<ChatResponse> {
        if self.framing != framing {
            return codec.decode(&ChatRequest::default(), &Bytes::copy_from_slice(&self.body));
        }
        let in_pieces_of = |size| {
            let pieces = self.body.chunks(size).map(Bytes::copy_from_slice).collect();
            fold_named(codec, &ChatRequest::default(), cut(pieces)?)
        };
        let (large, small) = (in_pieces_of(1 << 16), in_pieces_of(7));
        assert_eq!(large.as_ref().ok(), small.as_ref().ok(), "{}", self.file);
        large
    }
}

/// The recorded exchanges of one protocol, with what an SDK reads in each.
#[derive(Clone, Debug)]
pub struct Recordings {
    all: Vec<Recording>,
    expected: BTreeMap<String, Value>,
}

impl Recordings {
    /// The exchanges whose protocol is `api`; `None`, with a word about it, where there are no recordings.
    ///
    /// # Panics
    /// When a recording cannot be read.
    #[expect(clippy::print_stdout, reason = "a test that does nothing says so")]
    pub fn of(api: &str) -> Option<Self> {
        let Some(folder) = folder() else {
            println!("skipped: no recordings; name their folder in ULTRAAI_WIRE_DIR");
            return None;
        };
        let expected = text(&folder.join("EXPECTED.jsonl"));
        let rows = expected.lines().map(|line| json(line, "EXPECTED.jsonl"));
        let expected = rows.map(|row| (row["file"].as_str().unwrap_or_default().to_owned(), row)).collect();
        Some(Self { all: read(&folder, api), expected })
    }

    /// The exchanges whose status says failure.
    pub fn failures(&self) -> impl Iterator<Item = &Recording> {
        self.all.iter().filter(|recording| recording.status != 200)
    }

    /// Reads every known request with `server`, writes it with `codec` again and compares the JSON, both sides `normalized`:
    /// what may differ, such as a text that stands alone in a list, is made equal there. Returns how many there are.
    ///
    /// `gaps` are the files that come out differently, by the start of their names, each with its reason.
    ///
    /// # Panics
    /// When a request comes out differently and is no gap, and when a gap has closed; the message names them all.
    pub fn compare_requests(
        &self,
        gaps: &[(&str, &str)],
        server: &dyn ServerCodec,
        codec: &dyn Codec,
        normalized: impl Fn(Value) -> Value,
    ) -> usize {
        let mut differences = Differences::beside(gaps);
        for recording in &self.all {
            let Some(RecordedRequest { path, body }) = &recording.request else { continue };
            let bytes = body.to_string();
            let written = server.decode_request(path, bytes.as_bytes()).and_then(|mut request| {
                // Whoever serves has the bytes.
                request.native = Some(Native::new(server.protocol(), bytes));
                let written = codec.encode(&request, &mut Losses::refused())?;
                Ok(json(&String::from_utf8_lossy(&written), "what was written"))
            });
            let difference = match written {
                Err(error) => Some(format!("{} {error}", error.kind())),
                Ok(written) => different("", &normalized(body.clone()), &normalized(written)),
            };
            differences.take(recording, difference);
        }
        differences.judge()
    }

    /// All exchanges.
    pub fn iter(&self) -> impl Iterator<Item = &Recording> {
        self.all.iter()
    }

    /// Reads every exchange whose status says success and compares it with what the SDK reads. Returns how many there are.
    ///
    /// `difference` says what differs between what was read and the SDK's `expect`; an SDK that raises an error is right to
    /// do so, and so is whoever reads one here. `gaps` are the files that are read differently, by the start of their
    /// names, each with its reason.
    ///
    /// # Panics
    /// When an exchange is read differently and is no gap, and when a gap has closed; the message names them all.
    pub fn compare(
        &self,
        gaps: &[(&str, &str)],
        read: impl Fn(&Recording) -> Result<ChatResponse>,
        difference: impl Fn(&Result<ChatResponse>, &Value) -> Option<String>,
    ) -> usize {
        let mut differences = Differences::beside(gaps);
        for recording in self.all.iter().filter(|recording| recording.status == 200) {
            let read = read(recording);
            let row = self.expected.get(&recording.file);
            let difference = match row.map(|row| &row["expect"]) {
                Some(expect @ Value::Object(_)) => difference(&read, expect),
                Some(_) => read
                    .as_ref()
                    .ok()
                    .map(|answer| format!("an answer {:?}, expected an error", answer.text())),
                None => read.as_ref().err().map(|error| format!("{} {error}", error.kind())),
            };
            differences.take(recording, difference);
        }
        differences.judge()
    }
}

/// The files that come out differently without being a gap, and the gaps that are still open.
struct Differences<'a> {
    gaps: &'a [(&'a str, &'a str)],
    wrong: Vec<String>,
    open: BTreeSet<&'a str>,
    compared: usize,
}

impl<'a> Differences<'a> {
    /// Nothing is compared yet; `gaps` are the starts of files' names, each with its reason.
    fn beside(gaps: &'a [(&'a str, &'a str)]) -> Self {
        Self { gaps, wrong: Vec::new(), open: BTreeSet::new(), compared: 0 }
    }

    /// Takes what differs in `recording`, if anything does.
    fn take(&mut self, recording: &Recording, difference: Option<String>) {
        self.compared += 1;
        let Some(difference) = difference else { return };
        match self.gaps.iter().find(|(file, _)| recording.file.starts_with(file)) {
            None => self.wrong.push(format!("{}: {difference}", recording.file)),
            Some((file, _)) => drop(self.open.insert(file)),
        }
    }

    /// How many were compared.
    ///
    /// # Panics
    /// When one differed and is no gap, and when a gap has closed; the message names them all.
    fn judge(mut self) -> usize {
        let closed = self.gaps.iter().filter(|(file, _)| !self.open.contains(file));
        self.wrong.extend(closed.map(|(file, _)| format!("{file}: a gap that has closed")));
        let (wrong, compared) = (self.wrong, self.compared);
        assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
        compared
    }
}

/// The first place where two values differ; numbers are equal by their values.
pub(crate) fn different(place: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
            keys.into_iter().find_map(|key| {
                let null = &Value::Null;
                let of = |map: &serde_json::Map<String, Value>| map.get(key).unwrap_or(null).clone();
                different(&format!("{place}.{key}"), &of(expected), &of(found))
            })
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => (0..)
            .zip(expected.iter().zip(found))
            .find_map(|(index, (expected, found))| different(&format!("{place}[{index}]"), expected, found)),
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => None,
        _ if expected == found => None,
        _ => {
            let short = |value: &Value| value.to_string().chars().take(200).collect::<String>();
            Some(format!("{place} is {}, expected {}", short(found), short(expected)))
        }
    }
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("ULTRAAI_WIRE_DIR").map(PathBuf::from);
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire");
    Some(named.unwrap_or_else(near)).filter(|folder| folder.join("INDEX.csv").exists())
}

fn read(folder: &Path, api: &str) -> Vec<Recording> {
    let index = text(&folder.join("INDEX.csv"));
    let mut lines = index.lines();
    let names: Vec<_> = lines.next().unwrap_or_default().split(',').collect();
    let column =
        |name: &str| names.iter().position(|known| *known == name).expect("the index has the column");
    let (file, its_api, status, framing) =
        (column("file"), column("api"), column("status"), column("framing"));
    let rows = lines.map(|line| line.split(',').collect::<Vec<_>>()).filter(|row| row[its_api] == api);
    rows.map(|row| {
        let recording = json(&text(&folder.join(row[file])), row[file]);
        let (request, response) = (&recording["request"], &recording["response"]);
        let body = response["body"].as_str().unwrap_or_default();
        let known = request["known"] == Value::Bool(true) && request["body"].is_object();
        Recording {
            file: row[file].to_owned(),
            framing: row[framing].to_owned(),
            status: row[status].parse().expect("a status is a number"),
            body: match response["body_encoding"].as_str() {
                Some("base64") => STANDARD.decode(body).expect("the body is base64"),
                _ => body.as_bytes().to_vec(),
            },
            request: known.then(|| RecordedRequest {
                path: path_of(request["url"].as_str().unwrap_or_default()),
                body: request["body"].clone(),
            }),
        }
    })
    .collect()
}

/// What stands after the host.
fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or_else(String::new, |at| rest[at..].to_owned())
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(text: &str, what: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}"))
}
