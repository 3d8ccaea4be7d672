//! The layer `schema`, in virtual time.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use serde_json::{Value, json};
use ultraai_core::{
    CallContext, ChatEvent, ChatRequest, ChatResponse, Choice, ChoicePiece, Delivery, Delta, Error,
    ErrorKind, Event, FinishReason, Layer as _, OrchestratorBuilder, Part, Provider, Recovery, Registry,
    ResponseFormat, Result, ToolCall,
};
use ultraai_layers::schema::{SchemaConfig, SchemaLayer};
use ultraai_strategy_fallback::Fallback;
use ultraai_testkit::{Beat, ProviderExt as _, Scripted, Step};

fn checked(inner: &Scripted) -> Arc<dyn Provider> {
    SchemaLayer::default().layer(Arc::new(inner.clone()))
}

fn following(schema: Value) -> ChatRequest {
    let mut request = ChatRequest::from_prompt("Who is it?");
    let name = "person".to_owned();
    request.response_format =
        Some(ResponseFormat::JsonSchema { name, description: None, schema, strict: None });
    request
}

fn person() -> ChatRequest {
    following(json!({
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "age": {"$ref": "#/$defs/age"}},
        "required": ["name", "age"],
        "additionalProperties": {"type": "null"},
        "$defs": {"age": {"type": "integer", "minimum": 0}},
    }))
}

fn object() -> ChatRequest {
    let mut request = ChatRequest::from_prompt("Who is it?");
    request.response_format = Some(ResponseFormat::JsonObject);
    request
}

async fn answered(text: &str, request: ChatRequest) -> Result<ChatResponse> {
    checked(&Scripted::always(text)).ask(request).await
}

