//! What a request is written as.

use serde_json::json;
use ultraai_core::{
    Citation, Media, MediaSource, Message, ModelName, Reasoning, Role, Tool, ToolCall, ToolResult,
    VendorState,
};

use super::*;
use crate::decode_request;

fn request() -> ChatRequest {
    ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap())
}

fn sent(defaults: &Defaults, request: &ChatRequest) -> Value {
    serde_json::from_slice(&encode(defaults, request, &mut Losses::refused()).unwrap()).unwrap()
}

fn refusal(request: &ChatRequest) -> (ErrorKind, String) {
    let error = encode(&Defaults::default(), request, &mut Losses::refused()).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn a_conversation_is_sent_turn_by_turn() {
    let mut request = request().with_system("be brief");
    let parts = vec![Part::text("a"), Part::refusal("b")];
    request.messages.push(Message::new(Role::Assistant, parts));
    let mut last = Message::new(Role::Developer, vec![]);
    last.extra.insert("novel".into(), json!(["aGk="]));
    request.messages.push(last);
    let expected = json!({
        "model": "m", "stream": false, "truncate": false, "messages": [
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": "hello" },
            { "role": "assistant", "content": "ab" },
            { "role": "system", "content": "", "novel": ["aGk="] },
        ],
    });
    assert_eq!(sent(&Defaults::default(), &request), expected);
}

#[test]
fn tools_calls_results_images_and_thinking_are_sent() {
    let mut request = request();
    let mut image = Media::new(MediaSource::Data(b"\x89PNG\r\n\x1a\n".as_slice().into()));
    image.media_type = Some("image/png".into());
    request.messages[0].content.insert(0, Part::Image(image.clone()));
    let mut thought = Reasoning::new("hm");
    thought.state = Some(VendorState::new("anthropic", json!({ "signature": "s" })));
    let calls = [ToolCall::new("call_1", "f", "{\"a\": 1.0}"), ToolCall::new("ollama_0_1", "g", "")];
    let mut parts = vec![Part::Reasoning(thought)];
    parts.extend(calls.map(Part::ToolCall));
    request.messages.push(Message::new(Role::Assistant, parts));
    let results = [
        Part::ToolResult(ToolResult::new("call_1", vec![Part::text("1"), Part::Image(image)])),
        Part::ToolResult(ToolResult::new("ollama_0_1", vec![])),
        Part::text("go on"),
    ];
    request.messages.push(Message::new(Role::User, results.into()));
    request.tools.push(Tool::new("f", json!({ "type": "object" })));
    request.tools[0].description = Some("does it".into());
    request.tool_choice = Some(ToolChoice::Auto);
    let body = sent(&Defaults::default(), &request);
    let messages = json!([
        { "role": "user", "content": "hello", "images": ["iVBORw0KGgo="] },
        { "role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
            { "id": "call_1", "function": { "name": "f", "arguments": { "a": 1.0 } } },
            { "function": { "name": "g", "arguments": {} } },
        ] },
        { "role": "tool", "content": "1", "images": ["iVBORw0KGgo="], "tool_name": "f", "tool_call_id": "call_1" },
        { "role": "tool", "content": "", "tool_name": "g" },
        { "role": "user", "content": "go on" },
    ]);
    assert_eq!(body["messages"], messages);
    let tools = json!([{ "type": "function", "function": {
        "name": "f", "description": "does it", "parameters": { "type": "object" },
    } }]);
    assert_eq!(body["tools"], tools);
}

#[test]
fn sampling_stands_among_the_options_beside_those_of_extra() {
    let mut request = request().with_max_tokens(5).with_delivery(Delivery::Live);
    request.temperature = Some(0.5);
    request.top_p = Some(1.0);
    request.top_k = Some(40);
    request.frequency_penalty = Some(-0.5);
    request.presence_penalty = Some(0.5);
    request.seed = Some(-7);
    request.stop_sequences = vec!["\n".into()];
    request.response_format = Some(ResponseFormat::Text);
    (request.logprobs, request.top_logprobs) = (Some(true), Some(3));
    request.extra.insert("think".into(), json!("low"));
    request.extra.insert("options".into(), json!({ "min_p": 0.1 }));
    let expected = json!({
        "model": "m", "messages": [{ "role": "user", "content": "hello" }], "stream": true, "truncate": false,
        "logprobs": true, "top_logprobs": 3,
        "options": {
            "num_predict": 5, "temperature": 0.5, "top_p": 1.0, "top_k": 40, "seed": -7, "stop": ["\n"],
            "frequency_penalty": -0.5, "presence_penalty": 0.5, "min_p": 0.1,
        },
        "think": "low",
    });
    assert_eq!(sent(&Defaults::default(), &request), expected);
}

