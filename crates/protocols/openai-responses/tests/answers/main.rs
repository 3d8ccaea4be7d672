//! What answers say, whole and live, and how they are written.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod errors;

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatEvent, ChatRequest, ChatResponse, Choice, Codec as _, Delta, Error, ErrorKind,
    FinishReason, Fold, Frame, Losses, Message, ModelName, OwnedFrame, Part, Result, Role, ServerCodec as _,
    Usage, events_of,
};
use ultraai_protocol_openai_responses::{NAME, Responses};
use ultraai_testkit::codecs::{fold_frames, frames_of};

fn whole(body: &Value) -> Result<ChatResponse> {
    Responses::new().decode(&ChatRequest::default(), &body.to_string().into())
}

fn answer(output: &Value) -> ChatResponse {
    whole(&json!({ "id": "resp_1", "model": "m", "status": "completed", "output": output })).unwrap()
}

/// The events of a stream, and the error that ended it.
fn live(events: &[Value]) -> (Vec<ChatEvent>, Option<Error>) {
    let (mut decode, mut out) = (Responses::new().decoder(&ChatRequest::default()), VecDeque::new());
    let mut push =
        |event: &Value| decode(Some(Frame { name: "", data: &Bytes::from(event.to_string()) }), &mut out);
    let ended = events.iter().try_for_each(&mut push);
    (out.into(), ended.err())
}

fn folded(events: Vec<ChatEvent>) -> ChatResponse {
    let mut fold = Fold::default();
    events.into_iter().try_for_each(|event| fold.push(event)).unwrap();
    fold.finish().unwrap()
}

/// The stream of a whole answer, as the vendor writes it.
fn stream_of(output: &[Value]) -> Vec<Value> {
    let response = |status: &str, output: &[Value]| json!({ "id": "resp_1", "model": "m", "status": status, "output": output });
    let mut events = vec![json!({ "type": "response.created", "response": response("in_progress", &[]) })];
    for (index, item) in output.iter().enumerate() {
        let at = |mut event: Value| {
            event["output_index"] = index.into();
            event
        };
        let mut begun = item.clone();
        match item["type"].as_str() {
            Some("message") => begun["content"] = json!([]),
            Some("function_call") => begun["arguments"] = "".into(),
            _ => {}
        }
        events.push(at(json!({ "type": "response.output_item.added", "item": begun })));
        for (place, part) in item["content"].as_array().into_iter().flatten().enumerate() {
            events.push(at(
                json!({ "type": "response.content_part.added", "content_index": place, "part": {} }),
            ));
            for (kind, key) in [("output_text", "text"), ("refusal", "refusal"), ("reasoning_text", "text")] {
                if part["type"] == kind {
                    events.push(at(json!({ "type": format!("response.{kind}.delta"), "delta": part[key], "content_index": place })));
                }
            }
            events.push(at(
                json!({ "type": "response.content_part.done", "content_index": place, "part": part }),
            ));
        }
        if let Some(arguments) = item["arguments"].as_str() {
            events.push(at(json!({ "type": "response.function_call_arguments.delta", "delta": arguments })));
            events
                .push(at(json!({ "type": "response.function_call_arguments.done", "arguments": arguments })));
        }
        events.push(at(json!({ "type": "response.output_item.done", "item": item })));
    }
    events.push(json!({ "type": "response.completed", "response": response("completed", output) }));
    events
}

