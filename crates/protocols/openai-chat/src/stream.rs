//! Reads a stream event by event.

use std::collections::VecDeque;

use serde_json::Value;
use ultraai_core::{ChatEvent, Delta, Error, ErrorKind, FinishReason, Result};
use ultraai_protocol_common::{at_the_top, in_band, is_fault, parse, with_usage};

use crate::{
    answer::{Answer, Call, Choice, Choices, Said},
    usage::finish_reason,
};

/// Reads one stream. Push each event, and call [`end`](Self::end) when the body has come to its clean end.
///
/// `Finished` comes at `[DONE]` or at the clean end after a finish reason, since usage mostly follows that reason. Some
/// servers leave the reason out; then the usage at the end says that there was one.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    finish_reason: Option<FinishReason>,
    usage: Told,
    finished: bool,
    calls: Vec<Started>,
}

/// When usage was told. Who does not tell it all along knows it at the answer's end only.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Told {
    #[default]
    Never,
    /// By the last event, and by none before.
    Last,
    Earlier,
}

/// A tool call of the stream; its position is its index in our events.
#[derive(Debug)]
struct Started {
    /// The vendor's index.
    index: Option<u64>,
    id: String,
    /// Arguments that came before the name.
    held: String,
    named: bool,
}

impl Decoder {
    /// A decoder for one stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the event named `event`, mostly unnamed, that holds `data`, and puts what it says behind `out`.
    ///
    /// # Errors
    /// What the vendor says went wrong, with the usage where that stands beside it, `Interrupted` for a `[DONE]` that comes
    /// before the answer's end, or `Undecodable`; nothing is to be pushed after that.
    pub fn push(&mut self, event: &str, data: &[u8], out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let data = data.trim_ascii();
        if self.finished || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            // A gateway says so too when the server behind it broke off.
            if self.finish_reason.is_none() && self.usage != Told::Last {
                let message = "the stream ended without a reason for the answer's end";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            return self.finish(out);
        }
        if event == "error" {
            let value: Value = parse(data, "an event of the stream")?;
            return Err(in_band(&value));
        }
        let chunk: Answer<'_> = parse(data, "an event of the stream")?;
        let usage = chunk.usage();
        self.usage = match self.usage {
            Told::Never if usage.is_some() => Told::Last,
            Told::Never => Told::Never,
            Told::Last | Told::Earlier => Told::Earlier,
        };
        self.push_chunk(chunk, data, out).map_err(|error| with_usage(error, usage, None))?;
        out.extend(usage.map(ChatEvent::Usage));
        Ok(())
    }

    fn push_chunk(
        &mut self,
        mut chunk: Answer<'_>,
        data: &[u8],
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        if let Some(error) = chunk.error.take().filter(is_fault) {
            return Err(in_band(&error));
        }
        if matches!(chunk.choices, Choices::Missing) {
            // Some servers put an error at the top of an event.
            let value = parse::<Value>(data, "an event of the stream")?;
            if let Some(error) = at_the_top(&value) {
                return Err(error);
            }
        }
        if let Choices::First(choice) = chunk.choices {
            if !self.started {
                self.started = true;
                out.push_back(ChatEvent::Started {
                    model: chunk.model.filled(),
                    request_id: chunk.id.filled(),
                });
            }
            self.push_choice(choice, out)?;
        }
        Ok(())
    }

    /// Takes the clean end of the body: the answer is finished when a finish reason came.
    ///
    /// # Errors
    /// `Undecodable` when a tool call has no name.
    pub fn end(&mut self, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if self.finished || self.finish_reason.is_none() { Ok(()) } else { self.finish(out) }
    }

    fn finish(&mut self, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if self.calls.iter().any(|call| !call.named) {
            return Err(Error::new(ErrorKind::Undecodable, "the model asks for a tool without a name"));
        }
        self.finished = true;
        let finish_reason =
            self.finish_reason.take().unwrap_or_else(|| FinishReason::Other("unknown".into()));
        out.push_back(ChatEvent::Finished { finish_reason });
        Ok(())
    }

    fn push_choice(&mut self, mut choice: Choice<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if let Some(mut delta) = choice.delta.take() {
            delta.said(|said, text| {
                out.push_back(ChatEvent::Delta(match said {
                    Said::Text => Delta::Text(text),
                    Said::Reasoning => Delta::Reasoning(text),
                    Said::Refusal => Delta::Refusal(text),
                }));
            });
            for call in delta.calls() {
                self.push_call(call, out)?;
            }
        }
        if let Some(error) = choice.error.take().filter(is_fault) {
            return Err(in_band(&error));
        }
        let word = choice.finish_reason.as_str();
        if !word.is_empty() {
            let reason = finish_reason(word)?;
            // A later `stop` says less than what came before it.
            match &self.finish_reason {
                Some(known) if *known != FinishReason::Stop && reason == FinishReason::Stop => {}
                _ => self.finish_reason = Some(reason),
            }
        }
        Ok(())
    }