#[test]
fn formats_and_thinking_have_the_servers_own_fields() {
    let mut request = request();
    let schema = json!({ "type": "object" });
    for (format, expected) in [
        (ResponseFormat::JsonObject, json!("json")),
        (
            ResponseFormat::JsonSchema {
                name: "a".into(),
                description: None,
                schema: schema.clone(),
                strict: None,
            },
            schema,
        ),
        (ResponseFormat::Vendor(VendorState::new("ollama", json!("novel"))), json!("novel")),
    ] {
        request.response_format = Some(format);
        assert_eq!(sent(&Defaults::default(), &request)["format"], expected);
    }
    for (enabled, effort, expected) in [
        (Some(true), None, json!(true)),
        (Some(false), Some("high"), json!(false)),
        (None, Some("none"), json!(false)),
        (Some(true), Some("high"), json!("high")),
        (None, None, Value::Null),
    ] {
        let mut reasoning = ReasoningOptions::default();
        (reasoning.enabled, reasoning.effort) = (enabled, effort.map(str::to_owned));
        request.reasoning = Some(reasoning);
        assert_eq!(sent(&Defaults::default(), &request)["think"], expected);
    }
}

#[test]
fn what_a_request_says_goes_over_the_defaults() {
    let defaults = Defaults { keep_alive: Some(json!("10m")), num_ctx: Some(8192), truncate: false };
    let body = sent(&defaults, &request());
    assert_eq!((&body["keep_alive"], &body["options"]), (&json!("10m"), &json!({ "num_ctx": 8192 })));
    let mut request = request();
    for (key, value) in
        [("keep_alive", json!(-1)), ("truncate", json!(true)), ("options", json!({ "num_ctx": 5 }))]
    {
        request.extra.insert(key.into(), value);
    }
    let body = sent(&defaults, &request);
    assert_eq!((&body["keep_alive"], &body["truncate"]), (&json!(-1), &json!(true)));
    assert_eq!(body["options"], json!({ "num_ctx": 5 }));
    let cut = Defaults { truncate: true, ..Defaults::default() };
    request.extra.clear();
    assert_eq!(sent(&cut, &request).get("truncate"), None);
}

type Change = fn(&mut ChatRequest);

#[test]
fn what_cannot_be_sent_is_refused_by_name_or_noted() {
    let cases: [(&str, Change); 13] = [
        ("`tool_choice`", |request| request.tool_choice = Some(ToolChoice::Required)),
        ("`parallel_tool_calls`", |request| {
            request.tools.push(Tool::new("f", json!({})));
            request.parallel_tool_calls = Some(false);
        }),
        ("`service_tier`", |request| request.service_tier = Some("flex".into())),
        ("`reasoning.max_tokens`", |request| {
            let mut reasoning = ReasoningOptions::default();
            reasoning.max_tokens = Some(5);
            request.reasoning = Some(reasoning);
        }),
        ("`n`", |request| request.n = Some(2)),
        ("`n`", |request| drop(request.extra.insert("n".into(), json!(2)))),
        ("`messages[0].name`", |request| request.messages[0].name = Some("eve".into())),
        ("`document` in `messages[0].content[1]`", |request| {
            let document = Part::Document(Media::new(MediaSource::FileId("f".into())));
            request.messages[0].content.push(document);
        }),
        ("`messages[0].content[1]`", |request| {
            let image = Part::Image(Media::new(MediaSource::Url("https://host/a.png".into())));
            request.messages[0].content.push(image);
        }),
        ("citations of `messages[0].content[0]`", |request| {
            request.messages[0].content[0].annotate(|notes| notes.citations.push(Citation::default()));
        }),
        ("what only acme has words for", |request| {
            request.messages[0].content.push(Part::Vendor(VendorState::new("acme", json!(1))));
        }),
        ("`tools[0]`", |request| {
            request.tools.push(Tool::of_vendor("search", VendorState::new("acme", json!(1))));
        }),
        ("`tools[0].strict`", |request| {
            request.tools.push(Tool::new("f", json!({})));
            request.tools[0].strict = Some(true);
        }),
    ];
    for (name, change) in cases {
        let mut request = request();
        change(&mut request);
        let (kind, text) = refusal(&request);
        assert_eq!(kind, ErrorKind::Unsupported, "{name}");
        assert!(text.contains(name), "{name}: {text}");
        let mut losses = Losses::noted();
        encode(&Defaults::default(), &request, &mut losses).unwrap();
        assert_eq!(losses.as_slice().len(), 1, "{name}: {losses:?}");
    }
    let (_, text) = refusal(&ChatRequest::from_prompt("hello"));
    assert_eq!(text, "no model: set `model` to one that ollama has");
}

