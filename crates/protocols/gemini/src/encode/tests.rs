//! What requests look like.

use serde_json::{Value, json};
use ultraai_core::{
    Citation, Delta, Media, MediaSource, ModelName, Notes, Reasoning, ReasoningOptions, ResponseFormat, Tool,
    ToolCall, ToolChoice, ToolResult, VendorState,
};

use super::*;
use crate::VENDOR;

fn request() -> ChatRequest {
    ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap())
}

fn sent(request: &ChatRequest) -> Value {
    serde_json::from_slice(&encode(request, false, &mut Losses::refused()).unwrap()).unwrap()
}

fn with(role: Role, parts: Vec<Part>) -> ChatRequest {
    request().edited(|request| request.messages.push(Message::new(role, parts)))
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
    request.top_k = Some(3);
    request.seed = Some(-7);
    request.n = Some(2);
    request.logprobs = Some(true);
    request.top_logprobs = Some(4);
    request.frequency_penalty = Some(0.5);
    request.presence_penalty = Some(-0.5);
    request.stop_sequences = vec!["\n".into()];
    request.service_tier = Some("flex".into());
    request.response_format = Some(ResponseFormat::Text);
    request.extra.insert("generationConfig".into(), json!({ "responseModalities": ["TEXT"] }));
    request.extra.insert("safetySettings".into(), json!([]));
    let body = sent(&request);
    let config = json!({
        "maxOutputTokens": 5, "temperature": 0.5, "topP": 1.0, "topK": 3, "stopSequences": ["\n"], "seed": -7,
        "candidateCount": 2, "responseLogprobs": true, "logprobs": 4, "frequencyPenalty": 0.5,
        "presencePenalty": -0.5, "responseMimeType": "text/plain", "responseModalities": ["TEXT"],
    });
    assert_eq!((&body["generationConfig"], &body["safetySettings"]), (&config, &json!([])));
    assert_eq!(body["serviceTier"], "flex");
    assert_eq!(sent(&self::request()).get("generationConfig"), None);
}

#[test]
fn what_the_model_wants_back_is_given_back_where_it_stood() {
    let state = |data: Value| VendorState::new(VENDOR, data);
    let reasoning = |text: &str, state: Option<VendorState>| {
        let mut reasoning = Reasoning::new(text);
        reasoning.state = state;
        Part::Reasoning(reasoning)
    };
    let mut call = ToolCall::new("gemini_call_0", "f", "{\"b\": 1,\"a\":2}");
    call.state = Some(state(json!({ "thoughtSignature": "w" })));
    let mut foreign = ToolCall::new("2", "f", "");
    foreign.state = Some(VendorState::new("anthropic", json!({ "signature": "secret" })));
    let parts = vec![
        reasoning("q", None),
        reasoning("r", Some(state(json!({ "thoughtSignature": "s" })))),
        Part::text("a"),
        reasoning("", Some(state(json!({ "thoughtSignature": "t" })))),
        reasoning("", Some(state(json!({ "text": "", "thoughtSignature": "u" })))),
        reasoning("", Some(state(json!({ "thought": true, "thoughtSignature": "x" })))),
        Part::Vendor(VendorState::new(NAME, json!({ "executableCode": {}, "thoughtSignature": "v" }))),
        Part::ToolCall(call),
        Part::ToolCall(foreign),
        reasoning("", Some(VendorState::new("anthropic", json!({ "signature": "secret" })))),
        reasoning("y", Some(VendorState::new("openai", json!({ "encrypted": "secret" })))),
    ];
    let expected = json!([
        { "text": "q", "thought": true },
        { "text": "r", "thought": true, "thoughtSignature": "s" },
        { "text": "a", "thoughtSignature": "t" },
        { "text": "", "thoughtSignature": "u" },
        { "text": "", "thought": true, "thoughtSignature": "x" },
        { "executableCode": {}, "thoughtSignature": "v" },
        { "functionCall": { "name": "f", "args": { "a": 2, "b": 1 } }, "thoughtSignature": "w" },
        { "functionCall": { "id": "2", "name": "f", "args": {} } },
        { "text": "y", "thought": true },
    ]);
    assert_eq!(sent(&with(Role::Assistant, parts))["contents"][1]["parts"], expected);
}

