//! Reads a stream event by event.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Map, Value, value::RawValue};
use ultraai_core::{
    ChatEvent, ChatRequest, Delta, Details, Error, ErrorKind, FinishReason, Native, Part, Result, VendorState,
};
use ultraai_protocol_common::{Text, from_base64, parse, to_base64};

use crate::{
    NAME,
    answer::{BlockEvent, Metadata, Nothing, Piece, Start, Stop, Thought},
    decode::{stop_sequence, without_calls},
    emulation, fault,
    part::{Owner, citation, opaque},
    usage::{UsageBody, finish_reason},
};

const EVENT: &str = "an event of the stream";

/// Reads one stream. Push each event, and tell its end; `Finished` comes when both the message and what is told about it have
/// ended.
#[derive(Debug)]
pub struct Decoder {
    /// The model that was asked: no event names it.
    model: Option<String>,
    owner: Owner,
    /// The answer is JSON that was asked for as a tool's arguments.
    emulated: bool,
    finished: bool,
    finish_reason: Option<FinishReason>,
    /// The block of each call, by the order of the calls.
    calls: Vec<u64>,
    open: Open,
    block: u64,
    /// The kind of the part that was told last.
    last: Option<Kind>,
}

/// Kinds of parts that would grow together where one follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Other,
}

/// What the block is that is being told. Blocks come one after the other.
#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Text,
    Reasoning {
        signature: String,
    },
    /// Pieces of base64, each of which may have an end of its own.
    Redacted(Vec<String>),
    Call {
        call: u32,
        /// Arguments have come.
        told: bool,
        /// Fields of the call that nobody knows.
        extra: Option<Value>,
    },
    /// A call whose arguments are the answer.
    Answer,
    Opaque {
        kind: String,
        block: Map<String, Value>,
        /// The JSON of its input.
        input: String,
    },
}

impl Decoder {
    /// A decoder for the stream that answers `request`.
    pub fn new(request: &ChatRequest) -> Self {
        Self {
            model: request.model.as_ref().map(|model| model.as_str().to_owned()),
            owner: Owner::of(request.model.as_ref()),
            emulated: emulation::is_needed(request),
            finished: false,
            finish_reason: None,
            calls: Vec::new(),
            open: Open::Nothing,
            block: 0,
            last: None,
        }
    }

