//! What requests say, and what of them cannot be said here.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use serde_json::{Value, json};
use ultraai_core::{
    CacheMarker, ChatRequest, Citation, Codec as _, Delivery, ErrorKind, Losses, Media, MediaSource, Message,
    ModelName, Part, Reasoning, ReasoningOptions, ResponseFormat, Role, ServerCodec as _, Tool, ToolCall,
    ToolChoice, ToolResult, VendorState,
};
use ultraai_protocol_openai_responses::{NAME, Responses};

fn read(body: &Value) -> ChatRequest {
    Responses::new().decode_request("/v1/responses", body.to_string().as_bytes()).unwrap()
}

fn written(request: &ChatRequest) -> Value {
    serde_json::from_slice(&Responses::new().encode(request, &mut Losses::refused()).unwrap()).unwrap()
}

/// What is written of `request` where losses are allowed, and the losses.
fn lossy(request: &ChatRequest) -> (Value, Vec<String>) {
    let mut losses = Losses::noted();
    let body = Responses::new().encode(request, &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.as_slice().to_vec())
}

/// A body with that nothing is to be kept, where it does not say so.
fn unkept(mut body: Value) -> Value {
    body["store"] = false.into();
    body
}

fn request(messages: Vec<Message>) -> ChatRequest {
    ChatRequest::new(messages).with_model(ModelName::new("m").unwrap())
}

fn input(items: &Value) -> Value {
    written(&read(&json!({ "model": "m", "input": items })))["input"].clone()
}

#[test]
fn a_request_says_all_that_it_can() {
    let mut asked = request(vec![Message::system("be brief"), Message::user("hello")]).with_max_tokens(5);
    (asked.temperature, asked.top_p, asked.top_logprobs, asked.logprobs) =
        (Some(0.5), Some(0.25), Some(2), Some(true));
    (asked.service_tier, asked.user, asked.parallel_tool_calls) =
        (Some("flex".into()), Some("u".into()), Some(false));
    asked.metadata.insert("k".into(), "v".into());
    asked.delivery = Delivery::Live;
    asked.response_format = Some(ResponseFormat::JsonSchema {
        name: "n".into(),
        description: Some("d".into()),
        schema: json!({ "type": "object" }),
        strict: Some(true),
    });
    asked.tool_choice = Some(ToolChoice::Allowed { tools: vec!["f".into()], required: true });
    let mut tool = Tool::new("f", json!({ "type": "object" }));
    (tool.description, tool.strict) = (Some("d".into()), Some(false));
    asked.tools =
        vec![tool, Tool::of_vendor("web_search", VendorState::new(NAME, json!({ "type": "web_search" })))];
    let mut reasoning = ReasoningOptions::default();
    (reasoning.effort, reasoning.summary) = (Some("low".into()), Some("auto".into()));
    asked.reasoning = Some(reasoning);
    asked.extra.insert("text".into(), json!({ "verbosity": "low" }));
    asked.extra.insert("store".into(), json!(false));
    let body = json!({
        "model": "m",
        "instructions": "be brief",
        "input": [{ "type": "message", "role": "user", "content": "hello" }],
        "max_output_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.25,
        "top_logprobs": 2,
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "service_tier": "flex",
        "user": "u",
        "parallel_tool_calls": false,
        "metadata": { "k": "v" },
        "stream": true,
        "text": {
            "format": { "type": "json_schema", "name": "n", "description": "d", "schema": { "type": "object" }, "strict": true },
            "verbosity": "low",
        },
        "tool_choice": { "type": "allowed_tools", "mode": "required", "tools": [{ "type": "function", "name": "f" }] },
        "tools": [
            { "type": "function", "name": "f", "description": "d", "parameters": { "type": "object" }, "strict": false },
            { "type": "web_search" },
        ],
        "reasoning": { "effort": "low", "summary": "auto" },
        "store": false,
    });
    assert_eq!(written(&asked), body);
    let read = read(&body);
    assert_eq!(written(&read), body);
    assert_eq!((read.origin, read.logprobs, read.tools), (Some(NAME), Some(true), asked.tools));
}

