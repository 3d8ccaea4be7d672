//! Writes answers, as a server of this protocol gives them.

mod stream;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};
use ultraai_core::{
    Answering, ChatResponse, Citation, Error, ErrorKind, FinishReason, Losses, Part, Result, TokenLogprob,
    Usage,
};
use ultraai_protocol_common::CalledTools;

pub(crate) use self::stream::Encoder;
use crate::{
    NAME,
    citations::{self, GROUNDING},
    encode::{Fields, Parts, Piece, Written},
    logprobs::{self, LOGPROBS},
};

/// A whole answer, or a chunk of a stream.
#[derive(Debug, Default)]
struct Reply<'a> {
    candidates: Vec<Candidate<'a>>,
    rest: Fields,
}

#[derive(Debug, Default)]
struct Candidate<'a> {
    index: u32,
    parts: Vec<Written<'a>>,
    finish: Option<String>,
    rest: Fields,
}

/// Writes a whole answer.
pub(crate) fn whole(
    to: &Answering<'_>,
    answer: &ChatResponse,
    has_names: bool,
    losses: &mut Losses,
) -> Result<Vec<u8>> {
    let first = (&answer.content, &answer.finish_reason, &answer.logprobs);
    let others = answer.alternatives.iter().map(|it| (&it.content, &it.finish_reason, &it.logprobs));
    let none = Map::new();
    let raw = answer.raw_of(NAME).unwrap_or(&none);
    let mut reply = Reply::default();
    for (index, (content, finish, tokens)) in (0..).zip(std::iter::once(first).chain(others)) {
        let mut parts = parts(losses, has_names);
        parts.write(content, |part| std::fmt::from_fn(move |f| write!(f, "content[{part}]")))?;
        let parts = parts.out;
        let citations = content.iter().filter_map(Part::notes).flat_map(|notes| &notes.citations);
        let rest = beside(raw, index);
        reply.candidates.push(candidate(index, parts, finish, rest, citations, tokens, losses)?);
    }
    reply.rest = tail(answer.model.as_deref(), answer.request_id.as_deref().unwrap_or(to.id));
    if answer.stop_sequence.is_some() {
        losses.lose("`stop_sequence`", "gemini does not tell it")?;
    }
    count(&mut reply.rest, answer.usage, answer.service_tier.as_deref(), raw, losses)?;
    written(&reply)
}

fn parts<'a>(losses: &mut Losses, has_names: bool) -> Parts<'a, '_> {
    Parts { out: Vec::new(), losses, is_request: false, has_names, called: CalledTools::default() }
}

fn written(reply: &Reply<'_>) -> Result<Vec<u8>> {
    serde_json::to_vec(reply)
        .map_err(|error| Error::new(ErrorKind::InvalidRequest, "the answer is no JSON").with_source(error))
}

/// What stood beside the candidate when it was read.
fn beside(raw: &Map<String, Value>, index: u32) -> Fields {
    let of = |index: u32| raw.get("candidates")?.get(usize::try_from(index).ok()?)?.as_object().cloned();
    of(index).unwrap_or_default()
}

/// A candidate that has ended.
fn candidate<'a, 'c>(
    index: u32,
    parts: Vec<Written<'a>>,
    finish: &FinishReason,
    mut rest: Fields,
    citations: impl Iterator<Item = &'c Citation>,
    tokens: &[TokenLogprob],
    losses: &mut Losses,
) -> Result<Candidate<'a>> {
    let word = rest.remove("finishReason").and_then(|word| word.as_str().map(str::to_owned));
    let finish = match finish {
        FinishReason::Stop | FinishReason::ToolCalls => "STOP".to_owned(),
        FinishReason::Length => "MAX_TOKENS".to_owned(),
        FinishReason::ContentFilter => word.unwrap_or_else(|| "SAFETY".to_owned()),
        FinishReason::Other(word) if is_google(word) => word.clone(),
        _ => {
            losses.lose("`finish_reason`", "gemini has no such word")?;
            "STOP".to_owned()
        }
    };
    if !rest.contains_key(LOGPROBS) {
        rest.extend(logprobs::write(tokens).map(|tokens| (LOGPROBS.to_owned(), tokens)));
    }
    if !rest.contains_key(GROUNDING) && !rest.contains_key("citationMetadata") {
        rest.extend(citations::write(citations).map(|citations| (GROUNDING.to_owned(), citations)));
    }
    Ok(Candidate { index, parts, finish: Some(finish), rest })
}

