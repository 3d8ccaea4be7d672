//! Writes answers: event by event, and whole ones by the last of their events.

mod saying;

use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use ultraai_core::{
    Answering, ChatEvent, ChatResponse, Details, Error, EventEncoder, FinishReason, Losses, Native,
    OwnedFrame, Result, Usage, events_of,
};
use ultraai_protocol_common::openai_tier;

use crate::{
    NAME, failure,
    opened::{Call, Open},
    usage,
};

/// Writes one answer.
pub(crate) struct Encoder {
    vendor: &'static str,
    /// The answer's id, without what stands before it.
    id: String,
    /// The object `response` without what the events tell.
    response: Map<String, Value>,
    sequence: u64,
    started: bool,
    /// The items; those that are open are null.
    output: Vec<Value>,
    open: Option<Open>,
    calls: Vec<Call>,
    /// What the vendor keeps with the message that comes next.
    mark: Option<Map<String, Value>>,
    usage: Option<Usage>,
    details: Details,
    /// The first frame that passed, and how many did.
    passed: Option<(Bytes, u64)>,
    /// The last text: its item's id, and where item and text stand.
    last_text: Option<(String, usize, usize)>,
}

type Out = Vec<OwnedFrame>;

/// The whole answer.
///
/// # Errors
/// What [`Losses::lose`] refuses.
pub(crate) fn whole(
    to: &Answering<'_>,
    answer: &ChatResponse,
    vendor: &'static str,
    losses: &mut Losses,
) -> Result<Vec<u8>> {
    let (mut encoder, mut frames) = (Encoder::new(to, vendor), Vec::new());
    let (status, why) = status(&answer.finish_reason, answer.origin);
    for event in events_of(answer.clone()) {
        match event {
            ChatEvent::Finished { .. } => encoder.close(&mut frames, ended(status)),
            event => encoder.push(&event, &mut frames, losses)?,
        }
        frames.clear();
    }
    Ok(Value::Object(encoder.answer(status, why, to.created)).to_string().into_bytes())
}

impl Encoder {
    pub(crate) fn new(to: &Answering<'_>, vendor: &'static str) -> Self {
        Self {
            vendor,
            id: to.id.to_owned(),
            response: failure::frame_of_answer(to),
            sequence: 0,
            started: false,
            output: Vec::new(),
            open: None,
            calls: Vec::new(),
            mark: None,
            usage: None,
            details: Details::default(),
            passed: None,
            last_text: None,
        }
    }

    fn frame(&mut self, name: &'static str, mut fields: Value, out: &mut Out) {
        fields["type"] = name.into();
        fields["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        out.push(OwnedFrame { name, data: fields.to_string().into_bytes() });
    }

    fn start(&mut self, out: &mut Out) {
        if !std::mem::replace(&mut self.started, true) {
            for name in ["response.created", "response.in_progress"] {
                let response = Value::Object(self.response.clone());
                self.frame(name, json!({ "response": response }), out);
            }
        }
    }

    /// Goes on where the frames that passed have left off: with their answer and their count.
    fn resume(&mut self) {
        let Some((first, count)) = self.passed.take() else { return };
        self.started = true;
        let mut first: Value = serde_json::from_slice(&first).unwrap_or_default();
        self.sequence = first["sequence_number"].as_u64().unwrap_or_default().saturating_add(count);
        if let Value::Object(response) = first["response"].take() {
            self.response = response;
        }
    }

    /// The time, in seconds since 1970: an answer that is told live ends later than it began.
    fn now(&self) -> u64 {
        let begun = self.response.get("created_at").and_then(Value::as_u64).unwrap_or_default();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(begun, |now| now.as_secs().max(begun))
    }

    /// Ends the piece of the message that is open.
    fn close_piece(&mut self, out: &mut Out) {
        let Some(Open::Message(message)) = &mut self.open else { return };
        let Some(piece) = message.piece.take() else { return };
        let mut fields = json!({ "item_id": message.id, "output_index": message.at, "content_index": message.pieces.len() });
        let value = piece.value();
        message.pieces.push(value.clone());
        let mut done = fields.clone();
        if piece.refusal {
            done["refusal"] = piece.text.into();
            self.frame("response.refusal.done", done, out);
        } else {
            done["text"] = piece.text.into();
            done["logprobs"] = Value::Array(piece.logprobs);
            self.frame("response.output_text.done", done, out);
        }
        fields["part"] = value;
        self.frame("response.content_part.done", fields, out);
    }

    /// Ends the message or the reasoning that is open.
    fn close_open(&mut self, out: &mut Out, status: &str) {
        self.close_piece(out);
        if let Some(mark) = self.mark.take() {
            // A message that says nothing.
            self.begin_message(mark, out);
        }
        let (at, item) = match self.open.take() {
            None => return,
            Some(Open::Message(message)) => (message.at, message.item(status)),
            Some(Open::Reasoning(reasoning)) => {
                if !reasoning.text.is_empty() {
                    let mut fields =
                        json!({ "item_id": reasoning.id, "output_index": reasoning.at, "summary_index": 0 });
                    let mut done = fields.clone();
                    done["text"] = reasoning.text.as_str().into();
                    self.frame("response.reasoning_summary_text.done", done, out);
                    fields["part"] = json!({ "type": "summary_text", "text": reasoning.text });
                    self.frame("response.reasoning_summary_part.done", fields, out);
                }
                (reasoning.at, reasoning.item())
            }
        };
        self.done(at, item, out);
    }

    fn done(&mut self, at: usize, item: Value, out: &mut Out) {
        let done = json!({ "output_index": at, "item": &item });
        self.output[at] = item;
        self.frame("response.output_item.done", done, out);
    }

    /// Ends whatever is open.
    fn close(&mut self, out: &mut Out, status: &str) {
        self.close_open(out, status);
        for call in std::mem::take(&mut self.calls) {
            let item = call.item(status);
            let done = json!({
                "item_id": call.id,
                "output_index": call.at,
                "name": call.said.name,
                "arguments": item["arguments"],
            });
            self.frame("response.function_call_arguments.done", done, out);
            self.done(call.at, item, out);
        }
    }

    /// The object `response` with all that the events told, at `now`, in seconds since 1970.
    fn answer(&mut self, status: &str, why: Option<&str>, now: u64) -> Map<String, Value> {
        let mut answer = std::mem::take(&mut self.response);
        let mut set = |key: &str, value: Value| drop(answer.insert(key.to_owned(), value));
        set("status", status.into());
        match (status, why) {
            ("completed", _) => set("completed_at", now.into()),
            (_, Some(why)) => set("incomplete_details", json!({ "reason": why })),
            // The protocol has no word for it, and a reason may be missing.
            ("incomplete", None) => set("incomplete_details", json!({})),
            _ => {}
        }
        set("output", Value::Array(std::mem::take(&mut self.output)));
        set("usage", self.usage.as_ref().map_or(Value::Null, usage::write));
        if let Some(tier) = self.details.service_tier.take() {
            set("service_tier", openai_tier(&tier).into());
        }
        for (key, value) in std::mem::take(&mut self.details.raw) {
            fill(answer.entry(key).or_insert(Value::Null), value);
        }
        answer
    }
}

/// The answer's status and, where it is not complete, why. Of another protocol's words nobody knows whether the answer is whole,
/// and there is no word for them here: SDKs read both as enumerations.
fn status<'a>(reason: &'a FinishReason, origin: Option<&str>) -> (&'a str, Option<&'a str>) {
    match reason {
        FinishReason::Length => ("incomplete", Some("max_output_tokens")),
        FinishReason::ContentFilter => ("incomplete", Some("content_filter")),
        FinishReason::Other(word) => match word.as_str() {
            "unknown" => ("completed", None),
            _ if origin != Some(NAME) => ("incomplete", None),
            "queued" | "in_progress" | "incomplete" => (word, None),
            word => ("incomplete", Some(word)),
        },
        _ => ("completed", None),
    }
}

