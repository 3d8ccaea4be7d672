//! What the mock is set to do.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;
use ultraai_core::{
    BuildContext, CallContext, ChatEvent, ChatRequest, Delivery, ErrorKind, FinishReason, Lookup, ModelName,
    Provider, ProviderId, Registry, Usage,
};
use ultraai_provider_mock as _;
use ultraai_testkit::ProviderExt as _;

fn mock(settings: Value) -> Arc<dyn Provider> {
    let context = BuildContext::new(ProviderId::new("it").unwrap(), Lookup::empty());
    Registry::linked().unwrap().provider("mock", settings, &context).unwrap()
}

async fn kinds(provider: &Arc<dyn Provider>, attempts: usize) -> Vec<Option<ErrorKind>> {
    let mut kinds = Vec::new();
    for _ in 0..attempts {
        kinds.push(provider.ask("hello").await.err().map(|error| error.kind()));
    }
    kinds
}

#[tokio::test]
async fn every_answer_says_that_it_is_a_mocks() {
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("gpt-4o").unwrap());
    let answer = mock(Value::Null).ask(request.clone()).await.unwrap();
    assert!(answer.text().contains("mock") && answer.text().contains("no language model was asked"));
    assert!(!answer.text().contains("hello"));
    let own = mock(json!({ "answer": "forty-two" }));
    let answer = own.ask(request.clone()).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.model.as_deref()), ("forty-two", Some("mock:gpt-4o")));
    assert_eq!(own.ask("hello").await.unwrap().model.as_deref(), Some("mock"));
    let events = own.ask_live(&CallContext::new(), request).await.unwrap();
    let Ok(ChatEvent::Started { model, .. }) = &events[0] else { panic!("{:?}", events[0]) };
    assert_eq!(model.as_deref(), Some("mock:gpt-4o"));
}

#[tokio::test]
async fn an_answer_may_hold_the_prompt_when_it_is_asked_to() {
    let provider = mock(json!({ "answer": "{attempt}. {model} was asked: {prompt}" }));
    assert_eq!(provider.ask("who?").await.unwrap().text(), "1. mock was asked: who?");
    assert_eq!(provider.ask("{model}").await.unwrap().text(), "2. mock was asked: {model}");
}

#[tokio::test]
async fn a_token_is_a_word() {
    let provider = mock(json!({ "answer": "one two three" }));
    let answer = provider.ask("four words are here").await.unwrap();
    assert_eq!(answer.usage, Some(Usage::reported(4, 3)));
    let answer = provider.ask(ChatRequest::from_prompt("hello").with_max_tokens(2)).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.finish_reason), ("one two", FinishReason::Length));
    let told = mock(json!({ "tokens": 500, "finish_reason": "length" })).ask("hello").await.unwrap();
    assert_eq!((told.usage, told.finish_reason), (Some(Usage::reported(1, 500)), FinishReason::Length));
}

#[tokio::test(start_paused = true)]
async fn words_come_at_the_set_rate_after_the_latency() {
    let provider =
        mock(json!({ "answer": "one two three", "latency_seconds": 0.5, "tokens_per_second": 10 }));
    let before = Instant::now();
    provider.ask("hello").await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_millis(700));

    let before = Instant::now();
    let request = ChatRequest::from_prompt("hello").with_delivery(Delivery::Live);
    let mut events = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap().into_events();
    let mut words = Vec::new();
    while let Some(event) = events.next().await {
        if let ChatEvent::Delta(delta) = event.unwrap() {
            words.push((format!("{delta:?}"), before.elapsed().as_millis()));
        }
    }
    let expected = [("Text(\"one\")", 500), ("Text(\" two\")", 600), ("Text(\" three\")", 700)];
    assert_eq!(words, expected.map(|(word, ms)| (word.to_owned(), ms)));
    assert_eq!(before.elapsed(), Duration::from_millis(700));
}

#[tokio::test(start_paused = true)]
async fn without_latency_no_time_passes() {
    let before = Instant::now();
    mock(Value::Null).ask("hello").await.unwrap();
    mock(Value::Null).ask_live(&CallContext::new(), "hello").await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn failures_follow_the_script() {
    use ErrorKind::{RateLimited, Timeout};
    let provider = mock(json!({ "failures": ["rate_limited", "ok", "timeout"] }));
    assert_eq!(kinds(&provider, 5).await, [Some(RateLimited), None, Some(Timeout), None, None]);
    let provider = mock(json!({ "failures": ["ok", "timeout"], "repeat_failures": true }));
    assert_eq!(kinds(&provider, 4).await, [None, Some(Timeout), None, Some(Timeout)]);
}

#[tokio::test]
async fn the_share_of_failures_is_kept_and_the_same_under_a_seed() {
    let settings = |seed: u64| json!({ "failure_rate": 0.3, "failure_kind": "overloaded", "seed": seed });
    let first = kinds(&mock(settings(5)), 1000).await;
    let failed = first.iter().filter(|kind| **kind == Some(ErrorKind::Overloaded)).count();
    assert!((250..350).contains(&failed), "{failed}");
    assert_eq!(kinds(&mock(settings(5)), 1000).await, first);
    assert_ne!(kinds(&mock(settings(6)), 1000).await, first);
}

#[tokio::test(start_paused = true)]
async fn latencies_are_the_same_under_a_seed() {
    async fn latencies(seed: u64) -> Vec<Duration> {
        let provider = mock(json!({ "latency": { "p50_seconds": 0.2, "p99_seconds": 2.0 }, "seed": seed }));
        let mut latencies = Vec::new();
        for _ in 0..20 {
            let before = Instant::now();
            provider.ask("hello").await.unwrap();
            latencies.push(before.elapsed());
        }
        latencies
    }
    let first = latencies(1).await;
    assert_eq!(latencies(1).await, first);
    assert_ne!(latencies(2).await, first);
}

#[tokio::test]
async fn an_interrupted_live_answer_breaks_off_in_its_middle() {
    let provider =
        mock(json!({ "answer": "one two three four", "failures": ["interrupted", "interrupted"] }));
    let events = provider.ask_live(&CallContext::new(), "hello").await.unwrap();
    let words = events.iter().filter(|event| matches!(event, Ok(ChatEvent::Delta(_)))).count();
    assert_eq!(words, 2);
    assert_eq!(events.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(provider.ask("hello").await.unwrap_err().kind(), ErrorKind::Interrupted);
}

#[tokio::test]
async fn an_unknown_setting_is_refused_by_name() {
    let context = BuildContext::new(ProviderId::new("it").unwrap(), Lookup::empty());
    let built = Registry::linked().unwrap().provider("mock", json!({ "latency_second": 1 }), &context);
    let error = built.unwrap_err().to_string();
    assert_eq!(error, "it: unknown setting `latency_second`: did you mean `latency_seconds`?");
}