    fn push_call(&mut self, call: Call<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let place = self.place(&call)?;
        let index =
            u32::try_from(place).map_err(|_| Error::new(ErrorKind::Undecodable, "too many tool calls"))?;
        let known = &mut self.calls[place];
        let function = call.function.unwrap_or_default();
        let mut more = function.arguments.0;
        if !known.named {
            if known.id.is_empty() {
                known.id = call.id.filled().unwrap_or_default();
            }
            let Some(name) = function.name.filled() else {
                known.held.push_str(&more);
                return Ok(());
            };
            known.named = true;
            let (id, state) = (known.id.clone(), None);
            out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state }));
            if !known.held.is_empty() {
                more = (std::mem::take(&mut known.held) + &more).into();
            }
        }
        if !more.is_empty() {
            out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments: more.into_owned() }));
        }
        Ok(())
    }

    /// The call that a piece belongs to. Some vendors leave the index out, or give the same one to every call: then a
    /// new id begins a new call.
    fn place(&mut self, call: &Call<'_>) -> Result<usize> {
        let id = call.id.as_str();
        let known = match call.index.0 {
            Some(index) => self.calls.iter().rposition(|known| known.index == Some(index)),
            None => self.calls.len().checked_sub(1),
        };
        let same = known
            .filter(|place| id.is_empty() || self.calls[*place].id.is_empty() || self.calls[*place].id == id);
        match same {
            Some(place) => Ok(place),
            None if self.calls.len() >= MOST_CALLS => {
                Err(Error::new(ErrorKind::Undecodable, "too many tool calls"))
            }
            None => {
                let (index, id) = (call.index.0, id.to_owned());
                self.calls.push(Started { index, id, held: String::new(), named: false });
                Ok(self.calls.len() - 1)
            }
        }
    }
}

/// No model asks for more tools in one answer; a server that does would fill the memory.
const MOST_CALLS: usize = 4096;

#[cfg(test)]
mod tests {
    use ultraai_core::Usage;

    use super::*;

