//! What requests look like.

use serde_json::json;
use ultraai_core::{
    Media, MediaSource, ModelName, Reasoning, ReasoningOptions, ResponseFormat, Tool, ToolCall, ToolChoice,
    ToolResult,
};

use super::*;

fn request() -> ChatRequest {
    ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap())
}

fn sent(request: &ChatRequest) -> Value {
    serde_json::from_slice(&encode(request).unwrap()).unwrap()
}

#[test]
fn a_conversation_is_sent_turn_by_turn() {
    let mut request = request().with_system("be brief");
    let parts = vec![Part::text("a"), Part::refusal("b")];
    request.messages.push(Message::new(Role::Assistant, parts));
    request.messages.push(Message::new(Role::Developer, vec![Part::text("be kind")]));
    request.messages.push(Message::user("c"));
    request.messages.push(Message::new(Role::User, vec![]));
    let mut last = Message::new(Role::Other("critic".into()), vec![Part::text("d")]);
    last.extra.insert("weight".into(), json!(2));
    request.messages.push(last);
    let expected = json!({
        "systemInstruction": { "parts": [{ "text": "be brief" }, { "text": "be kind" }] },
        "contents": [
            { "role": "user", "parts": [{ "text": "hello" }] },
            { "role": "model", "parts": [{ "text": "a" }, { "text": "b" }] },
            { "role": "user", "parts": [{ "text": "c" }, { "text": "" }] },
            { "role": "critic", "parts": [{ "text": "d" }], "weight": 2 },
        ],
    });
    assert_eq!(sent(&request), expected);
}

#[test]
fn sampling_stands_beside_what_extra_adds_to_it() {
    let mut request = request().with_max_tokens(5);
    request.temperature = Some(0.5);
    request.top_p = Some(1.0);
    request.seed = Some(-7);
    request.stop_sequences = vec!["\n".into()];
    request.response_format = Some(ResponseFormat::Text);
    request
        .extra
        .insert("generationConfig".into(), json!({ "topK": 3, "thinkingConfig": { "thinkingBudget": 0 } }));
    request.extra.insert("safetySettings".into(), json!([]));
    let body = sent(&request);
    let config = json!({
        "maxOutputTokens": 5, "temperature": 0.5, "topP": 1.0, "stopSequences": ["\n"], "seed": -7, "topK": 3,
        "thinkingConfig": { "thinkingBudget": 0 },
    });
    assert_eq!((&body["generationConfig"], &body["safetySettings"]), (&config, &json!([])));
    assert_eq!(sent(&self::request()).get("generationConfig"), None);
}

#[test]
fn what_the_model_wants_back_is_given_back_where_it_stood() {
    let state = |data: Value| VendorState::new(VENDOR, data);
    let mut thought = Reasoning::new("r");
    thought.state = Some(state(json!({ "thoughtSignature": "s" })));
    let parts = vec![
        Part::Reasoning(Reasoning::new("q")),
        Part::Reasoning(thought),
        Part::text("a"),
        Part::Vendor(state(json!({ "thoughtSignature": "t" }))),
        Part::Vendor(state(json!({ "thoughtSignature": "u" }))),
        Part::Vendor(state(json!({ "executableCode": {}, "thoughtSignature": "v" }))),
    ];
    let mut request = request();
    request.messages.push(Message::new(Role::Assistant, parts));
    let expected = json!([
        { "text": "q", "thought": true },
        { "text": "r", "thought": true, "thoughtSignature": "s" },
        { "text": "a", "thoughtSignature": "t" },
        { "text": "", "thoughtSignature": "u" },
        { "executableCode": {}, "thoughtSignature": "v" },
    ]);
    assert_eq!(sent(&request)["contents"][1]["parts"], expected);
}

#[test]
fn an_answer_goes_back_into_its_conversation() {
    let body = br#"{"candidates":[{"content":{"parts":[{"text":"r","thought":true},{"text":"a","thoughtSignature":"s"}],
        "role":"model"},"finishReason":"STOP"}]}"#;
    let mut request = request();
    request.messages.push(Message::new(Role::Assistant, crate::decode(body).unwrap().content));
    request.messages.push(Message::user("and then?"));
    let whole: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(sent(&request)["contents"][1], whole["candidates"][0]["content"]);
}

