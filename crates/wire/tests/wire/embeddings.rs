//! Many inputs: how they are split, what becomes of their answers, and what a failure leaves.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use ultraai_core::{
    BatchLimits, CallContext, Embedder as _, EmbeddingCodec, EmbeddingInput, EmbeddingRequest,
    EmbeddingResponse, Error, ErrorKind, Losses, Result, Secret, Usage,
};
use ultraai_testkit::{End, Received, Reply, Server};
use ultraai_wire::{BaseUrl, Endpoint, HttpEmbedder, Limits, TransportSettings};

use crate::support::{KEY, SOON};

/// A vector is the length of its text; three texts go at once.
#[derive(Debug)]
struct Plain;

impl EmbeddingCodec for Plain {
    fn protocol(&self) -> &'static str {
        "plain"
    }

    fn batch(&self, _: &EmbeddingRequest) -> BatchLimits {
        BatchLimits::inputs(3)
    }

    fn encode(
        &self,
        request: &EmbeddingRequest,
        input: &[EmbeddingInput],
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        if request.user.is_some() {
            losses.lose("`user`", "plain has no such field")?;
        }
        let texts: Vec<_> = input.iter().filter_map(EmbeddingInput::as_text).collect();
        match texts.len() == input.len() {
            true => Ok(json!(texts).to_string().into_bytes()),
            false => Err(Error::new(ErrorKind::Unsupported, "plain takes texts alone")),
        }
    }

    fn decode(&self, _: &EmbeddingRequest, body: &[u8]) -> Result<EmbeddingResponse> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|_| Error::new(ErrorKind::Undecodable, String::from_utf8_lossy(body)))?;
        let vectors = serde_json::from_value(value["vectors"].clone()).unwrap_or_default();
        let tokens = value["tokens"].as_u64();
        Ok(EmbeddingResponse::new(vectors).with_usage(tokens.map(|tokens| Usage::reported(tokens, 0))))
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        Error::new(ErrorKind::of_status(status), String::from_utf8_lossy(body))
    }
}

fn embedder(server: &Server, limits: Limits) -> HttpEmbedder<Plain> {
    let address = BaseUrl::parse(&server.url()).unwrap().join("embed");
    let endpoint = Endpoint::new(TransportSettings::new(SOON), address);
    let endpoint = endpoint.with_bearer(Secret::new(KEY).unwrap()).unwrap().with_limits(limits);
    HttpEmbedder::new("plain", endpoint, Plain)
}

fn request(inputs: usize) -> EmbeddingRequest {
    EmbeddingRequest::new((0..inputs).map(|at| "x".repeat(at + 1)))
}

async fn embed(server: &Server, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
    embedder(server, Limits::default()).embed(&CallContext::new(), request).await
}

fn answered(received: &Received) -> Reply {
    let texts: Vec<String> = serde_json::from_value(received.json()).unwrap();
    let vectors: Vec<_> = texts.iter().map(|text| [text.len()]).collect();
    let id = format!("exchange-of-{}", texts[0].len());
    Reply::json(200, &json!({ "vectors": vectors, "tokens": texts.len() })).header("x-request-id", &id)
}

#[tokio::test]
async fn inputs_are_split_and_their_vectors_come_in_order_with_the_sum_of_the_usage() {
    let server = Server::answering(answered);
    let answer = embed(&server, &request(8)).await.unwrap();
    let expected: Vec<Vec<f32>> = (1..=8_u8).map(|length| vec![f32::from(length)]).collect();
    assert_eq!(answer.embeddings, expected);
    assert_eq!(answer.usage, Some(Usage::reported(8, 0)));
    assert_eq!(answer.request_id.as_deref(), Some("exchange-of-1"));
    let sizes: Vec<_> =
        server.requests().iter().map(|request| request.json().as_array().unwrap().len()).collect();
    assert_eq!(sizes, [3, 3, 2]);
    assert!(server.requests().iter().all(|request| request.method == "POST" && request.path == "/embed"));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn one_exchange_that_fails_fails_all_with_its_kind_and_says_what_was_paid() {
    let mut asked = 0;
    let server = Server::answering(move |received| {
        asked += 1;
        match asked {
            1 => answered(received),
            _ => Reply::body(429, "text/plain", format!("slow down, {KEY}, with your {}", "x".repeat(6)))
                .header("retry-after", "7")
                .header("x-request-id", "the-second"),
        }
    });
    let error = embed(&server, &request(8)).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::RateLimited, Some(429)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.request_id(), Some("the-second"));
    assert_eq!(error.partial().unwrap().usage, Some(Usage::reported(3, 0)));
    assert!(error.message().starts_with("slow down, [key]") && !error.is_unsent(), "{error}");
    assert!(error.body().unwrap().starts_with(b"slow down, sk-"));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_a_server_repeats_of_an_input_is_taken_out_of_the_error() {
    let secret = "my diary of the year nineteen eighty-four";
    let server = Server::always(Reply::body(400, "text/plain", format!("cannot read '{secret}'")));
    let error = embed(&server, &EmbeddingRequest::new([secret])).await.unwrap_err();
    assert_eq!(error.message(), "cannot read '[text of the request]'");
}

#[tokio::test]
async fn nothing_is_sent_when_one_of_the_inputs_cannot_be() {
    let server = Server::answering(answered);
    let mut all = request(7);
    all.input.push(EmbeddingInput::Tokens(vec![7]));
    let mut named = request(1);
    named.user = Some("somebody".into());
    for (request, kind) in [
        (all, ErrorKind::Unsupported),
        (named.clone(), ErrorKind::Unsupported),
        (request(0), ErrorKind::InvalidRequest),
    ] {
        let error = embed(&server, &request).await.unwrap_err();
        assert!(error.kind() == kind && error.is_unsent(), "{error}");
    }
    assert!(server.requests().is_empty());
    let lenient = CallContext::new().with_drop_unsupported(true);
    assert!(embedder(&server, Limits::default()).embed(&lenient, &named).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error() {
    let mut small = Limits::default();
    small.body = 40;
    for (reply, kind, what) in [
        (Reply::json(200, &json!({ "vectors": [[1]] })), ErrorKind::Undecodable, "1 vectors for 2 inputs"),
        (Reply::json(200, &json!({ "vectors": [[1], []] })), ErrorKind::EmptyAnswer, "`input[1]`"),
        (Reply::html(200), ErrorKind::Undecodable, "no JSON (text/html"),
        (Reply::body(200, "application/json", ""), ErrorKind::Undecodable, "an empty body"),
        (
            Reply::json(200, &json!({ "vectors": ["x".repeat(99)] })),
            ErrorKind::Undecodable,
            "max_answer_bytes",
        ),
        (
            Reply::json(200, &json!({ "vectors": [[1]] })).cut_after(9).ending(End::Closed),
            ErrorKind::Interrupted,
            "",
        ),
        (Reply::redirect(302, "http://elsewhere.example/"), ErrorKind::Undecodable, ""),
    ] {
        let server = Server::always(reply);
        let error = embedder(&server, small).embed(&CallContext::new(), &request(2)).await.unwrap_err();
        assert!(error.kind() == kind && error.message().contains(what), "{what}: {error}");
    }
}

#[tokio::test]
async fn the_deadline_holds_for_all_exchanges_together() {
    let server = Server::answering(|received| answered(received).after(Duration::from_millis(120)));
    let cx = CallContext::new().with_timeout(Duration::from_millis(200));
    let started = Instant::now();
    let error = embedder(&server, Limits::default()).embed(&cx, &request(90)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(started.elapsed() < SOON && server.all_closed(SOON).await);
}
