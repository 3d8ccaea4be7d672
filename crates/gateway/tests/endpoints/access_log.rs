//! The access log: one line a request, and no content.

use std::{
    io::{self, Write},
    sync::{Arc, mpsc},
};

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use ultraai_testkit::{Server, openai};

use crate::support::{Gateway, one_upstream};

const SECRET: &str = "the-secret-question";

fn chat() -> Value {
    json!({ "model": "fast", "messages": [{ "role": "user", "content": SECRET }] })
}

#[tokio::test]
async fn a_request_is_one_line_of_numbers_and_names_without_content() {
    let server = Server::start([openai::answer("the-secret-answer"), openai::error(401, "bad key")]);
    let gateway = Gateway::new(&one_upstream(&server.url())).await;
    let request = Request::post("/v1/chat/completions?token=in-the-query")
        .header("x-request-id", "mine-1")
        .header("authorization", "Bearer the-secret-key")
        .body(Body::from(chat().to_string()));
    gateway.ask(request.unwrap()).await;
    gateway.post("/v1/chat/completions", &chat()).await;
    gateway.get("/healthz").await;
    gateway.get("/v1/nowhere").await;
    let lines = gateway.log.lines(3).await;
    let first = &lines[0];
    let expected = json!({
        "request_id": "mine-1", "method": "POST", "path": "/v1/chat/completions", "status": 200, "key": null,
        "model": "fast", "strategy": "fallback", "provider": "fast", "stream": false, "attempts": 1,
        "input_tokens": 7, "output_tokens": 3, "estimated_tokens": 0, "cost": "0.000013000", "error": null,
        "client_gone": false,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(first[name], *value, "{name}: {first}");
    }
    let time = first["time"].as_str().unwrap();
    assert!(
        time.len() == 24 && time.starts_with("20") && time.ends_with('Z') && time.contains('T'),
        "{time}"
    );
    assert!(first["duration_seconds"].as_f64().unwrap() > 0.0, "{first}");
    assert_eq!(first.as_object().unwrap().len(), expected.as_object().unwrap().len() + 2);
    assert!(lines[1]["status"].as_u64().unwrap() >= 400 && lines[1]["error"].is_string(), "{}", lines[1]);
    assert_eq!((&lines[2]["status"], &lines[2]["attempts"]), (&json!(404), &json!(0)), "{}", lines[2]);
    let text = gateway.log.text();
    for secret in ["the-secret", "in-the-query"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn an_unknown_cost_is_null_and_not_nothing() {
    let server = Server::always(openai::answer("hello"));
    let settings = one_upstream(&server.url()).replace("price", "#price");
    let gateway = Gateway::new(&settings).await;
    gateway.post("/v1/chat/completions", &chat()).await;
    let lines = gateway.log.lines(1).await;
    assert_eq!((&lines[0]["cost"], &lines[0]["attempts"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let gateway = Gateway::with("[providers.mock]\ntype = \"mock\"\n", |settings| {
        settings.gateway.access_log = false;
    })
    .await;
    gateway.get("/v1/nowhere").await;
    let log = gateway.log.clone();
    drop(gateway);
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn what_waits_is_written_before_the_end() {
    let gateway = Gateway::new("[providers.mock]\ntype = \"mock\"\n").await;
    for _ in 0..100 {
        gateway.get("/v1/nowhere").await;
    }
    let log = gateway.log.clone();
    drop(gateway);
    assert_eq!(log.text().lines().count(), 100);
}

/// A pipe that nobody reads until it is told to.
struct Stuck(mpsc::Receiver<()>, crate::support::Written);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once the other end is gone, all is read.
        let _ = self.0.recv();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nobody_waits_for_a_pipe_that_is_not_read_and_what_did_not_fit_is_said() {
    let mut gateway = Gateway::new("[providers.mock]\ntype = \"mock\"\n").await;
    let (read, pipe) = mpsc::channel();
    let app = Arc::into_inner(gateway.app).unwrap();
    gateway.app = Arc::new(app.with_access_log(Stuck(pipe, gateway.log.clone())));
    // The first ones may be in the pipe already; the queue holds 8,192 more.
    let asked = 3 * 8192;
    for _ in 0..asked {
        assert_eq!(gateway.get("/v1/nowhere").await.status, 404);
    }
    let metrics = gateway.get("/metrics").await;
    let dropped = crate::exposition::Exposition::read(&metrics.text);
    let dropped = dropped.sum("ultraai_gateway_access_log_dropped_total", &[]);
    assert!(dropped >= f64::from(asked - 2 * 8192), "{dropped}");
    drop(read);
    let log = gateway.log.clone();
    drop(gateway);
    let lines: Vec<Value> = log.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: u64 = lines.iter().filter_map(|line| line["dropped_lines"].as_u64()).sum();
    let written = lines.iter().filter(|line| line["path"].is_string()).count() as u64;
    assert_eq!(said + written, u64::try_from(asked).unwrap());
    assert!(said > 0);
}
