//! What is found where no provider is configured.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use crate::support::{lookup, registry, sources};
use ultraai_core::{Lookup, Registry};
use ultraai_settings::{Settings, Sources};

/// A server that answers every request for its models, until the test ends.
fn model_server(model: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let body = format!(r#"{{"object":"list","data":[{{"id":"{model}"}}]}}"#);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
        }
    });
    address
}

#[tokio::test]
async fn with_nothing_there_the_mock_answers_and_a_notice_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::load(&sources(folder.path(), Lookup::empty()), &registry()).await.unwrap();
    let ids: Vec<_> = settings.providers().map(|(id, _)| id.to_string()).collect();
    assert_eq!(ids, ["mock"]);
    assert!(settings.notices[0].contains("the mock answers, which is no model"), "{:?}", settings.notices);
}

#[tokio::test]
async fn without_a_mock_the_error_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let empty = Registry::builder().build();
    let error = Settings::load(&sources(folder.path(), Lookup::empty()), &empty).await.unwrap_err();
    assert!(error.to_string().contains("write `ultraai.toml`"), "{error}");
}

#[tokio::test]
async fn a_key_in_the_environment_makes_a_candidate() {
    let folder = tempfile::tempdir().unwrap();
    let lookup = lookup(&[("ACME_API_KEY", "sk-1"), ("ZETA_API_KEY", "sk-2")]);
    let settings = Settings::load(&sources(folder.path(), lookup), &registry()).await.unwrap();
    let found: Vec<_> = settings.providers().map(|(id, spec)| (id.as_str(), spec.model_name())).collect();
    assert_eq!(found, [("acme", Some("acme-1"))]);
    assert_eq!(
        settings.notices,
        ["ZETA_API_KEY is set, but `zeta` has no usual model: name one, as in `--provider zeta/MODEL`"]
    );
    settings.build().unwrap();
}

#[tokio::test]
async fn servers_of_this_machine_are_found_with_their_first_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path(), Lookup::empty());
    let (one, two) = (model_server("smollm2"), model_server("gemma3"));
    sources.local_servers.ollama = Some(one);
    sources.local_servers.llama_cpp = Some(two);
    let settings = Settings::load(&sources, &registry()).await.unwrap();
    let found: Vec<_> =
        settings.summaries().into_iter().map(|row| (row.id.to_string(), row.model, row.base_url)).collect();
    assert_eq!(
        found,
        [
            ("ollama".to_owned(), Some("smollm2".to_owned()), Some(format!("http://{one}"))),
            ("llama-cpp".to_owned(), Some("gemma3".to_owned()), Some(format!("http://{two}/v1"))),
        ]
    );
    assert!(
        settings
            .entries()
            .iter()
            .any(|entry| entry.origin.to_string() == format!("discovered: Ollama answers at {one}"))
    );
}

#[tokio::test]
async fn an_argument_that_names_a_server_of_this_machine_takes_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path(), Lookup::empty());
    sources.local_servers.ollama = Some(model_server("smollm2"));
    sources.arguments.providers = vec!["ollama".into()];
    let model = async |sources: &Sources| {
        let settings = Settings::load(sources, &registry()).await.unwrap();
        settings.summaries().remove(0).model
    };
    assert_eq!(model(&sources).await.as_deref(), Some("smollm2"));
    sources.arguments.providers = vec!["ollama/gemma3".into()];
    assert_eq!(model(&sources).await.as_deref(), Some("gemma3"));
    let text = "[providers.ollama]\ntype = \"ollama\"\nmodel = \"qwen3\"\n";
    std::fs::write(folder.path().join("ultraai.toml"), text).unwrap();
    sources.arguments.providers = vec!["ollama".into()];
    assert_eq!(model(&sources).await.as_deref(), Some("qwen3"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path(), Lookup::empty());
    sources.local_servers.ollama = Some(silent.local_addr().unwrap());
    sources.local_servers.llama_cpp = Some(silent.local_addr().unwrap());
    sources.local_servers.limit = Duration::from_millis(50);
    let before = tokio::time::Instant::now();
    let settings = Settings::load(&sources, &registry()).await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(settings.providers().next().unwrap().0, &"mock");
}

#[tokio::test]
async fn a_provider_can_be_named_without_being_configured() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path(), lookup(&[("ACME_API_KEY", "sk-1")]));
    sources.arguments.providers = vec!["acme/acme-2".into(), "acme".into(), "mock".into()];
    let settings = Settings::load(&sources, &registry()).await.unwrap();
    let found: Vec<_> = settings.providers().map(|(id, spec)| (id.as_str(), spec.model_name())).collect();
    assert_eq!(found, [("acme", Some("acme-2")), ("mock", None)]);
    assert_eq!(
        settings.selected.as_ref().unwrap().len(),
        2,
        "an id that is there already is not added again"
    );

    sources.arguments.providers = vec!["acem/x".into()];
    let error = Settings::load(&sources, &registry()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "argument --provider: no provider `acem/x` is configured (configured: none), and no provider `acem` is linked into this program (linked: acme, compatible, mock, ollama, zeta); did you mean `acme`?"
    );
}
