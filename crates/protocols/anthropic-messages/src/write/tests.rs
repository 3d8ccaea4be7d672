//! How requests are written.

mod options;

use serde_json::json;
use ultraai_core::{
    Media, MediaSource, Message, ModelName, Reasoning, ReasoningOptions, ResponseFormat, Role, Tool,
    ToolCall, ToolChoice, ToolResult, VendorState,
};

use super::*;

fn written(request: &ChatRequest) -> Result<Vec<u8>> {
    encode(request, None, false, &mut Losses::refused())
}

fn request() -> ChatRequest {
    ChatRequest::from_prompt("hello").with_model(ModelName::new("claude-3-haiku").unwrap())
}

fn sent(request: &ChatRequest) -> Value {
    serde_json::from_slice(&written(request).unwrap()).unwrap()
}

#[test]
fn a_conversation_is_sent_turn_by_turn_below_the_system_prompt() {
    let mut request = request().with_system("be brief");
    let parts = vec![Part::text("a"), Part::text("\n"), Part::refusal("b")];
    request.messages.push(Message::new(Role::Assistant, parts));
    request.messages.push(Message::user(" "));
    let mut late = Message::new(Role::Developer, vec![Part::text("be"), Part::text("kind")]);
    late.extra.insert("cache_control".into(), json!({ "type": "ephemeral" }));
    request.messages.push(late);
    request.messages.push(Message::user("go on"));
    request.messages.push(Message::user("now"));
    let body = sent(&request);
    let expected = json!([
        { "role": "user", "content": "hello" },
        { "role": "assistant", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
        { "role": "user", "content": "go on" },
        { "role": "user", "content": "now" },
    ]);
    assert_eq!(body["messages"], expected);
    let expected = json!([
        { "type": "text", "text": "be brief" },
        { "type": "text", "text": "be" },
        { "type": "text", "text": "kind", "cache_control": { "type": "ephemeral" } },
    ]);
    assert_eq!(body["system"], expected);
}

#[test]
fn an_answer_that_was_begun_ends_without_white_space() {
    let mut request = request();
    request.messages.push(Message::assistant("The answer is "));
    request.messages.push(Message::system(" "));
    let body = sent(&request);
    assert_eq!(body["messages"][1], json!({ "role": "assistant", "content": "The answer is" }));
    assert_eq!(body.get("system"), None);
    request.messages.push(Message::user("?"));
    assert_eq!(sent(&request)["messages"][1]["content"], "The answer is ");
}

#[test]
fn an_answer_is_given_back_as_it_came() {
    let answer = json!({ "content": [
        { "type": "thinking", "thinking": "r", "signature": "s" },
        { "type": "redacted_thinking", "data": "x" },
        { "type": "thinking", "thinking": "", "signature": "t" },
        { "type": "text", "text": "a" },
    ] });
    let read = crate::decode::decode(&ChatRequest::default(), answer.to_string().as_bytes()).unwrap();
    let mut request = request();
    request.messages.push(Message::new(Role::Assistant, read.content));
    request.messages.push(Message::user("and then?"));
    assert_eq!(sent(&request)["messages"][1]["content"], answer["content"]);
}

#[test]
fn sampling_and_delivery_stand_in_the_protocols_own_fields() {
    let mut request = request().with_system("be brief").with_max_tokens(5).with_delivery(Delivery::Live);
    request.temperature = Some(0.5);
    request.top_p = Some(1.0);
    request.stop_sequences = vec!["END".into()];
    request.response_format = Some(ResponseFormat::Text);
    // As many clients send them.
    (request.n, request.logprobs, request.top_logprobs) = (Some(1), Some(false), Some(0));
    (request.frequency_penalty, request.presence_penalty) = (Some(0.0), Some(0.0));
    request.extra.insert("top_k".into(), json!(40));
    let expected = json!({
        "model": "claude-3-haiku", "max_tokens": 5, "system": "be brief",
        "messages": [{ "role": "user", "content": "hello" }],
        "temperature": 0.5, "top_p": 1.0, "stop_sequences": ["END"], "stream": true, "top_k": 40,
    });
    assert_eq!(sent(&request), expected);
    assert_eq!(sent(&request.with_delivery(Delivery::Whole)).get("stream"), None);
}

#[test]
fn an_upper_bound_of_the_answer_is_always_sent() {
    let bound = |request: &ChatRequest, usual| {
        let body = encode(request, usual, false, &mut Losses::refused()).unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()["max_tokens"].as_u64().unwrap()
    };
    assert_eq!(bound(&request(), None), 4096);
    assert_eq!(bound(&request(), Some(7)), 7);
    assert_eq!(bound(&request().with_max_tokens(5), Some(7)), 5);
}

type Edit = fn(&mut ChatRequest);
type Change = Box<dyn Fn(&mut ChatRequest)>;

#[test]
fn what_cannot_be_sent_is_refused_by_name_or_noted() {
    let message = |message: Message| move |request: &mut ChatRequest| request.messages.push(message.clone());
    let part = |part: Part| message(Message::new(Role::User, vec![Part::text("a"), part]));
    let said = |part: Part| message(Message::new(Role::Assistant, vec![Part::text("a"), part]));
    let media = || Media::new(MediaSource::FileId("f".into()));
    let mut named = Message::user("a");
    named.name = Some("eve".into());
    let foreign = VendorState::new("openai-chat", json!({ "type": "x" }));
    let mut noted = Part::text("b");
    noted.annotate(|notes| notes.extra = Some(foreign.clone()));
    let mut cited = Part::text("b");
    cited.annotate(|notes| notes.citations.push(ultraai_core::Citation::default()));
    let (tool, choice, form) = (foreign.clone(), foreign.clone(), foreign.clone());
    let cases: Vec<(&str, Change)> = vec![
        ("`seed`", Box::new(|request| request.seed = Some(1))),
        ("`n`", Box::new(|request| drop(request.extra.insert("n".into(), json!(2))))),
        ("`n`", Box::new(|request| request.n = Some(2))),
        ("`logprobs`", Box::new(|request| request.logprobs = Some(true))),
        ("`top_logprobs`", Box::new(|request| request.top_logprobs = Some(2))),
        ("`frequency_penalty`", Box::new(|request| request.frequency_penalty = Some(0.5))),
        ("`presence_penalty`", Box::new(|request| request.presence_penalty = Some(0.5))),
        ("`service_tier`", Box::new(|request| request.service_tier = Some("flex".into()))),
        ("`temperature`", Box::new(|request| request.temperature = Some(1.5))),
        ("`messages[1].name`", Box::new(message(named))),
        ("role `critic`", Box::new(message(Message::new(Role::Other("critic".into()), vec![])))),
        ("kind `audio` in `messages[1].content[1]`", Box::new(part(Part::Audio(media())))),
        ("kind `video`", Box::new(part(Part::Video(media())))),
        ("kind `tool_call`", Box::new(part(Part::ToolCall(ToolCall::new("1", "a", "{}"))))),
        ("kind `tool_result`", Box::new(said(Part::ToolResult(ToolResult::new("1", vec![]))))),
        ("kind `reasoning`", Box::new(part(Part::Reasoning(Reasoning::new("a"))))),
        ("kind `image`", Box::new(said(Part::Image(media())))),
        ("kind `vendor`", Box::new(said(Part::Vendor(VendorState::new("gcp.gemini", json!({})))))),
        ("kind `vendor`", Box::new(part(Part::Vendor(VendorState::new(NAME, json!(1)))))),
        ("beside the part in `messages[1].content[1]`", Box::new(part(noted))),
        ("a citation in `messages[1].content[1]`", Box::new(said(cited))),
        ("arguments of the tool call", Box::new(said(Part::ToolCall(ToolCall::new("1", "a", "[1]"))))),
        ("`tools[0]`", Box::new(move |request| request.tools.push(Tool::of_vendor("a", tool.clone())))),
        (
            "`tools[0].strict`",
            Box::new(|request| {
                let mut tool = Tool::new("a", json!({}));
                tool.strict = Some(true);
                request.tools.push(tool);
            }),
        ),
        (
            "`tool_choice`",
            Box::new(move |request| request.tool_choice = Some(ToolChoice::Vendor(choice.clone()))),
        ),
        (
            "`response_format`",
            Box::new(move |request| request.response_format = Some(ResponseFormat::Vendor(form.clone()))),
        ),
        ("`reasoning`", Box::new(|request| request.reasoning = Some(effort("high")))),
        (
            "`novel`",
            Box::new(|request| {
                request.origin = Some("openai-chat");
                request.extra.insert("novel".into(), json!(1));
            }),
        ),
        (
            "`messages[0].novel`",
            Box::new(|request| {
                request.origin = Some("openai-chat");
                request.messages[0].extra.insert("novel".into(), json!(1));
            }),
        ),
    ];
    for (name, change) in cases {
        let mut request = request();
        change(&mut request);
        let error = written(&request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
        assert!(error.to_string().contains(name), "{name}: {error}");
        let mut losses = Losses::noted();
        let body: Value =
            serde_json::from_slice(&encode(&request, None, false, &mut losses).unwrap()).unwrap();
        assert!(losses.as_slice()[0].contains(name), "{name}: {:?}", losses.as_slice());
        assert!(!body.to_string().contains("novel"), "{name}: {body}");
    }
    let error = written(&ChatRequest::from_prompt("hello")).unwrap_err();
    assert_eq!(error.to_string(), "no model: set `model` to one that anthropic has");
    let mut silent = request();
    silent.messages[0].role = Role::Developer;
    assert!(written(&silent).unwrap_err().to_string().contains("neither user nor assistant"));
}

fn effort(word: &str) -> ReasoningOptions {
    let mut options = ReasoningOptions::default();
    options.effort = Some(word.into());
    options
}

#[test]
fn another_vendors_reasoning_and_signatures_are_left_out() {
    let mut request = request();
    let mut reasoning = Reasoning::new("secret");
    reasoning.state = Some(VendorState::new("openai", json!({ "signature": "secret" })));
    let mut call = ToolCall::new("call:1/a", "f", "");
    call.state = Some(VendorState::new("gcp.gemini", json!({ "thought_signature": "secret" })));
    let parts =
        vec![Part::Reasoning(reasoning), Part::Reasoning(Reasoning::new("secret")), Part::ToolCall(call)];
    request.messages.push(Message::new(Role::Assistant, parts));
    let result = ToolResult::new("call:1/a", vec![Part::text("a")]);
    request.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)]));
    request.messages.push(Message::user("go on"));
    let messages = sent(&request)["messages"].clone();
    let expected = json!([
        { "role": "user", "content": "hello" },
        { "role": "assistant", "content": [{ "type": "tool_use", "id": "call_1_a", "name": "f", "input": {} }] },
        { "role": "user", "content": [
            { "type": "tool_result", "tool_use_id": "call_1_a", "content": "a" },
            { "type": "text", "text": "go on" },
        ] },
    ]);
    assert_eq!(messages, expected);
    let mut losses = Losses::refused();
    encode(&request, None, false, &mut losses).unwrap();
    assert_eq!(losses.as_slice(), ["reasoning of earlier answers: anthropic-messages does not take it back"]);
}

