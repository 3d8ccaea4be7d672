//! Answers that hold no text and no call that every protocol has: what the caller's own protocol has words for passes untouched.

use serde_json::{Value, json};
use ultraai_testkit::{Reply, Server};

use crate::{
    protocol::{CHAT, MESSAGES, Protocol, RESPONSES},
    support::{Answer, Gateway},
};

/// An answer of the protocol with that content and that end, in the form of `protocol`.
fn answer(protocol: &Protocol, content: &Value, end: &str) -> Value {
    match protocol.provider {
        "chat" => json!({ "id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [
            { "index": 0, "message": content, "finish_reason": end },
        ], "usage": { "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7 } }),
        "responses" => {
            let (status, why) = match end {
                "completed" => (end, Value::Null),
                why => ("incomplete", json!({ "reason": why })),
            };
            json!({ "id": "x", "object": "response", "created_at": 1, "model": "m", "status": status, "output": content,
                "incomplete_details": why, "usage": { "input_tokens": 3, "output_tokens": 4, "total_tokens": 7 } })
        }
        _ => json!({ "id": "x", "type": "message", "role": "assistant", "model": "m", "content": content,
            "stop_reason": end, "stop_sequence": if end == "stop_sequence" { json!("x") } else { Value::Null },
            "usage": { "input_tokens": 3, "output_tokens": 4 } }),
    }
}

/// The same in frames.
fn frames(protocol: &Protocol, whole: &Value) -> Vec<Value> {
    match protocol.provider {
        "chat" => {
            let choice = &whole["choices"][0];
            let delta = json!({ "id": "x", "choices": [{ "index": 0, "delta": choice["message"] }] });
            let end = json!({ "id": "x", "choices": [{ "index": 0, "delta": {}, "finish_reason": choice["finish_reason"] }] });
            vec![delta, end, json!({ "id": "x", "choices": [], "usage": whole["usage"] })]
        }
        "responses" => {
            let mut begun = whole.clone();
            (begun["output"], begun["status"]) = (json!([]), "in_progress".into());
            let mut frames = vec![json!({ "type": "response.created", "response": begun })];
            for (place, item) in whole["output"].as_array().unwrap().iter().enumerate() {
                for kind in ["response.output_item.added", "response.output_item.done"] {
                    frames.push(json!({ "type": kind, "output_index": place, "item": item }));
                }
            }
            let end = format!("response.{}", whole["status"].as_str().unwrap());
            frames.push(json!({ "type": end, "response": whole }));
            frames
        }
        _ => {
            let mut begun = whole.clone();
            (begun["content"], begun["stop_reason"], begun["stop_sequence"]) =
                (json!([]), Value::Null, Value::Null);
            let mut frames = vec![json!({ "type": "message_start", "message": begun })];
            for (place, block) in whole["content"].as_array().unwrap().iter().enumerate() {
                frames.push(json!({ "type": "content_block_start", "index": place, "content_block": block }));
                frames.push(json!({ "type": "content_block_stop", "index": place }));
            }
            let delta =
                json!({ "stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"] });
            frames.push(json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": 4 } }));
            frames.push(json!({ "type": "message_stop" }));
            frames
        }
    }
}

/// What the caller gets of that answer, whole and live, through a gateway with that provider alone.
async fn got(protocol: &Protocol, whole: &Value) -> (Answer, Answer) {
    let ask = async |reply: Reply, body: String| {
        let server = Server::always(reply);
        Gateway::over(&server).await.post(protocol.path, &body).await
    };
    (
        ask(Reply::json(200, whole), protocol.asking(protocol.provider)).await,
        ask(
            Reply::sse(frames(protocol, whole).iter().map(Value::to_string)),
            protocol.asking_live(protocol.provider),
        )
        .await,
    )
}

#[tokio::test]
async fn what_the_callers_protocol_has_words_for_is_no_empty_answer() {
    let custom = json!({ "id": "1", "type": "custom", "custom": { "name": "f", "input": "a" } });
    let item = |kind: &str| json!([{ "type": kind, "id": "x_1" }]);
    let thinks = json!({ "type": "reasoning", "id": "rs_1", "summary": [] });
    let thinking = json!({ "type": "thinking", "thinking": "hm", "signature": "s" });
    let used = |kind: &str| json!([{ "type": kind, "id": "1", "name": "web_search", "input": {} }]);
    let message = |content: Value| json!({ "role": "assistant", "content": content });
    for (protocol, content, end) in [
        (CHAT, json!({ "content": null, "tool_calls": [custom] }), "tool_calls"),
        (CHAT, json!({ "content": null, "audio": { "id": "a", "data": "AA", "transcript": "t" } }), "stop"),
        (CHAT, message("".into()), "length"),
        (CHAT, json!({ "content": "", "reasoning_content": "hm" }), "length"),
        (CHAT, message("".into()), "content_filter"),
        (RESPONSES, item("custom_tool_call"), "completed"),
        (RESPONSES, json!([thinks, { "type": "custom_tool_call", "id": "x_1" }]), "completed"),
        (RESPONSES, item("computer_call"), "completed"),
        (RESPONSES, item("mcp_approval_request"), "completed"),
        (RESPONSES, item("image_generation_call"), "completed"),
        (RESPONSES, json!([thinks]), "max_output_tokens"),
        (RESPONSES, json!([]), "content_filter"),
        (MESSAGES, used("server_tool_use"), "pause_turn"),
        (MESSAGES, used("mcp_tool_use"), "pause_turn"),
        (MESSAGES, json!([{ "type": "compaction", "content": "so far" }]), "compaction"),
        (MESSAGES, json!([thinking]), "max_tokens"),
        (MESSAGES, json!([]), "max_tokens"),
        (MESSAGES, json!([]), "stop_sequence"),
        (MESSAGES, json!([]), "refusal"),
    ] {
        let what = format!("{} {content} {end}", protocol.path);
        let theirs = answer(&protocol, &content, end);
        let (whole, live) = got(&protocol, &theirs).await;
        assert_eq!((whole.status, whole.json()), (200, theirs.clone()), "{what}");
        let mut events = live.events();
        events.retain(|event| event != "[DONE]");
        assert_eq!((live.status, events), (200, frames(&protocol, &theirs)), "{what}: {}", live.text);
    }
}

#[tokio::test]
async fn an_answer_that_ends_by_itself_and_holds_nothing_is_an_error() {
    for (protocol, content, end) in [
        (CHAT, json!({ "content": "" }), "stop"),
        (RESPONSES, json!([{ "type": "mcp_list_tools", "id": "x_1" }]), "completed"),
        (MESSAGES, json!([{ "type": "redacted_thinking", "data": "x" }]), "end_turn"),
    ] {
        let (whole, live) = got(&protocol, &answer(&protocol, &content, end)).await;
        assert!(whole.status >= 500 && whole.text.contains("answered with nothing"), "{}", whole.text);
        assert!(live.status >= 500 && live.text.contains("answered with nothing"), "{}", live.text);
    }
    // Where the caller asked for a stop sequence, that explains it.
    let theirs = answer(&CHAT, &json!({ "content": "" }), "stop");
    let server = Server::always(Reply::json(200, &theirs));
    let body = CHAT.asking("chat").replace("\"n\":1", "\"stop\":\"x\"");
    let answer = Gateway::over(&server).await.post(CHAT.path, &body).await;
    assert_eq!((answer.status, answer.json()), (200, theirs));
}

#[tokio::test]
async fn an_empty_answer_says_in_every_protocol_why_it_ended() {
    let withheld = answer(&MESSAGES, &json!([]), "refusal");
    let cut = answer(&MESSAGES, &json!([]), "max_tokens");
    for (theirs, chat, responses) in
        [(withheld, "content_filter", "content_filter"), (cut, "length", "max_output_tokens")]
    {
        let server = Server::always(Reply::json(200, &theirs));
        let gateway = Gateway::over(&server).await;
        let body = r#"{"model":"messages","messages":[{"role":"user","content":"a"}]}"#;
        let said = gateway.post(CHAT.path, body).await.json();
        assert_eq!(said["choices"][0]["finish_reason"], chat, "{said}");
        let said = gateway.post(RESPONSES.path, r#"{"model":"messages","input":"a"}"#).await.json();
        assert_eq!(
            (&said["status"], &said["incomplete_details"]["reason"]),
            (&"incomplete".into(), &responses.into())
        );
    }
}
