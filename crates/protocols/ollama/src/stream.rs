//! Reads a stream line by line.

use std::collections::VecDeque;

use ultraai_core::{ChatEvent, Delta, Error, ErrorKind, Result};
use ultraai_protocol_common::{is_fault, parse, with_usage};

use crate::{
    answer::{Answer, Call},
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
    pub fn push(&mut self, line: &[u8], out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let line = line.trim_ascii();
        if self.finished || line.is_empty() {
            return Ok(());
        }
        let mut answer: Answer<'_> = parse(line, "a line of the stream")?;
        if let Some(error) = answer.error.take().filter(is_fault) {
            return Err(with_usage(in_band(&error), answer.usage(), None));
        }
        let done = answer.done == Some(true);
        let message = answer.message.take();
        if !self.started && (message.is_some() || done) {
            self.started = true;
            let model = std::mem::take(&mut answer.model).filled();
            out.push_back(ChatEvent::Started { model, request_id: None });
        }
        if let Some(message) = message {
            let thinking = message.thinking.filled().map(|text| ChatEvent::Delta(Delta::Reasoning(text)));
            out.extend(thinking);
            out.extend(message.content.filled().map(ChatEvent::text));
            for call in message.tool_calls.into_iter().flatten() {
                self.push_call(call, out)?;
            }
        }
        if done {
            let finish_reason = answer.finish_reason(self.calls > 0)?;
            out.extend(answer.usage().map(ChatEvent::Usage));
            self.finished = true;
            out.push_back(ChatEvent::Finished { finish_reason });
        }
        Ok(())
    }

    fn push_call(&mut self, mut call: Call<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let arguments = call.function.arguments();
        let Some(name) = call.function.name.filled() else {
            return Err(Error::new(ErrorKind::Undecodable, "the model asks for a tool without a name"));
        };
        // The server's own index starts anew with each line at some versions.
        let index = self.calls;
        self.calls = index.saturating_add(1);
        let (id, state) = (call.id.filled().unwrap_or_default(), None);
        out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state }));
        out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ultraai_core::Usage;

    use super::*;

    /// The events in short, and the error that ended them.
    fn read(lines: &[&str]) -> Vec<String> {
        let (mut decoder, mut out) = (Decoder::new(), VecDeque::new());
        let ended = lines.iter().try_for_each(|line| decoder.push(line.as_bytes(), &mut out));
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
        let cached = r#"{"model":"m","done":true,"done_reason":"length","eval_count":2}"#;
        assert_eq!(read(&[TEXT, cached]), ["<m", "a", "length>"]);
    }

    #[test]
    fn nobody_invents_an_end() {
        assert_eq!(read(&[TEXT, TEXT]), ["<m", "a", "a"]);
        assert_eq!(read(&[r#"{"status":"ping"}"#]), Vec::<String>::new());
    }

    #[test]
    fn tool_calls_come_whole_and_are_counted_through() {
        let call = r#"{"message":{"tool_calls":[{"function":{"index":0,"name":"f","arguments":{}}}]}}"#;
        let expected = ["<", "0:  f", "0+ {}", "1:  f", "1+ {}", "1/2", "tool_calls>"];
        assert_eq!(read(&[call, call, DONE]), expected);
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
