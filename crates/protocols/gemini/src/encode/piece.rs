//! Parts, as they are written.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, value::RawValue};
use ultraai_protocol_common::to_base64;

use crate::{
    media::{FILE, INLINE},
    part::{CALL, RESULT},
};

pub(crate) type Fields = Map<String, Value>;

/// What a part says.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Thought(&'a str),
    Data {
        media_type: Cow<'a, str>,
        data: &'a [u8],
        name: Option<&'a str>,
    },
    File {
        media_type: Option<&'a str>,
        uri: &'a str,
        name: Option<&'a str>,
    },
    Call {
        id: Option<&'a str>,
        name: &'a str,
        arguments: Json<'a>,
    },
    Result {
        id: Option<&'a str>,
        name: &'a str,
        response: Json<'a>,
        media: Vec<Written<'a>>,
    },
    /// What stands in `state` alone.
    State,
}

/// A JSON object.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    /// As it was written.
    Raw(&'a RawValue),
    Value(Value),
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw(raw) => raw.serialize(serializer),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

/// A part, with what is given back with it, and what of it the vocabulary has no words for.
#[derive(Debug)]
pub(crate) struct Written<'a> {
    pub(crate) piece: Piece<'a>,
    pub(crate) state: Option<&'a Fields>,
    pub(crate) extra: Option<&'a Fields>,
}

impl<'a> Written<'a> {
    pub(crate) fn new(piece: Piece<'a>) -> Self {
        Self { piece, state: None, extra: None }
    }

    /// Whether the signature that follows belongs to it.
    pub(crate) fn is_signable(&self) -> bool {
        self.state.is_none() && matches!(self.piece, Piece::Text(_) | Piece::Data { .. } | Piece::File { .. })
    }
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let kind = match &self.piece {
            Piece::Text(text) => {
                map.serialize_entry("text", text)?;
                "text"
            }
            Piece::Thought(text) => {
                map.serialize_entry("text", text)?;
                map.serialize_entry("thought", &true)?;
                "text"
            }
            Piece::Data { .. } => self.inner(&mut map, INLINE)?,
            Piece::File { .. } => self.inner(&mut map, FILE)?,
            Piece::Call { .. } => self.inner(&mut map, CALL)?,
            Piece::Result { .. } => self.inner(&mut map, RESULT)?,
            Piece::State => "",
        };
        let is_thought = matches!(self.piece, Piece::Thought(_));
        let more = [self.extra, self.state].into_iter().flatten().flatten();
        for (key, value) in more.filter(|(key, _)| *key != kind && !(is_thought && *key == "thought")) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Written<'_> {
    fn inner<M: SerializeMap>(&self, map: &mut M, key: &'static str) -> Result<&'static str, M::Error> {
        let extra = self.extra.and_then(|extra| extra.get(key)?.as_object());
        map.serialize_entry(key, &Inner { piece: &self.piece, extra })?;
        Ok(key)
    }
}

/// The object of a part, with what else stood in it.
struct Inner<'a> {
    piece: &'a Piece<'a>,
    extra: Option<&'a Fields>,
}

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.piece {
            Piece::Data { media_type, data, name } => {
                map.serialize_entry("mimeType", media_type)?;
                map.serialize_entry("data", &to_base64(data))?;
                some(&mut map, "displayName", *name)?;
            }
            Piece::File { media_type, uri, name } => {
                some(&mut map, "mimeType", *media_type)?;
                map.serialize_entry("fileUri", uri)?;
                some(&mut map, "displayName", *name)?;
            }
            Piece::Call { id, name, arguments } => {
                some(&mut map, "id", *id)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("args", arguments)?;
            }
            Piece::Result { id, name, response, media } => {
                some(&mut map, "id", *id)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("response", response)?;
                if !media.is_empty() {
                    map.serialize_entry("parts", media)?;
                }
            }
            Piece::Text(_) | Piece::Thought(_) | Piece::State => {}
        }
        for (key, value) in self.extra.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

fn some<M: SerializeMap>(map: &mut M, key: &'static str, value: Option<&str>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}
