//! Writes the events of a stream. Each frame carries its event's name: the vendor's SDKs skip those that do not.

use serde_json::{Map, Value};
use ultraai_core::{
    Answering, ChatEvent, Delta, Details, Error, EventEncoder, FinishReason, Losses, Native, OwnedFrame,
    Part, Result, Usage, VendorState,
};

use super::{CHOICES, LOGPROBS, begin, declines, unwritten, write_citation};
use crate::{
    NAME, VENDOR,
    answer::SIGNATURE,
    fault,
    json::Json,
    usage::{stop_reason, write_usage},
    write::{At, Blocks, FOREIGN, NO_FIELD},
};

/// Writes one stream.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    model: String,
    begun: bool,
    usage: Option<Usage>,
    details: Details,
    /// How many blocks were begun and ended.
    blocks: usize,
    open: Open,
    /// What stands beside the block that is open; it is told at its end.
    beside: Map<String, Value>,
    next_part: bool,
    declined: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Refusal,
    Thinking { signed: bool },
    Call(u32),
}

impl Encoder {
    pub(crate) fn new(to: &Answering<'_>) -> Self {
        Self {
            id: to.id.to_owned(),
            model: to.request.model.as_ref().map(ToString::to_string).unwrap_or_default(),
            begun: false,
            usage: None,
            details: Details::default(),
            blocks: 0,
            open: Open::Nothing,
            beside: Map::new(),
            next_part: false,
            declined: false,
        }
    }

