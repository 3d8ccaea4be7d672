//! The blocks of messages: what parts say, one by one.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value, json, value::RawValue};
use ultraai_core::{
    Citation, Error, ErrorKind, Losses, Media, MediaSource, Notes, Part, Reasoning, Result, ToolCall,
    ToolResult, VendorState,
};
use ultraai_protocol_common::{leave_out_thought, to_base64};

use crate::{
    ANTHROPIC, NAME, VENDOR,
    encode::One,
    media::Kind,
    part::{JSON, SIGNATURE, redacted},
};

/// A block of content.
#[derive(Debug)]
pub(crate) enum Block<'a> {
    Text(&'a str, Extra<'a>),
    /// A text whose sources are named.
    Cited(&'a str, Vec<Cow<'a, Value>>, Extra<'a>),
    Medium {
        kind: Kind,
        format: &'static str,
        name: Option<Cow<'a, str>>,
        source: Source<'a>,
        extra: Extra<'a>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: &'a RawValue,
        extra: Extra<'a>,
    },
    ToolResult {
        id: &'a str,
        content: Vec<Block<'a>>,
        is_error: bool,
        extra: Extra<'a>,
    },
    /// A result that is JSON and no text.
    Json(&'a RawValue),
    Reasoning {
        text: &'a str,
        signature: Option<&'a str>,
        extra: Extra<'a>,
    },
    Redacted(String),
    CachePoint(Option<&'a str>),
    /// A block that is given back as it came.
    Opaque(&'a Value),
}

/// Fields of the protocol that the vocabulary has no words for: those of the block's own under its kind, and those beside.
type Extra<'a> = Option<&'a Map<String, Value>>;

/// Where the bytes of a medium are.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    Bytes(&'a [u8]),
    S3(&'a str),
}

/// Where a part goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct Context {
    /// The model said it.
    pub(crate) said: bool,
    /// The model is one of Anthropic's.
    pub(crate) claude: bool,
    /// It was read from this protocol, so that everything in it can be said here.
    pub(crate) own: bool,
    /// It is an answer, which the caller may read all of.
    pub(crate) answer: bool,
}

/// Puts the blocks that say `part`, which stands at `place`, behind `out`: none for what is meant for others, and one more where
/// it is worth keeping in the cache.
pub(crate) fn block<'a>(
    part: &'a Part,
    context: Context,
    place: &dyn Fn() -> String,
    out: &mut Vec<Block<'a>>,
    losses: &mut Losses,
) -> Result<()> {
    let notes = part.notes();
    let extra = match notes.and_then(|notes| notes.extra.as_ref()) {
        None => None,
        Some(state) if state.vendor == NAME => state.data.as_object(),
        Some(_) => {
            losses.lose(&format!("the further fields of {}", place()), "they are another protocol's")?;
            None
        }
    };
    let read = match part {
        // Blank texts are refused.
        Part::Text { text, .. } | Part::Refusal { text, .. } if text.trim().is_empty() && !context.own => {
            None
        }
        Part::Text { text, .. } => Some(match citations(notes, context, place, losses)? {
            Some(citations) => Block::Cited(text, citations, extra),
            None => Block::Text(text, extra),
        }),
        // There is no block for what the model declined with: these are its words all the same.
        Part::Refusal { text, .. } => Some(Block::Text(text, extra)),
        Part::Image(media) | Part::Document(media) | Part::Video(media) | Part::Audio(media) => {
            medium(part, media, extra, place, losses)?
        }
        Part::ToolCall(call) => Some(tool_use(call, extra, place)?),
        Part::ToolResult(result) => Some(tool_result(result, context, extra, place, losses)?),
        Part::Reasoning(reasoning) => {
            let written = thought(reasoning, context, extra);
            if written.is_none() && !context.answer {
                leave_out_thought(losses, NAME, reasoning);
            }
            written
        }
        Part::Vendor(state) => vendor(state, context, place, losses)?,
        _ => {
            losses.lose(&place(), "bedrock has no such block")?;
            None
        }
    };
    let Some(read) = read else { return Ok(()) };
    out.push(read);
    if let Some(marker) = notes.and_then(|notes| notes.cache.as_ref()) {
        out.push(Block::CachePoint(marker.ttl.as_deref()));
    }
    Ok(())
}

fn citations<'a>(
    notes: Option<&'a Notes>,
    context: Context,
    place: &dyn Fn() -> String,
    losses: &mut Losses,
) -> Result<Option<Vec<Cow<'a, Value>>>> {
    let Some(notes) = notes.filter(|notes| !notes.citations.is_empty()) else { return Ok(None) };
    if !context.said {
        losses.lose(&format!("the citations of {}", place()), "bedrock takes them of the model alone")?;
        return Ok(None);
    }
    Ok(Some(notes.citations.iter().map(citation).collect()))
}

