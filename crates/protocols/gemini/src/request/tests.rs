//! Requests as they are read.

use serde_json::json;
use ultraai_core::{
    Codec as _, Delivery, ErrorKind, Losses, MediaSource, ResponseFormat, ToolChoice, VendorState,
};

use super::*;
use crate::{GenerateContent, VENDOR};

const PATH: &str = "/v1beta/models/m:generateContent";

fn read(body: &Value) -> ChatRequest {
    decode_request(PATH, body.to_string().as_bytes()).unwrap()
}

/// A request of one turn, and what it is when it is written again.
fn written(body: &Value) -> Value {
    let codec = GenerateContent::on_vertex();
    serde_json::from_slice(&codec.encode(&read(body), &mut Losses::refused()).unwrap()).unwrap()
}

fn turn(parts: &Value) -> Value {
    json!({ "contents": [{ "role": "user", "parts": parts }] })
}

#[test]
fn the_path_says_the_model_and_the_delivery() {
    let body = json!({ "model": "models/m", "contents": [], "novel": 1 });
    let request = read(&body);
    assert_eq!((request.model.unwrap().as_str(), request.delivery), ("m", Delivery::Whole));
    assert_eq!(
        (request.origin, request.extra),
        (Some(NAME), [("novel".to_owned(), json!(1))].into_iter().collect())
    );
    let path = "/v1beta/models/other:streamGenerateContent?alt=sse";
    let request = decode_request(path, body.to_string().as_bytes()).unwrap();
    assert_eq!((request.model.unwrap().as_str(), request.delivery), ("other", Delivery::Live));
    assert_eq!(request.extra["model"], "models/m");
    let request = decode_request("", body.to_string().as_bytes()).unwrap();
    assert_eq!(request.model.unwrap().as_str(), "m");
}

#[test]
fn a_turn_that_begins_with_results_is_two_messages() {
    let body = json!({
        "system_instruction": { "role": "user", "parts": [{ "text": "be brief" }] },
        "contents": [
            { "parts": [{ "text": "hello" }] },
            { "role": "model", "parts": [
                { "function_call": { "name": "f", "args": { "a": 1 } }, "thought_signature": "s" },
                { "functionCall": { "name": "f" } },
                { "functionCall": { "id": "7", "name": "g" } },
            ] },
            { "role": "function", "parts": [
                { "functionResponse": { "name": "f", "response": { "output": "one" } } },
                { "functionResponse": { "name": "f", "response": { "error": "two" } } },
                { "functionResponse": { "id": "7", "name": "g", "response": { "b": [1] } } },
                { "text": "and then?" },
            ] },
        ],
    });
    let request = read(&body);
    let roles: Vec<_> = request.messages.iter().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
    let ids = |message: &Message| -> Vec<String> {
        let id = |part: &Part| match part {
            Part::ToolCall(call) => call.id.clone(),
            Part::ToolResult(result) => result.tool_call_id.clone(),
            part => panic!("{part:?}"),
        };
        message.content.iter().map(id).collect()
    };
    assert_eq!(ids(&request.messages[2]), ["gemini_call_0", "gemini_call_1", "7"]);
    assert_eq!(ids(&request.messages[2]), ids(&request.messages[3]));
    let Part::ToolCall(call) = &request.messages[2].content[0] else { panic!("it is a call") };
    assert_eq!(call.state, Some(VendorState::new(VENDOR, json!({ "thoughtSignature": "s" }))));
    let said: Vec<_> = request.messages[3]
        .content
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => (result.content[0].as_text().unwrap(), result.is_error),
            part => panic!("{part:?}"),
        })
        .collect();
    assert_eq!(said, [("one", false), ("two", true), ("{\"b\":[1]}", false)]);
}

