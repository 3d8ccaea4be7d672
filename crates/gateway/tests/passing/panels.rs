//! Answers that are made of several.

use serde_json::Value;
use ultraai_testkit::{Reply, Server, openai};

use crate::{
    protocol::CHAT,
    support::{Gateway, providers},
};

/// What one answer used: its tokens before it was made.
fn used(reply: &Reply) -> u64 {
    let body: Value = serde_json::from_slice(&reply.body_pieces().concat()).unwrap();
    body["usage"]["prompt_tokens"].as_u64().unwrap()
}

#[tokio::test]
async fn what_a_panel_makes_of_its_answers_is_no_upstreams_own() {
    let server = Server::answering(|request| match request.json()["stream"] == true {
        true => openai::stream(["made ", "of two"]),
        false => openai::answer("one of two"),
    });
    let chat = providers(&server).split("[providers.strict]").next().unwrap().to_owned();
    let second = chat.replace("[providers.chat]", "[providers.second]");
    let text = format!("[orchestrator]\nstrategy = \"parallel\"\nsynthesize = true\n{chat}{second}");
    let gateway = Gateway::new(&text).await;
    let live = r#"{"model":"default","stream":true,"messages":[{"role":"user","content":"a"}]}"#;
    let answer = gateway.post(CHAT.path, live).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut events = answer.events();
    assert_eq!(events.pop().unwrap(), "[DONE]");
    // Upstreams say `chatcmpl-test`.
    assert!(
        !events.is_empty() && events.iter().all(|event| event["id"] != "chatcmpl-test"),
        "{}",
        answer.text
    );
    let whole = gateway.post(CHAT.path, &live.replace("true", "false")).await;
    assert_eq!(whole.status, 200, "{}", whole.text);
    assert_eq!(whole.header("x-ultraai-attempts"), "3");
    let body = whole.json();
    assert!(body["id"] != "chatcmpl-test" && body["id"].as_str().unwrap().starts_with("chatcmpl-"), "{body}");
    // All that was used, and not what one of them says.
    assert_eq!(body["usage"]["prompt_tokens"].as_u64().unwrap(), 3 * used(&openai::answer("a")));
}
