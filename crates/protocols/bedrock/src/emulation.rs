//! JSON answers of models that have no field for them: the arguments of a tool that must be called.
//!
//! That is what <https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html> names beside the field.

use serde_json::{Value, json};
use ultraai_core::{ChatRequest, ChatResponse, Part, ResponseFormat, ToolCall};

use crate::{decode, family};

/// The name of the tool.
pub(crate) const TOOL: &str = "json_response";

/// What the model is told about it.
pub(crate) const DESCRIPTION: &str = "Give the answer by calling this tool; nothing else is read.";

/// Whether `request` asks for JSON in a form that its model has no field for.
pub(crate) fn is_needed(request: &ChatRequest) -> bool {
    match &request.response_format {
        Some(ResponseFormat::JsonObject) => true,
        Some(ResponseFormat::JsonSchema { .. }) => !family::of(request.model.as_ref()).schema,
        _ => false,
    }
}

/// The schema of the tool's arguments.
pub(crate) fn schema(request: &ChatRequest) -> Value {
    match &request.response_format {
        Some(ResponseFormat::JsonSchema { schema, .. }) => schema.clone(),
        _ => json!({ "type": "object" }),
    }
}

/// Makes texts of the calls of the tool.
pub(crate) fn undo(answer: &mut ChatResponse) {
    let mut undone = false;
    for part in &mut answer.content {
        if let Part::ToolCall(ToolCall { name, arguments, .. }) = part
            && name == TOOL
        {
            undone = true;
            *part = Part::text(std::mem::take(arguments));
        }
    }
    if undone && !decode::calls(&answer.content) {
        let reason = std::mem::take(&mut answer.finish_reason);
        answer.finish_reason = decode::without_calls(reason);
    }
}
