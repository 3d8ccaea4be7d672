//! From the vocabulary's parts to Google's, and what is lost on the way.

use std::{borrow::Cow, fmt::Display};

use serde_json::{Value, json, value::RawValue};
use ultraai_core::{
    Losses, Media, MediaSource, Notes, Part, Reasoning, Result, ToolCall, ToolResult, VendorState,
};
use ultraai_protocol_common::{CalledTools, leave_out_thought, sniff};

use super::{
    piece::{Fields, Given, Json, Piece, Written},
    tools::CACHES,
};
use crate::{
    NAME, VENDOR,
    media::{guess, is_uploaded, rule},
    part::{SIGNATURE, is_made_up},
};

/// Writes parts, one after the other.
#[derive(Debug)]
pub(crate) struct Parts<'a, 'l> {
    pub(crate) out: Vec<Written<'a>>,
    pub(crate) losses: &'l mut Losses,
    /// What is asked; in an answer, citations have their place and media are the vendor's own.
    pub(crate) is_request: bool,
    /// Whether media have names, which the Gemini API refuses.
    pub(crate) has_names: bool,
    /// What was called before, in which results find their names.
    pub(crate) called: CalledTools<'a>,
}

/// Whether the state is this protocol's, or that of the vendor who made it.
pub(crate) fn own(state: &VendorState) -> Option<&Fields> {
    let is_own = state.vendor == VENDOR || state.vendor == NAME;
    state.data.as_object().filter(|_| is_own)
}

