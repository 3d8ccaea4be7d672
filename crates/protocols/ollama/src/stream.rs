//! Reads a stream line by line.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::Map;
use ultraai_core::{ChatEvent, Delta, Details, Native, Result, TokenLogprob};
use ultraai_protocol_common::{FunctionCall, is_fault, parse, with_usage};

use crate::{
    NAME,
    answer::{Answer, Line, numbered},
    fault::in_band,
};

/// Reads one stream. The line that says `done` finishes it, and nothing else does.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    finished: bool,
    calls: u32,
}

impl Decoder {
    /// A decoder for one stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a line and puts what it says behind `out`.
    ///
    /// # Errors
    /// What the server says went wrong, or `Undecodable`; nothing is to be pushed after that.
    pub fn push(&mut self, frame: &Bytes, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let text = frame.trim_ascii();
        if self.finished || text.is_empty() {
            return Ok(());
        }
        let mut line: Line<'_> = parse(text, "a line of the stream")?;
        if line.done == Some(true) {
            // The last line has more to say, and there is one of it.
            return self.push_last(parse(text, "a line of the stream")?, out);
        }
        if let Some(error) = line.error.take().filter(is_fault) {
            let answer: Answer<'_> = parse(text, "a line of the stream")?;
            return Err(with_usage(in_band(&error), answer.usage(), None));
        }
        let message = line.message.take();
        if line.unknown.0 || message.as_ref().is_some_and(|message| message.unknown.0) {
            out.push_back(ChatEvent::Native(Native::new(NAME, frame.clone())));
        }
        if let Some(message) = message {
            self.start(|| std::mem::take(&mut line.model).filled(), out);
            push_texts(message.thinking.filled(), message.content.filled(), out);
            self.push_calls(message.tool_calls, line.created_at.as_str(), out)?;
        }
        push_logprobs(line.logprobs.0, out);
        Ok(())
    }

    fn push_last(&mut self, mut answer: Answer<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if let Some(error) = answer.error.take().filter(is_fault) {
            return Err(with_usage(in_band(&error), answer.usage(), None));
        }
        self.start(|| std::mem::take(&mut answer.model).filled(), out);
        let mut of_the_message = Map::new();
        if let Some(message) = answer.message.take() {
            push_texts(message.thinking.filled(), message.content.filled(), out);
            self.push_calls(message.tool_calls, &answer.created_at(), out)?;
            of_the_message = message.others;
        }
        push_logprobs(std::mem::take(&mut answer.logprobs.0), out);
        let finish_reason = answer.finish_reason(self.calls > 0)?;
        let usage = answer.usage();
        let mut details = Details::default();
        details.raw = answer.take_raw(of_the_message);
        if !details.raw.is_empty() {
            out.push_back(ChatEvent::Details(details));
        }
        out.extend(usage.map(ChatEvent::Usage));
        self.finished = true;
        out.push_back(ChatEvent::Finished { finish_reason });
        Ok(())
    }

    fn start(&mut self, model: impl FnOnce() -> Option<String>, out: &mut VecDeque<ChatEvent>) {
        if !std::mem::replace(&mut self.started, true) {
            out.push_back(ChatEvent::Started { model: model(), request_id: None });
        }
    }

    fn push_calls(
        &mut self,
        calls: Vec<FunctionCall<'_>>,
        created_at: &str,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        for call in calls {
            let index = self.calls;
            let call = numbered(call, created_at, index)?;
            self.calls = index.saturating_add(1);
            let (id, name, arguments) = (call.id, call.name, call.arguments);
            out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state: None }));
            out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }));
            let extra = call.notes.and_then(|notes| notes.extra);
            out.extend(extra.map(|extra| ChatEvent::Delta(Delta::Extra(extra))));
        }
        Ok(())
    }
}

fn push_texts(thinking: Option<String>, text: Option<String>, out: &mut VecDeque<ChatEvent>) {
    out.extend(thinking.map(|text| ChatEvent::Delta(Delta::Reasoning(text))));
    out.extend(text.map(ChatEvent::text));
}

fn push_logprobs(logprobs: Vec<TokenLogprob>, out: &mut VecDeque<ChatEvent>) {
    if !logprobs.is_empty() {
        out.push_back(ChatEvent::Delta(Delta::Logprobs(logprobs)));
    }
}

#[cfg(test)]
mod tests {
    use ultraai_core::Usage;

    use super::*;