#[test]
fn calls_that_another_model_made_are_signed_as_such() {
    let calls = |state: Option<VendorState>| {
        let mut second = ToolCall::new("2", "g", "{}");
        second.state = state;
        vec![Part::ToolCall(ToolCall::new("1", "f", "{}")), Part::ToolCall(second)]
    };
    let signatures = |model: &str, state: Option<VendorState>, origin: Option<&'static str>| {
        let mut request = with(Role::Assistant, calls(state)).with_model(ModelName::new(model).unwrap());
        request.origin = origin;
        let parts = sent(&request)["contents"][1]["parts"].clone();
        [0, 1].map(|part| parts[part]["thoughtSignature"].as_str().map(str::to_owned))
    };
    let own = Some(VendorState::new(VENDOR, json!({ "thoughtSignature": "s" })));
    let (skip, s) = (Some("skip_thought_signature_validator".to_owned()), Some("s".to_owned()));
    assert_eq!(signatures("gemini-3.8-flash", None, None), [skip.clone(), None]);
    assert_eq!(signatures("models/gemini-3-pro", None, Some("openai-chat")), [skip, None]);
    assert_eq!(signatures("gemini-3.8-flash", own.clone(), None), [None, s.clone()]);
    assert_eq!(signatures("gemini-3.8-flash", None, Some(NAME)), [None, None]);
    assert_eq!(signatures("gemini-2.5-flash", None, None), [None, None]);
}

#[test]
fn an_answer_goes_back_into_its_conversation() {
    let parts = json!([
        { "text": "r", "thought": true },
        { "text": "a", "thoughtSignature": "s" },
        { "text": "b" },
        { "inlineData": { "mimeType": "image/png", "data": "QQ==" }, "thoughtSignature": "t" },
        { "inlineData": { "mimeType": "image/png", "data": "<cut>" }, "thoughtSignature": "u" },
        { "functionCall": { "name": "f", "args": { "x": 1 }, "novel": 1 }, "thoughtSignature": "v", "other": 2 },
        { "executableCode": { "code": "1" } },
        { "text": "", "thoughtSignature": "w" },
    ]);
    let content = json!({ "parts": parts, "role": "model" });
    let whole = json!({ "candidates": [{ "content": content, "finishReason": "STOP" }] }).to_string();
    let read = crate::decode(whole.as_bytes()).unwrap().content;
    assert_eq!(sent(&with(Role::Assistant, read))["contents"][1], content);
    // So does one that came in pieces, part by part.
    let (mut decoder, mut events) = (crate::Decoder::new(), std::collections::VecDeque::new());
    for part in parts.as_array().unwrap() {
        let chunk = json!({ "candidates": [{ "content": { "parts": [part], "role": "model" } }] });
        decoder.push(&chunk.to_string().into(), &mut events).unwrap();
    }
    decoder
        .push(&json!({ "candidates": [{ "finishReason": "STOP" }] }).to_string().into(), &mut events)
        .unwrap();
    decoder.end(&mut events);
    assert!(events.iter().any(|event| matches!(event, ultraai_core::ChatEvent::Delta(Delta::Extra(_)))));
    let mut fold = ultraai_core::Fold::default();
    events.into_iter().try_for_each(|event| fold.push(event)).unwrap();
    assert_eq!(sent(&with(Role::Assistant, fold.finish().unwrap().content))["contents"][1], content);
}

#[test]
fn results_find_the_names_of_their_calls() {
    let result = |id: &str, texts: &[&str], is_error: bool| {
        let mut result = ToolResult::new(id, texts.iter().map(|text| Part::text(*text)).collect());
        result.is_error = is_error;
        result
    };
    let mut request = with(
        Role::Assistant,
        vec![
            Part::ToolCall(ToolCall::new("1", "f", "{}")),
            Part::ToolCall(ToolCall::new("gemini_call_1", "g", "{}")),
        ],
    );
    let mut image = Media::new(MediaSource::Data(b"A".as_slice().into()));
    image.media_type = Some("image/png".into());
    let mut with_image = result("gemini_call_1", &["a", "b"], false);
    with_image.content.push(Part::Image(image));
    for result in [
        result("1", &["sunny"], false),
        with_image,
        result("1", &["{\"degrees\": 7.0}"], false),
        result("1", &["{\"output\":\"x\"}"], false),
        result("1", &["broken"], true),
        result("1", &["{\"error\":{\"code\":7}}"], true),
        result("1", &[], false),
    ] {
        request.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)]));
    }
    request.messages.push(Message::user("and then?"));
    let f = |response: Value| json!({ "functionResponse": { "id": "1", "name": "f", "response": response } });
    let expected = json!([
        f(json!({ "output": "sunny" })),
        { "functionResponse": {
            "name": "g", "response": { "output": ["a", "b"] },
            "parts": [{ "inlineData": { "mimeType": "image/png", "data": "QQ==" } }],
        } },
        f(json!({ "degrees": 7.0 })),
        f(json!({ "output": "{\"output\":\"x\"}" })),
        f(json!({ "error": "broken" })),
        f(json!({ "error": { "code": 7 } })),
        f(json!({})),
        { "text": "and then?" },
    ]);
    assert_eq!(sent(&request)["contents"][2], json!({ "role": "user", "parts": expected }));
}

