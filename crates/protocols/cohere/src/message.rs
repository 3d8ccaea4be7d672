//! Writes the messages of a request.

use serde_json::{Map, Value};
use ultraai_core::{
    ChatRequest, Error, ErrorKind, Media, MediaSource, Message, Part, Result, Role, ToolCall, ToolResult,
};
use ultraai_protocol_common::{ListWriter, Lossy, MediaRule, ObjectWriter, Spot, to_data_url};

use crate::{NAME, citation, document, is_plan};

/// What <https://docs.cohere.com/docs/image-inputs> says of images: these types, and 20 megabytes.
const IMAGES: MediaRule =
    MediaRule { types: &["image/png", "image/jpeg", "image/webp", "image/gif"], max_bytes: 20 << 20 };

/// The most images of a request, as the same page says.
const MOST_IMAGES: usize = 20;

/// Writes the field `messages`.
pub(crate) fn write_messages(
    object: &mut ObjectWriter<'_>,
    request: &ChatRequest,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    let images = request.parts().filter(|part| matches!(part, Part::Image(_))).count();
    if images > MOST_IMAGES {
        let message = format!("the request has {images} images, and cohere takes {MOST_IMAGES} at most");
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let mut list = object.list("messages");
    for (index, message) in request.messages.iter().enumerate() {
        Writer { request, message, index }.write(&mut list, lossy)?;
    }
    Ok(())
}

type Own<'a> = Option<&'a Map<String, Value>>;

/// What one message of the vendor's may hold.
#[derive(Default)]
struct Held<'a> {
    /// What stands in its content, with the fields that only this protocol has.
    items: Vec<(&'a Part, Own<'a>, Spot)>,
    plan: String,
    calls: Vec<(&'a ToolCall, Own<'a>)>,
    citations: Vec<Value>,
}

struct Writer<'a> {
    request: &'a ChatRequest,
    message: &'a Message,
    index: usize,
}

impl<'a> Writer<'a> {
    fn write(&self, list: &mut ListWriter<'_>, lossy: &mut Lossy<'_>) -> Result<()> {
        let Message { role, content, .. } = self.message;
        let extra = lossy.message(self.request, self.index)?;
        if let [Part::Text { text, notes: None }] = content.as_slice() {
            let mut entry = list.object();
            entry.field("role", role_word(role));
            entry.field("content", text);
            entry.entries(extra.into_iter().flatten());
            return Ok(());
        }
        let (mut held, mut results) = (Held::default(), 0);
        for (at, part) in content.iter().enumerate() {
            let place = Spot { message: self.index, part: at, inner: None };
            if let Part::ToolResult(result) = part {
                let fields = lossy.notes(place, part.notes(), false)?;
                // The fields of a message that holds results are those of the first one.
                let extra = extra.filter(|_| results == 0);
                results += 1;
                write_result(list, result, [fields, extra], place, lossy)?;
                continue;
            }
            self.hold(&mut held, part, place, lossy)?;
        }
        let is_empty = held.items.is_empty() && held.plan.is_empty() && held.calls.is_empty();
        if results > 0 && is_empty {
            return Ok(());
        }
        let mut entry = list.object();
        entry.field("role", role_word(role));
        if !held.items.is_empty() || (held.plan.is_empty() && held.calls.is_empty()) {
            write_content(&mut entry, &held.items, lossy)?;
        }
        entry.optional("tool_plan", Some(&held.plan).filter(|plan| !plan.is_empty()));
        if !held.calls.is_empty() {
            let mut calls = entry.list("tool_calls");
            for (call, fields) in &held.calls {
                // The vendor reads no empty text as an object.
                let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
                write_call(&mut calls.object(), call, arguments, *fields);
            }
        }
        entry.optional("citations", Some(&held.citations).filter(|citations| !citations.is_empty()));
        entry.entries(extra.filter(|_| results == 0).into_iter().flatten());
        Ok(())
    }

    /// Puts a part where a message has room for it.
    fn hold(&self, held: &mut Held<'a>, part: &'a Part, place: Spot, lossy: &mut Lossy<'_>) -> Result<()> {
        let said_by_model = self.message.role == Role::Assistant;
        let fields = lossy.notes(place, part.notes(), said_by_model)?;
        let said = match part {
            Part::Text { text, .. } => text,
            Part::Reasoning(reasoning) => &reasoning.text,
            _ => "",
        };
        let notes = part.notes().filter(|_| said_by_model);
        let cited = notes.map(|notes| notes.citations.as_slice()).unwrap_or_default();
        held.citations.extend(citation::written(cited, Some(said), held.items.len(), place, lossy)?);
        match part {
            Part::ToolCall(call) => held.calls.push((call, fields)),
            Part::Reasoning(reasoning) if is_plan(reasoning.state.as_ref()) => {
                held.plan.push_str(&reasoning.text);
            }
            // What another vendor hides is of no use here.
            Part::Reasoning(reasoning) if reasoning.text.is_empty() => lossy.thought(reasoning),
            Part::Image(_) if self.message.role != Role::User => lossy.part(place, part)?,
            Part::Text { .. } | Part::Refusal { .. } | Part::Reasoning(_) | Part::Image(_) => {
                held.items.push((part, fields, place));
            }
            Part::Vendor(state) if state.vendor == NAME => held.items.push((part, None, place)),
            part => lossy.part(place, part)?,
        }
        Ok(())
    }
}

