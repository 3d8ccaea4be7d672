//! Messages as the items of a request.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Losses, Message, Notes, Part, Result, Role, ToolCall, ToolResult};
use ultraai_protocol_common::leave_out_thought;

pub(crate) use crate::input::is_instructions;
use crate::{NAME, citation, item, media};

/// An item as it is sent.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Message {
        role: &'a str,
        content: Content<'a>,
        extra: Option<&'a Map<String, Value>>,
        marked: Option<&'a Map<String, Value>>,
    },
    Call {
        call: &'a ToolCall,
        fields: [Option<&'a Map<String, Value>>; 2],
    },
    Result {
        id: &'a str,
        output: Content<'a>,
        extra: Option<&'a Map<String, Value>>,
    },
    Reasoning {
        text: &'a str,
        fields: &'a Map<String, Value>,
    },
    Whole(&'a Value),
}

/// What a message or a result says.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Text(&'a str),
    Pieces(Vec<Piece<'a>>),
}

/// A piece of it.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Text { kind: &'static str, text: &'a str, more: Option<Map<String, Value>> },
    Built(Map<String, Value>),
    Whole(&'a Value),
}

/// The instructions and the items of a request to a vendor who `keeps_nothing` of what it answered, or keeps it.
///
/// # Errors
/// What [`Losses::lose`] refuses.
pub(crate) fn items<'a>(
    request: &'a ChatRequest,
    vendor: &str,
    keeps_nothing: bool,
    losses: &mut Losses,
) -> Result<(Option<&'a str>, Vec<Item<'a>>)> {
    let mut writer = Writer {
        items: Vec::with_capacity(request.messages.len()),
        vendor,
        keeps_nothing,
        losses,
        foreign: request.origin.is_some_and(|origin| origin != NAME),
    };
    let (mut instructions, mut messages) = (None, request.messages.iter().enumerate());
    if let Some(first) = request.messages.first().filter(|first| !first.inline && is_instructions(first)) {
        instructions = first.content.first().and_then(Part::as_text);
        messages.next();
    }
    for (index, message) in messages {
        writer.message(index, message)?;
    }
    Ok((instructions, writer.items))
}

struct Writer<'a, 'l> {
    items: Vec<Item<'a>>,
    vendor: &'l str,
    keeps_nothing: bool,
    losses: &'l mut Losses,
    foreign: bool,
}