#[test]
fn instructions_and_a_leading_system_message_stay_what_they_are() {
    let item = |role: &str, text: &str| json!({ "type": "message", "role": role, "content": text });
    for body in [
        json!({ "model": "m", "instructions": "a", "input": [item("user", "b")] }),
        json!({ "model": "m", "input": [item("system", "a"), item("user", "b")] }),
        json!({ "model": "m", "input": [item("developer", "a"), item("user", "b")] }),
        json!({ "model": "m", "instructions": "a", "input": [item("system", "c"), item("user", "b")] }),
        json!({ "model": "m", "instructions": "a", "input": [item("user", "b"), item("system", "c")] }),
    ] {
        let read = read(&body);
        assert_eq!(written(&read), unkept(body.clone()));
        assert!(matches!(read.messages[0].role, Role::System | Role::Developer), "{body}");
    }
}

#[test]
fn items_come_back_as_they_came() {
    let items = json!([
        { "type": "message", "role": "user", "content": [
            { "type": "input_text", "text": "a", "prompt_cache_breakpoint": { "mode": "explicit" } },
            { "type": "input_image", "image_url": "data:image/png;base64,iVBORw==", "detail": "low" },
            { "type": "input_image", "image_url": "data:image/png;base64,<cut short>" },
            { "type": "input_image", "file_id": "file-1", "novel": 7 },
            { "type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf" },
            { "type": "input_file", "file_data": "<cut short>", "filename": "a.pdf" },
            { "type": "input_file", "file_url": "https://host/a.pdf" },
            { "type": "input_file", "file_id": "file-2" },
            { "type": "input_audio", "input_audio": { "data": "UklGRg==", "format": "wav" } },
            { "type": "input_novel", "a": [] },
        ] },
        { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "s" }], "encrypted_content": "e" },
        { "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary", "content": [
            { "type": "output_text", "text": "a", "annotations": [
                { "type": "url_citation", "url": "https://host", "title": "t", "start_index": 0, "end_index": 1 },
            ] },
            { "type": "refusal", "refusal": "no" },
        ] },
        { "type": "message", "id": "msg_2", "role": "assistant", "status": "incomplete", "content": [
            { "type": "output_text", "text": "b", "annotations": [], "logprobs": [{ "token": "b", "logprob": -1.0 }] },
        ] },
        { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "c", "annotations": [] }] },
        { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "d", "annotations": [] }] },
        { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "namespace": "n", "arguments": "{ }", "status": "completed" },
        { "type": "custom_tool_call", "call_id": "call_2", "name": "g", "input": "x" },
        { "type": "web_search_call", "id": "ws_1", "status": "completed", "action": { "type": "search", "query": "q" } },
        { "type": "function_call_output", "call_id": "call_1", "output": "r" },
        { "type": "function_call_output", "call_id": "call_1", "id": "fco_1", "output": [
            { "type": "input_text", "text": "r" },
            { "type": "input_image", "image_url": "https://host/a.png" },
        ] },
        { "type": "custom_tool_call_output", "call_id": "call_2", "output": "x" },
        { "type": "additional_tools", "role": "developer", "tools": [] },
        { "type": "compaction", "id": "cmp_1", "encrypted_content": "e" },
        { "type": "message", "role": "user", "content": [{ "type": "novel", "text": "a" }], "id": "msg_7" },
        { "type": "message", "role": "user", "content": "last", "novel": true },
    ]);
    assert_eq!(input(&items), items);
}

#[test]
fn what_the_model_said_between_two_turns_is_one_message() {
    let read = read(&json!({ "model": "m", "input": [
        { "role": "user", "content": "a" },
        { "type": "reasoning", "id": "rs_1", "summary": [] },
        { "role": "assistant", "content": "b" },
        { "type": "function_call", "call_id": "1", "name": "f", "arguments": "{}" },
        { "type": "function_call", "call_id": "2", "name": "g", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "2", "output": "r" },
        { "role": "user", "content": "c" },
    ] }));
    let roles: Vec<_> = read.messages.iter().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "user"]);
    let kinds: Vec<_> = read.messages[1].content.iter().map(Part::kind).collect();
    assert_eq!(kinds, ["reasoning", "text", "tool_call", "tool_call"]);
    let Part::ToolResult(result) = &read.messages[2].content[0] else { panic!() };
    assert_eq!(result.name.as_deref(), Some("g"), "other vendors want the tool's name");
}