fn write_result(
    list: &mut ListWriter<'_>,
    result: &ToolResult,
    extra: [Own<'_>; 2],
    place: Spot,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    if result.is_error {
        lossy.leave_out(format_args!("{place}.is_error"), "the result's own words must say it");
    }
    let mut items = Vec::new();
    for (at, part) in result.content.iter().enumerate() {
        let place = Spot { inner: Some(at), ..place };
        let fields = lossy.notes(place, part.notes(), false)?;
        match part {
            Part::Text { .. } | Part::Document(_) => items.push((part, fields, place)),
            Part::Vendor(state) if state.vendor == NAME => items.push((part, None, place)),
            part => lossy.part(place, part)?,
        }
    }
    let mut entry = list.object();
    entry.field("role", "tool");
    entry.field("tool_call_id", &result.tool_call_id);
    write_content(&mut entry, &items, lossy)?;
    extra.into_iter().flatten().for_each(|fields| entry.entries(fields));
    Ok(())
}

/// Writes the field `content`: a text that stands alone as it is, and else a list.
fn write_content(
    entry: &mut ObjectWriter<'_>,
    items: &[(&Part, Own<'_>, Spot)],
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    match items {
        [] => entry.field("content", ""),
        [(Part::Text { text, .. } | Part::Refusal { text, .. }, None, _)] => entry.field("content", text),
        items => {
            let mut list = entry.list("content");
            for (part, fields, place) in items {
                write_item(&mut list, part, *fields, *place, lossy)?;
            }
        }
    }
    Ok(())
}

fn write_item(
    list: &mut ListWriter<'_>,
    part: &Part,
    fields: Own<'_>,
    place: Spot,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    match part {
        // A refusal is said too: the model shall know that it declined.
        Part::Text { text, .. } | Part::Refusal { text, .. } => {
            let mut item = list.object();
            item.field("type", "text");
            item.field("text", text);
            item.entries(fields.into_iter().flatten());
        }
        Part::Reasoning(reasoning) => {
            let mut item = list.object();
            item.field("type", "thinking");
            item.field("thinking", &reasoning.text);
            item.entries(fields.into_iter().flatten());
        }
        Part::Image(media) => write_image(list, media, place, lossy)?,
        Part::Document(media) => {
            lossy.field(format_args!("{place}.detail"), media.detail.is_some())?;
            if document::write(list, media).is_none() {
                lossy.because(place, "cohere takes documents as text or JSON, by their data")?;
            }
        }
        Part::Vendor(state) => list.item(&state.data),
        part => lossy.part(place, part)?,
    }
    Ok(())
}

fn write_image(list: &mut ListWriter<'_>, media: &Media, place: Spot, lossy: &mut Lossy<'_>) -> Result<()> {
    lossy.hint(format_args!("{place}.name"), media.name.is_some());
    let url = match &media.source {
        MediaSource::Url(url) => url.clone(),
        MediaSource::Data(data) => {
            let media_type = IMAGES.check("cohere", &format!("`{place}`"), media, data)?;
            to_data_url(&media_type, data)
        }
        _ => return lossy.because(place, "cohere takes images by address or data alone"),
    };
    let mut item = list.object();
    item.field("type", "image_url");
    let mut image = item.object("image_url");
    image.field("url", &url);
    image.optional("detail", media.detail.as_ref());
    Ok(())
}

/// Writes a call with these arguments, and with the fields that only this protocol has.
pub(crate) fn write_call(entry: &mut ObjectWriter<'_>, call: &ToolCall, arguments: &str, fields: Own<'_>) {
    entry.field("id", &call.id);
    entry.field("type", "function");
    {
        let mut function = entry.object("function");
        function.field("name", &call.name);
        function.field("arguments", arguments);
        let inner = fields.and_then(|fields| fields.get("function")).and_then(Value::as_object);
        function.entries(inner.into_iter().flatten());
    }
    entry.entries(fields.into_iter().flatten().filter(|(key, _)| *key != "function"));
}

/// The vendor's word for a role.
fn role_word(role: &Role) -> &str {
    match role {
        // It tells no developer from the system.
        Role::Developer => "system",
        role => role.as_str(),
    }
}
