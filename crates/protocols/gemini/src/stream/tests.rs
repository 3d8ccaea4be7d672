//! Streams, event by event.

use ultraai_core::Part;

use super::*;

/// The events in short, and the error that ended them.
fn read(events: &[&str]) -> Vec<String> {
    let (mut decoder, mut out) = (Decoder::new(), VecDeque::new());
    let ended =
        events.iter().try_for_each(|event| decoder.push(&Bytes::copy_from_slice(event.as_bytes()), &mut out));
    if ended.is_ok() {
        decoder.end(&mut out);
    }
    let short = |event: ChatEvent| match event {
        ChatEvent::Started { model, request_id } => {
            format!("<{} {}", model.unwrap_or_default(), request_id.unwrap_or_default())
        }
        ChatEvent::Delta(Delta::Text(text)) => text,
        ChatEvent::Delta(Delta::Reasoning(text)) => format!("hm: {text}"),
        ChatEvent::Delta(Delta::ReasoningState(state)) => format!("hm: {}", state.data),
        ChatEvent::Delta(Delta::Part(part)) => match *part {
            Part::Vendor(state) => state.data.to_string(),
            part => panic!("{part:?}"),
        },
        ChatEvent::Delta(Delta::ToolCallStart { index, id, name, .. }) => format!("{index}: {id} {name}"),
        ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }) => format!("{index}+ {arguments}"),
        ChatEvent::Usage(Usage { input_tokens, output_tokens, .. }) => {
            format!("{input_tokens}/{output_tokens}")
        }
        ChatEvent::Finished { finish_reason } => format!("{}>", finish_reason.as_str()),
        ChatEvent::Delta(Delta::NextPart) => "next".to_owned(),
        ChatEvent::Delta(Delta::Citation(citation)) => format!("see {}", citation.url.unwrap_or_default()),
        ChatEvent::Delta(Delta::Extra(extra)) => format!("with {}", extra.data),
        ChatEvent::Delta(Delta::Logprobs(tokens)) => format!("{} tokens", tokens.len()),
        ChatEvent::Choice { index, piece } => format!("{index}: {piece:?}"),
        ChatEvent::Details(details) => {
            format!("{} {}", details.service_tier.unwrap_or_default(), serde_json::json!(details.raw))
        }
        ChatEvent::Native(_) => "*".to_owned(),
        other => format!("{other:?}"),
    };
    let error = ended.err().map(|error| format!("{}: {error}", error.kind()));
    out.into_iter().map(short).chain(error).collect()
}

const TEXT: &str = r#"{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"index":0}],
    "usageMetadata":{"promptTokenCount":7},"modelVersion":"m","responseId":"x"}"#;
const STOP: &str = r#"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}],
    "usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":3}}"#;

fn parts(parts: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}}}}]}}"#)
}

#[test]
fn a_finish_reason_and_the_clean_end_finish_an_answer() {
    assert_eq!(read(&[TEXT, TEXT, STOP]), ["<m x", "a", "7/0", "a", "7/3", "stop>"]);
    let usage = r#"{"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":4}}"#;
    assert_eq!(read(&[TEXT, "", STOP, usage, " [DONE] "]), ["<m x", "a", "7/0", "7/3", "7/4", "stop>"]);
}

#[test]
fn nobody_invents_an_end() {
    assert_eq!(read(&[TEXT]), ["<m x", "a", "7/0"]);
    assert_eq!(read(&[TEXT, "[DONE]"]), ["<m x", "a", "7/0"]);
    let unspecified = r#"{"candidates":[{"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"#;
    assert_eq!(read(&[TEXT, unspecified]), ["<m x", "a", "7/0"]);
    assert_eq!(read(&[TEXT, unspecified, STOP]), ["<m x", "a", "7/0", "7/3", "stop>"]);
    assert_eq!(read(&[]), Vec::<String>::new());
}

#[test]
fn usage_that_counts_no_output_is_told_early_and_not_after_a_better_one() {
    let stop = r#"{"candidates":[{"finishReason":"STOP"}]}"#;
    assert_eq!(read(&[TEXT, TEXT, stop]), ["<m x", "a", "7/0", "a", "stop>"]);
    assert_eq!(read(&[TEXT, STOP, TEXT]), ["<m x", "a", "7/0", "7/3", "a", "stop>"]);
}

