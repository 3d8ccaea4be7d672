//! Every recorded exchange of this protocol is read as Google's own SDK reads it.
//!
//! The recordings lie outside the repository, as `ultraai_testkit::recordings` says.

#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

use std::collections::VecDeque;

use serde_json::Value;
use ultraai_core::{ChatResponse, Codec as _, ErrorKind, Part, Result};
use ultraai_protocol_gemini::GenerateContent;
use ultraai_testkit::recordings::{Recording, Recordings};
use ultraai_wire::SseDecoder;

/// Files that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[
    ("gemini/chat__vertexai-sdk-test-data--googleai-unary-failure-with-message-no-content", FAILED),
    ("gemini/image_in__langchaingo", NUMBERS),
    ("gemini/parallel_tool_calls_stream__ai--es-google-stream-tool-call-array-arguments", PIECES),
    ("gemini/parallel_tool_calls_stream__ai--fixtures-google-stream-no-args-tool-call-chunks", PIECES),
    ("gemini/parallel_tool_calls_stream__ai--fixtures-google-stream-tool-call-arguments-chunks", PIECES),
    ("gemini/server_tool__pydantic-ai--test-google-test-google-image-generation-with-web-search", IMAGE),
    ("gemini/structured_output__langchaingo", NUMBERS),
    ("gemini/tool_call__langchaingo", NUMBERS),
    ("vertex/chat__otel--cassettes-test-generate-content-extra-params", NUMBERS),
    ("vertex/image_in__otel--cassettes-test-generate-content-with-files", NUMBERS),
    (
        "vertex/image_in__pydantic-ai--test-google-test-google-vertexai-image-generation-with-output-format",
        IMAGE,
    ),
    ("vertex/multi_turn__otel--cassettes-test-generate-content-all-events", NUMBERS),
    ("vertex/multi_turn__otel--cassettes-test-preview-generate-content-all-input-events", NUMBERS),
    ("vertex/parallel_tool_calls__otel--cassettes-test-function-call-choice", NUMBERS),
    ("vertex/tool_call__pydantic-ai", FAILED),
    ("vertex/tool_result__otel--cassettes-test-tool-events", NUMBERS),
];

const FAILED: &str = "a finish reason that says that the model failed is an error here";
const IMAGE: &str = "an image that the recording cut short is state of the vendor, and the SDK refuses it";
const NUMBERS: &str = "the client asked for enums as numbers, which the SDK refuses";
const PIECES: &str = "calls whose arguments come in pieces, which must be asked for, are not read yet";

fn read(recording: &Recording) -> Result<ChatResponse> {
    recording.read(&GenerateContent, "sse", |pieces| {
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
                let id = Some(call.id.as_str()).filter(|id| !id.is_empty());
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
                calls.push(serde_json::json!([id, call.name, arguments]));
            }
            _ => {}
        }
    }
    let expected_calls: Vec<Value> =
        expected["tool_calls"].as_array().unwrap().iter().map(with_json).collect();
    let finish = match word {
        "STOP" if !calls.is_empty() => "tool_calls",
        "STOP" => "stop",
        "MAX_TOKENS" => "length",
        "SAFETY" | "RECITATION" | "MODEL_ARMOR" => "content_filter",
        word => word,
    };
    let usage = answer
        .usage
        .map(|usage| (usage.input_tokens + usage.output_tokens, usage.reasoning, usage.cache_read));
    let count = |key: &str| expected["usage"][key].as_u64();
    let expected_usage = count("prompt_token_count").and(count("total_token_count"));
    let expected_usage = expected_usage
        .map(|total| (total, count("thoughts_token_count"), count("cached_content_token_count")));
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
    serde_json::json!([call[0], call[1], arguments])
}

#[test]
fn every_recorded_answer_is_read_as_googles_sdk_reads_it() {
    let Some(recordings) = Recordings::of("gemini.generate") else { return };
    let answers = recordings.compare(GAPS, read, difference);
    assert!(answers > 300, "{answers} answers");
}

#[test]
fn every_recorded_failure_is_told_by_its_kind_and_googles_words() {
    let Some(recordings) = Recordings::of("gemini.generate") else { return };
    for recording in recordings.failures() {
        let error = GenerateContent.error(recording.status, &recording.body);
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
