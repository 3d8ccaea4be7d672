//! `ultraai chat`, with its lines from a pipe.

use serde_json::{Value, json};
use ultraai_testkit::{Received, Server, openai, refusing_url};

use crate::program::{Program, assert_error, near};

/// A server that says how many messages it got.
fn counting() -> Server {
    Server::answering(|request| openai::answer(&format!("{} messages", roles(request).len())))
}

fn roles(request: &Received) -> Vec<String> {
    let body = request.json();
    let messages = body["messages"].as_array().unwrap();
    messages.iter().map(|message| message["role"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_line_is_a_prompt_and_what_was_said_goes_with_it() {
    let server = counting();
    let program = Program::with_server(&server.url()).stdin(b"one\n\ntwo\n//three");
    let ran = program.run(&["chat", "--system", "be brief"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "2 messages\n4 messages\n6 messages\n"), "{ran:?}");
    assert_eq!(ran.err.matches("near answered").count(), 3, "{ran:?}");
    let last = &server.requests()[2];
    assert_eq!(roles(last), ["system", "user", "assistant", "user", "assistant", "user"]);
    assert!(last.mentions("be brief") && last.mentions("2 messages") && last.mentions(r#""/three""#));
    let ran = program.run(&["chat", "--quiet"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn a_turn_that_failed_leaves_the_conversation_as_before_and_can_be_asked_again() {
    let ok = || openai::answer("yes");
    let server = Server::start([ok(), openai::error(400, "no"), ok(), ok()]);
    let program = Program::with_server(&server.url()).stdin(b"one\ntwo\n/retry\n/retry\n/cost\n");
    let ran = program.run(&["chat"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "yes\nyes\nyes\n"), "{ran:?}");
    assert_eq!(ran.err.matches("error: ").count(), 1, "{ran:?}");
    assert!(ran.err.contains("/retry asks again"), "{ran:?}");
    // The second answer to `two` takes the first one's place.
    for request in &server.requests()[1..] {
        assert_eq!(roles(request), ["user", "assistant", "user"]);
        assert!(request.mentions(r#""two""#));
    }
    assert!(ran.err.contains("2 turns · 4 attempts · "), "{ran:?}");
    assert!(ran.err.contains("cost unknown"), "{ran:?}");
}

#[test]
fn the_exit_code_is_that_of_the_last_line() {
    let program = Program::with_server(&refusing_url()).stdin(b"/cost\nhi\n");
    assert_eq!(program.run(&["chat", "--max-retries", "0"]).code, Some(1));
    let program = program.stdin(b"/frobnicate\n");
    assert_error(&program.run(&["chat"]), 2, &["no command `/frobnicate`", "/help"]);
    let program = program.stdin(b"/retry\n");
    assert_error(&program.run(&["chat"]), 2, &["nothing was asked yet"]);
    let program = program.stdin(b"gr\xfc\xdfe\n");
    assert_error(&program.run(&["chat"]), 2, &["a line is not UTF-8 (at its byte 2)"]);
}

#[test]
fn commands_change_what_is_said_and_who_is_asked() {
    let (one, two) = (counting(), Server::always(openai::answer("far")));
    let settings = format!("{}{}", near(&one.url()), near(&two.url()).replace("near", "far"));
    let lines = b"/providers near\na\n/system be brief\nb\n/reset\n/system -\nc\n/model far\nd\n/providers nobody\ne\n";
    let ran = Program::with_settings(&settings).stdin(lines).run(&["chat"]);
    assert_eq!(ran.out, "1 messages\n4 messages\n1 messages\nfar\nfar\n", "{ran:?}");
    assert!(ran.err.contains("asked  far (compatible, m)") && ran.err.contains("-      near"), "{ran:?}");
    assert!(ran.err.contains("error: no provider `nobody` is configured"), "nobody wrote a flag: {ran:?}");
    assert_eq!((ran.code, two.requests().len()), (Some(0), 2));
    assert_eq!(roles(&two.requests()[1]), ["user", "assistant", "user", "assistant", "user"]);
}

#[test]
fn a_kept_conversation_goes_on_where_it_ended() {
    let server = counting();
    let program = Program::with_server(&server.url()).stdin(b"one\n");
    assert_eq!(program.run(&["chat", "--save", "c.json", "--system", "be brief"]).code, Some(0));
    assert_error(&program.run(&["chat", "--save", "c.json"]), 2, &["c.json is there already", "--resume"]);
    let read =
        || -> Value { serde_json::from_slice(&std::fs::read(program.path("c.json")).unwrap()).unwrap() };
    let kept = read();
    assert_eq!((&kept["ultraai_conversation"], &kept["system"]), (&json!(1), &json!("be brief")));
    assert_eq!(kept["spent"]["attempts"], 1);

    // What is resumed is read only.
    let ran = program.run(&["chat", "--resume", "c.json"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "4 messages\n"), "{ran:?}");
    assert_eq!(read(), kept);
    let ran = program.run(&["chat", "--resume", "c.json", "--save", "c.json"]);
    assert_eq!(ran.out, "4 messages\n", "{ran:?}");
    assert_eq!(read()["messages"].as_array().unwrap().len(), 4);
    assert_eq!(read()["spent"]["reported"]["input_tokens"], 14);
}

#[test]
fn a_conversation_can_be_kept_later() {
    let program = Program::new().stdin(b"/save\nhi\n/save c.json\nho\n").file("mine.json", b"mine");
    let ran = program.run(&["chat"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("write /save FILE") && ran.err.contains("kept in c.json"), "{ran:?}");
    let kept = std::fs::read_to_string(program.path("c.json")).unwrap();
    assert_eq!(kept.matches("\"user\"").count(), 2, "{kept}");
    assert!(std::fs::read_dir(program.path(".")).unwrap().count() == 2, "nothing else is written");
    let program = program.stdin(b"hi\n/save ~/home.json\n");
    assert_eq!(program.run(&["chat"]).code, Some(0));
    assert!(program.path("home.json").is_file());
    assert_error(&program.stdin(b"/save mine.json\n").run(&["chat"]), 2, &["mine.json is there already"]);
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_closes_the_connection_of_the_answer_under_way() {
    use std::{io::Write as _, process::Stdio, time::Duration};

    let server = Server::always(ultraai_testkit::Reply::hang());
    let program = Program::with_server(&server.url());
    let mut child = program.command(&["chat"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hi\n").unwrap();
    assert!(server.received(1, Duration::from_secs(10)).await);
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let code = child.wait().unwrap().code();
    drop(stdin);
    assert_eq!(code, Some(130));
    assert!(server.all_closed(Duration::from_secs(10)).await);
}
