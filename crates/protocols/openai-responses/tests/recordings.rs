//! Every recorded exchange of this protocol is read as the vendor's own SDK reads it, and every recorded request is written as
//! it was read.
//!
//! The recordings lie outside the repository, as `ultraai_testkit::recordings` says.

use std::collections::VecDeque;

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatRequest, ChatResponse, Codec as _, ErrorKind, Losses, Message, ModelName, Part, Result,
    Role, ServerCodec as _,
};
use ultraai_protocol_openai_responses::Responses;
use ultraai_testkit::recordings::{Recording, Recordings};
use ultraai_wire::SseDecoder;

/// Answers that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[
    (
        "azure/parallel_tool_calls_stream__ai--fixtures-azure-reasoning-encrypted-content-1-chunks",
        "four streams in one file, of which the SDK tells the last answer",
    ),
    (
        "openai/parallel_tool_calls_stream__ai--fixtures-openai-reasoning-encrypted-content-1-chunks",
        "four streams in one file, of which the SDK tells the last answer",
    ),
];

/// Why a request is refused that the vendor served.
const KEPT: &str = "it needs what only the vendor keeps";

/// Requests that are written differently, by the start of their names, each with its reason.
const REQUEST_GAPS: &[(&str, &str)] = &[
    (
        "openai/chat__pydantic-ai--nai-responses-test-openai-responses-compact-with-auto-previous-response-id-chain--01",
        KEPT,
    ),
    (
        "openai/chat__pydantic-ai--responses-test-openai-conversation-id-auto-respects-pydantic-ai-conversation-id--01",
        KEPT,
    ),
    ("openai/chat__pydantic-ai--test-openai-responses-test-background-mode-reasoning-vcr--00", KEPT),
    (
        "openai/chat_stream__pydantic-ai--test-openai-responses-test-background-mode-streaming-starting-after-vcr--00",
        KEPT,
    ),
    (
        "openai/multi_turn__pydantic-ai--test-openai-responses-test-openai-conversation-id-preserves-mismatched-history--01",
        KEPT,
    ),
    (
        "openai/tool_call__pydantic-ai--enai-responses-test-openai-previous-response-id-seed-auto-chains-through-retries",
        KEPT,
    ),
    ("openai/tool_result__openinference--test-processor-test-multiple-tools--01", KEPT),
    (
        "openai/tool_result__pydantic-ai--enai-responses-test-openai-previous-response-id-seed-auto-chains-through-retries--03",
        KEPT,
    ),
];

fn read(recording: &Recording) -> Result<ChatResponse> {
    recording.read(&Responses::new(), "sse", |pieces| {
        let (mut decoder, mut frames) = (SseDecoder::new(16 << 20), VecDeque::new());
        pieces.iter().try_for_each(|piece| decoder.push(piece, &mut frames))?;
        decoder.end(&mut frames);
        Ok(frames.into_iter().map(|frame| (frame.name().to_owned(), frame.data)).collect())
    })
}

/// What differs from what the SDK reads.
fn difference(read: &Result<ChatResponse>, expected: &Value) -> Option<String> {
    let answer = match read {
        // The SDK tells that no end came, and nothing else.
        Err(error) if expected["no_terminal_event"] == true && error.kind() == ErrorKind::Interrupted => {
            return None;
        }
        Err(error) => return Some(format!("{} {error}", error.kind())),
        Ok(answer) => answer,
    };
    let text = |key: &str| expected[key].as_str().unwrap_or_default();
    let thought = |part: &Part| match part {
        Part::Reasoning(reasoning) => reasoning.text.clone(),
        _ => String::new(),
    };
    let reasoning: String = answer.content.iter().map(thought).collect();
    let finish = match text("finish") {
        "completed" if calls(answer).is_empty() => "stop",
        "completed" => "tool_calls",
        word => word,
    };
    let waits = |word: &str| word == "tool_calls" && finish == "stop" && waits_for_own_tools(answer);
    let word = answer.finish_reason.as_str();
    let usage = answer.usage.map(|usage| [Some(usage.input_tokens), Some(usage.output_tokens)]);
    let used = expected["usage"]
        .is_object()
        .then(|| ["input_tokens", "output_tokens"].map(|key| expected["usage"][key].as_u64()));
    if answer.text() != text("text") {
        Some(format!("text {:?}, expected {:?}", answer.text(), text("text")))
    } else if !text("reasoning").is_empty() && reasoning != text("reasoning") {
        // The SDK knows summaries alone.
        Some(format!("reasoning {reasoning:?}, expected {:?}", text("reasoning")))
    } else if word != finish && !waits(word) {
        Some(format!("finish {word:?}, expected {finish:?}"))
    } else if calls(answer) != called(expected) {
        Some(format!("calls {:?}, expected {}", calls(answer), expected["tool_calls"]))
    } else if usage != used {
        Some(format!("usage {usage:?}, expected {}", expected["usage"]))
    } else if answer.model.as_deref().unwrap_or_default() != text("model") {
        Some(format!("model {:?}, expected {}", answer.model, text("model")))
    } else if items(answer) != items_of(expected) {
        Some(format!("items {:?}, expected {}", items(answer), expected["items"]))
    } else {
        None
    }
}