/// The pieces of one item of the type `message`, before they are one.
#[derive(Default)]
struct Run<'a> {
    pieces: Vec<Piece<'a>>,
    marked: Option<&'a Map<String, Value>>,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, index: usize, message: &'a Message) -> Result<()> {
        if message.name.is_some() {
            self.losses
                .lose(&format!("`messages[{index}].name`"), "openai-responses has no names of speakers")?;
        }
        if self.foreign {
            for key in message.extra.keys() {
                let field = format!("`messages[{index}].{key}`");
                self.losses.lose(&field, "it is a field of another protocol")?;
            }
        }
        let extra = Some(&message.extra).filter(|extra| !self.foreign && !extra.is_empty());
        let mut run = Run::default();
        let flush = |run: &mut Run<'a>, items: &mut Vec<Item<'a>>| {
            let Run { mut pieces, marked } = std::mem::take(run);
            if pieces.is_empty() && marked.is_none() {
                return;
            }
            if pieces.is_empty() {
                // An answer that said nothing said it so.
                pieces.push(Piece::Text { kind: "output_text", text: "", more: None });
            }
            let content = content(pieces, marked.is_none());
            items.push(Item::Message { role: message.role.as_str(), content, extra, marked });
        };
        for (at, part) in message.content.iter().enumerate() {
            let place = || format!("`messages[{index}].content[{at}]`");
            if message.role == Role::Tool && !matches!(part, Part::ToolResult(_) | Part::Vendor(_)) {
                self.losses.lose(&place(), "a message of the role `tool` holds results alone")?;
                continue;
            }
            if let Some(piece) = self.piece(&message.role, part, &place)? {
                run.pieces.push(piece);
                continue;
            }
            let item = match part {
                Part::Reasoning(reasoning) => {
                    let Some(fields) = item::own(reasoning.state.as_ref(), self.vendor) else {
                        leave_out_thought(self.losses, NAME, reasoning);
                        continue;
                    };
                    if self.keeps_nothing && item::is_elsewhere(fields) {
                        self.losses.leave_out(
                            "reasoning of earlier answers",
                            "it comes without `encrypted_content`, and nothing is stored: put \
                             `reasoning.encrypted_content` into `include`",
                        );
                        continue;
                    }
                    if let Some(marked) = item::marked(reasoning.state.as_ref(), self.vendor) {
                        flush(&mut run, &mut self.items);
                        run.marked = Some(marked);
                        continue;
                    }
                    Item::Reasoning { text: &reasoning.text, fields }
                }
                Part::ToolCall(call) => {
                    let state = item::own(call.state.as_ref(), self.vendor);
                    let extra = self.extra(call.notes.as_deref(), &place)?;
                    Item::Call { call, fields: [state, extra] }
                }
                Part::ToolResult(result) => self.result(result, &place)?,
                Part::Vendor(state) if state.vendor == NAME => Item::Whole(&state.data),
                // What cannot be sent is told already.
                _ => continue,
            };
            flush(&mut run, &mut self.items);
            self.items.push(item);
        }
        if message.content.is_empty() {
            let content = Content::Pieces(Vec::new());
            self.items.push(Item::Message { role: message.role.as_str(), content, extra, marked: None });
        }
        flush(&mut run, &mut self.items);
        Ok(())
    }

    /// The piece of content that `part` is, in a message of `role`; `None` for what is an item, and for what is lost.
    fn piece(
        &mut self,
        role: &Role,
        part: &'a Part,
        place: &dyn Fn() -> String,
    ) -> Result<Option<Piece<'a>>> {
        let said = *role == Role::Assistant;
        Ok(match part {
            Part::Text { text, notes } => {
                let kind = if said { "output_text" } else { "input_text" };
                let more = notes.as_deref().map(|notes| self.more(notes, said, place)).transpose()?;
                Some(Piece::Text { kind, text, more: more.filter(|more| !more.is_empty()) })
            }
            Part::Refusal { text, notes } if said => {
                let more = notes.as_deref().map(|notes| self.more(notes, said, place)).transpose()?;
                Some(Piece::Text { kind: "refusal", text, more: more.filter(|more| !more.is_empty()) })
            }
            Part::Image(_) | Part::Audio(_) | Part::Document(_) if !said => {
                let Some(mut fields) = media::write(part, &place(), self.losses)? else { return Ok(None) };
                if let Some(notes) = part.notes() {
                    fields.extend(self.more(notes, said, place)?);
                }
                Some(Piece::Built(fields))
            }
            Part::Vendor(state) if state.vendor == NAME => {
                item::is_content(item::kind_of(&state.data)).then_some(Piece::Whole(&state.data))
            }
            Part::Vendor(_) => {
                self.losses.lose(&place(), "it is in another protocol's words")?;
                None
            }
            Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => None,
            part => {
                let why = format!(
                    "openai-responses takes no part of the kind `{}` in a message of the role `{}`",
                    part.kind(),
                    role.as_str()
                );
                self.losses.lose(&place(), &why)?;
                None
            }
        })
    }

    /// The fields that a part's notes are.
    fn more(
        &mut self,
        notes: &'a Notes,
        said: bool,
        place: &dyn Fn() -> String,
    ) -> Result<Map<String, Value>> {
        let mut fields = self.extra(Some(notes), place)?.cloned().unwrap_or_default();
        match &notes.cache {
            Some(_) if said => self.losses.leave_out(
                &format!("the mark for the cache at {}", place()),
                "openai-responses takes none on what the model said",
            ),
            Some(cache) => media::write_cache(cache, &place(), &mut fields, self.losses)?,
            None => {}
        }
        let mut annotations = Vec::with_capacity(notes.citations.len());
        for citation in &notes.citations {
            match citation::write(citation).filter(|_| said) {
                Some(annotation) => annotations.push(annotation),
                None => self.losses.lose(
                    &format!("a citation at {}", place()),
                    "openai-responses has words for addresses alone, in what the model said",
                )?,
            }
        }
        if !annotations.is_empty() {
            fields.insert("annotations".to_owned(), Value::Array(annotations));
        }
        Ok(fields)
    }

    fn extra(
        &mut self,
        notes: Option<&'a Notes>,
        place: &dyn Fn() -> String,
    ) -> Result<Option<&'a Map<String, Value>>> {
        let Some(extra) = notes.and_then(|notes| notes.extra.as_ref()) else { return Ok(None) };
        if extra.vendor != NAME {
            self.losses
                .lose(&format!("what stands beside {}", place()), "it is in another protocol's words")?;
            return Ok(None);
        }
        Ok(extra.data.as_object())
    }

    fn result(&mut self, result: &'a ToolResult, place: &dyn Fn() -> String) -> Result<Item<'a>> {
        if result.is_error {
            let why = "openai-responses has no field for it: the result's own words must say it";
            self.losses.leave_out(&format!("`is_error` of {}", place()), why);
        }
        if result.notes.as_ref().is_some_and(|notes| notes.cache.is_some()) {
            let why = "openai-responses takes none on a result as a whole";
            self.losses.leave_out(&format!("the mark for the cache at {}", place()), why);
        }
        let mut pieces = Vec::with_capacity(result.content.len());
        for (at, part) in result.content.iter().enumerate() {
            let inner = || format!("{}.content[{at}]`", place().trim_end_matches('`'));
            match self.piece(&Role::Tool, part, &inner)? {
                Some(piece) => pieces.push(piece),
                None if matches!(part, Part::Reasoning(_)) => {}
                None if matches!(part, Part::ToolCall(_) | Part::ToolResult(_)) => {
                    self.losses.lose(&inner(), "a result holds texts, images and files alone")?;
                }
                None => {}
            }
        }
        let extra = self.extra(result.notes.as_deref(), place)?;
        Ok(Item::Result { id: &result.tool_call_id, output: content(pieces, true), extra })
    }
}

