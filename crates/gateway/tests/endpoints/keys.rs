//! What a key may ask, and what it pays, at the addresses besides chat.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use ultraai_gateway::{KeyTerms, State};
use ultraai_testkit::{End, Reply, Server, openai, refusing_url};

use crate::support::{Answer, Gateway, one_upstream};

/// A gateway that knows one key.
struct Keyed {
    gateway: Gateway,
    state: State,
    key: String,
}

impl Keyed {
    async fn new(text: &str, edit: impl FnOnce(&mut KeyTerms)) -> Self {
        let state = State::in_memory();
        let mut terms = KeyTerms::new("test");
        edit(&mut terms);
        let (_, secret) = state.create_key(terms).await.unwrap();
        let gateway = Gateway::with_state(text, state.clone(), |_| ()).await;
        Self { gateway, state, key: secret.expose().to_owned() }
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {}", self.key));
        self.gateway.ask(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// In nano-dollars.
    fn spent(&self) -> u64 {
        self.state.keys()[0].spent_today_nano_dollars
    }
}

/// A provider of vectors, whose own model and price are of embeddings: two dollars a million tokens.
fn vectors(url: &str) -> String {
    format!(
        "[providers.vectors]\ntype = \"openai\"\nmodel = \"my-embedder\"\nbase_url = \"{url}/v1\"\napi_key = \"k\"\n\n\
         [providers.vectors.price]\ninput = 2.0\noutput = 0.0\n"
    )
}

fn one_vector() -> Reply {
    Reply::json(
        200,
        &json!({
            "object": "list", "data": [{ "object": "embedding", "index": 0, "embedding": [1.0] }],
            "model": "my-embedder", "usage": { "prompt_tokens": 5, "total_tokens": 5 },
        }),
    )
}

#[tokio::test]
async fn a_list_holds_what_the_key_may_ask_and_nothing_else() {
    let keyed =
        Keyed::new(&one_upstream(&refusing_url()), |terms| terms.models = vec!["fast/*".into()]).await;
    let list = keyed.ask("GET", "/v1/models", &Value::Null).await.json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["fast", "fast/test-model"]);
    assert_eq!(keyed.ask("GET", "/v1/models/fast", &Value::Null).await.status, 200);
    let hidden = keyed.ask("GET", "/v1/models/default", &Value::Null).await;
    let absent = keyed.ask("GET", "/v1/models/absentee", &Value::Null).await;
    assert_eq!((hidden.status, absent.status), (404, 404));
    let told = |answer: &Answer| answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(told(&hidden).replace("default", "NAME"), told(&absent).replace("absentee", "NAME"));
}

#[tokio::test]
async fn without_its_key_nothing_is_told_but_health_and_measurements() {
    let keyed = Keyed::new(&one_upstream(&refusing_url()), |_| ()).await;
    for (method, path) in [
        ("GET", "/v1/models"),
        ("GET", "/v1/models/fast"),
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/v1/orchestrate"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::from("{}")).unwrap();
        assert_eq!(keyed.gateway.ask(request).await.status, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(keyed.gateway.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn embeddings_are_paid_from_the_keys_purse() {
    let server = Server::always(one_vector());
    let keyed = Keyed::new(&vectors(&server.url()), |terms| {
        terms.budget_per_day_nano_dollars = Some(25_000);
    })
    .await;
    let body = json!({ "model": "vectors", "input": "hello" });
    for spent in [10_000, 20_000] {
        let answer = keyed.ask("POST", "/v1/embeddings", &body).await;
        assert_eq!((answer.status, answer.header("x-ultraai-cost")), (200, "0.000010000"), "{answer:?}");
        assert_eq!(keyed.spent(), spent);
    }
    let refused = keyed.ask("POST", "/v1/embeddings", &body).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!((server.requests().len(), keyed.spent()), (2, 20_000), "what it does not hold is not sent");
}

#[tokio::test]
async fn outcomes_are_paid_from_the_keys_purse_however_they_are_told() {
    let server = Server::start([openai::answer("hello"), openai::stream(["hello"])]);
    let keyed = Keyed::new(&one_upstream(&server.url()), |_| ()).await;
    for (stream, spent) in [(false, 13_000), (true, 26_000)] {
        let body = json!({ "model": "fast", "prompt": "Hi", "stream": stream });
        let answer = keyed.ask("POST", "/v1/orchestrate", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(keyed.spent(), spent);
    }
}

#[tokio::test]
async fn a_key_asks_no_model_beside_its_own_however_it_is_named() {
    let server = Server::start(Vec::<Reply>::new());
    let text = format!("{}\n{}", one_upstream(&server.url()), vectors(&server.url()));
    let keyed = Keyed::new(&text, |terms| terms.models = vec!["fast".into()]).await;
    for (path, body) in [
        ("/v1/embeddings", json!({ "model": "vectors", "input": "x" })),
        ("/v1/embeddings", json!({ "model": "my-embedder", "input": "x" })),
        ("/v1/messages/count_tokens", json!({ "model": "default", "messages": [] })),
        ("/v1/orchestrate", json!({ "prompt": "x" })),
        ("/v1/orchestrate", json!({ "request": { "model": "default", "messages": [] } })),
    ] {
        let answer = keyed.ask("POST", path, &body).await;
        assert_eq!(answer.status, 404, "{path} {body}: {answer:?}");
    }
    let beside = json!({ "model": "fast", "prompt": "x", "providers": ["vectors"] });
    assert_eq!(keyed.ask("POST", "/v1/orchestrate", &beside).await.status, 400);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn who_asks_for_what_is_not_there_learns_of_nothing_beside_the_keys_own() {
    let text = format!(
        "{}\n{}\n[providers.claude]\ntype = \"anthropic\"\nmodel = \"claude-x\"\napi_key = \"k\"\n\n\
         [gateway.aliases]\n\"ghost-1\" = \"fast\"\nmine = \"vectors\"\n",
        one_upstream(&refusing_url()),
        vectors(&refusing_url())
    );
    let keyed = Keyed::new(&text, |terms| {
        terms.models = ["ghost", "claude", "mine"].map(str::to_owned).to_vec();
    })
    .await;
    for (path, body, says) in [
        (
            "/v1/chat/completions",
            json!({ "model": "ghost", "messages": [] }),
            "no model `ghost` here: name one of claude, mine",
        ),
        (
            "/v1/embeddings",
            json!({ "model": "ghost", "input": "x" }),
            "no model of embeddings `ghost` here: name one of mine, or PROVIDER/MODEL",
        ),
        (
            "/v1/embeddings",
            json!({ "model": "claude", "input": "x" }),
            "`claude` makes no embeddings: those that do are mine",
        ),
    ] {
        let answer = keyed.ask("POST", path, &body).await;
        assert_eq!((answer.status, &answer.json()["error"]["message"]), (404, &json!(says)), "{answer:?}");
    }
}

#[tokio::test]
async fn every_address_counts_in_the_keys_minute() {
    let keyed = Keyed::new(&one_upstream(&refusing_url()), |terms| terms.requests_per_minute = Some(1)).await;
    let body = json!({ "model": "fast", "messages": [{ "role": "user", "content": "Hi" }] });
    let first = keyed.ask("POST", "/v1/messages/count_tokens", &body).await;
    assert_eq!((first.status, first.header("x-ultraai-estimated")), (200, "true"), "{first:?}");
    let embeddings = json!({ "model": "fast", "input": "x" });
    let statuses = [
        keyed.ask("POST", "/v1/messages/count_tokens", &body).await.status,
        keyed.ask("POST", "/v1/embeddings", &embeddings).await.status,
        keyed.ask("POST", "/v1/orchestrate", &json!({ "model": "fast", "prompt": "x" })).await.status,
    ];
    // The minute may end between the first and the others, but not twice.
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 2, "{statuses:?}");
    let lines = keyed.gateway.log.lines(4).await;
    assert!(lines.iter().all(|line| line["key"].is_string()), "{lines:?}");
    assert!(!keyed.gateway.log.text().contains(&keyed.key), "the key itself is told nobody");
}

#[tokio::test]
async fn a_stream_that_the_caller_leaves_counts_to_its_tokens() {
    let server = Server::always(openai::stream(["a", "b"]).pieces(3).ending(End::Hang));
    let keyed = Keyed::new(&one_upstream(&server.url()), |terms| terms.tokens_per_minute = Some(200)).await;
    let asked = json!({
        "model": "fast", "stream": true, "max_tokens": 5,
        "messages": [{ "role": "user", "content": "word ".repeat(30) }],
    });
    let mut left = Vec::new();
    for _ in 0..2 {
        let request = Request::post("/v1/chat/completions").header("x-api-key", &keyed.key);
        let request = request.body(Body::from(asked.to_string())).unwrap();
        let response =
            ultraai_gateway::router(Arc::clone(&keyed.gateway.app)).oneshot(request).await.unwrap();
        let remaining = &response.headers()["x-ratelimit-remaining-tokens"];
        left.push(remaining.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(response.status(), 200);
        response.into_body().frame().await.unwrap().unwrap();
    }
    assert!(left[1] < left[0], "what was left of the minute: {left:?}");
}

#[tokio::test]
async fn what_can_never_fit_and_what_is_spent_is_not_asked_for_again() {
    let keyed = Keyed::new(&one_upstream(&refusing_url()), |terms| terms.tokens_per_minute = Some(60)).await;
    let asked = |max_tokens: u64| json!({ "model": "fast", "max_tokens": max_tokens, "messages": [{ "role": "user", "content": "hi" }] });
    let never = keyed.ask("POST", "/v1/chat/completions", &asked(5000)).await;
    assert_eq!((never.status, never.header("retry-after")), (400, ""), "{never:?}");

    let poor = Keyed::new(&one_upstream(&refusing_url()), |terms| {
        terms.budget_per_day_nano_dollars = Some(1);
    })
    .await;
    let spent = poor.ask("POST", "/v1/chat/completions", &asked(5)).await;
    assert_eq!((spent.status, spent.header("x-should-retry")), (429, "false"), "{spent:?}");
    let message = spent.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("the caller's budget"), "{message}");
}

#[tokio::test]
async fn a_budget_keeps_from_models_of_unknown_price_and_is_not_told_to_be_spent() {
    let server = Server::start(Vec::<Reply>::new());
    let unpriced = |text: String| {
        let lines =
            text.lines().filter(|line| !["price", "input", "output"].iter().any(|it| line.starts_with(it)));
        lines.filter(|line| !line.contains(".price]")).collect::<Vec<_>>().join("\n")
    };
    let text = unpriced(format!("{}\n{}", one_upstream(&server.url()), vectors(&server.url())));
    let keyed = Keyed::new(&text, |terms| terms.budget_per_month_nano_dollars = Some(1_000_000_000)).await;
    let chat = json!({ "model": "fast", "max_tokens": 5, "messages": [{ "role": "user", "content": "hi" }] });
    let mut live = chat.clone();
    live["stream"] = json!(true);
    for (path, body) in [
        ("/v1/chat/completions", &chat),
        ("/v1/chat/completions", &live),
        ("/v1/responses", &json!({ "model": "fast", "input": "hi" })),
        ("/v1/messages", &chat),
        ("/v1/embeddings", &json!({ "model": "vectors", "input": "hi" })),
    ] {
        let answer = keyed.ask("POST", path, body).await;
        // None of the statuses at which SDKs ask again.
        let kind = &answer.json()["error"]["type"];
        assert_eq!((answer.status, kind), (403, &json!("permission_error")), "{path}: {answer:?}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        let says = "is not known, so that the caller's budget could not be kept: set the provider's `price`";
        assert!(message.contains(says), "{message}");
    }
    let lines = keyed.gateway.log.lines(5).await;
    assert!(lines.iter().all(|line| line["error"] == "price_unknown" && line["attempts"] == 0), "{lines:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_key_reaches_no_provider_round_the_names_that_it_may_ask() {
    let settings = format!(
        "{}\n[providers.other]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{}\"\n\n\
         [orchestrators.narrow]\nproviders = [\"fast\"]\n",
        one_upstream(&refusing_url()),
        refusing_url()
    );
    let keyed = Keyed::new(&settings, |terms| terms.models = vec!["narrow".into()]).await;
    for body in [
        json!({ "prompt": "hi", "model": "narrow", "providers": ["other"] }),
        json!({ "prompt": "hi", "model": "narrow", "options": { "synthesizer": "other" } }),
        json!({ "prompt": "hi", "model": "narrow", "options": { "analyst": "other" } }),
        json!({ "prompt": "hi", "model": "narrow", "providers": [] }),
        json!({ "prompt": "hi", "model": "narrow", "options": { "selector": "nope" } }),
        json!({ "prompt": "hi", "model": "m".repeat(300) }),
    ] {
        let answer = keyed.ask("POST", "/v1/orchestrate", &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
}
