//! Reads a stream event by event.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Map, Value, value::RawValue};
use ultraai_core::{ChatEvent, Citation, Delta, Details, Error, ErrorKind, Native, Part, Result, events_of};
use ultraai_protocol_common::{Fields, Place, at_the_top, in_band, parse};

use crate::{
    NAME,
    answer::{self, Answer, Before, Items, undecodable},
    content,
    event::{Beginning, Event, Kind},
    item, logprobs,
};

/// Reads one stream.
///
/// `Finished` comes with the event that carries the whole answer; there is no other end.
#[derive(Debug)]
pub(crate) struct Decoder {
    vendor: &'static str,
    stage: Stage,
    /// The items so far.
    items: Vec<Begun>,
    calls: u32,
    waiting: bool,
    before: Before,
    /// The kind of the part that was said last, where more could be added to it.
    last: Option<Said>,
    /// What is said next is a part of its own.
    next_part: bool,
    /// The text of the part that is open came in pieces.
    part_said: bool,
    /// Citations of the part that is open.
    citations: Vec<Citation>,
}

/// How far the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Started,
    Finished,
}

/// An item that began.
#[derive(Debug)]
struct Begun {
    index: Option<u64>,
    /// Whether its text or its arguments came in pieces.
    said: bool,
    /// Whether it is complete.
    done: bool,
    /// Which call it is.
    call: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Text,
    Refusal,
    Reasoning,
}

/// No answer has more items; a server that says so would fill the memory.
const MOST_ITEMS: usize = 4096;

const EVENT: &str = "an event of the stream";

type Out = VecDeque<ChatEvent>;

impl Decoder {
    pub(crate) fn new(vendor: &'static str) -> Self {
        Self {
            vendor,
            stage: Stage::New,
            items: Vec::new(),
            calls: 0,
            waiting: false,
            before: Before::Other,
            last: None,
            next_part: false,
            part_said: false,
            citations: Vec::new(),
        }
    }

    /// Reads the event named `name` that holds `data`, and puts what it says behind `out`.
    ///
    /// # Errors
    /// What the vendor says went wrong, or `Undecodable`; nothing is to be pushed after that.
    pub(crate) fn push(&mut self, name: &str, data: &Bytes, out: &mut Out) -> Result<()> {
        let trimmed = data.trim_ascii();
        // Gateways end their streams in another protocol's way.
        if self.stage == Stage::Finished || trimmed.is_empty() || trimmed == b"[DONE]" {
            return Ok(());
        }
        let event: Event<'_> = parse(trimmed, EVENT)?;
        let kind = Kind::of(if event.kind.as_str().is_empty() { name } else { event.kind.as_str() });
        if event.unknown.0 || kind == Kind::Unknown {
            out.push_back(ChatEvent::Native(Native::new(NAME, data.clone())));
        }
        match kind {
            Kind::Text => self.text(event, out)?,
            Kind::Refusal => self.say(Said::Refusal, event.output_index.0, event.delta.filled(), out),
            Kind::Reasoning => self.say(Said::Reasoning, event.output_index.0, event.delta.filled(), out),
            Kind::Arguments => self.arguments(event.output_index.0, event.delta.filled(), true, out),
            Kind::ArgumentsDone => self.arguments(event.output_index.0, event.arguments.filled(), false, out),
            Kind::Beginning => self.begin(event.response, out)?,
            Kind::ItemAdded => self.item_added(&event, out)?,
            Kind::ItemDone => self.item_done(&event, out)?,
            Kind::PartAdded => (self.next_part, self.part_said) = (true, false),
            Kind::PartDone => self.part_done(&event, out)?,
            // They stand in the part that is complete too.
            Kind::Annotation if self.citations.len() < MOST_ITEMS => {
                self.citations.extend(event.annotation.map(crate::citation::read));
            }
            Kind::Annotation | Kind::Redundant => {}
            Kind::End => self.end(event.response, out)?,
            Kind::Error => return Err(failure(trimmed)?),
            Kind::Unknown => {
                // Some servers put an error into an event of no kind.
                if event.error.is_some()
                    && let Some(error) = at_the_top(&parse::<Value>(trimmed, EVENT)?)
                {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, response: Option<&RawValue>, out: &mut Out) -> Result<()> {
        if let Some(response) = response.filter(|_| self.stage == Stage::New) {
            let Beginning { id, model, .. } = parse(response.get().as_bytes(), EVENT)?;
            self.stage = Stage::Started;
            out.push_back(ChatEvent::Started { model: model.filled(), request_id: id.filled() });
        }
        Ok(())
    }

    fn text(&mut self, event: Event<'_>, out: &mut Out) -> Result<()> {
        self.say(Said::Text, event.output_index.0, event.delta.filled(), out);
        if let Some(list) = event.logprobs.filter(|list| list.get() != "[]") {
            let tokens = logprobs::read(&parse(list.get().as_bytes(), EVENT)?);
            if !tokens.is_empty() {
                out.push_back(ChatEvent::Delta(Delta::Logprobs(tokens)));
            }
        }
        Ok(())
    }

    /// Says more of the item at `index`.
    fn say(&mut self, said: Said, index: Option<u64>, text: Option<String>, out: &mut Out) {
        let Some(text) = text else { return };
        self.part_said = true;
        if let Some(item) = self.item(index) {
            item.said = true;
        }
        if std::mem::take(&mut self.next_part) {
            self.cite(out);
            if self.last == Some(said) {
                out.push_back(ChatEvent::Delta(Delta::NextPart));
            }
        }
        self.last = Some(said);
        out.push_back(ChatEvent::Delta(match said {
            Said::Text => Delta::Text(text),
            Said::Refusal => Delta::Refusal(text),
            Said::Reasoning => Delta::Reasoning(text),
        }));
    }

    fn item(&mut self, index: Option<u64>) -> Option<&mut Begun> {
        match index {
            Some(_) => self.items.iter_mut().rev().find(|item| item.index == index),
            None => self.items.last_mut(),
        }
    }

    /// Says more of the arguments of a call, or all of them where no piece came.
    fn arguments(&mut self, index: Option<u64>, text: Option<String>, piece: bool, out: &mut Out) {
        let (Some(arguments), Some(item)) = (text, self.item(index)) else { return };
        let Some(index) = item.call.filter(|_| piece || !item.said) else { return };
        item.said = true;
        out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }));
    }

