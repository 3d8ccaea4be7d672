//! Every recorded exchange of this protocol is read as Google's own SDK reads it.
//!
//! The recordings lie outside the repository, as `ultraai_testkit::recordings` says.

#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

use std::collections::VecDeque;

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatRequest, ChatResponse, Codec as _, ErrorKind, Losses, Part, Result, ServerCodec as _,
};
use ultraai_protocol_gemini::{GenerateContent, json_schema};
use ultraai_testkit::recordings::{Recording, Recordings};
use ultraai_wire::SseDecoder;

/// Files that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[
    ("gemini/chat__vertexai-sdk-test-data--googleai-unary-failure-with-message-no-content", FAILED),
    ("gemini/image_in__langchaingo", NUMBERS),
    ("gemini/server_tool__pydantic-ai--test-google-test-google-image-generation-with-web-search", IMAGE),
    ("gemini/structured_output__langchaingo", NUMBERS),
    ("gemini/tool_call__langchaingo", NUMBERS),
    ("vertex/chat__otel--cassettes-test-generate-content-extra", NUMBERS),
    ("vertex/image_in__otel", NUMBERS),
    (
        "vertex/image_in__pydantic-ai--test-google-test-google-vertexai-image-generation-with-output-format",
        IMAGE,
    ),
    ("vertex/multi_turn__otel", NUMBERS),
    ("vertex/parallel_tool_calls__otel", NUMBERS),
    ("vertex/tool_call__pydantic-ai", FAILED),
    ("vertex/tool_result__otel", NUMBERS),
];

const FAILED: &str = "a finish reason that says that the model failed, after no content, is an error here";
const IMAGE: &str = "an image that the recording cut short is state of the vendor, and the SDK refuses it";
const NUMBERS: &str = "the client asked for enums as numbers, which are read here and refused by the SDK";

/// Requests that come out differently, each with its reason.
const REQUEST_GAPS: &[(&str, &str)] = &[];

fn read(recording: &Recording) -> Result<ChatResponse> {
    recording.read(&GenerateContent::new(), "sse", |pieces| {
        let (mut decoder, mut frames) = (SseDecoder::new(16 << 20), VecDeque::new());
        pieces.iter().try_for_each(|piece| decoder.push(piece, &mut frames))?;
        decoder.end(&mut frames);
        Ok(frames.into_iter().map(|frame| (frame.name().to_owned(), frame.data)).collect())
    })
}

/// What differs from what the SDK reads.
fn difference(read: &Result<ChatResponse>, expected: &Value) -> Option<String> {
    // The SDK asks for events, and reads nothing in a list of chunks.
    if expected["finish"].is_null() {
        return read.as_ref().err().map(|error| format!("{} {error}", error.kind()));
    }
    let text = |key: &str| expected[key].as_str().unwrap_or_default();
    let word = text("finish");
    let answer = match (read, word.starts_with("BLOCKED:")) {
        (Err(error), true) if error.kind() == ErrorKind::ContentFiltered => return None,
        (Err(error), _) => return Some(format!("{} {error}", error.kind())),
        (Ok(answer), _) => answer,
    };
    let mut said = [String::new(), String::new()];
    let mut calls = Vec::new();
    for part in &answer.content {
        match part {
            Part::Text { text, .. } => said[0].push_str(text),
            Part::Reasoning(reasoning) => said[1].push_str(&reasoning.text),
            Part::ToolCall(call) => {
                // Ids that are made up here begin like this.
                let id = Some(call.id.as_str()).filter(|id| !id.starts_with("gemini_call_"));
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
                calls.push(json!([id, call.name, arguments]));
            }
            _ => {}
        }
    }
    let mut expected_calls: Vec<Value> =
        expected["tool_calls"].as_array().unwrap().iter().map(with_json).collect();
    // To the SDK each piece of a call is a call without a name and arguments.
    if expected_calls.iter().any(|call| call[1].is_null()) {
        expected_calls.retain(|call| !call[1].is_null());
        for call in &mut calls {
            call[2] = Value::Null;
        }
    }
    let finish = match word {
        "STOP" if !calls.is_empty() => "tool_calls",
        "STOP" => "stop",
        "MAX_TOKENS" => "length",
        "SAFETY" | "RECITATION" | "MODEL_ARMOR" => "content_filter",
        word => word,
    };
    let usage = answer
        .usage
        .map(|usage| (usage.input_tokens, usage.output_tokens, usage.reasoning, usage.cache_read));
    let count = |key: &str| expected["usage"][key].as_u64();
    let expected_usage = count("prompt_token_count").and(count("total_token_count")).map(|total| {
        let (output, thoughts) = (count("candidates_token_count"), count("thoughts_token_count"));
        let output = output.unwrap_or(0) + thoughts.unwrap_or(0);
        // What Google's own tools read is not told apart by the SDK.
        (total - output, output, thoughts, count("cached_content_token_count"))
    });
    if said != [text("text"), text("reasoning")] {
        Some(format!("text {said:?}, expected {:?} after {:?}", text("text"), text("reasoning")))
    } else if answer.finish_reason.as_str() != finish {
        Some(format!("finish {:?}, expected {finish:?}", answer.finish_reason))
    } else if calls != expected_calls {
        Some(format!("calls {calls:?}, expected {expected_calls:?}"))
    } else if usage != expected_usage {
        Some(format!("usage {usage:?}, expected {}", expected["usage"]))
    } else {
        None
    }
}