#[test]
fn media_are_checked_before_they_are_sent() {
    let with = |part: Part| {
        let mut request = request();
        request.messages[0].content.push(part);
        request
    };
    let data = |bytes: &[u8]| Media::new(MediaSource::Data(bytes.to_vec().into()));
    let body = sent(&with(Part::Image(data(b"\xff\xd8\xff"))));
    let source = json!({ "type": "base64", "media_type": "image/jpeg", "data": "/9j/" });
    assert_eq!(body["messages"][0]["content"][1], json!({ "type": "image", "source": source }));
    let mut text = data(b"a\nb");
    (text.media_type, text.name) = (Some("text/plain".into()), Some("t".into()));
    let source = json!({ "type": "text", "media_type": "text/plain", "data": "a\nb" });
    let body = sent(&with(Part::Document(text)));
    assert_eq!(
        body["messages"][0]["content"][1],
        json!({ "type": "document", "source": source, "title": "t" })
    );

    let mut large = vec![0; 3_932_161];
    large[..8].copy_from_slice(b"\x89PNG\r\n\x1a\n");
    for (part, why) in [
        (
            Part::Image(data(&large)),
            "the image in `messages[0].content[1]` cannot be sent to anthropic: it has",
        ),
        (Part::Image(data(b"%PDF-1.7")), "it is application/pdf, and it takes image/png"),
        (Part::Document(data(b"?")), "its media type is not known"),
        (Part::Image(Media::new(MediaSource::Url("data:,a".into()))), "its address holds data"),
    ] {
        let error = written(&with(part)).unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.message().contains(why), "{error}");
    }
    let file = with(Part::Image(Media::new(MediaSource::FileId("f".into()))));
    let error = encode(&file, None, true, &mut Losses::refused()).unwrap_err();
    assert!(error.message().contains("Vertex AI takes data alone"), "{error}");
}

