//! Reads a whole answer: the object `response`, alone or at the end of a stream.

use serde_json::{Map, Value, value::RawValue};
use ultraai_core::{ChatResponse, Error, ErrorKind, FinishReason, Part, Result, TokenLogprob};
use ultraai_protocol_common::{
    Fields, Place, Text, at_the_top, in_band, is_fault, object, parse, with_usage,
};

use crate::{content, item, usage::UsageBody};

object! {
    /// The object `response`.
    #[derive(Debug, Default)]
    pub(crate) struct Answer<'a> {
        pub(crate) id: Text<'a> = "id",
        pub(crate) model: Text<'a> = "model",
        pub(crate) status: Text<'a> = "status",
        pub(crate) service_tier: Text<'a> = "service_tier",
        pub(crate) output: Option<&'a RawValue> = "output",
        pub(crate) usage: UsageBody<'a> = "usage",
        pub(crate) error: Option<Value> = "error",
        pub(crate) incomplete: Incomplete<'a> = "incomplete_details",
    }
    // What the request said, and what an SDK adds.
    known: "object", "created_at", "completed_at", "instructions", "tools", "tool_choice", "text", "reasoning", "metadata", "user",
        "temperature", "top_p", "top_logprobs", "max_output_tokens", "max_tool_calls", "parallel_tool_calls",
        "previous_response_id", "prompt", "store", "background", "truncation", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "frequency_penalty", "presence_penalty", "output_text";
    others: raw: Map<String, Value>;
}

object! {
    /// Why an answer is not complete.
    #[derive(Debug, Default)]
    pub(crate) struct Incomplete<'a> {
        reason: Text<'a> = "reason",
    }
    known:;
    others: others: ultraai_protocol_common::Unknown;
}

impl Answer<'_> {
    /// The error that the answer is, if it is one.
    pub(crate) fn fault(&mut self) -> Option<Error> {
        let error = match self.error.take().filter(is_fault) {
            Some(error) => in_band(&error),
            None => match self.status.as_str() {
                "failed" => Error::new(ErrorKind::ServerError, "the provider failed, and does not say why"),
                "cancelled" => Error::new(ErrorKind::Interrupted, "the answer was cancelled"),
                _ => return None,
            },
        };
        let model = Some(self.model.as_str().to_owned()).filter(|model| !model.is_empty());
        Some(with_usage(error, self.usage.read(), model))
    }

    /// The fields that nobody knows, also those of the usage.
    pub(crate) fn rest(&mut self) -> Map<String, Value> {
        let mut rest = std::mem::take(&mut self.raw);
        let usage = self.usage.rest();
        if !usage.is_empty() {
            rest.insert("usage".to_owned(), Value::Object(usage));
        }
        rest
    }

    /// Why it ended, where the model waits for tools or not.
    pub(crate) fn finish_reason(&self, waiting: bool) -> FinishReason {
        match (self.status.as_str(), self.incomplete.reason.as_str()) {
            ("incomplete", "max_output_tokens" | "max_tokens") => FinishReason::Length,
            ("incomplete", "content_filter") => FinishReason::ContentFilter,
            ("incomplete", "") => FinishReason::Other("incomplete".to_owned()),
            ("incomplete", reason) => FinishReason::Other(reason.to_owned()),
            ("completed" | "", _) if waiting => FinishReason::ToolCalls,
            ("completed", _) => FinishReason::Stop,
            ("", _) => FinishReason::Other("unknown".to_owned()),
            (status, _) => FinishReason::Other(status.to_owned()),
        }
    }
}

/// Reads a whole answer; ids and encrypted reasoning are the state of `vendor`.
///
/// # Errors
/// What the vendor says went wrong, with the usage where that stands beside it, or `Undecodable`.
pub(crate) fn decode(body: &[u8], vendor: &'static str) -> Result<ChatResponse> {
    let mut answer: Answer<'_> = parse(body, "the answer")?;
    if let Some(error) = answer.fault() {
        return Err(error);
    }
    if answer.output.is_none() && answer.status.as_str().is_empty() {
        let value: Value = parse(body, "the answer")?;
        let none = || Error::new(ErrorKind::Undecodable, "the answer has neither `output` nor `status`");
        return Err(at_the_top(&value).unwrap_or_else(none));
    }
    let mut items = Items::new(vendor);
    let output = answer.output.map_or("[]", RawValue::get);
    let entries: Vec<Value> = parse(output.as_bytes(), "the `output` of the answer")?;
    for (index, value) in entries.into_iter().enumerate() {
        items.push(value, &Place::top().field("output").entry(index))?;
    }
    let mut response = ChatResponse::default();
    response.finish_reason = answer.finish_reason(items.waiting);
    response.usage = answer.usage.read();
    response.content = items.content;
    response.logprobs = items.logprobs;
    response.raw = answer.rest().into();
    response.model = answer.model.filled();
    response.request_id = answer.id.filled();
    response.service_tier = answer.service_tier.filled();
    Ok(response)
}