impl<'a> Parts<'a, '_> {
    /// Writes `parts`, which begin at `from` of the output; `place` names one of them.
    pub(crate) fn write<P: Display>(&mut self, parts: &'a [Part], place: impl Fn(usize) -> P) -> Result<()> {
        let from = self.out.len();
        for (index, part) in parts.iter().enumerate() {
            match part {
                // What most parts are needs no name.
                Part::Text { text, notes: None } => self.out.push(Written::new(Piece::Text(text))),
                part => self.part(part, from, &place(index))?,
            }
        }
        Ok(())
    }

    fn lose(&mut self, place: &dyn Display, what: &str, why: &str) -> Result<()> {
        self.losses.lose(&format!("{what} `{place}`"), why)
    }

    fn part(&mut self, part: &'a Part, from: usize, place: &dyn Display) -> Result<()> {
        let extra = match part.notes() {
            Some(notes) => self.notes(notes, place)?,
            None => None,
        };
        let (piece, state) = match part {
            Part::Text { text, .. } | Part::Refusal { text, .. } => (Some(Piece::Text(text)), None),
            Part::Image(media) | Part::Audio(media) | Part::Video(media) | Part::Document(media) => {
                (self.media(media, part.kind(), place)?, None)
            }
            Part::ToolCall(call) => (self.call(call, place)?, call.state.as_ref().and_then(own)),
            Part::ToolResult(result) => (self.result(result, place)?, None),
            Part::Reasoning(reasoning) => {
                self.reasoning(reasoning, from, extra);
                return Ok(());
            }
            Part::Vendor(state) => {
                let Some(fields) = own(state) else {
                    return self.lose(place, "the part", "only another vendor or protocol has words for it");
                };
                self.state(fields, from);
                return Ok(());
            }
            _ => return self.lose(place, "the part", "gemini has no such parts"),
        };
        if let Some(piece) = piece {
            self.out.push(Written { piece, state, extra });
        }
        Ok(())
    }

    fn notes(&mut self, notes: &'a Notes, place: &dyn Display) -> Result<Option<&'a Fields>> {
        if notes.cache.is_some() {
            self.losses.leave_out(&format!("the cache mark on `{place}`"), CACHES);
        }
        let is_foreign =
            |state: &Option<VendorState>| state.as_ref().is_none_or(|state| state.vendor != NAME);
        if self.is_request && notes.citations.iter().any(|citation| is_foreign(&citation.native)) {
            self.lose(place, "the citations of", "gemini takes none")?;
        }
        let Some(extra) = &notes.extra else { return Ok(None) };
        let fields = own(extra);
        if fields.is_none() {
            self.lose(place, "the extra fields of", "only another protocol has words for them")?;
        }
        Ok(fields)
    }

    fn media(&mut self, media: &'a Media, kind: &str, place: &dyn Display) -> Result<Option<Piece<'a>>> {
        // `auto` is what holds unasked.
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.lose(place, "the `detail` of", "gemini has `mediaResolution` instead")?;
        }
        let mut name = media.name.as_deref();
        if name.is_some() && !self.has_names {
            self.losses.leave_out(&format!("the `name` of `{place}`"), "the Gemini API takes none");
            name = None;
        }
        let named = media.media_type.as_deref();
        Ok(Some(match &media.source {
            MediaSource::Data(data) if self.is_request => {
                let place = format!("`{place}`");
                let media_type = match rule(kind).check(NAME, &place, media, data) {
                    Ok(media_type) => Cow::Owned(media_type),
                    Err(error) => {
                        // It may be left out, as everything that cannot be sent.
                        return match self.losses.may_lose() {
                            true => self.losses.lose(&place, error.message()).map(|()| None),
                            false => Err(error),
                        };
                    }
                };
                Piece::Data { media_type, data, name }
            }
            MediaSource::Data(data) => {
                let media_type = named.or_else(|| sniff(data)).unwrap_or("application/octet-stream");
                Piece::Data { media_type: media_type.into(), data, name }
            }
            MediaSource::Url(uri) if uri.starts_with("data:") => {
                return self.lose(place, "the part", "its data is no plain base64").map(|()| None);
            }
            MediaSource::FileId(id) if !is_uploaded(id) => {
                let why = "its file was uploaded to another vendor: Google's begin with gs://, files/ or the address of its API";
                return self.lose(place, "the part", why).map(|()| None);
            }
            MediaSource::Url(uri) | MediaSource::FileId(uri) => {
                Piece::File { media_type: named.or_else(|| guess(uri)), uri, name }
            }
            _ => return self.lose(place, "the part", "gemini has no such sources of media").map(|()| None),
        }))
    }

    fn call(&mut self, call: &'a ToolCall, place: &dyn Display) -> Result<Option<Piece<'a>>> {
        let arguments = match json_object(&call.arguments) {
            Some(arguments) => arguments,
            None if call.arguments.trim().is_empty() => Json::Value(json!({})),
            None => {
                self.lose(place, "the arguments of", "they are no JSON object")?;
                Json::Value(json!({}))
            }
        };
        Ok(Some(Piece::Call { id: told(&call.id), name: &call.name, arguments }))
    }

    fn result(&mut self, result: &'a ToolResult, place: &dyn Display) -> Result<Option<Piece<'a>>> {
        let called = || self.called.name(&result.tool_call_id);
        let Some(name) = result.name.as_deref().or_else(called) else {
            self.lose(place, "the part", "it names neither its tool nor a call before it")?;
            return Ok(None);
        };
        let (mut texts, mut media) = (Vec::new(), Vec::new());
        for (index, part) in result.content.iter().enumerate() {
            let place = format!("{place}.content[{index}]");
            let extra = match part.notes() {
                Some(notes) => self.notes(notes, &place)?,
                None => None,
            };
            match part {
                Part::Text { text, .. } | Part::Refusal { text, .. } => {
                    if extra.is_some() {
                        self.lose(&place, "the extra fields of", "they have no place in a tool's result")?;
                    }
                    texts.push(text.as_str());
                }
                Part::Image(held) | Part::Audio(held) | Part::Video(held) | Part::Document(held) => {
                    let piece = self.media(held, part.kind(), &place)?;
                    media.extend(piece.map(|piece| Written { piece, state: None, extra }));
                }
                Part::Vendor(state) if own(state).is_some() => {
                    media.push(Written { piece: Piece::State, state: own(state), extra: None });
                }
                _ => self.lose(&place, "the part", "a tool's result holds texts and media alone")?,
            }
        }
        let response = response(&texts, result.is_error);
        let id = told(&result.tool_call_id);
        Ok(Some(Piece::Result(Box::new(Given { id, name, response, media }))))
    }

    fn reasoning(&mut self, reasoning: &'a Reasoning, from: usize, extra: Option<&'a Fields>) {
        let state = reasoning.state.as_ref().and_then(own);
        match (reasoning.text.as_str(), state) {
            // Another vendor's, who hid it.
            ("", None) if self.is_request => leave_out_thought(self.losses, NAME, reasoning),
            ("", None) => {}
            ("", Some(state)) => self.state(state, from),
            (text, state) => self.out.push(Written { piece: Piece::Thought(text), state, extra }),
        }
    }

    /// What stands alone, unless it is the signature of the part before it.
    fn state(&mut self, state: &'a Fields, from: usize) {
        let is_signature = state.len() == 1 && state.contains_key(SIGNATURE);
        let before = self.out.get_mut(from..).and_then(<[_]>::last_mut);
        let piece = match before.filter(|before| is_signature && before.is_signable()) {
            Some(before) => {
                before.state = Some(state);
                return;
            }
            None if state.contains_key("thought") && is_text(state) => Piece::Thought(""),
            None if is_text(state) => Piece::Text(""),
            None => Piece::State,
        };
        self.out.push(Written { piece, state: Some(state), extra: None });
    }
}

/// Whether the fields have nothing but what stands beside a text.
fn is_text(fields: &Fields) -> bool {
    fields.keys().all(|key| matches!(key.as_str(), "text" | "thought" | SIGNATURE))
}

/// The id, unless it was made up here.
fn told(id: &str) -> Option<&str> {
    Some(id).filter(|id| !id.is_empty() && !is_made_up(id))
}

/// The text as JSON, where it is an object. A line break in it would break the frame of a stream.
fn json_object(text: &str) -> Option<Json<'_>> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    match (raw.get().starts_with('{'), raw.get().contains(['\n', '\r'])) {
        (true, false) => Some(Json::Raw(raw)),
        (true, true) => serde_json::from_str(text).ok().map(Json::Value),
        _ => None,
    }
}

/// The object that a result is: the one that the tool gave, or its words under the name that Google has for them.
fn response<'a>(texts: &[&'a str], is_error: bool) -> Json<'a> {
    let key = if is_error { "error" } else { "output" };
    match *texts {
        [] if !is_error => Json::Value(json!({})),
        [] => Json::Value(json!({ key: "" })),
        [text] => match json_object(text).filter(|_| means_itself(text, is_error)) {
            Some(object) => object,
            None => Json::Value(json!({ key: text })),
        },
        _ if is_error => Json::Value(json!({ key: texts.concat() })),
        _ => Json::Value(json!({ key: texts })),
    }
}

/// Whether the object is read as that text again, and not as what stands under Google's names.
fn means_itself(text: &str, is_error: bool) -> bool {
    let Ok(object) = serde_json::from_str::<Fields>(text) else { return false };
    let only = match object.len() {
        1 => object.iter().next(),
        _ => None,
    };
    match only {
        Some((key, value)) if key == "error" => is_error && !value.is_string(),
        Some((key, value)) if key == "output" => {
            let texts = value.as_array().filter(|list| list.len() > 1);
            let is_texts = value.is_string() || texts.is_some_and(|list| list.iter().all(Value::is_string));
            !is_error && !is_texts
        }
        _ => !is_error && !object.is_empty(),
    }
}