#[test]
fn state_goes_to_its_own_vendor_alone() {
    let mut ours = Reasoning::new("s");
    ours.state = Some(VendorState::new("openai", json!({ "id": "rs_1", "encrypted_content": "e" })));
    let mut foreign = Reasoning::new("secret");
    foreign.state = Some(VendorState::new("anthropic", json!({ "signature": "secret" })));
    let mut call = ToolCall::new("1", "f", "");
    call.state = Some(VendorState::new("gemini", json!({ "thought_signature": "secret" })));
    let said = vec![
        Part::Reasoning(foreign),
        Part::Reasoning(Reasoning::new("secret")),
        Part::Reasoning(ours),
        Part::text("a"),
        Part::ToolCall(call),
    ];
    let asked = request(vec![Message::user("q"), Message::new(Role::Assistant, said)]);
    let items = json!([
        { "type": "message", "role": "user", "content": "q" },
        { "type": "reasoning", "id": "rs_1", "encrypted_content": "e", "summary": [{ "type": "summary_text", "text": "s" }] },
        { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "a", "annotations": [] }] },
        { "type": "function_call", "call_id": "1", "name": "f", "arguments": "{}" },
    ]);
    assert_eq!(written(&asked)["input"], items);
    let other = Responses::new().with_vendor("x_ai").encode(&asked, &mut Losses::refused()).unwrap();
    assert!(!String::from_utf8(other).unwrap().contains("rs_1"));
}

#[test]
fn what_the_protocol_has_no_field_for_is_lost_by_name() {
    let mut asked = request(vec![Message::user("a")]);
    (asked.top_k, asked.seed, asked.n, asked.stop_sequences) = (Some(1), Some(1), Some(2), vec!["a".into()]);
    (asked.frequency_penalty, asked.presence_penalty) = (Some(0.5), Some(0.5));
    let mut reasoning = ReasoningOptions::default();
    reasoning.max_tokens = Some(5);
    asked.reasoning = Some(reasoning);
    asked.tool_choice = Some(ToolChoice::Vendor(VendorState::new("gemini", json!({}))));
    asked.response_format = Some(ResponseFormat::Vendor(VendorState::new("gemini", json!({}))));
    let mut tool = Tool::new("f", json!({}));
    tool.cache = Some(CacheMarker::default());
    asked.tools = vec![tool, Tool::of_vendor("g", VendorState::new("gemini", json!({})))];
    let mut failed = ToolResult::new("1", vec![Part::text("a")]);
    failed.is_error = true;
    let mut kept = Part::text("a");
    kept.annotate(|notes| {
        let mut marker = CacheMarker::default();
        marker.ttl = Some("1h".into());
        notes.cache = Some(marker);
        notes.citations = vec![Citation::default()];
        notes.extra = Some(VendorState::new("anthropic-messages", json!({})));
    });
    let video = Part::Video(Media::new(MediaSource::FileId("v".into())));
    let sound = Part::Audio(Media::new(MediaSource::Url("https://host".into())));
    let foreign =
        Part::Vendor(VendorState::new("anthropic-messages", json!({ "type": "redacted_thinking" })));
    let mut named = Message::new(Role::User, vec![kept, video, sound, foreign]);
    named.name = Some("n".into());
    asked.messages.push(named);
    asked.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(failed), Part::text("b")]));
    let (_, losses) = lossy(&asked);
    let places: Vec<_> = losses.iter().filter_map(|loss| loss.split(": ").next()).collect();
    assert_eq!(
        places,
        [
            "`top_k`",
            "`frequency_penalty`",
            "`presence_penalty`",
            "`stop_sequences`",
            "`seed`",
            "`n`",
            "`response_format`",
            "`reasoning.max_tokens`",
            "`messages[1].name`",
            "what stands beside `messages[1].content[0]`",
            "how long `messages[1].content[0]` is kept in the cache",
            "a citation at `messages[1].content[0]`",
            "`messages[1].content[1]`",
            "`messages[1].content[2]`",
            "`messages[1].content[3]`",
            "`is_error` of `messages[2].content[0]`",
            "`messages[2].content[1]`",
            "`tools[0].cache`",
            "`tools[1]`",
            "`tool_choice`",
        ]
    );
    let error = Responses::new().encode(&asked, &mut Losses::refused()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().starts_with("`top_k` cannot be sent"), "{error}");
    let mut asked = request(vec![Message::user("a")]);
    (asked.frequency_penalty, asked.presence_penalty, asked.n) = (Some(0.0), Some(0.0), Some(1));
    assert!(lossy(&asked).1.is_empty(), "what asks for nothing is not lost");
}