fn everything() -> Vec<Value> {
    let json = json!([
        { "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e" },
        { "type": "reasoning", "id": "rs_2", "summary": [], "content": [{ "type": "reasoning_text", "text": "hm" }] },
        { "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary", "content": [
            { "type": "output_text", "text": "a", "annotations": [{ "type": "url_citation", "url": "https://host", "title": "t", "start_index": 0, "end_index": 1 }], "novel": 7 },
            { "type": "output_text", "text": "b", "annotations": [] },
            { "type": "refusal", "refusal": "no" },
        ] },
        { "type": "message", "id": "msg_2", "role": "assistant", "status": "completed", "content": [{ "type": "refusal", "refusal": "never" }] },
        { "type": "web_search_call", "id": "ws_1", "status": "completed", "action": { "type": "search", "query": "q" } },
        { "type": "message", "id": "msg_3", "role": "assistant", "status": "completed", "content": [{ "type": "output_text", "text": "c", "annotations": [] }] },
        { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}", "status": "completed" },
        { "type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "g", "arguments": "{\"a\":1}", "status": "completed" },
    ]);
    json.as_array().unwrap().clone()
}

#[test]
fn a_stream_folds_to_the_whole_answer() {
    let whole = answer(&json!(everything()));
    let kinds: Vec<_> = whole.content.iter().map(Part::kind).collect();
    // What is known of a message goes before it, where something hangs on it.
    assert_eq!(
        kinds,
        [
            "reasoning",
            "reasoning",
            "reasoning",
            "text",
            "text",
            "refusal",
            "reasoning",
            "refusal",
            "vendor",
            "text",
            "tool_call",
            "tool_call"
        ]
    );
    assert_eq!(whole.finish_reason, FinishReason::ToolCalls);
    let citation = &whole.content[3].notes().unwrap().citations[0];
    assert_eq!((citation.url.as_deref(), citation.range), (Some("https://host"), Some((0, 1))));
    let (events, ended) = live(&stream_of(&everything()));
    assert!(ended.is_none(), "{ended:?}");
    assert_eq!(folded(events), whole);
}

#[test]
fn an_answer_goes_back_unchanged_on_the_next_turn() {
    let said = answer(&json!(everything())).content;
    let asked = ChatRequest::new(vec![Message::user("a"), Message::new(Role::Assistant, said)]);
    let body = Responses::new()
        .encode(&asked.with_model(ModelName::new("m").unwrap()), &mut Losses::refused())
        .unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut expected = everything();
    // Nothing hangs on the id of this message, nor on the status of calls.
    expected[5].as_object_mut().unwrap().retain(|key, _| key != "id" && key != "status");
    for call in &mut expected[6..] {
        call.as_object_mut().unwrap().remove("status");
    }
    assert_eq!(body["input"].as_array().unwrap()[1..], expected);
}

#[test]
fn items_that_did_not_come_in_pieces_are_read_from_what_is_complete() {
    let whole = answer(&json!(everything()));
    let mut events = stream_of(&everything());
    events.retain(|event| !event["type"].as_str().unwrap().contains(".delta"));
    assert_eq!(folded(live(&events).0), whole);
    events.retain(|event| !event["type"].as_str().unwrap().contains("content_part"));
    assert_eq!(folded(live(&events).0), whole);
    events.retain(|event| event["type"] != "response.output_item.added");
    assert_eq!(folded(live(&events).0), whole);
    events.retain(|event| event["type"] != "response.output_item.done");
    assert_eq!(folded(live(&events).0), whole);
}

#[test]
fn why_an_answer_ended_is_told() {
    for (status, why, expected) in [
        ("completed", json!(null), FinishReason::Stop),
        ("incomplete", json!({ "reason": "max_output_tokens" }), FinishReason::Length),
        ("incomplete", json!({ "reason": "content_filter" }), FinishReason::ContentFilter),
        ("incomplete", json!({ "reason": "novel" }), FinishReason::Other("novel".into())),
        ("queued", json!(null), FinishReason::Other("queued".into())),
        ("novel", json!(null), FinishReason::Other("novel".into())),
    ] {
        let body = json!({ "status": status, "incomplete_details": why, "output": [] });
        assert_eq!(whole(&body).unwrap().finish_reason, expected, "{body}");
        let name = if status == "incomplete" { "response.incomplete" } else { "response.completed" };
        let (events, _) = live(&[json!({ "type": name, "response": body })]);
        assert_eq!(folded(events).finish_reason, expected, "{body}");
    }
}

#[test]
fn a_failure_is_an_error_wherever_it_stands() {
    let error = json!({ "code": "rate_limit_exceeded", "message": "slow down" });
    let failed = json!({ "status": "failed", "error": error, "output": [], "usage": { "input_tokens": 3, "output_tokens": 1 } });
    let told = whole(&failed).unwrap_err();
    assert_eq!((told.kind(), told.message()), (ErrorKind::RateLimited, "slow down"));
    assert_eq!(told.partial().unwrap().usage, Some(Usage::reported(3, 1)));
    for event in [
        json!({ "type": "response.failed", "response": failed }),
        json!({ "type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": null }),
        json!({ "type": "error", "error": error }),
        json!({ "error": error }),
    ] {
        let told = live(std::slice::from_ref(&event)).1.unwrap();
        assert_eq!((told.kind(), told.message()), (ErrorKind::RateLimited, "slow down"), "{event}");
    }
    assert_eq!(whole(&json!({ "status": "failed" })).unwrap_err().kind(), ErrorKind::ServerError);
    assert_eq!(whole(&json!({ "status": "cancelled" })).unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(whole(&json!({ "choices": [] })).unwrap_err().kind(), ErrorKind::Undecodable);
}

#[test]
fn what_nobody_knows_is_kept_and_handed_on() {
    let body = json!({
        "status": "completed", "novel": { "a": 1 }, "output": null, "service_tier": "flex",
        "usage": { "input_tokens": "3", "output_tokens": 1.0, "cost": 7, "input_tokens_details": { "cached_tokens": "2", "image_tokens": 1 }, "output_tokens_details": null },
    });
    let read = whole(&body).unwrap();
    let usage = read.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cache_read), (3, 1, Some(2)));
    let rest =
        json!({ "novel": { "a": 1 }, "usage": { "cost": 7, "input_tokens_details": { "image_tokens": 1 } } });
    assert_eq!((json!(read.raw), read.service_tier.as_deref()), (rest, Some("flex")));

    let odd = json!({ "type": "response.output_text.delta", "delta": "a", "novel": 7 });
    let unknown = json!({ "type": "response.web_search_call.searching", "output_index": 0 });
    let item = json!({ "type": "response.output_item.done", "output_index": 0, "item": { "type": "novel", "a": null } });
    let (events, ended) = live(&[odd.clone(), unknown.clone(), item]);
    assert!(ended.is_none());
    let native = |event: &ChatEvent| match event {
        ChatEvent::Native(native) => Some((native.protocol, native.body.clone())),
        _ => None,
    };
    assert_eq!(native(&events[0]), Some((NAME, Bytes::from(odd.to_string()))));
    assert_eq!(events[1], ChatEvent::text("a"));
    assert_eq!(native(&events[2]), Some((NAME, Bytes::from(unknown.to_string()))));
    assert_eq!(events[3], ChatEvent::Delta(Delta::PartStart));
    let ChatEvent::Delta(Delta::Part(part)) = &events[4] else { panic!("{events:?}") };
    let Part::Vendor(state) = &**part else { panic!("{part:?}") };
    assert_eq!(state.data, json!({ "type": "novel", "a": null }));
}