#[test]
fn tools_and_their_choice_are_sent() {
    let mut request = request();
    let mut tool = Tool::new("clock", json!({ "type": "object" }));
    tool.description = Some("tells the time".into());
    tool.extra.insert("behavior".into(), json!("BLOCKING"));
    let own = Tool::of_vendor("googleSearch", VendorState::new(NAME, json!({ "googleSearch": {} })));
    request.tools = vec![tool, Tool::new("none", Value::Null), own, Tool::new("last", Value::Null)];
    let function = json!({
        "name": "clock", "description": "tells the time", "parametersJsonSchema": { "type": "object" },
        "behavior": "BLOCKING",
    });
    let expected = json!([
        { "functionDeclarations": [function, { "name": "none" }] },
        { "googleSearch": {} },
        { "functionDeclarations": [{ "name": "last" }] },
    ]);
    assert_eq!(sent(&request)["tools"], expected);
    let names = || vec!["a".to_owned(), "b".to_owned()];
    request.extra.insert("toolConfig".into(), json!({ "functionCallingConfig": { "novel": 1 }, "other": 2 }));
    for (choice, expected) in [
        (ToolChoice::Auto, json!({ "mode": "AUTO" })),
        (ToolChoice::None, json!({ "mode": "NONE" })),
        (ToolChoice::Required, json!({ "mode": "ANY" })),
        (ToolChoice::Tool("a".into()), json!({ "mode": "ANY", "allowedFunctionNames": ["a"] })),
        (
            ToolChoice::Allowed { tools: names(), required: false },
            json!({ "mode": "AUTO", "allowedFunctionNames": ["a", "b"] }),
        ),
        (
            ToolChoice::Allowed { tools: names(), required: true },
            json!({ "mode": "ANY", "allowedFunctionNames": ["a", "b"] }),
        ),
        (
            ToolChoice::Vendor(VendorState::new(NAME, json!({ "mode": "VALIDATED" }))),
            json!({ "mode": "VALIDATED" }),
        ),
    ] {
        request.tool_choice = Some(choice);
        let mut config = expected;
        config["novel"] = json!(1);
        assert_eq!(sent(&request)["toolConfig"], json!({ "functionCallingConfig": config, "other": 2 }));
    }
}

#[test]
fn functions_that_are_all_strict_are_validated() {
    let mut request = request();
    let mut tool = Tool::new("a", json!({}));
    tool.strict = Some(true);
    request.tools = vec![tool];
    let mode = |request: &ChatRequest| sent(request)["toolConfig"]["functionCallingConfig"]["mode"].clone();
    assert_eq!(mode(&request), "VALIDATED");
    request.tool_choice = Some(ToolChoice::Auto);
    assert_eq!(mode(&request), "VALIDATED");
    request.tool_choice = Some(ToolChoice::Required);
    assert_eq!(mode(&request), "ANY");
}

