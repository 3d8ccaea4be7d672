//! Writes a stream, as a server does.

use serde_json::{Map, Value};
use ultraai_core::{
    Answering, ChatEvent, Delta, Details, Error, EventEncoder, Losses, Notes, OwnedFrame, Part, Result,
    TokenLogprob, ToolCall, Usage, VendorState,
};
use ultraai_protocol_common::{Lossy, ObjectWriter};

use crate::{
    NAME,
    respond::{End, error_line, write_calls},
    time::written,
};

/// Writes the events of one stream as lines. A tool call, which this protocol writes in one piece, is written when it is
/// whole: with what comes after it.
#[derive(Debug)]
pub struct Encoder {
    model: Option<String>,
    created_at: String,
    /// Calls that are not written yet, each with its index.
    open: Vec<(u32, ToolCall)>,
    calls: bool,
    usage: Option<Usage>,
    details: Details,
}

impl Encoder {
    /// An encoder for one stream.
    pub fn new(to: &Answering<'_>) -> Self {
        Self {
            model: to.request.model.as_ref().map(ToString::to_string),
            created_at: written(to.created),
            open: Vec::new(),
            calls: false,
            usage: None,
            details: Details::default(),
        }
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<OwnedFrame>, lossy: &mut Lossy<'_>) -> Result<()> {
        match delta {
            Delta::ToolCallStart { index, id, name, .. } => {
                self.calls = true;
                self.open.push((*index, ToolCall::new(id.as_str(), name.as_str(), "")));
            }
            Delta::ToolCallArguments { index, arguments } => {
                let call = self.open.iter_mut().rev().find(|(open, _)| open == index);
                match call {
                    Some((_, call)) => call.arguments.push_str(arguments),
                    None => lossy.because("tool_calls", "the call of these arguments was written already")?,
                }
            }
            Delta::Extra(extra) => match self.open.last_mut() {
                Some((_, call)) if extra.vendor == NAME => {
                    call.notes.get_or_insert_with(Box::<Notes>::default).extra = Some(extra.clone());
                }
                _ => lossy.because("extra", "it is another protocol's, or stands beside a text")?,
            },
            Delta::Text(text) | Delta::Refusal(text) => {
                self.flush(out)?;
                self.line(out, "content", text);
            }
            Delta::Reasoning(text) => {
                self.flush(out)?;
                self.line(out, "thinking", text);
            }
            Delta::Logprobs(logprobs) => {
                self.flush(out)?;
                self.logprobs(out, logprobs);
            }
            Delta::Part(part) => self.part(part, out, lossy)?,
            Delta::Citation(_) => lossy.field("citations", true)?,
            // Its texts run together, and what another vendor wants back is of no use here.
            _ => {}
        }
        Ok(())
    }

    fn part(&mut self, part: &Part, out: &mut Vec<OwnedFrame>, lossy: &mut Lossy<'_>) -> Result<()> {
        self.flush(out)?;
        match part {
            Part::Text { text, .. } | Part::Refusal { text, .. } => self.line(out, "content", text),
            Part::Reasoning(reasoning) => self.line(out, "thinking", &reasoning.text),
            Part::ToolCall(call) => {
                self.calls = true;
                self.open.push((u32::MAX, call.clone()));
            }
            part => lossy.part("content", part)?,
        }
        Ok(())
    }

