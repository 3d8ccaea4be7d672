//! A request that came in this protocol, sent on as it came.

use std::borrow::Cow;

use ultraai_core::{
    ChatRequest, Delivery, Media, MediaSource, Message, Native, Part, Role, ToolCall, ToolChoice, ToolResult,
};
use ultraai_protocol_common::{MediaRule, Splice};

use crate::{
    Dialect, NAME, ReasoningForm,
    request::{NEWER, OLDER},
};

/// The options of a stream that asks for usage, which the ledger wants, and the field that says so in them.
const OPTIONS: &str = "stream_options";
const USAGE: &str = "include_usage";
const ASKED: &str = r#"{"include_usage":true}"#;

/// The body as it came, but for the model, the delivery, that usage is asked for and the vendor's word for the bound of the answer.
/// `None` where [`encode`](crate::encode) would write something in other words for this vendor, or refuse it.
pub(crate) fn body(dialect: &Dialect, request: &ChatRequest, native: &Native) -> Option<Vec<u8>> {
    let model = request.model.as_ref()?;
    if request.origin != Some(NAME) || !says_it_so(dialect, request) {
        return None;
    }
    // Mistral's shorter form of an image is written longer elsewhere.
    let shows = || request.parts().any(|part| matches!(part, Part::Image(_)));
    if shows() && has_text_after(&native.body, "\"image_url\"") {
        return None;
    }
    let mut fields = Splice::of(&native.body)?;
    if !has_its_words(dialect, request, &fields) {
        return None;
    }
    // A text is always written.
    fields.set("model", serde_json::to_string(model.as_str()).ok()?);
    if !dialect.max_tokens_either {
        name_bound(&mut fields, dialect.max_tokens_field);
    }
    match (request.delivery, fields.get("stream")) {
        (Delivery::Live, _) => {
            fields.set("stream", "true");
            if dialect.stream_options {
                let options = with_usage(fields.get(OPTIONS))?;
                fields.set(OPTIONS, options);
            }
        }
        (Delivery::Whole, Some("true")) => {
            fields.set("stream", "false");
            // What is said of a stream means nothing now, and some refuse it.
            fields.remove(OPTIONS);
        }
        (Delivery::Whole, _) => {}
    }
    Some(fields.into_bytes())
}

/// Says the bound of the answer in the vendor's own word. Who wrote both said the same twice.
fn name_bound(fields: &mut Splice<'_>, own: &'static str) {
    for other in [OLDER, NEWER].into_iter().filter(|word| *word != own) {
        let Some(bound) = fields.get(other).map(str::to_owned) else { continue };
        fields.remove(other);
        if fields.get(own).is_none_or(|bound| bound == "null") {
            fields.set(own, bound);
        }
    }
}

/// The options of a stream, which ask for usage besides.
fn with_usage(options: Option<&str>) -> Option<Cow<'static, str>> {
    let Some(options) = options.filter(|options| *options != "null") else { return Some(ASKED.into()) };
    let mut fields = Splice::of(options.as_bytes())?;
    fields.set(USAGE, "true");
    String::from_utf8(fields.into_bytes()).ok().map(Cow::Owned)
}

/// Whether the caller of a live request wants to hear of usage: one whose native form does not ask does not.
pub(crate) fn wants_usage(request: &ChatRequest) -> bool {
    let Some(native) = request.native_in(NAME) else { return true };
    if memchr::memmem::find(&native.body, USAGE.as_bytes()).is_none() {
        return false;
    }
    let asks = |options: &str| Some(Splice::of(options.as_bytes())?.get(USAGE)? == "true");
    let fields = Splice::of(&native.body);
    fields.and_then(|fields| asks(fields.get(OPTIONS)?)).unwrap_or(false)
}

/// Whether a key, in its quotes, stands somewhere before a text.
fn has_text_after(body: &[u8], key: &str) -> bool {
    memchr::memmem::find_iter(body, key).any(|at| {
        let mut next = body[at + key.len()..].iter().filter(|byte| !byte.is_ascii_whitespace());
        (next.next(), next.next()) == (Some(&b':'), Some(&b'"'))
    })
}