#[test]
fn items_that_say_or_do_something_are_an_answer() {
    for (kind, is_answer) in [
        ("custom_tool_call", true),
        ("computer_call", true),
        ("local_shell_call", true),
        ("apply_patch_call", true),
        ("mcp_approval_request", true),
        ("image_generation_call", true),
        ("web_search_call", true),
        ("compaction", true),
        ("novel", true),
        ("mcp_list_tools", false),
        ("reasoning", false),
    ] {
        let output =
            [json!({ "type": "reasoning", "id": "rs_1", "summary": [] }), json!({ "type": kind, "id": "x" })];
        assert_eq!(answer(&json!(output)).is_empty(), !is_answer, "{kind}");
        let (events, _) = live(&stream_of(&output));
        assert_eq!(events.iter().any(ChatEvent::is_commit), is_answer, "{kind}");
        assert_eq!(folded(events).is_empty(), !is_answer, "{kind}");
    }
}

#[test]
fn a_broken_field_is_named_by_its_place_and_nothing_is_repeated() {
    for (item, place) in [
        (json!({ "type": "message", "content": "secret" }), "`output[0].content`"),
        (
            json!({ "type": "message", "content": [{ "type": "output_text", "text": ["secret"] }] }),
            "`output[0].content[0].text`",
        ),
        (json!({ "type": "function_call", "name": ["secret"] }), "`output[0].name`"),
    ] {
        let error = whole(&json!({ "output": [item] })).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Undecodable);
        assert!(error.message().contains(place) && !error.message().contains("secret"), "{error}");
    }
    let error = whole(&json!({ "output": [], "usage": "secret" })).unwrap_err();
    assert!(error.message().contains("at `usage`") && !error.message().contains("secret"), "{error}");
}

