//! What `ultraai ask` prints when there is an answer.

use std::process::Stdio;

use serde_json::{Value, json};
use ultraai_testkit::{Reply, Server, openai, refusing_url};

use crate::program::{Program, assert_error, near};

#[test]
fn with_no_settings_at_all_the_mock_answers_and_says_so() {
    let ran = Program::new().run(&["ask", "hello"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("mock"), "{ran:?}");
    assert!(ran.err.contains("the mock answers, which is no model"), "{ran:?}");
}

#[test]
fn a_pipe_gets_the_answer_alone_and_standard_error_what_it_cost() {
    let server = Server::always(openai::answer("Because of Rayleigh."));
    let ran =
        Program::with_server(&server.url()).run(&["ask", "Why is the sky blue?", "--system", "be brief"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "Because of Rayleigh.\n"), "{ran:?}");
    assert!(ran.err.contains("near answered"), "{ran:?}");
    assert!(ran.err.contains("7 tokens in, 3 out") && ran.err.contains("cost unknown"), "{ran:?}");
    let sent = &server.requests()[0];
    assert!(sent.mentions("Why is the sky blue?") && sent.mentions("be brief"));
}

#[test]
fn the_prompt_comes_from_a_file_or_standard_input() {
    let server = Server::always(openai::answer("yes"));
    let program = Program::with_server(&server.url()).file("q.txt", b"from the file").stdin(b"from the pipe");
    assert_eq!(program.run(&["ask", "--file", "q.txt"]).code, Some(0));
    assert_eq!(program.run(&["ask", "-"]).code, Some(0));
    assert_eq!(program.run(&["ask"]).code, Some(0));
    let requests = server.requests();
    assert!(requests[0].mentions("from the file"));
    assert!(requests[1].mentions("from the pipe") && requests[2].mentions("from the pipe"));
}

#[test]
fn what_is_piped_in_stands_below_the_prompt() {
    let server = Server::always(openai::answer("yes"));
    let program = Program::with_server(&server.url());
    let prompt = |program: &Program| {
        let ran = program.run(&["ask", "Review this"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    prompt(&program);
    prompt(&program.stdin(b"- a\n+ b\n"));
    let requests = server.requests();
    assert!(requests[0].mentions(r#""Review this""#), "{:?}", requests[0]);
    assert!(requests[1].mentions(r#""Review this\n\n- a\n+ b\n""#), "{:?}", requests[1]);
}

#[test]
fn an_orchestrator_of_the_settings_can_be_asked_and_arguments_go_over_it() {
    let (one, two) = (Server::always(openai::answer("one")), Server::always(openai::answer("two")));
    let settings = format!(
        "{}{}[orchestrators.second]\nstrategy = \"fallback\"\nproviders = [\"two\"]\nmax_retries = 0\n",
        near(&one.url()).replace("near", "one"),
        near(&two.url()).replace("near", "two")
    );
    let program = Program::with_settings(&settings);
    let ran = program.run(&["ask", "hi", "--orchestrator", "second", "--json"]);
    let outcome: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &outcome["strategy"]), (Some(0), &"fallback".into()), "{ran:?}");
    assert_eq!(outcome["synthesis"]["response"], "two", "{ran:?}");
    let ran = program.run(&["ask", "hi", "--orchestrator", "second", "--provider", "one"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "one\n"), "{ran:?}");
    let ran = program.run(&["ask", "hi", "--orchestrator", "second", "--min-responses-needed", "2"]);
    assert_error(&ran, 2, &["`min_responses_needed` is 2", "`fallback`"]);
    let ran = program.run(&["ask", "hi", "--orchestrator", "secnod"]);
    assert_error(&ran, 2, &["no orchestrator `secnod` is configured: did you mean `second`?"]);
    let ran = program.run(&["ask", "hi", "--orchestrator", "second", "--strategy", "simple"]);
    assert_error(&ran, 2, &["--orchestrator", "--strategy"]);
}

#[test]
fn json_holds_the_whole_outcome() {
    let server = Server::always(openai::answer("yes"));
    let ran = Program::with_server(&server.url()).run(&["ask", "really?", "--json"]);
    let outcome: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(outcome["synthesis"]["response"], "yes");
    assert_eq!(outcome["responses"][0]["provider_id"], "near");
    assert_eq!(outcome["ledger"]["totals"]["reported"]["input_tokens"], 7);
    assert!(outcome["trace"].is_array());
}

#[test]
fn json_holds_what_a_failure_leaves_behind() {
    let server = Server::always(openai::error(401, "no"));
    let ran = Program::with_server(&server.url()).run(&["ask", "really?", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let failed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(failed["error"]["causes"][0]["kind"], "authentication", "{failed:#}");
    assert_eq!(failed["responses"][0]["status"], "failed");
    assert_eq!(failed["ledger"]["totals"]["attempts"], 1);
    let ran = Program::new().run(&["ask", "", "--json"]);
    let failed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &failed["error"]["kind"]), (Some(2), &"config".into()));
}

#[test]
fn an_answer_that_was_cut_off_is_marked_and_has_its_exit_code() {
    let settings =
        "[providers.short]\ntype = \"mock\"\nanswer = \"half an ans\"\nfinish_reason = \"length\"\n";
    let ran = Program::with_settings(settings).run(&["ask", "hi"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), "half an ans\n"), "{ran:?}");
    assert!(ran.err.contains("cut off"), "{ran:?}");
}

#[test]
fn a_budget_that_ends_a_request_has_its_exit_code() {
    let provider = "[providers.near]\ntype = \"mock\"\nmodel = \"m\"\n";
    let program = Program::with_settings(&format!("{provider}price = {{ input = 1, output = 1 }}\n"));
    let refused = program.run(&["ask", "hi", "--budget-dollars", "0.000001"]);
    assert_error(&refused, 5, &["`budget_dollars`"]);
    assert_eq!(program.run(&["ask", "hi", "--budget-dollars", "1"]).code, Some(0));
    let program = Program::with_settings(provider);
    let refused = program.run(&["ask", "hi", "--budget-dollars", "1"]);
    assert_error(&refused, 5, &["`budget_dollars`", "`allow_unknown_prices`"]);
    let allowed = program.run(&["ask", "hi", "--budget-dollars", "1", "--allow-unknown-prices", "true"]);
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
}

#[test]
fn several_providers_make_one_answer_and_explain_themselves() {
    let (one, two) = (Server::always(openai::answer("one")), Server::always(openai::answer("two")));
    let settings = format!("{}{}", near(&one.url()), near(&two.url()).replace("near", "far"));
    let program = Program::with_settings(&settings);
    let ran = program.run(&["ask", "hi", "--explain", "--synthesizer", "far"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "two\n"), "{ran:?}");
    assert!(ran.err.contains("far wrote it from the answers of near, far"), "{ran:?}");
    assert!(ran.err.contains("\n  - "), "{ran:?}");
    let ran = program.run(&["ask", "hi", "--quiet", "-p", "near"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("one\n", ""));
}

#[test]
fn the_candidates_answers_stand_below_each_other_in_a_pipe_and_the_answer_last() {
    let (one, two) = (Server::always(openai::answer("one")), Server::always(openai::error(500, "oops")));
    let settings = format!("{}{}", near(&one.url()), near(&two.url()).replace("near", "far"));
    let program = Program::with_settings(&settings);
    let ran = program.run(&["ask", "hi", "--compare", "--max-retries", "0"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<_> = ran.out.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines[0] == "## near (m)" && lines[2] == "one" && lines[3] == "## far (m)", "{ran:?}");
    assert!(lines[1].starts_with("answered · 0."), "{ran:?}");
    assert!(lines[1].ends_with(" s · 7 tokens in, 3 out · cost unknown"), "{ran:?}");
    assert!(lines[4].starts_with("failed: ") && lines[4].contains("(HTTP 500)"), "{ran:?}");
    assert_eq!(lines[5..], ["## The answer", "one"], "one answer agrees with nobody");
    assert!(ran.err.contains("near answered; failed: far"), "{ran:?}");
    let json = program.run(&["ask", "hi", "--compare", "--max-retries", "0", "--json"]);
    assert!(serde_json::from_str::<Value>(&json.out).unwrap()["synthesis"].is_object());

    // Who answered in vain was paid all the same.
    let ran =
        program.run(&["ask", "hi", "--compare", "--max-retries", "0", "--min-responses-needed", "2", "-q"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.starts_with("## near (m)\n") && !ran.out.contains("## The answer"), "{ran:?}");
}

#[test]
fn a_cost_of_estimated_tokens_is_marked_as_they_are() {
    let mut body = openai::answer_body("m", &json!({ "role": "assistant", "content": "yes" }), "stop");
    body.as_object_mut().unwrap().remove("usage");
    let server = Server::always(Reply::json(200, &body));
    let settings = format!("{}price = {{ input = 1.0, output = 2.0 }}\n", near(&server.url()));
    let program = Program::with_settings(&settings);
    let ran = program.run(&["ask", "hi", "--compare"]);
    assert!(ran.err.contains(" s · ~") && ran.err.contains(" out · cost ~$0.0000"), "{ran:?}");
    assert!(ran.out.contains(" out · cost ~$0.0000"), "{ran:?}");
    let program = program.stdin(b"hi\n/cost\n");
    let ran = program.run(&["chat", "-q", "--save", "c.json"]);
    assert!(ran.err.contains("1 turn · 1 attempt · ~") && ran.err.contains("cost ~$0.0000"), "{ran:?}");
    let ran = program.stdin(b"/cost\n").run(&["chat", "-q", "--resume", "c.json"]);
    assert!(ran.err.contains("cost ~$0.0000"), "{ran:?}");
}

#[test]
fn the_comparison_says_how_far_the_answers_agree() {
    let (one, two) = (Server::always(openai::answer("Blue.")), Server::always(openai::answer("Blue.")));
    let settings = format!("{}{}", near(&one.url()), near(&two.url()).replace("near", "far"));
    let arguments = ["ask", "hi", "--compare", "--analysis-type", "comparative", "-q"];
    let ran = Program::with_settings(&settings).run(&arguments);
    let told = "\nAnalysis (comparative): the answers agree to 100 %\n\nThe answers were compared";
    assert!(ran.out.contains(told) && ran.out.contains("\n\n## The answer\n"), "{ran:?}");
}

#[test]
fn answers_that_differ_are_told_of_with_each_flag_as_it_wants() {
    let (one, two) = (Server::always(openai::answer("42")), Server::always(openai::answer("17")));
    let settings = format!("{}{}", near(&one.url()), near(&two.url()).replace("near", "far"));
    let program = Program::with_settings(&settings).stdin(b"How many?\n");
    let run = |more: &[&str]| {
        // In their order: `parallel` itself now and then begins with another one.
        let flags = ["ask", "How many?", "--strategy", "parallel", "--selector", "priority"];
        let ran = program.run(&[&flags[..], &["--analysis-type", "comparative"], more].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran
    };
    let (note, analysis) = ("note: the answers differ: --compare shows them\n", "Analysis (comparative): ");
    let ran = run(&[]);
    assert!(ran.err.contains(note) && !ran.out.contains(analysis), "{ran:?}");
    let ran = run(&["--explain"]);
    assert!(ran.err.contains(analysis) && ran.err.contains("- answer 1: 42; answer 2: 17"), "{ran:?}");
    assert!(!ran.err.contains(note), "{ran:?}");
    let ran = run(&["--compare"]);
    assert!(ran.out.contains(analysis) && ran.out.contains("- answer 1: 42; answer 2: 17"), "{ran:?}");
    assert!(ran.out.contains("(answer 1 is by near, answer 2 is by far)"), "{ran:?}");
    assert!(!ran.err.contains("the answers differ"), "{ran:?}");
    for flag in ["--quiet", "--json"] {
        assert_eq!(run(&[flag]).err, "", "{flag}");
    }
    let ran = program.run(&["chat", "--strategy", "parallel", "--analysis-type", "comparative"]);
    assert!(ran.err.contains("the answers differ: `chat --explain` says in what"), "{ran:?}");
}

#[test]
fn statistics_stand_on_standard_error_or_in_the_json() {
    let server = Server::start([openai::error(500, "oops"), openai::answer("yes"), openai::answer("yes")]);
    let program = Program::with_server(&server.url());
    let ran = program.run(&["ask", "hi", "--stats", "--quiet"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "yes\n"), "{ran:?}");
    assert!(ran.err.contains("near") && ran.err.contains("1 server error"), "{ran:?}");
    assert!(ran.err.contains("requests: 1 answered, 0 failed, 0 given up"), "{ran:?}");
    let ran = program.run(&["ask", "hi", "--stats", "--json"]);
    let outcome: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(outcome["stats"]["providers"]["near"]["successes"], 1, "{outcome:#}");
    assert_eq!(outcome["synthesis"]["response"], "yes");
    let program = Program::with_server(&refusing_url());
    let ran = program.run(&["ask", "hi", "--stats", "--json", "--max-retries", "0"]);
    let failed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(failed["stats"]["providers"]["near"]["failures"]["connect"], 1, "{failed:#}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let settings = "[providers.long]\ntype = \"mock\"\n";
    let answer = "many words ".repeat(20_000);
    let program = Program::with_settings(&format!("{settings}answer = \"{answer}\"\n"));
    let mut child = program.command(&["ask", "hi", "-q"]).stdin(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_closes_the_connection() {
    use std::time::Duration;

    let server = Server::always(ultraai_testkit::Reply::hang());
    let program = Program::with_server(&server.url());
    let child = program.command(&["ask", "hi"]).stdin(Stdio::null()).spawn().unwrap();
    assert!(server.received(1, Duration::from_secs(10)).await);
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(server.all_closed(Duration::from_secs(10)).await);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_wait_for_the_prompt() {
    use std::{thread::sleep, time::Duration};

    let program = Program::new();
    // Before the program listens for the signal, it is killed by it; a busy machine may need the longer wait.
    let code = [200, 1000, 5000].into_iter().find_map(|wait| {
        let mut child = program.command(&["ask", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        sleep(Duration::from_millis(wait));
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let code = child.wait().unwrap().code();
        drop(stdin);
        code
    });
    assert_eq!(code, Some(130));
}

#[test]
fn what_was_left_out_of_the_question_is_told_unasked() {
    let server = Server::always(openai::answer("I saw nothing."));
    let program = Program::with_server(&server.url());
    let arguments = ["ask", "hi", "--attach", "https://host/a.pdf", "--drop-unsupported", "true"];
    let ran = program.run(&arguments);
    assert!(ran.code == Some(0) && ran.err.contains("note: left out of what `near` is asked: "), "{ran:?}");
    let quiet = program.run(&[&arguments[..], &["--quiet"]].concat());
    assert!(quiet.code == Some(0) && !quiet.err.contains("left out"), "{quiet:?}");
}

#[test]
fn an_answer_that_breaks_its_schema_stands_in_the_json() {
    let server = Server::always(openai::answer("no json at all"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("schema.json");
    std::fs::write(&path, r#"{"type": "object"}"#).unwrap();
    let schema = path.display().to_string();
    let ran = Program::with_server(&server.url()).run(&["ask", "hi", "--schema", &schema, "--json"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let partial = &told["responses"][0]["error"]["partial"];
    assert!(partial.to_string().contains("no json at all"), "{ran:?}");
    assert!(!ran.err.contains("no json at all") && !told["error"].to_string().contains("no json"), "{ran:?}");
}
