//! Completions and manual pages.

use std::process::Stdio;

use crate::program::{Program, assert_error};

#[test]
fn each_shell_gets_completions_that_know_the_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = Program::new().run(&["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        assert!(ran.out.contains("min-responses-needed") && ran.out.contains("compare"), "{shell}");
    }
}

#[test]
fn completions_offer_the_names_of_what_is_linked() {
    for (shell, offer) in [("bash", "compgen -W"), ("zsh", ":("), ("fish", r"\t''")] {
        let ran = Program::new().run(&["completions", shell]);
        for name in ["fallback", "groq", "factual", "latency"] {
            let offers = |line: &str| {
                line.contains(offer) && line.split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
            };
            assert!(ran.out.lines().any(offers), "{shell} {name}");
        }
    }
}

#[test]
fn the_manual_page_holds_every_flag_of_every_command() {
    let program = Program::new();
    let ran = program.run(&["man"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    for (command, flag) in flags(&program) {
        assert!(ran.out.contains(&flag.replace('-', "\\-")), "{command} {flag}");
    }
    assert!(ran.out.contains("Exit codes") && ran.out.contains("/retry"));
}

#[test]
fn each_command_gets_a_page_in_a_folder() {
    let program = Program::new();
    let ran = program.run(&["man", "--out", "man/man1"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{ran:?}");
    for (command, flag) in flags(&program) {
        let page = program.path(&format!("man/man1/ultraai-{}.1", command.replace(' ', "-")));
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(&flag.replace('-', "\\-")), "{command} {flag}");
    }
    assert!(program.path("man/man1/ultraai.1").is_file());
    let program = program.file("file", b"");
    assert_error(&program.run(&["man", "--out", "file"]), 2, &["the pages cannot be written to file"]);
}

#[test]
fn a_reader_that_leaves_a_generator_is_no_error() {
    for arguments in [&["man"][..], &["completions", "zsh"]] {
        let mut child = Program::new().command(arguments).stdin(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

/// Every flag that a command's help names, with the command.
fn flags(program: &Program) -> Vec<(&'static str, String)> {
    let mut flags = Vec::new();
    for command in [
        "ask",
        "chat",
        "show",
        "simulate",
        "embed",
        "keys create",
        "keys list",
        "keys revoke",
        "models",
        "providers",
        "strategies",
        "config",
        "completions",
        "man",
    ] {
        let words: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let help = program.run(&words).out;
        let options = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let long =
            options.filter_map(|line| line.split([' ', ',', '=', '[']).find(|word| word.starts_with("--")));
        flags.extend(long.map(|flag| (command, flag.to_owned())));
    }
    assert!(flags.len() > 50, "{flags:?}");
    flags
}
