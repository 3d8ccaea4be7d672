//! What events a stream is read as.

use serde_json::json;
use ultraai_core::{ErrorKind, ModelName, Usage};

use super::*;

/// The events in short, and the error that ended them.
fn read(data: &[Value]) -> Vec<String> {
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap());
    let (mut decoder, mut out) = (Decoder::new(&request), VecDeque::new());
    let ended = data.iter().try_for_each(|data| {
        let text = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
        decoder.push(&Bytes::from(text), &mut out)
    });
    decoder.end(&mut out);
    let short = |event: ChatEvent| match event {
        ChatEvent::Started { model, request_id } => {
            format!("<{} {}", model.unwrap_or_default(), request_id.unwrap_or_default())
        }
        ChatEvent::Delta(Delta::Text(text)) => text,
        ChatEvent::Delta(Delta::Reasoning(text)) => format!("hm: {text}"),
        ChatEvent::Delta(Delta::ReasoningState(_)) => "planned".into(),
        ChatEvent::Delta(Delta::NextPart) => "next".into(),
        ChatEvent::Delta(Delta::ToolCallStart { index, id, name, .. }) => format!("{index}: {id} {name}"),
        ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }) => format!("{index}+ {arguments}"),
        ChatEvent::Delta(Delta::Citation(citation)) => format!("cited {:?}", citation.range),
        ChatEvent::Delta(Delta::Logprobs(tokens)) => format!("{} {}", tokens[0].token, tokens[0].logprob),
        ChatEvent::Details(details) => Value::Object(details.raw).to_string(),
        ChatEvent::Usage(Usage { input_tokens, output_tokens, .. }) => {
            format!("{input_tokens}/{output_tokens}")
        }
        ChatEvent::Finished { finish_reason } => format!("{}>", finish_reason.as_str()),
        ChatEvent::Native(_) => "native".into(),
        other => format!("{other:?}"),
    };
    out.into_iter().map(short).chain(ended.err().map(|error| format!("{}: {error}", error.kind()))).collect()
}

fn start() -> Value {
    let message =
        json!({ "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] });
    json!({ "id": "1", "type": "message-start", "delta": { "message": message } })
}

fn content(kind: &str, index: u64, content: &Value) -> Value {
    json!({ "type": kind, "index": index, "delta": { "message": { "content": content } } })
}

fn end(reason: &str) -> Value {
    let usage =
        json!({ "billed_units": { "input_tokens": 1 }, "tokens": { "input_tokens": 7, "output_tokens": 3 } });
    json!({ "type": "message-end", "delta": { "finish_reason": reason, "usage": usage } })
}

#[test]
fn thinking_and_texts_are_parts_of_their_own() {
    let events = read(&[
        start(),
        content("content-start", 0, &json!({ "type": "thinking", "thinking": "" })),
        content("content-delta", 0, &json!({ "thinking": "t" })),
        json!({ "type": "content-end", "index": 0 }),
        content("content-start", 1, &json!({ "type": "text", "text": "" })),
        content("content-delta", 1, &json!({ "text": "a" })),
        content("content-start", 2, &json!({ "type": "text", "text": "b" })),
        end("STOP_SEQUENCE"),
        end("COMPLETE"),
        "[DONE]".into(),
        "[DONE]".into(),
    ]);
    let raw = r#"{"finish_reason":"STOP_SEQUENCE","usage":{"billed_units":{"input_tokens":1}}}"#;
    assert_eq!(events, ["<m 1", "hm: t", "a", "next", "b", raw, "7/3", "stop>"]);
}

#[test]
fn a_plan_is_reasoning_that_is_given_back_in_its_own_field() {
    let call = |index: u64, id: &str| {
        let call = json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "" } });
        json!({ "type": "tool-call-start", "index": index, "delta": { "message": { "tool_calls": call } } })
    };
    let more = |index: u64, arguments: &str| {
        let call = json!({ "function": { "arguments": arguments } });
        json!({ "type": "tool-call-delta", "index": index, "delta": { "message": { "tool_calls": call } } })
    };
    let plan = json!({ "type": "tool-plan-delta", "delta": { "message": { "tool_plan": "I" } } });
    let events = read(&[
        start(),
        plan.clone(),
        plan,
        call(0, "a"),
        more(0, "{}"),
        json!({ "type": "tool-call-end", "index": 0 }),
        call(1, "b"),
        more(1, "{"),
        more(1, "}"),
        end("TOOL_CALL"),
    ]);
    let expected = ["<m 1", "hm: I", "hm: I", "planned", "0: a f", "0+ {}", "1: b f", "1+ {", "1+ }"];
    assert_eq!(events[..9], expected);
    assert_eq!(events[10..], ["7/3", "tool_calls>"]);
}

