//! What is made of answers, and of answers that say more than is known.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatEvent, ChatRequest, ChatResponse, Codec as _, Delta, Error, ErrorKind, FinishReason, Fold,
    Losses, ModelName, Part, Reasoning, ResponseFormat, Result, ServerCodec as _, VendorState,
};
use ultraai_protocol_bedrock::{Converse, Decoder, NAME};
use ultraai_testkit::codecs::{fold_frames, frames_of};

fn asking(model: &str) -> ChatRequest {
    ChatRequest::from_prompt("hello").with_model(ModelName::new(model).unwrap())
}

fn whole(content: &Value) -> Value {
    json!({
        "output": { "message": { "role": "assistant", "content": content } }, "stopReason": "end_turn",
        "usage": { "inputTokens": 1, "outputTokens": 2, "totalTokens": 3 },
    })
}

fn read(body: &Value) -> Result<ChatResponse> {
    Converse::new().decode(&ChatRequest::default(), &body.to_string().into())
}

fn events(request: &ChatRequest, frames: &[(&str, Value)]) -> (Vec<ChatEvent>, Option<Error>) {
    let (mut decoder, mut out) = (Decoder::new(request), VecDeque::new());
    let ended = frames
        .iter()
        .try_for_each(|(name, data)| decoder.push(name, &Bytes::from(data.to_string()), &mut out));
    if ended.is_ok() {
        decoder.end(&mut out);
    }
    (out.into(), ended.err())
}

fn fold(request: &ChatRequest, frames: &[(&str, Value)]) -> ChatResponse {
    let (events, error) = events(request, frames);
    assert!(error.is_none(), "{error:?}");
    let mut fold = Fold::default();
    events.into_iter().try_for_each(|event| fold.push(event)).unwrap();
    fold.finish().unwrap()
}

fn delta(index: u64, delta: &Value) -> (&'static str, Value) {
    ("contentBlockDelta", json!({ "contentBlockIndex": index, "delta": delta, "p": "abc" }))
}

fn start(index: u64, start: &Value) -> (&'static str, Value) {
    ("contentBlockStart", json!({ "contentBlockIndex": index, "start": start }))
}

fn stop(reason: &str) -> (&'static str, Value) {
    ("messageStop", json!({ "stopReason": reason }))
}

#[test]
fn what_an_answer_says_besides_is_kept() {
    let mut body = whole(&json!([{ "text": "a" }]));
    body["metrics"] = json!({ "latencyMs": 7 });
    body["trace"] = json!({ "promptRouter": { "invokedModelId": "arn:x" } });
    body["novel"] = json!([1]);
    body["serviceTier"] = json!({ "type": "flex" });
    body["usage"]["cacheDetails"] = json!([{ "ttl": "5m", "inputTokens": 1 }]);
    body["additionalModelResponseFields"] = json!({ "stop_sequence": "END", "other": 1 });
    let answer = read(&body).unwrap();
    assert_eq!(answer.model.as_deref(), Some("arn:x"));
    assert_eq!(answer.service_tier.as_deref(), Some("flex"));
    assert_eq!(answer.stop_sequence.as_deref(), Some("END"));
    let keys: Vec<_> = answer.raw.keys().collect();
    assert_eq!(keys, ["additionalModelResponseFields", "metrics", "novel", "trace", "usage"]);
    let request = ChatRequest::default();
    let to = Answering { request: &request, id: "1", created: 0 };
    let written = Converse::new().encode_response(&to, &answer, &mut Losses::refused()).unwrap();
    body["stopReason"] = json!("stop_sequence");
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), body);
}

#[test]
fn null_numbers_as_texts_and_words_that_are_not_known_are_taken() {
    let answer = read(&json!({
        "output": { "message": { "role": "assistant", "content": null, "novel": 1 } },
        "stopReason": "moon_phase", "usage": { "inputTokens": "5", "outputTokens": 2.0 }, "metrics": null,
    }));
    let answer = answer.unwrap();
    assert!(answer.content.is_empty());
    assert_eq!(answer.finish_reason, FinishReason::Other("moon_phase".into()));
    assert_eq!(answer.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), Some((5, 2)));
}

#[test]
fn a_broken_field_is_named_by_its_path() {
    let error = read(&whole(&json!([{ "text": "a" }, { "toolUse": 7 }]))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Undecodable);
    let text = error.to_string();
    assert!(
        text.contains("`output.message.content[1]` of the answer") && text.contains("`toolUse`"),
        "{text}"
    );
    assert!(error.partial().is_some_and(|partial| partial.usage.is_some()));
    let (_, error) =
        events(&ChatRequest::default(), &[("contentBlockDelta", json!({ "delta": { "toolUse": [] } }))]);
    assert!(error.unwrap().to_string().contains("`delta.toolUse`"));
}

#[test]
fn an_error_in_a_good_status_is_an_error() {
    let error = read(&json!({ "message": "The system is overloaded" })).unwrap_err();
    assert!(error.message().contains("overloaded"), "{error}");
    assert_eq!(read(&json!({ "a": 1 })).unwrap_err().kind(), ErrorKind::Undecodable);
}