    /// The message begins when something is said, so that what went in can be told with it.
    fn begin(&mut self, out: &mut Vec<OwnedFrame>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let mut json = event("message_start");
        json.key("message");
        begin(&mut json, &self.id, &self.model);
        json.raw_entry("content", "[]");
        json.raw_entry("stop_reason", "null");
        json.raw_entry("stop_sequence", "null");
        // What comes out is counted at the end.
        let early = self.usage.map(|mut usage| {
            (usage.output_tokens, usage.reasoning) = (0, None);
            usage
        });
        write_usage(early.as_ref(), None, None, &mut json);
        json.end(b'}');
        frame("message_start", json, out);
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()> {
        match delta {
            Delta::Text(text) | Delta::Refusal(text) | Delta::Reasoning(text) if text.is_empty() => {}
            Delta::Text(text) => self.text(Open::Text, text, out),
            Delta::Refusal(text) => {
                self.declined = true;
                self.text(Open::Refusal, text, out);
            }
            Delta::Reasoning(text) => {
                self.think(out);
                self.piece("thinking_delta", "thinking", text, out);
            }
            Delta::ReasoningState(state) => self.sign(state, out),
            Delta::ToolCallStart { index, id, name, state } => {
                self.close(out);
                self.open = Open::Call(*index);
                self.start(out, |json| {
                    json.entry("type", "tool_use");
                    json.entry("id", id);
                    json.entry("name", name);
                    json.raw_entry("input", "{}");
                    let own = state.as_ref().filter(|state| state.vendor == VENDOR);
                    if let Some(Value::Object(fields)) = own.map(|state| &state.data) {
                        json.fields(fields);
                    }
                });
            }
            Delta::ToolCallArguments { index, arguments } => {
                if self.open != Open::Call(*index) {
                    let what = format!("arguments of the tool call {index}");
                    return losses.lose(&what, "they came after another part had begun");
                }
                if !arguments.is_empty() {
                    self.piece("input_json_delta", "partial_json", arguments, out);
                }
            }
            Delta::Part(part) => self.part(part, out, losses)?,
            Delta::PartStart => {}
            Delta::NextPart => self.next_part = true,
            Delta::Citation(citation) => {
                let mut json = event("content_block_delta");
                json.entry("index", &self.blocks);
                json.key("delta");
                json.begin(b'{');
                json.entry("type", "citations_delta");
                json.key("citation");
                let written = match citation.native.as_ref().filter(|native| native.vendor == NAME) {
                    _ if self.open != Open::Text => false,
                    Some(native) => {
                        json.value(&native.data);
                        true
                    }
                    None => write_citation(&mut json, citation),
                };
                if !written {
                    return losses.lose("a citation", "it belongs to no text, or has no address");
                }
                json.end(b'}');
                frame("content_block_delta", json, out);
            }
            Delta::Extra(extra) => match &extra.data {
                Value::Object(fields) if extra.vendor == NAME && self.open != Open::Nothing => {
                    self.beside.extend(fields.clone());
                }
                _ => losses.lose("what stands beside a part of the answer", FOREIGN)?,
            },
            Delta::Logprobs(_) => losses.lose(LOGPROBS, NO_FIELD)?,
            _ => losses.lose("a piece of the answer", NO_FIELD)?,
        }
        Ok(())
    }

    fn text(&mut self, kind: Open, text: &str, out: &mut Vec<OwnedFrame>) {
        if self.open != kind || self.next_part {
            self.close(out);
            self.open = kind;
            self.start(out, |json| {
                json.entry("type", "text");
                json.entry("text", "");
            });
        }
        self.piece("text_delta", "text", text, out);
    }

    /// Sees to it that thinking is open; a signature ends it.
    fn think(&mut self, out: &mut Vec<OwnedFrame>) {
        if self.open == (Open::Thinking { signed: false }) && !self.next_part {
            return;
        }
        self.close(out);
        self.open = Open::Thinking { signed: false };
        self.start(out, |json| {
            json.entry("type", "thinking");
            json.entry("thinking", "");
            json.entry(SIGNATURE, "");
        });
    }

    /// Another vendor's signature is not shown.
    fn sign(&mut self, state: &VendorState, out: &mut Vec<OwnedFrame>) {
        let signature = state.data.get(SIGNATURE).and_then(Value::as_str);
        match signature.filter(|_| state.vendor == VENDOR) {
            Some(signature) => {
                self.think(out);
                self.piece("signature_delta", SIGNATURE, signature, out);
                self.open = Open::Thinking { signed: true };
            }
            None if matches!(self.open, Open::Thinking { .. }) => self.open = Open::Thinking { signed: true },
            None => {}
        }
    }

    /// A part that comes in one piece is a block that is whole at its start.
    fn part(&mut self, part: &Part, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()> {
        self.close(out);
        self.declined |= declines(part);
        let mut json = event("content_block_start");
        json.entry("index", &self.blocks);
        json.key("content_block");
        let before = json.place();
        let at = At { message: None, part: self.blocks, inner: None };
        Blocks::of_answer(&mut json, losses).part("assistant", part, false, at)?;
        if json.place() != before {
            frame("content_block_start", json, out);
            self.stop(out);
        }
        Ok(())
    }

    fn start(&mut self, out: &mut Vec<OwnedFrame>, block: impl FnOnce(&mut Json)) {
        let mut json = event("content_block_start");
        json.entry("index", &self.blocks);
        json.key("content_block");
        json.begin(b'{');
        block(&mut json);
        json.end(b'}');
        frame("content_block_start", json, out);
    }

    fn piece(&self, kind: &str, key: &'static str, text: &str, out: &mut Vec<OwnedFrame>) {
        let mut json = event("content_block_delta");
        json.entry("index", &self.blocks);
        json.key("delta");
        json.begin(b'{');
        json.entry("type", kind);
        json.entry(key, text);
        json.end(b'}');
        frame("content_block_delta", json, out);
    }

    fn close(&mut self, out: &mut Vec<OwnedFrame>) {
        self.next_part = false;
        if self.open != Open::Nothing {
            self.stop(out);
        }
    }

    fn stop(&mut self, out: &mut Vec<OwnedFrame>) {
        let mut json = event("content_block_stop");
        json.entry("index", &self.blocks);
        json.fields(&std::mem::take(&mut self.beside));
        frame("content_block_stop", json, out);
        self.open = Open::Nothing;
        self.blocks += 1;
    }

    fn finish(&mut self, reason: &FinishReason, out: &mut Vec<OwnedFrame>) {
        self.begin(out);
        self.close(out);
        let Details { service_tier, stop_sequence, raw, origin, .. } = &self.details;
        let of_delta = |key: &str| matches!(key, "container" | "stop_details");
        let mut json = event("message_delta");
        json.key("delta");
        json.begin(b'{');
        let word = stop_reason(reason, *origin, stop_sequence.is_some(), self.declined, raw);
        json.entry("stop_reason", word);
        json.entry("stop_sequence", stop_sequence);
        unwritten(raw).filter(|(key, _)| of_delta(key)).for_each(|(key, value)| json.field(key, value));
        json.end(b'}');
        let used = raw.get("usage").and_then(Value::as_object);
        write_usage(self.usage.as_ref(), service_tier.as_deref(), used, &mut json);
        unwritten(raw).filter(|(key, _)| !of_delta(key)).for_each(|(key, value)| json.field(key, value));
        frame("message_delta", json, out);
        frame("message_stop", event("message_stop"), out);
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &ChatEvent, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()> {
        match event {
            ChatEvent::Started { model: Some(model), .. } => self.model.clone_from(model),
            ChatEvent::Delta(delta) => {
                self.begin(out);
                self.delta(delta, out, losses)?;
            }
            ChatEvent::Usage(usage) => self.usage = Some(*usage),
            ChatEvent::Details(more) => self.details.add(more, NAME),
            ChatEvent::Choice { .. } => losses.lose(CHOICES.0, CHOICES.1)?,
            ChatEvent::Finished { finish_reason } => self.finish(finish_reason, out),
            // What it says beside the events that are made of it is of no use to those who speak the protocol as it is known.
            _ => {}
        }
        Ok(())
    }

    fn is_last(&self, frame: &Native) -> bool {
        frame.is_called(&["message_stop"])
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<OwnedFrame>) {
        out.push(OwnedFrame { name: "error", data: fault::body(error) });
    }
}

/// Begins an event.
fn event(kind: &str) -> Json {
    let mut json = Json::with_capacity(128);
    json.begin(b'{');
    json.entry("type", kind);
    json
}

fn frame(name: &'static str, mut json: Json, out: &mut Vec<OwnedFrame>) {
    json.end(b'}');
    out.push(OwnedFrame { name, data: json.into_bytes() });
}
