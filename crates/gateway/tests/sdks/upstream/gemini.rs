//! Google's generateContent.

use serde_json::{Value, json};
use ultraai_testkit::{Reply, gemini};

use super::Said;

pub(super) fn answer(model: &str, live: bool, request: &Value) -> Reply {
    let said = Said::by(model, request);
    let reason = if said.is_cut { "MAX_TOKENS" } else { "STOP" };
    let mut parts = Vec::new();
    if !said.reasoning.is_empty() {
        parts.push(json!({ "text": said.reasoning, "thought": true }));
    }
    match live {
        true => parts.extend(said.texts.iter().map(|text| json!({ "text": text }))),
        false if said.texts.is_empty() => {}
        false => parts.push(json!({ "text": said.texts.concat() })),
    }
    parts.extend(said.calls.iter().map(|call| {
        let arguments: Value = serde_json::from_str(&call.arguments.concat()).unwrap();
        json!({ "functionCall": { "name": call.name, "args": arguments } })
    }));
    if !live {
        return Reply::json(200, &gemini::body(model, &json!(parts), Some(reason), 3));
    }
    let mut data: Vec<_> =
        parts.iter().map(|part| gemini::body(model, &json!([part]), None, 1).to_string()).collect();
    data.push(gemini::body(model, &json!([{ "text": "" }]), Some(reason), 3).to_string());
    Reply::sse(data)
}
