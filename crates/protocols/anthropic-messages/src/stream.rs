//! Reads a stream event by event.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use ultraai_core::{
    ChatEvent, ChatRequest, Citation, Delta, Details, Error, ErrorKind, FinishReason, Native, Result, Usage,
};
use ultraai_protocol_common::{in_band, is_fault, parse, with_usage};

use crate::{
    NAME,
    answer::{Block, Event, Kind, Message, Piece, beside, called, citation, opaque, said, signed},
    usage::{Counts, UsageBody, WINDOW, finish_reason},
    write::answer_tool,
};

const EVENT: &str = "an event of the stream";

/// Reads one stream. Push each event; `Finished` comes at `message_stop` and nowhere else.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The tool whose arguments are the answer, where there is one.
    answer_tool: Option<String>,
    /// The id of the answer, once it has begun.
    started: Option<String>,
    finished: bool,
    counts: Counts,
    /// Usage was told before the output was counted, and nothing better came yet.
    told_early: bool,
    details: Details,
    finish_reason: Option<FinishReason>,
    calls: u32,
    block: Open,
    /// What the last part that was told is.
    last: Last,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    Text,
    Reasoning,
}

/// The block that is being told. Blocks come one after the other.
#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Text {
        /// Whether some of it was told.
        told: bool,
        /// Citations come before the text that they belong to.
        citations: Vec<Citation>,
        extra: Map<String, Value>,
    },
    Thinking {
        told: bool,
        signature: Option<String>,
        extra: Map<String, Value>,
    },
    Call {
        index: u32,
        /// The arguments, where no pieces of them come.
        arguments: Option<String>,
        extra: Map<String, Value>,
    },
    /// A call whose arguments are the answer.
    Answer {
        told: bool,
        arguments: Option<String>,
    },
    Opaque {
        block: Map<String, Value>,
        /// The JSON of its input.
        input: String,
    },
}

impl Decoder {
    /// A decoder for the stream that answers `request`.
    pub(crate) fn of(request: &ChatRequest) -> Self {
        Self { answer_tool: answer_tool(request), ..Self::default() }
    }

