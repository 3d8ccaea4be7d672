//! What was asked and answered, in a span, for who asked for it.

use serde_json::{Value, json};

use crate::{ChatRequest, FinishReason, Message, Part};

/// The attribute `gen_ai.input.messages`: the conventions' JSON of messages.
pub(super) fn input(request: &ChatRequest) -> String {
    let messages: Vec<_> = request.messages.iter().map(message).collect();
    Value::Array(messages).to_string()
}

/// The attribute `gen_ai.output.messages`.
pub(super) fn output(content: &[Part], finish_reason: &FinishReason) -> String {
    json!([{ "role": "assistant", "parts": parts(content), "finish_reason": finish_reason.as_str() }])
        .to_string()
}

fn message(message: &Message) -> Value {
    json!({ "role": message.role.as_str(), "parts": parts(&message.content) })
}

fn parts(content: &[Part]) -> Vec<Value> {
    content.iter().map(part).collect()
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => json!({ "type": "text", "content": text }),
        Part::Reasoning(reasoning) => json!({ "type": "reasoning", "content": reasoning.text }),
        Part::ToolCall(call) => {
            json!({ "type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments })
        }
        Part::ToolResult(result) => json!({
            "type": "tool_call_response", "id": result.tool_call_id, "response": parts(&result.content),
        }),
        // Bytes and opaque state would say nothing to a reader.
        other => json!({ "type": other.kind() }),
    }
}