#[test]
fn thinking_is_asked_for_in_the_words_of_the_model() {
    let config = |model: &str, options: ReasoningOptions| {
        let mut request = request().with_model(ModelName::new(model).unwrap());
        request.reasoning = Some(options);
        sent(&request)["generationConfig"]["thinkingConfig"].clone()
    };
    let options = |edit: fn(&mut ReasoningOptions)| {
        let mut options = ReasoningOptions::default();
        edit(&mut options);
        options
    };
    for (model, options, expected) in [
        ("m", options(|_| {}), json!({})),
        ("m", options(|it| it.enabled = Some(false)), json!({ "thinkingBudget": 0 })),
        ("m", options(|it| it.enabled = Some(true)), json!({ "thinkingBudget": -1 })),
        ("m", options(|it| it.max_tokens = Some(7)), json!({ "thinkingBudget": 7 })),
        ("m", options(|it| it.effort = Some("high".into())), json!({ "thinkingLevel": "HIGH" })),
        ("m", options(|it| it.effort = Some("none".into())), json!({ "thinkingBudget": 0 })),
        ("gemini-2.5-pro", options(|it| it.effort = Some("low".into())), json!({ "thinkingBudget": 1024 })),
        ("m", options(|it| it.summary = Some("auto".into())), json!({ "includeThoughts": true })),
        ("m", options(|it| it.summary = Some("none".into())), json!({ "includeThoughts": false })),
        ("m", options(|it| drop(it.extra.insert("novel".into(), json!(1)))), json!({ "novel": 1 })),
    ] {
        assert_eq!(config(model, options.clone()), expected, "{options:?}");
    }
}

type Change = Box<dyn Fn(&mut ChatRequest)>;

#[test]
fn what_cannot_be_sent_is_refused_by_name_or_left_out_and_noted() {
    let said = |role: Role, part: Part| -> Change {
        Box::new(move |request| request.messages.push(Message::new(role.clone(), vec![part.clone()])))
    };
    let noted = |edit: fn(&mut Notes)| {
        let mut part = Part::text("a");
        part.annotate(edit);
        said(Role::Assistant, part)
    };
    let image = |edit: fn(&mut Media)| {
        let mut media = Media::new(MediaSource::Data(b"A".as_slice().into()));
        media.media_type = Some("image/png".into());
        edit(&mut media);
        said(Role::User, Part::Image(media))
    };
    let tool = |edit: fn(&mut Tool)| -> Change {
        Box::new(move |request| {
            let mut tool = Tool::new("clock", json!({}));
            edit(&mut tool);
            request.tools.push(tool);
        })
    };
    let thinks = |edit: fn(&mut ReasoningOptions)| -> Change {
        Box::new(move |request| edit(request.reasoning.get_or_insert_default()))
    };
    let foreign = || VendorState::new("acme", json!({}));
    let cases: Vec<(&str, Change)> = vec![
        (
            "`parallel_tool_calls`",
            Box::new(|request| {
                request.tools.push(Tool::new("clock", json!({})));
                request.parallel_tool_calls = Some(false);
            }),
        ),
        (
            "`response_format`",
            Box::new(move |request| request.response_format = Some(ResponseFormat::Vendor(foreign()))),
        ),
        ("`tool_choice`", Box::new(move |request| request.tool_choice = Some(ToolChoice::Vendor(foreign())))),
        ("`reasoning.effort`", thinks(|it| it.effort = Some("huge".into()))),
        ("`messages[0].name`", Box::new(|request| request.messages[0].name = Some("eve".into()))),
        ("the part `messages[1].content[0]`", said(Role::Assistant, Part::Vendor(foreign()))),
        ("the citations of", noted(|notes| notes.citations.push(Citation::default()))),
        ("the extra fields of", noted(|notes| notes.extra = Some(VendorState::new("acme", json!({}))))),
        ("the `detail` of `messages[1].content[0]`", image(|media| media.detail = Some("low".into()))),
        ("no plain base64", image(|media| media.source = MediaSource::Url("data:acme".into()))),
        ("uploaded to another vendor", image(|media| media.source = MediaSource::FileId("file-acme".into()))),
        ("it is image/gif", image(|media| media.media_type = Some("image/gif".into()))),
        ("the arguments of", said(Role::Assistant, Part::ToolCall(ToolCall::new("1", "f", "[7]")))),
        ("it names neither", said(Role::User, Part::ToolResult(ToolResult::new("1", vec![])))),
        ("the tool `tools[0]`", tool(|tool| tool.vendor = Some(VendorState::new("acme", json!({}))))),
        (
            "`strict` of `tools[1]`",
            Box::new(|request| {
                request.tools = vec![Tool::new("a", json!({})), Tool::new("b", json!({}))];
                request.tools[1].strict = Some(true);
            }),
        ),
        (
            "`frob` in `extra`",
            Box::new(|request| {
                request.extra.insert("frob".into(), json!(1));
                request.origin = Some("acme");
            }),
        ),
        (
            "`messages[0].extra`",
            Box::new(|request| {
                request.messages[0].extra.insert("frob".into(), json!(1));
                request.origin = Some("acme");
            }),
        ),
    ];
    for (name, change) in cases {
        let mut request = request();
        change(&mut request);
        let error = encode(&request, false, &mut Losses::refused()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
        assert!(error.to_string().contains(name), "{name}: {error}");
        let mut losses = Losses::noted();
        let body = encode(&request, false, &mut losses).unwrap();
        assert!(losses.as_slice().iter().any(|loss| loss.contains(name)), "{name}: {losses:?}");
        let body = String::from_utf8(body).unwrap();
        assert!(!["acme", "frob", "gif", "eve"].iter().any(|lost| body.contains(lost)), "{name}: {body}");
    }
}

#[test]
fn the_usual_detail_of_an_image_is_no_loss() {
    let mut request = request();
    let mut image = Media::new(MediaSource::Data(b"A".as_slice().into()));
    image.media_type = Some("image/png".into());
    image.detail = Some("auto".into());
    request.messages.push(Message::new(Role::User, vec![Part::Image(image)]));
    assert!(encode(&request, false, &mut Losses::refused()).is_ok());
}

#[test]
fn a_field_that_is_set_twice_is_refused_by_name() {
    for (key, value, refused) in [
        ("contents", json!([]), Some("contents")),
        ("systemInstruction", json!({}), Some("systemInstruction")),
        ("generationConfig", json!({ "maxOutputTokens": 1 }), Some("maxOutputTokens")),
        ("generationConfig", json!({ "thinkingConfig": {} }), Some("thinkingConfig")),
        ("generationConfig", json!({ "temperature": 1 }), None),
        ("generationConfig", json!(1), Some("generationConfig")),
        ("cachedContent", json!("c"), None),
    ] {
        let mut request = request().with_system("be brief").with_max_tokens(5);
        request.reasoning = Some(ReasoningOptions::default());
        request.extra.insert(key.into(), value);
        let encoded = encode(&request, false, &mut Losses::refused());
        match (encoded, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(name)) if error.kind() == ErrorKind::InvalidRequest => {
                assert!(error.message().contains(&format!("`{name}`")), "{error}");
            }
            (other, _) => panic!("{key}: {other:?}"),
        }
    }
}