#[test]
fn nobody_invents_an_end() {
    let mut events = stream_of(&everything());
    events.pop();
    let mut fold = Fold::default();
    live(&events).0.into_iter().try_for_each(|event| fold.push(event)).unwrap();
    assert_eq!(fold.finish().unwrap_err().kind(), ErrorKind::Interrupted);
}

fn frames(output: &Value) -> Vec<(&'static str, Value)> {
    let asked = ChatRequest::from_prompt("a");
    let to = Answering { request: &asked, id: "0", created: 1 };
    let frames = frames_of(&Responses::new(), &to, &answer(output)).unwrap();
    frames
        .into_iter()
        .map(|OwnedFrame { name, data }| (name, serde_json::from_slice(&data).unwrap()))
        .collect()
}

#[test]
fn a_stream_is_written_as_the_vendor_writes_it() {
    let frames = frames(&json!([
        { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }] },
        { "type": "message", "id": "msg_1", "content": [{ "type": "output_text", "text": "a" }, { "type": "refusal", "refusal": "no" }] },
        { "type": "function_call", "call_id": "1", "name": "f", "arguments": "{}" },
    ]));
    let names: Vec<_> = frames.iter().map(|(name, _)| name.trim_start_matches("response.")).collect();
    assert_eq!(
        names,
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "content_part.added",
            "refusal.delta",
            "refusal.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    for (number, (name, frame)) in frames.iter().enumerate() {
        assert_eq!(
            (frame["type"].as_str(), frame["sequence_number"].as_u64()),
            (Some(*name), u64::try_from(number).ok())
        );
    }
    let last = &frames.last().unwrap().1["response"];
    assert_eq!(
        (&last["status"], &last["id"], &last["model"]),
        (&json!("completed"), &json!("resp_0"), &json!("m"))
    );
    assert_eq!(last["output"][0]["id"], "rs_1");
    assert_eq!(
        last["output"][1]["id"], "msg_1",
        "reasoning goes back with the very message that followed it"
    );
    for key in [
        "created_at",
        "object",
        "error",
        "incomplete_details",
        "parallel_tool_calls",
        "tool_choice",
        "tools",
        "usage",
    ] {
        assert!(last.get(key).is_some(), "{key}");
    }
}

#[test]
fn an_answer_is_written_as_it_was_read() {
    let read = answer(&json!(everything()));
    let asked = ChatRequest::from_prompt("a");
    let to = Answering { request: &asked, id: "0", created: 1 };
    let body = Responses::new().encode_response(&to, &read, &mut Losses::refused()).unwrap();
    let mut again = whole(&serde_json::from_slice(&body).unwrap()).unwrap();
    again.request_id.clone_from(&read.request_id);
    assert_eq!(again, read);
    let frames = frames_of(&Responses::new(), &to, &read).unwrap();
    let mut again = fold_frames(&Responses::new(), &asked, &frames).unwrap();
    again.request_id.clone_from(&read.request_id);
    assert_eq!(again, read);
}

#[test]
fn an_answer_repeats_the_instructions() {
    let codec = Responses::new();
    let body = json!({ "model": "m", "instructions": "be brief", "input": "a" });
    let asked = codec.decode_request("/v1/responses", body.to_string().as_bytes()).unwrap();
    let to = Answering { request: &asked, id: "0", created: 1 };
    let written = codec.encode_response(&to, &ChatResponse::from_text("b"), &mut Losses::refused()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap()["instructions"], "be brief");
}

