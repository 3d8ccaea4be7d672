//! OpenAI's responses.

use serde_json::{Value, json};
use ultraai_testkit::{Reply, responses};

use super::Said;

pub(super) fn answer(model: &str, live: bool, request: &Value) -> Reply {
    let said = Said::by(model, request);
    let status = if said.is_cut { "incomplete" } else { "completed" };
    let text = match &request["text"] {
        Value::Null => json!({ "format": { "type": "text" } }),
        text => text.clone(),
    };
    let body = |output: &Value, status: &str| {
        let mut body = responses::answer_body(model, output, status);
        // As the real service repeats them.
        let settings = json!({
            "background": false, "instructions": request["instructions"], "max_output_tokens": null, "metadata": {},
            "parallel_tool_calls": true, "previous_response_id": null, "reasoning": { "effort": null, "summary": null },
            "store": false, "temperature": 1.0, "text": text, "tool_choice": "auto",
            "tools": request["tools"].as_array().cloned().unwrap_or_default(), "top_p": 1.0, "truncation": "disabled",
            "user": null, "service_tier": "default", "safety_identifier": null, "top_logprobs": 0,
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    };
    if !live {
        return Reply::json(200, &body(&output(&said, status), status));
    }
    let begun = body(&json!([]), "in_progress");
    let mut events = vec![
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.in_progress", "response": begun }),
    ];
    let output = output(&said, status);
    for (index, item) in output.as_array().into_iter().flatten().enumerate() {
        events.extend(item_events(index, item, &said));
    }
    events.push(json!({ "type": format!("response.{status}"), "response": body(&output, status) }));
    let frames = (0..).zip(events).map(|(number, mut event): (u64, Value)| {
        event["sequence_number"] = json!(number);
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
    });
    Reply::chunked("text/event-stream", frames)
}

fn output(said: &Said, status: &str) -> Value {
    let mut items = Vec::new();
    if !said.reasoning.is_empty() {
        let summary = json!([{ "type": "summary_text", "text": said.reasoning }]);
        items.push(json!({ "type": "reasoning", "id": "rs_test", "summary": summary }));
    }
    if !said.texts.is_empty() {
        let part =
            json!({ "type": "output_text", "text": said.texts.concat(), "annotations": [], "logprobs": [] });
        let message = json!({ "type": "message", "id": "msg_test", "role": "assistant", "status": status, "content": [part] });
        items.push(message);
    }
    items.extend(said.calls.iter().map(|call| {
        json!({ "type": "function_call", "id": format!("fc_{}", call.id), "call_id": call.id, "name": call.name,
            "arguments": call.arguments.concat(), "status": "completed" })
    }));
    items.into()
}

/// The events of one item of the output.
fn item_events(index: usize, item: &Value, said: &Said) -> Vec<Value> {
    let id = &item["id"];
    let mut added = item.clone();
    added["status"] = json!("in_progress");
    let inner = match item["type"].as_str() {
        Some("message") => {
            added["content"] = json!([]);
            let at = json!({ "item_id": id, "output_index": index, "content_index": 0 });
            let part = json!({ "type": "output_text", "text": "", "annotations": [], "logprobs": [] });
            let text = said.texts.concat();
            let mut events = vec![event("response.content_part.added", &at, &json!({ "part": part }))];
            events.extend(said.texts.iter().map(|text| {
                let delta = json!({ "delta": text, "logprobs": [], "obfuscation": "xxxx" });
                event("response.output_text.delta", &at, &delta)
            }));
            events.push(event("response.output_text.done", &at, &json!({ "text": text, "logprobs": [] })));
            events.push(event("response.content_part.done", &at, &json!({ "part": item["content"][0] })));
            events
        }
        Some("reasoning") => {
            added["summary"] = json!([]);
            added.as_object_mut().map(|added| added.remove("status"));
            let at = json!({ "item_id": id, "output_index": index, "summary_index": 0 });
            let part = |text: &str| json!({ "part": { "type": "summary_text", "text": text } });
            vec![
                event("response.reasoning_summary_part.added", &at, &part("")),
                event("response.reasoning_summary_text.delta", &at, &json!({ "delta": said.reasoning })),
                event("response.reasoning_summary_text.done", &at, &json!({ "text": said.reasoning })),
                event("response.reasoning_summary_part.done", &at, &part(said.reasoning)),
            ]
        }
        _ => {
            added["arguments"] = json!("");
            let at = json!({ "item_id": id, "output_index": index });
            let call = said.calls.iter().find(|call| item["call_id"] == call.id);
            let pieces = call.map_or(&[][..], |call| call.arguments);
            let mut events: Vec<_> = pieces
                .iter()
                .map(|piece| event("response.function_call_arguments.delta", &at, &json!({ "delta": piece })))
                .collect();
            let done = json!({ "arguments": item["arguments"], "name": item["name"] });
            events.push(event("response.function_call_arguments.done", &at, &done));
            events
        }
    };
    let mut events =
        vec![json!({ "type": "response.output_item.added", "output_index": index, "item": added })];
    events.extend(inner);
    events.push(json!({ "type": "response.output_item.done", "output_index": index, "item": item }));
    events
}

fn event(kind: &str, at: &Value, more: &Value) -> Value {
    let mut event = json!({ "type": kind });
    for (name, value) in [at, more].into_iter().filter_map(Value::as_object).flatten() {
        event[name] = value.clone();
    }
    event
}
