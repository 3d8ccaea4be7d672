//! What a request is written as.

use serde_json::json;
use ultraai_core::{
    Citation, ErrorKind, Media, MediaSource, Message, ModelName, Reasoning, Role, Tool, ToolCall, ToolResult,
    VendorState,
};

use super::*;
use crate::decode_request;

fn request() -> ChatRequest {
    ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap())
}

fn sent(request: &ChatRequest) -> Value {
    serde_json::from_slice(&encode(request, &mut Losses::refused()).unwrap()).unwrap()
}

fn refusal(request: &ChatRequest) -> (ErrorKind, String) {
    let error = encode(request, &mut Losses::refused()).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn a_request_is_read_and_written_as_the_same_json() {
    let citation = json!({ "start": 0, "end": 1, "text": "b", "sources": [], "type": "TEXT_CONTENT" });
    let body = json!({
        "model": "m", "stream": true, "max_tokens": 5, "temperature": 0.5, "k": 40, "p": 0.75, "seed": 7,
        "frequency_penalty": 0.1, "presence_penalty": 0.2, "stop_sequences": ["x"], "logprobs": true,
        "response_format": { "type": "json_object", "json_schema": { "type": "object" } },
        "tool_choice": "REQUIRED", "strict_tools": true, "thinking": { "type": "enabled", "token_budget": 100, "novel": 1 },
        "safety_mode": "OFF", "priority": 3, "citation_options": { "mode": "FAST" },
        "documents": ["text", { "id": "d", "data": { "text": "abc" } }],
        "tools": [{ "type": "function", "function": { "name": "f", "description": "does it", "parameters": {}, "novel": 1 }, "beside": 2 }],
        "messages": [
            { "role": "system", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
            { "role": "user", "novel": 1, "content": [
                { "type": "text", "text": "a", "novel": 1 },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high" } },
                { "type": "image_url", "image_url": { "url": "https://host/a.png" } },
                { "type": "image_url", "image_url": { "url": "https://host/a.png", "novel": 1 } },
                { "type": "novel", "x": 1 },
            ] },
            { "role": "assistant", "content": [{ "type": "thinking", "thinking": "t" }, { "type": "text", "text": "b" }],
              "tool_plan": "I will", "citations": [citation],
              "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"a\": 1}" }, "novel": 1 }] },
            { "role": "tool", "tool_call_id": "c1", "content": [
                { "type": "text", "text": "1" },
                { "type": "document", "document": { "id": "d", "data": "words" } },
                { "type": "document", "document": { "data": { "a": 1 } } },
                { "type": "document", "document": { "data": { "a": 1 }, "novel": 1 } },
            ] },
            { "role": "assistant", "tool_calls": [{ "id": "c2", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "c2", "content": "2" },
        ],
    });
    let read = decode_request(body.to_string().as_bytes()).unwrap();
    assert_eq!(sent(&read), body);
    assert_eq!(read.tools[0].strict, Some(true));
    let Part::ToolResult(result) = &read.messages[3].content[0] else { panic!("{:?}", read.messages[3]) };
    assert_eq!(result.name.as_deref(), Some("f"));
    let documents = result.content.iter().filter(|part| matches!(part, Part::Document(_))).count();
    assert_eq!((documents, result.content.len()), (2, 4));
}

#[test]
fn words_that_are_new_are_kept() {
    for (key, value) in [
        ("tool_choice", json!("NOVEL")),
        ("response_format", json!({ "type": "json_object", "schema": {} })),
        ("response_format", json!({ "type": "novel" })),
        ("thinking", json!({ "type": "adaptive" })),
        ("strict_tools", json!(true)),
        ("seed", json!(u64::MAX)),
        ("tools", json!([{ "type": "novel" }])),
    ] {
        let mut body =
            json!({ "model": "m", "messages": [{ "role": "novel", "content": "a" }], "stream": false });
        body[key] = value;
        let read = decode_request(body.to_string().as_bytes()).unwrap();
        assert_eq!(sent(&read), body);
    }
}

#[test]
fn what_other_vendors_say_is_sent_in_this_ones_words() {
    let mut request = request().with_system("be brief");
    let mut thought = Reasoning::new("hm");
    thought.state = Some(VendorState::new("anthropic", json!({ "signature": "s" })));
    let mut hidden = thought.clone();
    hidden.text.clear();
    let mut text = Part::text("a word");
    let mut citation = Citation::default();
    (citation.range, citation.url) = (Some((2, 6)), Some("https://host".into()));
    text.annotate(|notes| notes.citations.push(citation));
    let call = Part::ToolCall(ToolCall::new("c", "f", ""));
    let said = vec![Part::Reasoning(hidden), Part::Reasoning(thought), text, call];
    request.messages.push(Message::new(Role::Assistant, said));
    let results = vec![Part::ToolResult(ToolResult::new("c", vec![])), Part::text("go on")];
    request.messages.push(Message::new(Role::User, results));
    let expected = json!([
        { "role": "system", "content": "be brief" },
        { "role": "user", "content": "hello" },
        { "role": "assistant",
          "content": [{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": "a word" }],
          "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }],
          "citations": [{ "start": 2, "end": 6, "text": "word", "content_index": 1, "type": "TEXT_CONTENT",
                          "sources": [{ "type": "document", "id": "", "document": { "url": "https://host" } }] }] },
        { "role": "tool", "tool_call_id": "c", "content": "" },
        { "role": "user", "content": "go on" },
    ]);
    assert_eq!(sent(&request)["messages"], expected);
}

#[test]
fn images_are_checked_before_they_are_sent() {
    let mut request = request();
    let image = |media_type: &str, bytes: usize| {
        let mut media = Media::new(MediaSource::Data(vec![0; bytes].into()));
        media.media_type = Some(media_type.into());
        Part::Image(media)
    };
    for (image, told) in [
        (image("image/bmp", 1), "it is image/bmp"),
        (image("image/png", (20 << 20) + 1), "20971520 are the most"),
    ] {
        request.messages[0].content = vec![image];
        let (kind, text) = refusal(&request);
        assert!(kind == ErrorKind::Unsupported && text.contains(told), "{text}");
    }
    request.messages[0].content = vec![image("image/png", 1); 21];
    assert!(refusal(&request).1.contains("20 at most"));
}

type Change = fn(&mut ChatRequest);

#[test]
fn what_cannot_be_sent_is_refused_by_name_or_noted() {
    let cases: [(&str, Change); 13] = [
        ("`tool_choice`", |request| request.tool_choice = Some(ToolChoice::Tool("f".into()))),
        ("`parallel_tool_calls`", |request| {
            request.tools.push(Tool::new("f", json!({})));
            request.parallel_tool_calls = Some(false);
        }),
        ("`service_tier`", |request| request.service_tier = Some("flex".into())),
        ("`top_logprobs`", |request| request.top_logprobs = Some(3)),
        ("`n`", |request| request.n = Some(2)),
        ("`reasoning.effort`", |request| {
            let mut reasoning = ReasoningOptions::default();
            reasoning.effort = Some("high".into());
            request.reasoning = Some(reasoning);
        }),
        ("`tools[1].strict`", |request| {
            request.tools = vec![Tool::new("f", json!({})), Tool::new("g", json!({}))];
            request.tools[0].strict = Some(true);
        }),
        ("`messages[0].name`", |request| request.messages[0].name = Some("eve".into())),
        ("`document` in `messages[0].content[1]`", |request| {
            let document = Part::Document(Media::new(MediaSource::FileId("f".into())));
            request.messages[0].content.push(document);
        }),
        ("`messages[0].content[1]`", |request| {
            let image = Part::Image(Media::new(MediaSource::FileId("f".into())));
            request.messages[0].content.push(image);
        }),
        ("`image` in `messages[0].content[0].content[0]`", |request| {
            let image = Part::Image(Media::new(MediaSource::Url("https://host/a.png".into())));
            request.messages[0].content = vec![Part::ToolResult(ToolResult::new("a", vec![image]))];
        }),
        ("what only acme has words for", |request| {
            request.messages[0].content.push(Part::Vendor(VendorState::new("acme", json!(1))));
        }),
        ("`novel`", |request| {
            request.origin = Some("openai-chat");
            request.extra.insert("novel".into(), json!(1));
        }),
    ];
    for (name, change) in cases {
        let mut request = request();
        change(&mut request);
        let (kind, text) = refusal(&request);
        assert_eq!(kind, ErrorKind::Unsupported, "{name}");
        assert!(text.contains(name), "{name}: {text}");
        let mut losses = Losses::noted();
        encode(&request, &mut losses).unwrap();
        assert_eq!(losses.as_slice().len(), 1, "{name}: {losses:?}");
    }
    let (_, text) = refusal(&ChatRequest::from_prompt("hello"));
    assert_eq!(text, "no model: set `model` to one that cohere has");
}

#[test]
fn a_field_that_is_set_twice_is_refused_by_name() {
    let mut request = request().with_max_tokens(5);
    request.extra.insert("max_tokens".into(), json!(7));
    let (kind, text) = refusal(&request);
    assert!(kind == ErrorKind::InvalidRequest && text.contains("`max_tokens`"), "{text}");
}

#[test]
fn a_broken_field_of_a_request_is_named() {
    for (body, named) in [
        ("{", "line 1, column 1"),
        (
            r#"{"model":"m","messages":[{"role":"user","content":7}]}"#,
            "`messages[0].content` must be a text or a list",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
            "`messages[0].content[0].text` is missing",
        ),
        (
            r#"{"model":"m","messages":[{"role":"tool","content":"a"}]}"#,
            "`messages[0].tool_call_id` is missing",
        ),
        (r#"{"model":"m","messages":[],"thinking":7}"#, "`thinking` must be an object"),
        (r#"{"model":"m","messages":[],"k":-1}"#, "`k` must be a whole number from 0 up"),
    ] {
        let error = decode_request(body.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains(named), "{error}");
    }
}

#[test]
fn what_changes_no_answer_refuses_nothing() {
    let mut request = request();
    request.origin = Some("openai-chat");
    for (key, value) in [("store", json!(false)), ("stream_options", json!({ "include_obfuscation": false }))]
    {
        request.extra.insert(key.into(), value);
    }
    (request.n, request.parallel_tool_calls) = (Some(1), Some(false));
    (request.logprobs, request.top_logprobs) = (Some(false), Some(0));
    request.tool_choice = Some(ToolChoice::None);
    let mut losses = Losses::refused();
    encode(&request, &mut losses).unwrap();
    assert_eq!(losses.as_slice(), [""; 0]);
    request.extra.insert("safety_identifier".into(), json!("a"));
    (request.user, request.service_tier) = (Some("eve".into()), Some("auto".into()));
    request.metadata.insert("a".into(), json!("b"));
    let mut result = ToolResult::new("a", vec![Part::text("no")]);
    result.is_error = true;
    request.messages[0].content.insert(0, Part::ToolResult(result));
    encode(&request, &mut losses).unwrap();
    let left_out = losses.as_slice().join(" ");
    for name in ["safety_identifier", "user", "metadata", "is_error", "service_tier"] {
        assert!(left_out.contains(name), "{name}: {left_out}");
    }
}
