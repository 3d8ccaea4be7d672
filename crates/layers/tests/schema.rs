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
        let _ = answered("{}", following(circle)).await;
    }
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
