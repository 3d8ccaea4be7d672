//! Writes answers, whole and as a stream.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value, json};
use ultraai_core::{
    Answering, ChatEvent, ChatResponse, Delta, Details, Error, ErrorKind, EventEncoder, Losses, OwnedFrame,
    Part, Result, Usage, VendorState,
};

use crate::{
    ANTHROPIC, NAME, VENDOR,
    decode::MODEL_FIELDS,
    encode::{Block, Context, One, block, citation},
    family, fault,
    part::{SIGNATURE, redacted},
    stream::opaque_block,
    usage::{Counts, stop_reason},
};

const NO_CHOICES: &str = "bedrock gives one answer alone";
const NO_LOGPROBS: &str = "bedrock has no such field";

fn context(to: &Answering<'_>) -> Context {
    let claude = family::of(to.request.model.as_ref()).claude;
    Context { said: true, claude, own: true, answer: true }
}

/// Writes a whole answer.
///
/// # Errors
/// What [`Losses::lose`] refuses, and `Undecodable` for a call whose arguments are no JSON.
pub(crate) fn encode_response(
    to: &Answering<'_>,
    answer: &ChatResponse,
    losses: &mut Losses,
) -> Result<Vec<u8>> {
    if !answer.alternatives.is_empty() {
        losses.lose("the further choices", NO_CHOICES)?;
    }
    if !answer.logprobs.is_empty() {
        losses.lose("`logprobs`", NO_LOGPROBS)?;
    }
    let mut blocks = Vec::with_capacity(answer.content.len());
    for (index, part) in answer.content.iter().enumerate() {
        let place = || format!("`content[{index}]`");
        block(part, context(to), &place, &mut blocks, losses).map_err(|error| match error.kind() {
            // It is the upstream's mistake and not the caller's.
            ErrorKind::InvalidRequest => Error::new(ErrorKind::Undecodable, error.message().to_owned()),
            _ => error,
        })?;
    }
    let raw =
        with_stop_sequence(answer.raw_of(NAME).cloned().unwrap_or_default(), answer.stop_sequence.as_deref());
    write(&Whole { blocks: &blocks, answer, raw })
}

fn write(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| Error::new(ErrorKind::Undecodable, "the answer is no JSON").with_source(error))
}

/// What the model said besides, with the stop sequence, as Anthropic's models tell it.
fn with_stop_sequence(mut raw: Map<String, Value>, sequence: Option<&str>) -> Map<String, Value> {
    if let Some(sequence) = sequence {
        let fields = raw.entry(MODEL_FIELDS).or_insert_with(|| json!({}));
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("stop_sequence".into(), json!(sequence));
        }
    }
    raw
}

struct Whole<'a> {
    blocks: &'a [Block<'a>],
    answer: &'a ChatResponse,
    raw: Map<String, Value>,
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { blocks, answer, raw } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("output", &One("message", &Message(blocks)))?;
        let stopped = answer.stop_sequence.is_some();
        map.serialize_entry("stopReason", stop_reason(&answer.finish_reason, stopped))?;
        told(&mut map, answer.usage, answer.service_tier.as_deref(), raw)?;
        map.end()
    }
}

/// Writes what is told of an answer besides.
fn told<M: serde::ser::SerializeMap>(
    map: &mut M,
    usage: Option<Usage>,
    service_tier: Option<&str>,
    raw: &Map<String, Value>,
) -> Result<(), M::Error> {
    let rest = raw.get("usage").and_then(Value::as_object);
    if let Some(usage) = usage {
        map.serialize_entry("usage", &Counts { usage, rest })?;
    }
    if let Some(tier) = service_tier {
        map.serialize_entry("serviceTier", &One("type", tier))?;
    }
    let sent = ["output", "stopReason", "usage", "serviceTier"];
    for (key, value) in raw.iter().filter(|(key, _)| !sent.contains(&key.as_str())) {
        map.serialize_entry(key, value)?;
    }
    Ok(())
}

struct Message<'a>(&'a [Block<'a>]);

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("role", "assistant")?;
        map.serialize_entry("content", self.0)?;
        map.end()
    }
}

/// Writes one stream.
#[derive(Debug)]
pub(crate) struct Encoder {
    claude: bool,
    begun: bool,
    /// The block that is being told.
    open: Option<Open>,
    blocks: u64,
    /// The block of each call, by the call's index.
    calls: Vec<(u32, u64)>,
    usage: Option<Usage>,
    details: Details,
}

