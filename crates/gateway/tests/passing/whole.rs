//! Whole requests and answers.

use axum::{body::Body, http::Request};
use ultraai_testkit::Server;

use crate::{
    protocol::{CHAT, COST, MESSAGES, PROTOCOLS, RESPONSES},
    support::Gateway,
};

fn sent(server: &Server) -> String {
    String::from_utf8(server.requests().pop().unwrap().body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_request_and_its_answer_pass_untouched_but_for_the_model() {
    for protocol in PROTOCOLS {
        let server = Server::always(protocol.whole());
        let gateway = Gateway::over(&server).await;
        let answer = gateway.post(protocol.path, &protocol.asking(protocol.provider)).await;
        assert_eq!(sent(&server), protocol.asking("m-up"));
        assert_eq!((answer.status, answer.text.as_str()), (200, protocol.answer));
        assert_eq!(answer.header("x-ultraai-attempts"), "1", "{}", protocol.path);
        assert_eq!(answer.header("x-ultraai-cost"), COST, "{}", protocol.path);
        assert_eq!(answer.header("x-ultraai-provider"), protocol.provider);
    }
}

#[tokio::test]
async fn a_word_that_the_vendor_has_not_is_said_in_its_own() {
    let server = Server::always(CHAT.whole());
    let gateway = Gateway::over(&server).await;
    let body = CHAT.asking("strict").replace("\"n\":1", "\"max_tokens\":5");
    let answer = gateway.post(CHAT.path, &body).await;
    let json = server.requests().pop().unwrap().json();
    assert_eq!((&json["max_completion_tokens"], json.get("max_tokens")), (&5.into(), None));
    assert_eq!(answer.text, CHAT.answer);
}

#[tokio::test]
async fn between_two_protocols_everything_is_written_anew() {
    for (caller, upstream) in [(CHAT, MESSAGES), (MESSAGES, CHAT)] {
        let server = Server::always(upstream.whole());
        let gateway = Gateway::over(&server).await;
        let plain = caller.asking(upstream.provider).replace("\"novel\"", "\"temperature\"");
        let cut = |text: &str, from: &str, to: &str| {
            let (start, end) = (text.find(from).unwrap(), text.find(to).unwrap());
            format!("{}{}", &text[..start], &text[end..])
        };
        // Fields that nobody knows mean nothing elsewhere.
        let plain = match caller.provider {
            "chat" => cut(&plain, "\"temperature\":{", "\"model\"")
                .replace(",\"x\":1e2", "")
                .replace(",\"z\":null", ""),
            _ => cut(&plain, ",\"temperature\":{", ",\"x\"").replace(",\"x\":1e2", ""),
        };
        let answer = gateway.post(caller.path, &plain).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let received = server.requests().pop().unwrap();
        assert_eq!((received.path.as_str(), &received.json()["model"]), (upstream.path, &"m-up".into()));
        let raw = answer.json();
        assert_eq!(raw.get("novel"), None, "{raw}");
        assert_ne!(raw["id"], "theirs-1");
    }
}

#[tokio::test]
async fn beta_features_go_with_a_message_to_an_upstream_that_has_them() {
    let server = Server::always(MESSAGES.whole());
    let gateway = Gateway::over(&server).await;
    let asked = |body: String| {
        let request = Request::post(MESSAGES.path);
        let request = request.header("anthropic-beta", "a-1, b-2").header("anthropic-beta", "c-3");
        request.body(Body::from(body)).unwrap()
    };
    let sent_betas = || {
        let received = server.requests().pop().unwrap();
        let betas = received.headers.iter().filter(|(name, _)| name == "anthropic-beta");
        betas.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    gateway.ask(asked(MESSAGES.asking("messages"))).await;
    assert_eq!(
        (sent(&server), sent_betas().pop().unwrap()),
        (MESSAGES.asking("m-up"), "set-1,a-1,b-2,c-3".into())
    );
    // Written anew for its blank text, it goes with them all the same.
    let anew = MESSAGES
        .asking("messages")
        .replace("\"\\u0041\"", "[{\"type\":\"text\",\"text\":\" \"},{\"type\":\"text\",\"text\":\"a\"}]");
    gateway.ask(asked(anew)).await;
    let received = server.requests().pop().unwrap();
    assert_eq!(received.json()["messages"][0]["content"].as_array().unwrap().len(), 1);
    assert_eq!(received.json().get("betas"), None);
    assert_eq!(sent_betas().pop().unwrap(), "set-1,a-1,b-2,c-3");
}

#[tokio::test]
async fn what_changes_no_answer_keeps_nobody_from_another_protocol() {
    let server = Server::always(CHAT.whole());
    let gateway = Gateway::over(&server).await;
    let body = r#"{"model":"chat","max_tokens":7,"messages":[{"role":"user","content":"a"}],"tools":[],"tool_choice":{"type":"auto"},
        "service_tier":"auto","metadata":{"user_id":"u"},"mcp_servers":[]}"#;
    let request = Request::post(MESSAGES.path).header("anthropic-beta", "a-1");
    let answer = gateway.ask(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = r#"{"model":"chat","input":"a","store":false,"background":false,"truncation":"disabled","include":[],"tools":[],
        "tool_choice":"auto","parallel_tool_calls":true,"top_logprobs":0,"metadata":{},"service_tier":"auto","prompt_cache_key":"k",
        "safety_identifier":"u","stream_options":{"include_obfuscation":false},"text":{"format":{"type":"text"},"verbosity":"medium"}}"#;
    let answer = gateway.post(RESPONSES.path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sent = server.requests().pop().unwrap().json();
    for key in ["tool_choice", "store", "truncation", "tools", "stream_options", "prompt_cache_key"] {
        assert_eq!(sent.get(key), None, "{key}: {sent}");
    }
    // What changes an answer is not sent without it.
    let asked = server.requests().len();
    let refused = gateway.post(RESPONSES.path, &body.replace("disabled", "auto")).await;
    assert!(refused.status >= 400, "{}", refused.text);
    assert_eq!(server.requests().len(), asked);
}

#[tokio::test]
async fn what_needs_something_stored_reaches_no_upstream_and_nothing_is_stored_unasked() {
    let server = Server::always(RESPONSES.whole());
    let gateway = Gateway::over(&server).await;
    let asking = |more: &str| format!(r#"{{"model":"responses","input":"a",{more}}}"#);
    for (field, value) in [
        ("background", "true"),
        ("previous_response_id", r#""resp_1""#),
        ("conversation", r#""conv_1""#),
        ("prompt", r#"{"id":"pmpt_1"}"#),
    ] {
        let answer =
            gateway.post(RESPONSES.path, &asking(&format!(r#""store":true,"{field}":{value}"#))).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["type"]),
            (400, &"invalid_request_error".into()),
            "{}",
            answer.text
        );
        assert_eq!(error["param"], field);
    }
    let reference = r#"{"model":"responses","input":[{"type":"item_reference","id":"msg_1"}]}"#;
    let answer = gateway.post(RESPONSES.path, reference).await;
    assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &"input[0]".into()));
    assert_eq!(server.requests().len(), 0);

    for (said, store) in [(r#""top_p":1"#, false), (r#""store":true"#, true), (r#""store":null"#, false)] {
        let answer = gateway.post(RESPONSES.path, &asking(said)).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, RESPONSES.answer));
        assert_eq!(server.requests().pop().unwrap().json()["store"], store, "{said}");
    }
}
