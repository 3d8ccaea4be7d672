//! What is written for vendors, and what is refused.

use serde_json::json;
use ultraai_core::{Media, MediaSource, Message, ModelName, Reasoning, Role, ToolCall, ToolResult};

use super::*;

fn written(dialect: &Dialect, mut request: ChatRequest) -> Value {
    request.model = ModelName::new("m").ok();
    let body = encode(dialect, &request, &mut Losses::refused()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn lost(dialect: &Dialect, mut request: ChatRequest) -> Vec<String> {
    request.model = ModelName::new("m").ok();
    let mut losses = Losses::noted();
    encode(dialect, &request, &mut losses).unwrap();
    losses.as_slice().to_vec()
}

fn assistant(parts: Vec<Part>) -> ChatRequest {
    ChatRequest::new(vec![Message::new(Role::Assistant, parts), Message::user("go on")])
}

#[test]
fn state_goes_to_its_own_vendor_alone() {
    let mut thought = Reasoning::new("hm");
    let details = json!([{ "type": "reasoning.encrypted", "data": "x" }]);
    thought.state = Some(VendorState::new("openrouter", details.clone()));
    let request = || assistant(vec![Part::Reasoning(thought.clone()), Part::text("a")]);
    let own = Dialect { name: "openrouter", ..Dialect::COMPATIBLE };
    assert_eq!(written(&own, request())["messages"][0]["reasoning_details"], details);
    for other in [Dialect::COMPATIBLE, Dialect::OPENAI] {
        assert_eq!(written(&other, request())["messages"][0].get("reasoning_details"), None);
    }
    assert_eq!(
        written(&Dialect::OPENAI, request())["messages"][0],
        json!({ "role": "assistant", "content": "a" })
    );
    // Its text is told elsewhere.
    let left_out = |dialect: &Dialect| lost(dialect, request());
    assert_eq!((left_out(&own), left_out(&Dialect::COMPATIBLE)), (vec![], vec![]));
    let word = "reasoning of earlier answers: openai-chat does not take it back";
    assert_eq!(left_out(&Dialect::OPENAI), [word]);
    let mut hidden = request();
    if let Part::Reasoning(reasoning) = &mut hidden.messages[0].content[0] {
        reasoning.text.clear();
    }
    assert_eq!(lost(&Dialect::COMPATIBLE, hidden.clone()), [word]);
    assert_eq!(lost(&own, hidden), [""; 0]);
}

#[test]
fn what_a_vendor_lacks_is_lost_by_its_name() {
    let lacking =
        Dialect { name: "acme", lacks: &["logprobs", "tools"], seed_field: None, ..Dialect::COMPATIBLE };
    let mut request = ChatRequest::from_prompt("a");
    (request.logprobs, request.seed) = (Some(true), Some(7));
    request.tools.push(ultraai_core::Tool::new("f", json!({})));
    let expected = ["`seed`", "`logprobs`", "`tools`"].map(|field| format!("{field}: acme does not take it"));
    assert_eq!(lost(&lacking, request), expected);
}

#[test]
fn images_are_checked_against_what_the_vendor_takes() {
    let mut media = Media::new(MediaSource::Data(b"BM".as_slice().into()));
    media.media_type = Some("image/bmp".into());
    let mut request = ChatRequest::new(vec![Message::new(Role::User, vec![Part::Image(media)])]);
    request.model = ModelName::new("m").ok();
    let error = encode(&Dialect::OPENAI, &request, &mut Losses::noted()).unwrap_err();
    assert!(error.message().starts_with("`messages[0].content[0]` cannot be sent to openai"), "{error}");
    assert!(encode(&Dialect::COMPATIBLE, &request, &mut Losses::refused()).is_ok());
}

#[test]
fn the_bound_of_the_answer_is_written_in_the_callers_word_where_the_vendor_takes_both() {
    let parsed = |body: &Value| {
        let mut request = crate::request::decode_request(body.to_string().as_bytes()).unwrap();
        request.native = Some(ultraai_core::Native::new(NAME, body.to_string()));
        request
    };
    let said = |dialect: &Dialect, request: ChatRequest| {
        let body = written(dialect, request);
        ["max_tokens", "max_completion_tokens"].map(|word| body[word].as_u64())
    };
    let schema = json!({ "max_tokens": {}, "max_completion_tokens": {} });
    let tool = json!({ "function": { "name": "f", "parameters": { "properties": schema } } });
    for (extra, either, openai, other) in [
        (json!({ "max_tokens": 5 }), [Some(5), None], [None, Some(5)], [Some(5), None]),
        (json!({ "max_completion_tokens": 5 }), [None, Some(5)], [None, Some(5)], [Some(5), None]),
        (
            json!({ "max_tokens": 5, "max_completion_tokens": 5 }),
            [None, Some(5)],
            [None, Some(5)],
            [Some(5), None],
        ),
        (json!({ "max_tokens": 5, "tools": [tool] }), [Some(5), None], [None, Some(5)], [Some(5), None]),
        (
            json!({ "max_completion_tokens": 5, "tools": [tool] }),
            [None, Some(5)],
            [None, Some(5)],
            [Some(5), None],
        ),
    ] {
        let mut body = json!({ "messages": [{ "role": "user", "content": "\"max_tokens\"" }] });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let strict = Dialect { max_tokens_either: false, ..Dialect::COMPATIBLE };
        assert_eq!(said(&Dialect::COMPATIBLE, parsed(&body)), either, "{extra}");
        assert_eq!(said(&Dialect::OPENAI, parsed(&body)), openai, "{extra}");
        assert_eq!(said(&strict, parsed(&body)), other, "{extra}");
        // What was changed is nobody's wording any more.
        let edited = parsed(&body).edited(|request| request.max_tokens = Some(7));
        assert_eq!(said(&Dialect::COMPATIBLE, edited), [Some(7), None], "{extra}");
    }
}

#[test]
fn results_are_messages_of_their_own_before_what_the_user_says() {
    let result = |id: &str| Part::ToolResult(ToolResult::new(id, vec![Part::text("5")]));
    let call = |id: &str| Part::ToolCall(ToolCall::new(id, "f", ""));
    let user = Message::new(Role::User, vec![result("1"), result("2"), Part::text("so?")]);
    let request = ChatRequest::new(vec![Message::new(Role::Assistant, vec![call("1"), call("2")]), user]);
    let body = written(&Dialect::OPENAI, request);
    let roles: Vec<_> = body["messages"].as_array().unwrap().iter().map(|it| it["role"].clone()).collect();
    assert_eq!(roles, ["assistant", "tool", "tool", "user"]);
    assert_eq!(body["messages"][0]["content"], Value::Null);
    assert_eq!(body["messages"][0]["tool_calls"][1]["function"]["arguments"], "{}");
}

#[test]
fn that_a_tool_failed_is_left_to_the_words_of_its_result_and_noted() {
    let mut failed = ToolResult::new("1", vec![Part::text("no such city")]);
    failed.is_error = true;
    let call = Part::ToolCall(ToolCall::new("1", "f", "{}"));
    let mut request = assistant(vec![call]);
    request.messages[1] = Message::new(Role::Tool, vec![Part::ToolResult(failed)]);
    request.model = ModelName::new("m").ok();
    let mut losses = Losses::refused();
    let body = encode(&Dialect::OPENAI, &request, &mut losses).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({ "role": "tool", "tool_call_id": "1", "content": "no such city" });
    assert_eq!(body["messages"][1], expected);
    assert!(losses.as_slice()[0].starts_with("`messages[1].content[0].is_error`: "));
}

#[test]
fn how_much_to_think_is_said_where_the_vendor_wants_it() {
    let mut request = ChatRequest::from_prompt("a");
    let mut options = ReasoningOptions::default();
    (options.enabled, options.max_tokens) = (Some(true), Some(9));
    request.reasoning = Some(options);
    let with = |reasoning| Dialect { reasoning, ..Dialect::COMPATIBLE };
    let body = written(&with(ReasoningForm::Object), request.clone());
    assert_eq!(body["reasoning"], json!({ "enabled": true, "max_tokens": 9 }));
    let body = written(&with(ReasoningForm::EnableThinking), request.clone());
    assert_eq!((&body["enable_thinking"], &body["thinking_budget"]), (&json!(true), &json!(9)));
    assert_eq!(lost(&Dialect::OPENAI, request.clone()).len(), 2);
    assert_eq!(lost(&with(ReasoningForm::Thinking), request).len(), 1);
}

#[test]
fn a_field_of_another_protocol_is_lost_and_one_of_the_users_is_sent() {
    let mut request = ChatRequest::from_prompt("a");
    request.extra.insert("novel".into(), 7.into());
    assert_eq!(written(&Dialect::COMPATIBLE, request.clone())["novel"], 7);
    request.origin = Some("gemini");
    assert!(lost(&Dialect::COMPATIBLE, request.clone())[0].starts_with("`novel`"));
    request.origin = None;
    request.extra.insert("model".into(), 7.into());
    request.model = ModelName::new("m").ok();
    let error = encode(&Dialect::COMPATIBLE, &request, &mut Losses::noted()).unwrap_err();
    assert!(error.message().contains("`model`"), "{error}");
}

#[test]
fn what_changes_no_answer_refuses_nothing() {
    let lacking = Dialect {
        name: "acme",
        lacks: &[
            "logprobs",
            "top_logprobs",
            "user",
            "service_tier",
            "parallel_tool_calls",
            "frequency_penalty",
        ],
        ..Dialect::COMPATIBLE
    };
    let mut request = ChatRequest::from_prompt("a");
    request.model = ModelName::new("m").ok();
    request.origin = Some("openai-responses");
    for (key, value) in [("store", json!(false)), ("truncation", json!("disabled")), ("include", json!([]))] {
        request.extra.insert(key.into(), value);
    }
    (request.logprobs, request.top_logprobs) = (Some(false), Some(0));
    (request.frequency_penalty, request.parallel_tool_calls) = (Some(0.0), Some(true));
    request.tool_choice = Some(ultraai_core::ToolChoice::Auto);
    let mut losses = Losses::refused();
    let body = encode(&lacking, &request, &mut losses).unwrap();
    assert_eq!(losses.as_slice(), [""; 0]);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["messages", "model"]);
    (request.user, request.service_tier) = (Some("eve".into()), Some("auto".into()));
    request.extra.insert("prompt_cache_key".into(), json!("a"));
    let mut options = ReasoningOptions::default();
    options.summary = Some("auto".into());
    request.reasoning = Some(options);
    encode(&lacking, &request, &mut losses).unwrap();
    assert_eq!(losses.as_slice().len(), 4, "{losses:?}");
    request.extra.insert("previous_response_id".into(), json!("a"));
    assert!(encode(&lacking, &request, &mut losses).is_err());
}
