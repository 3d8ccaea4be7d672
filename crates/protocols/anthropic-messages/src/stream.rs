//! Reads a stream event by event.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::{Map, Value};
use ultraai_core::{ChatEvent, Delta, Error, ErrorKind, FinishReason, Result, Usage};
use ultraai_protocol_common::{in_band, is_fault, parse, with_usage};

use crate::{
    answer::{Block, Event, Kind, Message, Piece, opaque, signed},
    usage::{UsageBody, finish_reason},
};

const EVENT: &str = "an event of the stream";

/// Reads one stream. Push each event; `Finished` comes at `message_stop` and nowhere else.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The id of the answer, once it has begun.
    started: Option<String>,
    finished: bool,
    usage: UsageBody,
    /// Usage was told before the output was counted, and nothing better came yet.
    told_early: bool,
    finish_reason: Option<FinishReason>,
    calls: u32,
    block: Open,
}

/// The block that is being told. Blocks come one after the other.
#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Thinking {
        signature: Option<String>,
    },
    Call {
        index: u32,
        /// The arguments, where no pieces of them come.
        arguments: Option<String>,
    },
    Opaque {
        block: Map<String, Value>,
        /// The JSON of its input.
        input: String,
    },
}

impl Decoder {
    /// A decoder for one stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the event named `name` that holds `data`, and puts what it says behind `out`. What it does not know is left
    /// out, as the protocol asks for.
    ///
    /// # Errors
    /// What the vendor says went wrong, `Interrupted` for an end without its reason, or `Undecodable`; nothing is to be pushed after that.
    pub fn push(&mut self, name: &str, data: &[u8], out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let data = data.trim_ascii();
        // Gateways that speak OpenAI's protocol too end all their streams in its way.
        if self.finished || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let mut event: Event<'_> = match parse(data, EVENT) {
            Ok(event) => event,
            Err(error) => return misfit(name, data, error),
        };
        if let Some(error) = event.error.take().filter(is_fault) {
            self.update(&event, out);
            let usage = event.usage.as_deref().filter(|usage| usage.counts_output());
            return Err(with_usage(in_band(&error), usage.and_then(|_| self.usage.read()), None));
        }
        let kind = event.kind.as_str();
        match if kind.is_empty() { name } else { kind } {
            "content_block_delta" => match event.delta {
                Some(piece) => self.push_piece(piece, data, out),
                None => Ok(()),
            },
            "content_block_start" => {
                self.close(out);
                match event.content_block {
                    Some(block) => self.open(*block, data, out),
                    None => Ok(()),
                }
            }
            "content_block_stop" => {
                self.close(out);
                Ok(())
            }
            "message_start" => self.start(event.message.map(|message| *message).unwrap_or_default(), out),
            "message_delta" => {
                self.update(&event, out);
                Ok(())
            }
            "message_stop" => self.finish(out),
            "error" => Err(in_band(&parse::<Value>(data, EVENT)?)),
            _ => Ok(()),
        }
    }

    fn start(&mut self, message: Message<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let id = message.id.filled();
        match &self.started {
            // Some gateways say it twice.
            Some(known) if id.as_ref().is_none_or(|id| id == known) => return Ok(()),
            // Between here and the vendor somebody asked once more after a break, and put both answers in one stream.
            Some(_) => {
                let message = "another answer begins in the middle of this one";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            None => self.started = Some(id.clone().unwrap_or_default()),
        }
        out.push_back(ChatEvent::Started { model: message.model.filled(), request_id: id });
        // What comes out is not counted yet; what went in is, and must be known where the answer breaks off.
        self.usage = message.usage.unwrap_or_default();
        let early = self.usage.read_early();
        self.told_early = early.is_some();
        out.extend(early.map(ChatEvent::Usage));
        Ok(())
    }

    fn finish(&mut self, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        self.close(out);
        // The event that says why it ended is lost, and nobody knows what else.
        let Some(finish_reason) = self.finish_reason.take() else {
            return Err(Error::new(
                ErrorKind::Interrupted,
                "the stream ended without a reason for the answer's end",
            ));
        };
        self.finished = true;
        if self.told_early {
            // Nobody counted what came out: a usage without counts leaves it to be estimated.
            out.push_back(ChatEvent::Usage(Usage::default()));
        }
        out.push_back(ChatEvent::Finished { finish_reason });
        Ok(())
    }

    fn update(&mut self, event: &Event<'_>, out: &mut VecDeque<ChatEvent>) {
        if let Some(word) = event.delta.as_ref().map(|delta| delta.stop_reason.as_str())
            && !word.is_empty()
        {
            self.finish_reason = Some(finish_reason(word));
        }
        if let Some(usage) = event.usage.as_deref().filter(|usage| usage.counts_output()) {
            self.usage.update(usage);
            let usage = self.usage.read();
            self.told_early &= usage.is_none();
            out.extend(usage.map(ChatEvent::Usage));
        }
    }

    fn open(&mut self, block: Block<'_>, data: &[u8], out: &mut VecDeque<ChatEvent>) -> Result<()> {
        match block.kind() {
            Kind::Text => say(block.text.filled(), Delta::Text, out),
            Kind::Thinking => {
                self.block = Open::Thinking { signature: block.signature.filled() };
                say(block.thinking.filled(), Delta::Reasoning, out);
            }
            Kind::ToolUse => {
                let arguments = Some(block.arguments());
                let Some(name) = block.name.filled() else {
                    return Err(Error::new(
                        ErrorKind::Undecodable,
                        "the model asks for a tool without a name",
                    ));
                };
                let (index, id) = (self.calls, block.id.filled().unwrap_or_default());
                self.calls = index.saturating_add(1);
                self.block = Open::Call { index, arguments };
                out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state: None }));
            }
            Kind::Opaque => {
                let OpaqueStart { content_block: block } = parse(data, EVENT)?;
                self.block = Open::Opaque { block, input: String::new() };
            }
        }
        Ok(())
    }

    fn push_piece(&mut self, piece: Piece<'_>, data: &[u8], out: &mut VecDeque<ChatEvent>) -> Result<()> {
        match (&mut self.block, piece.kind.as_str()) {
            (Open::Opaque { input, .. }, "input_json_delta") => input.push_str(piece.partial_json.as_str()),
            (Open::Opaque { block, .. }, _) => add(block, parse::<OpaquePiece>(data, EVENT)?.delta),
            (_, "text_delta") => say(piece.text.filled(), Delta::Text, out),
            (_, "thinking_delta") => say(piece.thinking.filled(), Delta::Reasoning, out),
            (Open::Thinking { signature }, "signature_delta") => {
                *signature = piece.signature.filled().or(signature.take());
            }
            (Open::Call { index, arguments }, "input_json_delta") => {
                if let Some(more) = piece.partial_json.filled() {
                    *arguments = None;
                    out.push_back(ChatEvent::Delta(Delta::ToolCallArguments {
                        index: *index,
                        arguments: more,
                    }));
                }
            }
            (_, "input_json_delta") if !piece.partial_json.as_str().is_empty() => {
                let message = "arguments came where no tool is called";
                return Err(Error::new(ErrorKind::Undecodable, message));
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells what is known of a block only when it is over.
    fn close(&mut self, out: &mut VecDeque<ChatEvent>) {
        let last = match std::mem::take(&mut self.block) {
            Open::Thinking { signature: Some(signature) } => Delta::ReasoningState(signed(&signature)),
            Open::Call { index, arguments: Some(arguments) } => Delta::ToolCallArguments { index, arguments },
            Open::Opaque { mut block, input } => {
                if !input.is_empty() {
                    // An input that was cut off is no JSON, and is kept as it came.
                    let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    block.insert("input".to_owned(), input);
                }
                Delta::Part(Box::new(opaque(Value::Object(block))))
            }
            _ => return,
        };
        out.push_back(ChatEvent::Delta(last));
    }
}

/// What to make of an event whose fields are not those of the protocol: it may be one that is not known here, or an
/// error in a form of its own.
fn misfit(name: &str, data: &[u8], error: Error) -> Result<()> {
    let event: Value = parse(data, EVENT)?;
    match event["type"].as_str().unwrap_or(name) {
        "error" => Err(in_band(&event)),
        _ if event.get("error").is_some_and(is_fault) => Err(in_band(&event)),
        "" | "message_start" | "message_delta" | "message_stop" => Err(error),
        kind if kind.starts_with("content_block_") => Err(error),
        _ => Ok(()),
    }
}

fn say(text: Option<String>, delta: fn(String) -> Delta, out: &mut VecDeque<ChatEvent>) {
    out.extend(text.map(|text| ChatEvent::Delta(delta(text))));
}

/// The start of a block that is not looked into.
#[derive(Debug, Deserialize)]
struct OpaqueStart {
    content_block: Map<String, Value>,
}

/// A piece of such a block.
#[derive(Debug, Deserialize)]
struct OpaquePiece {
    delta: Map<String, Value>,
}

/// Adds a piece to a block that is not looked into: texts grow, anything else is replaced.
fn add(block: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (key, more) in piece.into_iter().filter(|(key, _)| key != "type") {
        match (block.get_mut(&key), more) {
            (Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
            (_, more) => drop(block.insert(key, more)),
        }
    }
}

#[cfg(test)]
mod tests {
    use ultraai_core::{Fold, Part, Usage};

    use super::*;

    fn events(events: &[&str]) -> (VecDeque<ChatEvent>, Result<()>) {
        let (mut decoder, mut out) = (Decoder::new(), VecDeque::new());
        let ended = events.iter().try_for_each(|event| {
            let (name, data) = event.split_once('|').unwrap_or(("", event));
            decoder.push(name, data.as_bytes(), &mut out)
        });
        (out, ended)
    }

    /// The events in short, and the error that ended them.
    fn read(all: &[&str]) -> Vec<String> {
        let (out, ended) = events(all);
        let short = |event: ChatEvent| match event {
            ChatEvent::Started { model, request_id } => {
                format!("<{} {}", model.unwrap_or_default(), request_id.unwrap_or_default())
            }
            ChatEvent::Delta(Delta::Text(text)) => text,
            ChatEvent::Delta(Delta::Reasoning(text)) => format!("hm: {text}"),
            ChatEvent::Delta(Delta::ReasoningState(state)) => state.data.to_string(),
            ChatEvent::Delta(Delta::Part(part)) => match *part {
                Part::Vendor(state) => state.data.to_string(),
                part => panic!("{part:?}"),
            },
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
        let error = ended.err().map(|error| format!("{}: {error}", error.kind()));
        out.into_iter().map(short).chain(error).collect()
    }

    const START: &str = r#"message_start|{"type":"message_start","message":{"id":"x","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":1}}}"#;
    const TEXT: &str =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    const A: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
    const CLOSE: &str = r#"{"type":"content_block_stop","index":0}"#;
    const END: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}"#;
    const STOP: &str = r#"{"type":"message_stop"}"#;

    fn open(block: &str) -> String {
        format!(r#"{{"type":"content_block_start","content_block":{block}}}"#)
    }

    fn piece(delta: &str) -> String {
        format!(r#"{{"type":"content_block_delta","delta":{delta}}}"#)
    }

    #[test]
    fn an_answer_is_finished_by_its_last_event_alone() {
        let expected = ["<m x", "7/1", "a", "7/3", "stop>"];
        assert_eq!(read(&[START, TEXT, "ping|{\"type\":\"ping\"}", A, CLOSE, END, STOP, A]), expected);
        assert_eq!(read(&[START, A, END, "data|[DONE]", "", STOP]), expected);
        assert_eq!(read(&[START, A, END]), &expected[..4]);
        assert_eq!(read(&[START, A]), &expected[..3]);
        assert_eq!(read(&[]), Vec::<String>::new());
    }

    #[test]
    fn an_end_without_its_reason_is_an_interruption() {
        let last = "interrupted: the stream ended without a reason for the answer's end";
        assert_eq!(read(&[START, A, STOP]), ["<m x", "7/1", "a", last]);
    }

    #[test]
    fn what_went_in_is_told_at_the_start_where_it_is_known() {
        let start = |usage: &str| format!(r#"{{"type":"message_start","message":{{"usage":{usage}}}}}"#);
        assert_eq!(read(&[&start(r#"{"input_tokens":5}"#), A]), ["< ", "5/0", "a"]);
        assert_eq!(read(&[&start(r#"{"input_tokens":0,"output_tokens":1}"#), A]), ["< ", "a"]);
        let uncounted = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#;
        assert_eq!(read(&[START, A, uncounted, STOP]), ["<m x", "7/1", "a", "0/0", "stop>"]);
    }

    #[test]
    fn an_error_says_what_was_used_where_that_stands_beside_it() {
        let (mut decoder, mut out) = (Decoder::new(), VecDeque::new());
        let (name, start) = START.split_once('|').unwrap();
        decoder.push(name, start.as_bytes(), &mut out).unwrap();
        let event = br#"{"type":"error","error":{"message":"m"},"usage":{"output_tokens":3}}"#;
        let error = decoder.push("", event, &mut out).unwrap_err();
        let usage = error.partial().unwrap().usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (7, 3));
    }

    #[test]
    fn an_event_is_known_by_its_name_where_it_has_no_type() {
        let events = [
            r#"content_block_delta|{"delta":{"type":"text_delta","text":"a"}}"#,
            r#"message_delta|{"delta":{"stop_reason":"end_turn"}}"#,
            "message_stop|{}",
        ];
        assert_eq!(read(&events), ["a", "stop>"]);
    }

    #[test]
    fn a_second_answer_in_the_stream_is_an_interruption_and_a_repeated_start_is_none() {
        assert_eq!(read(&[START, A, START, A, END, STOP]), ["<m x", "7/1", "a", "a", "7/3", "stop>"]);
        let second = START.replace("\"id\":\"x\"", "\"id\":\"y\"");
        let last = "interrupted: another answer begins in the middle of this one";
        assert_eq!(read(&[START, A, &second, A, STOP]), ["<m x", "7/1", "a", last]);
    }

    #[test]
    fn a_later_usage_counts_more() {
        let whole = r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":9,"cache_read_input_tokens":0,"output_tokens":4}}"#;
        assert_eq!(read(&[START, END, whole, STOP]), ["<m x", "7/1", "7/3", "9/4", "stop>"]);
        assert_eq!(read(&[END, STOP]), ["stop>"]);
    }

    #[test]
    fn thinking_comes_before_its_signature() {
        let events = [
            open(r#"{"type":"thinking","thinking":"","signature":""}"#),
            piece(r#"{"type":"thinking_delta","thinking":"r"}"#),
            piece(r#"{"type":"signature_delta","signature":"s"}"#),
            CLOSE.to_owned(),
            open(r#"{"type":"redacted_thinking","data":"x"}"#),
            CLOSE.to_owned(),
        ];
        let events: Vec<_> = events.iter().map(String::as_str).chain([TEXT, A, CLOSE, END, STOP]).collect();
        let expected =
            ["hm: r", r#"{"signature":"s"}"#, r#"{"data":"x","type":"redacted_thinking"}"#, "a", "stop>"];
        assert_eq!(read(&events), expected);
    }

    #[test]
    fn the_arguments_of_a_call_come_in_pieces_or_with_it() {
        let events = [
            open(r#"{"type":"tool_use","id":"1","name":"f","input":{}}"#),
            piece(r#"{"type":"input_json_delta","partial_json":""}"#),
            piece(r#"{"type":"input_json_delta","partial_json":"{\"a\""}"#),
            piece(r#"{"type":"input_json_delta","partial_json":":1}"}"#),
            CLOSE.to_owned(),
            open(r#"{"type":"tool_use","id":"2","name":"g","input":{}}"#),
            open(r#"{"type":"tool_use","id":"3","name":"h","input":{"b": 2}}"#),
        ];
        let events: Vec<_> = events.iter().map(String::as_str).chain([END, STOP]).collect();
        let expected =
            ["0: 1 f", "0+ {\"a\"", "0+ :1}", "1: 2 g", "1+ {}", "2: 3 h", "2+ {\"b\": 2}", "stop>"];
        assert_eq!(read(&events), expected);
        let lost = piece(r#"{"type":"input_json_delta","partial_json":"{}"}"#);
        assert!(read(&[&lost])[0].starts_with("undecodable: arguments came"));
        let nameless = open(r#"{"type":"tool_use","id":"1"}"#);
        assert!(read(&[&nameless])[0].starts_with("undecodable: the model asks for a tool"));
    }

    #[test]
    fn blocks_of_other_types_are_put_together_and_kept_apart() {
        let events = [
            open(r#"{"type":"server_tool_use","id":"1","name":"web_search","input":{}}"#),
            piece(r#"{"type":"input_json_delta","partial_json":"{\"query\":"}"#),
            piece(r#"{"type":"input_json_delta","partial_json":"\"q\"}"}"#),
            CLOSE.to_owned(),
            open(r#"{"type":"compaction","content":""}"#),
            piece(r#"{"type":"compaction_delta","content":"so "}"#),
            piece(r#"{"type":"compaction_delta","content":"far","more":[1]}"#),
            CLOSE.to_owned(),
            A.to_owned(),
            piece(r#"{"type":"citations_delta","citation":{}}"#),
        ];
        let expected = [
            r#"{"id":"1","input":{"query":"q"},"name":"web_search","type":"server_tool_use"}"#,
            r#"{"content":"so far","more":[1],"type":"compaction"}"#,
            "a",
        ];
        assert_eq!(read(&events.iter().map(String::as_str).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn an_error_ends_the_stream() {
        for (event, expected) in [
            (
                r#"error|{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                "overloaded: Overloaded",
            ),
            (r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#, "rate_limited: m"),
            (r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#, "server_error: m"),
            (r#"{"type":"error","error":{"type":"request_too_large","message":"m"}}"#, "context_too_long: m"),
            (r#"error|{"type":"error","message":"m"}"#, "server_error: m"),
            (r#"{"error":{"message":"m","code":400}}"#, "rejected: m"),
        ] {
            assert_eq!(read(&[START, A, event, STOP]), ["<m x", "7/1", "a", expected], "{event}");
        }
    }

    #[test]
    fn what_is_no_event_is_an_error_that_repeats_none_of_it() {
        for event in
            ["secret", r#"{"type":"content_block_delta","delta":"secret"}"#, r#"{"delta":{"text":"secret"#]
        {
            let last = read(&[event]).pop().unwrap();
            assert!(
                last.starts_with("undecodable: an event of the stream") && !last.contains("secret"),
                "{last}"
            );
        }
        let novel = [r#"{"type":"novel","deep":[1]}"#, r#"{"type":"novel","delta":"a"}"#, "[]"];
        assert_eq!(read(&novel), Vec::<String>::new());
    }

    #[test]
    fn a_stream_folds_to_the_same_parts_as_a_whole_answer() {
        let (out, ended) = events(&[START, TEXT, A, CLOSE, TEXT, A, CLOSE, END, STOP]);
        ended.unwrap();
        let mut fold = Fold::default();
        out.into_iter().try_for_each(|event| fold.push(event)).unwrap();
        let body = br#"{"id":"x","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":"a"},{"type":"text","text":"a"}],
            "usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":3}}"#;
        assert_eq!(fold.finish().unwrap(), crate::decode(body).unwrap());
    }
}