#[test]
fn fields_of_another_protocol_are_lost_unless_they_mean_the_same() {
    let mut asked = request(vec![Message::user("a")]);
    asked.origin = Some("openai-chat");
    asked.tools = vec![Tool::new("f", json!({}))];
    for key in ["store", "verbosity", "logit_bias"] {
        asked.extra.insert(key.into(), json!("low"));
    }
    asked.messages[0].extra.insert("novel".into(), json!(1));
    let (body, losses) = lossy(&asked);
    assert_eq!((&body["store"], &body["text"]), (&json!("low"), &json!({ "verbosity": "low" })));
    assert_eq!(body["tools"][0]["strict"], false, "the other protocols are not strict unless told so");
    assert_eq!(
        losses,
        [
            "`logit_bias`: it is a field of another protocol",
            "`messages[0].novel`: it is a field of another protocol"
        ]
    );
    asked.origin = None;
    assert_eq!(written(&asked)["verbosity"], "low", "the user wrote it for whoever is asked");
    asked.extra.insert("input".into(), json!([]));
    assert_eq!(
        Responses::new().encode(&asked, &mut Losses::refused()).unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
}

#[test]
fn media_that_the_vendor_does_not_take_are_refused_before_they_are_sent() {
    for (part, why) in
        [(Part::Image as fn(Media) -> Part, "it is image/tiff"), (Part::Audio, "it is image/tiff")]
    {
        let mut media = Media::new(MediaSource::Data(vec![0; 4].into()));
        media.media_type = Some("image/tiff".into());
        let asked = request(vec![Message::new(Role::User, vec![part(media)])]);
        let error = Responses::new().encode(&asked, &mut Losses::noted()).unwrap_err();
        assert!(
            error.message().contains("`messages[0].content[0]`") && error.message().contains(why),
            "{error}"
        );
    }
}

#[test]
fn a_broken_field_is_named_by_its_place() {
    for (body, place) in [
        (json!({ "input": 7 }), "`input` must be"),
        (json!({ "input": [7] }), "`input[0]` must be an object"),
        (
            json!({ "input": [{ "role": "user", "content": 7 }] }),
            "`input[0].content` must be a text or a list",
        ),
        (
            json!({ "input": [{ "role": "user", "content": [{ "type": "input_text" }] }] }),
            "`input[0].content[0].text` is missing",
        ),
        (json!({ "input": [{ "type": "function_call", "name": "f" }] }), "`input[0].call_id` is missing"),
        (
            json!({ "input": [{ "type": "function_call_output", "call_id": "1", "output": 7 }] }),
            "`input[0].output` must be",
        ),
        (json!({ "input": [{}] }), "`input[0].type` is missing"),
        (json!({ "tools": [{ "type": "function" }] }), "`tools[0].name` is missing"),
        (json!({ "tool_choice": 7 }), "`tool_choice` must be"),
        (
            json!({ "text": { "format": { "type": "json_schema", "name": "n" } } }),
            "`text.format.schema` is missing",
        ),
        (json!({ "max_output_tokens": "many" }), "`max_output_tokens` must be"),
        (json!({ "model": "" }), "`model` must be"),
    ] {
        let error = Responses::new().decode_request("", body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{body}");
        assert!(error.message().starts_with(place), "{error}");
    }
}

#[test]
fn what_needs_something_that_is_kept_is_refused_by_name() {
    for (field, value) in [
        ("background", json!(true)),
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
        ("conversation", json!({ "id": "conv_1" })),
        ("prompt", json!({ "id": "pmpt_1" })),
    ] {
        let body = json!({ "model": "m", "input": "a", field: value, "store": true });
        let error = Responses::new().decode_request("", body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{body}");
        assert!(error.message().starts_with(&format!("`{field}` cannot be served: ")), "{error}");
        for nothing in [Value::Null, json!(false)] {
            if field == "background" || nothing.is_null() {
                let body = json!({ "model": "m", "input": "a", field: nothing });
                assert!(Responses::new().decode_request("", body.to_string().as_bytes()).is_ok(), "{body}");
            }
        }
    }
    for item in [json!({ "type": "item_reference", "id": "rs_9" }), json!({ "id": "rs_10" })] {
        let body = json!({ "model": "m", "input": [{ "role": "user", "content": "a" }, item] });
        let error = Responses::new().decode_request("", body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{body}");
        assert!(error.message().starts_with("`input[1]` refers to an item that was kept"), "{error}");
    }
}

#[test]
fn nothing_is_kept_unless_the_caller_says_so() {
    let asked = |more: Value| {
        let mut body = json!({ "model": "m", "input": "a" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        written(&read(&body))
    };
    assert_eq!(asked(json!({}))["store"], false);
    assert_eq!(asked(json!({ "store": null }))["store"], false);
    assert_eq!(asked(json!({ "store": true }))["store"], true);
    // What is thought is wanted in the form that can be given back, where a model is asked to think: others refuse to give it.
    let encrypted = json!(["reasoning.encrypted_content"]);
    assert_eq!(asked(json!({ "reasoning": { "effort": "low" } }))["include"], encrypted);
    for plain in [
        json!({}),
        json!({ "reasoning": { "effort": "none" } }),
        json!({ "reasoning": {} }),
        json!({ "reasoning": { "effort": "low" }, "store": true }),
        json!({ "reasoning": { "effort": "low" }, "store": false }),
    ] {
        assert_eq!(asked(plain.clone()).get("include"), None, "{plain}");
    }
    let mut foreign = request(vec![Message::user("a")]);
    assert_eq!(written(&foreign).get("store"), None, "the library's user has the answer's id");
    foreign.origin = Some("openai-chat");
    assert_eq!(written(&foreign)["store"], false);
}

#[test]
fn reasoning_that_would_be_looked_up_is_left_out_where_nothing_is_kept() {
    let thought = |more: Value| {
        let mut item = json!({ "type": "reasoning", "id": "rs_1", "summary": [] });
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    let sent = |item: &Value, more: &[(&str, Value)]| {
        let mut body = json!({ "model": "m", "input": [item, { "role": "user", "content": "a" }] });
        for (key, value) in more {
            body[*key] = value.clone();
        }
        let (body, losses) = lossy(&read(&body));
        (body["input"].as_array().unwrap().len(), losses)
    };
    let (items, losses) = sent(&thought(json!({})), &[]);
    assert_eq!((items, losses.len()), (1, 1), "{losses:?}");
    assert!(losses[0].contains("`encrypted_content`"), "{losses:?}");
    assert_eq!(sent(&thought(json!({})), &[("store", json!(true))]), (2, vec![]));
    for said in [
        json!({ "encrypted_content": "e" }),
        json!({ "content": [{ "type": "reasoning_text", "text": "a" }] }),
    ] {
        assert_eq!(sent(&thought(said), &[]), (2, vec![]));
    }
}

#[test]
fn what_another_vendors_model_thought_is_left_out_with_a_word() {
    let mut hidden = Reasoning::default();
    hidden.state = Some(VendorState::new("anthropic", json!({ "signature": "secret" })));
    let said = |part| Message::new(Role::Assistant, vec![part, Part::text("a")]);
    let thoughts = [Part::Reasoning(Reasoning::new("secret")), Part::Reasoning(hidden)];
    let asked = request(thoughts.map(said).into());
    let (body, losses) = lossy(&asked);
    assert!(!body.to_string().contains("secret"));
    assert_eq!(losses, ["reasoning of earlier answers: openai-responses does not take it back"]);
}

#[test]
fn null_counts_as_missing_and_unknown_words_are_kept() {
    let body = json!({
        "model": "m", "input": null, "tools": null, "include": null, "text": null, "reasoning": null, "metadata": null, "stream": null,
        "tool_choice": "novel", "novel": { "a": null },
    });
    let read = read(&body);
    assert!(read.messages.is_empty() && read.tools.is_empty() && read.reasoning.is_none());
    assert_eq!(
        written(&read),
        json!({ "model": "m", "input": [], "tool_choice": "novel", "novel": { "a": null }, "store": false })
    );
    let words = json!({ "model": "m", "input": [], "text": { "format": { "type": "novel" } }, "tools": [{ "type": "novel" }] });
    assert_eq!(written(&self::read(&words)), unkept(words));
}