/// Whether the answer asks for a tool that is no function and runs with the caller.
fn waits_for_own_tools(answer: &ChatResponse) -> bool {
    answer.content.iter().any(|part| match part {
        Part::Vendor(state) => state.data["type"].as_str().is_some_and(|kind| kind.ends_with("_call")),
        _ => false,
    })
}

/// The kinds of the items, without those of reasoning and messages, which may say nothing.
fn items(answer: &ChatResponse) -> Vec<String> {
    let kinds = answer.content.iter().filter_map(|part| match part {
        Part::ToolCall(_) => Some("function_call".to_owned()),
        Part::Vendor(state) => state.data["type"].as_str().map(str::to_owned),
        _ => None,
    });
    kinds.collect()
}

fn items_of(expected: &Value) -> Vec<String> {
    let kinds = expected["items"].as_array().into_iter().flatten().filter_map(Value::as_str);
    kinds.filter(|kind| !matches!(*kind, "message" | "reasoning")).map(str::to_owned).collect()
}

fn calls(answer: &ChatResponse) -> Vec<(String, String, String)> {
    let calls = answer.content.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some((call.id.clone(), call.name.clone(), call.arguments.clone())),
        _ => None,
    });
    calls.collect()
}

fn called(expected: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = expected["tool_calls"].as_array().into_iter().flatten();
    calls.map(|call| (text(&call[0]), text(&call[1]), text(&call[2]))).collect()
}

/// Makes equal what the README lists as normalized.
fn normalized(mut body: Value) -> Value {
    for key in ["include", "metadata", "tools"] {
        if body[key] == json!([]) || body[key] == json!({}) {
            body[key] = Value::Null;
        }
    }
    // Nothing is kept unasked, and so reasoning is asked for in the form in which it can be given back.
    if body["store"].is_null() {
        body["store"] = false.into();
        let thinks = !body["reasoning"]["effort"].is_null() || !body["reasoning"]["summary"].is_null();
        if thinks && body["include"].is_null() {
            body["include"] = json!(["reasoning.encrypted_content"]);
        }
    }
    // Two words of it have fields of their own in the vocabulary.
    if let Some(include) = body["include"].as_array_mut() {
        include.sort_by_key(ToString::to_string);
    }
    if body["stream"] == false {
        body["stream"] = Value::Null;
    }
    if let Some(text) = body["input"].as_str() {
        body["input"] = json!([{ "role": "user", "content": text }]);
    }
    for item in body["input"].as_array_mut().into_iter().flatten() {
        if item["role"].is_string() && item["type"].is_null() {
            item["type"] = "message".into();
        }
        if item["type"] == "message" {
            if item["status"] == "completed" {
                item["status"] = Value::Null;
            }
            let kind = if item["role"] == "assistant" { "output_text" } else { "input_text" };
            content(&mut item["content"], kind);
        }
        if item["type"] == "function_call_output" {
            content(&mut item["output"], "input_text");
        }
        if item["type"] == "reasoning" && item["content"] == json!([]) {
            item["content"] = Value::Null;
        }
    }
    body
}

/// A text alone is a list of it; empty lists beside a text say nothing.
fn content(content: &mut Value, kind: &str) {
    if let Some(text) = content.as_str() {
        *content = json!([{ "type": kind, "text": text }]);
    }
    for piece in content.as_array_mut().into_iter().flatten() {
        for key in ["annotations", "logprobs"] {
            if piece[key] == json!([]) {
                piece[key] = Value::Null;
            }
        }
    }
}

