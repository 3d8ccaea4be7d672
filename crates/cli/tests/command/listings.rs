//! `providers`, `strategies` and `config`.

use serde_json::Value;
use ultraai_testkit::{Server, openai, refusing_url};

use crate::program::{Program, assert_error, near};

#[test]
fn providers_are_listed_with_their_keys_and_whether_they_are_reachable() {
    let server = Server::always(openai::answer("yes"));
    let gone = refusing_url();
    let settings = format!("{}{}", near(&server.url()), near(&gone).replace("near", "gone"));
    let program = Program::with_settings(&settings).variable("OPENAI_API_KEY", "sk-1");
    let ran = program.run(&["providers"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let line = |start: &str| ran.out.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
    assert!(line("openai ").contains("OPENAI_API_KEY (set)"), "{ran:?}");
    assert!(line("groq ").contains("GROQ_API_KEY (not set)"), "{ran:?}");
    assert!(line("near ").contains(" reachable "), "{ran:?}");
    let address = format!("not reachable: {} ", gone.trim_start_matches("http://"));
    assert!(line("gone ").contains(&address), "{ran:?}");
    assert!(ran.out.starts_with("Configured or found\n"), "what would be asked comes first: {ran:?}");
    assert!(!ran.out.contains("ultraai-provider"), "packages are for the JSON: {ran:?}");
    assert!(server.requests().is_empty(), "nothing is sent");

    let listed: Value = serde_json::from_str(&program.run(&["providers", "--json"]).out).unwrap();
    assert_eq!(listed["configured"][0]["provider"]["id"], "near");
    assert_eq!(listed["configured"][0]["reach"], "reachable");
    assert!(listed["linked"].as_array().unwrap().iter().any(|row| row["name"] == "mock"));
}

#[test]
fn what_is_linked_is_listed_even_beside_broken_settings() {
    let ran = Program::with_settings("nonsense").run(&["providers"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("mock") && ran.err.contains("error: ultraai.toml:1:"), "{ran:?}");
}

#[test]
fn strategies_are_listed() {
    let program = Program::new();
    let ran = program.run(&["strategies"]);
    assert!(
        ran.out.contains("simple") && ran.out.contains("fallback") && ran.out.contains("retry"),
        "{ran:?}"
    );
    for part in ["Sources of prices", "genai-prices", "Tokenizers", "Analyzers", "Selectors (--selector)"] {
        assert!(ran.out.contains(part), "no `{part}` in {ran:?}");
    }
    let listed: Value = serde_json::from_str(&program.run(&["strategies", "--json"]).out).unwrap();
    assert_eq!(listed["prices"][0]["name"], "genai-prices");
    assert!(listed["strategies"].as_array().unwrap().iter().any(|row| row["name"] == "simple"));
}

#[test]
fn config_says_where_each_value_comes_from() {
    let settings = "[orchestrator]\nmax_retries = 1\n[providers.a]\ntype = \"mock\"\n";
    let program = Program::with_settings(settings).variable("ULTRAAI_TIMEOUT_SECONDS", "20");
    let ran = program.run(&["config", "--strategy", "fallback"]);
    let line = |start: &str| {
        let line = ran.out.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("strategy"), "strategy \"fallback\" argument --strategy");
    assert_eq!(line("max_retries"), "max_retries 1 ultraai.toml:2");
    assert_eq!(line("timeout_seconds"), "timeout_seconds 20.0 variable ULTRAAI_TIMEOUT_SECONDS");
    assert_eq!(line("gap_timeout_seconds"), "gap_timeout_seconds 30 default");
    assert_eq!(line("type"), "type \"mock\" ultraai.toml:4");
    let shown: Value = serde_json::from_str(&program.run(&["config", "--json"]).out).unwrap();
    assert_eq!(shown["file"], "ultraai.toml");
}

#[test]
fn config_shows_the_gateway_and_the_orchestrators() {
    let settings = "[providers.a]\ntype = \"mock\"\n[gateway]\nworkers = 3\n[gateway.aliases]\n\"gpt-4o\" = \"quick\"\n[orchestrators.quick]\nproviders = [\"a\"]\n";
    let program = Program::with_settings(settings).variable("ULTRAAI_GATEWAY_LISTEN", "127.0.0.1:9");
    let ran = program.run(&["config"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<_> =
        ran.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "[orchestrators.quick]",
        "providers [\"a\"] ultraai.toml:8",
        "[gateway]",
        "listen \"127.0.0.1:9\" variable ULTRAAI_GATEWAY_LISTEN",
        "workers 3 ultraai.toml:4",
        "keep_alive_seconds 10 default",
        "[gateway.aliases]",
        "gpt-4o \"quick\" ultraai.toml:6",
    ] {
        assert!(lines.iter().any(|known| known == line), "no `{line}` in {ran:?}");
    }
}

#[test]
fn an_address_behind_a_proxy_is_not_said_to_be_reachable() {
    let server = Server::always(openai::answer("hi"));
    let settings =
        format!("{}http = {{ proxy = \"http://user:hunter22@127.0.0.1:9\" }}\n", near(&server.url()));
    let ran = Program::with_settings(&settings).run(&["providers"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains(" through its proxy ") && !ran.out.contains("hunter22"), "{ran:?}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn init_writes_a_file_that_can_be_read_and_never_overwrites() {
    let program = Program::new();
    assert_eq!(program.run(&["config", "--init"]).code, Some(0));
    let written = std::fs::read_to_string(program.path("ultraai.toml")).unwrap();
    assert!(
        [
            "#[providers.openai]",
            "#timeout_seconds = 120",
            "#[gateway]\n",
            "#keep_alive_seconds = 10\n",
            "#listen = \"127.0.0.1:8080\"\n",
            "#[gateway.aliases]\n#\"gpt-4o\" = \"default\"\n",
            "#[orchestrators.careful]\n",
        ]
        .iter()
        .all(|part| written.contains(part)),
        "{written}"
    );
    assert_eq!(program.run(&["ask", "hi"]).code, Some(0));
    assert_error(&program.run(&["config", "--init"]), 2, &["ultraai.toml is there already", "--init FILE"]);
    assert_eq!(program.run(&["config", "--init", "-"]).out, written);
    assert_eq!(program.run(&["config", "--init", "other.toml"]).code, Some(0));

    let uncommented: Vec<_> = written
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .collect();
    let program = Program::with_settings(&uncommented.join("\n"));
    // Every option is set, and so is a budget, and nobody knows what a mock costs.
    let mocks = ["--provider", "mock", "--synthesizer", "mock", "--analyst", "mock"];
    let ran = program.run(&[&["ask", "hi", "--allow-unknown-prices", "true"], &mocks[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