    /// Reads the event named `name` that holds `data`, and puts what it says behind `out`, after the event itself where it
    /// says what is not known here.
    ///
    /// # Errors
    /// What the vendor says went wrong, `Interrupted` for an end without its reason, or `Undecodable`; nothing is to be
    /// pushed after that.
    pub(crate) fn push(&mut self, name: &str, data: &Bytes, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let bytes = data.trim_ascii();
        // Gateways that speak OpenAI's protocol too end all their streams in its way.
        if self.finished || bytes.is_empty() || bytes == b"[DONE]" {
            return Ok(());
        }
        let mut event: Event<'_> = match parse(bytes, EVENT) {
            Ok(event) => event,
            Err(error) => {
                misfit(name, bytes, error)?;
                keep(data, out);
                return Ok(());
            }
        };
        if let Some(error) = event.error.take().filter(|error| is_fault(error)) {
            let counted = self.update(event.usage.take(), out);
            return Err(with_usage(in_band(&error), self.counts.read().filter(|_| counted), None));
        }
        let kind = event.kind.as_str();
        let kind = if kind.is_empty() { name } else { kind };
        let is_kept = matches!(kind, "message_delta" | "content_block_stop");
        if !event.others.is_empty() && !is_kept {
            keep(data, out);
        }
        match kind {
            "content_block_delta" => match event.delta {
                Some(piece) => self.push_piece(piece, data, out),
                None => Ok(()),
            },
            "content_block_start" => {
                self.close(out);
                match event.content_block {
                    Some(block) => self.open(*block, bytes, out),
                    None => Ok(()),
                }
            }
            "content_block_stop" => {
                self.add_beside(event.others, data, out);
                self.close(out);
                Ok(())
            }
            "message_start" => self.start(event.message.map(|message| *message).unwrap_or_default(), out),
            "message_delta" => {
                self.end(event.delta.unwrap_or_default(), event.others);
                self.update(event.usage, out);
                Ok(())
            }
            "message_stop" => self.finish(out),
            "error" => Err(in_band(&parse::<Value>(bytes, EVENT)?)),
            "ping" => Ok(()),
            _ => {
                if event.others.is_empty() {
                    keep(data, out);
                }
                Ok(())
            }
        }
    }

    fn start(&mut self, mut message: Message<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let id = message.id.filled();
        match &self.started {
            // Some gateways say it twice.
            Some(known) if id.as_ref().is_none_or(|id| id == known) => return Ok(()),
            // Between here and the vendor somebody asked once more after a break, and put both answers in one stream.
            Some(_) => {
                let message = "another answer begins in the middle of this one";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            None => self.started = Some(id.clone().unwrap_or_default()),
        }
        out.push_back(ChatEvent::Started { model: message.model.filled(), request_id: id });
        self.details.raw.append(&mut message.others);
        if let Some(usage) = message.usage {
            // What comes out is not counted yet; what went in is, and must be known where the answer breaks off.
            self.counts = usage.counts();
            self.keep_rest(usage);
        }
        let early = self.counts.read_early();
        self.told_early = early.is_some();
        out.extend(early.map(ChatEvent::Usage));
        Ok(())
    }

    fn finish(&mut self, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        self.close(out);
        // The event that says why it ended is lost, and nobody knows what else.
        let Some(mut finish_reason) = self.finish_reason.take() else {
            return Err(Error::new(
                ErrorKind::Interrupted,
                "the stream ended without a reason for the answer's end",
            ));
        };
        if self.answer_tool.is_some() && self.calls == 0 && finish_reason == FinishReason::ToolCalls {
            finish_reason = FinishReason::Stop;
        }
        self.finished = true;
        let details = std::mem::take(&mut self.details);
        if details != Details::default() {
            out.push_back(ChatEvent::Details(details));
        }
        if self.told_early {
            // Nobody counted what came out: a usage without counts leaves it to be estimated.
            out.push_back(ChatEvent::Usage(Usage::default()));
        }
        out.push_back(ChatEvent::Finished { finish_reason });
        Ok(())
    }

    /// Why the answer ended.
    fn end(&mut self, piece: Piece<'_>, others: Map<String, Value>) {
        let word = piece.stop_reason.as_str();
        if !word.is_empty() {
            self.finish_reason = Some(finish_reason(word));
            if word == WINDOW {
                self.details.raw.insert("stop_reason".to_owned(), WINDOW.into());
            }
        }
        self.details.stop_sequence = piece.stop_sequence.filled().or(self.details.stop_sequence.take());
        self.details.raw.extend(piece.others);
        self.details.raw.extend(others);
    }

    /// Takes what was used, and says whether it was counted.
    fn update(&mut self, usage: Option<Box<UsageBody<'_>>>, out: &mut VecDeque<ChatEvent>) -> bool {
        let Some(body) = usage.filter(|usage| usage.counts().counts_output()) else { return false };
        self.counts.update(body.counts());
        let usage = self.counts.read();
        self.told_early &= usage.is_none();
        out.extend(usage.map(ChatEvent::Usage));
        self.keep_rest(*body);
        true
    }

    fn keep_rest(&mut self, usage: UsageBody<'_>) {
        let (tier, rest) = usage.rest();
        self.details.service_tier = tier.or(self.details.service_tier.take());
        if !rest.is_empty() {
            let known = self.details.raw.entry("usage").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(known) = known {
                known.extend(rest);
            }
        }
    }

    fn open(&mut self, block: Block<'_>, data: &[u8], out: &mut VecDeque<ChatEvent>) -> Result<()> {
        match block.kind() {
            Kind::Text => {
                let citations = block.citations.unwrap_or_default().into_iter().map(citation).collect();
                self.block = Open::Text { told: false, citations, extra: block.others };
                self.say(block.text.filled(), out);
            }
            Kind::Thinking => {
                let signature = block.signature.filled();
                self.block = Open::Thinking { told: false, signature, extra: block.others };
                self.think(block.thinking.filled(), out);
            }
            Kind::ToolUse => {
                let arguments = Some(block.arguments());
                let Some(name) = block.name.filled() else {
                    return Err(Error::new(
                        ErrorKind::Undecodable,
                        "the model asks for a tool without a name",
                    ));
                };
                if self.answer_tool.as_ref() == Some(&name) {
                    self.block = Open::Answer { told: false, arguments };
                    return Ok(());
                }
                let (index, id) = (self.calls, block.id.filled().unwrap_or_default());
                self.calls = index.saturating_add(1);
                self.block = Open::Call { index, arguments, extra: Map::new() };
                self.last = Last::Other;
                let state = called(block.others);
                out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state }));
            }
            Kind::Opaque => {
                let OpaqueStart { content_block: block } = parse(data, EVENT)?;
                self.block = Open::Opaque { block, input: String::new() };
            }
        }
        Ok(())
    }

    fn push_piece(&mut self, piece: Piece<'_>, data: &Bytes, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if !piece.others.is_empty() && !matches!(self.block, Open::Opaque { .. }) {
            keep(data, out);
        }
        match (&mut self.block, piece.kind.as_str()) {
            (Open::Opaque { input, .. }, "input_json_delta") => input.push_str(piece.partial_json.as_str()),
            (Open::Opaque { block, .. }, _) => {
                add(block, parse::<OpaquePiece>(data.trim_ascii(), EVENT)?.delta);
            }
            (_, "text_delta") => self.say(piece.text.filled(), out),
            (_, "thinking_delta") => self.think(piece.thinking.filled(), out),
            (Open::Thinking { signature, .. }, "signature_delta") => {
                *signature = piece.signature.filled().or(signature.take());
            }
            (Open::Text { told, citations, .. }, "citations_delta") => {
                let Some(value) = piece.citation else { return Ok(()) };
                match told {
                    true => out.push_back(ChatEvent::Delta(Delta::Citation(Box::new(citation(*value))))),
                    false => citations.push(citation(*value)),
                }
            }
            (Open::Call { index, arguments, .. }, "input_json_delta") => {
                if let Some(more) = piece.partial_json.filled() {
                    *arguments = None;
                    let index = *index;
                    out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments: more }));
                }
            }
            (Open::Answer { arguments, .. }, "input_json_delta") => {
                if let Some(more) = piece.partial_json.filled() {
                    *arguments = None;
                    self.say(Some(more), out);
                }
            }
            (_, "input_json_delta") if !piece.partial_json.as_str().is_empty() => {
                let message = "arguments came where no tool is called";
                return Err(Error::new(ErrorKind::Undecodable, message));
            }
            (_, "input_json_delta" | "signature_delta") => {}
            _ if piece.others.is_empty() => keep(data, out),
            _ => {}
        }
        Ok(())
    }

    /// Tells a piece of text; two texts in a row stay two parts.
    fn say(&mut self, text: Option<String>, out: &mut VecDeque<ChatEvent>) {
        let Some(text) = text else { return };
        if !matches!(self.block, Open::Text { .. } | Open::Answer { .. }) {
            self.close(out);
            self.block = Open::Text { told: false, citations: Vec::new(), extra: Map::new() };
        }
        let (Open::Text { told, .. } | Open::Answer { told, .. }) = &mut self.block else { return };
        if *told {
            out.push_back(ChatEvent::Delta(Delta::Text(text)));
            return;
        }
        *told = true;
        self.next(Last::Text, out);
        out.push_back(ChatEvent::Delta(Delta::Text(text)));
        if let Open::Text { citations, .. } = &mut self.block {
            let held = citations.drain(..).map(|citation| Delta::Citation(Box::new(citation)));
            out.extend(held.map(ChatEvent::Delta));
        }
    }

    /// Tells a piece of thinking.
    fn think(&mut self, text: Option<String>, out: &mut VecDeque<ChatEvent>) {
        let Some(text) = text else { return };
        if !matches!(self.block, Open::Thinking { .. }) {
            self.close(out);
            self.block = Open::Thinking { told: false, signature: None, extra: Map::new() };
        }
        if let Open::Thinking { told, .. } = &mut self.block
            && !std::mem::replace(told, true)
        {
            self.next(Last::Reasoning, out);
        }
        out.push_back(ChatEvent::Delta(Delta::Reasoning(text)));
    }

    /// A part of the kind `next` begins.
    fn next(&mut self, next: Last, out: &mut VecDeque<ChatEvent>) {
        if self.last == next {
            out.push_back(ChatEvent::Delta(Delta::NextPart));
        }
        self.last = next;
    }

    /// Fields of the end of a block.
    fn add_beside(&mut self, fields: Map<String, Value>, data: &Bytes, out: &mut VecDeque<ChatEvent>) {
        match &mut self.block {
            _ if fields.is_empty() => {}
            Open::Text { extra, .. } | Open::Thinking { extra, .. } | Open::Call { extra, .. } => {
                extra.extend(fields);
            }
            _ => keep(data, out),
        }
    }

    /// Tells what is known of a block only when it is over.
    fn close(&mut self, out: &mut VecDeque<ChatEvent>) {
        let extra = match std::mem::take(&mut self.block) {
            Open::Nothing => return,
            Open::Text { told: true, extra, .. } => extra,
            Open::Text { told: false, citations, extra } => {
                let native = citations.into_iter().filter_map(|citation| Some(citation.native?.data));
                if let Some(part) = said(String::new(), native.collect(), extra) {
                    self.next(Last::Text, out);
                    out.push_back(ChatEvent::Delta(Delta::Part(Box::new(part))));
                }
                return;
            }
            Open::Thinking { told, signature, extra } => {
                if told || signature.is_some() {
                    if !told {
                        self.next(Last::Reasoning, out);
                    }
                    let state = signature.map(|signature| Delta::ReasoningState(signed(signature)));
                    out.extend(state.map(ChatEvent::Delta));
                    extra
                } else {
                    return;
                }
            }
            Open::Call { index, arguments, extra } => {
                let arguments = arguments.map(|arguments| Delta::ToolCallArguments { index, arguments });
                out.extend(arguments.map(ChatEvent::Delta));
                extra
            }
            Open::Answer { told, arguments } => {
                self.block = Open::Answer { told, arguments: None };
                self.say(arguments, out);
                self.block = Open::Nothing;
                return;
            }
            Open::Opaque { mut block, input } => {
                if !input.is_empty() {
                    // An input that was cut off is no JSON, and is kept as it came.
                    let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    block.insert("input".to_owned(), input);
                }
                self.last = Last::Other;
                out.push_back(ChatEvent::Delta(Delta::Part(Box::new(opaque(Value::Object(block))))));
                return;
            }
        };
        out.extend(beside(extra).map(|extra| ChatEvent::Delta(Delta::Extra(extra))));
    }
}