/// Whether the word is written as Google writes its words.
fn is_google(word: &str) -> bool {
    let is_one = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == b'_';
    !word.is_empty() && word.bytes().all(is_one)
}

fn tail(model: Option<&str>, id: &str) -> Fields {
    let mut rest = Fields::new();
    rest.extend(model.map(|model| ("modelVersion".to_owned(), model.into())));
    rest.insert("responseId".into(), id.into());
    rest
}

/// Adds the usage, and what stood beside the candidates when they were read.
fn count(
    rest: &mut Fields,
    usage: Option<Usage>,
    service_tier: Option<&str>,
    raw: &Map<String, Value>,
    losses: &mut Losses,
) -> Result<()> {
    let mut counts = raw.get("usageMetadata").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(usage) = usage {
        if usage.cache_write.is_some_and(|tokens| tokens > 0) {
            losses.lose("`usage.cache_write`", "gemini does not tell it")?;
        }
        // What the vendor's own tools read stands beside the prompt, and thoughts stand beside the candidates.
        let tools = counts.get("toolUsePromptTokenCount").and_then(Value::as_u64).unwrap_or(0);
        for (name, tokens) in [
            ("promptTokenCount", Some(usage.input_tokens.saturating_sub(tools))),
            ("candidatesTokenCount", Some(usage.output_tokens.saturating_sub(usage.reasoning.unwrap_or(0)))),
            ("thoughtsTokenCount", usage.reasoning),
            ("cachedContentTokenCount", usage.cache_read),
        ] {
            counts.extend(tokens.map(|tokens| (name.to_owned(), tokens.into())));
        }
        counts.entry("totalTokenCount").or_insert_with(|| (usage.input_tokens + usage.output_tokens).into());
    }
    counts.extend(service_tier.map(|tier| ("serviceTier".to_owned(), tier.into())));
    if !counts.is_empty() {
        rest.insert("usageMetadata".into(), Value::Object(counts));
    }
    for (key, value) in raw.iter().filter(|(key, _)| !matches!(key.as_str(), "candidates" | "usageMetadata"))
    {
        rest.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Ok(())
}

impl Serialize for Reply<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("candidates", &self.candidates)?;
        for (key, value) in &self.rest {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Candidate<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let rest = self.rest.get("content").and_then(Value::as_object);
        map.serialize_entry("content", &Content { parts: &self.parts, rest })?;
        if let Some(finish) = &self.finish {
            map.serialize_entry("finishReason", finish)?;
        }
        map.serialize_entry("index", &self.index)?;
        for (key, value) in self.rest.iter().filter(|(key, _)| *key != "content") {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Content<'a> {
    parts: &'a [Written<'a>],
    rest: Option<&'a Fields>,
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("parts", self.parts)?;
        map.serialize_entry("role", "model")?;
        for (key, value) in self.rest.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A part of nothing but an empty text: the sign that what comes next is a part of its own.
fn nothing(is_thought: bool) -> Written<'static> {
    Written::new(if is_thought { Piece::Thought("") } else { Piece::Text("") })
}

/// The body of an error, and in a stream its frame.
pub(crate) fn error_body(code: u16, status: &str, message: &str, details: &[Value]) -> Value {
    let mut error = json!({ "code": code, "message": message, "status": status });
    if !details.is_empty() {
        error["details"] = details.into();
    }
    json!({ "error": error })
}

#[cfg(test)]
mod tests;
