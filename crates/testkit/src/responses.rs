//! What a server of OpenAI's Responses protocol says: bodies, streams, errors.

use serde_json::{Value, json};

use crate::{Dialogue, Received, Reply, openai::OpenAiChat};

/// The model that the functions here answer as.
pub const MODEL: &str = "test-model";

/// A whole answer of this text.
pub fn answer(text: &str) -> Reply {
    OpenAiResponses.answer(MODEL, text)
}

/// A live answer of these texts.
pub fn stream<'a>(texts: impl IntoIterator<Item = &'a str>) -> Reply {
    let texts: Vec<_> = texts.into_iter().collect();
    OpenAiResponses.live(MODEL, &texts)
}

/// The object `response` with these items; one that ended at the limit of tokens says why.
pub fn answer_body(model: &str, output: &Value, status: &str) -> Value {
    let why = if status == "incomplete" { json!({ "reason": "max_output_tokens" }) } else { Value::Null };
    let usage = json!({
        "input_tokens": 7, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
        "output_tokens": 3, "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 10,
    });
    json!({
        "id": "resp_test", "object": "response", "created_at": 1_700_000_000, "model": model, "status": status,
        "output": output, "error": null, "incomplete_details": why,
        "usage": if status == "in_progress" { Value::Null } else { usage },
    })
}

/// The items of an answer of this text.
fn message(text: &str) -> Value {
    let content = json!([{ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }]);
    json!([{ "type": "message", "id": "msg_test", "role": "assistant", "status": "completed", "content": content }])
}

/// OpenAI's Responses protocol, as `POST /v1/responses`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiResponses;

impl OpenAiResponses {
    fn beginning(model: &str, texts: &[&str]) -> Vec<Value> {
        let response = answer_body(model, &json!([]), "in_progress");
        let item = json!({ "type": "message", "id": "msg_test", "role": "assistant", "status": "in_progress", "content": [] });
        let part = json!({ "type": "output_text", "text": "", "annotations": [], "logprobs": [] });
        let place = |mut event: Value| {
            event["item_id"] = json!("msg_test");
            event["output_index"] = json!(0);
            event["content_index"] = json!(0);
            event
        };
        let mut events = vec![
            json!({ "type": "response.created", "response": response }),
            json!({ "type": "response.in_progress", "response": response }),
            json!({ "type": "response.output_item.added", "output_index": 0, "item": item }),
            place(json!({ "type": "response.content_part.added", "part": part })),
        ];
        events.extend(texts.iter().map(|text| {
            place(json!({ "type": "response.output_text.delta", "delta": text, "logprobs": [] }))
        }));
        events
    }

    fn ended(model: &str, texts: &[&str], status: &str) -> Reply {
        let mut events = Self::beginning(model, texts);
        let output = message(&texts.concat());
        events.extend([
            json!({ "type": "response.output_item.done", "output_index": 0, "item": output[0] }),
            json!({ "type": format!("response.{status}"), "response": answer_body(model, &output, status) }),
        ]);
        Self::reply(events)
    }

    fn reply(events: Vec<Value>) -> Reply {
        let frames = (0..).zip(events).map(|(number, mut event): (u64, Value)| {
            event["sequence_number"] = json!(number);
            let name = event["type"].as_str().unwrap_or_default();
            format!("event: {name}\ndata: {event}\n\n")
        });
        Reply::chunked("text/event-stream", frames)
    }
}

impl Dialogue for OpenAiResponses {
    fn base_path(&self) -> &'static str {
        "/v1"
    }

    fn chat_path(&self, _: &str) -> String {
        "/v1/responses".to_owned()
    }

    fn wants_live(&self, request: &Received) -> bool {
        request.json()["stream"] == true
    }

    fn answer(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(model, &message(text), "completed"))
    }

    fn live(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "completed")
    }

    fn pieces_before_end(&self, texts: usize) -> usize {
        4 + texts
    }

    fn live_error(&self, model: &str, text: &str) -> Reply {
        let mut events = Self::beginning(model, &[text]);
        let message = "The server is overloaded";
        events.push(json!({ "type": "error", "code": "server_error", "message": message, "param": null }));
        Self::reply(events)
    }

    fn error(&self, status: u16, message: &str) -> Reply {
        OpenAiChat.error(status, message)
    }

    fn quota_exhausted(&self) -> Reply {
        OpenAiChat.quota_exhausted()
    }

    fn context_too_long(&self) -> Reply {
        OpenAiChat.context_too_long()
    }

    fn nothing(&self, model: &str) -> Reply {
        Reply::json(200, &answer_body(model, &json!([]), "completed"))
    }

    fn cut_short(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(model, &message(text), "incomplete"))
    }

    fn live_cut_short(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "incomplete")
    }

    fn content_filtered(&self, model: &str) -> Option<Reply> {
        OpenAiChat.content_filtered(model)
    }

    fn null_content(&self, model: &str) -> Option<Reply> {
        let mut output = message("");
        output[0]["content"] = Value::Null;
        Some(Reply::json(200, &answer_body(model, &output, "completed")))
    }

    fn tool_call(&self, model: &str, name: &str, arguments: &str) -> Reply {
        let call = json!([{ "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": name, "arguments": arguments }]);
        Reply::json(200, &answer_body(model, &call, "completed"))
    }
}