#[test]
fn parts_are_written_as_they_were() {
    for part in [
        json!({ "text": "a", "thoughtSignature": "s" }),
        json!({ "text": "a", "partMetadata": { "b_c": 1 } }),
        json!({ "text": "", "thoughtSignature": "s" }),
        json!({ "text": "a", "thought": true, "thoughtSignature": "s", "novel": 1 }),
        json!({ "inlineData": { "mimeType": "image/png", "data": "QQ==", "displayName": "n" } }),
        json!({ "inlineData": { "mimeType": "image/png", "data": "<cut>" }, "thoughtSignature": "s" }),
        json!({ "inlineData": { "mimeType": "image/png", "data": "QQ==" }, "thought": true }),
        json!({ "fileData": { "fileUri": "https://youtu.be/a" }, "videoMetadata": { "fps": 1 } }),
        json!({ "fileData": { "fileUri": "gs://a/b", "mimeType": "video/mp4" }, "mediaResolution": {} }),
        json!({ "functionCall": { "name": "f", "args": { "a_b": null }, "novel": 1 } }),
        json!({ "functionCall": { "name": "f", "partialArgs": [], "willContinue": true } }),
        json!({ "functionResponse": { "name": "f", "response": {}, "scheduling": "SILENT" } }),
        json!({ "functionResponse": { "name": "f", "response": { "output": { "a": 1 } } } }),
        json!({ "functionResponse": { "name": "f", "response": { "error": { "a": 1 } } } }),
        json!({ "functionResponse": { "name": "f", "response": { "output": "a", "b": 1 } } }),
        json!({ "functionResponse": { "name": "f", "response": { "output": ["a", "b"] }, "parts": [
            { "inlineData": { "mimeType": "image/png", "data": "QQ==" } }, { "novel": 1 },
        ] } }),
        json!({ "executableCode": { "code": "1", "language": "PYTHON" } }),
        json!({ "novelKind": [1] }),
    ] {
        assert_eq!(written(&turn(&json!([part])))["contents"][0]["parts"][0], part);
    }
    let snake = json!([{ "inline_data": { "mime_type": "image/png", "data": "QQ==" } }]);
    let camel = json!([{ "inlineData": { "mimeType": "image/png", "data": "QQ==" } }]);
    assert_eq!(written(&turn(&snake))["contents"][0]["parts"], camel);
    let file =
        json!([{ "fileData": { "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a" } }]);
    let Part::Document(file) = &read(&turn(&file)).messages[0].content[0] else { panic!("it is a document") };
    assert!(matches!(file.source, MediaSource::FileId(_)));
}

#[test]
fn the_config_is_read_and_what_is_unknown_stays() {
    let config = json!({
        "maxOutputTokens": "7", "temperature": 0.5, "topK": 40.0, "candidateCount": 2, "seed": -1,
        "responseLogprobs": true, "logprobs": 3, "stopSequences": ["a"], "speechConfig": { "voice_config": 1 },
        "thinking_config": { "thinking_budget": 0, "include_thoughts": true, "novel": 1 }, "responseModalities": null,
    });
    let mut body = turn(&json!([{ "text": "a" }]));
    body["generation_config"] = config;
    body["serviceTier"] = json!("flex");
    let request = read(&body);
    assert_eq!((request.max_tokens, request.top_k, request.n), (Some(7), Some(40), Some(2)));
    assert_eq!((request.logprobs, request.top_logprobs, request.seed), (Some(true), Some(3), Some(-1)));
    assert_eq!(request.service_tier.as_deref(), Some("flex"));
    let thinking = request.reasoning.unwrap();
    assert_eq!((thinking.enabled, thinking.summary.as_deref()), (Some(false), Some("auto")));
    assert_eq!(request.extra[CONFIG], json!({ "speechConfig": { "voice_config": 1 } }));
    let again = written(&body);
    let thinking = json!({ "thinkingBudget": 0, "includeThoughts": true, "novel": 1 });
    assert_eq!(again["generationConfig"]["thinkingConfig"], thinking);
}

#[test]
fn thinking_is_written_as_it_was() {
    for thinking in [
        json!({}),
        json!({ "thinkingBudget": -1 }),
        json!({ "thinkingBudget": -1, "thinkingLevel": "LOW" }),
        json!({ "thinkingBudget": 512, "includeThoughts": false }),
        json!({ "thinkingLevel": "NOVEL" }),
    ] {
        let mut body = turn(&json!([{ "text": "a" }]));
        body["generationConfig"] = json!({ "thinkingConfig": thinking });
        assert_eq!(written(&body)["generationConfig"]["thinkingConfig"], thinking);
    }
}

