//! Writes streams for callers.

use serde_json::{Map, Value, json};
use ultraai_core::{
    Answering, ChatEvent, ChoicePiece, Delta, Details, Error, EventEncoder, FinishReason, Losses, Native,
    OwnedFrame, Part, Result, Usage,
};
use ultraai_protocol_common::{Lossy, ObjectWriter, openai_tier};

use super::write::{self, Besides};
use crate::{
    Dialect, NAME, audio, fault, logprobs,
    native::{is_usage_alone, wants_usage},
    state, usage,
};

/// What the last frame holds.
const DONE: &[u8] = b"[DONE]";

fn done() -> OwnedFrame {
    OwnedFrame { name: "", data: DONE.to_vec() }
}

/// Writes one stream.
pub(crate) struct Encoder {
    dialect: &'static Dialect,
    id: String,
    created: u64,
    model: String,
    wants_usage: bool,
    usage: Option<Usage>,
    details: Details,
    /// The end of the stream was told, by a frame that passed.
    ended: bool,
    /// By choice: whether its role was told, and what of its text came before the part that is written.
    told: Vec<Told>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    role: bool,
    calls: u32,
    /// Characters of the text so far, and of it before the part that is written.
    text: u64,
    before: u64,
}

impl Encoder {
    pub(crate) fn new(dialect: &'static Dialect, to: &Answering<'_>) -> Self {
        Self {
            dialect,
            id: write::id(to.id),
            created: to.created,
            model: write::model(None, to.request).to_owned(),
            wants_usage: wants_usage(to.request),
            usage: None,
            details: Details::default(),
            ended: false,
            told: Vec::new(),
        }
    }

    fn told(&mut self, index: u32) -> &mut Told {
        let place = index as usize;
        if self.told.len() <= place {
            self.told.resize(place + 1, Told::default());
        }
        &mut self.told[place]
    }

    /// A chunk whose choices and end `fill` writes.
    fn chunk(&self, out: &mut Vec<OwnedFrame>, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        let mut data = Vec::with_capacity(256);
        let mut top = ObjectWriter::new(&mut data);
        top.field("id", &self.id);
        top.field("object", "chat.completion.chunk");
        top.field("created", &self.created);
        top.field("model", &self.model);
        fill(&mut top);
        drop(top);
        out.push(OwnedFrame { name: "", data });
    }

    /// A chunk with a piece of one choice, whose delta `fill` writes.
    fn piece(&mut self, out: &mut Vec<OwnedFrame>, index: u32, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        let first = !std::mem::replace(&mut self.told(index).role, true);
        self.chunk(out, |top| {
            let mut list = top.list("choices");
            let mut choice = list.object();
            choice.field("index", &index);
            let mut delta = choice.object("delta");
            if first {
                delta.field("role", "assistant");
            }
            fill(&mut delta);
            drop(delta);
            choice.field("logprobs", &());
            choice.field("finish_reason", &());
            drop(choice);
            drop(list);
            if self.wants_usage {
                top.field("usage", &());
            }
        });
    }

    /// The first chunk says who speaks, and nothing else.
    fn begin(&mut self, out: &mut Vec<OwnedFrame>, index: u32) {
        if !self.told(index).role {
            self.piece(out, index, |delta| {
                delta.field("content", "");
                delta.field("refusal", &());
            });
        }
    }

    fn end(&mut self, out: &mut Vec<OwnedFrame>, index: u32, reason: &FinishReason) {
        self.begin(out, index);
        let details = &self.details;
        let besides = if index == 0 { Besides::of(&details.raw) } else { Besides::default() };
        self.chunk(out, |top| {
            let mut list = top.list("choices");
            let mut choice = list.object();
            choice.field("index", &index);
            choice.object("delta").entries(besides.message.into_iter().flatten());
            choice.field("logprobs", &());
            choice.field("finish_reason", usage::word(reason, details.origin));
            choice.optional("stop_reason", details.stop_sequence.as_ref().filter(|_| index == 0));
            let logprobs = |key: &str| key == "logprobs";
            choice.entries(besides.choice.into_iter().flatten().filter(|(key, _)| !logprobs(key)));
            drop(choice);
            drop(list);
            if self.wants_usage {
                top.field("usage", &());
            }
            if index == 0 {
                top.optional("service_tier", details.service_tier.as_deref().map(openai_tier).as_ref());
                top.entries(besides.top());
            }
        });
    }