/// One plain text of the caller stands alone where it may; llama.cpp takes what the model said as a list only.
fn content(pieces: Vec<Piece<'_>>, alone: bool) -> Content<'_> {
    match &pieces[..] {
        [Piece::Text { kind: "input_text", text, more: None }] if alone => Content::Text(text),
        _ => Content::Pieces(pieces),
    }
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Whole(Value::Object(fields)) => {
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
            }
            Self::Whole(_) => {}
            Self::Message { role, content, extra, marked } => {
                map.serialize_entry("type", "message")?;
                map.serialize_entry("role", role)?;
                map.serialize_entry("content", content)?;
                more(&mut map, *extra, &["type", "role", "content"])?;
                more(&mut map, *marked, &["type", "role", "content"])?;
                // The schema of a message with an id has one.
                if marked.is_some_and(|marked| marked.contains_key("id") && !marked.contains_key("status")) {
                    map.serialize_entry("status", "completed")?;
                }
            }
            Self::Call { call, fields } => {
                map.serialize_entry("type", "function_call")?;
                map.serialize_entry("call_id", &call.id)?;
                map.serialize_entry("name", &call.name)?;
                map.serialize_entry("arguments", arguments(&call.arguments))?;
                for fields in fields {
                    more(&mut map, *fields, &["type", "call_id", "name", "arguments"])?;
                }
            }
            Self::Result { id, output, extra } => {
                map.serialize_entry("type", "function_call_output")?;
                map.serialize_entry("call_id", id)?;
                map.serialize_entry("output", output)?;
                more(&mut map, *extra, &["type", "call_id", "output"])?;
            }
            Self::Reasoning { text, fields } => {
                map.serialize_entry("type", "reasoning")?;
                if !fields.contains_key("summary") {
                    map.serialize_entry("summary", &item::usual_summary(text))?;
                }
                more(&mut map, Some(*fields), &["type"])?;
            }
        }
        map.end()
    }
}

/// A call without arguments says so.
pub(crate) fn arguments(arguments: &str) -> &str {
    if arguments.is_empty() { "{}" } else { arguments }
}

/// Writes fields behind those that stand there.
fn more<M: SerializeMap>(
    map: &mut M,
    fields: Option<&Map<String, Value>>,
    known: &[&str],
) -> std::result::Result<(), M::Error> {
    for (key, value) in fields.into_iter().flatten() {
        if !known.contains(&key.as_str()) {
            map.serialize_entry(key, value)?;
        }
    }
    Ok(())
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Pieces(pieces) => pieces.serialize(serializer),
        }
    }
}

impl Serialize for Piece<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let (kind, text, fields) = match self {
            Self::Built(fields) => return fields.serialize(serializer),
            Self::Whole(value) => return value.serialize(serializer),
            Self::Text { kind, text, more } => (*kind, *text, more),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", kind)?;
        map.serialize_entry(if kind == "refusal" { "refusal" } else { "text" }, text)?;
        // The schema of what the model said has it always.
        if kind == "output_text" && fields.as_ref().is_none_or(|fields| !fields.contains_key("annotations")) {
            map.serialize_entry("annotations", &[(); 0])?;
        }
        more(&mut map, fields.as_ref(), &["type"])?;
        map.end()
    }
}
