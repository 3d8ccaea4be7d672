//! OpenAI's chat completions.

use serde_json::{Value, json};
use ultraai_testkit::{Reply, openai};

use super::Said;

pub(super) fn answer(model: &str, live: bool, request: &Value) -> Reply {
    let said = Said::by(model, request);
    let n = request["n"].as_u64().unwrap_or(1);
    let reason = match &said {
        Said { is_cut: true, .. } => "length",
        Said { calls: [_, ..], .. } => "tool_calls",
        _ => "stop",
    };
    match live {
        true => streamed(model, &said, reason, n, request),
        false => Reply::json(200, &whole(model, &said, reason, n, request)),
    }
}

fn whole(model: &str, said: &Said, reason: &str, n: u64, request: &Value) -> Value {
    let mut message =
        json!({ "role": "assistant", "content": said.texts.concat(), "refusal": null, "annotations": [] });
    if said.texts.is_empty() {
        message["content"] = Value::Null;
    }
    if !said.calls.is_empty() {
        let call = |call: &super::Call| {
            json!({ "id": call.id, "type": "function",
                "function": { "name": call.name, "arguments": call.arguments.concat() } })
        };
        message["tool_calls"] = said.calls.iter().map(call).collect();
    }
    if !said.reasoning.is_empty() {
        message["reasoning_content"] = json!(said.reasoning);
    }
    let mut body = openai::answer_body(model, &message, reason);
    let mut choice = body["choices"][0].take();
    if request["logprobs"] == true {
        let tokens: Vec<_> = said.texts.iter().map(|text| token(text)).collect();
        choice["logprobs"] = json!({ "content": tokens, "refusal": null });
    }
    let numbered = |index| {
        let mut choice = choice.clone();
        choice["index"] = json!(index);
        choice
    };
    body["choices"] = (0..n).map(numbered).collect();
    body["usage"] = usage();
    body["system_fingerprint"] = json!("fp_upstream");
    body["service_tier"] = json!("default");
    // What nobody knows of is not to be lost.
    body["x_upstream"] = json!({ "kept": true });
    body
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10,
        "prompt_tokens_details": { "cached_tokens": 2, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": 1, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

fn token(text: &str) -> Value {
    json!({ "token": text, "logprob": -0.25, "bytes": text.as_bytes(),
        "top_logprobs": [{ "token": text, "logprob": -0.25, "bytes": text.as_bytes() }] })
}

fn streamed(model: &str, said: &Said, reason: &str, n: u64, request: &Value) -> Reply {
    let wants_usage = request["stream_options"]["include_usage"] == true;
    let mut deltas = vec![(json!({ "role": "assistant", "content": "", "refusal": null }), None)];
    if !said.reasoning.is_empty() {
        deltas.push((json!({ "reasoning_content": said.reasoning }), None));
    }
    deltas.extend(said.texts.iter().map(|text| (json!({ "content": text }), Some(*text))));
    for (index, call) in said.calls.iter().enumerate() {
        let function = json!({ "name": call.name, "arguments": "" });
        let first = json!({ "index": index, "id": call.id, "type": "function", "function": function });
        deltas.push((json!({ "tool_calls": [first] }), None));
        let more =
            |piece: &&str| json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] });
        deltas.extend(call.arguments.iter().map(|piece| (more(piece), None)));
    }
    let mut data = Vec::new();
    let mut push = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model,
            "choices": choices, "system_fingerprint": "fp_upstream", "service_tier": "default",
        });
        if wants_usage {
            chunk["usage"] = usage;
        }
        data.push(chunk.to_string());
    };
    for (delta, text) in deltas {
        for index in 0..n {
            let mut choice =
                json!({ "index": index, "delta": delta, "finish_reason": null, "logprobs": null });
            if let Some(text) = text.filter(|_| request["logprobs"] == true) {
                choice["logprobs"] = json!({ "content": [token(text)], "refusal": null });
            }
            push(json!([choice]), Value::Null);
        }
    }
    for index in 0..n {
        push(
            json!([{ "index": index, "delta": {}, "finish_reason": reason, "logprobs": null }]),
            Value::Null,
        );
    }
    if wants_usage {
        push(json!([]), usage());
    }
    data.push("[DONE]".to_owned());
    Reply::sse(data)
}
