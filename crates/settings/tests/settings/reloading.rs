//! Orchestrators in the place of others, whose settings changed.

use std::{path::Path, sync::Arc};

use ultraai_core::{BaseOrchestrator, Candidate, Lookup, ProviderId};
use ultraai_settings::{Orchestrators, Settings};

use crate::support::{registry, sources};

const A: &str = "[providers.a]\ntype = \"mock\"\nmodel = \"m\"\n";
const B: &str = "[providers.b]\ntype = \"mock\"\nmodel = \"n\"\n";

/// A settings file that is edited, and the plugins it is for.
struct Edited {
    folder: tempfile::TempDir,
    registry: Arc<ultraai_core::Registry>,
}

impl Edited {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), registry: registry() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    async fn read(&self, text: &str) -> ultraai_core::Result<Settings> {
        std::fs::write(self.path("ultraai.toml"), text).unwrap();
        Settings::load(&sources(self.folder.path(), Lookup::empty()), &self.registry).await
    }

    async fn first(&self, text: &str) -> Orchestrators {
        self.read(text).await.unwrap().orchestrators(|builder| builder).unwrap()
    }

    async fn then(&self, before: &Orchestrators, text: &str) -> Orchestrators {
        before.reloaded(&self.read(text).await.unwrap(), |builder| builder).unwrap()
    }
}

fn base(orchestrators: &Orchestrators) -> BaseOrchestrator {
    orchestrators.default_orchestrator().base().clone()
}

fn candidate(orchestrators: &Orchestrators, id: &str) -> Arc<Candidate> {
    base(orchestrators).candidate(&ProviderId::new(id).unwrap()).unwrap()
}

fn same(one: &Orchestrators, other: &Orchestrators, id: &str) -> bool {
    Arc::ptr_eq(&candidate(one, id), &candidate(other, id))
}

fn same_counters(one: &Orchestrators, other: &Orchestrators, id: &str) -> bool {
    std::ptr::eq(candidate(one, id).stats(), candidate(other, id).stats())
}

#[tokio::test]
async fn what_did_not_change_goes_on_and_the_old_ones_stay_as_they_are() {
    let file = Edited::new();
    let old = file.first(&format!("{A}{B}")).await;
    let new = file
        .then(
            &old,
            &format!(
                "[providers.c]\ntype = \"mock\"\n{A}weight = 2\n{B}[orchestrators.x]\nproviders = [\"b\"]\n"
            ),
        )
        .await;
    assert!(same(&old, &new, "b") && !same(&old, &new, "a"));
    assert!(!same_counters(&old, &new, "a"), "one that is set up otherwise begins afresh");
    assert_eq!(new.names(), ["default", "x", "c", "a", "b"], "the order is the file's");
    assert_eq!(old.names(), ["default", "a", "b"]);
    assert!(old.target("c").is_err());

    let gone = file.then(&new, A).await;
    assert_eq!(gone.names(), ["default", "a"]);
    assert!(new.target("b").is_ok(), "requests that began with it still find it");
}

#[tokio::test]
async fn other_options_change_no_provider() {
    let file = Edited::new();
    let old = file.first(A).await;
    let new =
        file.then(&old, &format!("{A}[orchestrator]\ntimeout_seconds = 7\nstrategy = \"fallback\"\n")).await;
    assert!(same(&old, &new, "a"));
    assert_eq!(base(&new).options().timeout_seconds, Some(7.0));
    assert_eq!(base(&old).options().timeout_seconds, None);
    let connecting = file.then(&new, &format!("{A}[orchestrator]\nconnect_timeout_seconds = 3\n")).await;
    assert!(!same(&new, &connecting, "a") && same_counters(&new, &connecting, "a"));
}