    /// Reads the event `name` that holds `data`, and puts what it says behind `out`. What is not known is handed out as it came.
    ///
    /// # Errors
    /// What the vendor says went wrong, or `Undecodable`; nothing is to be pushed after that.
    pub fn push(&mut self, name: &str, data: &Bytes, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if self.finished {
            return Ok(());
        }
        match name {
            "contentBlockDelta" => {
                let event: BlockEvent<'_> = parse(data, EVENT)?;
                self.move_to(event.index.0, out);
                keep(event.others.0 || event.delta.has_unknown(), data, out);
                self.piece(event.delta, out)
            }
            "contentBlockStart" => {
                let event: BlockEvent<'_> = parse(data, EVENT)?;
                self.close(out);
                self.block = event.index.0.unwrap_or(self.block);
                let begin: Start<'_> = match event.start {
                    Some(start) => parse(start.get().as_bytes(), EVENT)?,
                    None => Start::default(),
                };
                let unknown = begin.tool_use.as_ref().is_some_and(|call| call.is_callers() && call.others.0);
                keep(event.others.0 || unknown, data, out);
                self.start(begin, event.start, out)
            }
            "contentBlockStop" => {
                let event: Nothing<'_> = parse(data, EVENT)?;
                keep(event.others.0, data, out);
                self.close(out);
                Ok(())
            }
            "messageStart" => {
                let event: Nothing<'_> = parse(data, EVENT)?;
                keep(event.others.0, data, out);
                out.push_back(ChatEvent::Started { model: self.model.take(), request_id: None });
                Ok(())
            }
            "messageStop" => {
                let event: Stop<'_> = parse(data, EVENT)?;
                self.close(out);
                let reason = finish_reason(event.reason.as_str());
                let called = !self.emulated || !self.calls.is_empty();
                self.finish_reason = Some(if called { reason } else { without_calls(reason) });
                details(event.others, None, out);
                Ok(())
            }
            "metadata" => {
                let Metadata { usage, service_tier, mut others, .. } = parse(data, EVENT)?;
                out.extend(usage.as_ref().and_then(UsageBody::read).map(ChatEvent::Usage));
                if let Some(rest) = usage.map(UsageBody::rest).filter(|rest| !rest.is_empty()) {
                    others.insert("usage".to_owned(), Value::Object(rest));
                }
                details(others, service_tier.kind.filled(), out);
                self.end(out);
                Ok(())
            }
            name if fault::is_fault(name) => Err(fault::in_stream(name, data)),
            _ => {
                keep(true, data, out);
                Ok(())
            }
        }
    }

    /// Takes the end of the stream: an answer whose reason was told has ended, though nothing is known of what it used.
    pub fn end(&mut self, out: &mut VecDeque<ChatEvent>) {
        if let Some(finish_reason) = self.finish_reason.take() {
            self.finished = true;
            out.push_back(ChatEvent::Finished { finish_reason });
        }
    }

    /// Another block has begun, where pieces of another come.
    fn move_to(&mut self, block: Option<u64>, out: &mut VecDeque<ChatEvent>) {
        if let Some(block) = block.filter(|block| *block != self.block) {
            // Arguments of a call that was left may come late.
            self.close(out);
            self.block = block;
            if let Some(call) = self.calls.iter().position(|known| *known == block) {
                let call = u32::try_from(call).unwrap_or(u32::MAX);
                self.open = Open::Call { call, told: true, extra: None };
            }
        }
    }

    fn start(
        &mut self,
        start: Start<'_>,
        raw: Option<&RawValue>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        match start.tool_use {
            Some(call) if call.is_callers() => {
                if self.emulated && call.name.as_str() == emulation::TOOL {
                    self.part(Kind::Text, out);
                    self.open = Open::Answer;
                    return Ok(());
                }
                let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                self.calls.push(self.block);
                self.part(Kind::Other, out);
                let extra = call.others.0.then(|| unknown_fields(raw)).flatten();
                self.open = Open::Call { call: index, told: false, extra };
                let (id, name) =
                    (call.id.filled().unwrap_or_default(), call.name.filled().unwrap_or_default());
                out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state: None }));
            }
            _ => {
                let start: Value = raw.map_or(Ok(Value::Null), |raw| parse(raw.get().as_bytes(), EVENT))?;
                if let Value::Object(start) = start
                    && let Some((kind, Value::Object(block))) = start.into_iter().next()
                {
                    self.part(Kind::Other, out);
                    self.open = Open::Opaque { kind, block, input: String::new() };
                }
            }
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if let Some(text) = piece.text {
            self.text(text, out);
        }
        if let Some(thought) = piece.reasoning {
            self.thought(thought, out);
        }
        if let Some(more) = piece.tool_use
            && let Some(more) = more.more.filled()
        {
            match &mut self.open {
                Open::Call { call, told, .. } => {
                    *told = true;
                    let delta = Delta::ToolCallArguments { index: *call, arguments: more };
                    out.push_back(ChatEvent::Delta(delta));
                }
                Open::Answer => out.push_back(ChatEvent::text(more)),
                Open::Opaque { input, .. } => input.push_str(&more),
                _ => {
                    let message = "arguments came where no tool is called";
                    return Err(Error::new(ErrorKind::Undecodable, message));
                }
            }
        }
        if let Some(raw) = piece.citation {
            let value = parse(raw.get().as_bytes(), EVENT)?;
            out.push_back(ChatEvent::Delta(Delta::Citation(Box::new(citation(value)))));
        }
        for (kind, raw) in [("toolResult", piece.tool_result), ("image", piece.image)] {
            let Some(raw) = raw else { continue };
            if !matches!(self.open, Open::Opaque { .. }) {
                self.close(out);
                self.part(Kind::Other, out);
                self.open = Open::Opaque { kind: kind.to_owned(), block: Map::new(), input: String::new() };
            }
            if let Open::Opaque { block, .. } = &mut self.open {
                add(block, parse(raw.get().as_bytes(), EVENT)?);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: Text<'_>, out: &mut VecDeque<ChatEvent>) {
        let Some(text) = text.filled() else { return };
        if !matches!(self.open, Open::Text) {
            self.close(out);
            self.part(Kind::Text, out);
            self.open = Open::Text;
        }
        out.push_back(ChatEvent::text(text));
    }

    fn thought(&mut self, thought: Thought<'_>, out: &mut VecDeque<ChatEvent>) {
        if let Some(data) = thought.redacted.filled() {
            if let Open::Redacted(pieces) = &mut self.open {
                return pieces.push(data);
            }
            self.close(out);
            self.part(Kind::Other, out);
            self.open = Open::Redacted(vec![data]);
            return;
        }
        let (text, more) = (thought.text.filled(), thought.signature);
        if text.is_none() && more.as_str().is_empty() {
            return;
        }
        if !matches!(self.open, Open::Reasoning { .. }) {
            self.close(out);
            self.part(Kind::Reasoning, out);
            self.open = Open::Reasoning { signature: String::new() };
        }
        if let Open::Reasoning { signature } = &mut self.open {
            signature.push_str(more.as_str());
        }
        out.extend(text.map(|text| ChatEvent::Delta(Delta::Reasoning(text))));
    }

    /// A part begins.
    fn part(&mut self, kind: Kind, out: &mut VecDeque<ChatEvent>) {
        if self.last.replace(kind) == Some(kind) && kind != Kind::Other {
            out.push_back(ChatEvent::Delta(Delta::NextPart));
        }
    }

    /// Tells what is known of a block only when it is over.
    fn close(&mut self, out: &mut VecDeque<ChatEvent>) {
        let last = match std::mem::take(&mut self.open) {
            Open::Reasoning { signature } if !signature.is_empty() => {
                Delta::ReasoningState(self.owner.signed(&signature))
            }
            Open::Redacted(pieces) => Delta::Part(Box::new(self.owner.redacted(&joined(&pieces)))),
            Open::Call { call, told, extra } => {
                if !told {
                    let arguments = "{}".to_owned();
                    out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index: call, arguments }));
                }
                let Some(extra) = extra else { return };
                Delta::Extra(VendorState::new(NAME, extra))
            }
            Open::Opaque { kind, mut block, input } => {
                if !input.is_empty() {
                    // An input that was cut off is no JSON, and is kept as it came.
                    let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    block.insert("input".to_owned(), input);
                }
                let whole = Map::from_iter([(kind, Value::Object(block))]);
                Delta::Part(Box::new(opaque(Value::Object(whole))))
            }
            _ => return,
        };
        out.push_back(ChatEvent::Delta(last));
    }
}