#[test]
fn formats_are_read_and_those_of_google_alone_are_kept() {
    let read_format = |config: &Value| {
        let mut body = turn(&json!([{ "text": "a" }]));
        body[CONFIG] = config.clone();
        (read(&body).response_format.unwrap(), written(&body)[CONFIG].clone())
    };
    let json_type = "application/json";
    let (format, _) = read_format(&json!({ "responseMimeType": json_type }));
    assert_eq!(format, ResponseFormat::JsonObject);
    let (format, _) = read_format(&json!({ "responseMimeType": "text/plain" }));
    assert_eq!(format, ResponseFormat::Text);
    let google = json!({ "response_mime_type": json_type, "response_schema": { "type": "OBJECT" } });
    let (format, again) = read_format(&google);
    assert!(
        matches!(format, ResponseFormat::JsonSchema { schema, .. } if schema == json!({ "type": "object" }))
    );
    assert_eq!(again, json!({ "responseMimeType": json_type, "responseJsonSchema": { "type": "object" } }));
    let words =
        json!({ "responseMimeType": "text/x.enum", "responseSchema": { "type": "STRING", "enum": ["a"] } });
    let (format, again) = read_format(&words);
    assert!(matches!(format, ResponseFormat::Vendor(_)));
    assert_eq!(again, words);
}

#[test]
fn tools_are_functions_or_googles_own() {
    let mut body = turn(&json!([{ "text": "a" }]));
    body["tools"] = json!([
        { "function_declarations": [
            { "name": "f", "description": "d", "parameters": { "type": "OBJECT" }, "behavior": "BLOCKING" },
            { "name": "g", "parameters_json_schema": { "type": "object" }, "response": { "type": "STRING" } },
        ] },
        { "googleSearch": {}, "codeExecution": {} },
    ]);
    let request = read(&body);
    let names: Vec<_> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["f", "g", "codeExecution", "googleSearch"]);
    assert_eq!(request.tools[0].parameters, json!({ "type": "object" }));
    assert_eq!(request.tools[3].vendor, Some(VendorState::new(NAME, json!({ "googleSearch": {} }))));
    let expected = json!([
        { "functionDeclarations": [
            { "name": "f", "description": "d", "parametersJsonSchema": { "type": "object" }, "behavior": "BLOCKING" },
            { "name": "g", "parametersJsonSchema": { "type": "object" }, "response": { "type": "STRING" } },
        ] },
        { "codeExecution": {} },
        { "googleSearch": {} },
    ]);
    assert_eq!(written(&body)["tools"], expected);
}

#[test]
fn choices_are_read_by_words_and_numbers() {
    for (config, choice) in [
        (json!({ "mode": "AUTO" }), Some(ToolChoice::Auto)),
        (json!({ "mode": 2 }), Some(ToolChoice::Required)),
        (json!({ "mode": "ANY", "allowed_function_names": ["f"] }), Some(ToolChoice::Tool("f".into()))),
        (json!({ "mode": "NONE" }), Some(ToolChoice::None)),
        (json!({}), None),
    ] {
        let mut body = turn(&json!([{ "text": "a" }]));
        body["tool_config"] = json!({ "function_calling_config": config });
        assert_eq!(read(&body).tool_choice, choice, "{config}");
    }
    let kept = json!({
        "functionCallingConfig": { "mode": "VALIDATED", "streamFunctionCallArguments": true },
        "retrievalConfig": { "languageCode": "en" },
    });
    let mut body = turn(&json!([{ "text": "a" }]));
    body["toolConfig"] = kept.clone();
    assert_eq!(written(&body)["toolConfig"], kept);
}

#[test]
fn what_is_broken_is_named_by_its_place() {
    for (body, place) in [
        (json!({}), "`contents` is missing"),
        (json!([]), "the request must be an object"),
        (json!({ "contents": "secret" }), "`contents` must be a list"),
        (json!({ "contents": [{ "parts": ["secret"] }] }), "`contents[0].parts[0]` must be an object"),
        (turn(&json!([{ "text": 7 }])), "`contents[0].parts[0].text` must be a text"),
        (turn(&json!([{ "functionCall": {} }])), "`contents[0].parts[0].functionCall.name` is missing"),
        (
            turn(&json!([{ "functionCall": { "name": "f", "args": "secret" } }])),
            "`contents[0].parts[0].functionCall.args` must be an object",
        ),
        (
            json!({ "contents": [], "generationConfig": { "topK": "secret" } }),
            "`generationConfig.topK` must be a whole number from 0 up",
        ),
        (
            json!({ "contents": [], "tools": [{ "functionDeclarations": [{}] }] }),
            "`tools[0].functionDeclarations[0].name` is missing",
        ),
        (json!({ "contents": [], "toolConfig": 7 }), "`toolConfig` must be an object"),
    ] {
        let error = decode_request(PATH, body.to_string().as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidRequest, place), "{body}");
    }
}
