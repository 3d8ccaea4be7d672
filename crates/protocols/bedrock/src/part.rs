//! Reads the blocks of messages: of requests, and of answers where they are not the usual ones.

use serde_json::{Map, Value, json};
use ultraai_core::{
    CacheMarker, Citation, Media, MediaSource, Part, Reasoning, Result, ToolCall, ToolResult, VendorState,
};
use ultraai_protocol_common::{Fields, Place, from_base64, to_base64};

use crate::{ANTHROPIC, NAME, VENDOR, family, media::Kind};

/// What is given back with reasoning.
pub(crate) const SIGNATURE: &str = "signature";

/// The mark of a text that is a `json` block of a tool's result.
pub(crate) const JSON: &str = "json";

/// Whose the state is that a model wants back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner(pub(crate) &'static str);

impl Owner {
    /// The owner of what `model` says. Anthropic's models take their state back wherever they are served.
    pub(crate) fn of(model: Option<&ultraai_core::ModelName>) -> Self {
        Self(if family::of(model).claude { ANTHROPIC } else { VENDOR })
    }

    /// What is given back with reasoning that was signed.
    pub(crate) fn signed(self, signature: &str) -> VendorState {
        VendorState::new(self.0, json!({ SIGNATURE: signature }))
    }

    /// Reasoning that nobody may read; `data` is base64. Of Anthropic's models it is what their own protocol says.
    pub(crate) fn redacted(self, data: &str) -> Part {
        let text = || String::from_utf8(from_base64(data)?.to_vec()).ok();
        let text = if self.0 == ANTHROPIC { text() } else { None };
        let state = match text {
            Some(text) => json!({ "type": "redacted_thinking", "data": text }),
            None => json!({ "reasoningContent": { "redactedContent": data } }),
        };
        Part::Vendor(VendorState::silent(self.0, state))
    }
}

/// The base64 of reasoning that nobody may read, where `data` is that.
pub(crate) fn redacted(state: &VendorState) -> Option<String> {
    let data = match state.vendor.as_str() {
        ANTHROPIC if state.data["type"] == "redacted_thinking" => &state.data["data"],
        _ => return None,
    };
    data.as_str().map(|text| to_base64(text.as_bytes()))
}

/// A block that is kept as it came.
pub(crate) fn opaque(block: Value) -> Part {
    Part::Vendor(VendorState::new(NAME, block))
}

/// Reads the blocks of a message. A mark for the cache belongs to the block before it.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub(crate) fn parts(
    blocks: impl ExactSizeIterator<Item = (Place, Value)>,
    owner: Owner,
    said: bool,
) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::with_capacity(blocks.len());
    for (place, block) in blocks {
        let before = parts.last_mut().filter(|part| takes_mark(part));
        match (cache_point(&block), before) {
            (Some(marker), Some(before)) => before.annotate(|notes| notes.cache = Some(marker)),
            (Some(_), None) => parts.push(opaque(block)),
            (None, _) => parts.push(part(place, &block, owner, said)?),
        }
    }
    Ok(parts)
}

fn takes_mark(part: &Part) -> bool {
    !matches!(part, Part::Vendor(_)) && part.notes().is_none_or(|notes| notes.cache.is_none())
}

/// The mark that `block` is, where it is one of the usual kind.
pub(crate) fn cache_point(block: &Value) -> Option<CacheMarker> {
    let block = block.as_object()?;
    let point = block.get("cachePoint").filter(|_| block.len() == 1)?.as_object()?;
    let mut marker = CacheMarker::default();
    for (key, value) in point {
        match (key.as_str(), value.as_str()) {
            ("type", Some("default")) => {}
            ("ttl", Some(ttl)) => marker.ttl = Some(ttl.to_owned()),
            _ => return None,
        }
    }
    point.contains_key("type").then_some(marker)
}

/// Reads a block; `said` is whether the model said it.
fn part(place: Place, block: &Value, owner: Owner, said: bool) -> Result<Part> {
    let kept = |block: &Value| Ok(opaque(block.clone()));
    let mut fields = Fields::of(block.clone(), place)?;
    // The kind, said once more.
    if fields.look("type").is_some_and(|kind| block.get(kind.as_str().unwrap_or_default()).is_some()) {
        fields.any("type");
    }
    let mut read = if let Some(text) = fields.text("text")? {
        Part::text(text)
    } else if let Some(mut call) = fields.object("toolUse")? {
        match call.look("type").and_then(Value::as_str) {
            Some("server_tool_use") => return kept(block),
            _ => tool_use(call)?,
        }
    } else if let Some(result) = fields.object("toolResult")? {
        // What the model itself says is the result of a tool on the vendor's servers.
        if said {
            return kept(block);
        }
        tool_result(result, owner)?
    } else if let Some(thought) = fields.object("reasoningContent")? {
        match reasoning(thought, owner)? {
            Some(part @ Part::Vendor(_)) => {
                return if fields.rest().is_empty() { Ok(part) } else { kept(block) };
            }
            None => return kept(block),
            Some(part) => part,
        }
    } else if let Some(cited) = fields.object("citationsContent")? {
        match cited_text(cited)? {
            Some(part) => part,
            None => return kept(block),
        }
    } else {
        let kind = Kind::ALL.into_iter().find(|kind| fields.has(kind.name()));
        let Some(kind) = kind else { return kept(block) };
        let Some(medium) = fields.object(kind.name())? else { return kept(block) };
        match medium_part(kind, medium)? {
            Some(part) => part,
            None => return kept(block),
        }
    };
    beside(&mut read, fields.rest());
    Ok(read)
}

