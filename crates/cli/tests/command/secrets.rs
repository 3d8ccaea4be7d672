//! A key never appears, whatever is printed.

use ultraai_testkit::{Server, openai};

use crate::program::Program;

const KEY: &str = "sk-planted-7f3a9c2e51";

#[test]
fn a_key_is_sent_and_appears_nowhere() {
    let ways: [(&str, &str); 3] = [
        ("OPENAI_API_KEY", ""),
        ("WORK_KEY", "api_key = { env = \"WORK_KEY\" }\n"),
        ("UNUSED", "api_key = \"sk-planted-7f3a9c2e51\"\n"),
    ];
    for (variable, line) in ways {
        // The server repeats the key, as some vendors do when it is wrong.
        for reply in [openai::answer("yes"), openai::error(401, &format!("wrong key {KEY}"))] {
            let server = Server::always(reply);
            let settings = format!(
                "[providers.a]\ntype = \"openai\"\nmodel = \"m\"\nbase_url = \"{}/v1\"\n{line}",
                server.url()
            );
            let program = Program::with_settings(&settings).variable(variable, KEY);
            for arguments in [
                &["ask", "hi", "--log", "trace", "--explain"][..],
                &["ask", "hi", "--log", "trace", "--json"],
                &["providers", "--log", "trace"],
                &["providers", "--json"],
                &["config", "--log", "trace"],
                &["config", "--json"],
                &["config", "--init", "-"],
                &["strategies"],
            ] {
                let ran = program.run(arguments);
                assert!(
                    !ran.out.contains("planted") && !ran.err.contains("planted"),
                    "{arguments:?} {ran:?}"
                );
            }
            assert!(server.requests().iter().all(|request| request.mentions(KEY)));
            assert_eq!(server.requests().len(), 2);
        }
    }
}

#[test]
fn config_says_that_a_key_stands_in_the_file() {
    let settings = format!("[providers.a]\ntype = \"openai\"\nmodel = \"m\"\napi_key = \"{KEY}\"\n");
    let ran = Program::with_settings(&settings).run(&["config"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("ultraai.toml:4: the key of `a` stands in the file"), "{ran:?}");
}

#[test]
fn a_broken_file_does_not_give_a_key_away() {
    for settings in [
        format!("[providers.a]\ntype = \"openai\"\napi_key = {KEY}\n"),
        format!("OPENAI_API_KEY={KEY}\n"),
        format!("[providers.a]\ntype = \"openai\"\nmax_retries = \"{KEY}\"\n"),
        format!("[providers.a]\ntype = \"openai\"\nmodel = \"m\"\napi_key = {{ env = \"{KEY}\" }}\n"),
        format!("[providers.a]\ntype = \"openai\"\nmodel = \"m\"\napi_key = {{ file = \"{KEY}\" }}\n"),
        format!("[providers.a]\ntype = \"openai\"\napi_key = \"sk-\n{KEY}\"\n"),
        format!("[orchestrator]\nmax_retries = \"{KEY}\"\n"),
        format!("[providers.a]\ntype = \"openai\"\napi_key = [\"{KEY}\"]\n"),
        format!(
            "[providers.a]\ntype = \"openai\"\nbase_url = \"http://me:{KEY}@localhost/v1\"\napi_key = \"x\"\n"
        ),
    ] {
        for arguments in [
            &["ask", "hi"][..],
            &["ask", "hi", "--json"],
            &["config"],
            &["config", "--json"],
            &["providers"],
            &["providers", "--json"],
        ] {
            let ran = Program::with_settings(&settings).run(arguments);
            assert!(!ran.out.contains("planted") && !ran.err.contains("planted"), "{settings} {ran:?}");
        }
    }
}

#[test]
fn the_prompt_is_in_no_log() {
    let server = Server::always(openai::answer("a secret answer"));
    let program = Program::with_server(&server.url());
    let ran = program.run(&["ask", "a secret question", "--log", "trace"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.err.contains("secret"), "{ran:?}");
    let ran = program.stdin(b"a secret question\n").run(&["chat", "--log", "trace"]);
    assert_eq!((ran.code, ran.err.contains("secret")), (Some(0), false), "{ran:?}");
}

#[test]
fn what_is_kept_holds_no_key() {
    let server = Server::always(openai::answer("yes"));
    let settings =
        format!("[providers.a]\ntype = \"openai\"\nmodel = \"m\"\nbase_url = \"{}/v1\"\n", server.url());
    let program = Program::with_settings(&settings).variable("OPENAI_API_KEY", KEY).stdin(b"hi\n");
    assert_eq!(program.run(&["ask", "--save", "o.json"]).code, Some(0));
    assert_eq!(program.run(&["chat", "--save", "c.json"]).code, Some(0));
    assert!(server.requests().iter().all(|request| request.mentions(KEY)));
    for file in ["o.json", "c.json"] {
        let kept = std::fs::read_to_string(program.path(file)).unwrap();
        assert!(kept.contains("yes") && !kept.contains("planted"), "{kept}");
    }
}
