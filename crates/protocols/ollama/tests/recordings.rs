//! Every recorded exchange of this protocol is read as Ollama's own SDK reads it.
//!
//! The recordings lie outside the repository, as `ultraai_testkit::recordings` says.

use std::collections::VecDeque;

use serde_json::Value;
use ultraai_core::{
    Answering, ChatRequest, ChatResponse, Codec as _, ErrorKind, Losses, Part, Result, ServerCodec as _,
};
use ultraai_protocol_ollama::Chat;
use ultraai_testkit::{
    codecs::{fold_frames, frames_of},
    recordings::{Recording, Recordings},
};
use ultraai_wire::LineDecoder;

/// Files that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[];

fn read(recording: &Recording) -> Result<ChatResponse> {
    recording.read(&Chat::default(), "ndjson", |pieces| {
        let (mut decoder, mut frames) = (LineDecoder::new(16 << 20), VecDeque::new());
        pieces.iter().try_for_each(|piece| decoder.push(piece, &mut frames))?;
        decoder.end(&mut frames);
        Ok(frames.into_iter().map(|frame| (String::new(), frame.data)).collect())
    })
}

/// What differs from what the SDK reads.
fn difference(read: &Result<ChatResponse>, expected: &Value) -> Option<String> {
    let answer = match read {
        Err(error) => return Some(format!("{} {error}", error.kind())),
        Ok(answer) => answer,
    };
    let text = |key: &str| expected[key].as_str().unwrap_or_default();
    let (mut calls, mut reasoning) = (Vec::new(), String::new());
    for part in &answer.content {
        match part {
            Part::ToolCall(call) => {
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
                calls.push((call.name.clone(), arguments));
            }
            Part::Reasoning(more) => reasoning.push_str(&more.text),
            _ => {}
        }
    }
    let finish = match text("finish") {
        "" => "unknown",
        // The SDK passes the server's word on.
        "stop" if !calls.is_empty() => "tool_calls",
        word => word,
    };
    // What the SDK knows of a call stands in its last two fields.
    let called = |call: &Value| {
        let fields = call.as_array()?;
        let arguments = fields.last()?;
        let arguments = match arguments.as_str() {
            Some(text) => serde_json::from_str(text).ok()?,
            None => arguments.clone(),
        };
        Some((fields.get(fields.len().checked_sub(2)?)?.as_str()?.to_owned(), arguments))
    };
    let expected_calls: Option<Vec<_>> =
        expected["tool_calls"].as_array().into_iter().flatten().map(called).collect();
    let (input, output) = (&expected["usage"]["prompt_eval_count"], &expected["usage"]["eval_count"]);
    let expected_usage = input.as_u64().zip(output.as_u64());
    let usage = answer.usage.map(|usage| (usage.input_tokens, usage.output_tokens));
    if answer.text() != text("text") {
        Some(format!("text {:?}, expected {:?}", answer.text(), text("text")))
    } else if reasoning != text("reasoning") {
        Some(format!("reasoning {reasoning:?}, expected {:?}", text("reasoning")))
    } else if answer.finish_reason.as_str() != finish {
        Some(format!("finish {:?}, expected {finish:?}", answer.finish_reason))
    } else if expected_calls.as_ref() != Some(&calls) {
        Some(format!("calls {calls:?}, expected {}", expected["tool_calls"]))
    } else if usage != expected_usage {
        Some(format!("usage {usage:?}, expected {}", expected["usage"]))
    } else if answer.model.as_deref() != expected["model"].as_str() {
        Some(format!("model {:?}, expected {}", answer.model, expected["model"]))
    } else {
        None
    }
}

#[test]
fn every_recorded_answer_is_read_as_the_vendors_sdk_reads_it() {
    let Some(recordings) = Recordings::of("ollama.chat") else { return };
    let answers = recordings.compare(GAPS, read, difference);
    assert!(answers > 30, "{answers} answers");
}

#[test]
fn every_recorded_failure_is_told_by_its_kind_and_the_vendors_words() {
    let Some(recordings) = Recordings::of("ollama.chat") else { return };
    for recording in recordings.failures() {
        let error = Chat::default().error(recording.status, &recording.body);
        assert_eq!(
            (recording.status, error.kind()),
            (404, ErrorKind::ModelNotFound),
            "{}: {error}",
            recording.file
        );
        assert!(error.message().contains("not found"), "{}: {error}", recording.file);
    }
}

#[test]
fn every_recorded_answer_is_written_and_read_as_the_same() {
    let Some(recordings) = Recordings::of("ollama.chat") else { return };
    let (chat, request) = (Chat::default(), ChatRequest::default());
    let to = Answering { request: &request, id: "1", created: 0 };
    // What is no chat of this protocol was read as an error.
    for (recording, answer) in
        recordings.iter().filter_map(|recording| Some((recording, read(recording).ok()?)))
    {
        let body = chat.encode_response(&to, &answer, &mut Losses::refused()).expect("it can be said");
        let whole = chat.decode(&request, &body.into()).expect("it is read");
        assert_eq!(unnamed(whole), unnamed(answer.clone()), "{}", recording.file);
        let frames = frames_of(&chat, &to, &answer).expect("it can be said");
        let folded = fold_frames(&chat, &request, &frames).expect("it is read");
        assert_eq!(unnamed(folded), unnamed(answer), "{}", recording.file);
    }
}

/// Ids that were made up from when a line was written are others in another line.
fn unnamed(mut answer: ChatResponse) -> ChatResponse {
    for part in &mut answer.content {
        match part {
            Part::ToolCall(call) if call.id.starts_with("ollama_") => call.id.clear(),
            _ => {}
        }
    }
    answer
}

/// What may differ, as the README lists it.
fn normalized(mut body: Value) -> Value {
    let Some(fields) = body.as_object_mut() else { return body };
    fields.entry("stream").or_insert(Value::Bool(true));
    let empty = |value: &Value| match value {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    fields.retain(|key, value| !(matches!(key.as_str(), "tools" | "format" | "options") && empty(value)));
    for message in fields.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(message) = message.as_object_mut() {
            message.entry("content").or_insert_with(|| "".into());
            message.retain(|key, value| !(matches!(key.as_str(), "images" | "tool_calls") && empty(value)));
        }
    }
    body
}

#[test]
fn every_recorded_request_is_read_and_written_as_the_same_json() {
    let Some(recordings) = Recordings::of("ollama.chat") else { return };
    let chat = Chat::default();
    let requests = recordings.compare_requests(&[], &chat, &chat, normalized);
    assert!(requests > 15, "{requests} requests");
}
