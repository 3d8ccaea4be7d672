//! The blocks of a request's turns.

use serde_json::{Map, Value};
use ultraai_core::{CacheMarker, Media, MediaSource, Part, Result, ToolCall, ToolResult, VendorState};
use ultraai_protocol_common::{Fields, Place, from_base64};

use super::Conversation;
use crate::answer::{beside, called, opaque, said, thought};

impl Conversation {
    /// Content is a text or a list of blocks; nothing at all counts as an empty list.
    pub(super) fn content(&mut self, content: Value, place: &Place) -> Result<Vec<Part>> {
        match content {
            Value::Null => Ok(Vec::new()),
            Value::String(text) => Ok(vec![Part::text(text)]),
            Value::Array(blocks) => {
                let blocks = blocks.into_iter().enumerate();
                blocks.map(|(index, block)| self.block(block, place.entry(index))).collect()
            }
            _ => Err(place.wrong("a text or a list of blocks")),
        }
    }

    fn block(&mut self, block: Value, place: Place) -> Result<Part> {
        let kind = block.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let read = match kind.as_str() {
            "text" => read_text,
            "thinking" => read_thinking,
            "image" => return read_media(block, place, Part::Image),
            "document" => return read_media(block, place, Part::Document),
            "tool_use" => return self.read_call(block, place),
            "tool_result" => return self.read_result(block, &place),
            "" => {
                let fields = Fields::of(block, place)?;
                return Err(fields.place().missing("type"));
            }
            _ => return Ok(opaque(block)),
        };
        read(fields_of(block, place)?)
    }

    fn read_call(&mut self, block: Value, place: Place) -> Result<Part> {
        let mut fields = fields_of(block, place)?;
        let (id, name) = (fields.needed_text("id")?, fields.needed_text("name")?);
        let arguments = fields.any("input").map_or_else(|| "{}".to_owned(), |input| input.to_string());
        self.called.insert(id.clone(), name.clone());
        let mut call = ToolCall::new(id, name, arguments);
        let (cache, rest) = cache_and_rest(fields);
        call.state = called(rest);
        let mut part = Part::ToolCall(call);
        part.annotate(|notes| notes.cache = cache);
        Ok(part)
    }

    fn read_result(&mut self, block: Value, place: &Place) -> Result<Part> {
        let mut fields = fields_of(block, place.clone())?;
        let id = fields.needed_text("tool_use_id")?;
        let content = fields.any("content").unwrap_or_default();
        let mut result = ToolResult::new(id, self.content(content, &place.field("content"))?);
        // The protocol says the name with the call alone, others want it here.
        result.name = self.called.get(&result.tool_call_id).cloned();
        result.is_error = fields.flag("is_error")?.unwrap_or_default();
        Ok(annotated(Part::ToolResult(result), fields))
    }
}

fn fields_of(block: Value, place: Place) -> Result<Fields<'static>> {
    let mut fields = Fields::of(block, place)?;
    drop(fields.any("type"));
    Ok(fields)
}

fn read_text(mut fields: Fields<'_>) -> Result<Part> {
    let text = fields.needed_text("text")?;
    let citations = fields.list("citations")?.unwrap_or_default();
    let citations = citations.into_iter().map(|(_, citation)| citation).collect();
    let (cache, rest) = cache_and_rest(fields);
    let mut part = said(text, citations, rest).unwrap_or_else(|| Part::text(""));
    part.annotate(|notes| notes.cache = cache);
    Ok(part)
}

fn read_thinking(mut fields: Fields<'_>) -> Result<Part> {
    let text = fields.text("thinking")?.unwrap_or_default();
    let signature = fields.text("signature")?.filter(|signature| !signature.is_empty());
    let (cache, rest) = cache_and_rest(fields);
    let mut part =
        thought(text, signature, rest).unwrap_or_else(|| Part::Reasoning(ultraai_core::Reasoning::new("")));
    part.annotate(|notes| notes.cache = cache);
    Ok(part)
}

/// Reads an image or a document; one whose bytes stand in a form that the vocabulary has not is kept whole.
fn read_media(block: Value, place: Place, part: fn(Media) -> Part) -> Result<Part> {
    let is_document = matches!(part(Media::new(MediaSource::Url(String::new()))), Part::Document(_));
    let Some(mut media) = block.get("source").and_then(|source| source_of(source, is_document)) else {
        return Ok(opaque(block));
    };
    let mut fields = fields_of(block, place)?;
    drop(fields.any("source"));
    if is_document {
        media.name = fields.text("title")?;
    }
    Ok(annotated(part(media), fields))
}

fn source_of(source: &Value, is_document: bool) -> Option<Media> {
    let fields = source.as_object()?;
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let (source, media_type) = match (text("type")?, fields.len()) {
        ("base64", 3) => {
            let media_type = text("media_type")?;
            // What says that it is a text is written as one.
            let is_text = is_document && media_type == "text/plain";
            (MediaSource::Data(from_base64(text("data")?).filter(|_| !is_text)?), Some(media_type))
        }
        ("text", 3) if is_document && text("media_type") == Some("text/plain") => {
            (MediaSource::Data(text("data")?.to_owned().into()), Some("text/plain"))
        }
        ("url", 2) => (MediaSource::Url(text("url")?.to_owned()), None),
        ("file", 2) => (MediaSource::FileId(text("file_id")?.to_owned()), None),
        _ => return None,
    };
    let mut media = Media::new(source);
    media.media_type = media_type.map(str::to_owned);
    Some(media)
}

/// The part with what else stands in its block.
fn annotated(mut part: Part, fields: Fields<'_>) -> Part {
    let (cache, rest) = cache_and_rest(fields);
    part.annotate(|notes| (notes.cache, notes.extra) = (cache, beside(rest)));
    part
}

/// The mark for the cache, and what nobody took.
pub(super) fn cache_and_rest(mut fields: Fields<'_>) -> (Option<CacheMarker>, Map<String, Value>) {
    let value = fields.any("cache_control");
    let marker = value.as_ref().and_then(marker);
    let mut rest = fields.rest();
    if let (Some(value), None) = (value, &marker) {
        rest.insert("cache_control".to_owned(), value);
    }
    (marker, rest)
}

/// The mark, where it says nothing but how long.
fn marker(value: &Value) -> Option<CacheMarker> {
    let fields = value.as_object()?;
    let ttl = match fields.get("ttl") {
        None | Some(Value::Null) => None,
        Some(ttl) => Some(ttl.as_str()?.to_owned()),
    };
    let known = |key: &String| matches!(key.as_str(), "type" | "ttl");
    (fields.get("type")? == "ephemeral" && fields.keys().all(known)).then(|| {
        let mut marker = CacheMarker::default();
        marker.ttl = ttl;
        marker
    })
}

/// What only this protocol has words for.
pub(super) fn native(value: Value) -> VendorState {
    VendorState::new(crate::NAME, value)
}