/// A citation as it came, or in the words that others have for it.
pub(crate) fn citation(citation: &Citation) -> Cow<'_, Value> {
    if let Some(native) = citation.native.as_ref().filter(|native| native.vendor == NAME) {
        return Cow::Borrowed(&native.data);
    }
    let mut written = Map::new();
    if let Some(title) = &citation.title {
        written.insert("title".into(), json!(title));
    }
    if let Some(text) = &citation.cited_text {
        written.insert("sourceContent".into(), json!([{ "text": text }]));
    }
    if let Some(url) = &citation.url {
        written.insert("location".into(), json!({ "web": { "url": url } }));
    }
    Cow::Owned(Value::Object(written))
}

fn medium<'a>(
    part: &'a Part,
    media: &'a Media,
    extra: Extra<'a>,
    place: &dyn Fn() -> String,
    losses: &mut Losses,
) -> Result<Option<Block<'a>>> {
    let Some((kind, _)) = Kind::of(part) else { return Ok(None) };
    if media.detail.is_some() {
        losses.lose(&format!("`detail` of {}", place()), "bedrock has no such field")?;
    }
    let name = match (kind, &media.name) {
        (Kind::Document, Some(name)) => Some(tame(name)),
        // The protocol wants one, and no two that are the same.
        (Kind::Document, None) => Some(tame(&place()).into_owned().into()),
        (_, Some(_)) => {
            losses.leave_out(&format!("`name` of {}", place()), "bedrock has it for documents alone");
            None
        }
        (_, None) => None,
    };
    let mut lose = |what: &str, why: &str| losses.lose(what, why).map(|()| None);
    let (source, media_type) = match &media.source {
        MediaSource::Data(data) => {
            let media_type = kind.rule().check("bedrock", &place(), media, data)?;
            (Source::Bytes(data), Some(Cow::Owned(media_type)))
        }
        MediaSource::Url(url) if url.starts_with("s3://") => {
            (Source::S3(url), media.media_type.as_deref().map(Cow::Borrowed))
        }
        MediaSource::Url(_) => {
            return lose(&place(), "bedrock fetches nothing but `s3://` addresses: send the data");
        }
        _ => return lose(&place(), "bedrock has no files: send the data or an `s3://` address"),
    };
    let Some(media_type) = media_type else {
        return lose(&place(), "its media type is not known: set `media_type`");
    };
    match kind.format(&media_type) {
        Some(format) => Ok(Some(Block::Medium { kind, format, name, source, extra })),
        None => {
            let why = format!("bedrock takes no {} of the type {media_type}", kind.name());
            Err(Error::new(ErrorKind::Unsupported, format!("{} cannot be sent: {why}", place())))
        }
    }
}

/// A document's name as the protocol takes it: letters, digits, white space, hyphens, parentheses and square brackets, and no
/// two spaces in a row (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html>).
fn tame(name: &str) -> Cow<'_, str> {
    let takes = |character: char| character.is_ascii_alphanumeric() || "-()[] ".contains(character);
    if name.chars().all(takes) && !name.contains("  ") && !name.is_empty() {
        return Cow::Borrowed(name);
    }
    let mut tamed = String::with_capacity(name.len());
    for character in name.chars().take(200) {
        let character = if takes(character) { character } else { '-' };
        if character != ' ' || !tamed.ends_with(' ') {
            tamed.push(character);
        }
    }
    Cow::Owned(if tamed.is_empty() { "document".to_owned() } else { tamed })
}

fn raw<'a>(text: &'a str, place: &dyn Fn() -> String) -> Result<&'a RawValue> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    serde_json::from_str(text).map_err(|_| {
        Error::new(ErrorKind::InvalidRequest, format!("the arguments of {} are no JSON", place()))
    })
}

fn tool_use<'a>(call: &'a ToolCall, extra: Extra<'a>, place: &dyn Fn() -> String) -> Result<Block<'a>> {
    let input = raw(&call.arguments, place)?;
    Ok(Block::ToolUse { id: &call.id, name: &call.name, input, extra })
}

fn tool_result<'a>(
    result: &'a ToolResult,
    context: Context,
    extra: Extra<'a>,
    place: &dyn Fn() -> String,
    losses: &mut Losses,
) -> Result<Block<'a>> {
    let mut blocks = Vec::with_capacity(result.content.len());
    for (index, part) in result.content.iter().enumerate() {
        let place = || format!("{}.content[{index}]`", place().trim_end_matches('`'));
        let marked = part.notes().and_then(|notes| notes.extra.as_ref());
        let is_json = marked.is_some_and(|extra| extra.vendor == NAME && extra.data[JSON] == true);
        match part {
            Part::Text { text, .. } if is_json => blocks.push(Block::Json(raw(text, &place)?)),
            // These have no block within a result.
            Part::Audio(_) | Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_) => {
                losses.lose(&place(), "bedrock has no such block in a result")?;
            }
            _ => block(part, Context { said: false, ..context }, &place, &mut blocks, losses)?,
        }
        if matches!(blocks.last(), Some(Block::CachePoint(_))) {
            blocks.pop();
            losses.leave_out(&format!("the cache marker of {}", place()), "bedrock has none within a result");
        }
    }
    Ok(Block::ToolResult { id: &result.tool_call_id, content: blocks, is_error: result.is_error, extra })
}