    /// The events in short, and the error that ended them.
    fn read(lines: &[&str]) -> Vec<String> {
        let (mut decoder, mut out) = (Decoder::new(), VecDeque::new());
        let ended = lines
            .iter()
            .try_for_each(|line| decoder.push(&Bytes::copy_from_slice(line.as_bytes()), &mut out));
        let short = |event: ChatEvent| match event {
            ChatEvent::Started { model, .. } => format!("<{}", model.unwrap_or_default()),
            ChatEvent::Delta(Delta::Text(text)) => text,
            ChatEvent::Delta(Delta::Reasoning(text)) => format!("hm: {text}"),
            ChatEvent::Delta(Delta::ToolCallStart { index, id, name, .. }) => format!("{index}: {id} {name}"),
            ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }) => {
                format!("{index}+ {arguments}")
            }
            ChatEvent::Usage(Usage { input_tokens, output_tokens, .. }) => {
                format!("{input_tokens}/{output_tokens}")
            }
            ChatEvent::Finished { finish_reason } => format!("{}>", finish_reason.as_str()),
            other => format!("{other:?}"),
        };
        out.into_iter()
            .map(short)
            .chain(ended.err().map(|error| format!("{}: {error}", error.kind())))
            .collect()
    }

    const THINKING: &str =
        r#"{"model":"m","message":{"role":"assistant","content":"","thinking":"r"},"done":false}"#;
    const TEXT: &str = r#"{"model":"m","message":{"role":"assistant","content":"a"},"done":false}"#;
    const DONE: &str = r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",
        "prompt_eval_count":1,"eval_count":2}"#;

    #[test]
    fn the_line_that_says_done_finishes_the_answer() {
        assert_eq!(read(&[THINKING, TEXT, " ", DONE, TEXT]), ["<m", "hm: r", "a", "1/2", "stop>"]);
        let cached = r#"{"model":"m","done":true,"done_reason":"length"}"#;
        assert_eq!(read(&[TEXT, cached]), ["<m", "a", "length>"]);
    }

    #[test]
    fn nobody_invents_an_end() {
        assert_eq!(read(&[TEXT, TEXT]), ["<m", "a", "a"]);
        assert!(read(&[r#"{"status":"ping"}"#]).iter().all(|event| event.starts_with("Native")));
    }

    #[test]
    fn tool_calls_come_whole_and_are_counted_through() {
        let call = r#"{"message":{"tool_calls":[{"function":{"index":0,"name":"f","arguments":{}}}]}}"#;
        let events = read(&[call, call, DONE]);
        let ids: Vec<_> = [&events[1], &events[3]].iter().map(|event| event.split(' ').nth(1)).collect();
        assert!(ids[0].is_some() && ids[0] != ids[1], "{ids:?}");
        assert_eq!(
            [&events[2], &events[4], &events[5], &events[6]],
            ["0+ {}", "1+ {}", "1/2", "tool_calls>"]
        );
    }

    #[test]
    fn a_line_with_a_field_that_nobody_knows_is_handed_out_as_it_came() {
        for line in [
            r#"{"message":{"content":"a"},"novel":1}"#,
            r#"{"message":{"content":"a","novel":1}}"#,
            r#"{"novel":"ping"}"#,
        ] {
            let (mut decoder, mut out) = (Decoder::new(), VecDeque::new());
            decoder.push(&Bytes::copy_from_slice(line.as_bytes()), &mut out).unwrap();
            let native = Native::new(NAME, Bytes::copy_from_slice(line.as_bytes()));
            assert_eq!(out.pop_front(), Some(ChatEvent::Native(native)), "{line}");
        }
    }

    #[test]
    fn what_stands_beside_the_end_is_told() {
        let line = r#"{"done":true,"done_reason":"stop","total_duration":5,"novel":7,"eval_count":"3"}"#;
        let (mut decoder, mut out) = (Decoder::new(), VecDeque::new());
        decoder.push(&Bytes::copy_from_slice(line.as_bytes()), &mut out).unwrap();
        let Some(ChatEvent::Details(details)) = out.get(1) else { panic!("{out:?}") };
        let raw = serde_json::json!({ "total_duration": 5, "novel": 7, "eval_count": 3 });
        assert_eq!(serde_json::Value::Object(details.raw.clone()), raw);
    }

    #[test]
    fn an_error_ends_the_stream() {
        assert_eq!(read(&[TEXT, r#"{"error":"server busy"}"#, DONE]), ["<m", "a", "overloaded: server busy"]);
    }

    #[test]
    fn what_is_no_line_is_an_error_that_repeats_none_of_it() {
        for line in ["secret", r#"{"message":"secret"}"#, r#"{"message":{"content":"secret"#] {
            let last = read(&[line]).pop().unwrap();
            assert!(
                last.starts_with("undecodable: a line of the stream") && !last.contains("secret"),
                "{last}"
            );
        }
    }
}