#[test]
fn fields_of_another_protocol_are_refused_by_name_and_ones_own_are_sent() {
    let mut request = request();
    request.extra.insert("novel".into(), json!(1));
    request.origin = Some("openai-chat");
    assert!(refusal(&request).1.contains("`novel`"));
    request.origin = Some("ollama");
    assert_eq!(sent(&Defaults::default(), &request)["novel"], 1);
}

#[test]
fn a_field_that_is_set_twice_is_refused_by_name() {
    for (key, value, named) in [
        ("stream", json!(true), "`stream`"),
        ("options", json!({ "num_predict": 7 }), "`num_predict`"),
        ("options", json!([]), "`options`"),
    ] {
        let mut request = request().with_max_tokens(5);
        request.extra.insert(key.into(), value);
        let (kind, text) = refusal(&request);
        assert_eq!(kind, ErrorKind::InvalidRequest);
        assert!(text.contains(named), "{text}");
    }
    let mut request = request();
    request.messages[0].extra.insert("content".into(), json!(1));
    assert!(refusal(&request).1.contains("`content`"));
    let mut request = self::request();
    request
        .messages
        .push(Message::new(Role::Assistant, vec![Part::ToolCall(ToolCall::new("a", "f", "[1]"))]));
    assert!(refusal(&request).1.contains("no JSON object"));
}

#[test]
fn a_request_is_read_and_written_as_the_same_json() {
    let body = json!({
        "model": "m", "stream": true, "think": "high", "format": { "type": "object" }, "logprobs": true, "novel": { "a": 1 },
        "keep_alive": "5m",
        "options": { "num_predict": -1, "temperature": "0.5", "top_k": 3, "seed": -1, "stop": ["a"], "min_p": 0.1 },
        "tools": [
            { "type": "function", "function": { "name": "f", "parameters": {}, "novel": 1 }, "items": [2] },
            { "type": "novel", "name": "x" },
        ],
        "messages": [
            { "role": "user", "content": "a", "images": ["iVBORw0KGgo=", "<cut>"], "novel": 1 },
            { "role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                { "function": { "index": 0, "name": "f", "arguments": { "a": 1 } } },
                { "id": "call_1", "type": "function", "function": { "name": "f", "arguments": {} } },
            ] },
            { "role": "tool", "content": "1" },
            { "role": "tool", "content": "2", "tool_call_id": "call_1", "tool_name": "f" },
            { "role": "novel", "content": "b" },
        ],
    });
    let read = decode_request(body.to_string().as_bytes()).unwrap();
    assert_eq!(sent(&Defaults::default(), &read), body);
    let results: Vec<_> = read
        .parts()
        .filter_map(|part| match part {
            Part::ToolResult(result) => Some(result.tool_call_id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(results, ["ollama_turn_1_0", "call_1"]);
}

#[test]
fn a_broken_field_of_a_request_is_named() {
    for (body, named) in [
        ("{", "line 1, column 1"),
        ("[]", "the request must be an object"),
        ("{}", "`model` is missing"),
        (r#"{"model":"m","messages":7}"#, "`messages` must be a list"),
        (r#"{"model":"m","messages":[{"role":"user","content":7}]}"#, "`messages[0].content` must be a text"),
        (
            r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{}}]}]}"#,
            "`messages[0].tool_calls[0].function.name` is missing",
        ),
        (r#"{"model":"m","messages":[],"options":{"top_k":{}}}"#, "`options.top_k` must be a whole number"),
        (r#"{"model":"m","messages":[],"tools":[7]}"#, "`tools[0]` must be an object"),
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
    encode(&Defaults::default(), &request, &mut losses).unwrap();
    assert_eq!(losses.as_slice(), [""; 0]);
    request.extra.insert("safety_identifier".into(), json!("a"));
    (request.user, request.service_tier) = (Some("eve".into()), Some("auto".into()));
    request.metadata.insert("a".into(), json!("b"));
    let mut result = ToolResult::new("a", vec![Part::text("no")]);
    result.is_error = true;
    request.messages[0].content.insert(0, Part::ToolResult(result));
    encode(&Defaults::default(), &request, &mut losses).unwrap();
    let left_out = losses.as_slice().join(" ");
    for name in ["safety_identifier", "user", "metadata", "is_error", "service_tier"] {
        assert!(left_out.contains(name), "{name}: {left_out}");
    }
}
