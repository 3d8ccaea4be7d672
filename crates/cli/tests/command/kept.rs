//! Outcomes that are kept in files.

use serde_json::Value;
use ultraai_testkit::{Server, openai};

use crate::program::{Program, assert_error};

#[test]
fn a_kept_outcome_is_printed_as_it_was() {
    let server = Server::always(openai::answer("Because of Rayleigh."));
    let program = Program::with_server(&server.url());
    let asked = program.run(&["ask", "Why?\nNow.", "--save", "o.json", "--explain", "--compare", "--stats"]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    let shown = program.run(&["show", "o.json", "--explain", "--compare", "--stats"]);
    assert_eq!((shown.code, &shown.out), (Some(0), &asked.out));
    assert_eq!(shown.err, format!("asked: Why? Now.\n{}", asked.err));
    let shown = program.run(&["show", "o.json", "--quiet"]);
    assert_eq!((shown.out.as_str(), shown.err.as_str()), ("Because of Rayleigh.\n", ""));

    let kept = std::fs::read(program.path("o.json")).unwrap();
    let file: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(file["ultraai_outcome"], 1);
    let shown: Value = serde_json::from_str(&program.run(&["show", "o.json", "--json"]).out).unwrap();
    assert_eq!(shown, file["outcome"]);
    let shown = program.stdin(&kept).run(&["show", "-", "--quiet"]);
    assert_eq!(shown.out, "Because of Rayleigh.\n");
    assert_eq!(server.requests().len(), 1, "what is kept is not asked again");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_is_asked() {
    let server = Server::always(openai::answer("yes"));
    let program = Program::with_server(&server.url()).file("mine.txt", b"mine");
    for (file, parts) in [
        ("mine.txt", &["mine.txt is there already and was left alone", "--force"][..]),
        ("none/o.json", &["none/o.json cannot be written", "because: "]),
        (".", &["is no file"]),
    ] {
        assert_error(&program.run(&["ask", "hi", "--save", file]), 2, parts);
        assert_error(&program.run(&["chat", "--save", file]), 2, &parts[..1]);
    }
    assert_eq!(std::fs::read(program.path("mine.txt")).unwrap(), b"mine");
    assert!(server.requests().is_empty());
    assert_eq!(program.run(&["ask", "hi", "--save", "mine.txt", "--force"]).code, Some(0));
    assert_eq!(program.run(&["show", "mine.txt", "-q"]).out, "yes\n");
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_told_before_anything_is_asked_and_followed_with_force() {
    let server = Server::always(openai::answer("yes"));
    let program = Program::with_server(&server.url()).stdin(b"hi\n");
    std::os::unix::fs::symlink("behind.json", program.path("link.json")).unwrap();
    let parts = &["link.json is a link to behind.json, which is not there: name that file itself"];
    assert_error(&program.run(&["ask", "--save", "link.json"]), 2, parts);
    assert_error(&program.run(&["chat", "--save", "link.json"]), 2, parts);
    assert!(server.requests().is_empty());
    assert_eq!(program.run(&["ask", "--save", "link.json", "--force"]).code, Some(0));
    assert_eq!(program.run(&["show", "behind.json", "-q"]).out, "yes\n");
    assert!(program.path("link.json").is_symlink());
}

#[test]
fn json_holds_nothing_that_a_terminal_would_obey() {
    let server = Server::always(openai::answer("a\u{9b}2J\u{7f}\u{202e}b"));
    let program = Program::with_server(&server.url());
    for arguments in [&["ask", "hi", "--json", "--save", "o.json"][..], &["show", "o.json", "--json"]] {
        let ran = program.run(arguments);
        assert!(ran.out.contains(r"a\u009b2J\u007f\u202eb"), "{ran:?}");
        assert!(!ran.out.contains(['\u{9b}', '\u{7f}', '\u{202e}']), "{ran:?}");
        let outcome: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(outcome["synthesis"]["response"], "a\u{9b}2J\u{7f}\u{202e}b");
    }
}

#[test]
fn a_failure_leaves_no_file_behind() {
    let server = Server::always(openai::error(401, "no"));
    let program = Program::with_server(&server.url());
    assert_eq!(program.run(&["ask", "hi", "--save", "o.json"]).code, Some(1));
    let left = std::fs::read_dir(program.path(".")).unwrap().count();
    assert_eq!(left, 1, "the settings alone");
}

#[cfg(unix)]
#[test]
fn only_the_user_may_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;

    let program = Program::new().stdin(b"hi\n");
    assert_eq!(program.run(&["ask", "--save", "o.json"]).code, Some(0));
    assert_eq!(program.run(&["chat", "--save", "c.json"]).code, Some(0));
    for file in ["o.json", "c.json"] {
        assert_eq!(std::fs::metadata(program.path(file)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_file_that_holds_no_outcome_gets_one_clear_error() {
    let program = Program::new().stdin(b"hi\n");
    assert_eq!(program.run(&["ask", "--save", "o.json"]).code, Some(0));
    assert_eq!(program.run(&["chat", "--save", "c.json"]).code, Some(0));
    let whole = std::fs::read_to_string(program.path("o.json")).unwrap();
    let program = program
        .file("half.json", &whole.as_bytes()[..whole.len() / 2])
        .file("next.json", whole.replace("\"ultraai_outcome\": 1", "\"ultraai_outcome\": 2").as_bytes())
        .file("odd.json", br#"{ "ultraai_outcome": { "secret": "planted" } }"#)
        .file("torn.json", whole.replace("\"rows\"", "\"rows_\"").as_bytes())
        .file("text.txt", b"not json");
    for (file, words) in [
        ("none.json", "none.json cannot be read"),
        ("text.txt", "text.txt is no JSON (line 1"),
        ("half.json", "half.json is cut short"),
        ("next.json", "next.json is of version 2, and this program reads version 1"),
        ("odd.json", "odd.json is damaged at `ultraai_outcome`, which is no version"),
        ("torn.json", "torn.json is damaged at `outcome.ledger"),
        ("c.json", "c.json holds a conversation, and not an outcome: `ultraai chat --resume` reads it"),
    ] {
        let ran = program.run(&["show", file]);
        assert_error(&ran, 2, &[words]);
        assert!(!ran.err.contains("planted"), "{ran:?}");
    }
    assert_error(&program.run(&["chat", "--resume", "o.json"]), 2, &["`ultraai show` reads it"]);
}
