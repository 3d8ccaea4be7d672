//! `POST /v1/orchestrate`: the library's request and its whole outcome.

use serde_json::{Value, json};
use ultraai::Outcome;
use ultraai_testkit::{Reply, Server, openai};

use crate::support::{Answer, Gateway, one_upstream};

async fn gateway(url: &str) -> Gateway {
    let second = one_upstream(url).replace("[orchestrator]\nmax_retries = 0\n", "");
    let second = second.replace("providers.fast", "providers.slow").replace("test-model", "other-model");
    let text = one_upstream(url).replace(
        "max_retries = 0",
        "max_retries = 0\nbudget_dollars = 5.0\nmax_providers_per_request = 2\nstrategy = \"parallel\"",
    );
    Gateway::new(&format!("{text}\n{second}")).await
}

async fn orchestrate(gateway: &Gateway, body: &Value) -> Answer {
    gateway.post("/v1/orchestrate", body).await
}

#[tokio::test]
async fn the_whole_outcome_is_answered_as_the_library_writes_it() {
    let server = Server::always(openai::answer("hello"));
    let gateway = gateway(&server.url()).await;
    let answer = orchestrate(&gateway, &json!({ "prompt": "Hi" })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let outcome: Outcome = serde_json::from_value(answer.json()).unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), &*outcome.strategy), ("hello", "parallel"));
    assert_eq!((outcome.responses.len(), outcome.ledger.totals.attempts), (2, 2));
    assert_eq!(answer.header("x-ultraai-attempts"), "2");
    assert_eq!(answer.header("x-ultraai-strategy"), "parallel");
    let lines = gateway.log.lines(1).await;
    assert_eq!((&lines[0]["model"], &lines[0]["attempts"]), (&json!("default"), &json!(2)), "{lines:?}");
}

#[tokio::test]
async fn a_request_of_the_library_names_its_candidates_and_its_options() {
    let server = Server::always(openai::answer("hello"));
    let gateway = gateway(&server.url()).await;
    let body = json!({
        "orchestrator": "default",
        "request": { "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hi" }] }], "temperature": 0.5 },
        "options": { "timeout_seconds": 5, "budget_dollars": 1.5 },
        "providers": ["slow"],
    });
    let answer = orchestrate(&gateway, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let sent = server.requests();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (&sent[0].json()["model"], &sent[0].json()["temperature"]),
        (&json!("other-model"), &json!(0.5))
    );
}

#[tokio::test]
async fn a_provider_is_asked_alone_where_the_model_names_it() {
    let server = Server::always(openai::answer("hello"));
    let gateway = gateway(&server.url()).await;
    let answer = orchestrate(&gateway, &json!({ "model": "slow", "prompt": "Hi" })).await;
    assert_eq!(answer.json()["synthesis"]["provider_id"], "slow", "{answer:?}");
}

#[tokio::test]
async fn each_event_is_told_with_its_type_and_the_last_is_the_outcome() {
    let server = Server::always(openai::stream(["hel", "lo"]));
    let gateway = gateway(&server.url()).await;
    let answer = orchestrate(&gateway, &json!({ "model": "fast", "prompt": "Hi", "stream": true })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let events: Vec<(String, Value)> = answer
        .text
        .split("\n\n")
        .filter_map(|frame| {
            let (name, data) = frame.strip_prefix("event: ")?.split_once("\ndata: ")?;
            Some((name.to_owned(), serde_json::from_str(data).unwrap()))
        })
        .collect();
    for (name, data) in &events {
        assert_eq!(data["type"], *name);
    }
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"started"), Some(&"finished")), "{names:?}");
    let text: String = events.iter().filter_map(|(_, data)| data["delta"]["text"].as_str()).collect();
    let outcome: Outcome = serde_json::from_value(events.last().unwrap().1["outcome"].clone()).unwrap();
    assert_eq!((text.as_str(), outcome.synthesis.response.as_str()), ("hello", "hello"), "{events:?}");
    let lines = gateway.log.lines(1).await;
    assert_eq!((&lines[0]["stream"], &lines[0]["client_gone"]), (&json!(true), &json!(false)), "{lines:?}");
}