/// Kinds of blocks that more can be added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Reasoning,
    Call,
}

/// An event of a block.
struct Event<'a, T> {
    index: u64,
    field: Option<(&'static str, &'a T)>,
}

impl<T: Serialize> Serialize for Event<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("contentBlockIndex", &self.index)?;
        if let Some((key, value)) = self.field {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Ended<'a> {
    stop_reason: &'a str,
    fields: Option<&'a Value>,
}

impl Serialize for Ended<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("stopReason", self.stop_reason)?;
        if let Some(fields) = self.fields {
            map.serialize_entry(MODEL_FIELDS, fields)?;
        }
        map.end()
    }
}

struct Told<'a> {
    usage: Option<Usage>,
    service_tier: Option<&'a str>,
    raw: &'a Map<String, Value>,
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        told(&mut map, self.usage, self.service_tier, self.raw)?;
        map.end()
    }
}

type Frames = Vec<OwnedFrame>;

fn frame(name: &'static str, value: &impl Serialize, out: &mut Frames) -> Result<()> {
    out.push(OwnedFrame { name, data: write(value)? });
    Ok(())
}

fn delta(index: u64, value: &impl Serialize, out: &mut Frames) -> Result<()> {
    frame("contentBlockDelta", &Event { index, field: Some(("delta", value)) }, out)
}

impl Encoder {
    pub(crate) fn new(to: &Answering<'_>) -> Self {
        Self {
            claude: context(to).claude,
            begun: false,
            open: None,
            blocks: 0,
            calls: Vec::new(),
            usage: None,
            details: Details::default(),
        }
    }

    fn begin(&mut self, out: &mut Frames) -> Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            frame("messageStart", &One("role", "assistant"), out)?;
        }
        Ok(())
    }

    /// Ends the block that is being told.
    fn close(&mut self, out: &mut Frames) -> Result<()> {
        match self.open.take() {
            Some(_) => frame("contentBlockStop", &Event::<()> { index: self.blocks - 1, field: None }, out),
            None => Ok(()),
        }
    }

    /// The index of the block of this kind, which begins unless it has begun.
    fn index(&mut self, kind: Open, out: &mut Frames) -> Result<u64> {
        if self.open != Some(kind) {
            self.close(out)?;
            self.open = Some(kind);
            self.blocks += 1;
        }
        Ok(self.blocks - 1)
    }

    fn push_delta(&mut self, said: &Delta, out: &mut Frames, losses: &mut Losses) -> Result<()> {
        match said {
            // There is no block for what the model declined with: these are its words all the same.
            Delta::Text(text) | Delta::Refusal(text) if !text.is_empty() => {
                let index = self.index(Open::Text, out)?;
                delta(index, &One("text", text), out)
            }
            Delta::Reasoning(text) if !text.is_empty() => {
                let index = self.index(Open::Reasoning, out)?;
                delta(index, &One("reasoningContent", &One("text", text)), out)
            }
            Delta::Text(_) | Delta::Refusal(_) | Delta::Reasoning(_) | Delta::PartStart => Ok(()),
            Delta::ReasoningState(state) => {
                if let Some(signature) = self.signature(state) {
                    let index = self.index(Open::Reasoning, out)?;
                    delta(index, &One("reasoningContent", &One(SIGNATURE, signature)), out)?;
                }
                // A signature ends a block of reasoning.
                if self.open == Some(Open::Reasoning) { self.close(out) } else { Ok(()) }
            }
            Delta::ToolCallStart { index, id, name, .. } => {
                self.close(out)?;
                let block = self.index(Open::Call, out)?;
                self.calls.push((*index, block));
                let call = json!({ "toolUse": { "toolUseId": id, "name": name } });
                frame("contentBlockStart", &Event { index: block, field: Some(("start", &call)) }, out)
            }
            Delta::ToolCallArguments { index, arguments } => {
                let block = self.calls.iter().rev().find(|(call, _)| call == index).map(|(_, block)| *block);
                let Some(block) = block else {
                    let message = format!("arguments came for tool call {index}, which never began");
                    return Err(Error::new(ErrorKind::Undecodable, message));
                };
                delta(block, &One("toolUse", &One("input", arguments)), out)
            }
            Delta::NextPart => self.close(out),
            Delta::Citation(said) => {
                let index = self.index(Open::Text, out)?;
                delta(index, &One("citation", &*citation(said)), out)
            }
            Delta::Part(part) => self.part(part, out, losses),
            Delta::Extra(_) => losses.lose("the further fields of a part", "a stream has no place for them"),
            Delta::Logprobs(_) => losses.lose("`logprobs`", NO_LOGPROBS),
            _ => losses.lose("a piece of the answer", "bedrock has no such event"),
        }
    }

    fn signature<'a>(&self, state: &'a VendorState) -> Option<&'a str> {
        let own = state.vendor == VENDOR || (state.vendor == ANTHROPIC && self.claude);
        state.data.get(SIGNATURE).filter(|_| own)?.as_str()
    }

    /// Writes a part that comes in one piece.
    fn part(&mut self, part: &Part, out: &mut Frames, losses: &mut Losses) -> Result<()> {
        self.close(out)?;
        let index = self.blocks;
        let mut written = true;
        match part {
            Part::Vendor(state) if redacted(state).is_some() => match redacted(state).filter(|_| self.claude)
            {
                Some(data) => delta(index, &One("reasoningContent", &One("redactedContent", &data)), out)?,
                None => written = false,
            },
            Part::Vendor(state) if state.vendor == NAME || state.vendor == VENDOR => match opaque_block(part)
            {
                Some(("reasoningContent", thought)) => delta(index, &One("reasoningContent", thought), out)?,
                Some((kind, fields)) => opaque(index, kind, fields, out)?,
                None => written = false,
            },
            _ => written = false,
        }
        if !written {
            // What is meant for other models is told to nobody else.
            return match part {
                Part::Vendor(state) if redacted(state).is_some() => Ok(()),
                part => losses
                    .lose(&format!("a part of the kind `{}`", part.kind()), "bedrock's streams have none"),
            };
        }
        self.blocks += 1;
        frame("contentBlockStop", &Event::<()> { index, field: None }, out)
    }

    fn finish(&mut self, reason: &str, out: &mut Frames) -> Result<()> {
        self.close(out)?;
        let Details { service_tier, stop_sequence, raw, .. } = std::mem::take(&mut self.details);
        let mut raw = with_stop_sequence(raw, stop_sequence.as_deref());
        let fields = raw.remove(MODEL_FIELDS);
        frame("messageStop", &Ended { stop_reason: reason, fields: fields.as_ref() }, out)?;
        let told = Told { usage: self.usage, service_tier: service_tier.as_deref(), raw: &raw };
        frame("metadata", &told, out)
    }
}

