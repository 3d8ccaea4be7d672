//! Streams in every form that vendors write.

use ultraai_core::{Delta, Usage};

use super::*;

/// The events in short, and the error that ended them.
fn read(events: &[&str]) -> Vec<String> {
    let (mut decoder, mut out) = (Decoder::new(&Dialect::COMPATIBLE), VecDeque::new());
    let mut push = |event: &&str| {
        let (name, data) = event.split_once('|').unwrap_or(("", event));
        decoder.push(name, &Bytes::copy_from_slice(data.as_bytes()), &mut out)
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
        ChatEvent::Native(_) => "native".to_owned(),
        other => format!("{other:?}"),
    };
    out.into_iter().map(short).chain(ended.err().map(|error| format!("{}: {error}", error.kind()))).collect()
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
    let parts =
        r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"text":"r"}]},{"text":"a"}]}}]}"#;
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
fn what_only_this_protocol_has_words_for_is_an_answer_from_its_first_piece_on() {
    let custom = [
        tool(r#"{"index":0,"id":"1","type":"custom","custom":{"name":"f","input":"a"}}"#),
        tool(r#"{"index":0,"custom":{"input":"b"}}"#),
    ];
    let speech = [r#"{"id":"a"}"#, r#"{"transcript":"hi"}"#, r#"{"data":"AA"}"#]
        .map(|piece| format!(r#"{{"choices":[{{"delta":{{"audio":{piece}}}}}]}}"#));
    let call = r#"{"id":"1","type":"custom","custom":{"name":"f","input":"ab"}}"#;
    let expected = [
        vec![call],
        vec![r#"{"audio":{"id":"a"}}"#, r#"{"audio":{"transcript":"hi"}}"#, r#"{"audio":{"data":"AA"}}"#],
    ];
    for (pieces, expected) in [custom.to_vec(), speech.to_vec()].into_iter().zip(expected) {
        let (mut decoder, mut out) = (Decoder::new(&Dialect::COMPATIBLE), VecDeque::new());
        for (place, piece) in pieces.iter().map(String::as_str).chain([STOP, "[DONE]"]).enumerate() {
            decoder.push("", &Bytes::copy_from_slice(piece.as_bytes()), &mut out).unwrap();
            assert!(place > 0 || out.iter().any(ChatEvent::is_commit), "{piece}");
        }
        let mut fold = ultraai_core::Fold::default();
        out.into_iter().try_for_each(|event| fold.push(event)).unwrap();
        let answer = fold.finish().unwrap();
        let data = |part: &ultraai_core::Part| match part {
            ultraai_core::Part::Vendor(state) => state.data.clone(),
            part => panic!("{part:?}"),
        };
        let expected: Vec<Value> = expected.iter().map(|json| serde_json::from_str(json).unwrap()).collect();
        assert_eq!(answer.content.iter().map(data).collect::<Vec<_>>(), expected);
        assert!(answer.is_good());
    }
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
        let event = format!(r#"{{"usage":{{"prompt_tokens":7,"completion_tokens":2}},"choices":{choices}}}"#);
        let error = Decoder::new(&Dialect::COMPATIBLE)
            .push("", &Bytes::from(event), &mut VecDeque::new())
            .unwrap_err();
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
        ["native", "native"]
    );
}

#[test]
fn details_of_reasoning_come_before_what_follows_the_reasoning() {
    let chunk = |delta: &str| format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#);
    let pieces = [
        chunk(r#"{"reasoning":"a","reasoning_details":[{"type":"reasoning.text","index":0,"text":"a"}]}"#),
        chunk(r#"{"reasoning":"b","reasoning_details":[{"type":"reasoning.text","index":0,"text":"b"}]}"#),
        chunk(r#"{"content":"c"}"#),
    ];
    let mut events = VecDeque::new();
    let mut decoder = Decoder::new(&Dialect::COMPATIBLE);
    for piece in pieces {
        decoder.push("", &Bytes::from(piece), &mut events).unwrap();
    }
    let Some(ChatEvent::Delta(Delta::ReasoningState(state))) = events.get(3) else { panic!("{events:?}") };
    let expected = serde_json::json!([{ "type": "reasoning.text", "index": 0, "text": "ab" }]);
    assert_eq!((state.vendor.as_str(), &state.data), ("compatible", &expected));
}

#[test]
fn a_piece_of_another_answer_is_told_from_the_first_ones() {
    let chunk = r#"{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop"}]}"#;
    let seen = read(&[TEXT, chunk, STOP]);
    assert!(seen[2].starts_with("Choice { index: 1, piece: Delta(Text(\"b\"))"), "{seen:?}");
    let far = r#"{"choices":[{"index":257,"delta":{"content":"b"}}]}"#;
    assert!(read(&[far]).pop().unwrap().starts_with("undecodable"));
}

#[test]
fn a_broken_field_is_named_by_its_path() {
    let seen = read(&[r#"{"choices":[{"delta":{"tool_calls":7}}]}"#]);
    assert!(seen.last().unwrap().contains("choices"), "{seen:?}");
    assert_eq!(read(&[r#"{"choices":[{"delta":{"tool_calls":null,"content":"a"}}]}"#]), ["< ", "a"]);
}
