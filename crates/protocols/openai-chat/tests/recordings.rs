//! Every recorded exchange of this protocol is read as the vendors' own SDKs read it.
//!
//! The recordings lie outside the repository, as `ultraai_testkit::recordings` says.

use std::collections::VecDeque;

use serde_json::{Value, json};
use ultraai_core::{ChatResponse, Codec as _, ErrorKind, Part, Result, Usage};
use ultraai_protocol_openai_chat::{Chat, Dialect, ReasoningForm};
use ultraai_testkit::recordings::{Recording, Recordings};
use ultraai_wire::SseDecoder;

const CHAT: Chat = Chat(&Dialect::COMPATIBLE);

/// Files that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[
    (
        "azure/chat__openllmetry--test-azure-test-prompt-content-filtering",
        "a 200 with an error is an error here",
    ),
    (
        "azure/finish_filtered_or_refusal__openllmetry",
        "the choice has no message, and the SDK gives up its reason too",
    ),
    ("mistral/reasoning", "content is a list with thinking parts, which the SDK passes on as JSON"),
    (
        "openrouter/tool_call__pydantic-ai--test-openrouter-test-openrouter-tool-optional",
        "no arguments are an empty text",
    ),
];

fn read(recording: &Recording) -> Result<ChatResponse> {
    recording.read(&CHAT, "sse", |pieces| {
        let (mut decoder, mut frames) = (SseDecoder::new(16 << 20), VecDeque::new());
        pieces.iter().try_for_each(|piece| decoder.push(piece, &mut frames))?;
        decoder.end(&mut frames);
        Ok(frames.into_iter().map(|frame| (frame.name().to_owned(), frame.data)).collect())
    })
}