#[test]
fn system_messages_stay_between_the_turns_where_the_model_takes_them() {
    let mut request = request().with_system("a");
    request.messages.push(Message::system("b"));
    assert_eq!(sent(&request)["system"][1]["text"], "b");
    let request = request.with_model(ModelName::new("claude-opus-4-8").unwrap());
    let body = sent(&request);
    assert_eq!((&body["system"], &body["messages"][1]["role"]), (&json!("a"), &json!("system")));
}

#[test]
fn a_field_that_is_set_twice_is_refused_by_name() {
    for (key, refused) in [
        ("model", true),
        ("max_tokens", true),
        ("stream", true),
        ("system", true),
        ("stop_sequences", false),
        ("temperature", false),
    ] {
        let mut request = request().with_system("be brief");
        request.extra.insert(key.into(), json!(1));
        let error = written(&request).err();
        let expected = refused.then_some(ErrorKind::InvalidRequest);
        assert_eq!(error.as_ref().map(Error::kind), expected, "{key}");
        assert!(error.is_none_or(|error| error.to_string().contains(key)));
    }
    for (role, key) in [(Role::User, "content"), (Role::System, "text")] {
        let mut request = request();
        request.messages[0].role = role;
        request.messages[0].extra.insert(key.into(), json!(1));
        assert!(written(&request).unwrap_err().to_string().contains(key));
    }
}