/// The status of what was open when the answer ended with `status`.
fn ended(status: &str) -> &'static str {
    if status == "incomplete" { "incomplete" } else { "completed" }
}

/// Adds what is not said yet, also in objects that are.
fn fill(known: &mut Value, more: Value) {
    match (known, more) {
        (Value::Object(known), Value::Object(more)) => {
            for (key, value) in more {
                fill(known.entry(key).or_insert(Value::Null), value);
            }
        }
        (known @ Value::Null, more) => *known = more,
        _ => {}
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &ChatEvent, out: &mut Out, losses: &mut Losses) -> Result<()> {
        if let ChatEvent::Started { model: Some(model), .. } = event {
            self.response.insert("model".to_owned(), model.as_str().into());
        }
        self.start(out);
        match event {
            ChatEvent::Started { .. } | ChatEvent::Native(_) => {}
            ChatEvent::Delta(delta) => self.delta(delta, out, losses)?,
            ChatEvent::Usage(usage) => self.usage = Some(*usage),
            ChatEvent::Details(details) => {
                if details.stop_sequence.is_some() {
                    losses.lose("`stop_sequence`", "openai-responses does not tell it")?;
                }
                self.details.add(details, NAME);
            }
            ChatEvent::Choice { index, .. } => {
                losses.lose(&format!("the choice {index}"), "openai-responses has one answer alone")?;
            }
            ChatEvent::Finished { finish_reason } => {
                let (status, why) = status(finish_reason, self.details.origin);
                self.close(out, ended(status));
                // What is still to be done in the background is an answer of its own.
                let name = if status == "incomplete" { "response.incomplete" } else { "response.completed" };
                let response = self.answer(status, why, self.now());
                self.frame(name, json!({ "response": response }), out);
            }
            _ => losses.lose("an event of the answer", "openai-responses does not know it")?,
        }
        Ok(())
    }

    fn passes(&mut self, frame: &Native) -> bool {
        // A copy, since it would keep all that was read with it.
        let (_, count) = self.passed.get_or_insert_with(|| (Bytes::copy_from_slice(&frame.body), 0));
        *count += 1;
        true
    }

    fn is_last(&self, frame: &Native) -> bool {
        frame.is_called(&["response.completed", "response.incomplete"])
    }

    fn fail(&mut self, error: &Error, out: &mut Out) {
        self.resume();
        self.start(out);
        let fault = failure::fault(error);
        let mut event = fault.clone();
        event["error"] = fault.clone();
        self.frame("error", event, out);
        let mut response = self.answer("failed", None, self.now());
        response.insert("error".to_owned(), failure::fault_of_answer(error));
        response.insert("output".to_owned(), json!([]));
        self.frame("response.failed", json!({ "response": response }), out);
    }
}
