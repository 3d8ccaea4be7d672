//! `models`.

use serde_json::{Value, json};
use ultraai_testkit::{Reply, Server, refusing_url};

use crate::program::{Program, assert_error, near};

fn lister() -> Server {
    Server::answering(|received| {
        assert_eq!((received.method.as_str(), received.path.as_str()), ("GET", "/v1/models"));
        let models = json!([{ "id": "big", "context_length": 128_000, "name": "The \u{1b}[31mbig one" }, { "id": "small" }]);
        Reply::json(200, &json!({ "data": models }))
    })
}

#[test]
fn the_models_of_each_provider_are_listed() {
    let server = lister();
    let program = Program::with_server(&server.url());
    let ran = program.run(&["models"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let lines: Vec<Vec<&str>> = ran.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["PROVIDER", "MODEL", "NAME", "CONTEXT", "OUTPUT"]);
    assert_eq!(lines[1], ["near", "big", "The", "[31mbig", "one", "128000", "-"]);
    assert_eq!(lines[2], ["near", "small", "-", "-", "-"]);
    let listed: Value = serde_json::from_str(&program.run(&["models", "--json"]).out).unwrap();
    let near = &listed["providers"][0];
    assert_eq!((&near["provider"], &near["type"]), (&json!("near"), &json!("compatible")));
    assert_eq!(
        (&near["models"][0]["id"], &near["models"][0]["context_window"]),
        (&json!("big"), &json!(128_000))
    );
}

#[test]
fn a_provider_that_fails_hides_the_models_of_no_other() {
    let server = lister();
    let settings = format!("{}{}", near(&server.url()), near(&refusing_url()).replace("near", "gone"));
    let program = Program::with_settings(&settings);
    let ran = program.run(&["models"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("big") && ran.err.contains("error: gone: "), "{ran:?}");
    assert_error(&program.run(&["models", "-p", "gone"]), 1, &["gone: ", "is the server running there?"]);
    let listed: Value = serde_json::from_str(&program.run(&["models", "--json"]).out).unwrap();
    assert_eq!(listed["providers"][1]["error"]["kind"], "connect");
}

#[test]
fn who_lists_no_models_is_left_out_or_refused() {
    let server = lister();
    let settings = format!("{}[providers.other]\ntype = \"perplexity\"\n", near(&server.url()));
    let program = Program::with_settings(&settings);
    let ran = program.run(&["models"]);
    assert!(ran.code == Some(0) && ran.err.contains("note: `other` is left out"), "{ran:?}");
    assert_error(&program.run(&["models", "-p", "other"]), 2, &["`perplexity` lists no models", "groq"]);
    let ran = program.run(&["models", "-p", "mock"]);
    assert!(ran.out.contains("a mock, and no language model"), "{ran:?}");
    assert_error(&program.run(&["models", "-p", "groq"]), 2, &["GROQ_API_KEY"]);
}
