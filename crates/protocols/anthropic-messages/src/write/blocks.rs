//! The blocks of content, part by part: of a request's turns and of an answer.

use std::fmt;

use serde_json::{Map, Value, value::RawValue};
use ultraai_core::{
    CacheMarker, Citation, Losses, Notes, Part, Reasoning, Result, ToolCall, ToolResult, VendorState,
};
use ultraai_protocol_common::leave_out_thought;

use super::FOREIGN;
use crate::{NAME, VENDOR, answer::SIGNATURE, json::Json, respond::write_citation};

/// Where a part stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    /// In the conversation; an answer has no messages.
    pub(crate) message: Option<usize>,
    pub(crate) part: usize,
    /// In the result of a tool.
    pub(crate) inner: Option<usize>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        if let Some(message) = self.message {
            write!(f, "messages[{message}].")?;
        }
        write!(f, "content[{}]", self.part)?;
        if let Some(inner) = self.inner {
            write!(f, ".content[{inner}]")?;
        }
        f.write_str("`")
    }
}

/// Whether a part is a text of nothing but white space, which the protocol refuses.
pub(crate) fn is_blank(part: &Part) -> bool {
    match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => text.trim().is_empty(),
        _ => false,
    }
}

/// Writes blocks behind each other.
pub(crate) struct Blocks<'w> {
    pub(crate) json: &'w mut Json,
    pub(crate) losses: &'w mut Losses,
    /// Vertex AI takes no addresses and no files.
    pub(crate) vertex: bool,
    /// Whether they are those of an answer, which is shown to whoever asked.
    answer: bool,
}

impl<'w> Blocks<'w> {
    pub(crate) fn of_request(json: &'w mut Json, losses: &'w mut Losses, vertex: bool) -> Self {
        Self { json, losses, vertex, answer: false }
    }

    pub(crate) fn of_answer(json: &'w mut Json, losses: &'w mut Losses) -> Self {
        Self { json, losses, vertex: false, answer: true }
    }

    /// Writes a part of the system prompt, with fields that stand beside it.
    pub(super) fn system_part(
        &mut self,
        part: &Part,
        extra: Option<&Map<String, Value>>,
        at: At,
    ) -> Result<()> {
        let before = self.json.place();
        self.part("system", part, false, at)?;
        if let Some(extra) = extra
            && !extra.is_empty()
            && self.json.place() != before
        {
            self.json.rewind(self.json.place() - 1);
            self.json.fields(extra);
            self.json.end(b'}');
        }
        Ok(())
    }

    /// Writes a part of what `role` says. `trimmed` is a text without white space at its end.
    pub(crate) fn part(&mut self, role: &str, part: &Part, trimmed: bool, at: At) -> Result<()> {
        match (part, role) {
            (part, _) if !self.answer && is_blank(part) => Ok(()),
            // There is no block for what the model declined with: these are its words all the same.
            (Part::Text { text, notes } | Part::Refusal { text, notes }, _) => {
                self.text(if trimmed { text.trim_end() } else { text }, notes.as_deref(), at)
            }
            (Part::Reasoning(reasoning), "assistant") => self.reasoning(reasoning, at),
            (Part::ToolCall(call), "assistant") => self.call(call, at),
            (Part::ToolResult(result), "user") => self.result(result, at),
            (Part::Image(media), "user") => self.image(media, at),
            (Part::Document(media), "user") => self.document(media, at),
            (Part::Vendor(state), _) => self.opaque(state, at),
            (part, _) => self.lose(part, at, &format!("a turn of the role `{role}` takes no such part")),
        }
    }

    pub(super) fn lose(&mut self, part: &Part, at: At, why: &str) -> Result<()> {
        self.losses.lose(&format!("a part of the kind `{}` in {at}", part.kind()), why)
    }

    fn text(&mut self, text: &str, notes: Option<&Notes>, at: At) -> Result<()> {
        self.json.begin(b'{');
        self.json.entry("type", "text");
        self.json.entry("text", text);
        if let Some(notes) = notes {
            self.citations(&notes.citations, at)?;
            self.notes(notes, at)?;
        }
        self.json.end(b'}');
        Ok(())
    }

    /// Citations hold state that the vendor checks, so only its own are sent.
    fn citations(&mut self, citations: &[Citation], at: At) -> Result<()> {
        if citations.is_empty() {
            return Ok(());
        }
        let start = self.json.place();
        self.json.key("citations");
        self.json.begin(b'[');
        let empty = self.json.place();
        for citation in citations {
            match citation.native.as_ref().filter(|native| native.vendor == NAME) {
                Some(native) => self.json.value(&native.data),
                None if self.answer && write_citation(self.json, citation) => {}
                None => self.losses.lose(&format!("a citation in {at}"), "it is not one of this vendor's")?,
            }
        }
        match self.json.place() == empty {
            true => self.json.rewind(start),
            false => self.json.end(b']'),
        }
        Ok(())
    }

    /// Writes what goes with a part, but its citations.
    pub(super) fn notes(&mut self, notes: &Notes, at: At) -> Result<()> {
        if let Some(marker) = &notes.cache {
            write_cache(self.json, marker);
        }
        self.beside(notes, at)
    }