/// Which item comes before the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Before {
    /// None, or one that does not matter.
    #[default]
    Other,
    /// Reasoning, which the vendor wants back with the very message that followed it, or a message.
    Matters,
}

/// What is known of a message besides what it says, where something hangs on it.
pub(crate) fn mark(before: Before, fields: &Map<String, Value>, vendor: &str) -> Option<Part> {
    if before == Before::Other && !fields.contains_key("phase") {
        return None;
    }
    let mut fields = fields.clone();
    // Whether it is complete stands at the answer's end.
    fields.remove("status");
    item::mark(&fields, vendor).map(Part::Reasoning)
}

/// Gathers the items of an answer.
#[derive(Debug)]
pub(crate) struct Items {
    /// The parts so far.
    pub(crate) content: Vec<Part>,
    /// The tokens so far.
    pub(crate) logprobs: Vec<TokenLogprob>,
    /// Whether the model waits for tools.
    pub(crate) waiting: bool,
    pub(crate) before: Before,
    vendor: &'static str,
}

impl Items {
    pub(crate) fn new(vendor: &'static str) -> Self {
        Self { content: Vec::new(), logprobs: Vec::new(), waiting: false, before: Before::Other, vendor }
    }

    /// Takes the next item, which stands at `place`.
    ///
    /// # Errors
    /// `Undecodable`, which names the place.
    pub(crate) fn push(&mut self, value: Value, place: &Place) -> Result<()> {
        self.read(value, place).map_err(undecodable)
    }

    fn read(&mut self, value: Value, place: &Place) -> Result<()> {
        let kind = item::kind_of(&value).to_owned();
        self.waiting |= item::is_waiting(&kind);
        let before = std::mem::take(&mut self.before);
        match kind.as_str() {
            "message" => {
                self.before = Before::Matters;
                self.message(value, Some(before), place)?;
            }
            "reasoning" => {
                self.before = Before::Matters;
                let fields = Fields::of(value, place.clone())?.rest();
                let reasoning = item::reasoning(fields, self.vendor);
                if !reasoning.text.is_empty() || reasoning.state.is_some() {
                    self.content.push(Part::Reasoning(reasoning));
                }
            }
            "function_call" => self.content.push(Part::ToolCall(call(value, place, self.vendor)?)),
            _ => self.content.push(item::vendor_part(value)),
        }
        Ok(())
    }

    /// Takes a message, of which what is known besides was told already.
    ///
    /// # Errors
    /// `Undecodable`, which names the place.
    pub(crate) fn said(&mut self, value: Value, place: &Place) -> Result<()> {
        self.message(value, None, place).map_err(undecodable)
    }

    fn message(&mut self, whole: Value, before: Option<Before>, place: &Place) -> Result<()> {
        let mut fields = Fields::of(whole.clone(), place.clone())?;
        let mut pieces = Vec::new();
        for (place, value) in fields.list("content")?.unwrap_or_default() {
            match content::read(value, true, &place)? {
                Some(piece) => pieces.push(piece),
                None => {
                    self.content.push(item::vendor_part(whole));
                    return Ok(());
                }
            }
        }
        self.content.extend(before.and_then(|before| mark(before, &fields.rest(), self.vendor)));
        for piece in pieces {
            self.logprobs.extend(piece.logprobs);
            let empty = matches!(&piece.part, Part::Text { text, .. } | Part::Refusal { text, .. } if text.is_empty());
            // A stream says nothing of it either.
            if !empty {
                self.content.push(piece.part);
            }
        }
        Ok(())
    }
}

/// The call that an item is. Whether it is complete stands at the answer's end.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub(crate) fn call(value: Value, place: &Place, vendor: &str) -> Result<ultraai_core::ToolCall> {
    let mut fields = Fields::of(value, place.clone())?;
    let (id, name) = (fields.text("call_id")?, fields.needed_text("name")?);
    let id = match id {
        Some(id) => id,
        // Some servers have the item's own id alone.
        None => fields.look("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    let arguments = match fields.any("arguments") {
        None => String::new(),
        Some(Value::String(text)) => text,
        // Some servers write the object itself.
        Some(value) => value.to_string(),
    };
    fields.any("status");
    Ok(item::call(id, name, arguments, fields.rest(), vendor))
}

/// The error of an answer, in which nobody but the vendor is wrong.
pub(crate) fn undecodable(error: Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidRequest => {
            let message = format!("the answer has not the form of this protocol: {}", error.message());
            Error::new(ErrorKind::Undecodable, message)
        }
        _ => error,
    }
}