/// What is said of an answer that does not have the form.
async fn refusal(text: &str, request: ChatRequest) -> String {
    let error = answered(text, request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoGoodAnswer, "{text}");
    assert_eq!(error.kind().recovery(), Recovery::FailOver);
    assert_eq!(
        error.partial().map(ChatResponse::text).as_deref(),
        Some(text),
        "it can be looked at all the same"
    );
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_follows_the_schema_comes_out_as_it_was() {
    let text = " {\"name\": \"Ada\", \"age\": 36}\n";
    assert_eq!(answered(text, person()).await.unwrap().text(), text);
    assert_eq!(answered("{}", object()).await.unwrap().text(), "{}");
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_is_an_error_with_the_place_and_the_rule() {
    let told = refusal(r#"{"name": "Ada", "age": -1}"#, person()).await;
    assert_eq!(
        told,
        "its answer does not follow the schema: `/age` breaks the rule `/properties/age/$ref/minimum`"
    );
    let told = refusal(r#"{"name": "Ada"}"#, person()).await;
    assert_eq!(
        told,
        "its answer does not follow the schema: the top breaks the rule `/required`, since \"age\" is missing"
    );
    let told = refusal("[]", object()).await;
    assert_eq!(told, "its answer is JSON, and no object, which was asked for");
}

#[tokio::test(start_paused = true)]
async fn nothing_that_was_answered_is_repeated() {
    for answer in [
        r#"{"name": "clover", "age": 1}"#,
        r#"{"name": "Ada", "age": "clover"}"#,
        r#"{"name": "Ada", "age": 1, "clover": 2}"#,
        r#"{"name": "Ada", "age": clover}"#,
        "clover",
    ] {
        let told = refusal(answer, person()).await;
        assert!(!told.contains("clover"), "{told}");
    }
    let told = refusal(r#"{"name": "Ada", "age": 1, "clover": 2}"#, person()).await;
    assert!(told.contains("`/*` breaks the rule `/additionalProperties/type`"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_json_says_how_far_it_is() {
    let told = async |text: &str| refusal(text, object()).await;
    assert!(told("```json\n{}\n```").await.ends_with("it is a code fence"));
    assert!(told("{\"a\": [1, 2").await.ends_with("it is the beginning of it alone"));
    assert!(told("{\"a\": 1} and so on").await.ends_with("it is something else at line 1, column 10"));
    assert!(told("Sure!").await.ends_with("it is something else at line 1, column 1"));
    let deep = "[".repeat(100_000);
    assert!(told(&deep).await.contains("it is something else at line 1"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_text_is_no_json() {
    let mut answer = ChatResponse::default();
    answer.content.push(Part::text(""));
    let error = checked(&Scripted::always(Step::whole(answer))).ask(object()).await.unwrap_err();
    assert!(error.message().ends_with("it is nothing at all"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_has_no_form() {
    let mut refused = ChatResponse::default();
    refused.content.push(Part::refusal("I cannot say."));
    let mut calling = ChatResponse::from_text("I will look it up.");
    calling.content.push(Part::ToolCall(ToolCall::new("1", "look", "{}")));
    let cut = ChatResponse::from_text("{\"name\": ").with_finish_reason(FinishReason::Length);
    let filtered = ChatResponse::from_text("{\"na").with_finish_reason(FinishReason::ContentFilter);
    for answer in [refused, calling, cut, filtered] {
        let inner = Scripted::always(Step::whole(answer.clone()));
        assert_eq!(checked(&inner).ask(person()).await.unwrap(), answer);
        let live = checked(&inner).ask_live(&CallContext::new(), person()).await.unwrap();
        assert!(live.iter().all(Result::is_ok), "{live:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_choice_is_checked() {
    let mut answer = ChatResponse::from_text("{}");
    answer.alternatives.push(Choice::default());
    answer.alternatives[0].content.push(Part::text("[]"));
    let inner = Scripted::always(Step::whole(answer));
    let error = checked(&inner).ask(object()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoGoodAnswer);
    let piece = |text: &str| ChoicePiece::Delta(Delta::Text(text.to_owned()));
    let event = |piece| Beat::from(ChatEvent::Choice { index: 1, piece });
    let beats = [Beat::from("{}"), event(piece("[")), event(piece("]"))];
    let end = [event(ChoicePiece::Finished(FinishReason::Stop)), Beat::finished()];
    let inner = Scripted::always(Step::live(beats.into_iter().chain(end)));
    let live = checked(&inner).ask_live(&CallContext::new(), object()).await.unwrap();
    assert_eq!(live.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::NoGoodAnswer);
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_is_checked_at_its_end() {
    let good = Scripted::always(Step::streamed(["{\"name\": \"A", "da\", \"age\"", ": 36}"]));
    let events = checked(&good).ask_live(&CallContext::new(), person()).await.unwrap();
    assert!(matches!(events.last(), Some(Ok(ChatEvent::Finished { .. }))), "{events:?}");

    let bad = Scripted::always(Step::streamed(["{\"name\": \"A", "da\", \"age\"", ": 36.5}"]));
    let events = checked(&bad).ask_live(&CallContext::new(), person()).await.unwrap();
    let texts = events.iter().filter(|event| matches!(event, Ok(ChatEvent::Delta(_)))).count();
    assert_eq!(texts, 3, "what came before the end was not held back");
    assert!(!events.iter().any(|event| matches!(event, Ok(ChatEvent::Finished { .. }))), "{events:?}");
    let error = events.last().unwrap().as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoGoodAnswer);
    assert!(error.message().contains("`/age` breaks the rule"), "{error}");

    let request = Arc::new(person().with_delivery(Delivery::Live));
    let reply = checked(&bad).chat(&CallContext::new(), request).await.unwrap();
    let partial = reply.collect().await.unwrap_err().partial().map(ChatResponse::text);
    assert_eq!(partial.as_deref(), Some("{\"name\": \"Ada\", \"age\": 36.5}"));
    assert_eq!(bad.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_to_who_wants_it_whole_still_fails_over() {
    let inner = Scripted::always(Step::live([Beat::from("[]"), Beat::finished()]));
    let request = Arc::new(object().with_delivery(Delivery::Whole));
    let error = checked(&inner).chat(&CallContext::new(), request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoGoodAnswer);
}

/// What is said of a schema, of which nobody was asked for an answer.
async fn refused(schema: Value) -> String {
    let inner = Scripted::always("{}");
    let error = checked(&inner).ask(following(schema)).await.unwrap_err();
    assert_eq!((error.kind(), inner.count()), (ErrorKind::InvalidRequest, 0), "{error}");
    assert!(error.is_unsent());
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_is_none_is_refused_before_anybody_is_asked() {
    assert_eq!(
        refused(json!({"properties": {"a": {"type": "sting"}}})).await,
        "the schema of `response_format` is no JSON schema at `/properties/a/type` (rule `anyOf`)"
    );
    assert!(refused(json!("person")).await.contains("is no JSON schema (rule `type`)"));
    assert!(refused(json!({"pattern": "("})).await.contains("at `/pattern`"));
    let names: Vec<_> = (0..100_000).map(|number| format!("name {number}")).collect();
    let told = refused(json!({ "enum": names })).await;
    assert!(
        told.ends_with("has 1288900 bytes, and answers are checked by schemas of up to 1048576"),
        "{told}"
    );
    assert!(refused(json!({"pattern": "(a{1000}){1000}"})).await.contains("has a pattern at `/pattern`"));
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_points_elsewhere_is_refused_by_name() {
    for elsewhere in ["https://example.com/person.json", "file:///etc/passwd", "person.json"] {
        let told = refused(json!({"properties": {"a": {"$ref": elsewhere}}})).await;
        assert!(told.contains(elsewhere) && told.contains("nothing is fetched"), "{told}");
    }
    let told = refused(json!({"$schema": "https://example.com/own-draft"})).await;
    assert!(told.contains("`https://example.com/own-draft`"), "{told}");
    let told = refused(json!({"$ref": "#/$defs/nowhere"})).await;
    assert!(told.contains("points to nowhere"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_points_to_itself_does_not_hang() {
    let tree =
        json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": false});
    assert!(answered(r#"{"next": {"next": {}}}"#, following(tree.clone())).await.is_ok());
    assert!(answered(r#"{"next": {"next": {"last": 1}}}"#, following(tree)).await.is_err());
    for circle in [json!({"$ref": "#"}), json!({"allOf": [{"$ref": "#"}]}), json!({"not": {"$ref": "#"}})] {
        let told = refused(circle).await;
        assert!(told.contains("points back to itself without going into the answer"), "{told}");
    }
}

/// Definitions, each of which is made of the name of the next one. The last one is an object.
fn chain(length: usize, link: impl Fn(&str) -> Value) -> Value {
    let next = |number: usize| link(&format!("#/$defs/a{}", number + 1));
    let mut named: serde_json::Map<String, Value> =
        (0..length).map(|number| (format!("a{number}"), next(number))).collect();
    named.insert(format!("a{length}"), json!({"type": "object"}));
    json!({ "$defs": named, "$ref": "#/$defs/a0" })
}

fn nested(depth: usize, inner: Value, outer: impl Fn(Value) -> Value) -> Value {
    (0..depth).fold(inner, |inner, _| outer(inner))
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_asks_for_too_much_of_one_value_is_refused_before_anybody_is_asked() {
    let twice = |keyword: &str| chain(40, |next| json!({ keyword: [{ "$ref": next }, { "$ref": next }] }));
    // What is told of a value alone can take as long.
    let looked_at = |inner| json!({"unevaluatedProperties": false, "anyOf": [inner]});
    // Each way through these is compiled for itself.
    let mut ways = serde_json::Map::new();
    for number in 0..40 {
        let next =
            json!({"anyOf": [{"$ref": format!("a{}", number + 1)}, {"$ref": format!("b{}", number + 1)}]});
        for name in ["a", "b"].map(|name| format!("{name}{number}")) {
            ways.insert(name.clone(), json!({"$id": format!("http://x/{name}"), "properties": {"c": next}}));
        }
    }
    for name in ["a40", "b40"] {
        ways.insert(name.into(), json!({"$id": format!("http://x/{name}")}));
    }
    let names: serde_json::Map<String, Value> = (0..3_000).map(|n| (format!("a{n}"), json!({}))).collect();
    let mut unseen = twice("allOf");
    unseen["unevaluatedProperties"] = json!(false);
    for schema in [
        twice("allOf"),
        twice("anyOf"),
        twice("oneOf"),
        unseen,
        chain(40, |next| json!({"if": {"$ref": next}, "then": {"$ref": next}})),
        json!({"type": "object", "properties": {"a": twice("allOf")["$defs"]["a39"], "b": {"$ref": "#/$defs/a0"}}, "$defs": twice("allOf")["$defs"]}),
        nested(40, json!({"type": "object"}), looked_at),
        json!({"$id": "http://x/root", "$ref": "a0", "$defs": ways}),
        json!({"anyOf": vec![json!({"$ref": "#/$defs/p"}); 3_000], "$defs": {"p": {"properties": names}}}),
        // More of them than a stack holds.
        chain(20_000, |next| json!({"anyOf": [{"$ref": next}]})),
    ] {
        let told = refused(schema).await;
        assert!(told.starts_with("the schema of `response_format` asks for too much work"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_asks_for_too_much_of_an_answer_is_given_up() {
    // Twice as often at each depth of the answer.
    let down = chain(60, |next| {
        let child = json!({"type": "object", "properties": {"c": {"$ref": next}}});
        json!({"allOf": [child, {"anyOf": [child]}]})
    });
    let deep = |depth| nested(depth, json!({}), |inner| json!({ "c": inner })).to_string();
    assert!(answered(&deep(5), following(down.clone())).await.is_ok());
    // More checks inside of each other than a stack holds.
    let mut tall = chain(20, |next| json!({"anyOf": [{"$ref": next}, {"type": "null"}]}));
    tall["$defs"]["a20"] = json!({"type": "object", "properties": {"c": {"$ref": "#/$defs/a0"}}});
    assert!(answered(&deep(5), following(tall.clone())).await.is_ok());
    let wrong = nested(13, json!(1), |inner| json!({ "c": inner })).to_string();
    refusal(&wrong, following(tall.clone())).await;
    for (schema, depth) in [(down, 60), (tall, 120)] {
        let error = answered(&deep(depth), following(schema)).await.unwrap_err();
        assert_eq!((error.kind(), error.kind().recovery()), (ErrorKind::InvalidRequest, Recovery::GiveUp));
        assert!(error.message().contains("asks for too much work"), "{error}");
        assert!(error.partial().is_some(), "it can be looked at all the same");
    }
    // Long values that are compared with many, which differ from them in the end.
    let forms: Vec<Value> = (0..500).rev().map(|last| json!([vec![0; 200], last])).collect();
    let answer = json!(vec![json!([vec![0; 200], 0]); 400]).to_string();
    let error = answered(&answer, following(json!({"items": {"enum": forms}}))).await.unwrap_err();
    assert!(error.message().contains("asks for too much work"), "{error}");
}

/// A choice between kinds of nodes, two of which have the same children.
fn expression() -> Value {
    let two = |kind: &str| {
        json!({
            "type": "object",
            "properties": {"kind": {"const": kind}, "left": {"$ref": "#/$defs/any"}, "right": {"$ref": "#/$defs/any"}},
            "required": ["kind", "left", "right"],
            "additionalProperties": false,
        })
    };
    let number = json!({
        "type": "object",
        "properties": {"kind": {"const": "number"}, "value": {"type": "number"}},
        "required": ["kind", "value"],
        "additionalProperties": false,
    });
    json!({"$defs": {"any": {"anyOf": [two("sum"), two("product"), two("power"), number]}}, "$ref": "#/$defs/any"})
}

#[tokio::test(start_paused = true)]
async fn usual_schemas_that_point_to_themselves_are_followed_at_any_depth() {
    let list = json!({
        "type": "object",
        "properties": {"linked_list": {"$ref": "#/$defs/node"}},
        "$defs": {"node": {
            "type": "object",
            "properties": {"value": {"type": "number"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "additionalProperties": false, "required": ["next", "value"],
        }},
        "additionalProperties": false, "required": ["linked_list"],
    });
    let links = nested(100, json!(null), |next| json!({"value": 1, "next": next}));
    let page = json!({
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["div", "button", "header", "section", "field", "form"]},
            "label": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#"}},
            "attributes": {"type": "array", "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                "additionalProperties": false, "required": ["name", "value"],
            }},
        },
        "required": ["type", "label", "children", "attributes"], "additionalProperties": false,
    });
    let attribute = json!({"name": "a", "value": "b"});
    let element = |children: Vec<Value>| json!({"type": "div", "label": "x", "children": children, "attributes": [attribute]});
    let wide = nested(8, element(Vec::new()), |inner| element(vec![inner; 3]));
    let tree = json!({
        "$id": "https://example.com/strict-tree", "$dynamicAnchor": "node", "$ref": "tree", "unevaluatedProperties": false,
        "$defs": {"tree": {
            "$id": "tree", "$dynamicAnchor": "node", "type": "object",
            "properties": {"data": true, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
        }},
    });
    let branches = nested(30, json!({"data": 1}), |inner| json!({"children": [inner]}));
    let number = json!({"kind": "number", "value": 1});
    let sum = nested(50, number.clone(), |left| json!({"kind": "sum", "left": left, "right": number}));
    let own = json!({"$ref": "https://json-schema.org/draft/2020-12/schema"});
    let old = json!({"$schema": "http://json-schema.org/draft-07/schema#", "$id": "node#", "properties": {"next": {"$ref": "#", "$comment": "next"}}});
    let follows = nested(50, json!({}), |next| json!({ "next": next }));
    for (schema, answer) in [
        (list, json!({ "linked_list": links })),
        (page.clone(), wide),
        (tree, branches),
        (expression(), sum),
        (own, page),
        (old, follows),
    ] {
        let checked = answered(&answer.to_string(), following(schema.clone())).await;
        assert!(checked.is_ok(), "{}: {schema}", checked.unwrap_err());
    }
}

#[tokio::test(start_paused = true)]
async fn where_an_answer_does_not_follow_is_not_told_for_ever() {
    let number = |value| json!({"kind": "number", "value": value});
    let sum = |depth| {
        nested(
            depth,
            number(json!("one")),
            |left| json!({"kind": "sum", "left": left, "right": number(json!(1))}),
        )
    };
    let told = refusal(&sum(1).to_string(), following(expression())).await;
    assert!(told.contains("the top breaks the rule `/$ref/anyOf`"), "{told}");
    // Each kind that it is not is told for each of its parts, at each depth.
    let told = refusal(&sum(40).to_string(), following(expression())).await;
    assert_eq!(told, "its answer does not follow the schema, in one of many places");
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_takes_for_ever_is_given_up() {
    let schema = json!({"type": "string", "pattern": "^((a+)\\2?)+$"});
    let text = format!("\"{}b\"", "a".repeat(40));
    let told = refusal(&text, following(schema)).await;
    assert!(told.contains("the pattern takes too long"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_form_is_left_alone() {
    for format in [None, Some(ResponseFormat::Text)] {
        let mut request = ChatRequest::from_prompt("Who is it?");
        request.response_format = format;
        assert_eq!(answered("Ada", request).await.unwrap().text(), "Ada");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_longer_than_the_setting_allows_is_an_error_that_names_it() {
    let mut config = SchemaConfig::default();
    config.max_answer_bytes = 8;
    let layer = SchemaLayer::new(config).unwrap();
    for text in ["{\"a\":1}", "{\"a\": 1 }"] {
        let inner = Scripted::always(Step::streamed([text]));
        let asked = layer.layer(Arc::new(inner)).ask(object()).await;
        assert_eq!(asked.is_ok(), text.len() <= 8, "{text}");
        if let Err(error) = asked {
            assert!(error.message().contains("raise `max_answer_bytes`"), "{error}");
        }
    }
    config.max_answer_bytes = 0;
    assert_eq!(SchemaLayer::new(config).unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn an_error_comes_out_as_it_was() {
    let inner = Scripted::always(Error::new(ErrorKind::Overloaded, "too much"));
    let error = checked(&inner).ask(person()).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Overloaded, "too much"));
}

#[tokio::test(start_paused = true)]
async fn the_next_candidate_is_asked_in_place_of_one_that_does_not_follow() {
    let chain =
        OrchestratorBuilder::new(Fallback::default()).registry(Registry::linked().unwrap()).build().unwrap();
    let (loose, strict) = (Scripted::always("Ada is 36."), Scripted::always(r#"{"name": "Ada", "age": 36}"#));
    chain.register_provider("loose", loose.clone()).unwrap();
    chain.register_provider("strict", strict).unwrap();
    let outcome = chain.process(person()).await.unwrap();
    assert_eq!(outcome.synthesis.provider_id, "strict");
    assert_eq!(loose.count(), 1, "the same model is not asked twice");
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_that_does_not_follow_is_taken_back_and_the_next_candidate_asked() {
    let chain =
        OrchestratorBuilder::new(Fallback::default()).registry(Registry::linked().unwrap()).build().unwrap();
    let loose = Step::streamed(["Ada ", "is 36."]);
    let strict = Step::streamed(["{\"name\": \"Ada\", ", "\"age\": 36}"]);
    chain.register_provider("loose", Scripted::always(loose)).unwrap();
    chain.register_provider("strict", Scripted::always(strict)).unwrap();
    let mut stream = chain.process_stream(person()).unwrap();
    let (mut discarded, mut text) = (0, String::new());
    let outcome = loop {
        match stream.next().await.unwrap().unwrap() {
            Event::Delta { delta: Delta::Text(piece) } => text.push_str(&piece),
            Event::Discarded { .. } => (discarded, text) = (discarded + 1, String::new()),
            Event::Finished { outcome } => break outcome,
            _ => {}
        }
    };
    assert_eq!((discarded, outcome.synthesis.provider_id.as_str()), (1, "strict"));
    assert_eq!(text, r#"{"name": "Ada", "age": 36}"#);
}