/// Hands an event out as it came: it says what the events that are made of it do not.
fn keep(data: &Bytes, out: &mut VecDeque<ChatEvent>) {
    out.push_back(ChatEvent::Native(Native { protocol: NAME, body: data.clone() }));
}

/// What to make of an event whose fields are not those of the protocol: it may be one that is not known here, or an
/// error in a form of its own.
fn misfit(name: &str, data: &[u8], error: Error) -> Result<()> {
    let event: Value = parse(data, EVENT)?;
    match event["type"].as_str().unwrap_or(name) {
        "error" => Err(in_band(&event)),
        _ if event.get("error").is_some_and(is_fault) => Err(in_band(&event)),
        "" if !event.is_object() => Ok(()),
        "" | "message_start" | "message_delta" | "message_stop" => Err(error),
        kind if kind.starts_with("content_block_") => Err(error),
        _ => Ok(()),
    }
}

/// The start of a block that is not looked into.
#[derive(Debug, Deserialize)]
struct OpaqueStart {
    content_block: Map<String, Value>,
}

/// A piece of such a block.
#[derive(Debug, Deserialize)]
struct OpaquePiece {
    delta: Map<String, Value>,
}

/// Adds a piece to a block that is not looked into: texts grow, anything else is replaced.
fn add(block: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (key, more) in piece.into_iter().filter(|(key, _)| key != "type") {
        match (block.get_mut(&key), more) {
            (Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
            (_, more) => drop(block.insert(key, more)),
        }
    }
}

#[cfg(test)]
mod tests;
