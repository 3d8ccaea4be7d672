//! Messages.

use serde_json::{Map, Value, json};
use ultraai_core::{Message, Part, Result, Role, ToolCall, ToolResult, VendorState};
use ultraai_protocol_common::{Joined, ListWriter, ObjectWriter, collision};

use super::Encoder;
use crate::{Dialect, NAME, ReasoningText, audio, cite, state};

/// The vendor's word for a role.
fn role_word<'a>(dialect: &Dialect, role: &'a Role) -> &'a str {
    match role {
        Role::Developer if !dialect.developer_role => "system",
        role => role.as_str(),
    }
}

/// Whether this is a call in the protocol's own words, such as one of a custom tool.
fn is_call(state: &VendorState) -> bool {
    state.vendor == NAME
        && (state.data.get("custom").is_some()
            || state.data.get("function").is_some()
            || state.data.get("type").and_then(Value::as_str) == Some("custom"))
}

/// What stands in `content`.
fn is_said(part: &Part) -> bool {
    !matches!(part, Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_))
        && !matches!(part, Part::Vendor(state) if is_call(state))
        && audio::of(part).is_none()
}

fn is_plain(part: &Part) -> bool {
    part.notes().is_none_or(|notes| notes.cache.is_none() && notes.extra.is_none())
}