#[test]
fn every_recorded_answer_is_read_as_the_vendors_sdk_reads_it() {
    let Some(recordings) = Recordings::of("openai.responses") else { return };
    let answers = recordings.compare(GAPS, read, difference);
    assert!(answers >= 280, "{answers} answers");
}

#[test]
fn every_recorded_request_is_written_as_it_was_read() {
    let Some(recordings) = Recordings::of("openai.responses") else { return };
    let responses = Responses::new();
    let requests = recordings.compare_requests(REQUEST_GAPS, &responses, &responses, normalized);
    assert!(requests >= 250, "{requests} requests");
}

/// The items of a recorded answer, without what is not sent back: what is empty, the status, and a message's id where nothing hangs on it.
fn sent_back(mut items: Vec<Value>) -> Vec<Value> {
    let mut before = String::new();
    for item in &mut items {
        let kind = item["type"].as_str().unwrap_or_default().to_owned();
        let hangs = !item["phase"].is_null() || before == "reasoning" || before == "message";
        let Some(fields) = item.as_object_mut() else { continue };
        match kind.as_str() {
            "message" if !hangs => drop(fields.remove("id")),
            "reasoning" if fields.get("content") == Some(&json!([])) => drop(fields.remove("content")),
            _ => {}
        }
        if matches!(kind.as_str(), "message" | "function_call") {
            fields.remove("status");
        }
        fields.retain(|_, value| !value.is_null());
        if kind == "message" {
            for piece in item["content"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut)
            {
                piece.remove("logprobs");
                piece.retain(|_, value| !value.is_null());
            }
        }
        before = kind;
    }
    items
}

#[test]
fn every_recorded_answer_goes_back_unchanged_on_the_next_turn() {
    let Some(recordings) = Recordings::of("openai.responses") else { return };
    let mut answers = 0;
    for recording in
        recordings.iter().filter(|recording| recording.status == 200 && recording.framing == "json")
    {
        // One that is still to be done in the background says nothing.
        let Some(answer) = read(recording).ok().filter(|answer| !answer.content.is_empty()) else { continue };
        let recorded: Value = serde_json::from_slice(&recording.body).unwrap_or_default();
        let said = Message::new(Role::Assistant, answer.content.clone());
        let mut request = ChatRequest::new(vec![Message::user("a"), said]);
        request.model = ModelName::new("m").ok();
        let body = Responses::new().encode(&request, &mut Losses::refused()).expect("nothing is lost");
        let body: Value = serde_json::from_slice(&body).expect("it is JSON");
        let mut items = body["input"].as_array().cloned().unwrap_or_default();
        items.remove(0);
        for item in items.iter_mut().filter(|item| item["type"] == "message") {
            content(&mut item["content"], "output_text");
            for piece in item["content"].as_array_mut().into_iter().flatten() {
                piece["annotations"] =
                    piece.get("annotations").filter(|list| !list.is_null()).cloned().unwrap_or(json!([]));
            }
        }
        let expected = recorded["output"].as_array().cloned().unwrap_or_default();
        assert_eq!(sent_back(items), sent_back(expected), "{}", recording.file);

        let to = Answering { request: &request, id: "0", created: 0 };
        let written = Responses::new().encode_response(&to, &answer, &mut Losses::refused());
        let written = written.expect("nothing is lost").into();
        let again = Responses::new().decode(&request, &written).expect("it is one");
        assert_eq!(
            (&again.content, &again.finish_reason),
            (&answer.content, &answer.finish_reason),
            "{}",
            recording.file
        );
        // What nobody counted is none, as OpenAI says it.
        let counted = answer.usage.map(|mut usage| {
            usage.cache_write = usage.cache_write.or(Some(0));
            usage
        });
        assert_eq!((again.usage, &again.raw), (counted, &answer.raw), "{}", recording.file);
        answers += 1;
    }
    assert!(answers > 170, "{answers} answers");
}

#[test]
fn every_recorded_failure_is_told_by_its_kind_and_the_vendors_words() {
    let Some(recordings) = Recordings::of("openai.responses") else { return };
    for recording in recordings.failures() {
        let error = Responses::new().error(recording.status, &recording.body);
        let known = [ErrorKind::Rejected, ErrorKind::ModelNotFound, ErrorKind::Authentication];
        assert!(known.contains(&error.kind()), "{}: {error}", recording.file);
        assert!(!error.message().contains("says no more"), "{}: {error}", recording.file);
    }
}
