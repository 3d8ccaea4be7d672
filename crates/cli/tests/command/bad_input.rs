//! Bad input gets one clear error that names what is wrong and what is known or to do.

use ultraai_testkit::{Server, openai, refusing_url};

use crate::program::{Program, assert_error, near};

#[test]
fn an_unknown_provider_is_named_with_the_known_ones() {
    let program = Program::new();
    assert_error(
        &program.run(&["ask", "hi", "--provider", "mokc"]),
        2,
        &["no provider `mokc` is configured", "linked: ", "did you mean `mock`?"],
    );
    let program = Program::with_settings("[providers.a]\ntype = \"opneai\"\n");
    assert_error(
        &program.run(&["ask", "hi"]),
        2,
        &["ultraai.toml:2:1", "no provider `opneai`", "did you mean `openai`?"],
    );
}

#[test]
fn an_unknown_strategy_option_or_setting_is_named() {
    let program = Program::new();
    for (arguments, parts) in [
        (
            &["ask", "hi", "--strategy", "simpel"][..],
            &["--strategy", "`simpel`", "did you mean `simple`?"][..],
        ),
        (&["ask", "hi", "--max-retrys", "3"], &["--max-retrys", "--max-retries"]),
        (&["ask", "hi", "--max-retries", "many"], &["--max-retries", "a whole number from 0 up", "many"]),
        (&["ask", "hi", "--timeout-seconds", "-1"], &["--timeout-seconds", "above 0"]),
        (
            &["ask", "hi", "--timeout-seconds", "1e99"],
            &["--timeout-seconds", "above 0, and at most 1000000000"],
        ),
        (&["ask", "hi", "--gap-timeout-seconds", "inf"], &["--gap-timeout-seconds", "must be a number"]),
        (&["ask", "hi", "--force"], &["--save"]),
        (&["completions", "tcsh"], &["tcsh", "bash"]),
        (&["ask", "hi", "--synthesizer", "x"], &["--synthesizer", "`x`", "configured: mock"]),
        (&["ask", "hi", "--analysis-type", "x"], &["--analysis-type", "no analyzer `x`"]),
        (&["ask", "hi", "--max-tokens", "0"], &["`max_tokens` is 0"]),
        (&["ask", "hi", "--log", "loud"], &["--log", "`loud`", "debug"]),
        (&["ask", "hi", "--max-tokens", "-1"], &["--max-tokens", "a whole number above 0"]),
        (&["ask", "hi", "--temperature", "-1"], &["`temperature` is -1"]),
        (&["aks", "hi"], &["aks", "--help"]),
        (&["why is the sky blue?"], &["write `ultraai ask \"…\"`"]),
        (&["ask", "why", "is", "it", "so"], &["put the prompt in quotes: `ultraai ask \"…\"`"]),
    ] {
        assert_error(&program.run(arguments), 2, parts);
    }
    let program = Program::with_settings("[orchestrator]\nmax_retrys = 3\n");
    assert_error(&program.run(&["ask", "hi"]), 2, &["ultraai.toml:2:1", "did you mean `max_retries`?"]);
    let program = Program::new().variable("ULTRAAI_MIN_RESPONSES_NEEDED", "0");
    assert_error(&program.run(&["config"]), 2, &["ULTRAAI_MIN_RESPONSES_NEEDED", "at least 1"]);
}

#[test]
fn a_missing_key_names_its_variable() {
    let program = Program::with_settings("[providers.a]\ntype = \"openai\"\nmodel = \"gpt-4o\"\n");
    assert_error(&program.run(&["ask", "hi"]), 2, &["a: ", "ultraai.toml:1", "OPENAI_API_KEY"]);
    assert_error(&Program::new().run(&["ask", "hi", "-p", "groq"]), 2, &["--provider", "GROQ_API_KEY"]);
}

#[test]
fn a_missing_model_is_told_before_anything_is_asked() {
    let server = Server::always(openai::answer("yes"));
    let settings = near(&server.url()).replace("model = \"m\"\n", "");
    assert_error(
        &Program::with_settings(&settings).run(&["ask", "hi"]),
        2,
        &["near: ", "ultraai.toml:1:12: no `model`: set it to one that the server has"],
    );
    assert!(server.requests().is_empty());
    let program = Program::with_settings("[providers.one]\ntype = \"ollama\"\n");
    assert_error(&program.run(&["ask", "hi"]), 2, &["no `model`: set it, or write `-p ollama/MODEL`"]);
    assert_error(&Program::new().run(&["ask", "hi", "-p", "ollama"]), 2, &["write `-p ollama/MODEL`"]);
}

