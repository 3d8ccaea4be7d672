//! Every recorded exchange of this protocol is read as the vendor's own SDK reads it, and every recorded request is written as
//! it was read.
//!
//! The recordings lie outside the repository, as `ultraai_testkit::recordings` says.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Map, Value};
use ultraai_core::{ChatResponse, Codec as _, ErrorKind, Part, Result};
use ultraai_protocol_bedrock::Converse;
use ultraai_testkit::recordings::{Recording, Recordings};
use ultraai_wire::{EventStreamDecoder, LineDecoder};

/// Files that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[
    (
        "bedrock/chat__openinference--recordings-should-handle-empty-minimal-response",
        "a hand-made answer without `usage`, where the SDK's reader fails and here it is unknown",
    ),
    (
        "bedrock/parallel_tool_calls__ai--fixtures-amazon-bedrock-json-with-tool-1",
        "a made-up answer with `type` beside each block's kind, which the SDK refuses",
    ),
    (
        "bedrock/parallel_tool_calls__ai--fixtures-amazon-bedrock-json-with-tools-1",
        "a made-up answer with `type` beside each block's kind, which the SDK refuses",
    ),
];

type Frames = Vec<(String, Bytes)>;

fn messages(pieces: &[Bytes]) -> Result<Frames> {
    let (mut decoder, mut frames) = (EventStreamDecoder::new(16 << 20), VecDeque::new());
    pieces.iter().try_for_each(|piece| decoder.push(piece, &mut frames))?;
    decoder.end()?;
    Ok(frames.into_iter().map(|frame| (frame.name().to_owned(), frame.data)).collect())
}

/// Frames that somebody wrote down as lines: the key is the event's name.
fn lines(pieces: &[Bytes]) -> Result<Frames> {
    let (mut decoder, mut frames) = (LineDecoder::new(16 << 20), VecDeque::new());
    pieces.iter().try_for_each(|piece| decoder.push(piece, &mut frames))?;
    decoder.end(&mut frames);
    let named = frames.into_iter().flat_map(|frame| {
        let line: Map<String, Value> = serde_json::from_slice(&frame.data).expect("each line is JSON");
        line.into_iter().map(|(name, data)| (name, data.to_string().into()))
    });
    Ok(named.collect())
}

fn read(recording: &Recording) -> Result<ChatResponse> {
    match recording.framing.as_str() {
        "ndjson" => recording.read(&Converse::new(), "ndjson", |pieces| lines(&pieces)),
        _ => recording.read(&Converse::new(), "aws-eventstream", |pieces| messages(&pieces)),
    }
}

/// What differs from what the SDK reads.
fn difference(read: &Result<ChatResponse>, expected: &Value) -> Option<String> {
    let answer = match read {
        Err(error) => return Some(format!("{} {error}", error.kind())),
        Ok(answer) => answer,
    };
    let text = |key: &str| expected[key].as_str().unwrap_or_default();
    let finish = match text("finish") {
        "end_turn" | "stop_sequence" => "stop",
        "max_tokens" => "length",
        "tool_use" => "tool_calls",
        "guardrail_intervened" => "content_filter",
        word => word,
    };
    let thought = |part: &Part| match part {
        Part::Reasoning(reasoning) => reasoning.text.clone(),
        _ => String::new(),
    };
    let reasoning: String = answer.content.iter().map(thought).collect();
    let usage = answer.usage.map(|usage| {
        let (read, written) = (usage.cache_read, usage.cache_write);
        let plain = usage.input_tokens - read.unwrap_or(0) - written.unwrap_or(0);
        [Some(plain), Some(usage.output_tokens), read, written]
    });
    let used = ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"];
    let used = used.map(|key| expected["usage"][key].as_u64());
    let used = (used[0].is_some() && used[1].is_some()).then_some(used);
    if answer.text() != text("text") {
        Some(format!("text {:?}, expected {:?}", answer.text(), text("text")))
    } else if reasoning != text("reasoning") {
        Some(format!("reasoning {reasoning:?}, expected {:?}", text("reasoning")))
    } else if answer.finish_reason.as_str() != finish {
        Some(format!("finish {:?}, expected {finish:?}", answer.finish_reason))
    } else if calls(answer) != called(expected) {
        Some(format!("calls {:?}, expected {}", calls(answer), expected["tool_calls"]))
    } else if usage != used {
        Some(format!("usage {usage:?}, expected {}", expected["usage"]))
    } else {
        None
    }
}

/// The calls; the SDK tells those of tools on the vendor's servers too.
fn calls(answer: &ChatResponse) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = answer.content.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some((call.id.clone(), call.name.clone(), json(&call.arguments))),
        Part::Vendor(state) => {
            let call = state.data.get("toolUse")?;
            Some((text(&call["toolUseId"]), text(&call["name"]), call["input"].clone()))
        }
        _ => None,
    });
    calls.collect()
}

fn called(expected: &Value) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = expected["tool_calls"].as_array().into_iter().flatten();
    calls.map(|call| (text(&call[0]), text(&call[1]), json(call[2].as_str().unwrap_or_default()))).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Makes equal what the README lists under "What is normalized".
fn normalized(mut body: Value) -> Value {
    let Some(fields) = body.as_object_mut() else { return body };
    // Empty objects and lists at the top.
    fields.retain(|_, value| {
        !value.as_object().is_some_and(Map::is_empty) && !value.as_array().is_some_and(Vec::is_empty)
    });
    // A schema is JSON within a text.
    if let Some(schema) = body.pointer_mut("/outputConfig/textFormat/structure/jsonSchema/schema") {
        *schema = schema.as_str().map(json).unwrap_or_default();
    }
    // Turns of one side that follow each other.
    let mut turns: Vec<Value> = Vec::new();
    for mut turn in body["messages"].take().as_array().cloned().unwrap_or_default() {
        let said = turn["role"] == "assistant";
        for block in turn["content"].as_array_mut().into_iter().flatten() {
            let Some(result) = block.get_mut("toolResult").and_then(Value::as_object_mut) else { continue };
            // Success is what a result without a status says.
            result.retain(|key, value| key != "status" || value != "success" || said);
        }
        match turns.last_mut() {
            Some(last) if last["role"] == turn["role"] => {
                let more = turn["content"].as_array().cloned().unwrap_or_default();
                last["content"].as_array_mut().into_iter().for_each(|content| content.extend(more.clone()));
            }
            _ => turns.push(turn),
        }
    }
    body["messages"] = turns.into();
    body
}

#[test]
fn every_recorded_answer_is_read_as_the_vendors_sdk_reads_it() {
    let Some(recordings) = Recordings::of("bedrock.converse") else { return };
    let answers = recordings.compare(GAPS, read, difference);
    assert!(answers > 150, "{answers} answers");
}

#[test]
fn every_recorded_request_is_written_as_it_was_read() {
    let Some(recordings) = Recordings::of("bedrock.converse") else { return };
    let requests = recordings.compare_requests(&[], &Converse::new(), &Converse::new(), normalized);
    assert!(requests > 150, "{requests} requests");
}

#[test]
fn every_recorded_failure_is_told_by_its_kind_and_the_vendors_words() {
    let Some(recordings) = Recordings::of("bedrock.converse") else { return };
    for recording in recordings.failures() {
        let error = Converse::new().error(recording.status, &recording.body);
        let expected = match error.message() {
            "The provided model identifier is invalid." => ErrorKind::ModelNotFound,
            _ => ErrorKind::Rejected,
        };
        assert_eq!(error.kind(), expected, "{}: {error}", recording.file);
        assert!(!error.message().contains("says no more"), "{}: {error}", recording.file);
    }
}
