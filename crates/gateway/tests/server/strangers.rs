//! Pages of strangers in a browser of this machine.

use ultraai_testkit::{Server, openai, refusing_url};

use crate::support::{Answer, Gateway, chat, get};

fn with_host(host: &str) -> String {
    get("/healthz").replace("localhost", host)
}

fn with(request: &str, lines: &str) -> String {
    request.replacen("\r\n", &format!("\r\n{lines}\r\n"), 1)
}

fn assert_refused(answer: &Answer, part: &str) {
    assert_eq!(answer.status, 403, "{answer:?}");
    let error = answer.json()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains(part), "{error}");
}

#[test]
fn without_keys_it_answers_to_names_of_this_machine_only() {
    let gateway = Gateway::start(&refusing_url(), |_| {});
    for host in ["localhost", "localhost:8080", "127.0.0.1", "[::1]:99", "app.localhost"] {
        assert_eq!(gateway.request(&with_host(host)).status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:80", "10.0.0.1", "127.0.0.1.evil.example"] {
        assert_refused(&gateway.request(&with_host(host)), host);
    }
    let absolute = get("http://evil.example/healthz");
    assert_refused(&gateway.request(&absolute), "evil.example");
    let twice = with(&get("/healthz"), "host: evil.example");
    assert_refused(&gateway.request(&twice), "evil.example");
}

#[test]
fn without_keys_no_page_may_call_it_unless_its_origin_is_named() {
    let upstream = Server::always(openai::answer("hello"));
    let gateway = Gateway::start(&upstream.url(), |gateway| {
        gateway.cors_origins = vec!["https://good.example".to_owned()];
    });
    let page = |origin: &str| gateway.request(&with(&chat(false), &format!("origin: {origin}")));
    for origin in ["https://evil.example", "http://good.example", "null", "http://localhost:8080"] {
        assert_refused(&page(origin), origin);
    }
    assert!(upstream.requests().is_empty());
    let answer = page("https://good.example");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://good.example"));
    assert_eq!(answer.header("vary"), Some("origin"));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    for name in ["x-request-id", "x-ultraai-attempts", "x-ultraai-cost"] {
        assert!(exposed.split(", ").any(|one| one == name), "{exposed}");
    }
    // A name that resolves to this machine has no origin of another one.
    assert_refused(&gateway.request(&with_host("evil.example")), "evil.example");
}

#[test]
fn a_preflight_is_answered_for_origins_that_are_named() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.cors_origins = vec!["*".to_owned()]);
    let asked = "origin: https://any.example\r\naccess-control-request-method: POST\r\naccess-control-request-headers: authorization, x-own";
    let request = with(&get("/v1/chat/completions").replace("GET", "OPTIONS"), asked);
    let answer = gateway.request(&request);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://any.example"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, x-own"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST"));
}

#[test]
fn without_origins_no_answer_speaks_of_them() {
    let gateway = Gateway::start(&refusing_url(), |_| {});
    let answer = gateway.request(&get("/healthz"));
    assert!(!answer.head.contains("access-control") && !answer.head.contains("vary"), "{answer:?}");
}
