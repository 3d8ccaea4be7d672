//! Every recorded exchange of this protocol is read as Cohere's own SDK reads it, and every request is written as it was.
//!
//! The recordings lie outside the repository, as `ultraai_testkit::recordings` says.

use std::collections::VecDeque;

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatRequest, ChatResponse, Codec as _, Losses, Part, Result, ServerCodec as _,
};
use ultraai_protocol_cohere::Chat;
use ultraai_testkit::{
    codecs::{fold_frames, frames_of},
    recordings::{Recording, Recordings},
};
use ultraai_wire::SseDecoder;

/// Files that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[];

fn read(recording: &Recording) -> Result<ChatResponse> {
    recording.read(&Chat, "sse", |pieces| {
        let (mut decoder, mut frames) = (SseDecoder::new(16 << 20), VecDeque::new());
        pieces.iter().try_for_each(|piece| decoder.push(piece, &mut frames))?;
        Ok(frames.into_iter().map(|frame| (frame.name().to_owned(), frame.data)).collect())
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
            Part::ToolCall(call) => calls.push(json!([call.id, call.name, as_json(&call.arguments)])),
            // The SDK tells a plan from thinking.
            Part::Reasoning(more) if more.state.is_none() => reasoning.push_str(&more.text),
            _ => {}
        }
    }
    let finish = match text("finish") {
        "COMPLETE" | "STOP_SEQUENCE" => "stop",
        "MAX_TOKENS" => "length",
        "TOOL_CALL" => "tool_calls",
        word => word,
    };
    let expected_calls = expected["tool_calls"].as_array().cloned().unwrap_or_default();
    let expected_calls: Vec<_> = expected_calls
        .iter()
        .map(|call| json!([call[0], call[1], as_json(call[2].as_str().unwrap_or_default())]))
        .collect();
    let usage = answer.usage.map(|usage| {
        let mut tokens = json!({ "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens });
        tokens["cached_tokens"] = usage.cache_read.into();
        tokens
    });
    let number = |value: &Value| value.as_f64().map(|number| number.to_string());
    let told = &expected["usage"];
    let same_usage = usage.as_ref().is_some_and(|usage| {
        number(&usage["input_tokens"]) == number(&told["tokens"]["input_tokens"])
            && number(&usage["output_tokens"]) == number(&told["tokens"]["output_tokens"])
            && number(&usage["cached_tokens"]) == number(&told["cached_tokens"])
    });
    let billed = &answer.raw.get("usage").cloned().unwrap_or_default()["billed_units"];
    let same_billed = ["input_tokens", "output_tokens"]
        .iter()
        .all(|key| number(&billed[*key]) == number(&told["billed_units"][*key]));
    if answer.text() != text("text") {
        Some(format!("text {:?}, expected {:?}", answer.text(), text("text")))
    } else if reasoning != text("reasoning") {
        Some(format!("reasoning {reasoning:?}, expected {:?}", text("reasoning")))
    } else if answer.finish_reason.as_str() != finish {
        Some(format!("finish {:?}, expected {finish:?}", answer.finish_reason))
    } else if calls != expected_calls {
        Some(format!("calls {calls:?}, expected {expected_calls:?}"))
    } else if !same_usage || !same_billed {
        Some(format!("usage {usage:?}, billed {billed}, expected {told}"))
    } else {
        None
    }
}

/// Arguments as JSON: the SDK's recorder wrote some of them anew.
fn as_json(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| arguments.into())
}

#[test]
fn every_recorded_answer_is_read_as_the_vendors_sdk_reads_it() {
    let Some(recordings) = Recordings::of("cohere.chat_v2") else { return };
    let answers = recordings.compare(GAPS, read, difference);
    assert!(answers > 35, "{answers} answers");
}

#[test]
fn citations_stand_at_what_they_are_about() {
    let Some(recordings) = Recordings::of("cohere.chat_v2") else { return };
    let mut cited = 0;
    for recording in recordings.iter().filter(|recording| recording.status == 200) {
        let answer = read(recording).expect("it is read");
        for part in &answer.content {
            for citation in part.notes().into_iter().flat_map(|notes| &notes.citations) {
                let text = part.as_text().expect("texts alone are cited");
                let (start, end) = citation.range.expect("each has a range");
                let of = |number: u64| usize::try_from(number).expect("it is small");
                let said: String = text.chars().skip(of(start)).take(of(end - start)).collect();
                let native = &citation.native.as_ref().expect("it is kept as it came").data;
                assert_eq!(native["text"], said.as_str(), "{}", recording.file);
                assert!(citation.cited_text.is_some(), "{}", recording.file);
                cited += 1;
            }
        }
    }
    assert!(cited >= 8, "{cited} citations");
}

#[test]
fn every_recorded_answer_is_written_and_read_as_the_same() {
    let Some(recordings) = Recordings::of("cohere.chat_v2") else { return };
    let request = ChatRequest::default();
    let to = Answering { request: &request, id: "1", created: 0 };
    for recording in recordings.iter().filter(|recording| recording.status == 200) {
        let answer = read(recording).expect("it is read");
        let body = Chat.encode_response(&to, &answer, &mut Losses::refused()).expect("it can be said");
        assert_eq!(Chat.decode(&request, &body.into()).expect("it is read"), answer, "{}", recording.file);
        let frames = frames_of(&Chat, &to, &answer).expect("it can be said");
        let folded = fold_frames(&Chat, &request, &frames).expect("it is read");
        assert_eq!(unplanned(folded), unplanned(answer), "{}", recording.file);
    }
}

/// A stream that is written tells a plan as thinking.
fn unplanned(mut answer: ChatResponse) -> ChatResponse {
    for part in &mut answer.content {
        if let Part::Reasoning(reasoning) = part {
            reasoning.state = None;
        }
    }
    answer
}

/// What may differ, as the README lists it.
fn normalized(mut body: Value) -> Value {
    let Some(fields) = body.as_object_mut() else { return body };
    fields.entry("stream").or_insert(Value::Bool(false));
    fields.retain(|key, value| !(matches!(key.as_str(), "tools" | "documents") && is_empty(value)));
    for message in fields.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(message) = message.as_object_mut() else { continue };
        message.retain(|_, value| !is_empty(value));
        let alone = match message.get("content").and_then(Value::as_array).map(Vec::as_slice) {
            Some([item]) if item["type"] == "text" => Some(item["text"].clone()),
            _ => None,
        };
        if let Some(text) = alone {
            message.insert("content".to_owned(), text);
        }
    }
    body
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value == ""
}

#[test]
fn every_recorded_request_is_read_and_written_as_the_same_json() {
    let Some(recordings) = Recordings::of("cohere.chat_v2") else { return };
    let requests = recordings.compare_requests(&[], &Chat, &Chat, normalized);
    assert!(requests > 25, "{requests} requests");
}
