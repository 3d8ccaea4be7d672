//! What requests become, and what of them cannot be sent.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_core::{
    CacheMarker, ChatRequest, Citation, Codec as _, ErrorKind, Losses, Media, MediaSource, Message,
    ModelName, Part, Reasoning, ReasoningOptions, ResponseFormat, Role, ServerCodec as _, Tool, ToolCall,
    ToolChoice, ToolResult, VendorState,
};
use ultraai_protocol_bedrock::{Converse, NAME};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-6";
const OLDER_CLAUDE: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";
const NOVA: &str = "us.amazon.nova-2-lite-v1:0";

fn asking(model: &str) -> ChatRequest {
    ChatRequest::from_prompt("hello").with_model(ModelName::new(model).unwrap())
}

fn sent(request: &ChatRequest) -> Value {
    let body = Converse::new().encode(request, &mut Losses::refused()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn said(part: Part) -> Value {
    let mut request = asking(CLAUDE);
    request.messages.push(Message::new(Role::Assistant, vec![Part::text("a"), part]));
    sent(&request)["messages"][1]["content"].clone()
}

/// What `body` is when it was read as a request to `model` and written again.
fn again(model: &str, body: &Value) -> Value {
    let path = format!("/model/{model}/converse");
    sent(&Converse::new().decode_request(&path, body.to_string().as_bytes()).unwrap())
}

#[test]
fn a_conversation_is_sent_turn_by_turn_below_the_system_prompt() {
    let mut request = asking("m").with_system("be brief");
    let call = ToolCall::new("1", "clock", "");
    request.messages.push(Message::new(Role::Assistant, vec![Part::text(" "), Part::ToolCall(call)]));
    let result = |id: &str| {
        let mut result = ToolResult::new(id, vec![Part::text("noon")]);
        result.is_error = id == "2";
        Message::new(Role::Tool, vec![Part::ToolResult(result)])
    };
    request.messages.extend([result("1"), result("2"), Message::user("and?"), Message::user("now")]);
    let body = sent(&request);
    assert_eq!(body["system"], json!([{ "text": "be brief" }]));
    let expected = json!([
        { "role": "user", "content": [{ "text": "hello" }] },
        { "role": "assistant", "content": [{ "toolUse": { "toolUseId": "1", "name": "clock", "input": {} } }] },
        { "role": "user", "content": [
            { "toolResult": { "toolUseId": "1", "content": [{ "text": "noon" }] } },
            { "toolResult": { "toolUseId": "2", "content": [{ "text": "noon" }], "status": "error" } },
            { "text": "and?" }, { "text": "now" },
        ] },
    ]);
    assert_eq!(body["messages"], expected);
}

#[test]
fn everything_that_the_protocol_has_is_written_as_it_was_read() {
    let body = json!({
        "system": [{ "text": "s" }, { "cachePoint": { "type": "default", "ttl": "1h" } }, { "guardContent": { "text": { "text": "g" } } }],
        "messages": [
            { "role": "user", "content": [
                { "cachePoint": { "type": "default" } },
                { "text": "a" }, { "cachePoint": { "type": "default" } }, { "cachePoint": { "type": "novel" } },
                { "guardContent": { "text": { "text": "g", "qualifiers": ["query"] } } },
                { "document": { "format": "pdf", "name": "d", "source": { "bytes": "JVBERi0=" }, "citations": { "enabled": true }, "context": "c" } },
                { "document": { "format": "txt", "name": "e", "source": { "text": "plain" } } },
                { "image": { "format": "novel", "source": { "bytes": "QQ==" } } },
                { "image": { "format": "png", "source": { "bytes": "<cut>" } } },
                { "video": { "format": "mp4", "source": { "s3Location": { "uri": "s3://b/k", "bucketOwner": "1" } } } },
                { "audio": { "format": "mp3", "source": { "bytes": "SUQz" } } },
                { "searchResult": { "source": "s", "title": "t", "content": [{ "text": "x" }] } },
                { "novelContent": [1] },
            ] },
            { "role": "assistant", "novel": true, "content": [
                { "reasoningContent": { "reasoningText": { "text": "r", "signature": "s" } } },
                { "reasoningContent": { "reasoningText": { "text": "unsigned" } } },
                { "reasoningContent": { "redactedContent": "QQ==" } },
                { "toolUse": { "toolUseId": "1", "name": "x", "input": { "a": 1 }, "novel": 2 } },
                { "text": "" },
            ] },
            { "role": "user", "content": [
                { "toolResult": { "toolUseId": "1", "status": "error", "type": "t", "content": [
                    { "json": { "a": [1] } }, { "text": "b" }, { "searchResult": { "title": "t" } },
                    { "image": { "format": "gif", "source": { "bytes": "R0lGOA==" } } },
                ] } },
                { "cachePoint": { "type": "default" } },
                { "text": "then" },
                { "toolResult": { "toolUseId": "2", "content": [] } },
            ] },
            { "role": "system", "content": [{ "text": "late" }] },
        ],
        "inferenceConfig": { "maxTokens": 7, "temperature": 0.5, "topP": 0.25, "stopSequences": ["a"], "novel": 1 },
        "toolConfig": {
            "tools": [
                { "toolSpec": { "name": "x", "description": "d", "inputSchema": { "json": { "type": "object" } }, "strict": true, "novel": 1 } },
                { "cachePoint": { "type": "default" } },
                { "systemTool": { "name": "nova_grounding" } },
                { "novelTool": {} },
            ],
            "toolChoice": { "novel": {} }, "novel": 1,
        },
        "additionalModelRequestFields": { "top_k": 5, "anthropic_beta": ["a"], "thinking": { "type": "adaptive", "display": "x" },
            "output_config": { "effort": "high" } },
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "guardrailConfig": { "guardrailIdentifier": "g" },
        "performanceConfig": { "latency": "optimized" },
        "promptVariables": { "a": { "text": "b" } },
        "requestMetadata": { "k": "v" },
        "serviceTier": { "type": "flex" },
        "outputConfig": { "textFormat": { "type": "json_schema", "structure": { "jsonSchema": { "name": "n", "schema": "{\"type\":\"object\"}" } } }, "novel": 1 },
        "novel": [null, 1],
    });
    for model in [CLAUDE, NOVA, "arn:aws:x/y"] {
        assert_eq!(again(model, &body), body, "{model}");
    }
    let path = format!("/model/{CLAUDE}/converse");
    let request = Converse::new().decode_request(&path, body.to_string().as_bytes()).unwrap();
    assert_eq!((request.top_k, request.max_tokens), (Some(5), Some(7)));
    assert_eq!(request.reasoning.unwrap().effort.as_deref(), Some("high"));
    assert_eq!(request.service_tier.as_deref(), Some("flex"));
    assert_eq!(request.tools[0].cache, Some(CacheMarker::default()));
}

#[test]
fn null_is_missing_and_what_is_wrong_is_named_by_its_place() {
    let read = |body: &str| Converse::new().decode_request("/model/m/converse", body.as_bytes());
    let request = read(
        r#"{"messages":[{"role":"user","content":[{"text":"a","image":null}]}],"system":null,"toolConfig":null,"inferenceConfig":{"maxTokens":5.0}}"#,
    );
    assert_eq!(request.unwrap().max_tokens, Some(5));
    for (body, place) in [
        ("[", "the request is no JSON"),
        (r#"{"messages":7}"#, "`messages` must be a list"),
        (
            r#"{"messages":[{"role":"user","content":[{"text":"a"},{"text":7}]}]}"#,
            "`messages[0].content[1].text` must be a text",
        ),
        (r#"{"messages":[{"content":[]}]}"#, "`messages[0].role` is missing"),
        (
            r#"{"messages":[{"role":"user","content":[{"toolResult":[]}]}]}"#,
            "`messages[0].content[0].toolResult`",
        ),
        (r#"{"inferenceConfig":{"temperature":"hot"}}"#, "`inferenceConfig.temperature` must be a number"),
        (r#"{"toolConfig":{"tools":[{"toolSpec":{}}]}}"#, "`toolConfig.tools[0].toolSpec.name` is missing"),
    ] {
        let error = read(body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(place), "{error}");
    }
}

#[test]
fn how_much_a_model_thinks_is_said_in_the_fields_of_its_family() {
    let reasoning = |enabled: Option<bool>, effort: Option<&str>, max_tokens: Option<u64>| {
        let mut reasoning = ReasoningOptions::default();
        (reasoning.enabled, reasoning.max_tokens) = (enabled, max_tokens);
        reasoning.effort = effort.map(str::to_owned);
        reasoning
    };
    for (model, asked, expected) in [
        (
            CLAUDE,
            reasoning(None, Some("low"), None),
            json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": "low" } }),
        ),
        (CLAUDE, reasoning(Some(false), None, None), json!({ "thinking": { "type": "disabled" } })),
        (
            CLAUDE,
            reasoning(None, None, Some(2000)),
            json!({ "thinking": { "type": "enabled", "budget_tokens": 2000 } }),
        ),
        (
            OLDER_CLAUDE,
            reasoning(Some(true), None, Some(2000)),
            json!({ "thinking": { "type": "enabled", "budget_tokens": 2000 } }),
        ),
        (
            OLDER_CLAUDE,
            reasoning(None, Some("high"), None),
            json!({ "thinking": { "type": "enabled", "budget_tokens": 16384 } }),
        ),
        (
            NOVA,
            reasoning(None, Some("high"), None),
            json!({ "reasoningConfig": { "type": "enabled", "maxReasoningEffort": "high" } }),
        ),
        (NOVA, reasoning(None, Some("none"), None), json!({ "reasoningConfig": { "type": "disabled" } })),
        (
            "openai.gpt-oss-120b-1:0",
            reasoning(None, Some("medium"), None),
            json!({ "reasoning_effort": "medium" }),
        ),
        ("qwen.qwen3-32b-v1:0", reasoning(None, Some("high"), None), json!({ "reasoning_config": "high" })),
    ] {
        let mut request = asking(model);
        request.reasoning = Some(asked);
        assert_eq!(sent(&request)["additionalModelRequestFields"], expected, "{model}");
        let body = sent(&request);
        assert_eq!(again(model, &body), body);
    }
    let mut request = asking(NOVA);
    request.top_k = Some(9);
    request.extra.insert("additionalModelRequestFields".into(), json!({ "inferenceConfig": { "x": 1 } }));
    assert_eq!(
        sent(&request)["additionalModelRequestFields"],
        json!({ "inferenceConfig": { "topK": 9, "x": 1 } })
    );
    request.extra.insert("additionalModelRequestFields".into(), json!({ "inferenceConfig": { "topK": 1 } }));
    let error = Converse::new().encode(&request, &mut Losses::refused()).unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidRequest && error.message().contains("`topK`"), "{error}");
}

#[test]
fn a_word_that_stands_for_no_budget_is_refused_by_name() {
    let mut request = asking(OLDER_CLAUDE);
    let mut reasoning = ReasoningOptions::default();
    reasoning.effort = Some("huge".into());
    request.reasoning = Some(reasoning);
    let error = Converse::new().encode(&request, &mut Losses::refused()).unwrap_err();
    assert!(error.message().contains("`reasoning.effort`"), "{error}");
    assert!(Converse::new().encode(&request, &mut Losses::noted()).is_ok());
}

#[test]
fn json_is_asked_for_as_a_tool_s_arguments_where_there_is_no_field_for_it() {
    let schema = json!({ "type": "object", "properties": { "a": {} } });
    let format = ResponseFormat::JsonSchema {
        name: "n".into(),
        description: None,
        schema: schema.clone(),
        strict: None,
    };
    let mut request = asking(NOVA);
    request.response_format = Some(format.clone());
    let body = sent(&request);
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"], schema);
    assert_eq!(body["toolConfig"]["toolChoice"], json!({ "tool": { "name": "json_response" } }));
    request.tools.push(Tool::new("clock", json!({})));
    let body = sent(&request);
    assert_eq!(body["toolConfig"]["toolChoice"], json!({ "any": {} }));
    assert_eq!(body["toolConfig"]["tools"][1]["toolSpec"]["name"], "json_response");
    request.model = ModelName::new("amazon.titan-text-lite-v1").ok();
    request.tools.clear();
    let error = Converse::new().encode(&request, &mut Losses::refused()).unwrap_err();
    assert!(error.message().starts_with("`response_format` cannot be sent"), "{error}");
    let mut request = asking(CLAUDE);
    request.response_format = Some(format);
    let body = sent(&request);
    assert_eq!(body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"], schema.to_string());
    assert_eq!(body.get("toolConfig"), None);
}

#[test]
fn which_tool_is_called_is_said_where_there_is_a_word_for_it() {
    let with = |tools: bool, choice: ToolChoice| {
        let mut request = asking("m");
        if tools {
            request.tools.push(Tool::new("clock", json!({ "type": "object" })));
        }
        request.tool_choice = Some(choice);
        sent(&request)["toolConfig"].clone()
    };
    for (choice, expected) in [
        (ToolChoice::Auto, json!({ "auto": {} })),
        (ToolChoice::Required, json!({ "any": {} })),
        (ToolChoice::Tool("clock".into()), json!({ "tool": { "name": "clock" } })),
    ] {
        assert_eq!(with(true, choice)["toolChoice"], expected);
    }
    // No tool can be called where none is told.
    assert_eq!(with(true, ToolChoice::None), Value::Null);
    assert_eq!(with(false, ToolChoice::Auto), Value::Null);
    let mut request = asking("m");
    request.tools.push(Tool::new("clock", json!({})));
    let call = Part::ToolCall(ToolCall::new("1", "clock", "{}"));
    request.messages.push(Message::new(Role::Assistant, vec![call]));
    for choice in [ToolChoice::None, ToolChoice::Allowed { tools: vec!["clock".into()], required: true }] {
        request.tool_choice = Some(choice);
        let error = Converse::new().encode(&request, &mut Losses::refused()).unwrap_err();
        assert!(error.message().starts_with("`tool_choice` cannot be sent"), "{error}");
    }
}

#[test]
fn state_is_sent_to_the_models_that_it_is_meant_for_and_to_no_others() {
    let signed = |vendor: &str| {
        let mut reasoning = Reasoning::new("r");
        reasoning.state = Some(VendorState::new(vendor, json!({ "signature": "s" })));
        Part::Reasoning(reasoning)
    };
    let with = |model: &str, part: Part| {
        let mut request = asking(model);
        request.messages.push(Message::new(Role::Assistant, vec![part, Part::text("a")]));
        sent(&request)["messages"][1]["content"].clone()
    };
    let plain = json!([{ "text": "a" }]);
    let block = json!({ "reasoningContent": { "reasoningText": { "text": "r", "signature": "s" } } });
    assert_eq!(with(CLAUDE, signed("anthropic"))[0], block);
    assert_eq!(with(NOVA, signed("aws.bedrock"))[0], block);
    for (model, part) in [
        (NOVA, signed("anthropic")),
        (CLAUDE, signed("openai")),
        (CLAUDE, Part::Reasoning(Reasoning::new("r"))),
        (
            NOVA,
            Part::Vendor(VendorState::new("anthropic", json!({ "type": "redacted_thinking", "data": "x" }))),
        ),
    ] {
        assert_eq!(with(model, part.clone()), plain, "{model} {part:?}");
    }
    let redacted =
        Part::Vendor(VendorState::new("anthropic", json!({ "type": "redacted_thinking", "data": "A" })));
    assert_eq!(with(CLAUDE, redacted)[0], json!({ "reasoningContent": { "redactedContent": "QQ==" } }));
}

#[test]
fn the_sources_that_another_vendor_named_are_told_in_the_words_that_both_have() {
    let mut part = Part::text("b");
    let mut citation = Citation::default();
    citation.url = Some("https://host/".into());
    citation.title = Some("t".into());
    citation.cited_text = Some("w".into());
    part.annotate(|notes| notes.citations = vec![citation]);
    let expected = json!({ "citationsContent": { "content": [{ "text": "b" }], "citations": [
        { "title": "t", "sourceContent": [{ "text": "w" }], "location": { "web": { "url": "https://host/" } } },
    ] } });
    assert_eq!(said(part)[1], expected);
}

type Change = Box<dyn Fn(&mut ChatRequest)>;

fn changes() -> Vec<(&'static str, Change)> {
    let part = |part: Part| move |request: &mut ChatRequest| request.messages[0].content.push(part.clone());
    let image = |source: MediaSource| Part::Image(Media::new(source));
    let mut noted = Part::text("a");
    noted.annotate(|notes| notes.extra = Some(VendorState::new("gemini", json!({ "x": 1 }))));
    let mut typed = Media::new(MediaSource::Data(b"?".as_slice().into()));
    typed.media_type = Some("image/tiff".into());
    let large = vec![0; 4 << 20];
    let mut named = Message::user("a");
    named.name = Some("eve".into());
    vec![
        ("`seed`", Box::new(|request| request.seed = Some(1))),
        ("`n`", Box::new(|request| request.n = Some(2))),
        ("`logprobs`", Box::new(|request| request.logprobs = Some(true))),
        ("`top_k`", Box::new(|request| request.top_k = Some(1))),
        (
            "`parallel_tool_calls`",
            Box::new(|request| {
                request.tools.push(Tool::new("f", json!({ "type": "object" })));
                request.parallel_tool_calls = Some(false);
            }),
        ),
        ("`frequency_penalty`", Box::new(|request| request.frequency_penalty = Some(0.5))),
        ("`metadata.k`", Box::new(|request| drop(request.metadata.insert("k".into(), json!(1))))),
        (
            "`reasoning`",
            Box::new(|request| {
                let mut reasoning = ReasoningOptions::default();
                reasoning.enabled = Some(true);
                request.reasoning = Some(reasoning);
            }),
        ),
        (
            "`tool_choice`",
            Box::new(|request| {
                request.tool_choice = Some(ToolChoice::Vendor(VendorState::new("gemini", json!({}))));
            }),
        ),
        (
            "`tools[0]`",
            Box::new(|request| {
                request.tools.push(Tool::of_vendor("x", VendorState::new("openai-responses", json!({}))));
            }),
        ),
        (
            "`web_search_options`",
            Box::new(|request| {
                request.origin = Some("openai-chat");
                request.extra.insert("web_search_options".into(), json!({}));
            }),
        ),
        ("`messages[1].name`", Box::new(move |request| request.messages.push(named.clone()))),
        (
            "the role of `messages[1]`",
            Box::new(|request| {
                request.messages.push(Message::new(Role::Other("critic".into()), vec![Part::text("a")]));
            }),
        ),
        ("`messages[0].content[1]`", Box::new(part(image(MediaSource::Url("https://host/a.png".into()))))),
        ("`messages[0].content[1]`", Box::new(part(image(MediaSource::FileId("f".into()))))),
        ("`messages[0].content[1]`", Box::new(part(image(MediaSource::Data(large.into()))))),
        ("`messages[0].content[1]`", Box::new(part(Part::Image(typed)))),
        ("`messages[0].content[1]`", Box::new(part(Part::Vendor(VendorState::new("gemini", json!({})))))),
        ("the further fields of `messages[0].content[1]`", Box::new(part(noted))),
    ]
}

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    for (name, change) in changes() {
        let mut request = asking("m");
        change(&mut request);
        let error = Converse::new().encode(&request, &mut Losses::refused()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error}");
        assert!(error.message().starts_with(&format!("{name} cannot be sent")), "{name}: {error}");
    }
    let error = Converse::new().encode(&ChatRequest::from_prompt("a"), &mut Losses::refused()).unwrap_err();
    assert_eq!(error.to_string(), "no model: set `model` to one that bedrock has");
    let mut request = asking("m");
    request
        .messages
        .push(Message::new(Role::Assistant, vec![Part::ToolCall(ToolCall::new("1", "x", "{\"a"))]));
    let error = Converse::new().encode(&request, &mut Losses::refused()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(error.message(), "the arguments of `messages[1].content[0]` are no JSON");
}

#[test]
fn what_may_be_left_out_is_noted_and_the_rest_is_sent() {
    let mut request = asking("m");
    request.seed = Some(7);
    request.messages[0].content.push(Part::Image(Media::new(MediaSource::Url("https://host/a.png".into()))));
    let mut losses = Losses::noted();
    let body = Converse::new().encode(&request, &mut losses).unwrap();
    assert_eq!(losses.as_slice().len(), 2, "{losses:?}");
    assert_eq!(body, br#"{"messages":[{"role":"user","content":[{"text":"hello"}]}]}"#);
}

#[test]
fn a_key_that_is_sent_already_is_refused_and_any_other_is_sent() {
    let mut request = asking("m").with_max_tokens(5);
    for (key, value) in [
        ("messages", json!([])),
        ("inferenceConfig", json!({ "maxTokens": 1 })),
        ("inferenceConfig", json!(7)),
    ] {
        request.extra.clear();
        request.extra.insert(key.into(), value);
        let error = Converse::new().encode(&request, &mut Losses::refused()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{key}");
    }
    request.extra.clear();
    request.extra.insert(NAME.into(), json!(1));
    assert_eq!(sent(&request)[NAME], 1);
}
