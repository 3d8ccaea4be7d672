//! Streams, event by event.

use ultraai_core::{Delta, Fold, Part};

use super::*;

fn events_of(events: &[&str]) -> (VecDeque<ChatEvent>, Result<()>) {
    let (mut decoder, mut out) = (Decoder::default(), VecDeque::new());
    let ended = events.iter().try_for_each(|event| {
        let (name, data) = event.split_once('|').unwrap_or(("", event));
        decoder.push(name, &Bytes::copy_from_slice(data.as_bytes()), &mut out)
    });
    (out, ended)
}

/// The events in short, and the error that ended them.
fn read(all: &[&str]) -> Vec<String> {
    let (out, ended) = events_of(all);
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
        ChatEvent::Native(Native { body, .. }) => format!("raw {}", String::from_utf8_lossy(&body)),
        ChatEvent::Delta(Delta::NextPart) => "|".to_owned(),
        ChatEvent::Delta(Delta::PartStart) => "..".to_owned(),
        ChatEvent::Delta(Delta::Citation(citation)) => {
            format!("({})", citation.cited_text.unwrap_or_default())
        }
        ChatEvent::Delta(Delta::Extra(extra)) => format!("+{}", extra.data),
        other => format!("{other:?}"),
    };
    let error = ended.err().map(|error| format!("{}: {error}", error.kind()));
    out.into_iter().map(short).chain(error).collect()
}

const START: &str = r#"message_start|{"type":"message_start","message":{"id":"x","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":1}}}"#;
const TEXT: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
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
    let (mut decoder, mut out) = (Decoder::default(), VecDeque::new());
    let (name, start) = START.split_once('|').unwrap();
    decoder.push(name, &Bytes::copy_from_slice(start.as_bytes()), &mut out).unwrap();
    let event =
        Bytes::from_static(br#"{"type":"error","error":{"message":"m"},"usage":{"output_tokens":3}}"#);
    let error = decoder.push("", &event, &mut out).unwrap_err();
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
    let expected = ["0: 1 f", "0+ {\"a\"", "0+ :1}", "1: 2 g", "1+ {}", "2: 3 h", "2+ {\"b\": 2}", "stop>"];
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
        "..",
        r#"{"id":"1","input":{"query":"q"},"name":"web_search","type":"server_tool_use"}"#,
        "..",
        r#"{"content":"so far","more":[1],"type":"compaction"}"#,
        "a",
        "()",
    ];
    assert_eq!(read(&events.iter().map(String::as_str).collect::<Vec<_>>()), expected);
}

#[test]
fn thinking_that_nobody_may_read_says_nothing() {
    let block = r#"{"type":"redacted_thinking","data":"x"}"#;
    let (events, _) = events_of(&[&open(block), CLOSE]);
    assert_eq!(events.len(), 1);
    assert!(!events[0].is_commit(), "{events:?}");
    let body = format!(r#"{{"content":[{block}],"stop_reason":"end_turn"}}"#);
    let answer = crate::decode::decode(&ultraai_core::ChatRequest::default(), body.as_bytes()).unwrap();
    assert!(answer.is_empty());
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
    assert_eq!(read(&novel), novel.map(|event| format!("raw {event}")));
}

#[test]
fn a_stream_folds_to_the_same_parts_as_a_whole_answer() {
    let (out, ended) = events_of(&[START, TEXT, A, CLOSE, TEXT, A, CLOSE, END, STOP]);
    ended.unwrap();
    let mut fold = Fold::default();
    out.into_iter().try_for_each(|event| fold.push(event)).unwrap();
    let body = br#"{"id":"x","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":"a"},{"type":"text","text":"a"}],
        "usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":3}}"#;
    assert_eq!(fold.finish().unwrap(), crate::decode::decode(&ChatRequest::default(), body).unwrap());
}