/// Keeps the fields that nobody knows.
fn beside(part: &mut Part, rest: Map<String, Value>) {
    if rest.is_empty() {
        return;
    }
    part.annotate(|notes| match notes.extra.as_mut().and_then(|extra| extra.data.as_object_mut()) {
        Some(extra) => extra.extend(rest),
        None => notes.extra = Some(VendorState::new(NAME, Value::Object(rest))),
    });
}

/// Keeps the fields that nobody knows within the block `kind`.
fn within(part: &mut Part, kind: &str, rest: Map<String, Value>) {
    if !rest.is_empty() {
        beside(part, Map::from_iter([(kind.to_owned(), Value::Object(rest))]));
    }
}

fn tool_use(mut call: Fields<'_>) -> Result<Part> {
    let (id, name) = (call.text("toolUseId")?.unwrap_or_default(), call.text("name")?.unwrap_or_default());
    if call.look("type").is_some_and(|kind| kind == "tool_use") {
        call.any("type");
    }
    let input = call.any("input").unwrap_or_else(|| json!({}));
    let mut part = Part::ToolCall(ToolCall::new(id, name, input.to_string()));
    within(&mut part, "toolUse", call.rest());
    Ok(part)
}

fn tool_result(mut result: Fields<'_>, owner: Owner) -> Result<Part> {
    let id = result.text("toolUseId")?.unwrap_or_default();
    let mut content = Vec::new();
    for (place, block) in result.list("content")?.unwrap_or_default() {
        content.push(match block.get(JSON) {
            Some(value) if block.as_object().is_some_and(|block| block.len() == 1) => {
                let mut part = Part::text(value.to_string());
                beside(&mut part, Map::from_iter([(JSON.to_owned(), Value::Bool(true))]));
                part
            }
            _ => part(place, &block, owner, false)?,
        });
    }
    let mut read = ToolResult::new(id, content);
    // Success is what a result without a status says too.
    if let Some(status @ ("success" | "error")) = result.look("status").and_then(Value::as_str) {
        read.is_error = status == "error";
        result.any("status");
    }
    let mut part = Part::ToolResult(read);
    within(&mut part, "toolResult", result.rest());
    Ok(part)
}

/// `None` for what is kept as it came.
fn reasoning(mut thought: Fields<'_>, owner: Owner) -> Result<Option<Part>> {
    if let Some(data) = thought.look("redactedContent").and_then(Value::as_str) {
        let part = owner.redacted(data);
        thought.any("redactedContent");
        return Ok(thought.rest().is_empty().then_some(part));
    }
    let Some(mut text) = thought.object("reasoningText")? else { return Ok(None) };
    let mut read = Reasoning::new(text.text("text")?.unwrap_or_default());
    read.state = text.text(SIGNATURE)?.map(|signature| owner.signed(&signature));
    Ok((text.rest().is_empty() && thought.rest().is_empty()).then_some(Part::Reasoning(read)))
}

/// `None` for what is kept as it came: what has no text and no citations, or fields that nobody knows.
fn cited_text(mut cited: Fields<'_>) -> Result<Option<Part>> {
    let mut text = String::new();
    for (place, content) in cited.list("content")?.unwrap_or_default() {
        let mut content = Fields::of(content, place)?;
        text.push_str(&content.text("text")?.unwrap_or_default());
        if !content.rest().is_empty() {
            return Ok(None);
        }
    }
    let citations = cited.list("citations")?.unwrap_or_default();
    if citations.is_empty() || !cited.rest().is_empty() {
        return Ok(None);
    }
    let mut part = Part::text(text);
    part.annotate(|notes| {
        notes.citations = citations.into_iter().map(|(_, value)| citation(value)).collect();
    });
    Ok(Some(part))
}

/// Reads a citation, which is kept as it came too.
pub(crate) fn citation(value: Value) -> Citation {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut citation = Citation::default();
    citation.title = text(&value["title"]);
    citation.url = text(&value["location"]["web"]["url"]);
    citation.cited_text = value["sourceContent"]
        .as_array()
        .map(|list| list.iter().filter_map(|content| content["text"].as_str()).collect::<Vec<_>>().concat());
    citation.native = Some(VendorState::new(NAME, value));
    citation
}

/// `None` for a form that the vocabulary has no words for.
fn medium_part(kind: Kind, mut medium: Fields<'_>) -> Result<Option<Part>> {
    let Some(media_type) = medium.text("format")?.and_then(|format| kind.media_type(&format)) else {
        return Ok(None);
    };
    let Some(mut source) = medium.object("source")? else { return Ok(None) };
    let data = source.text("bytes")?;
    let uri = source.object("s3Location")?.map(|mut location| Ok((location.text("uri")?, location.rest())));
    let source_rest = source.rest();
    let source = match (data, uri.transpose()?) {
        (Some(data), None) => from_base64(&data).map(MediaSource::Data),
        (None, Some((Some(uri), rest))) if rest.is_empty() => Some(MediaSource::Url(uri)),
        _ => None,
    };
    let Some(source) = source.filter(|_| source_rest.is_empty()) else { return Ok(None) };
    let mut media = Media::new(source);
    media.media_type = Some(media_type.to_owned());
    if kind == Kind::Document {
        media.name = medium.text("name")?;
    }
    let mut part = kind.part(media);
    within(&mut part, kind.name(), medium.rest());
    Ok(Some(part))
}