#[test]
fn an_error_says_what_was_used_where_that_stands_beside_it() {
    let used = |event: &str| {
        let error =
            Decoder::new().push(&Bytes::copy_from_slice(event.as_bytes()), &mut VecDeque::new()).unwrap_err();
        error.partial().and_then(|partial| partial.usage)
    };
    let counted = r#""usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":3}"#;
    let reported = Some(Usage::reported(7, 3));
    assert_eq!(used(&format!(r#"{{"error":{{"message":"m"}},{counted}}}"#)), reported);
    assert_eq!(used(&format!(r#"{{"candidates":[{{"finishReason":"OTHER"}}],{counted}}}"#)), reported);
    let missing = r#"{"candidates":[{"finishReason":"MISSING_THOUGHT_SIGNATURE"}]"#;
    assert_eq!(used(&format!("{missing},{counted}}}")), reported);
    // Half of it is told as an event, and is no last word.
    assert_eq!(used(&format!(r#"{missing},"usageMetadata":{{"promptTokenCount":7}}}}"#)), None);
    let blocked = r#"{"promptFeedback":{"blockReason":"OTHER"},"usageMetadata":{"promptTokenCount":7}}"#;
    assert_eq!(used(blocked), Some(Usage::reported(7, 0)));
}

#[test]
fn the_reason_that_says_more_stays() {
    let length = r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#;
    assert_eq!(read(&[length, STOP]), ["< ", "7/3", "length>"]);
    assert_eq!(read(&[STOP, length]), ["< ", "7/3", "length>"]);
}

#[test]
fn thoughts_signatures_calls_and_unknown_parts_are_told_apart() {
    let events = [
        parts(r#"{"text":"r","thought":true},{"text":"","thought":true,"thoughtSignature":"s"}"#),
        parts(r#"{"text":"a"},{"text":"","thoughtSignature":"t"}"#),
        parts(r#"{"functionCall":{"name":"f","args":{"b":1}}},{"functionCall":{"id":"2","name":"g"}}"#),
        parts(r#"{"codeExecutionResult":{"output":"2"}}"#),
    ];
    let mut events: Vec<_> = events.iter().map(String::as_str).collect();
    events.push(STOP);
    let expected = [
        "< ",
        "hm: r",
        "next",
        "hm: {\"thought\":true,\"thoughtSignature\":\"s\"}",
        "a",
        "hm: {\"text\":\"\",\"thoughtSignature\":\"t\"}",
        "0: gemini_call_0 f",
        "0+ {\"b\":1}",
        "1: 2 g",
        "1+ {}",
        "{\"codeExecutionResult\":{\"output\":\"2\"}}",
        "7/3",
        "tool_calls>",
    ];
    assert_eq!(read(&events), expected);
}

#[test]
fn a_call_may_come_after_the_reason() {
    let call = parts(r#"{"functionCall":{"name":"f"}}"#);
    assert_eq!(read(&[STOP, &call]), ["< ", "7/3", "0: gemini_call_0 f", "0+ {}", "tool_calls>"]);
}

#[test]
fn an_error_ends_the_stream_wherever_it_stands() {
    for event in [
        r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#,
        r#"{"code":503,"message":"m"}"#,
        r#"{"error":{"code":503,"message":"m"},"candidates":[{"content":{"parts":[{"text":"b"}]}}]}"#,
    ] {
        assert_eq!(read(&[TEXT, event, STOP]), ["<m x", "a", "7/0", "overloaded: m"], "{event}");
    }
    let blocked = r#"{"promptFeedback":{"blockReason":"OTHER"},"usageMetadata":{"promptTokenCount":7}}"#;
    assert_eq!(read(&[blocked]), ["7/0", "content_filtered: the provider refused the prompt (OTHER)"]);
    let lost = read(&[TEXT, r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#]);
    assert!(lost.last().unwrap().starts_with("server_error"), "{lost:?}");
}

#[test]
fn what_is_no_chunk_is_an_error_that_repeats_none_of_it() {
    for event in
        ["secret", r#"{"candidates":[{"content":"secret"}]}"#, r#"{"candidates":[{"content":{"secret"#]
    {
        let last = read(&[event]).pop().unwrap();
        assert!(
            last.starts_with("undecodable: an event of the stream") && !last.contains("secret"),
            "{last}"
        );
    }
}

#[test]
fn a_call_whose_arguments_come_in_pieces_is_one_call() {
    let piece = |path: &str, text: &str, more: bool| {
        parts(&format!(
            r#"{{"functionCall":{{"partialArgs":[{{"jsonPath":"{path}","stringValue":"{text}","willContinue":{more}}}],"willContinue":true}}}}"#
        ))
    };
    let events = [
        parts(r#"{"functionCall":{"name":"f","willContinue":true},"thoughtSignature":"s"}"#),
        piece("$.city", "Os", true),
        piece("$.city", "lo", false),
        parts(r#"{"functionCall":{}}"#),
        parts(r#"{"functionCall":{"name":"g","willContinue":true}}"#),
        piece("$.a", "b", false),
    ];
    let mut events: Vec<_> = events.iter().map(String::as_str).collect();
    events.push(STOP);
    let expected = [
        "< ",
        "0: gemini_call_0 f",
        "0+ {\"city\":\"Oslo\"}",
        "1: gemini_call_1 g",
        "1+ {\"a\":\"b\"}",
        "7/3",
        "tool_calls>",
    ];
    assert_eq!(read(&events), expected);
    let misplaced = [events[0], &piece("$[7]", "a", false)].map(str::to_owned);
    let told = read(&[&misplaced[0], &misplaced[1]]);
    assert!(told.last().unwrap().starts_with("undecodable: a piece of a call"), "{told:?}");
}

#[test]
fn what_is_unknown_is_handed_out_and_kept() {
    let novel = r#"{"candidates":[{"content":{"parts":[{"text":"a","partMetadata":{"b":1}}],"novel":1},"safetyRatings":[]}],"novel":2}"#;
    let last = r#"{"candidates":[{"finishReason":"RECITATION","finishMessage":"m"}],"createTime":"t","usageMetadata":
        {"promptTokenCount":7,"candidatesTokenCount":3,"totalTokenCount":10,"trafficType":"ON_DEMAND","serviceTier":"flex"}}"#;
    let raw = serde_json::json!({
        "candidates": [
            { "content": { "novel": 1 }, "finishMessage": "m", "finishReason": "RECITATION", "safetyRatings": [] },
        ],
        "createTime": "t", "novel": 2, "usageMetadata": { "trafficType": "ON_DEMAND" },
    });
    let expected = [
        "*",
        "< ",
        "a",
        "with {\"partMetadata\":{\"b\":1}}",
        "*",
        "7/3",
        &format!("flex {raw}"),
        "content_filter>",
    ];
    assert_eq!(read(&[novel, last]), expected);
}

#[test]
fn citations_belong_to_the_text_before_them() {
    let grounded = |parts: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{parts}]}},"groundingMetadata":{{"groundingChunks":[{{"web":{{"uri":"u"}}}}],
            "groundingSupports":[{{"segment":{{"endIndex":1}},"groundingChunkIndices":[0]}}]}}}}]}}"#
        )
    };
    let alone = grounded(r#"{"text":"","thoughtSignature":"s"}"#);
    let with = grounded(r#"{"text":"b","thoughtSignature":"s"}"#);
    let signature = "hm: {\"text\":\"\",\"thoughtSignature\":\"s\"}";
    assert_eq!(read(&[TEXT, &alone])[..5], ["<m x", "a", "7/0", "*", "see u"]);
    assert_eq!(read(&[TEXT, &alone])[5], signature);
    assert_eq!(read(&[&with]), ["*", "< ", "b", "see u", "hm: {\"thoughtSignature\":\"s\"}"]);
}

#[test]
fn further_candidates_are_told_apart() {
    let two = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]},"index":1}]}"#;
    let ends = r#"{"candidates":[{"finishReason":"STOP"},{"finishReason":"MAX_TOKENS","index":1}]}"#;
    let expected = ["< ", "a", "1: Delta(Text(\"b\"))", "1: Finished(Length)", "stop>"];
    assert_eq!(read(&[two, ends]), expected);
    let many = r#"{"candidates":[{"index":4000000000}]}"#;
    assert!(read(&[many]).last().unwrap().starts_with("undecodable: a piece came for the candidate"));
}

#[test]
fn lists_may_be_null_and_numbers_texts() {
    let event = r#"{"candidates":[{"content":{"parts":null},"index":null},null],"promptFeedback":null,
        "usageMetadata":{"promptTokenCount":"7","candidatesTokenCount":3.0,"promptTokensDetails":null}}"#;
    assert_eq!(read(&[event, STOP]), ["< ", "7/3", "stop>"]);
    let error = read(&[r#"{"candidates":[{"content":{"parts":[{"thought":"secret"}]}}]}"#]);
    let expected = "undecodable: an event of the stream has not the form of this protocol (at `candidates[0].content.parts[0].thought`)";
    assert_eq!(error, [expected]);
}

#[test]
fn what_each_chunk_adds_is_kept_together() {
    let chunk = |uri: &str, more: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"a"}}]}},"citationMetadata":{{"citations":[{{"uri":"{uri}"}}]}},
            "groundingMetadata":{{{more}}}}}]}}"#
        )
    };
    let (one, two) = (chunk("u", r#""webSearchQueries":["q"]"#), chunk("v", ""));
    let raw = serde_json::json!({ "candidates": [{
        "citationMetadata": { "citations": [{ "uri": "u" }, { "uri": "v" }] },
        "groundingMetadata": { "webSearchQueries": ["q"] },
    }] });
    let expected = ["*", "< ", "a", "see u", "*", "see v", "a", "7/3", &format!(" {raw}"), "stop>"];
    assert_eq!(read(&[&one, &two, STOP]), expected);
}