    fn delta(
        &mut self,
        out: &mut Vec<OwnedFrame>,
        index: u32,
        delta: &Delta,
        lossy: &mut Lossy<'_>,
    ) -> Result<()> {
        self.begin(out, index);
        match delta {
            Delta::Text(text) => {
                self.told(index).text += text.chars().count() as u64;
                self.piece(out, index, |object| object.field("content", text));
            }
            Delta::Reasoning(text) => {
                self.piece(out, index, |object| object.field("reasoning_content", text));
            }
            Delta::Refusal(text) => self.piece(out, index, |object| object.field("refusal", text)),
            Delta::ToolCallStart { index: at, id, name, state } => {
                self.told(index).calls += 1;
                let mut call = json!({
                    "index": at,
                    "id": id,
                    "type": "function",
                    "function": { "name": name, "arguments": "" },
                });
                if let Some(state) = state {
                    call["extra_content"] = state::to_extra_content(state, self.dialect.is_own(state));
                }
                self.piece(out, index, |object| object.field("tool_calls", &[call]));
            }
            Delta::ToolCallArguments { index: at, arguments } => self.piece(out, index, |object| {
                let mut list = object.list("tool_calls");
                let mut call = list.object();
                call.field("index", at);
                call.object("function").field("arguments", arguments);
            }),
            Delta::ReasoningState(state) => {
                let details = state::to_details(state);
                self.piece(out, index, |object| object.field("reasoning_details", &details));
            }
            Delta::Part(part) => self.part(out, index, part, lossy)?,
            Delta::NextPart => {
                let told = self.told(index);
                told.before = told.text;
            }
            Delta::Citation(citation) => {
                let before = self.told(index).before;
                if let Some(annotation) = write::citation(lossy, 0, citation, before)? {
                    self.piece(out, index, |object| object.field("annotations", &[annotation]));
                }
            }
            Delta::Extra(extra) if extra.vendor == NAME => {}
            Delta::Extra(extra) => {
                lossy.because("content", &format!("fields of {} have no place here", extra.vendor))?;
            }
            Delta::Logprobs(tokens) => self.chunk(out, |top| {
                let mut list = top.list("choices");
                let mut choice = list.object();
                choice.field("index", &index);
                choice.object("delta");
                let mut inner = choice.object("logprobs");
                inner.field("content", &logprobs::write(tokens));
                inner.field("refusal", &());
                drop(inner);
                choice.field("finish_reason", &());
                drop(choice);
                drop(list);
                if self.wants_usage {
                    top.field("usage", &());
                }
            }),
            _ => {}
        }
        Ok(())
    }

    /// A part that comes in one piece.
    fn part(
        &mut self,
        out: &mut Vec<OwnedFrame>,
        index: u32,
        part: &Part,
        lossy: &mut Lossy<'_>,
    ) -> Result<()> {
        match part {
            Part::Vendor(state) if write::is_call(state) => {
                let told = self.told(index);
                // Far behind the calls that are told piece by piece.
                let at = 1000 + told.calls;
                told.calls += 1;
                let mut call: Map<String, Value> = state.data.as_object().cloned().unwrap_or_default();
                call.insert("index".to_owned(), at.into());
                self.piece(out, index, |object| object.field("tool_calls", &[call]));
                Ok(())
            }
            part if audio::of(part).is_some() => {
                self.piece(out, index, |object| object.optional("audio", audio::of(part)));
                Ok(())
            }
            Part::Image(media) if write::image(media).is_some() => {
                let image = write::image(media);
                self.piece(out, index, |object| object.field("images", &[image]));
                Ok(())
            }
            part => lossy.part("content", part),
        }
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &ChatEvent, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()> {
        let mut lossy = Lossy::new(NAME, losses);
        match event {
            ChatEvent::Started { model, .. } => {
                if let Some(model) = model {
                    self.model.clone_from(model);
                }
                self.begin(out, 0);
            }
            ChatEvent::Delta(delta) => self.delta(out, 0, delta, &mut lossy)?,
            ChatEvent::Choice { index, piece: ChoicePiece::Delta(delta) } => {
                self.delta(out, *index, delta, &mut lossy)?;
            }
            ChatEvent::Choice { index, piece: ChoicePiece::Finished(reason) } => {
                self.end(out, *index, reason);
            }
            ChatEvent::Usage(usage) => self.usage = Some(*usage),
            ChatEvent::Details(more) => self.details.add(more, NAME),
            ChatEvent::Finished { finish_reason } => {
                self.end(out, 0, finish_reason);
                if let Some(counted) = self.usage.filter(|_| self.wants_usage) {
                    let besides = Besides::of(&self.details.raw);
                    self.chunk(out, |top| {
                        drop(top.list("choices"));
                        usage::write(&mut top.object("usage"), &counted, besides.usage);
                    });
                }
                out.push(done());
            }
            _ => {}
        }
        Ok(())
    }

    fn passes(&mut self, frame: &Native) -> bool {
        let data = frame.body.trim_ascii();
        self.ended |= data == DONE;
        self.wants_usage || !is_usage_alone(data)
    }

    fn is_last(&self, frame: &Native) -> bool {
        frame.body.trim_ascii() == DONE
    }

    fn end_passing(&mut self, out: &mut Vec<OwnedFrame>) {
        if !std::mem::replace(&mut self.ended, true) {
            out.push(done());
        }
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<OwnedFrame>) {
        out.push(OwnedFrame { name: "", data: fault::body(error) });
    }
}
