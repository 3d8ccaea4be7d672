//! `embed`.

use std::time::Duration;

use serde_json::{Value, json};
use ultraai_testkit::{Received, Reply, Server};

use crate::program::{Program, Ran, assert_error, near};

fn answered(received: &Received) -> Reply {
    assert_eq!(received.path, "/v1/embeddings");
    let inputs = received.json()["input"].as_array().unwrap().len();
    let data: Vec<Value> =
        (0..inputs).map(|index| json!({ "index": index, "embedding": [index, 0.5] })).collect();
    let body = json!({ "data": data, "model": "m-1", "usage": { "prompt_tokens": 7, "total_tokens": 7 } });
    Reply::json(200, &body).header("x-request-id", "it")
}

fn printed(ran: &Ran) -> Value {
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 1), "{ran:?}");
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn the_vectors_of_arguments_and_of_lines_are_one_line_of_json() {
    let server = Server::answering(answered);
    let program = Program::with_server(&server.url()).stdin(b"one\n\n two \r\nthree\n");
    let flags = ["--model", "e", "--dimensions", "2"];
    let ran = program.run(&[&["embed", "first text", "second"], &flags[..]].concat());
    assert_eq!(ran.err, "");
    assert_eq!(
        printed(&ran),
        json!({ "provider": "near", "model": "m-1", "dimensions": 2, "embeddings": [[0.0, 0.5], [1.0, 0.5]],
            "usage": { "input_tokens": 7, "output_tokens": 0, "source": "reported" }, "request_id": "it" })
    );
    for arguments in [&["embed"][..], &["embed", "-"]] {
        let ran = program.run(&[arguments, &flags].concat());
        assert_eq!(printed(&ran)["embeddings"].as_array().unwrap().len(), 3);
    }
    let sent: Vec<Value> = server.requests().iter().map(Received::json).collect();
    assert_eq!(sent[0], json!({ "model": "e", "input": ["first text", "second"], "dimensions": 2 }));
    assert_eq!(sent[2]["input"], json!(["one", " two ", "three"]));
}

#[test]
fn the_model_is_the_one_of_the_provider_where_it_makes_embeddings_else_the_vendors_usual_one() {
    let server = Server::answering(answered);
    let settings = format!(
        "[providers.chat]\ntype = \"mistral\"\nmodel = \"mistral-large\"\nbase_url = \"{0}/v1\"\n\
         [providers.code]\ntype = \"mistral\"\nmodel = \"codestral-embed\"\nbase_url = \"{0}/v1\"\n",
        server.url()
    );
    let program = Program::with_settings(&settings).variable("MISTRAL_API_KEY", "sk-1");
    for (flags, model) in [
        (&[][..], "mistral-embed"),
        (&["-p", "code"], "codestral-embed"),
        (&["-p", "code", "-m", "other"], "other"),
    ] {
        printed(&program.run(&[&["embed", "a"], flags].concat()));
        assert_eq!(server.requests().last().unwrap().json()["model"], model, "{flags:?}");
    }
    assert_eq!(printed(&program.run(&["embed", "a", "-p", "mock/m"]))["model"], "mock:m");
}

#[test]
fn who_has_no_model_of_embeddings_is_passed_over_unless_one_is_named() {
    let server = Server::answering(answered);
    let settings = format!(
        "[providers.chat]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{0}/v1\"\n\
         [providers.code]\ntype = \"mistral\"\nbase_url = \"{0}/v1\"\n",
        server.url()
    );
    let program = Program::with_settings(&settings).variable("MISTRAL_API_KEY", "sk-1");
    assert_eq!(printed(&program.run(&["embed", "a"]))["provider"], "code");
    assert_eq!(printed(&program.run(&["embed", "a", "--model", "e"]))["provider"], "chat");
}

#[test]
fn without_any_provider_the_mock_answers_and_says_so() {
    let ran = Program::new().run(&["embed", "hello", "--dimensions", "8"]);
    let answer = printed(&ran);
    assert_eq!((&answer["model"], &answer["dimensions"]), (&json!("mock"), &json!(8)));
    assert!(ran.err.contains("note: ") && ran.err.contains("mock"), "{ran:?}");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_sent() {
    let server = Server::answering(answered);
    let program = Program::with_server(&server.url());
    for (arguments, parts) in [
        (&["embed", "a"][..], &["near: no model of embeddings", "--model"][..]),
        (&["embed", "a", "", "-m", "e"], &["text 2 is empty"]),
        (&["embed", "-m", "e"], &["standard input holds no text"]),
        (&["embed", "a", "-m", "e", "-p", "nobody"], &["no provider `nobody`"]),
        (&["embed", "a", "-m", "e", "-p", "perplexity"], &["`perplexity` makes no embeddings", "gemini"]),
        (&["embed", "a", "-m", "e", "--dimensions", "-1"], &["--dimensions"]),
        (&["embed", "a", "-m", "e", "--timeout-seconds", "0"], &["--timeout-seconds"]),
    ] {
        assert_error(&program.run(arguments), 2, parts);
    }
    let program = program.stdin(b"a\xff");
    assert_error(&program.run(&["embed", "-m", "e"]), 2, &["standard input is not UTF-8 (at byte 1)"]);
    assert_error(&program.run(&["embed", "a", "-m", "e", "--task", "query"]), 1, &["near: the task `query`"]);
    assert!(server.requests().is_empty());
}

#[test]
fn a_failure_is_told_with_its_kind_and_never_with_key_or_text() {
    let said = "wrong key sk-hunter22 for 'the diary of the year 1984'";
    let busy = Server::always(
        Reply::json(429, &json!({ "error": { "message": "slow down" } })).header("retry-after", "9"),
    );
    let wrong = Server::always(Reply::json(401, &json!({ "error": { "message": said } })));
    for (server, parts) in
        [(&busy, ["near: slow down", "9"]), (&wrong, ["near: wrong key [key]", "[text of the request]"])]
    {
        let settings = format!("{}api_key = {{ env = \"KEY\" }}\n", near(&server.url()));
        let program = Program::with_settings(&settings).variable("KEY", "sk-hunter22");
        let ran = program.run(&["embed", "the diary of the year 1984", "-m", "e"]);
        assert_error(&ran, 1, &parts);
        assert!(!ran.err.contains("hunter22") && !ran.err.contains("diary"), "{ran:?}");
    }
    let slow = Server::answering(|received| answered(received).after(Duration::from_secs(5)));
    let program = Program::with_server(&slow.url());
    assert_error(&program.run(&["embed", "a", "-m", "e", "--timeout-seconds", "0.2"]), 3, &["deadline"]);
}