#[test]
fn blocks_that_are_not_known_come_back_unchanged() {
    let blocks = json!([
        { "toolUse": { "toolUseId": "1", "name": "x", "type": "server_tool_use", "input": { "b": 1, "a": [2] } } },
        { "toolResult": { "toolUseId": "1", "type": "x_result", "content": [{ "json": { "a": 1 } }], "status": "success" } },
        { "novelContent": { "deep": [1, { "a": null }] } },
        { "reasoningContent": { "redactedContent": "QQ==" } },
        { "reasoningContent": { "reasoningText": { "text": "t", "signature": "s" } } },
        { "image": { "format": "png", "source": { "bytes": "iVBORw==" } } },
        { "citationsContent": { "content": [{ "text": "a" }], "citations": [{ "title": "t", "location": { "documentChar": { "start": 1 } } }] } },
        { "text": "a", "novel": 1 },
    ]);
    for model in ["m", "us.anthropic.claude-sonnet-4-6"] {
        let request = asking(model);
        let answer = Converse::new().decode(&request, &whole(&blocks).to_string().into()).unwrap();
        let to = Answering { request: &request, id: "1", created: 0 };
        let written = Converse::new().encode_response(&to, &answer, &mut Losses::refused()).unwrap();
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written["output"]["message"]["content"], blocks, "{model}");
    }
}

#[test]
fn a_stream_of_every_kind_of_block_is_written_as_it_was_read() {
    let request = asking("us.anthropic.claude-sonnet-4-6");
    let mut answer = ChatResponse::default();
    answer.model = Some("us.anthropic.claude-sonnet-4-6".into());
    let mut signed = Reasoning::new("r");
    signed.state = Some(VendorState::new("anthropic", json!({ "signature": "s" })));
    let own = |block: Value| Part::Vendor(VendorState::new(NAME, block));
    let redacted = json!({ "type": "redacted_thinking", "data": "xyz" });
    answer.content = vec![
        Part::Reasoning(signed),
        Part::Vendor(VendorState::silent("anthropic", redacted)),
        Part::text("a"),
        Part::text("b"),
        own(
            json!({ "toolUse": { "toolUseId": "1", "name": "x", "type": "server_tool_use", "input": { "a": 1 } } }),
        ),
        own(
            json!({ "toolResult": { "toolUseId": "1", "type": "x", "content": [{ "json": {} }], "status": "success" } }),
        ),
        Part::ToolCall(ultraai_core::ToolCall::new("2", "y", "{\"a\": 1}")),
        Part::text("c"),
    ];
    answer.finish_reason = FinishReason::ToolCalls;
    answer.raw.insert("metrics".into(), json!({ "latencyMs": 5 }));
    answer.stop_sequence = Some("END".into());
    answer.service_tier = Some("flex".into());
    let to = Answering { request: &request, id: "1", created: 0 };
    let frames = frames_of(&Converse::new(), &to, &answer).unwrap();
    assert_eq!(fold_frames(&Converse::new(), &request, &frames).unwrap(), answer);
    let names: Vec<_> = frames.iter().map(|frame| frame.name).collect();
    assert_eq!((names[0], names[1]), ("messageStart", "contentBlockDelta"));
    assert_eq!(names[names.len() - 2..], ["messageStop", "metadata"]);
}

#[test]
fn a_stream_says_the_same_as_a_whole_answer() {
    let request = asking("m");
    let folded = fold(
        &request,
        &[
            ("messageStart", json!({ "role": "assistant", "p": "a" })),
            delta(0, &json!({ "reasoningContent": { "text": "r" } })),
            delta(0, &json!({ "reasoningContent": { "signature": "s" } })),
            ("contentBlockStop", json!({ "contentBlockIndex": 0 })),
            delta(1, &json!({ "text": "a" })),
            delta(1, &json!({ "text": "" })),
            delta(1, &json!({ "citation": { "title": "t", "sourceContent": [{ "text": "w" }] } })),
            delta(2, &json!({ "text": "b" })),
            start(3, &json!({ "toolUse": { "toolUseId": "1", "name": "x" } })),
            start(
                4,
                &json!({ "toolUse": { "toolUseId": "2", "name": "y", "type": "tool_use", "novel": [1] } }),
            ),
            delta(4, &json!({ "toolUse": { "input": "{\"a\"" } })),
            delta(4, &json!({ "toolUse": { "input": ":1}" } })),
            ("contentBlockStop", json!({ "contentBlockIndex": 4 })),
            stop("tool_use"),
            (
                "metadata",
                json!({ "usage": { "inputTokens": 1, "outputTokens": 2 }, "metrics": { "latencyMs": 3 } }),
            ),
        ],
    );
    let mut body = whole(&json!([
        { "reasoningContent": { "reasoningText": { "text": "r", "signature": "s" } } },
        { "citationsContent": { "content": [{ "text": "a" }], "citations": [{ "title": "t", "sourceContent": [{ "text": "w" }] }] } },
        { "text": "b" },
        { "toolUse": { "toolUseId": "1", "name": "x", "input": {} } },
        { "toolUse": { "toolUseId": "2", "name": "y", "type": "tool_use", "novel": [1], "input": { "a": 1 } } },
    ]));
    body["stopReason"] = json!("tool_use");
    body["metrics"] = json!({ "latencyMs": 3 });
    let whole = Converse::new().decode(&request, &body.to_string().into()).unwrap();
    assert_eq!(folded, whole);
}