/// A call whose arguments are JSON, and not the text of it.
fn with_json(call: &Value) -> Value {
    let arguments: Value = serde_json::from_str(call[2].as_str().unwrap_or("null")).unwrap();
    json!([call[0], call[1], arguments])
}

#[test]
fn every_recorded_answer_is_read_as_googles_sdk_reads_it() {
    let Some(recordings) = Recordings::of("gemini.generate") else { return };
    let answers = recordings.compare(GAPS, read, difference);
    assert!(answers > 300, "{answers} answers");
}

#[test]
fn every_recorded_request_is_written_as_it_was() {
    let Some(recordings) = Recordings::of("gemini.generate") else { return };
    let codec = GenerateContent::on_vertex();
    let requests = recordings.compare_requests(REQUEST_GAPS, &codec, &codec, normalized);
    assert!(requests > 250, "{requests} requests");
}

#[test]
fn every_recorded_answer_is_written_as_it_was() {
    let Some(recordings) = Recordings::of("gemini.generate") else { return };
    let codec = GenerateContent::on_vertex();
    let request = ChatRequest::default();
    let (mut wrong, mut answers) = (Vec::new(), 0);
    for recording in recordings.iter().filter(|recording| recording.framing == "json") {
        let Ok(answer) = codec.decode(&request, &recording.body.clone().into()) else { continue };
        // A list of chunks is a stream.
        let mut recorded: Value = serde_json::from_slice(&recording.body).unwrap();
        if recorded.is_array() {
            continue;
        }
        answers += 1;
        let to = Answering { request: &request, id: "", created: 0 };
        let written = codec.encode_response(&to, &answer, &mut Losses::refused()).unwrap();
        let mut written: Value = serde_json::from_slice(&written).unwrap();
        for answer in [&mut recorded, &mut written] {
            usual(answer);
        }
        if written != recorded {
            wrong.push(format!("{}:\n{recorded}\nwritten as\n{written}", recording.file));
        }
    }
    assert!(wrong.is_empty(), "{} of {answers}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(answers > 180, "{answers} answers");
}

#[test]
fn every_recorded_failure_is_told_by_its_kind_and_googles_words() {
    let Some(recordings) = Recordings::of("gemini.generate") else { return };
    for recording in recordings.failures() {
        let error = GenerateContent::new().error(recording.status, &recording.body);
        let is_key = String::from_utf8_lossy(&recording.body).contains("API_KEY_INVALID");
        let expected = match recording.status {
            400 if is_key => &[ErrorKind::Authentication][..],
            400 => &[ErrorKind::Rejected],
            403 => &[ErrorKind::PermissionDenied],
            404 => &[ErrorKind::ModelNotFound],
            429 => &[ErrorKind::RateLimited],
            _ => &[],
        };
        assert!(expected.contains(&error.kind()), "{}: {} {error}", recording.file, error.kind());
        assert!(!error.message().contains("says no more"), "{}: {error}", recording.file);
    }
}

/// What is normalized, as the README says.
fn normalized(mut request: Value) -> Value {
    camel(&mut request);
    let fields = request.as_object_mut().unwrap();
    fields.remove("model");
    if let Some(Value::Object(system)) = fields.get_mut("systemInstruction") {
        system.remove("role");
    }
    if let Some(Value::Array(contents)) = fields.get_mut("contents") {
        *contents = turns(std::mem::take(contents));
    }
    if let Some(tools) = fields.get_mut("tools") {
        *tools = entries(tools.take());
    }
    if let Some(names) = request.pointer_mut("/toolConfig/functionCallingConfig/allowedFunctionNames")
        && *names == json!([])
    {
        names.take();
    }
    let fields = request.as_object_mut().unwrap();
    if let Some(Value::Object(config)) = fields.get_mut("generationConfig")
        && let Some(schema) = config.remove("responseSchema")
    {
        config.insert("responseJsonSchema".into(), json_schema(schema));
    }
    fields.retain(|_, value| *value != json!({}) && *value != json!([]));
    request
}

/// Names in snake case; what tools and schemas name stays.
fn camel(value: &mut Value) {
    const FREE: [&str; 6] =
        ["args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"];
    match value {
        Value::Array(list) => list.iter_mut().for_each(camel),
        Value::Object(fields) => {
            for (key, mut value) in std::mem::take(fields) {
                let mut words = key.split('_');
                let mut name = words.next().unwrap().to_owned();
                for word in words {
                    name.push_str(&word[..1].to_uppercase());
                    name.push_str(&word[1..]);
                }
                if !FREE.contains(&name.as_str()) {
                    camel(&mut value);
                }
                fields.insert(name, value);
            }
        }
        _ => {}
    }
}

/// Turns of one role are one.
fn turns(contents: Vec<Value>) -> Vec<Value> {
    let mut turns: Vec<Value> = Vec::new();
    for mut turn in contents {
        for part in turn["parts"].as_array_mut().unwrap() {
            let fields = part.as_object_mut().unwrap();
            if fields.get("thought") == Some(&Value::Bool(false)) {
                fields.remove("thought");
            }
        }
        match turns.last_mut().filter(|last| last["role"] == turn["role"]) {
            Some(last) => {
                let more = std::mem::take(turn["parts"].as_array_mut().unwrap());
                last["parts"].as_array_mut().unwrap().extend(more);
            }
            None => turns.push(turn),
        }
    }
    turns
}

/// Functions that follow each other stand in one entry, and each other tool in its own; schemas are JSON Schema.
fn entries(tools: Value) -> Value {
    let tools = match tools {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    let mut entries: Vec<Value> = Vec::new();
    for (name, tool) in tools.into_iter().flat_map(|entry| entry.as_object().cloned().unwrap()) {
        if name != "functionDeclarations" {
            entries.push(json!({ name: tool }));
            continue;
        }
        let Value::Array(mut functions) = tool else { continue };
        for function in &mut functions {
            if let Some(schema) = function.as_object_mut().unwrap().remove("parameters") {
                function["parametersJsonSchema"] = json_schema(schema);
            }
        }
        match entries.last_mut().and_then(|last| last.get_mut("functionDeclarations")) {
            Some(Value::Array(list)) => list.extend(functions),
            _ => entries.push(json!({ "functionDeclarations": functions })),
        }
    }
    entries.into()
}

/// What answers mean where they say nothing, and what says nothing: ids, indices, roles, sums, counts of 0 and empty parts;
/// enums as numbers are words.
fn usual(answer: &mut Value) {
    let fields = answer.as_object_mut().unwrap();
    fields.entry("responseId").or_insert_with(|| "".into());
    for (index, candidate) in fields["candidates"].as_array_mut().unwrap().iter_mut().enumerate() {
        let candidate = candidate.as_object_mut().unwrap();
        candidate.insert("index".into(), index.into());
        // Reading a fraction may move its last digit.
        if let Some(average) = candidate.get("avgLogprobs").and_then(Value::as_f64) {
            candidate.insert("avgLogprobs".into(), format!("{average:.12}").into());
        }
        let content = candidate.entry("content").or_insert_with(|| json!({}));
        content["role"] = "model".into();
        let parts = content.as_object_mut().unwrap().entry("parts").or_insert_with(|| json!([]));
        parts.as_array_mut().unwrap().retain(|part| *part != json!({}));
        if let Some(number) = candidate["finishReason"].as_u64() {
            candidate.insert("finishReason".into(), if number == 1 { "STOP" } else { "MAX_TOKENS" }.into());
        }
    }
    if let Some(Value::Object(usage)) = fields.get_mut("usageMetadata") {
        usage.remove("totalTokenCount");
        if usage.contains_key("promptTokenCount") {
            usage.entry("candidatesTokenCount").or_insert_with(|| 0.into());
        }
    }
}
