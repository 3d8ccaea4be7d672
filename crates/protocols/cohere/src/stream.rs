//! Reads a stream event by event.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::Value;
use ultraai_core::{ChatEvent, ChatRequest, ChatResponse, Delta, Details, FinishReason, Native, Result};
use ultraai_protocol_common::parse;

use crate::{
    NAME,
    answer::{finish_reason, logprobs},
    citation,
    decode::{broken, failed, keep, keep_word},
    event::{Event, Piece},
    fault::made_exact,
    plan_state, usage,
};

/// What the part before is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Text,
    Thinking,
    Plan,
    Call,
}

/// Reads one stream. The event `message-end` says that the answer is whole, and nothing else does. `Finished` waits for `[DONE]`
/// behind it, or for the end of the stream, so that a connection is not left before its end.
#[derive(Debug)]
pub struct Decoder {
    model: Option<String>,
    said: Said,
    /// The next piece of text or thinking begins a part.
    begins: bool,
    calls: u32,
    /// Why the answer ended, which is not told yet.
    ended: Option<FinishReason>,
    finished: bool,
}

impl Decoder {
    /// A decoder for the answer to `request`, whose model the stream does not tell.
    pub fn new(request: &ChatRequest) -> Self {
        let model = request.model.as_ref().map(ToString::to_string);
        Self { model, said: Said::Nothing, begins: false, calls: 0, ended: None, finished: false }
    }

    /// Reads the data of an event and puts what it says behind `out`.
    ///
    /// # Errors
    /// What the server says went wrong, or `Undecodable`; nothing is to be pushed after that.
    pub fn push(&mut self, frame: &Bytes, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let text = frame.trim_ascii();
        if text == b"[DONE]" {
            self.end(out);
        }
        if self.finished || self.ended.is_some() || text.is_empty() || text == b"[DONE]" {
            return Ok(());
        }
        let mut event: Event<'_> =
            parse(text, "an event of the stream").map_err(|error| failed(text).unwrap_or(error))?;
        let kind = std::mem::take(&mut event.kind);
        let kind = kind.as_str();
        let is_known = matches!(
            kind,
            "content-delta"
                | "content-start"
                | "content-end"
                | "tool-plan-delta"
                | "tool-call-start"
                | "tool-call-delta"
                | "tool-call-end"
                | "citation-start"
                | "citation-end"
                | "message-start"
                | "message-end"
        );
        if !is_known && let Some(error) = failed(text) {
            return Err(error);
        }
        if !is_known || event.is_unknown() {
            out.push_back(ChatEvent::Native(Native::new(NAME, frame.clone())));
        }
        self.known(kind, event, out)
    }

    /// Takes notice of the end of the stream.
    pub fn end(&mut self, out: &mut VecDeque<ChatEvent>) {
        if let Some(finish_reason) = self.ended.take() {
            self.finished = true;
            out.push_back(ChatEvent::Finished { finish_reason });
        }
    }

    fn known(&mut self, kind: &str, mut event: Event<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        match kind {
            "content-delta" => {
                self.say(event.delta.message.content.0.take(), out);
                if let Some(told) = event.logprobs.filter(|told| !told.is_null()) {
                    out.push_back(ChatEvent::Delta(Delta::Logprobs(logprobs(&told))));
                }
            }
            "content-start" => {
                self.begins = true;
                self.say(event.delta.message.content.0.take(), out);
            }
            "tool-plan-delta" => {
                if let Some(text) = event.delta.message.tool_plan.filled() {
                    if self.said == Said::Thinking {
                        out.push_back(ChatEvent::Delta(Delta::NextPart));
                    }
                    self.said = Said::Plan;
                    out.push_back(ChatEvent::Delta(Delta::Reasoning(text)));
                }
            }
            "tool-call-start" => self.call(event, out)?,
            "tool-call-delta" => {
                let index = self.index(&event).unwrap_or(self.calls.saturating_sub(1));
                if let Some(call) = event.delta.message.tool_calls.0.take() {
                    let arguments = call.arguments();
                    if !arguments.is_empty() {
                        out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }));
                    }
                }
            }
            "citation-start" => {
                self.end_plan(out);
                let citations = match event.delta.message.citations.take() {
                    Some(Value::Array(citations)) => citations,
                    citation => citation.into_iter().collect(),
                };
                let read = |native| ChatEvent::Delta(Delta::Citation(Box::new(citation::read(native))));
                out.extend(citations.into_iter().filter(Value::is_object).map(read));
            }
            "message-start" => {
                let request_id = event.id.filled();
                out.push_back(ChatEvent::Started { model: self.model.take(), request_id });
            }
            "message-end" => self.whole(event, out)?,
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, piece: Option<Piece<'_>>, out: &mut VecDeque<ChatEvent>) {
        let Some(piece) = piece else { return };
        if let Some(text) = piece.thinking.filled() {
            self.part(Said::Thinking, out);
            out.push_back(ChatEvent::Delta(Delta::Reasoning(text)));
        }
        if let Some(text) = piece.text.filled() {
            self.part(Said::Text, out);
            out.push_back(ChatEvent::text(text));
        }
    }

    /// Says that a part of this kind follows, where that would not be seen.
    fn part(&mut self, kind: Said, out: &mut VecDeque<ChatEvent>) {
        self.end_plan(out);
        if std::mem::take(&mut self.begins) && self.said == kind {
            out.push_back(ChatEvent::Delta(Delta::NextPart));
        }
        self.said = kind;
    }

    /// A plan is given back in its own field.
    fn end_plan(&mut self, out: &mut VecDeque<ChatEvent>) {
        if self.said == Said::Plan {
            self.said = Said::Nothing;
            out.push_back(ChatEvent::Delta(Delta::ReasoningState(plan_state())));
        }
    }

    fn index(&self, event: &Event<'_>) -> Option<u32> {
        event.index.0.and_then(|index| u32::try_from(index).ok()).filter(|index| *index < self.calls)
    }

    fn call(&mut self, mut event: Event<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let Some(call) = event.delta.message.tool_calls.0.take() else { return Ok(()) };
        self.end_plan(out);
        self.said = Said::Call;
        let index = self.calls;
        self.calls = index.saturating_add(1);
        let call = call.into_call(NAME, || format!("call_{index}"))?;
        let (id, name, arguments) = (call.id, call.name, call.arguments);
        out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state: None }));
        if !arguments.is_empty() {
            out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }));
        }
        let extra = call.notes.and_then(|notes| notes.extra);
        out.extend(extra.map(|extra| ChatEvent::Delta(Delta::Extra(extra))));
        Ok(())
    }

    fn whole(&mut self, event: Event<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        self.end_plan(out);
        let mut told = event.delta.usage;
        let used = usage::take(&mut told);
        let (word, message) = (event.delta.finish_reason.as_str(), event.delta.error.as_str());
        let reason = finish_reason(word).filter(|_| message.is_empty());
        let Some(finish_reason) = reason else {
            let mut partial = ChatResponse::default();
            partial.usage = used;
            let error = made_exact(broken(word, message));
            return Err(if used.is_some() { error.with_partial(partial) } else { error });
        };
        let mut details = Details::default();
        keep(&mut details.raw, "usage", told);
        keep_word(&mut details.raw, word);
        if !details.raw.is_empty() {
            out.push_back(ChatEvent::Details(details));
        }
        out.extend(used.map(ChatEvent::Usage));
        self.ended = Some(finish_reason);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