#[test]
fn tokens_are_told_with_the_text() {
    let tokens = json!([{ "token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{ "token": "a", "logprob": -0.5, "bytes": [97] }] }]);
    let output = json!([
        { "type": "message", "id": "msg_1", "content": [{ "type": "output_text", "text": "a", "logprobs": tokens }] },
        { "type": "function_call", "call_id": "1", "name": "f", "arguments": "{}" },
    ]);
    let frames = frames(&output);
    let last = &frames.last().unwrap().1["response"];
    assert_eq!(last["output"][0]["content"][0]["logprobs"], tokens);
    let (events, _) = live(&frames.iter().map(|(_, frame)| frame.clone()).collect::<Vec<_>>());
    assert_eq!(folded(events).logprobs, answer(&output).logprobs);
}

#[test]
fn what_an_answer_cannot_say_is_lost_by_name() {
    let asked = ChatRequest::from_prompt("a");
    let to = Answering { request: &asked, id: "0", created: 1 };
    let mut answer = ChatResponse::from_text("a");
    answer.stop_sequence = Some("x".into());
    answer.alternatives = vec![Choice::default()];
    let mut losses = Losses::noted();
    Responses::new().encode_response(&to, &answer, &mut losses).unwrap();
    assert_eq!(losses.as_slice().len(), 2, "{losses:?}");
    let error = Responses::new().encode_response(&to, &answer, &mut Losses::refused()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn why_an_answer_ended_is_told_in_words_that_sdks_know() {
    for (reason, origin, status, why) in [
        (FinishReason::Stop, None, "completed", Value::Null),
        (FinishReason::Length, None, "incomplete", json!({ "reason": "max_output_tokens" })),
        (FinishReason::ContentFilter, None, "incomplete", json!({ "reason": "content_filter" })),
        (FinishReason::Other("unknown".into()), Some("ollama"), "completed", Value::Null),
        (FinishReason::Other("pause_turn".into()), Some("anthropic-messages"), "incomplete", json!({})),
        (FinishReason::Other("queued".into()), Some("openai-chat"), "incomplete", json!({})),
        (FinishReason::Other("novel".into()), Some(NAME), "incomplete", json!({ "reason": "novel" })),
    ] {
        let asked = ChatRequest::from_prompt("a");
        let to = Answering { request: &asked, id: "0", created: 7 };
        let mut answer = ChatResponse::from_text("a");
        (answer.finish_reason, answer.origin) = (reason.clone(), origin);
        let body = Responses::new().encode_response(&to, &answer, &mut Losses::refused()).unwrap();
        let whole: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&whole["status"], &whole["incomplete_details"]), (&json!(status), &why), "{reason:?}");
        let completed = if status == "completed" { json!(7) } else { Value::Null };
        assert_eq!(whole["completed_at"], completed, "{reason:?}");
        let frames = frames_of(&Responses::new(), &to, &answer).unwrap();
        let last: Value = serde_json::from_slice(&frames.last().unwrap().data).unwrap();
        assert_eq!(last["response"]["status"], status, "{reason:?}");
        assert_eq!(last["response"]["completed_at"].is_u64(), status == "completed", "{reason:?}");
    }
}

#[test]
fn calls_that_are_written_in_turns_stay_apart() {
    let start = |index, id: &str| {
        ChatEvent::Delta(Delta::ToolCallStart { index, id: id.into(), name: "f".into(), state: None })
    };
    let more =
        |index, text: &str| ChatEvent::Delta(Delta::ToolCallArguments { index, arguments: text.into() });
    let asked = ChatRequest::from_prompt("a");
    let mut encoder = Responses::new().encoder(&Answering { request: &asked, id: "0", created: 1 });
    let (mut frames, mut losses) = (Vec::new(), Losses::refused());
    let end = ChatEvent::Finished { finish_reason: FinishReason::ToolCalls };
    for event in [start(0, "1"), start(1, "2"), more(0, "{\"a\""), more(1, "[]"), more(0, ":1}"), end] {
        encoder.push(&event, &mut frames, &mut losses).unwrap();
    }
    let read = fold_frames(&Responses::new(), &asked, &frames).unwrap();
    let calls: Vec<_> = read
        .content
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some((call.id.as_str(), call.arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("1", "{\"a\":1}"), ("2", "[]")]);
    assert_eq!(events_of(read.clone()).len(), 6);
}
