//! Writes a stream, as a server does.

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatEvent, Delta, Details, Error, EventEncoder, Losses, OwnedFrame, Part, Result,
    TokenLogprob, Usage,
};
use ultraai_protocol_common::{Lossy, ObjectWriter};

use crate::{
    NAME, citation,
    respond::{logprob, word},
    usage,
};

/// What is being said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    /// An item of this kind, `text` or `thinking`.
    Item(&'static str),
    /// The call of this index.
    Call(u32),
}

/// Writes the events of one stream. Reasoning that came as a plan is written as thinking: what it is, is told behind it.
#[derive(Debug)]
pub struct Encoder {
    id: String,
    started: bool,
    open: Open,
    items: usize,
    calls: u32,
    usage: Option<Usage>,
    details: Details,
}

impl Encoder {
    /// An encoder for one stream.
    pub fn new(to: &Answering<'_>) -> Self {
        Self {
            id: to.id.to_owned(),
            started: false,
            open: Open::Nothing,
            items: 0,
            calls: 0,
            usage: None,
            details: Details::default(),
        }
    }

    fn start(&mut self, out: &mut Vec<OwnedFrame>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let message =
            json!({ "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] });
        let data = json!({ "id": self.id, "type": "message-start", "delta": { "message": message } });
        push(out, "message-start", data.to_string().into_bytes());
    }

    /// Ends what is open.
    fn close(&mut self, out: &mut Vec<OwnedFrame>) {
        let (kind, index) = match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => return,
            Open::Item(_) => ("content-end", self.items.saturating_sub(1)),
            Open::Call(index) => ("tool-call-end", usize::try_from(index).unwrap_or_default()),
        };
        let mut data = Vec::with_capacity(48);
        let mut object = ObjectWriter::new(&mut data);
        object.field("type", kind);
        object.field("index", &index);
        drop(object);
        push(out, kind, data);
    }

    fn item(&mut self, kind: &'static str, text: &str, out: &mut Vec<OwnedFrame>) {
        if text.is_empty() {
            return;
        }
        if self.open != Open::Item(kind) {
            self.close(out);
            self.open = Open::Item(kind);
            let content = json!({ "type": kind, kind: "" });
            let data = json!({
                "type": "content-start", "index": self.items, "delta": { "message": { "content": content } },
            });
            self.items += 1;
            push(out, "content-start", data.to_string().into_bytes());
        }
        self.piece(kind, text, None, out);
    }

    fn piece(&self, kind: &'static str, text: &str, token: Option<&TokenLogprob>, out: &mut Vec<OwnedFrame>) {
        let mut data = Vec::with_capacity(96 + text.len());
        let mut object = ObjectWriter::new(&mut data);
        object.field("type", "content-delta");
        object.field("index", &self.items.saturating_sub(1));
        object.object("delta").object("message").object("content").field(kind, text);
        object.optional("logprobs", token.map(logprob));
        drop(object);
        push(out, "content-delta", data);
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<OwnedFrame>, lossy: &mut Lossy<'_>) -> Result<()> {
        self.start(out);
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => self.item("text", text, out),
            Delta::Reasoning(text) => self.item("thinking", text, out),
            Delta::NextPart => self.close(out),
            Delta::ToolCallStart { id, name, .. } => {
                self.close(out);
                self.open = Open::Call(self.calls);
                let call =
                    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": "" } });
                let data = json!({
                    "type": "tool-call-start", "index": self.calls, "delta": { "message": { "tool_calls": call } },
                });
                self.calls += 1;
                push(out, "tool-call-start", data.to_string().into_bytes());
            }
            Delta::ToolCallArguments { index, arguments } => {
                let call = json!({ "function": { "arguments": arguments } });
                let data = json!({
                    "type": "tool-call-delta", "index": index, "delta": { "message": { "tool_calls": call } },
                });
                push(out, "tool-call-delta", data.to_string().into_bytes());
            }
            Delta::Citation(cited) => {
                let cited = std::slice::from_ref(&**cited);
                let index = self.items.saturating_sub(1);
                for native in citation::written(cited, None, index, "content", lossy)? {
                    let data = json!({
                        "type": "citation-start", "index": index, "delta": { "message": { "citations": native } },
                    });
                    push(out, "citation-start", data.to_string().into_bytes());
                    let data = json!({ "type": "citation-end", "index": index });
                    push(out, "citation-end", data.to_string().into_bytes());
                }
            }
            Delta::Logprobs(tokens) => {
                lossy.field("top_logprobs", tokens.iter().any(|token| !token.top_logprobs.is_empty()))?;
                for token in tokens {
                    self.piece("text", "", Some(token), out);
                }
            }
            Delta::Part(part) => match &**part {
                Part::Text { text, .. } | Part::Refusal { text, .. } => {
                    self.close(out);
                    self.item("text", text, out);
                }
                Part::Reasoning(reasoning) => {
                    self.close(out);
                    self.item("thinking", &reasoning.text, out);
                }
                part => lossy.part("content", part)?,
            },
            Delta::Extra(extra) => {
                let why = format!("a stream has no place for the fields of {}", extra.vendor);
                lossy.because("content", &why)?;
            }
            // What another vendor wants back is of no use here.
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, event: &ChatEvent, out: &mut Vec<OwnedFrame>, lossy: &mut Lossy<'_>) -> Result<()> {
        let ChatEvent::Finished { finish_reason } = event else { return Ok(()) };
        let details = std::mem::take(&mut self.details);
        lossy.field("stop_sequence", details.stop_sequence.is_some())?;
        lossy.field("service_tier", details.service_tier.is_some())?;
        self.start(out);
        self.close(out);
        let mut data = Vec::new();
        let mut object = ObjectWriter::new(&mut data);
        object.field("type", "message-end");
        {
            let mut delta = object.object("delta");
            delta.optional("finish_reason", word(finish_reason, &details.raw));
            usage::write(&mut delta, self.usage.as_ref(), details.raw.get("usage"), lossy)?;
        }
        let known =
            |key: &str| matches!(key, "type" | "delta" | "message" | "finish_reason" | "usage" | "logprobs");
        object.entries(details.raw.iter().filter(|(key, _)| !known(key)));
        drop(object);
        push(out, "message-end", data);
        done(out);
        Ok(())
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &ChatEvent, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()> {
        let lossy = &mut Lossy::new(NAME, losses);
        match event {
            ChatEvent::Started { request_id, .. } => {
                if let Some(id) = request_id {
                    self.id.clone_from(id);
                }
                self.start(out);
            }
            ChatEvent::Delta(delta) => self.delta(delta, out, lossy)?,
            ChatEvent::Usage(usage) => self.usage = Some(*usage),
            ChatEvent::Details(more) => self.details.add(more, NAME),
            ChatEvent::Choice { .. } => lossy.field("alternatives", true)?,
            event => self.finish(event, out, lossy)?,
        }
        Ok(())
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<OwnedFrame>) {
        self.start(out);
        let delta: Value = json!({ "error": error.message(), "finish_reason": "ERROR" });
        let data = json!({ "type": "message-end", "delta": delta });
        push(out, "message-end", data.to_string().into_bytes());
        done(out);
    }
}

fn push(out: &mut Vec<OwnedFrame>, name: &'static str, data: Vec<u8>) {
    out.push(OwnedFrame { name, data });
}

fn done(out: &mut Vec<OwnedFrame>) {
    push(out, "", b"[DONE]".to_vec());
}

#[cfg(test)]
mod tests {
    use ultraai_core::{ChatRequest, ErrorKind};

    use super::*;

    #[test]
    fn a_stream_that_fails_says_so_in_its_end() {
        let request = ChatRequest::default();
        let mut encoder = Encoder::new(&Answering { request: &request, id: "1", created: 0 });
        let mut out = Vec::new();
        encoder.push(&ChatEvent::text("a"), &mut out, &mut Losses::refused()).unwrap();
        encoder.fail(&Error::new(ErrorKind::ServerError, "it broke"), &mut out);
        let names: Vec<_> = out.iter().map(|frame| frame.name).collect();
        assert_eq!(names, ["message-start", "content-start", "content-delta", "message-end", ""]);
        let end: Value = serde_json::from_slice(&out[3].data).unwrap();
        assert_eq!(end["delta"], json!({ "error": "it broke", "finish_reason": "ERROR" }));
        assert_eq!(out[4].data, b"[DONE]");
    }
}