impl Encoder<'_> {
    pub(super) fn message(
        &mut self,
        list: &mut ListWriter<'_>,
        index: usize,
        message: &Message,
    ) -> Result<()> {
        let role = role_word(self.dialect, &message.role);
        // Most messages are this one.
        if let ([Part::Text { text, notes: None }], None, true) =
            (message.content.as_slice(), &message.name, message.extra.is_empty())
            && message.role != Role::Tool
        {
            let mut object = list.object();
            object.field("role", role);
            object.field("content", text);
            return Ok(());
        }
        let mut others = false;
        for (at, part) in message.content.iter().enumerate() {
            match part {
                Part::ToolResult(result) => self.result(list, (index, at), message, result)?,
                part if message.role == Role::Tool => {
                    self.lossy.part(format_args!("messages[{index}].content[{at}]"), part)?;
                }
                _ => others = true,
            }
        }
        match others || (message.content.is_empty() && message.role != Role::Tool) {
            true => self.said(list, index, message, role),
            false => Ok(()),
        }
    }

    /// A message of the role `tool`.
    fn result(
        &mut self,
        list: &mut ListWriter<'_>,
        (index, at): (usize, usize),
        message: &Message,
        result: &ToolResult,
    ) -> Result<()> {
        let place = format!("messages[{index}].content[{at}]");
        if !self.takes("tools", true)? {
            return Ok(());
        }
        if result.is_error {
            // OpenAI's own clients send the words of the failure and nothing else.
            self.lossy.leave_out(format_args!("{place}.is_error"), "the result's own words must say it");
        }
        let mut object = list.object();
        object.field("role", "tool");
        object.field("tool_call_id", &result.tool_call_id);
        let name = result.name.as_ref().or(message.name.as_ref().filter(|_| message.role == Role::Tool));
        // The call's id says it too.
        object.optional("name", name.filter(|_| self.dialect.has("name")));
        match result.content.as_slice() {
            [] => object.field("content", ""),
            [part @ Part::Text { text, .. }] if is_plain(part) => object.field("content", text),
            parts => {
                let mut list = object.list("content");
                for part in parts {
                    match part {
                        Part::Image(_) if !self.dialect.tool_images => {
                            self.lossy.part(&place, part)?;
                        }
                        part => self.part(&mut list, (index, at), part, false)?,
                    }
                }
            }
        }
        let extra = self.notes(&mut object, (index, at), result.notes.as_deref(), false)?;
        object.entries(extra.into_iter().flatten());
        if message.role == Role::Tool
            && let Some(extra) =
                self.lossy.extra(format_args!("messages[{index}]"), &message.extra, self.origin)?
        {
            object.entries(extra);
        }
        Ok(())
    }

    fn said(&mut self, list: &mut ListWriter<'_>, index: usize, message: &Message, role: &str) -> Result<()> {
        let is_assistant = message.role == Role::Assistant;
        let thinks_in_parts =
            self.dialect.reasoning_text == ReasoningText::Parts && message.content.iter().any(has_reasoning);
        let mut object = list.object();
        object.field("role", role);
        let said = || message.content.iter().enumerate().filter(|(_, part)| is_said(part));
        // A refusal beside nothing else has a field of its own.
        let mut refusals = said().filter(|(_, part)| matches!(part, Part::Refusal { .. }) && is_plain(part));
        let refusal = match (refusals.next(), refusals.next()) {
            (Some((at, Part::Refusal { text, .. })), None) if is_assistant => Some((at, text)),
            _ => None,
        };
        let in_content = || {
            said().filter(|(at, part)| {
                !matches!(part, Part::ToolResult(_)) && refusal.is_none_or(|(refused, _)| refused != *at)
            })
        };
        let mut first = in_content();
        match (first.next(), first.next()) {
            (None, _) if !thinks_in_parts => match is_assistant && !message.content.is_empty() {
                true => object.field("content", &()),
                false => object.field("content", ""),
            },
            (Some((_, part @ Part::Text { text, .. })), None) if is_plain(part) && !thinks_in_parts => {
                object.field("content", text);
            }
            _ => {
                let mut list = object.list("content");
                if thinks_in_parts {
                    thinking(&mut list, &message.content);
                }
                for (at, part) in in_content() {
                    self.part(&mut list, (index, at), part, is_assistant)?;
                }
            }
        }
        if let Some((_, text)) = refusal {
            object.field("refusal", text);
        }
        match &message.name {
            Some(name) if self.dialect.has("name") => object.field("name", name),
            Some(_) => {
                let why = format!("{} does not take it", self.dialect.name);
                self.lossy.because(format_args!("messages[{index}].name"), &why)?;
            }
            None => {}
        }
        match is_assistant {
            true => self.assistant(&mut object, index, message)?,
            false => self.strangers(index, message)?,
        }
        if let Some(extra) =
            self.lossy.extra(format_args!("messages[{index}]"), &message.extra, self.origin)?
        {
            let sent =
                |key: &str| matches!(key, "role" | "content") || (key == "name" && message.name.is_some());
            collision("a message's `extra`", extra.keys(), sent)?;
            object.entries(extra);
        }
        Ok(())
    }

    /// What only the model says cannot be said by others.
    fn strangers(&mut self, index: usize, message: &Message) -> Result<()> {
        for (at, part) in message.content.iter().enumerate() {
            if matches!(part, Part::ToolCall(_) | Part::Reasoning(_))
                || matches!(part, Part::Vendor(state) if is_call(state))
                || audio::of(part).is_some()
            {
                self.lossy.part(format_args!("messages[{index}].content[{at}]"), part)?;
            }
        }
        Ok(())
    }

    /// What the model's messages have besides: reasoning, annotations, calls.
    fn assistant(&mut self, object: &mut ObjectWriter<'_>, index: usize, message: &Message) -> Result<()> {
        let content = &message.content;
        self.thoughts(content);
        if let ReasoningText::Field(field) = self.dialect.reasoning_text
            && content.iter().any(has_reasoning)
        {
            object.field(field, &Joined(texts_of_reasoning(content)));
        }
        if self.dialect.reasoning_details {
            let states = content.iter().filter_map(|part| match part {
                Part::Reasoning(reasoning) => {
                    reasoning.state.as_ref().filter(|state| self.dialect.is_own(state))
                }
                _ => None,
            });
            let details: Vec<Value> = states.flat_map(state::to_details).collect();
            object.optional("reasoning_details", Some(details).filter(|details| !details.is_empty()));
        }
        self.annotations(object, index, content)?;
        if !message.extra.contains_key("audio") {
            object.optional("audio", audio::named(content));
        }
        let is_tool = |part: &Part| {
            matches!(part, Part::ToolCall(_)) || matches!(part, Part::Vendor(it) if is_call(it))
        };
        if content.iter().any(is_tool) && self.takes("tools", true)? {
            let mut list = object.list("tool_calls");
            for (at, part) in content.iter().enumerate() {
                match part {
                    Part::ToolCall(call) => self.call(&mut list, (index, at), call)?,
                    Part::Vendor(state) if is_call(state) => list.item(&state.data),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Notes the reasoning that this vendor is not told again.
    fn thoughts(&mut self, content: &[Part]) {
        let dialect = self.dialect;
        for part in content {
            let Part::Reasoning(reasoning) = part else { continue };
            let is_said = !reasoning.text.is_empty() && dialect.reasoning_text != ReasoningText::Nowhere;
            let is_own = reasoning.state.as_ref().is_some_and(|state| dialect.is_own(state));
            if !(is_said || is_own && dialect.reasoning_details) {
                self.lossy.thought(reasoning);
            }
        }
    }

    fn annotations(&mut self, object: &mut ObjectWriter<'_>, index: usize, content: &[Part]) -> Result<()> {
        let (mut written, mut before) = (Vec::new(), 0);
        for (at, part) in content.iter().enumerate() {
            for citation in part.notes().into_iter().flat_map(|notes| &notes.citations) {
                match cite::write(citation, before) {
                    Some(annotation) => written.push(annotation),
                    None => self.lossy.because(
                        format_args!("messages[{index}].content[{at}].citations"),
                        "a source without an address has no place here",
                    )?,
                }
            }
            before += part.as_text().map_or(0, |text| text.chars().count() as u64);
        }
        object.optional("annotations", Some(written).filter(|written| !written.is_empty()));
        Ok(())
    }

    fn call(&mut self, list: &mut ListWriter<'_>, place: (usize, usize), call: &ToolCall) -> Result<()> {
        let mut object = list.object();
        object.field("id", &call.id);
        object.field("type", "function");
        let empty = call.arguments.is_empty() && self.origin != Some(NAME);
        let arguments = if empty { "{}" } else { &call.arguments };
        let extra = self.notes(&mut object, place, call.notes.as_deref(), false)?;
        let mut function = object.object("function");
        function.field("name", &call.name);
        function.field("arguments", arguments);
        let inner = extra.and_then(|extra| extra.get("function")).and_then(Value::as_object);
        function.entries(inner.into_iter().flatten());
        drop(function);
        if let Some(state) = call.state.as_ref().filter(|state| self.dialect.is_own(state)) {
            object.field("extra_content", &state.data);
        }
        object.entries(without_function(extra));
        Ok(())
    }
}

fn without_function(extra: Option<&Map<String, Value>>) -> impl Iterator<Item = (&String, &Value)> {
    extra.into_iter().flatten().filter(|(key, _)| *key != "function")
}

fn has_reasoning(part: &Part) -> bool {
    matches!(part, Part::Reasoning(reasoning) if !reasoning.text.is_empty())
}

fn texts_of_reasoning(content: &[Part]) -> impl Iterator<Item = &str> + Clone {
    content.iter().filter_map(|part| match part {
        Part::Reasoning(reasoning) => Some(reasoning.text.as_str()),
        _ => None,
    })
}

/// Mistral's form of reasoning.
fn thinking(list: &mut ListWriter<'_>, content: &[Part]) {
    for text in texts_of_reasoning(content).filter(|text| !text.is_empty()) {
        list.item(&json!({ "type": "thinking", "thinking": [{ "type": "text", "text": text }] }));
    }
}
