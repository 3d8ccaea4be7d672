//! What others wrote speaks to the gateway: the SDKs of OpenAI and Anthropic, `LangChain`, and Vercel's `ai`.
//!
//! `cargo xtask independent` installs them; without them the tests say that they were skipped. The cases are scripts beside this
//! file. `ULTRAAI_SDKS_ONLY=WORD` runs only those whose names contain the word.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a test may panic, says which cases passed, and counts to three"
)]

mod gaps;
mod gateway;
#[path = "../../../ultraai/tests/independent/server.rs"]
mod server;
mod suite;
mod upstream;

use std::{fmt::Write as _, path::Path, process::Command};

use ultraai_gateway::{KeyTerms, State};

use self::{gateway::Gateway, server::Server, suite::installed, upstream::Upstreams};

#[test]
fn what_is_written_in_python_understands_the_gateway() {
    let Some(folder) = installed("sdks-python") else { return skip("Python") };
    let mut command = Command::new(folder.join("bin/python"));
    command.arg("-B").arg(scripts().join("python/main.py"));
    run(command, gaps::PYTHON);
}

#[test]
fn what_is_written_in_javascript_understands_the_gateway() {
    let Some(folder) = installed("sdks-javascript") else { return skip("npm") };
    let mut command = Command::new("node");
    command.arg(scripts().join("javascript/main.mjs")).env("ULTRAAI_PACKAGES", folder);
    run(command, gaps::JAVASCRIPT);
}

#[test]
fn the_mock_servers_of_others_stand_behind_the_gateway() {
    let Some(folder) = installed("sdks-python") else { return skip("Python") };
    let mut command = Command::new(folder.join("bin/python"));
    command.arg("-B").arg(scripts().join("python/main.py")).env("ULTRAAI_SUITE", "mock servers");
    let servers =
        [("ULTRAAI_AIMOCK", Server::aimock(), AIMOCK), ("ULTRAAI_LLMOCK", Server::llmock(), LLMOCK)];
    let mut settings = String::new();
    for (variable, server, rows) in &servers {
        let Some(server) = server else {
            println!("skipped: the server of {variable} is not installed; `cargo xtask independent` does it");
            continue;
        };
        let mut ids = Vec::new();
        for (index, (kind, path, model)) in rows.iter().enumerate() {
            let id = format!("{}-{index}-{}", &variable[8..].to_lowercase(), kind.split('"').next().unwrap());
            let url = server.url();
            write!(settings, "[providers.{id}]\ntype = \"{kind}\"\nbase_url = \"{url}{path}\"\n").unwrap();
            write!(settings, "model = \"{model}\"\napi_key = \"any\"\n").unwrap();
            ids.push(id);
        }
        command.env(variable, ids.join(" "));
    }
    let upstreams = Upstreams::start();
    let gateway = Gateway::before(&upstreams, &settings, State::in_memory());
    command.env("ULTRAAI_GATEWAY", gateway.url()).env("ULTRAAI_TOLD", upstreams.told.url());
    suite::run(command, gaps::MOCK_SERVERS);
}

/// A provider's type with what is set besides, where in the server it finds its protocol, and a model.
type Row = (&'static str, &'static str, &'static str);

/// aimock speaks each protocol at its vendor's own paths.
const AIMOCK: &[Row] = &[
    ("openai", "/v1", "gpt-4o"),
    ("openai\"\napi = \"responses", "/v1", "gpt-4o"),
    ("compatible", "/v1", "any"),
    ("anthropic", "", "claude-sonnet-4-5"),
    ("gemini", "/v1beta", "gemini-2.5-flash"),
    ("ollama", "", "llama3.2"),
    ("cohere", "", "command-a-03-2025"),
];

/// `LLMock` speaks each vendor's protocol below a path of the vendor's name.
const LLMOCK: &[Row] = &[
    ("openai", "/v1", "gpt-4o"),
    ("openai\"\napi = \"responses", "/v1", "gpt-4o"),
    ("mistral", "/mistral/v1", "mistral-small-latest"),
    ("anthropic", "/anthropic", "claude-sonnet-4-5"),
    ("gemini", "/gemini/v1beta", "gemini-2.5-flash"),
    ("cohere", "/cohere", "command-a-03-2025"),
];

fn run(mut command: Command, gaps: &[(&str, &str)]) {
    let upstreams = Upstreams::start();
    let gateway = Gateway::before(&upstreams, "", State::in_memory());
    let (state, keys) = keys();
    let guarded = Gateway::before(&upstreams, "", state);
    command.env("ULTRAAI_GATEWAY", gateway.url()).env("ULTRAAI_TOLD", upstreams.told.url());
    command.env("ULTRAAI_GUARDED", guarded.url()).envs(keys);
    suite::run(command, gaps);
}

/// Keys of several terms, each in the variable that the scripts find it in.
fn keys() -> (State, Vec<(&'static str, String)>) {
    let state = State::in_memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let make = |terms: KeyTerms| runtime.block_on(state.create_key(terms)).unwrap();
    let plain = make(KeyTerms::new("plain"));
    let mut terms = KeyTerms::new("narrow");
    terms.models = vec!["chat".to_owned()];
    let narrow = make(terms);
    let mut terms = KeyTerms::new("slow");
    terms.requests_per_minute = Some(2);
    let slow = make(terms);
    let revoked = make(KeyTerms::new("revoked"));
    runtime.block_on(state.revoke_key(&revoked.0.id)).unwrap();
    let named = [
        ("ULTRAAI_PLAIN_KEY", plain),
        ("ULTRAAI_NARROW_KEY", narrow),
        ("ULTRAAI_SLOW_KEY", slow),
        ("ULTRAAI_REVOKED_KEY", revoked),
    ];
    (state, named.into_iter().map(|(name, (_, key))| (name, key.expose().to_owned())).collect())
}

fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdks"))
}

fn skip(what: &str) {
    println!(
        "skipped: the packages of {what} are not installed; `cargo xtask independent` does it, with npm and python3"
    );
}