type Change = Box<dyn Fn(&mut ChatRequest)>;

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    let tool = Tool::new("clock", json!({}));
    let said = |role: Role, part: Part| -> Change {
        Box::new(move |request| request.messages.push(Message::new(role.clone(), vec![part.clone()])))
    };
    let media = Media::new(MediaSource::FileId("f".into()));
    let mut foreign = Reasoning::new("a");
    foreign.state = Some(VendorState::new("anthropic", json!({})));
    let own = VendorState::new(VENDOR, json!({ "thoughtSignature": "s" }));
    let extra = |key: &'static str, value: Value| -> Change {
        Box::new(move |request| drop(request.extra.insert(key.into(), value.clone())))
    };
    let cases: Vec<(&str, Change)> = vec![
        ("`tools`", Box::new(move |request| request.tools.push(tool.clone()))),
        ("`tool_choice`", Box::new(|request| request.tool_choice = Some(ToolChoice::Auto))),
        ("`response_format`", Box::new(|request| request.response_format = Some(ResponseFormat::JsonObject))),
        ("`reasoning`", Box::new(|request| request.reasoning = Some(ReasoningOptions::default()))),
        ("`n`", extra("n", json!(2))),
        ("`candidateCount`", extra("generationConfig", json!({ "candidateCount": 2 }))),
        ("`name`", Box::new(|request| request.messages[0].name = Some("eve".into()))),
        ("role `tool`", Box::new(|request| request.messages.push(Message::new(Role::Tool, vec![])))),
        ("kind `image`", said(Role::User, Part::Image(media.clone()))),
        ("kind `document`", said(Role::User, Part::Document(media))),
        ("kind `tool_call`", said(Role::Assistant, Part::ToolCall(ToolCall::new("1", "a", "{}")))),
        ("kind `tool_result`", said(Role::User, Part::ToolResult(ToolResult::new("1", vec![])))),
        ("kind `reasoning`", said(Role::Assistant, Part::Reasoning(foreign))),
        ("kind `reasoning`", said(Role::User, Part::Reasoning(Reasoning::new("a")))),
        ("kind `refusal`", said(Role::User, Part::refusal("a"))),
        ("kind `vendor`", said(Role::Assistant, Part::Vendor(VendorState::new("a", json!({}))))),
        ("kind `vendor`", said(Role::User, Part::Vendor(own))),
    ];
    for (name, change) in cases {
        let mut request = request();
        change(&mut request);
        let error = encode(&request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn a_field_that_is_set_twice_is_refused_by_name() {
    for (key, value, refused) in [
        ("contents", json!([]), Some("contents")),
        ("systemInstruction", json!({}), Some("systemInstruction")),
        ("generationConfig", json!({ "maxOutputTokens": 1 }), Some("maxOutputTokens")),
        ("generationConfig", json!({ "temperature": 1 }), None),
        ("generationConfig", json!(1), Some("generationConfig")),
        ("cachedContent", json!("c"), None),
    ] {
        let mut request = request().with_system("a").with_max_tokens(5);
        request.extra.insert(key.into(), value);
        let error = encode(&request).err();
        assert_eq!(error.as_ref().map(Error::kind), refused.map(|_| ErrorKind::InvalidRequest), "{key}");
        assert!(error.is_none_or(|error| error.to_string().contains(refused.unwrap_or("?"))));
    }
    let mut request = request();
    request.messages[0].extra.insert("parts".into(), json!(1));
    assert!(encode(&request).unwrap_err().to_string().contains("`parts`"));
}

#[test]
fn without_a_model_nothing_is_sent() {
    let error = encode(&ChatRequest::from_prompt("hello")).unwrap_err();
    assert_eq!(error.to_string(), "no model: set `model` to one that gemini has");
}