#[tokio::test]
async fn a_strategy_that_is_built_from_the_same_keeps_what_it_learned() {
    let file = Edited::new();
    let quick = "[orchestrators.quick]\nstrategy = \"fallback\"\n";
    let old = file.first(&format!("{A}{quick}")).await;
    let new = file.then(&old, &format!("{A}{B}{quick}[strategies.simple]\nwidth = 3\n")).await;
    let strategy = |orchestrators: &Orchestrators, name| {
        Arc::clone(orchestrators.target(name).unwrap().orchestrator.strategy())
    };
    assert!(Arc::ptr_eq(&strategy(&old, "quick"), &strategy(&new, "quick")));
    assert!(!Arc::ptr_eq(&strategy(&old, "default"), &strategy(&new, "default")), "its width is another");
}

#[tokio::test]
async fn with_other_layers_or_prices_the_counters_go_on() {
    let file = Edited::new();
    let old = file.first(A).await;
    let layered = file.then(&old, &format!("{A}[layers.steps]\nmost = 8\n")).await;
    assert!(!same(&old, &layered, "a") && same_counters(&old, &layered, "a"));
    let priced = file
        .then(
            &layered,
            &format!("{A}[layers.steps]\nmost = 8\n[prices.mock]\nm = {{ input = 1, output = 2 }}\n"),
        )
        .await;
    assert!(!same(&layered, &priced, "a") && same_counters(&old, &priced, "a"));
    assert!(candidate(&priced, "a").price().is_some() && candidate(&layered, "a").price().is_none());
}

#[tokio::test]
async fn a_key_whose_file_holds_another_one_is_read_again() {
    let file = Edited::new();
    let key = file.path("key");
    std::fs::write(&key, "sk-1").unwrap();
    let text = format!("[providers.a]\ntype = \"acme\"\napi_key = {{ file = {key:?} }}\n{B}");
    let old = file.first(&text).await;
    let same_key = file.then(&old, &text).await;
    assert!(same(&old, &same_key, "a"));
    std::fs::write(&key, "sk-2").unwrap();
    let other_key = file.then(&same_key, &text).await;
    assert!(!same(&same_key, &other_key, "a") && same(&same_key, &other_key, "b"));
}

#[tokio::test]
async fn what_cannot_be_built_changes_nothing() {
    let file = Edited::new();
    let old = file.first(A).await;
    let settings = file.read(&format!("{A}[providers.z]\ntype = \"acme\"\n")).await.unwrap();
    let error = old.reloaded(&settings, |builder| builder).unwrap_err().to_string();
    assert!(error.contains("no API key: set the variable ACME_API_KEY"), "{error}");
    assert!(!error.contains("-p "), "a program that runs is given no arguments: {error}");
    assert_eq!(old.names(), ["default", "a"]);
}

#[tokio::test]
async fn what_settings_were_read_from_is_seen_to_change() {
    let file = Edited::new();
    let write = |name: &str, text: &str| std::fs::write(file.path(name), text).unwrap();
    write("prices.toml", "[mock]\nm = { input = 1, output = 2 }\n");
    write("key", "sk-1");
    let key = file.path("key");
    let text = format!("{A}api_key = {{ file = {key:?} }}\n[prices]\nfile = \"prices.toml\"\n");
    let settings = file.read(&text).await.unwrap();
    let seen = settings.seen();
    assert!(!seen.is_empty() && seen.now() == seen);
    for (name, held) in [
        ("ultraai.toml", text.as_str()),
        ("prices.toml", "[mock]\nm = { input = 1, output = 2 }\n"),
        ("key", "sk-1"),
    ] {
        // As many bytes, and maybe at the same moment of the file system's clock.
        write(name, &held.replace('1', "3").replace("\"m\"", "\"l\""));
        assert_ne!(seen.now(), seen, "{name}");
        write(name, held);
        assert_eq!(seen.now(), seen, "{name}");
    }
    std::fs::remove_file(Path::new(&key)).unwrap();
    assert_ne!(seen.now(), seen, "it is gone");
}