    /// Writes the calls that are whole now.
    fn flush(&mut self, out: &mut Vec<OwnedFrame>) -> Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let calls = std::mem::take(&mut self.open);
        let calls: Vec<_> = calls.iter().map(|(_, call)| (call, own_fields(call))).collect();
        let mut data = Vec::new();
        let mut object = self.begin(&mut data);
        {
            let mut message = object.object("message");
            message.field("role", "assistant");
            message.field("content", "");
            write_calls(&mut message, &calls)?;
        }
        object.field("done", &false);
        drop(object);
        out.push(OwnedFrame { name: "", data });
        Ok(())
    }

    fn line(&self, out: &mut Vec<OwnedFrame>, key: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut data = Vec::with_capacity(128 + text.len());
        let mut object = self.begin(&mut data);
        {
            let mut message = object.object("message");
            message.field("role", "assistant");
            message.field("content", if key == "content" { text } else { "" });
            message.optional("thinking", (key == "thinking").then_some(text));
        }
        object.field("done", &false);
        drop(object);
        out.push(OwnedFrame { name: "", data });
    }

    fn logprobs(&self, out: &mut Vec<OwnedFrame>, logprobs: &[TokenLogprob]) {
        let mut data = Vec::new();
        let mut object = self.begin(&mut data);
        {
            let mut message = object.object("message");
            message.field("role", "assistant");
            message.field("content", "");
        }
        object.field("done", &false);
        object.field("logprobs", logprobs);
        drop(object);
        out.push(OwnedFrame { name: "", data });
    }

    fn begin<'a>(&self, data: &'a mut Vec<u8>) -> ObjectWriter<'a> {
        let mut object = ObjectWriter::new(data);
        object.optional("model", self.model.as_ref());
        object.field("created_at", &self.created_at);
        object
    }

    fn finish(&mut self, end: &End<'_>, out: &mut Vec<OwnedFrame>, lossy: &mut Lossy<'_>) -> Result<()> {
        self.flush(out)?;
        let mut data = Vec::new();
        let mut object = ObjectWriter::new(&mut data);
        object.optional("model", self.model.as_ref());
        if !end.raw.contains_key("created_at") {
            object.field("created_at", &self.created_at);
        }
        {
            let mut message = object.object("message");
            message.field("role", "assistant");
            message.field("content", "");
            message.entries(end.raw.get("message").and_then(Value::as_object).into_iter().flatten());
        }
        end.write(&mut object, lossy)?;
        drop(object);
        out.push(OwnedFrame { name: "", data });
        Ok(())
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &ChatEvent, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()> {
        let lossy = &mut Lossy::new(NAME, losses);
        match event {
            ChatEvent::Started { model, .. } => self.model = model.clone().or(self.model.take()),
            ChatEvent::Delta(delta) => self.delta(delta, out, lossy)?,
            ChatEvent::Usage(usage) => self.usage = Some(*usage),
            ChatEvent::Details(more) => self.details.add(more, NAME),
            ChatEvent::Choice { .. } => lossy.field("alternatives", true)?,
            ChatEvent::Finished { finish_reason } => {
                let (usage, details) = (self.usage.take(), std::mem::take(&mut self.details));
                let end = End {
                    finish_reason,
                    calls: self.calls,
                    usage: usage.as_ref(),
                    logprobs: &[],
                    stop_sequence: details.stop_sequence.as_deref(),
                    service_tier: details.service_tier.as_deref(),
                    raw: &details.raw,
                };
                self.finish(&end, out, lossy)?;
            }
            // The events that were made of it say it.
            _ => {}
        }
        Ok(())
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<OwnedFrame>) {
        out.push(OwnedFrame { name: "", data: error_line(error.message()) });
    }
}

fn own_fields(call: &ToolCall) -> Option<&Map<String, Value>> {
    match &call.notes.as_ref()?.extra {
        Some(VendorState { vendor, data, .. }) if vendor == NAME => data.as_object(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{ChatRequest, ErrorKind, FinishReason, ModelName};

    use super::*;

    fn lines(events: &[ChatEvent], losses: &mut Losses) -> Vec<Value> {
        let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap());
        let mut encoder = Encoder::new(&Answering { request: &request, id: "1", created: 0 });
        let mut out = Vec::new();
        for event in events {
            encoder.push(event, &mut out, losses).unwrap();
        }
        encoder.fail(&Error::new(ErrorKind::ServerError, "it broke"), &mut out);
        out.iter().map(|frame| serde_json::from_slice(&frame.data).unwrap()).collect()
    }

    #[test]
    fn a_call_that_comes_in_pieces_is_one_line() {
        let call = |index, name: &str| {
            ChatEvent::Delta(Delta::ToolCallStart {
                index,
                id: format!("call_{index}"),
                name: name.into(),
                state: None,
            })
        };
        let more = |index, arguments: &str| {
            ChatEvent::Delta(Delta::ToolCallArguments { index, arguments: arguments.into() })
        };
        let events = [
            call(0, "f"),
            call(1, "g"),
            more(0, "{\"a\":"),
            more(1, "{}"),
            more(0, "1}"),
            ChatEvent::text("and"),
            ChatEvent::Delta(Delta::Citation(Box::default())),
            ChatEvent::Finished { finish_reason: FinishReason::ToolCalls },
        ];
        let mut losses = Losses::noted();
        let written = lines(&events, &mut losses);
        assert_eq!(losses.as_slice(), ["`citations`: ollama has no such field"]);
        let calls = json!([
            { "id": "call_0", "function": { "name": "f", "arguments": { "a": 1 } } },
            { "id": "call_1", "function": { "name": "g", "arguments": {} } },
        ]);
        assert_eq!(written[0]["message"]["tool_calls"], calls);
        assert_eq!(
            (&written[0]["created_at"], &written[0]["done"]),
            (&json!("1970-01-01T00:00:00Z"), &json!(false))
        );
        assert_eq!(written[1]["message"], json!({ "role": "assistant", "content": "and" }));
        assert_eq!((&written[2]["done_reason"], &written[2]["done"]), (&json!("stop"), &json!(true)));
        assert_eq!((&written[3], written.len()), (&json!({ "error": "it broke" }), 4));
    }
}
