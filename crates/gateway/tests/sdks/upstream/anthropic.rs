//! Anthropic's messages.

use serde_json::{Value, json};
use ultraai_testkit::{Reply, anthropic};

use super::Said;

pub(super) fn answer(model: &str, live: bool, request: &Value) -> Reply {
    let said = Said::by(model, request);
    let reason = match &said {
        Said { is_cut: true, .. } => "max_tokens",
        Said { calls: [_, ..], .. } => "tool_use",
        _ => "end_turn",
    };
    let blocks = blocks(&said);
    let whole: Vec<_> = blocks.iter().map(|block| block.whole.clone()).collect();
    let mut message = anthropic::answer_body(model, &json!(whole), reason);
    message["id"] = json!("msg_01TestTestTestTestTest");
    message["usage"] = usage(3);
    if !live {
        return Reply::json(200, &message);
    }
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["usage"] = usage(1);
    let mut events = vec![json!({ "type": "message_start", "message": message })];
    for (index, block) in blocks.into_iter().enumerate() {
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": block.begun }));
        if index == 0 {
            events.push(json!({ "type": "ping" }));
        }
        let delta = |delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
        events.extend(block.deltas.into_iter().map(delta));
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    let delta = json!({ "stop_reason": reason, "stop_sequence": null });
    events.push(json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": 3 } }));
    events.push(json!({ "type": "message_stop" }));
    let frames = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()));
    Reply::chunked("text/event-stream", frames.collect::<Vec<_>>())
}

fn usage(output_tokens: u64) -> Value {
    json!({
        "input_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 2,
        "output_tokens": output_tokens, "service_tier": "standard",
    })
}

struct Block {
    whole: Value,
    begun: Value,
    deltas: Vec<Value>,
}

fn blocks(said: &Said) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !said.reasoning.is_empty() {
        blocks.push(Block {
            whole: json!({ "type": "thinking", "thinking": said.reasoning, "signature": "c2lnbmF0dXJl" }),
            begun: json!({ "type": "thinking", "thinking": "", "signature": "" }),
            deltas: vec![
                json!({ "type": "thinking_delta", "thinking": said.reasoning }),
                json!({ "type": "signature_delta", "signature": "c2lnbmF0dXJl" }),
            ],
        });
    }
    if !said.texts.is_empty() {
        blocks.push(Block {
            whole: json!({ "type": "text", "text": said.texts.concat() }),
            begun: json!({ "type": "text", "text": "" }),
            deltas: said.texts.iter().map(|text| json!({ "type": "text_delta", "text": text })).collect(),
        });
    }
    blocks.extend(said.calls.iter().map(|call| {
        let input: Value = serde_json::from_str(&call.arguments.concat()).unwrap();
        Block {
            whole: json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input }),
            begun: json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": {} }),
            deltas: std::iter::once(&"")
                .chain(call.arguments)
                .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
                .collect(),
        }
    }));
    blocks
}