#[tokio::test]
async fn an_error_tells_what_was_spent_all_the_same() {
    let server = Server::always(openai::error(500, "broken"));
    let gateway = gateway(&server.url()).await;
    let answer = orchestrate(&gateway, &json!({ "prompt": "Hi" })).await;
    assert!(answer.status >= 500, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["error"]["kind"], "exhausted", "{body}");
    assert_eq!(body["report"]["ledger"]["totals"]["attempts"], 2, "{body}");
    let live = orchestrate(&gateway, &json!({ "prompt": "Hi", "stream": true })).await;
    let (_, error) = live.text.split_once("event: error\ndata: ").unwrap_or_else(|| panic!("{live:?}"));
    let error: Value = serde_json::from_str(error.trim()).unwrap();
    assert_eq!(error["error"]["kind"], "exhausted");
    assert_eq!(error["report"]["ledger"]["totals"]["attempts"], 2, "{error}");
}

#[tokio::test]
async fn what_is_not_known_or_not_the_callers_to_set_is_refused_by_name() {
    let server = Server::start(Vec::<Reply>::new());
    let gateway = gateway(&server.url()).await;
    for (body, says) in [
        (json!({}), "`prompt` or `request` is missing"),
        (json!({ "prompt": "x", "request": {} }), "leave one out"),
        (json!({ "prompt": "x", "promt": "y" }), "promt"),
        (json!({ "prompt": "x", "options": { "timeout": 3 } }), "timeout"),
        (
            json!({ "request": { "messages": [], "temprature": 1 } }),
            "`request.temprature` is not known: did you mean `temperature`?",
        ),
        (
            json!({ "request": { "messages": [{ "role": "user", "content": [{ "type": "text", "text": "x", "zzz": 1 }] }] } }),
            "`request.messages[0].content[0].zzz` is not known",
        ),
        (
            json!({ "prompt": "x", "options": { "max_providers_per_request": 3 } }),
            "`options.max_providers_per_request` is 3, and the operator allows 2",
        ),
        // More than 32 bits hold.
        (
            json!({ "prompt": "x", "options": { "max_providers_per_request": 5_000_000_000_u64 } }),
            "`options.max_providers_per_request` is 5000000000, and the operator allows 2",
        ),
        (json!({ "prompt": "x", "options": { "timeout_seconds": -1 } }), "`timeout_seconds` is -1"),
        (
            json!({ "prompt": "x", "options": { "max_requests_in_flight": 3 } }),
            "`options.max_requests_in_flight`",
        ),
        (
            json!({ "prompt": "x", "options": { "capture_message_content": true } }),
            "`options.capture_message_content`",
        ),
        (
            json!({ "prompt": "x", "options": { "allow_unknown_prices": true } }),
            "`options.allow_unknown_prices`",
        ),
        (json!({ "prompt": "x", "options": { "budget_dollars": 6.0 } }), "the operator allows 5"),
        (json!({ "prompt": "x", "providers": ["fats"] }), "names `fats`"),
        (json!({ "prompt": "x", "model": "fast", "providers": ["slow"] }), "names `slow`"),
        (json!({ "prompt": "x", "model": "fast", "orchestrator": "default" }), "mean the same"),
    ] {
        let answer = orchestrate(&gateway, &body).await;
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            (answer.status, answer.json()["error"]["kind"].as_str()),
            (400, Some("invalid_request")),
            "{message}"
        );
        assert!(message.contains(says), "{message}");
    }
    let unknown = orchestrate(&gateway, &json!({ "prompt": "x", "model": "defualt" })).await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
    assert!(server.requests().is_empty());
}