    /// The events in short, and the error that ended them.
    fn read(events: &[&str]) -> Vec<String> {
        let (mut decoder, mut out) = (Decoder::new(), VecDeque::new());
        let mut push = |event: &&str| {
            let (name, data) = event.split_once('|').unwrap_or(("", event));
            decoder.push(name, data.as_bytes(), &mut out)
        };
        let ended = events.iter().try_for_each(&mut push);
        let ended = ended.and_then(|()| decoder.end(&mut out));
        let short = |event: ChatEvent| match event {
            ChatEvent::Started { model, request_id } => {
                format!("<{} {}", model.unwrap_or_default(), request_id.unwrap_or_default())
            }
            ChatEvent::Delta(Delta::Text(text)) => text,
            ChatEvent::Delta(Delta::Reasoning(text)) => format!("hm: {text}"),
            ChatEvent::Delta(Delta::Refusal(text)) => format!("no: {text}"),
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

    const ROLE: &str = r#"{"id":"x","model":"m","choices":[{"delta":{"role":"assistant","content":""}}]}"#;
    const TEXT: &str =
        r#"{"id":"x","model":"m","choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null}"#;
    const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

    fn tool(call: &str) -> String {
        format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#)
    }

    #[test]
    fn an_answer_is_finished_after_its_usage() {
        let expected = ["<m x", "a", "1/2", "stop>"];
        assert_eq!(read(&[ROLE, TEXT, STOP, USAGE, "[DONE]", TEXT]), expected);
        assert_eq!(read(&[TEXT, STOP, USAGE]), expected);
        assert_eq!(read(&["", TEXT, STOP, STOP, USAGE, " [DONE] "]), expected);
    }

    #[test]
    fn nobody_invents_an_end() {
        assert_eq!(read(&[ROLE, TEXT]), ["<m x", "a"]);
        let cut = "interrupted: the stream ended without a reason for the answer's end";
        assert_eq!(read(&[ROLE, TEXT, "[DONE]"]), ["<m x", "a", cut]);
        assert_eq!(read(&["[DONE]"]), [cut]);
        assert_eq!(read(&[]), Vec::<String>::new());
    }

    #[test]
    fn usage_at_the_end_stands_for_a_reason_that_is_left_out() {
        assert_eq!(read(&[ROLE, TEXT, USAGE, "[DONE]"]), ["<m x", "a", "1/2", "unknown>"]);
        let with_usage =
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        assert_eq!(read(&[TEXT, with_usage, "[DONE]"]).pop().unwrap(), "unknown>");
        let read = read(&[with_usage, with_usage, "[DONE]"]);
        assert!(
            read.last().unwrap().starts_with("interrupted"),
            "counts of what came so far are no end: {read:?}"
        );
    }

    #[test]
    fn the_reason_that_says_more_stays() {
        let length = r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"length"}]}"#;
        assert_eq!(read(&[length, STOP]), ["< ", "b", "length>"]);
        assert_eq!(read(&[STOP, length]), ["< ", "b", "length>"]);
    }

    #[test]
    fn reasoning_and_refusal_are_told_from_text() {
        let both = r#"{"choices":[{"delta":{"reasoning_content":"r","content":"a","refusal":"n"}}]}"#;
        let parts = r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"text":"r"}]},{"text":"a"}]}}]}"#;
        assert_eq!(read(&[both, parts]), ["< ", "hm: r", "a", "no: n", "hm: r", "a"]);
    }

    #[test]
    fn tool_calls_are_told_apart_by_index_or_by_id() {
        let calls = |pieces: &[&str]| {
            let pieces: Vec<_> = pieces.iter().map(|piece| tool(piece)).collect();
            read(&pieces.iter().map(String::as_str).collect::<Vec<_>>()).split_off(1)
        };
        let expected = ["0: 1 f", "0+ {", "0+ }", "1: 2 g", "1+ {}"];
        for pieces in [
            [
                r#"{"index":0,"id":"1","function":{"name":"f","arguments":"{"}}"#,
                r#"{"index":0,"function":{"arguments":"}"}}"#,
                r#"{"index":1,"id":"2","function":{"name":"g","arguments":"{}"}}"#,
            ],
            [
                r#"{"id":"1","function":{"name":"f","arguments":"{"}}"#,
                r#"{"id":"1","function":{"arguments":"}"}}"#,
                r#"{"id":"2","function":{"name":"g","arguments":{}}}"#,
            ],
            [
                r#"{"index":0,"id":"1","function":{"name":"f","arguments":"{"}}"#,
                r#"{"index":0,"id":"","function":{"name":"","arguments":"}"}}"#,
                r#"{"index":0,"id":"2","function":{"name":"g","arguments":"{}"}}"#,
            ],
        ] {
            assert_eq!(calls(&pieces), expected, "{pieces:?}");
        }
        let late = [
            r#"{"index":0,"id":"1","function":{"arguments":"{"}}"#,
            r#"{"index":0,"function":{"name":"f","arguments":"}"}}"#,
        ];
        assert_eq!(calls(&late), ["0: 1 f", "0+ {}"]);
    }

    #[test]
    fn an_error_ends_the_stream_wherever_it_stands() {
        for event in [
            r#"error|{"error":{"message":"m","type":"invalid_request_error","status_code":400}}"#,
            r#"error|{"message":"m","status":400}"#,
            r#"{"error":{"message":"m","code":400},"choices":[{"delta":{"content":""}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"error","error":{"message":"m","code":400}}]}"#,
            r#"{"object":"error","message":"m","code":400}"#,
        ] {
            assert_eq!(read(&[TEXT, event, STOP]), ["<m x", "a", "rejected: m"], "{event}");
        }
        let lost = read(&[TEXT, r#"{"choices":[{"delta":{},"finish_reason":"network_error"}]}"#]);
        assert!(lost.last().unwrap().starts_with("server_error"));
    }

    #[test]
    fn an_error_says_what_was_used_where_that_stands_beside_it() {
        for choices in [
            r#"[{"delta":{},"finish_reason":"error"}]"#,
            r#"[{"delta":{},"error":{"message":"m","code":503}}]"#,
            r#"[],"error":{"message":"m"}"#,
        ] {
            let event =
                format!(r#"{{"usage":{{"prompt_tokens":7,"completion_tokens":2}},"choices":{choices}}}"#);
            let error = Decoder::new().push("", event.as_bytes(), &mut VecDeque::new()).unwrap_err();
            assert_eq!(error.partial().unwrap().usage, Some(Usage::reported(7, 2)), "{choices}");
        }
    }

    #[test]
    fn usage_in_every_chunk_counts_what_came_so_far() {
        let chunk = |said: u32| {
            format!(
                r#"{{"choices":[{{"delta":{{"content":"a"}}}}],"usage":{{"prompt_tokens":7,"completion_tokens":{said}}}}}"#
            )
        };
        assert_eq!(read(&[&chunk(1), &chunk(2)]), ["< ", "a", "7/1", "a", "7/2"]);
    }

    #[test]
    fn what_is_no_chunk_is_an_error_that_repeats_none_of_it() {
        for event in
            ["secret", r#"{"choices":[{"delta":"secret"}]}"#, r#"{"choices":[{"delta":{"content":"secret"#]
        {
            let last = read(&[event]).pop().unwrap();
            assert!(
                last.starts_with("undecodable: an event of the stream") && !last.contains("secret"),
                "{last}"
            );
        }
        assert_eq!(
            read(&[r#"ping|{"type":"ping"}"#, r#"{"choices":[],"prompt_filter_results":[]}"#]),
            Vec::<String>::new()
        );
    }
}