/// What differs from what an SDK reads.
fn difference(read: &Result<ChatResponse>, expected: &Value) -> Option<String> {
    let answer = match read {
        Err(error) => return Some(format!("{} {error}", error.kind())),
        Ok(answer) => answer,
    };
    let text = |key: &str| expected[key].as_str().unwrap_or_default();
    let finish = match text("finish") {
        "" => "unknown",
        "eos" => "stop",
        "function_call" => "tool_calls",
        word => word,
    };
    let calls: Vec<Value> = answer
        .content
        .iter()
        .filter_map(|part| match part {
            // The SDK keeps the older form, which has no id, apart.
            Part::ToolCall(call) if text("finish") != "function_call" || !call.id.is_empty() => {
                Some(Value::from(vec![call.id.clone(), call.name.clone(), call.arguments.clone()]))
            }
            _ => None,
        })
        .collect();
    let reasoning: String = answer
        .content
        .iter()
        .filter_map(|part| match part {
            Part::Reasoning(reasoning) => Some(reasoning.text.as_str()),
            _ => None,
        })
        .collect();
    let refusal: String = answer
        .content
        .iter()
        .filter_map(|part| match part {
            Part::Refusal { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let used = |read: fn(Usage) -> u64| answer.usage.map(read);
    let input = used(|usage| usage.input_tokens);
    let output = used(|usage| usage.output_tokens);
    let expected_usage = |key: &str| expected["usage"][key].as_u64();
    // Some vendors count reasoning beside the completion; their total shows it.
    let beside =
        expected_usage("total_tokens").zip(expected_usage("prompt_tokens")).map(|(all, input)| all - input);
    if answer.text() != text("text") {
        Some(format!("text {:?}, expected {:?}", answer.text(), text("text")))
    } else if reasoning != text("reasoning") {
        Some(format!("reasoning {reasoning:?}, expected {:?}", text("reasoning")))
    } else if refusal != text("refusal") {
        Some(format!("refusal {refusal:?}, expected {:?}", text("refusal")))
    } else if answer.finish_reason.as_str() != finish {
        Some(format!("finish {:?}, expected {finish:?}", answer.finish_reason))
    } else if expected["tool_calls"].as_array().is_some_and(|expected| *expected != calls) {
        Some(format!("calls {calls:?}, expected {}", expected["tool_calls"]))
    } else if expected["usage"].is_object() && input != expected_usage("prompt_tokens")
        || (expected["usage"].is_object()
            && output != expected_usage("completion_tokens")
            && output != beside)
    {
        Some(format!("usage {:?}, expected {}", answer.usage, expected["usage"]))
    } else {
        None
    }
}

#[test]
fn every_recorded_answer_is_read_as_the_vendors_sdk_reads_it() {
    let Some(recordings) = Recordings::of("openai.chat") else { return };
    let answers = recordings.compare(GAPS, read, difference);
    assert!(answers > 500, "{answers} answers");
}

/// The usage that a recorded body ends with, in the vendor's words; Groq's may stand below `x_groq`.
fn usage_of(recording: &Recording) -> Option<Value> {
    let body = String::from_utf8_lossy(&recording.body);
    let documents = match recording.framing.as_str() {
        "sse" => body.lines().filter_map(|line| line.strip_prefix("data:")).map(str::to_owned).collect(),
        _ => vec![body.into_owned()],
    };
    let values = documents.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
    let mut said = values.filter_map(|value| {
        [&value["usage"], &value["x_groq"]["usage"]].map(Clone::clone).into_iter().find(Value::is_object)
    });
    said.next_back()
}

/// The SDK's rows name no tokens of the cache and of reasoning, so they are compared with the body's own.
#[test]
fn every_recorded_count_of_the_cache_and_of_reasoning_is_read() {
    let Some(recordings) = Recordings::of("openai.chat") else { return };
    let mut counted = [0; 3];
    for recording in recordings.iter().filter(|recording| recording.status == 200) {
        let (Some(said), Ok(answer)) = (usage_of(recording), read(recording)) else { continue };
        let at = |places: &[&str]| places.iter().find_map(|place| said.pointer(place)?.as_u64());
        let expected = [
            at(&["/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens", "/cached_tokens"]),
            at(&["/prompt_tokens_details/cache_write_tokens", "/cache_creation_input_tokens"]),
            at(&["/completion_tokens_details/reasoning_tokens"]),
        ];
        let usage = answer.usage.unwrap_or_default();
        let found = [usage.cache_read, usage.cache_write, usage.reasoning];
        assert_eq!(found, expected, "{}", recording.file);
        for (count, expected) in counted.iter_mut().zip(expected) {
            *count += usize::from(expected.is_some());
        }
    }
    assert!(counted[0] > 200 && counted[1] > 0 && counted[2] > 200, "{counted:?}");
}

/// Everything that any vendor takes, so that nothing of a request is refused.
const EVERYTHING: Dialect = Dialect {
    developer_role: true,
    reasoning: ReasoningForm::Object,
    document_addresses: true,
    document_url: true,
    ..Dialect::COMPATIBLE
};

/// Requests that come out differently, each with its reason.
const REQUEST_GAPS: &[(&str, &str)] = &[(
    "openai/error_400__ai-gateway--cassettes-chat-bad-request",
    "what the vendor refused is refused here",
)];

/// Makes equal what the README names under "What is normalized".
fn normalized(mut request: Value) -> Value {
    let Some(top) = request.as_object_mut() else { return request };
    if let Some(effort) = top.remove("reasoning_effort") {
        top.insert("reasoning".into(), json!({ "effort": effort }));
    }
    match top.get("stream") {
        Some(Value::Bool(true)) => top.entry("stream_options").or_insert(json!({})),
        _ => top.entry("stream_options").or_insert(Value::Null),
    };
    if top.get("stream") == Some(&Value::Bool(true)) {
        top["stream_options"]["include_usage"] = true.into();
    } else {
        top.remove("stream");
        top.remove("stream_options");
    }
    if let Some(text @ Value::String(_)) = top.get("stop") {
        let list = json!([text]);
        top.insert("stop".into(), list);
    }
    top.retain(|_, value| *value != json!([]));
    for tool in top.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        if tool.get("function").is_some() && tool.get("type").is_none() {
            tool["type"] = "function".into();
        }
    }
    for message in top.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        normalize_message(message);
    }
    request
}

fn normalize_message(message: &mut Value) {
    let Some(message) = message.as_object_mut() else { return };
    if let Some(reasoning @ Value::String(_)) = message.remove("reasoning") {
        message.insert("reasoning_content".into(), reasoning);
    }
    message.retain(|_, value| *value != json!([]) && *value != json!(""));
    // What SDKs leave in calls that they read from a stream.
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        call.as_object_mut().into_iter().for_each(|call| drop(call.remove("index")));
    }
    if let Some(Value::Array(parts)) = message.get_mut("content") {
        for part in parts.iter_mut() {
            if let Some(url @ Value::String(_)) = part.get("image_url") {
                part["image_url"] = json!({ "url": url });
            }
            let address = part.get("file").and_then(|file| file["file_data"].as_str());
            if let Some(address) = address.filter(|address| address.starts_with("http")) {
                let name = &part["file"]["filename"];
                *part = json!({ "type": "document_url", "document_url": address, "document_name": name });
            }
        }
        if let [Value::Object(part)] = parts.as_slice()
            && part.len() == 2
            && part.get("type") == Some(&"text".into())
        {
            let text = part["text"].clone();
            message.insert("content".into(), text);
        }
    }
}

#[test]
fn every_recorded_request_is_written_as_it_was_read() {
    let Some(recordings) = Recordings::of("openai.chat") else { return };
    let chat = Chat(&EVERYTHING);
    let requests = recordings.compare_requests(REQUEST_GAPS, &chat, &chat, normalized);
    assert!(requests > 600, "{requests} requests");
}

#[test]
fn every_recorded_failure_is_told_by_its_kind_and_the_vendors_words() {
    let Some(recordings) = Recordings::of("openai.chat") else { return };
    for recording in recordings.failures() {
        let error = CHAT.error(recording.status, &recording.body);
        let expected = match recording.status {
            400 => &[ErrorKind::Rejected, ErrorKind::ModelNotFound][..],
            401 => &[ErrorKind::Authentication],
            404 => &[ErrorKind::ModelNotFound],
            429 => &[ErrorKind::RateLimited],
            _ => &[],
        };
        assert!(expected.contains(&error.kind()), "{}: {error}", recording.file);
        assert!(!error.message().contains("says no more"), "{}: {error}", recording.file);
    }
}