#[test]
fn an_empty_prompt_is_refused_wherever_it_comes_from() {
    for (program, arguments) in [
        (Program::new(), &["ask", ""][..]),
        (Program::new(), &["ask", " \n"]),
        (Program::new().stdin(b"\n"), &["ask"]),
        (Program::new().stdin(b""), &["ask", "-"]),
        (Program::new().file("empty.txt", b""), &["ask", "--file", "empty.txt"]),
    ] {
        assert_error(&program.run(arguments), 2, &["the prompt is empty"]);
    }
}

#[test]
fn a_file_that_is_missing_or_not_utf8_is_named() {
    let program = Program::new().file("latin1.txt", b"gr\xfc\xdfe").stdin(b"gr\xfc\xdfe");
    assert_error(&program.run(&["ask", "-f", "latin1.txt"]), 2, &["latin1.txt is not UTF-8 (at byte 2)"]);
    assert_error(&program.run(&["ask", "-"]), 2, &["standard input is not UTF-8"]);
    assert_error(&program.run(&["ask", "-f", "none.txt"]), 2, &["none.txt cannot be read", "because: "]);
    assert_error(&program.run(&["ask", "hi", "-c", "none.toml"]), 2, &["none.toml is not there", "--init"]);
    let program = Program::new().file("ultraai.toml", b"# \xff\n");
    assert_error(&program.run(&["ask", "hi"]), 2, &["ultraai.toml is not UTF-8 (line 1)"]);
}

#[test]
fn an_unreachable_server_is_named_with_its_address() {
    let url = refusing_url();
    let program = Program::with_server(&url);
    let ran = program.run(&["ask", "hi", "--max-retries", "0"]);
    assert_error(&ran, 1, &["near: ", url.trim_start_matches("http://"), "running"]);
}

#[test]
fn a_wrong_key_names_the_variable_to_look_at() {
    let server = Server::always(openai::error(401, "Incorrect API key provided: sk-wrong-0123456789."));
    let settings =
        format!("[providers.a]\ntype = \"openai\"\nmodel = \"gpt-4o\"\nbase_url = \"{}/v1\"\n", server.url());
    let program = Program::with_settings(&settings).variable("OPENAI_API_KEY", "sk-wrong-0123456789");
    let ran = program.run(&["ask", "hi"]);
    assert_error(&ran, 1, &["a: ", "(HTTP 401)", "check the key in the variable OPENAI_API_KEY"]);
    assert!(!ran.err.contains("sk-wrong"), "{ran:?}");
}

#[test]
fn a_provider_that_breaks_or_is_busy_is_told_with_what_to_do_next() {
    for (reply, advice) in [
        (openai::error(500, "oops"), "the provider failed on its own side: try again later"),
        (openai::error(429, "busy").header("retry-after", "7"), "try again in 7 s"),
    ] {
        let server = Server::always(reply);
        let ran = Program::with_server(&server.url()).run(&["ask", "hi", "--max-retries", "0"]);
        assert_error(&ran, 1, &["near: ", advice, "configure another provider"]);
    }
}

#[test]
fn each_candidates_error_is_told() {
    let busy = Server::always(openai::error(404, "no such model"));
    let settings = format!("{}{}", near(&busy.url()), near(&refusing_url()).replace("near", "gone"));
    let ran = Program::with_settings(&settings).run(&["ask", "hi", "--max-retries", "0"]);
    assert_error(&ran, 1, &["\n  near: ", "does the provider have the model `m`?", "\n  gone: "]);
}

#[test]
fn a_failure_says_how_often_it_asked_and_why() {
    let url = refusing_url();
    let program = Program::with_server(&url);
    let ran = program.run(&["ask", "hi", "--max-retries", "0", "--explain"]);
    assert_error(&ran, 1, &["1 attempt was made", "\n  - "]);
    assert!(ran.err.matches("because: ").count() <= 1, "{ran:?}");
    let ran = program.run(&["ask", "hi", "--max-retries", "0", "--quiet"]);
    assert!(!ran.err.contains("attempt was made"), "{ran:?}");
}

#[test]
fn a_quorum_that_cannot_come_is_refused_as_wrong_use() {
    let server = Server::always(openai::answer("yes"));
    let ran = Program::with_server(&server.url()).run(&["ask", "hi", "--min-responses-needed", "9"]);
    assert_error(&ran, 2, &["`min_responses_needed` is 9, and only one provider can be asked"]);
    assert!(server.requests().is_empty());
}

#[test]
fn a_deadline_that_passes_has_its_own_exit_code() {
    let server = Server::always(ultraai_testkit::Reply::hang());
    let program = Program::with_server(&server.url());
    let ran = program.run(&["ask", "hi", "--timeout-seconds", "0.3"]);
    assert_error(&ran, 3, &[" --timeout-seconds"]);
}
