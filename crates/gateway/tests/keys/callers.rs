//! Whole requests, with keys and without.

use serde_json::json;
use ultraai_gateway::{KeyTerms, State};
use ultraai_testkit::{Server, openai};

use crate::{bytes_of, chat, gateway, hello, post};

/// An answer that cost 1000 × $1 and 100 × $2 for each million: 1,200,000 nano-dollars.
fn dear() -> Server {
    let mut body = openai::answer_body("m", &json!({ "role": "assistant", "content": "yes" }), "stop");
    body["usage"] = json!({ "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100 });
    Server::always(ultraai_testkit::Reply::json(200, &body))
}

const COST: u64 = 1_200_000;

#[tokio::test]
async fn a_key_opens_in_either_header_and_everything_else_is_refused() {
    let server = Server::always(openai::answer("yes"));
    let state = State::in_memory();
    let router = gateway(state.clone(), &server.url()).await;
    assert_eq!(chat(&router, "whatever", hello("near")).await.status, 200, "without keys anybody may");
    let (key, token) = state.create_key(KeyTerms::new("k")).await.unwrap();
    assert_eq!(chat(&router, token.expose(), hello("near")).await.status, 200);
    let anthropic = ("x-api-key", token.expose());
    assert_eq!(post(&router, "/v1/messages", anthropic, &hello("near")).await.status, 200);
    let refusal = (401, "invalid_api_key".to_owned());
    assert_eq!(chat(&router, "whatever", hello("near")).await.error(), refusal);
    let answer = post(&router, "/v1/messages", ("x-nothing", "x"), &hello("near")).await;
    assert_eq!(answer.error(), (401, "authentication_error".to_owned()));
    let asked = server.requests().len();
    state.revoke_key(&key.id).await.unwrap();
    let answer = chat(&router, token.expose(), hello("near")).await;
    assert_eq!(answer.error(), refusal);
    assert!(answer.body.contains("revoked"));
    assert_eq!(server.requests().len(), asked, "nobody was asked");
    assert!(server.requests().iter().all(|request| !request.mentions("sk-ultraai")), "a key stays here");
}

#[tokio::test]
async fn a_model_that_the_key_may_not_ask_is_not_there() {
    let server = Server::always(openai::answer("yes"));
    let state = State::in_memory();
    let router = gateway(state.clone(), &server.url()).await;
    let mut terms = KeyTerms::new("k");
    terms.models = vec!["near/*".into()];
    let (_, token) = state.create_key(terms).await.unwrap();
    assert_eq!(chat(&router, token.expose(), hello("near/other")).await.status, 200);
    for model in ["default", "nothing"] {
        let answer = chat(&router, token.expose(), hello(model)).await;
        assert_eq!(answer.error(), (404, "model_not_found".to_owned()));
        assert!(answer.body.contains(&format!("no model `{model}` here: name one of near/*")), "{answer:?}");
    }
}

#[tokio::test]
async fn a_full_minute_says_when_to_come_again() {
    let server = Server::always(openai::answer("yes"));
    let state = State::in_memory();
    let router = gateway(state.clone(), &server.url()).await;
    let mut terms = KeyTerms::new("k");
    terms.requests_per_minute = Some(1);
    terms.tokens_per_minute = Some(100_000);
    let (_, token) = state.create_key(terms).await.unwrap();
    // The minute may turn between two requests, but not twice.
    let mut refused = None;
    for _ in 0..3 {
        let answer = chat(&router, token.expose(), hello("near")).await;
        match answer.status {
            200 => assert_eq!(answer.header("x-ratelimit-remaining-requests"), "0"),
            _ => refused = Some(answer),
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.error(), (429, "rate_limit_exceeded".to_owned()));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert_eq!(refused.header("x-ratelimit-limit-requests"), "1");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    assert!(refused.header("x-ratelimit-reset-requests").ends_with('s'));
    let anthropic = ("x-api-key", token.expose());
    let refused = post(&router, "/v1/messages", anthropic, &hello("near")).await;
    if refused.status == 429 {
        assert_eq!(refused.error().1, "rate_limit_error");
    }
    assert_eq!(refused.header("anthropic-ratelimit-requests-limit"), "1");
    assert_eq!(refused.header("anthropic-ratelimit-tokens-reset").len(), 20);
}

#[tokio::test]
async fn an_answer_that_took_fewer_tokens_than_it_might_have_gives_them_back() {
    let server = dear();
    let state = State::in_memory();
    let router = gateway(state.clone(), &server.url()).await;
    let mut terms = KeyTerms::new("k");
    terms.tokens_per_minute = Some(1_000_000);
    let (_, token) = state.create_key(terms).await.unwrap();
    let mut body = hello("near");
    body["max_tokens"] = json!(400_000);
    // Were they not given back the third would find no place; it would not where the minute turned.
    for _ in 0..6 {
        assert_eq!(chat(&router, token.expose(), body.clone()).await.status, 200);
    }
}

#[tokio::test]
async fn a_budget_lets_nothing_out_that_it_could_not_pay_and_ends_when_it_is_spent() {
    let server = dear();
    let state = State::in_memory();
    let router = gateway(state.clone(), &server.url()).await;
    let mut terms = KeyTerms::new("k");
    terms.budget_per_month_nano_dollars = Some(2 * COST);
    let (_, token) = state.create_key(terms).await.unwrap();
    let mut large = hello("near");
    large["max_tokens"] = json!(1_000_000);
    let answer = chat(&router, token.expose(), large).await;
    assert_eq!(answer.error(), (429, "insufficient_quota".to_owned()));
    assert!(server.requests().is_empty(), "it might have cost more than there is");
    for _ in 0..2 {
        assert_eq!(chat(&router, token.expose(), hello("near")).await.status, 200);
    }
    let answer = chat(&router, token.expose(), hello("near")).await;
    assert_eq!(answer.error(), (429, "insufficient_quota".to_owned()));
    assert!(answer.body.contains("the budget of this access key is spent"), "{answer:?}");
    assert_eq!(server.requests().len(), 2);
    let key = state.keys().remove(0);
    assert_eq!(key.spent_this_month_nano_dollars, 2 * COST);
}

#[tokio::test]
async fn spend_and_keys_outlive_the_process_and_no_secret_is_in_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = dear();
    let state = State::open(folder.path()).unwrap();
    let router = gateway(state.clone(), &server.url()).await;
    let (key, token) = state.create_key(KeyTerms::new("k")).await.unwrap();
    assert_eq!(chat(&router, token.expose(), hello("near")).await.status, 200);
    let mut streamed = hello("near");
    streamed["stream"] = json!(true);
    let answer = chat(&router, token.expose(), streamed).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    drop((router, state));
    let state = State::open(folder.path()).unwrap();
    let kept = state.keys().remove(0);
    assert_eq!(kept.id, key.id);
    assert!(kept.spent_this_month_nano_dollars >= COST && kept.last_used.is_some(), "{kept:?}");
    let router = gateway(state.clone(), &server.url()).await;
    assert_eq!(chat(&router, token.expose(), hello("near")).await.status, 200);
    let secret = token.expose().rsplit('-').next().unwrap();
    let bytes = bytes_of(folder.path());
    assert!(bytes.windows(key.id.len()).any(|window| window == key.id.as_bytes()));
    assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
}