#[tokio::test]
async fn what_waits_for_a_restart_is_told_and_stays() {
    let file = Edited::new();
    let mut old = file.read(&format!("{A}[gateway]\nlisten = \"127.0.0.1:1\"\n")).await.unwrap();
    old.gateway.access_log = false;
    let mut new = file
        .read(&format!("{A}[gateway]\nlisten = \"127.0.0.1:2\"\nkeep_alive_seconds = 3\n"))
        .await
        .unwrap();
    assert_eq!(new.take_over(&old).unwrap(), ["listen"]);
    assert_eq!((new.gateway.listen, new.gateway.access_log), (old.gateway.listen, false));
    assert_eq!(new.gateway.keep_alive.as_secs(), 3);
    let mut third = file.read(&format!("{A}[gateway]\nlisten = \"127.0.0.1:2\"\n")).await.unwrap();
    assert_eq!(third.take_over(&new).unwrap(), ["listen"], "it waits still");
    assert_eq!(third.gateway.listen, old.gateway.listen);
    let mut back = file.read(&format!("{A}[gateway]\nlisten = \"127.0.0.1:1\"\n")).await.unwrap();
    assert_eq!(back.take_over(&third).unwrap(), [""; 0], "it is as it was at the start");
    assert!(!back.gateway.access_log, "what the program set stays");
}

#[tokio::test]
async fn what_a_file_set_up_gives_no_way_to_what_is_found_without_it() {
    let file = Edited::new();
    let old = file.read(&format!("{A}{B}")).await.unwrap();
    for (text, reason) in [
        ("", "ultraai.toml held something and is empty now: write it again, or restart the server"),
        ("\u{feff}", "held something and is empty now"),
        (" # providers\r\n\n  # [providers.a]", "held something and is empty now"),
        ("[orchestrator]\nmax_retries = 1\n", "no provider stands in"),
    ] {
        let error = file.read(text).await.unwrap().take_over(&old).unwrap_err();
        assert!(error.message().contains(reason), "{text:?}: {error}");
    }
    file.read(B).await.unwrap().take_over(&old).unwrap();
}

#[tokio::test]
async fn what_an_argument_means_without_the_file_is_not_taken_in_the_place_of_the_files() {
    let file = Edited::new();
    let mut sources = sources(file.folder.path(), Lookup::empty());
    sources.arguments.providers = vec!["mock".to_owned()];
    let read = async |text: &str| {
        std::fs::write(file.path("ultraai.toml"), text).unwrap();
        Settings::load(&sources, &file.registry).await.unwrap()
    };
    let old = read("[providers.mock]\ntype = \"mock\"\nmodel = \"own\"\n").await;
    let error = read(A).await.take_over(&old).unwrap_err();
    assert!(error.message().starts_with("`mock` does not stand in"), "{error}");
    let before = read(A).await;
    read(B).await.take_over(&before).unwrap();
}

#[tokio::test]
async fn an_emptied_file_of_prices_is_refused_and_what_was_found_at_the_start_may_go_on() {
    let file = Edited::new();
    let text = format!("{A}[prices]\nfile = \"prices.toml\"\n");
    std::fs::write(file.path("prices.toml"), "[mock]\nm = { input = 1, output = 2 }\n").unwrap();
    let old = file.read(&text).await.unwrap();
    std::fs::write(file.path("prices.toml"), "").unwrap();
    let error = file.read(&text).await.unwrap().take_over(&old).unwrap_err();
    assert!(error.message().contains("prices.toml held something and is empty now"), "{error}");

    let found = file.read("[orchestrator]\nmax_retries = 1\n").await.unwrap();
    file.read("[orchestrator]\nmax_retries = 2\n").await.unwrap().take_over(&found).unwrap();
    file.read(A).await.unwrap().take_over(&found).unwrap();
    let error = file.read("# nothing\n").await.unwrap().take_over(&found).unwrap_err();
    assert!(error.message().contains("is empty now"), "{error}");
}