fn thought<'a>(reasoning: &'a Reasoning, context: Context, extra: Extra<'a>) -> Option<Block<'a>> {
    let Reasoning { text, state, .. } = reasoning;
    let signature = match state {
        Some(state) if is_own(state, context) => Some(state.data.get(SIGNATURE)?.as_str()?),
        // Nobody signed it, and most models refuse what they did not sign.
        None if context.own => None,
        Some(_) if context.answer && !text.is_empty() => None,
        _ => return None,
    };
    Some(Block::Reasoning { text, signature, extra })
}

/// Whether the model that is asked gets this state back.
fn is_own(state: &VendorState, context: Context) -> bool {
    state.vendor == VENDOR || (state.vendor == ANTHROPIC && context.claude)
}

fn vendor<'a>(
    state: &'a VendorState,
    context: Context,
    place: &dyn Fn() -> String,
    losses: &mut Losses,
) -> Result<Option<Block<'a>>> {
    if state.vendor == NAME || state.vendor == VENDOR {
        return Ok(Some(Block::Opaque(&state.data)));
    }
    if let Some(data) = redacted(state) {
        // What Anthropic's models thought is for them alone.
        return Ok(context.claude.then_some(Block::Redacted(data)));
    }
    losses.lose(&place(), "it is a block of another vendor's")?;
    Ok(None)
}

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Opaque(block) = self {
            return block.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        let kind = match self {
            Self::Text(text, _) => {
                map.serialize_entry("text", text)?;
                "text"
            }
            Self::Json(value) => {
                map.serialize_entry(JSON, value)?;
                JSON
            }
            Self::CachePoint(ttl) => {
                map.serialize_entry("cachePoint", &Point(*ttl))?;
                "cachePoint"
            }
            Self::Redacted(data) => {
                map.serialize_entry("reasoningContent", &One("redactedContent", data))?;
                "reasoningContent"
            }
            Self::Reasoning { .. } => {
                map.serialize_entry("reasoningContent", &One("reasoningText", &Inner(self)))?;
                "reasoningContent"
            }
            _ => {
                map.serialize_entry(self.kind(), &Inner(self))?;
                self.kind()
            }
        };
        for (key, value) in self.extra().into_iter().flatten().filter(|(key, _)| *key != kind) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Block<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Cited(..) => "citationsContent",
            Self::Medium { kind, .. } => kind.name(),
            Self::ToolUse { .. } => "toolUse",
            _ => "toolResult",
        }
    }

    fn extra(&self) -> Extra<'_> {
        match self {
            Self::Text(_, extra)
            | Self::Cited(_, _, extra)
            | Self::Medium { extra, .. }
            | Self::ToolUse { extra, .. }
            | Self::ToolResult { extra, .. }
            | Self::Reasoning { extra, .. } => *extra,
            _ => None,
        }
    }
}

struct Point<'a>(Option<&'a str>);

impl Serialize for Point<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "default")?;
        if let Some(ttl) = self.0 {
            map.serialize_entry("ttl", ttl)?;
        }
        map.end()
    }
}

/// The object that stands under the block's kind.
struct Inner<'a>(&'a Block<'a>);

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Block::ToolUse { id, name, input, .. } => {
                map.serialize_entry("toolUseId", id)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("input", input)?;
            }
            Block::ToolResult { id, content, is_error, .. } => {
                map.serialize_entry("toolUseId", id)?;
                map.serialize_entry("content", content)?;
                if *is_error {
                    map.serialize_entry("status", "error")?;
                }
            }
            Block::Cited(text, citations, _) => {
                map.serialize_entry("content", &[One("text", text)])?;
                map.serialize_entry("citations", citations)?;
            }
            Block::Medium { format, name, source, .. } => {
                map.serialize_entry("format", format)?;
                if let Some(name) = name {
                    map.serialize_entry("name", name)?;
                }
                match source {
                    Source::Bytes(data) => map.serialize_entry("source", &One("bytes", &to_base64(data)))?,
                    Source::S3(uri) => map.serialize_entry("source", &One("s3Location", &One("uri", uri)))?,
                }
            }
            Block::Reasoning { text, signature, .. } => {
                map.serialize_entry("text", text)?;
                if let Some(signature) = signature {
                    map.serialize_entry(SIGNATURE, signature)?;
                }
            }
            _ => {}
        }
        let extra = self.0.extra().and_then(|extra| extra.get(self.0.kind())?.as_object());
        for (key, value) in extra.into_iter().flatten().filter(|_| !matches!(self.0, Block::Reasoning { .. }))
        {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