#[test]
fn citations_wait_for_the_text_that_they_belong_to() {
    let cited = |text: &str| {
        piece(&format!(
            r#"{{"type":"citations_delta","citation":{{"type":"char_location","cited_text":"{text}"}}}}"#
        ))
    };
    let novel = open(r#"{"type":"text","text":"","citations":[],"novel":1}"#);
    let events = [
        TEXT,
        A,
        CLOSE,
        TEXT,
        &cited("x"),
        A,
        A,
        &cited("y"),
        CLOSE,
        &novel,
        A,
        CLOSE,
        TEXT,
        &cited("z"),
        CLOSE,
    ];
    let (out, _) = events_of(&events);
    let texts = out.iter().filter(|event| matches!(event, ChatEvent::Delta(Delta::Part(_)))).count();
    assert_eq!(texts, 1);
    let told = read(&events[..12]);
    assert_eq!(told, ["a", "|", "a", "(x)", "a", "(y)", "|", "a", r#"+{"novel":1}"#]);
}

#[test]
fn what_is_not_known_of_an_event_is_kept_with_it() {
    let beside =
        r#"{"type":"content_block_delta","index":0,"novel":1,"delta":{"type":"text_delta","text":"a"}}"#;
    let within =
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a","novel":null,"more":2}}"#;
    let kind = piece(r#"{"type":"novel_delta"}"#);
    let null = r#"{"type":"content_block_delta","index":null,"usage":null,"delta":{"type":"text_delta","text":"a","x":null}}"#;
    let told = read(&[TEXT, beside, within, &kind, null, r#"{"type":"novel"}"#]);
    let raw = |event: &str| format!("raw {event}");
    let expected = [&raw(beside), "a", &raw(within), "a", &raw(&kind), "a", r#"raw {"type":"novel"}"#];
    assert_eq!(told, expected);
}

#[test]
fn details_are_told_before_the_end() {
    let start = r#"{"type":"message_start","message":{"id":"x","novel":1,"usage":{"input_tokens":5,"service_tier":"batch","cache_creation":{"a":1}}}}"#;
    let end = r#"{"type":"message_delta","context":2,"delta":{"stop_reason":"stop_sequence","stop_sequence":"}","container":{"id":"c"}},"usage":{"output_tokens":3,"speed":"fast"}}"#;
    let (mut out, ended) = events_of(&[start, A, end, STOP]);
    ended.unwrap();
    out.pop_back();
    let Some(ChatEvent::Details(details)) = out.pop_back() else { panic!("{out:?}") };
    assert_eq!(
        (details.service_tier.as_deref(), details.stop_sequence.as_deref()),
        (Some("batch"), Some("}"))
    );
    let raw = serde_json::json!({
        "novel": 1, "context": 2, "container": { "id": "c" }, "usage": { "cache_creation": { "a": 1 }, "speed": "fast" },
    });
    assert_eq!(Value::Object(details.raw), raw);
}

#[test]
fn a_field_of_another_form_is_named_by_its_path() {
    let told = read(&[
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"},"message":{"content":7}}"#,
    ]);
    assert!(told[0].contains("`message.content`"), "{told:?}");
}

#[test]
fn the_arguments_of_the_answer_tool_are_told_as_text() {
    let mut request = ChatRequest::from_prompt("a");
    request.response_format = Some(ultraai_core::ResponseFormat::JsonObject);
    let events = [
        TEXT,
        A,
        CLOSE,
        &open(r#"{"type":"tool_use","id":"1","name":"json_answer","input":{}}"#),
        &piece(r#"{"type":"input_json_delta","partial_json":"{\"a\""}"#),
        &piece(r#"{"type":"input_json_delta","partial_json":":1}"}"#),
        CLOSE,
        &END.replace("end_turn", "tool_use"),
        STOP,
    ];
    let (mut decoder, mut out) = (Decoder::of(&request), VecDeque::new());
    for event in events {
        decoder.push("", &Bytes::copy_from_slice(event.as_bytes()), &mut out).unwrap();
    }
    let mut fold = Fold::default();
    out.into_iter().try_for_each(|event| fold.push(event)).unwrap();
    let answer = fold.finish().unwrap();
    assert_eq!(answer.content, [Part::text("a"), Part::text(r#"{"a":1}"#)]);
    assert_eq!(answer.finish_reason, FinishReason::Stop);
}

#[test]
fn what_is_held_back_is_bounded() {
    let long = "x".repeat(1 << 20);
    let more = piece(&format!(r#"{{"type":"input_json_delta","partial_json":"{long}"}}"#));
    let mut events = vec![open(r#"{"type":"server_tool_use","id":"1","name":"a","input":{}}"#)];
    events.extend(std::iter::repeat_n(more, 17));
    let told = read(&events.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(told, ["..", "undecodable: a block of the stream is larger than any that the vendor makes"]);
}