/// Whether a chunk says what was used and nothing else: it comes to those who ask for it.
pub(crate) fn is_usage_alone(chunk: &[u8]) -> bool {
    // Most chunks have a choice, and a look at the bytes is enough.
    let Some(at) = memchr::memmem::find(chunk, b"\"choices\"") else { return false };
    let mut next = chunk[at + 9..].iter().filter(|byte| !byte.is_ascii_whitespace());
    if (next.next(), next.next(), next.next()) != (Some(&b':'), Some(&b'['), Some(&b']')) {
        return false;
    }
    let Some(fields) = Splice::of(chunk) else { return false };
    let inner = fields.get("choices").and_then(|list| list.strip_prefix('[')?.strip_suffix(']'));
    inner.is_some_and(|inner| inner.trim().is_empty())
        && fields.get("usage").is_some_and(|usage| usage != "null")
}

/// Whether the fields at the top are those that the vendor knows.
fn has_its_words(dialect: &Dialect, request: &ChatRequest, fields: &Splice<'_>) -> bool {
    let Dialect { seed_field, stop, stream_options, reasoning, .. } = *dialect;
    fields.keys().all(|key| {
        dialect.has(key)
            && match key {
                "seed" => seed_field == Some(key),
                // An empty list is as good as none, and some refuse it.
                "stop" => stop && !request.stop_sequences.is_empty(),
                "tools" => !request.tools.is_empty(),
                OPTIONS => stream_options,
                "reasoning" => reasoning == ReasoningForm::Object,
                "reasoning_effort" => reasoning != ReasoningForm::Object,
                _ => true,
            }
    })
}

/// Whether messages and tools say nothing that this vendor is told in other words.
fn says_it_so(dialect: &Dialect, request: &ChatRequest) -> bool {
    let marks = || request.tools.iter().any(|tool| tool.cache.is_some());
    let may_choose = match request.tool_choice {
        Some(ToolChoice::Allowed { .. }) => dialect.has("allowed_tools"),
        _ => true,
    };
    may_choose
        && (dialect.cache_control || !marks())
        && request.messages.iter().all(|message| message_is_so(dialect, message))
}

fn message_is_so(dialect: &Dialect, message: &Message) -> bool {
    (message.role != Role::Developer || dialect.developer_role)
        && (message.name.is_none() || dialect.has("name"))
        && message.content.iter().all(|part| part_is_so(dialect, part))
}

fn part_is_so(dialect: &Dialect, part: &Part) -> bool {
    let marked = part.notes().is_some_and(|notes| notes.cache.is_some());
    if marked && !dialect.cache_control {
        return false;
    }
    match part {
        Part::Text { .. } | Part::Refusal { .. } => true,
        Part::ToolCall(call) => dialect.has("tools") && !is_wrapped(call),
        Part::ToolResult(result) => dialect.has("tools") && result_is_so(dialect, result),
        Part::Image(media) => match &media.source {
            MediaSource::Data(data) => dialect.has("images") && fits(dialect, &dialect.images, media, data),
            _ => dialect.has("images"),
        },
        Part::Audio(_) => dialect.has("audio"),
        Part::Video(_) => dialect.video,
        // What was read from a field for data or for an address goes to another one at some vendors.
        Part::Document(media) => match &media.source {
            MediaSource::FileId(_) => dialect.has("documents"),
            MediaSource::Data(data) => {
                !dialect.document_url
                    && dialect.has("documents")
                    && fits(dialect, &dialect.documents, media, data)
            }
            _ => false,
        },
        Part::Vendor(state) => state.vendor == NAME,
        // Each vendor has a place of its own for what its model thought, or none.
        _ => false,
    }
}

fn result_is_so(dialect: &Dialect, result: &ToolResult) -> bool {
    (result.name.is_none() || dialect.has("name"))
        && result.content.iter().all(|part| match part {
            Part::Image(_) if !dialect.tool_images => false,
            part => part_is_so(dialect, part),
        })
}

/// Whether a call holds another vendor's state, as callers are given it.
fn is_wrapped(call: &ToolCall) -> bool {
    call.state.as_ref().is_some_and(|state| state.vendor != NAME)
}

/// Whether the vendor takes these data under the type that they came with.
fn fits(dialect: &Dialect, rule: &MediaRule, media: &Media, data: &[u8]) -> bool {
    let known = rule.check(dialect.name, "", media, data);
    known.is_ok_and(|known| media.media_type.as_deref() == Some(&known))
}