    fn beside(&mut self, notes: &Notes, at: At) -> Result<()> {
        match &notes.extra {
            None => Ok(()),
            Some(VendorState { vendor, data: Value::Object(fields), .. }) if vendor == NAME => {
                self.json.fields(fields);
                Ok(())
            }
            Some(_) => self.losses.lose(&format!("what stands beside the part in {at}"), FOREIGN),
        }
    }

    /// Thinking is sent with its signature alone: what another vendor's model thought is left out. Whoever asked sees it.
    fn reasoning(&mut self, reasoning: &Reasoning, at: At) -> Result<()> {
        let signature =
            reasoning.state.as_ref().and_then(own).and_then(|state| state.get(SIGNATURE)?.as_str());
        // Of what another vendor keeps with it, there is nothing to tell.
        let told = self.answer && !reasoning.text.is_empty();
        let Some(signature) = signature.or(told.then_some("")) else {
            if !self.answer {
                leave_out_thought(self.losses, NAME, reasoning);
            }
            return Ok(());
        };
        self.json.begin(b'{');
        self.json.entry("type", "thinking");
        self.json.entry("thinking", &reasoning.text);
        self.json.entry(SIGNATURE, signature);
        if let Some(notes) = reasoning.notes.as_deref() {
            if notes.cache.is_some() {
                self.losses.leave_out(&format!("the cache marker in {at}"), "thinking takes none");
            }
            self.beside(notes, at)?;
        }
        self.json.end(b'}');
        Ok(())
    }

    pub(crate) fn call(&mut self, call: &ToolCall, at: At) -> Result<()> {
        self.json.begin(b'{');
        self.json.entry("type", "tool_use");
        self.json.entry("id", &*if self.answer { call.id.as_str().into() } else { identifier(&call.id) });
        self.json.entry("name", &call.name);
        self.json.key("input");
        match arguments(&call.arguments) {
            Some(object) => self.json.raw(object),
            None => {
                let what = format!("the arguments of the tool call in {at}");
                self.losses.lose(&what, "they are no JSON object")?;
                self.json.raw("{}");
            }
        }
        // Who called the tool; what another vendor wants back is none of this one's business.
        if let Some(Value::Object(fields)) = call.state.as_ref().and_then(own) {
            self.json.fields(fields);
        }
        if let Some(notes) = call.notes.as_deref() {
            self.notes(notes, at)?;
        }
        self.json.end(b'}');
        Ok(())
    }

    fn result(&mut self, result: &ToolResult, at: At) -> Result<()> {
        self.json.begin(b'{');
        self.json.entry("type", "tool_result");
        self.json.entry("tool_use_id", &*identifier(&result.tool_call_id));
        let start = self.json.place();
        match result.content.as_slice() {
            [] => {}
            [part @ Part::Text { text, notes: None }] if !is_blank(part) => self.json.entry("content", text),
            parts => {
                self.json.key("content");
                self.json.begin(b'[');
                let empty = self.json.place();
                for (inner, part) in parts.iter().enumerate() {
                    let at = At { inner: Some(inner), ..at };
                    match part {
                        Part::ToolResult(_) => self.lose(part, at, "a result holds no result")?,
                        part => self.part("user", part, false, at)?,
                    }
                }
                match self.json.place() == empty {
                    true => self.json.rewind(start),
                    false => self.json.end(b']'),
                }
            }
        }
        if result.is_error {
            self.json.entry("is_error", &true);
        }
        if let Some(notes) = result.notes.as_deref() {
            self.notes(notes, at)?;
        }
        self.json.end(b'}');
        Ok(())
    }

    /// Writes a block that only this vendor or this protocol has words for, as it came.
    fn opaque(&mut self, state: &VendorState, at: At) -> Result<()> {
        match &state.data {
            Value::Object(_) if state.vendor == NAME || state.vendor == VENDOR => {
                self.json.value(&state.data);
                Ok(())
            }
            _ => self.losses.lose(
                &format!("a part of the kind `vendor` in {at}"),
                "only another vendor or protocol can read it",
            ),
        }
    }
}

/// A mark of what is worth keeping in the cache.
pub(crate) fn write_cache(json: &mut Json, marker: &CacheMarker) {
    json.key("cache_control");
    json.begin(b'{');
    json.entry("type", "ephemeral");
    if let Some(ttl) = &marker.ttl {
        json.entry("ttl", ttl);
    }
    json.end(b'}');
}

pub(super) fn own(state: &VendorState) -> Option<&Value> {
    (state.vendor == VENDOR).then_some(&state.data)
}

/// The arguments, where they are a JSON object; no text at all means none.
pub(crate) fn arguments(text: &str) -> Option<&str> {
    let text = text.trim();
    match text.as_bytes().first() {
        None => Some("{}"),
        Some(b'{') => serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get),
        Some(_) => None,
    }
}

/// An id as the vendor takes it, which is of letters, digits, `_` and `-`: other vendors' ids hold more.
pub(crate) fn identifier(id: &str) -> std::borrow::Cow<'_, str> {
    let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    match id.chars().all(fits) {
        true => id.into(),
        false => id.replace(|char| !fits(char), "_").into(),
    }
}