#[test]
fn tools_and_what_of_them_must_be_called_are_said_in_the_protocols_words() {
    let mut request = request().with_model(ModelName::new("claude-sonnet-4-5").unwrap());
    let mut second = Tool::new("b", json!({ "type": "object", "properties": {} }));
    (second.description, second.strict) = (Some("d".into()), Some(true));
    second.extra.insert("defer_loading".into(), json!(true));
    let mut marker = ultraai_core::CacheMarker::default();
    marker.ttl = Some("1h".into());
    second.cache = Some(marker);
    let own = json!({ "type": "web_search_20250305", "name": "web_search", "max_uses": 1 });
    request.tools = vec![Tool::new("a", Value::Null), second];
    request.tools.push(Tool::of_vendor("web_search", VendorState::new(NAME, own.clone())));
    let expected = json!([
        { "name": "a", "input_schema": { "type": "object" } },
        {
            "name": "b", "description": "d", "input_schema": { "type": "object", "properties": {} }, "strict": true,
            "cache_control": { "type": "ephemeral", "ttl": "1h" }, "defer_loading": true,
        },
        own,
    ]);
    assert_eq!(sent(&request)["tools"], expected);
    let allowed = |required| ToolChoice::Allowed { tools: vec!["b".into()], required };
    for (choice, parallel, expected, tools) in [
        (Some(ToolChoice::Auto), None, json!({ "type": "auto" }), 3),
        (Some(ToolChoice::None), Some(false), json!({ "type": "none" }), 3),
        (
            Some(ToolChoice::Required),
            Some(true),
            json!({ "type": "any", "disable_parallel_tool_use": false }),
            3,
        ),
        (Some(ToolChoice::Tool("b".into())), None, json!({ "type": "tool", "name": "b" }), 3),
        (Some(allowed(true)), None, json!({ "type": "any" }), 1),
        (Some(allowed(false)), None, json!({ "type": "auto" }), 1),
        (None, Some(false), json!({ "type": "auto", "disable_parallel_tool_use": true }), 3),
        (None, None, Value::Null, 3),
    ] {
        (request.tool_choice, request.parallel_tool_calls) = (choice, parallel);
        let body = sent(&request);
        assert_eq!((&body["tool_choice"], body["tools"].as_array().unwrap().len()), (&expected, tools));
    }
}

#[test]
fn what_changes_no_answer_refuses_nothing() {
    let mut request = request();
    request.origin = Some("openai-chat");
    for (key, value) in [("store", json!(false)), ("logit_bias", json!({}))] {
        request.extra.insert(key.into(), value);
    }
    (request.n, request.parallel_tool_calls) = (Some(1), Some(true));
    (request.logprobs, request.top_logprobs) = (Some(false), Some(0));
    request.tool_choice = Some(ToolChoice::Auto);
    let mut losses = Losses::refused();
    let body: Value = serde_json::from_slice(&encode(&request, None, false, &mut losses).unwrap()).unwrap();
    assert_eq!(losses.as_slice(), [""; 0]);
    // The vendor refuses a choice without tools.
    for key in ["tool_choice", "store"] {
        assert_eq!(body.get(key), None, "{key}");
    }
    request.service_tier = Some("default".into());
    request.extra.insert("safety_identifier".into(), json!("a"));
    request.metadata.insert("a".into(), json!("b"));
    encode(&request, None, false, &mut losses).unwrap();
    let left_out = losses.as_slice().join(" ");
    for name in ["`metadata`", "`safety_identifier`", "`service_tier`"] {
        assert!(left_out.contains(name), "{name}: {left_out}");
    }
}