#[test]
fn a_request_that_is_too_large_is_refused() {
    let mut media = Media::new(MediaSource::Data(vec![0; 16 << 20].into()));
    media.media_type = Some("video/mp4".into());
    let request = with(Role::User, vec![Part::Video(media)]);
    let error = encode(&request, false, &mut Losses::refused()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContextTooLong);
    assert!(error.message().contains("20971520 at most"), "{error}");
}

#[test]
fn a_model_is_needed() {
    let error = encode(&ChatRequest::from_prompt("hello"), false, &mut Losses::refused()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn what_changes_no_answer_refuses_nothing() {
    let mut request = request();
    request.origin = Some("openai-responses");
    for (key, value) in
        [("store", json!(false)), ("truncation", json!("disabled")), ("background", json!(false))]
    {
        request.extra.insert(key.into(), value);
    }
    (request.n, request.parallel_tool_calls) = (Some(1), Some(false));
    (request.logprobs, request.tool_choice) = (Some(false), Some(ToolChoice::Auto));
    let mut losses = Losses::refused();
    encode(&request, false, &mut losses).unwrap();
    assert_eq!(losses.as_slice(), [""; 0]);
    request.extra.insert("prompt_cache_key".into(), json!("a"));
    request.user = Some("eve".into());
    request.metadata.insert("a".into(), json!("b"));
    let mut reasoning = ReasoningOptions::default();
    reasoning.summary = Some("detailed".into());
    request.reasoning = Some(reasoning);
    encode(&request, false, &mut losses).unwrap();
    let left_out = losses.as_slice().join(" ");
    for name in ["prompt_cache_key", "user", "metadata", "reasoning.summary"] {
        assert!(left_out.contains(name), "{name}: {left_out}");
    }
}
