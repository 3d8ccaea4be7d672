//! What `/metrics` tells after traffic.
#![expect(clippy::float_cmp, reason = "they are counts, which are whole")]

use serde_json::json;
use ultraai_testkit::{End, Server, openai};

use crate::{
    exposition::Exposition,
    support::{Gateway, one_upstream},
};

async fn scraped(gateway: &Gateway) -> Exposition {
    let answer = gateway.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    Exposition::read(&answer.text)
}

fn chat(model: &str, stream: bool) -> serde_json::Value {
    json!({ "model": model, "stream": stream, "messages": [{ "role": "user", "content": "Hi \"there\"\n" }] })
}

#[tokio::test]
async fn every_metric_of_the_documentation_is_there_after_traffic() {
    let replies = [openai::answer("hello"), openai::stream(["hel", "lo"]), openai::error(500, "broken")];
    let server = Server::start(replies);
    let unpriced = one_upstream(&server.url()).replace("[providers.fast]", "[providers.unpriced]");
    let unpriced = unpriced.lines().filter(|line| !line.starts_with("price") && !line.starts_with("max_r"));
    let unpriced = unpriced.filter(|line| *line != "[orchestrator]").collect::<Vec<_>>().join("\n");
    let gateway = Gateway::new(&format!("{}\n{unpriced}\n", one_upstream(&server.url()))).await;
    for (model, stream, status) in [("fast", false, 200), ("unpriced", true, 200), ("fast", false, 502)] {
        let answer = gateway.post("/v1/chat/completions", &chat(model, stream)).await;
        assert!(answer.status == status || status == 502 && answer.status >= 500, "{answer:?}");
    }
    gateway.get("/v1/nothing").await;
    let read = scraped(&gateway).await;
    let documented = include_str!("../../README.md").lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        (name.starts_with("gen_ai_") || name.starts_with("http_") || name.starts_with("ultraai_"))
            .then_some(name)
    });
    let documented: Vec<_> = documented.collect();
    assert!(documented.len() >= 13, "{documented:?}");
    for name in &documented {
        assert!(read.kinds.contains_key(*name), "{name} is not among {:?}", read.kinds.keys());
    }
    for name in read.kinds.keys() {
        assert!(documented.contains(&name.as_str()), "{name} is not documented");
    }
    let duration = "gen_ai_client_operation_duration_seconds_count";
    assert_eq!(
        read.sum(duration, &["ultraai_outcome=\"answered\"", "gen_ai_request_model=\"test-model\""]),
        2.0
    );
    assert_eq!(read.sum(duration, &["ultraai_outcome=\"failed\"", "error_type=\"server_error\""]), 1.0);
    assert_eq!(read.sum("gen_ai_client_token_usage_sum", &["gen_ai_token_type=\"input\"", "reported"]), 14.0);
    assert_eq!(read.sum("gen_ai_client_operation_time_to_first_chunk_seconds_count", &[]), 1.0);
    assert_eq!(
        read.sum("gen_ai_workflow_duration_seconds_count", &["gen_ai_workflow_name=\"fallback\""]),
        3.0
    );
    let cost = read.sum("ultraai_client_cost_USD_total", &["ultraai_provider_id=\"fast\""]);
    assert!((cost - 13e-6).abs() < 1e-9, "{cost}");
    assert!(read.sum("ultraai_client_unknown_cost_total", &["ultraai_provider_id=\"unpriced\""]) >= 1.0);
    let http = "http_server_request_duration_seconds_count";
    let route = "http_route=\"/v1/chat/completions\"";
    assert_eq!(
        read.sum(http, &[route, "http_response_status_code=\"200\"", "http_request_method=\"POST\""]),
        2.0
    );
    assert_eq!(read.sum(http, &[route, "error_type="]), 1.0);
    assert_eq!(read.sum(http, &["http_route=\"other\"", "http_response_status_code=\"404\""]), 1.0);
    assert_eq!(read.sum("http_server_active_requests", &[]), 0.0);
    assert_eq!(read.sum("ultraai_requests_in_flight", &["ultraai_orchestrator=\"default\""]), 0.0);
}

#[tokio::test]
async fn an_open_breaker_is_told_with_provider_and_model() {
    let server = Server::always(openai::error(500, "broken"));
    let gateway = Gateway::new(&one_upstream(&server.url())).await;
    let labels = ["ultraai_provider_id=\"fast\"", "gen_ai_request_model=\"test-model\""];
    let state = async |state: &str| {
        let read = scraped(&gateway).await;
        read.sum("ultraai_breaker_state", &[labels[0], labels[1], state])
    };
    gateway.post("/v1/chat/completions", &chat("fast", false)).await;
    assert_eq!(state("state=\"closed\"").await, 1.0);
    for _ in 0..4 {
        gateway.post("/v1/chat/completions", &chat("fast", false)).await;
    }
    assert_eq!(state("state=\"closed\"").await, 0.0);
    assert_eq!(state("state=\"open\"").await, 1.0);
}

#[tokio::test]
async fn models_that_callers_invent_are_one() {
    let server = Server::answering(|_| openai::answer("hello"));
    let gateway = Gateway::new(&one_upstream(&server.url())).await;
    for number in 0..20 {
        let answer =
            gateway.post("/v1/chat/completions", &chat(&format!("fast/invented-{number}"), false)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = gateway.get("/metrics").await;
    assert!(!answer.text.contains("invented"), "{}", answer.text);
    let read = Exposition::read(&answer.text);
    let other = "gen_ai_request_model=\"other\"";
    assert_eq!(read.sum("gen_ai_client_operation_duration_seconds_count", &[other]), 20.0);
    assert_eq!(read.sum("ultraai_breaker_state", &[other, "state=\"closed\""]), 1.0);
}

#[tokio::test]
async fn requests_are_under_way_until_their_stream_has_ended() {
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    let server = Server::always(openai::stream(["a", "b"]).pieces(3).ending(End::Hang));
    let gateway = Gateway::new(&one_upstream(&server.url())).await;
    let request =
        Request::post("/v1/chat/completions").body(Body::from(chat("fast", true).to_string())).unwrap();
    let response =
        ultraai_gateway::router(std::sync::Arc::clone(&gateway.app)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    let read = scraped(&gateway).await;
    assert_eq!(read.sum("http_server_active_requests", &[]), 1.0);
    assert_eq!(read.sum("ultraai_requests_in_flight", &[]), 1.0);
    drop(body);
    let read = scraped(&gateway).await;
    assert_eq!(read.sum("http_server_active_requests", &[]), 0.0);
    assert_eq!(read.sum("ultraai_requests_in_flight", &[]), 0.0);
    let lines = gateway.log.lines(1).await;
    assert_eq!((&lines[0]["client_gone"], &lines[0]["stream"]), (&json!(true), &json!(true)), "{lines:?}");
    // What was left half read was sent and written all the same.
    assert_eq!(lines[0]["attempts"], 1, "{lines:?}");
    assert!(
        lines[0]["input_tokens"].as_u64() > Some(0) && lines[0]["output_tokens"].as_u64() > Some(0),
        "{lines:?}"
    );
}
