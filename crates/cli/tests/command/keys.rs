//! `ultraai keys`: beside a running server, and alone with the store.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use ultraai_gateway::{DiskStore, State, admin};

use crate::program::{Program, Ran, assert_error};

const FOLDER: &str = ".local/state/ultraai";

/// The id in a token.
fn id(token: &str) -> String {
    let id = token.strip_prefix("sk-ultraai-").unwrap().split('-').next().unwrap();
    assert_eq!(token.trim_end().len(), "sk-ultraai--".len() + 12 + 64, "{token}");
    id.to_owned()
}

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

fn listed(program: &Program) -> Value {
    let ran = done(program.run(&["keys", "list", "--json"]));
    serde_json::from_str::<Value>(&ran.out).unwrap()["keys"].take()
}

/// Does something while a server has the store.
fn served(folder: &Path, act: impl FnOnce()) {
    let state = State::open(folder).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let folder = folder.to_owned();
    let (up, is_up) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = admin::listen(&state, &folder, admin::Router::new()).unwrap();
            up.send(()).unwrap();
            tokio::select! {
                () = server => panic!("it ended"),
                _ = stopped => {}
            }
        });
    });
    is_up.recv().unwrap();
    act();
    drop(stop);
    server.join().unwrap();
}

#[test]
fn a_key_is_made_listed_and_revoked_where_no_server_runs() {
    let program = Program::new();
    let ran = done(program.run(&["keys", "list"]));
    assert!(
        ran.out.is_empty() && ran.err.contains("no keys in ") && ran.err.contains("keys create"),
        "{ran:?}"
    );
    assert!(!program.path(FOLDER).exists(), "looking makes nothing");
    let ran = done(program.run(&[
        "keys",
        "create",
        "--name",
        "team a",
        "--expires",
        "30d",
        "--model",
        "default",
        "--model",
        "near/*",
        "--requests-per-minute",
        "60",
        "--tokens-per-minute",
        "9000",
        "--budget-per-day",
        "0.25",
        "--budget-per-month",
        "5",
    ]));
    let id = id(&ran.out);
    assert_eq!(ran.out.lines().count(), 1, "the token alone, for scripts");
    assert!(ran.err.contains(&id) && ran.err.contains("not shown again"), "{ran:?}");
    let secret = ran.out.trim_end().rsplit('-').next().unwrap().to_owned();
    assert!(!ran.err.contains(&secret));

    let ran = done(program.run(&["keys", "list"]));
    for part in [
        &id,
        "team a",
        "live",
        "default, near/*",
        "60 requests, 9000 tokens",
        "$0.000000 of $0.25",
        "$0.000000 of $5",
        "never",
    ] {
        assert!(ran.out.contains(part), "no `{part}` in {ran:?}");
    }
    let keys = listed(&program);
    let terms = &keys[0]["terms"];
    assert_eq!(terms["budget_per_day_nano_dollars"], 250_000_000);
    let lasts = terms["expires"].as_u64().unwrap() - keys[0]["created"].as_u64().unwrap();
    assert!((30 * 86_400 - 5..=30 * 86_400).contains(&lasts), "{lasts}");

    let ran = done(program.run(&["keys", "revoke", &id]));
    assert!(ran.err.contains("(team a) is revoked"), "{ran:?}");
    let ran = done(program.run(&["keys", "list", "--log", "trace"]));
    assert!(ran.out.contains("revoked"), "{ran:?}");
    assert!(!ran.out.contains(&secret) && !ran.err.contains(&secret));
}

#[test]
fn a_running_server_is_asked_since_it_has_the_store() {
    let program = Program::new();
    let folder = program.path("keys");
    let program = program.file("ultraai.toml", b"[providers.a]\ntype = \"mock\"\n");
    let with =
        |arguments: &[&str]| program.run(&[arguments, &["--state", folder.to_str().unwrap()]].concat());
    served(&folder, || {
        let ran = done(with(&["keys", "create", "--name", "k", "--json"]));
        let created: Value = serde_json::from_str(&ran.out).unwrap();
        let id = id(created["token"].as_str().unwrap());
        assert_eq!(created["key"]["id"], id.as_str());
        let ran = done(with(&["keys", "list"]));
        assert!(ran.out.contains(&id) && ran.out.contains("live"), "{ran:?}");
        done(with(&["keys", "revoke", &id]));
        assert_error(&with(&["keys", "revoke", "0123"]), 2, &["no key `0123`", "ultraai keys list"]);
        assert_error(&with(&["keys", "create", "--name", " "]), 2, &["the name of a key"]);
    });
    let ran = done(with(&["keys", "list"]));
    assert!(ran.out.contains("revoked"), "what the server did is in the store: {ran:?}");
}

#[test]
fn a_store_that_cannot_be_opened_is_told_and_left_alone() {
    let program = Program::new();
    let folder = program.path("keys");
    let arguments = ["keys", "create", "--name", "k", "--state", "keys"];
    let open = DiskStore::open(&folder).unwrap();
    assert_error(&program.run(&arguments), 2, &["another process has keys/keys.redb open", "stop it"]);
    drop(open);
    let program = program.file("keys/keys.redb", b"no store");
    assert_error(&program.run(&arguments), 2, &["keys/keys.redb is broken", "was left as it is"]);
    assert_eq!(std::fs::read(folder.join("keys.redb")).unwrap(), b"no store");
}

#[test]
fn wrong_terms_are_refused_before_anything_is_made() {
    let program = Program::new();
    for (arguments, parts) in [
        (&[][..], &["--name"][..]),
        (&["--name", "k", "--expires", "soon"], &["--expires", "30d", "2027-01-31"]),
        (&["--name", "k", "--expires", "2001-01-01"], &["--expires", "a date to come"]),
        (&["--name", "k", "--requests-per-minute", "0"], &["--requests-per-minute", "above 0"]),
        (&["--name", "k", "--tokens-per-minute", "-1"], &["--tokens-per-minute", "above 0"]),
        (&["--name", "k", "--budget-per-day", "$5"], &["--budget-per-day", "an amount of US dollars"]),
    ] {
        let ran = program.run(&[&["keys", "create"], arguments].concat());
        assert_error(&ran, 2, parts);
        assert!(!program.path(FOLDER).exists());
    }
    assert_error(
        &program.run(&["keys", "create", "--name", "k", "--model", "a*"]),
        2,
        &["`a*` is no name of a model", "PROVIDER/*"],
    );
    assert_error(
        &program.run(&["keys", "revoke", "abc", "--state", "none"]),
        2,
        &["there are no keys in", "none"],
    );
}

#[test]
fn a_reader_that_leaves_gets_no_error() {
    let program = Program::new();
    done(program.run(&["keys", "create", "--name", "k"]));
    let mut child = program.command(&["keys", "list"]).stdin(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn commands_at_the_same_time_wait_for_each_other() {
    let program = Program::new();
    let create = || program.command(&["keys", "create", "--name", "k"]).stdin(Stdio::null()).spawn().unwrap();
    let children: Vec<_> = (0..6).map(|_| create()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(listed(&program).as_array().unwrap().len(), 6);
}
