//! What the gateway's books must say of each request, and what they say.

use std::{
    collections::HashMap,
    fmt,
    io::{BufRead as _, BufReader, Read},
    str::FromStr,
};

use serde_json::Value;

/// What a request is called, by its caller and in the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) client: u64,
    pub(crate) request: u64,
}

/// How far a request came, as its caller saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// It was answered to the end: with this status, and with an error or without.
    Answered { status: u16, is_error: bool },
    /// The caller left before the end, and saw the head of the answer before that or not. A long answer is live, and longer than
    /// what it can have been handed over of.
    Left { saw_head: bool, is_live: bool, is_long: bool },
    /// The caller broke off in the body.
    BrokenBody,
    /// The caller broke off in the head, so that it never was a request. That is the only one without a line.
    BrokenHead,
}

/// A line of the access log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    status: Option<u16>,
    is_error: bool,
    client_gone: bool,
}

/// The access log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: HashMap<Name, Line>,
    /// Lines that are not of us, or of a request that has one already.
    strange: Vec<String>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "soak-{}-{}", self.client, self.request)
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (client, request) = text.strip_prefix("soak-").and_then(|name| name.split_once('-')).ok_or(())?;
        Ok(Self { client: client.parse().map_err(drop)?, request: request.parse().map_err(drop)? })
    }
}

impl Log {
    /// Reads the log while it is written: it would not fit where it is kept in an hour.
    pub(crate) fn read(log: impl Read) -> Self {
        let mut read = Self::default();
        for text in BufReader::new(log).lines().map_while(Result::ok) {
            let line: Value = serde_json::from_str(&text).unwrap_or_default();
            let told = Line {
                status: line["status"].as_u64().and_then(|status| u16::try_from(status).ok()),
                is_error: !line["error"].is_null(),
                client_gone: line["client_gone"] == true,
            };
            let name = line["request_id"].as_str().and_then(|id| id.parse().ok());
            if name.is_none_or(|name| read.lines.insert(name, told).is_some()) {
                read.strange.push(text);
            }
        }
        read
    }

    /// What is not as the callers saw it.
    pub(crate) fn differences(mut self, seen: &[(Name, End)]) -> Vec<String> {
        let mut wrong: Vec<_> = std::mem::take(&mut self.strange);
        for (name, end) in seen {
            let line = self.lines.remove(name);
            if !end.agrees_with(line.as_ref()) {
                wrong.push(format!("{name}: the caller saw {end:?}, the log says {line:?}"));
            }
        }
        wrong.extend(self.lines.iter().map(|(name, line)| format!("{name}: nobody sent it: {line:?}")));
        wrong
    }
}

impl End {
    fn agrees_with(self, line: Option<&Line>) -> bool {
        let Some(line) = line else { return matches!(self, Self::BrokenHead) };
        match self {
            Self::Answered { status, is_error } => {
                line.status == Some(status) && line.is_error == is_error && !line.client_gone
            }
            // A whole answer is ours until it is made, and a live one until its last byte was taken.
            Self::Left { saw_head, is_live, is_long } => match line.status {
                None => line.client_gone && !saw_head,
                Some(200) => line.client_gone == is_long || is_live && !is_long,
                Some(_) => false,
            },
            Self::BrokenBody => line.status == Some(400) && line.is_error,
            Self::BrokenHead => false,
        }
    }
}