    /// The citations of the part that is open.
    fn cite(&mut self, out: &mut Out) {
        for citation in self.citations.drain(..) {
            out.push_back(ChatEvent::Delta(Delta::Citation(Box::new(citation))));
        }
    }

    fn item_added(&mut self, event: &Event<'_>, out: &mut Out) -> Result<()> {
        let Some(raw) = event.item else { return Ok(()) };
        let item: Value = parse(raw.get().as_bytes(), EVENT)?;
        self.add(item, event.output_index.0, out)
    }

    fn add(&mut self, item: Value, index: Option<u64>, out: &mut Out) -> Result<()> {
        if self.items.len() >= MOST_ITEMS {
            return Err(Error::new(ErrorKind::Undecodable, "the answer has too many items"));
        }
        self.cite(out);
        (self.next_part, self.part_said) = (true, false);
        let kind = item::kind_of(&item).to_owned();
        let mut begun = Begun { index, said: false, done: false, call: None };
        self.waiting |= item::is_waiting(&kind);
        let before = std::mem::take(&mut self.before);
        match kind.as_str() {
            "message" => {
                self.before = Before::Matters;
                let mut fields = item.as_object().cloned().unwrap_or_default();
                fields.remove("content");
                if let Some(Part::Reasoning(mark)) = answer::mark(before, &fields, self.vendor) {
                    self.state(mark.state, out);
                }
            }
            "reasoning" => self.before = Before::Matters,
            "function_call" => {
                let call =
                    answer::call(item, &Place::top().field("item"), self.vendor).map_err(undecodable)?;
                let index = self.calls;
                self.calls += 1;
                begun.call = Some(index);
                self.last = None;
                let (id, name, state) = (call.id, call.name, call.state);
                out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state }));
            }
            kind if !item::is_silent(kind) => out.push_back(ChatEvent::Delta(Delta::PartStart)),
            _ => {}
        }
        self.items.push(begun);
        Ok(())
    }

    /// Vendor state that stands alone.
    fn state(&mut self, state: Option<ultraai_core::VendorState>, out: &mut Out) {
        let Some(state) = state else { return };
        if self.last == Some(Said::Reasoning) {
            out.push_back(ChatEvent::Delta(Delta::NextPart));
        }
        self.last = Some(Said::Reasoning);
        out.push_back(ChatEvent::Delta(Delta::ReasoningState(state)));
    }

    fn item_done(&mut self, event: &Event<'_>, out: &mut Out) -> Result<()> {
        let Some(raw) = event.item else { return Ok(()) };
        let value: Value = parse(raw.get().as_bytes(), EVENT)?;
        let index = event.output_index.0;
        if self.items.is_empty() || (index.is_some() && self.item(index).is_none()) {
            self.add(value.clone(), index, out)?;
        }
        self.finish_item(value, index, out)
    }

    /// Takes an item that is complete and has begun.
    fn finish_item(&mut self, value: Value, index: Option<u64>, out: &mut Out) -> Result<()> {
        let said = self.item(index).is_some_and(|item| {
            item.done = true;
            item.said
        });
        match item::kind_of(&value) {
            "message" => {
                if !said {
                    self.backfill(value, out)?;
                }
                self.cite(out);
            }
            "reasoning" => {
                let fields = Fields::of(value, Place::top().field("item")).map_err(undecodable)?.rest();
                let mut reasoning = item::reasoning(fields, self.vendor);
                if !said && !reasoning.text.is_empty() {
                    self.say(Said::Reasoning, index, Some(std::mem::take(&mut reasoning.text)), out);
                    self.next_part = true;
                }
                if said || self.item(index).is_some_and(|item| item.said) {
                    out.extend(reasoning.state.map(|state| ChatEvent::Delta(Delta::ReasoningState(state))));
                } else {
                    self.state(reasoning.state, out);
                }
            }
            "function_call" => {
                let arguments =
                    answer::call(value, &Place::top().field("item"), self.vendor).map_err(undecodable)?;
                self.arguments(index, Some(arguments.arguments).filter(|text| !text.is_empty()), false, out);
            }
            _ => {
                self.last = None;
                out.push_back(ChatEvent::Delta(Delta::Part(Box::new(item::vendor_part(value)))));
            }
        }
        Ok(())
    }

    /// Says a message that did not come in pieces.
    fn backfill(&mut self, value: Value, out: &mut Out) -> Result<()> {
        let mut items = Items::new(self.vendor);
        items.said(value, &Place::top().field("item"))?;
        let mut response = ultraai_core::ChatResponse::default();
        let first = items.content.first().map(Part::kind);
        let same = match self.last {
            Some(Said::Text) => first == Some("text"),
            Some(Said::Refusal) => first == Some("refusal"),
            _ => false,
        };
        if same {
            out.push_back(ChatEvent::Delta(Delta::NextPart));
        }
        self.last = match items.content.last() {
            None => self.last,
            Some(Part::Text { .. }) => Some(Said::Text),
            Some(Part::Refusal { .. }) => Some(Said::Refusal),
            Some(_) => None,
        };
        response.content = items.content;
        response.logprobs = items.logprobs;
        self.citations.clear();
        out.extend(events_of(response).into_iter().filter(|event| matches!(event, ChatEvent::Delta(_))));
        Ok(())
    }

    fn part_done(&mut self, event: &Event<'_>, out: &mut Out) -> Result<()> {
        let Some(raw) = event.part else { return Ok(()) };
        let value: Value = parse(raw.get().as_bytes(), EVENT)?;
        // Pieces of reasoning, which its item holds too, are none of ours.
        let read = content::read(value, true, &Place::top().field("part")).map_err(undecodable)?;
        let Some(piece) = read else { return Ok(()) };
        let said = std::mem::take(&mut self.part_said);
        let (text, kind) = match &piece.part {
            Part::Text { text, .. } => (text, Said::Text),
            Part::Refusal { text, .. } => (text, Said::Refusal),
            _ => {
                self.last = None;
                out.push_back(ChatEvent::Delta(Delta::Part(Box::new(piece.part))));
                return Ok(());
            }
        };
        if text.is_empty() {
            return Ok(());
        }
        if !said {
            self.say(kind, event.output_index.0, Some(text.clone()), out);
            self.part_said = false;
        }
        let (citations, extra) = content::notes_of(&piece.part);
        if !citations.is_empty() {
            self.citations = citations;
        }
        self.cite(out);
        out.extend(extra.map(|extra| ChatEvent::Delta(Delta::Extra(extra))));
        Ok(())
    }

    fn end(&mut self, response: Option<&RawValue>, out: &mut Out) -> Result<()> {
        self.begin(response, out)?;
        let missing = || Error::new(ErrorKind::Undecodable, format!("{EVENT} ends it without the answer"));
        let mut answer: Answer<'_> = parse(response.ok_or_else(missing)?.get().as_bytes(), EVENT)?;
        if let Some(error) = answer.fault() {
            return Err(error);
        }
        let output: Vec<&RawValue> = match answer.output {
            Some(output) => parse(output.get().as_bytes(), EVENT)?,
            None => Vec::new(),
        };
        // Some items come at the end alone, or are complete at the end alone.
        for (place, raw) in output.into_iter().enumerate() {
            let begun = self.items.get(place);
            if begun.is_some_and(|item| item.done) {
                continue;
            }
            let value: Value = parse(raw.get().as_bytes(), EVENT)?;
            let index = match begun {
                Some(item) => item.index,
                None => {
                    let index = u64::try_from(place).ok();
                    self.add(value.clone(), index, out)?;
                    index
                }
            };
            self.finish_item(value, index, out)?;
        }
        self.cite(out);
        self.stage = Stage::Finished;
        let finish_reason = answer.finish_reason(self.waiting);
        let usage = answer.usage.read();
        let mut details = Details::default();
        details.raw = answer.rest();
        details.service_tier = answer.service_tier.filled();
        if details != Details::default() {
            out.push_back(ChatEvent::Details(details));
        }
        out.extend(usage.map(ChatEvent::Usage));
        out.push_back(ChatEvent::Finished { finish_reason });
        Ok(())
    }
}

/// The error that an event is: at its top, or in its field `error`.
fn failure(data: &[u8]) -> Result<Error> {
    let mut fields: Map<String, Value> = parse(data, EVENT)?;
    // It is the event's kind and says nothing of the error.
    fields.remove("type");
    Ok(in_band(&Value::Object(fields)))
}