#[test]
fn what_is_not_known_of_a_frame_is_handed_out_as_it_came_and_before_what_is() {
    let unknown = json!({ "contentBlockIndex": 0, "delta": { "text": "a", "novel": 1 } });
    let frames =
        [("contentBlockDelta", unknown.clone()), ("novelEvent", json!({ "x": 1 })), stop("end_turn")];
    let (events, error) = events(&ChatRequest::default(), &frames);
    assert!(error.is_none());
    let [
        ChatEvent::Native(first),
        ChatEvent::Delta(Delta::Text(text)),
        ChatEvent::Native(second),
        ChatEvent::Finished { .. },
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!((first.protocol, text.as_str()), (NAME, "a"));
    assert_eq!(first.body, unknown.to_string().as_bytes());
    assert_eq!(second.body, &br#"{"x":1}"#[..]);
}

#[test]
fn a_stream_without_its_reason_does_not_end() {
    let (without, error) = events(&ChatRequest::default(), &[delta(0, &json!({ "text": "a" }))]);
    assert!(error.is_none() && without.len() == 1, "{without:?}");
    // What it used may be lost, and the answer is there all the same.
    let (complete, _) =
        events(&ChatRequest::default(), &[delta(0, &json!({ "text": "a" })), stop("end_turn")]);
    assert!(matches!(complete.last(), Some(ChatEvent::Finished { finish_reason: FinishReason::Stop })));
}

#[test]
fn an_exception_ends_the_stream_with_its_kind() {
    for (name, kind) in [
        ("throttlingException", ErrorKind::RateLimited),
        ("modelStreamErrorException", ErrorKind::ServerError),
        ("serviceUnavailableException", ErrorKind::Overloaded),
    ] {
        let frames = [delta(0, &json!({ "text": "a" })), (name, json!({ "message": "words" }))];
        let (events, error) = events(&ChatRequest::default(), &frames);
        let error = error.unwrap();
        assert_eq!((events.len(), error.kind(), error.message()), (1, kind, "words"));
        let (request, mut frames) = (ChatRequest::default(), Vec::new());
        let to = Answering { request: &request, id: "1", created: 0 };
        Converse::new().encoder(&to).fail(&error, &mut frames);
        let (_, read) =
            self::events(&request, &[(frames[0].name, serde_json::from_slice(&frames[0].data).unwrap())]);
        assert!(frames[0].name.ends_with("Exception") && read.unwrap().message() == "words");
    }
}

#[test]
fn json_that_was_asked_for_as_a_tool_s_arguments_is_the_answers_text() {
    let mut request = asking("amazon.nova-lite-v1:0");
    request.response_format = Some(ResponseFormat::JsonObject);
    let mut body =
        whole(&json!([{ "toolUse": { "toolUseId": "1", "name": "json_response", "input": { "a": 1 } } }]));
    body["stopReason"] = json!("tool_use");
    let answer = Converse::new().decode(&request, &body.to_string().into()).unwrap();
    assert_eq!((answer.text().as_str(), &answer.finish_reason), ("{\"a\":1}", &FinishReason::Stop));
    let frames = [
        start(0, &json!({ "toolUse": { "toolUseId": "1", "name": "json_response" } })),
        delta(0, &json!({ "toolUse": { "input": "{\"a\"" } })),
        delta(0, &json!({ "toolUse": { "input": ":1}" } })),
        stop("tool_use"),
    ];
    let folded = fold(&request, &frames);
    assert_eq!((folded.text().as_str(), &folded.finish_reason), ("{\"a\":1}", &FinishReason::Stop));
    // Who did not ask for it gets the call.
    assert!(fold(&asking("m"), &frames).text().is_empty());
}

#[test]
fn state_of_others_is_told_to_no_caller() {
    let request = asking("m");
    let mut thought = Reasoning::new("r");
    thought.state = Some(VendorState::new("openai", json!({ "encrypted": "hunter2" })));
    let mut answer = ChatResponse::from_text("a");
    answer.content.insert(0, Part::Reasoning(thought));
    let to = Answering { request: &request, id: "1", created: 0 };
    let written = Converse::new().encode_response(&to, &answer, &mut Losses::refused()).unwrap();
    let written = String::from_utf8(written).unwrap();
    assert!(
        written.contains(r#"{"reasoningText":{"text":"r"}}"#) && !written.contains("hunter2"),
        "{written}"
    );
    let frames = frames_of(&Converse::new(), &to, &answer).unwrap();
    let text: String = frames.iter().map(|frame| String::from_utf8_lossy(&frame.data).into_owned()).collect();
    assert!(text.contains("\"r\"") && !text.contains("hunter2"), "{text}");
}