impl Piece<'_> {
    fn has_unknown(&self) -> bool {
        self.others.0
            || self.tool_use.as_ref().is_some_and(|call| call.others.0)
            || self.reasoning.as_ref().is_some_and(|thought| thought.others.0)
    }
}

/// The fields of a call at its start that nobody knows, as notes have them.
fn unknown_fields(start: Option<&RawValue>) -> Option<Value> {
    let mut start: Value = serde_json::from_str(start?.get()).ok()?;
    let call = start.get_mut("toolUse")?.as_object_mut()?;
    let known = ["toolUseId", "name", "type", "input"];
    call.retain(|key, value| !known.contains(&key.as_str()) && !value.is_null());
    Some(start).filter(|start| start["toolUse"].as_object().is_some_and(|call| !call.is_empty()))
}

/// Hands an event out as it came, where it says what nobody here knows.
fn keep(unknown: bool, data: &Bytes, out: &mut VecDeque<ChatEvent>) {
    if unknown {
        out.push_back(ChatEvent::Native(Native::new(NAME, data.clone())));
    }
}

fn details(mut raw: Map<String, Value>, service_tier: Option<String>, out: &mut VecDeque<ChatEvent>) {
    let mut details = Details::default();
    details.service_tier = service_tier;
    details.stop_sequence = stop_sequence(&mut raw);
    details.raw = raw;
    if details != Details::default() {
        out.push_back(ChatEvent::Details(details));
    }
}

/// One base64 of all pieces.
fn joined(pieces: &[String]) -> String {
    let data: Option<Vec<_>> = pieces.iter().map(|piece| from_base64(piece)).collect();
    data.map_or_else(|| pieces.concat(), |data| to_base64(&data.concat()))
}

/// Adds a piece to a block that is not looked into: the list of a result's contents grows, and so do texts; anything else is
/// replaced.
fn add(block: &mut Map<String, Value>, piece: Value) {
    match piece {
        Value::Array(more) => match block.get_mut("content") {
            Some(Value::Array(content)) => content.extend(more),
            _ => drop(block.insert("content".to_owned(), Value::Array(more))),
        },
        Value::Object(piece) => {
            for (key, more) in piece {
                match (block.get_mut(&key), more) {
                    (Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
                    (_, more) => drop(block.insert(key, more)),
                }
            }
        }
        _ => {}
    }
}

/// The part that `state` is, for those who write streams: its kind and its fields.
pub(crate) fn opaque_block(part: &Part) -> Option<(&str, &Map<String, Value>)> {
    let Part::Vendor(state) = part else { return None };
    let block = state.data.as_object().filter(|block| block.len() == 1)?;
    let (kind, fields) = block.iter().next()?;
    Some((kind, fields.as_object()?))
}