/// Writes a block that is given back as it came: what it begins with, and what comes in pieces.
fn opaque(index: u64, kind: &str, fields: &Map<String, Value>, out: &mut Frames) -> Result<()> {
    let piece = match kind {
        "toolUse" => "input",
        "toolResult" => "content",
        _ => "",
    };
    let begin: Map<_, _> = fields
        .iter()
        .filter(|(key, _)| *key != piece)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let start = json!({ kind: begin });
    frame("contentBlockStart", &Event { index, field: Some(("start", &start)) }, out)?;
    match (kind, fields.get(piece)) {
        ("toolUse", Some(input)) => {
            // An input that is no JSON was kept as text.
            let text = input.as_str().map_or_else(|| input.to_string(), str::to_owned);
            delta(index, &One("toolUse", &One("input", &text)), out)
        }
        ("toolResult", Some(content)) => delta(index, &One("toolResult", content), out),
        _ => Ok(()),
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &ChatEvent, out: &mut Frames, losses: &mut Losses) -> Result<()> {
        match event {
            ChatEvent::Started { .. } => self.begin(out),
            ChatEvent::Delta(said) => {
                self.begin(out)?;
                self.push_delta(said, out, losses)
            }
            ChatEvent::Usage(usage) => {
                self.usage = Some(*usage);
                Ok(())
            }
            ChatEvent::Details(more) => {
                self.details.add(more, NAME);
                Ok(())
            }
            ChatEvent::Finished { finish_reason } => {
                self.begin(out)?;
                let stopped = self.details.stop_sequence.is_some();
                self.finish(stop_reason(finish_reason, stopped), out)
            }
            ChatEvent::Choice { .. } => losses.lose("the further choices", NO_CHOICES),
            // What it says is said by the events after it.
            _ => Ok(()),
        }
    }

    fn fail(&mut self, error: &Error, out: &mut Frames) {
        let (name, data) = fault::exception(error);
        out.push(OwnedFrame { name, data });
    }
}
