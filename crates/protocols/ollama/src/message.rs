//! Writes the messages of a request.

use serde_json::{Map, Value, value::RawValue};
use ultraai_core::{
    ChatRequest, Error, ErrorKind, Media, MediaSource, Message, Part, Result, Role, ToolCall, ToolResult,
};
use ultraai_protocol_common::{CalledTools, Joined, ListWriter, Lossy, ObjectWriter, Spot, to_base64};

use crate::{NAME, id};

/// Writes the field `messages`.
pub(crate) fn write_messages(
    object: &mut ObjectWriter<'_>,
    request: &ChatRequest,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    let mut list = object.list("messages");
    let mut called = CalledTools::default();
    for (index, message) in request.messages.iter().enumerate() {
        Writer { request, message, index, called: &called }.write(&mut list, lossy)?;
        called.add(message);
    }
    Ok(())
}

/// What one message of the server's may hold.
#[derive(Default)]
struct Held<'a> {
    texts: Vec<&'a str>,
    thoughts: Vec<&'a str>,
    images: Vec<String>,
    calls: Vec<(&'a ToolCall, Option<&'a Map<String, Value>>)>,
}

impl Held<'_> {
    fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.thoughts.is_empty() && self.images.is_empty() && self.calls.is_empty()
    }
}

struct Writer<'a> {
    request: &'a ChatRequest,
    message: &'a Message,
    index: usize,
    called: &'a CalledTools<'a>,
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
            let fields = lossy.notes(place, part.notes(), false)?;
            match part {
                Part::ToolResult(result) => {
                    // The fields of a message that holds results are those of the first one.
                    let extra = extra.filter(|_| results == 0);
                    results += 1;
                    self.write_result(list, result, [fields, extra], place, lossy)?;
                }
                Part::ToolCall(call) => held.calls.push((call, fields)),
                part => {
                    hold(&mut held, part, place, lossy)?;
                }
            }
        }
        if results > 0 && held.is_empty() {
            return Ok(());
        }
        let mut entry = list.object();
        entry.field("role", role_word(role));
        write_held(&mut entry, &held);
        if !held.calls.is_empty() {
            let mut calls = entry.list("tool_calls");
            for (call, fields) in &held.calls {
                write_call(&mut calls.object(), call, *fields)?;
            }
        }
        entry.entries(extra.filter(|_| results == 0).into_iter().flatten());
        Ok(())
    }

    fn write_result(
        &self,
        list: &mut ListWriter<'_>,
        result: &'a ToolResult,
        extra: [Option<&Map<String, Value>>; 2],
        place: Spot,
        lossy: &mut Lossy<'_>,
    ) -> Result<()> {
        if result.is_error {
            lossy.leave_out(format_args!("{place}.is_error"), "the result's own words must say it");
        }
        let mut held = Held::default();
        for (at, part) in result.content.iter().enumerate() {
            let place = Spot { inner: Some(at), ..place };
            lossy.notes(place, part.notes(), false)?;
            hold(&mut held, part, place, lossy)?;
        }
        let id = result.tool_call_id.as_str();
        let name = result.name.as_deref().or_else(|| self.tool_name(id));
        let mut entry = list.object();
        entry.field("role", "tool");
        write_held(&mut entry, &held);
        entry.optional("tool_name", name);
        entry.optional("tool_call_id", Some(id).filter(|id| !id::is_made_up(id)));
        extra.into_iter().flatten().for_each(|fields| entry.entries(fields));
        Ok(())
    }

    /// The name of the tool that an earlier call asked for. A result whose request named nothing is left as it came.
    fn tool_name(&self, id: &str) -> Option<&'a str> {
        self.called.name(id).filter(|_| !id::is_of_a_request(id))
    }
}

/// Puts a part where a message has room for it.
fn hold<'a>(held: &mut Held<'a>, part: &'a Part, place: Spot, lossy: &mut Lossy<'_>) -> Result<()> {
    match part {
        // A refusal is said too: the model shall know that it declined.
        Part::Text { text, .. } | Part::Refusal { text, .. } => held.texts.push(text),
        Part::Reasoning(reasoning) if reasoning.text.is_empty() => lossy.thought(reasoning),
        // A signature of another vendor is of no use here, and the text is.
        Part::Reasoning(reasoning) => held.thoughts.push(&reasoning.text),
        Part::Image(media) => held.images.extend(image(media, place, lossy)?),
        Part::Vendor(state) if state.vendor == NAME && state.data["image"].is_string() => {
            held.images.extend(state.data["image"].as_str().map(str::to_owned));
        }
        part => lossy.part(place, part)?,
    }
    Ok(())
}

fn write_held(entry: &mut ObjectWriter<'_>, held: &Held<'_>) {
    write_texts(entry, "content", &held.texts);
    if !held.thoughts.is_empty() {
        write_texts(entry, "thinking", &held.thoughts);
    }
    entry.optional("images", Some(&held.images).filter(|images| !images.is_empty()));
}

fn write_texts(entry: &mut ObjectWriter<'_>, key: &str, texts: &[&str]) {
    match texts {
        [text] => entry.field(key, *text),
        // Its messages hold one text each.
        texts => entry.field(key, &Joined(texts.iter().copied())),
    }
}

/// Writes a call, with the fields that only this protocol has.
///
/// # Errors
/// `InvalidRequest` where the arguments are no JSON object: the server takes nothing else.
pub(crate) fn write_call(
    entry: &mut ObjectWriter<'_>,
    call: &ToolCall,
    fields: Option<&Map<String, Value>>,
) -> Result<()> {
    entry.optional("id", Some(&call.id).filter(|id| !id::is_made_up(id)));
    let arguments = object_text(&call.arguments).ok_or_else(|| {
        let message = format!("the arguments of the tool call `{}` are no JSON object", call.id);
        Error::new(ErrorKind::InvalidRequest, message)
    })?;
    {
        let mut function = entry.object("function");
        function.field("name", &call.name);
        function.raw("arguments", arguments);
        let inner = fields.and_then(|fields| fields.get("function")).and_then(Value::as_object);
        function.entries(inner.into_iter().flatten());
    }
    entry.entries(fields.into_iter().flatten().filter(|(key, _)| *key != "function"));
    Ok(())
}

/// The text, if it is a JSON object; nothing, and `null`, are an empty one.
fn object_text(arguments: &str) -> Option<&str> {
    match arguments.trim() {
        "" | "null" => Some("{}"),
        text if text.starts_with('{') => serde_json::from_str::<&RawValue>(text).ok().map(|_| text),
        _ => None,
    }
}

fn image(media: &Media, place: Spot, lossy: &mut Lossy<'_>) -> Result<Option<String>> {
    lossy.field(format_args!("{place}.detail"), media.detail.is_some())?;
    lossy.hint(format_args!("{place}.name"), media.name.is_some());
    match &media.source {
        MediaSource::Data(data) => Ok(Some(to_base64(data))),
        _ => lossy
            .because(place, "ollama takes images by their data alone: download it and send its data")
            .map(|()| None),
    }
}

/// The server's word for a role.
fn role_word(role: &Role) -> &str {
    match role {
        // It tells no developer from the system.
        Role::Developer => "system",
        role => role.as_str(),
    }
}