#[test]
fn citations_and_probabilities_are_told_where_they_come() {
    let citation = json!({ "start": 0, "end": 1, "text": "a", "sources": [] });
    let mut token = content("content-delta", 0, &json!({ "text": "a" }));
    token["logprobs"] = json!({ "token_ids": [5], "text": "a", "logprobs": [-0.5] });
    let events = read(&[
        token,
        json!({ "type": "citation-start", "index": 0, "delta": { "message": { "citations": citation } } }),
        json!({ "type": "citation-end", "index": 0 }),
    ]);
    assert_eq!(events, ["native", "a", "a -0.5", "cited Some((0, 1))"]);
}

#[test]
fn what_nobody_knows_is_handed_out_as_it_came() {
    let mut novel = content("content-delta", 0, &json!({ "text": "a", "novel": 1 }));
    assert_eq!(read(&[novel.clone()]), ["native", "a"]);
    novel["delta"]["message"]["content"] = json!({ "text": "a" });
    assert_eq!(read(&[novel.clone()]), ["a"]);
    novel["novel"] = json!(1);
    assert_eq!(read(&[novel]), ["native", "a"]);
    assert_eq!(read(&[json!({ "type": "debug", "prompt": "p" })]), ["native"]);
    assert_eq!(
        read(&[json!({ "type": "content-delta", "delta": null, "index": "0", "novel": null })]),
        Vec::<String>::new()
    );
    assert_eq!(read(&[json!({ "type": "message-end", "delta": { "finish_reason": "NOVEL" } })]), ["NOVEL>"]);
}

#[test]
fn an_error_ends_the_stream() {
    for (event, told) in [
        (json!({ "message": "it broke" }), "server_error: it broke"),
        (json!({ "type": "error", "message": "it broke", "status_code": 503 }), "overloaded: it broke"),
        (
            json!({ "type": "message-end", "delta": { "finish_reason": "ERROR", "error": "it broke" } }),
            "server_error: it broke",
        ),
        (json!({ "type": "message-end", "delta": { "finish_reason": "TIMEOUT" } }), "no more than `TIMEOUT`"),
    ] {
        let last = read(&[start(), event, end("COMPLETE")]).pop().unwrap();
        assert!(last.contains(told), "{last}");
    }
    let mut failed = end("ERROR");
    failed["delta"]["error"] = json!("too many tokens: 9");
    let mut decoder = Decoder::new(&ChatRequest::default());
    let error = decoder.push(&Bytes::from(failed.to_string()), &mut VecDeque::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContextTooLong);
    assert_eq!(error.partial().unwrap().usage, Some(Usage::reported(7, 3)));
}

#[test]
fn nobody_invents_an_end_and_what_is_no_event_is_an_error_that_repeats_none_of_it() {
    assert_eq!(read(&[start(), "[DONE]".into()]), ["<m 1"]);
    for (data, place) in [
        ("secret", "is no JSON"),
        (r#"{"type":"content-delta","delta":"secret"}"#, "(at `delta`)"),
        (r#"{"type":"content-delta","delta":{"message":7}}"#, "(at `delta.message`)"),
    ] {
        let last = read(&[data.into()]).pop().unwrap();
        assert!(
            last.starts_with("undecodable: an event of the stream") && !last.contains("secret"),
            "{last}"
        );
        assert!(last.contains(place), "{last}");
    }
}
