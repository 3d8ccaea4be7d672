//! The tables `[orchestrators.NAME]`, and what a model's name means.

use std::sync::Arc;

use ultraai_core::{
    ErrorKind, Field, Lookup, Plugin, ProviderId, ProviderRegistration, Registry, Result,
    StrategyRegistration,
};
use ultraai_settings::{Orchestrators, Settings, Target};

use crate::support::{Plain, idle, load, refusal, registry, sources};

const TWO: &str =
    "[providers.a]\ntype = \"mock\"\nmodel = \"m\"\n[providers.b]\ntype = \"mock\"\nmodel = \"n\"\n";

async fn orchestrators(text: &str) -> Orchestrators {
    load(text).await.unwrap().orchestrators(|builder| builder).unwrap()
}

fn ids(target: &Target) -> Option<Vec<&str>> {
    target.options.providers.as_ref().map(|ids| ids.iter().map(ProviderId::as_str).collect())
}

#[tokio::test]
async fn an_orchestrator_has_its_own_strategy_options_and_providers_over_the_common_ones() {
    let text = format!(
        "[orchestrators.quick]\nstrategy = \"fallback\"\nproviders = [\"b\"]\ntimeout_seconds = 5\n\
         [orchestrators.plain]\n{TWO}[orchestrator]\ntimeout_seconds = 60\ngap_timeout_seconds = 1\n"
    );
    let orchestrators = orchestrators(&text).await;
    assert_eq!(orchestrators.names(), ["default", "plain", "quick", "a", "b"]);
    let quick = orchestrators.target("quick").unwrap();
    assert_eq!(ids(&quick), Some(vec!["b"]));
    assert_eq!(
        (quick.options.options.timeout_seconds, quick.options.options.gap_timeout_seconds),
        (Some(5.0), None)
    );
    assert_eq!(
        quick.orchestrator.options().gap_timeout_seconds,
        Some(1.0),
        "the common ones lie under its own"
    );
    let plain = orchestrators.target("plain").unwrap();
    assert_eq!((ids(&plain), plain.options.options.timeout_seconds), (None, None));
    // All stand on one base, so that they share what their providers learn.
    let default = orchestrators.target("default").unwrap();
    for (one, other) in quick.orchestrator.candidates().iter().zip(default.orchestrator.candidates().iter()) {
        assert!(Arc::ptr_eq(one, other));
    }
}

#[tokio::test]
async fn an_orchestrators_settings_of_a_strategy_go_over_the_common_ones() {
    let text =
        format!("{TWO}[orchestrators.wide.strategies.simple]\narms = []\n[strategies.simple]\nwidth = 3\n");
    let settings = load(&text).await.unwrap();
    let own = "orchestrators.wide.strategies.simple";
    let entry = settings.entries().into_iter().find(|entry| entry.table == own).unwrap();
    assert_eq!((entry.key.as_str(), entry.value.as_str()), ("arms", "[]"));
    settings.orchestrators(|builder| builder).unwrap();
    let wrong = "[orchestrators.wide.strategies.simple]\nwidht = 3\n";
    assert_eq!(refusal(wrong).await, "ultraai.toml:2:1: unknown setting `widht`: did you mean `width`?");
}

#[tokio::test]
async fn what_is_set_in_an_orchestrator_is_shown_with_its_place() {
    let text = format!("{TWO}[orchestrators.quick]\nproviders = [\"b\"]\nmax_retries = 0\n");
    let entries = load(&text).await.unwrap().entries();
    let own: Vec<_> = entries
        .iter()
        .filter(|entry| entry.table == "orchestrators.quick")
        .map(|entry| {
            let origin = entry.origin.to_string();
            (entry.key.as_str(), entry.value.as_str(), origin.rsplit_once(':').unwrap().1.to_owned())
        })
        .collect();
    assert_eq!(own, [("providers", "[\"b\"]", "8".to_owned()), ("max_retries", "0", "9".to_owned())]);
}

#[tokio::test]
async fn wrong_orchestrators_are_refused_with_their_place_and_advice() {
    for (text, expected) in [
        ("orchestrators = 3\n", "1:1: `orchestrators` must be a table: write [orchestrators]"),
        ("[orchestrators]\nx = 3\n", "2:1: `x` must be a table: write [orchestrators.x]"),
        (
            "[orchestrators.default]\n",
            "1:16: `default` is the orchestrator of the table [orchestrator]: set it there, or give this one another name",
        ),
        (
            "[orchestrators.\"a/b\"]\n",
            "1:16: the orchestrator's name \"a/b\" holds a character other than letters, digits, `-`, `_`, `.` and `:`",
        ),
        (
            "[providers.x]\ntype = \"mock\"\n[orchestrators.x]\n",
            "3:16: `x` is the name of a provider too, and a request that names it could mean either: give one of them another name",
        ),
        (
            "[orchestrators.x]\nprovider = [\"a\"]\n",
            "2:1: unknown setting `provider`: did you mean `providers`?",
        ),
        (
            "[orchestrators.x]\nmax_retrys = 1\n",
            "2:1: unknown setting `max_retrys`: did you mean `max_retries`?",
        ),
        (
            "[orchestrators.x]\nmax_retries = \"sk-x\"\n",
            "2:1: `max_retries` must be a whole number from 0 up, and a text stands there",
        ),
        (
            "[orchestrators.x]\ndaily_budget_dollars = 5\n",
            "2:1: `daily_budget_dollars` is shared by all requests, whichever orchestrator they name: set it under [orchestrator]",
        ),
        (
            "[orchestrators.x]\nmax_requests_in_flight = 5\n",
            "2:1: `max_requests_in_flight` is shared by all requests, whichever orchestrator they name: set it under [orchestrator]",
        ),
        (
            "[orchestrators.x]\nconnect_timeout_seconds = 5\n",
            "2:1: `connect_timeout_seconds` is shared by all requests, whichever orchestrator they name: set it under [orchestrator]",
        ),
        ("[orchestrators.x]\nstrategy = 3\n", "2:1: `strategy` must be a text, and a number stands there"),
        (
            "[providers.a]\ntype = \"mock\"\n[orchestrators.x]\nstrategy = \"simpel\"\n",
            "4:1: no strategy `simpel` is linked into this program (linked: fallback, simple); did you mean `simple`?",
        ),
        (
            "[providers.alpha]\ntype = \"mock\"\n[orchestrators.x]\nproviders = [\"alpah\"]\n",
            "4:1: no provider `alpah` is configured, which `providers` names: did you mean `alpha`?",
        ),
        (
            "[providers.alpha]\ntype = \"mock\"\n[orchestrators.x]\nsynthesizer = \"zzzz\"\n",
            "4:1: no provider `zzzz` is configured, which `synthesizer` names: configured: alpha",
        ),
        (
            "[orchestrators.x]\nproviders = \"a\"\n",
            "2:1: `providers` must be a list of providers' names, such as [\"a\", \"b\"], and a text stands there",
        ),
        (
            "[orchestrators.x]\nproviders = [3]\n",
            "2:1: `providers` must be a list of providers' names, such as [\"a\", \"b\"], and a number stands in it",
        ),
        (
            "[orchestrators.x]\nproviders = []\n",
            "2:1: `providers` is empty: name a provider, or leave it out to have all",
        ),
        (
            "[orchestrators.x]\nproviders = [\"a\", \"a\"]\n",
            "2:1: `providers` names `a` twice: once is enough",
        ),
        (
            "[orchestrators.x]\nstrategies = 3\n",
            "2:1: `strategies` must be a table: write [orchestrators.x.strategies.NAME]",
        ),
        (
            "[orchestrator]\nmin_responses_needed = 3\n[providers.a]\ntype = \"mock\"\n[orchestrators.x]\nmax_providers_per_request = 2\n",
            "6:1: `min_responses_needed` is 3 and `max_providers_per_request` is 2: so many answers cannot come",
        ),
    ] {
        assert_eq!(refusal(text).await, format!("ultraai.toml:{expected}"), "{text}");
    }
}

#[tokio::test]
async fn a_provider_that_is_asked_alone_needs_no_more_than_one_answer() {
    let text = format!("{TWO}[orchestrator]\nmin_responses_needed = 2\n");
    let orchestrators = orchestrators(&text).await;
    let direct = orchestrators.target("a").unwrap();
    assert_eq!((ids(&direct), direct.model.as_ref()), (Some(vec!["a"]), None));
    assert_eq!(direct.options.options.min_responses_needed, Some(1));
    let other = orchestrators.target("a/other/model").unwrap();
    assert_eq!(other.options.model.unwrap().as_str(), "other/model");
    for (name, expected) in [
        ("defualt", "no model `defualt` here: did you mean `default`?"),
        ("somebody", "no model `somebody` here: name one of default, a, b"),
        ("a/", "`a/` names no model after the slash: ask for `a/MODEL`"),
    ] {
        let error = orchestrators.target(name).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::ModelNotFound, expected));
    }
}

#[tokio::test]
async fn options_with_which_no_request_could_be_answered_are_refused() {
    let quorum = "`min_responses_needed` is 3, and only 2 providers can be asked: set it to 2 or less, or add providers";
    for (text, expected) in [
        ("[orchestrator]\nmin_responses_needed = 3\n", format!("8:1: [orchestrator] could answer no request: {quorum}")),
        (
            "[orchestrator]\nstrategy = \"fallback\"\nmin_responses_needed = 2\n",
            "9:1: [orchestrator] could answer no request: `min_responses_needed` is 2: set it to 1".to_owned(),
        ),
        (
            "[orchestrators.x]\nmin_responses_needed = 3\n",
            format!("8:1: [orchestrators.x] could answer no request: {quorum}"),
        ),
        (
            "[orchestrators.x]\nproviders = [\"a\"]\nmin_responses_needed = 2\n",
            "9:1: [orchestrators.x] could answer no request: `min_responses_needed` is 2, and only one provider can be asked: set it to 1, or add providers".to_owned(),
        ),
        (
            "[orchestrator]\nmin_responses_needed = 2\n[orchestrators.x]\nstrategy = \"fallback\"\n",
            "9:16: [orchestrators.x] could answer no request: `min_responses_needed` is 2: set it to 1".to_owned(),
        ),
    ] {
        let settings = load(&format!("{TWO}{text}")).await.unwrap();
        let error = settings.orchestrators(|builder| builder).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().ends_with(&format!("ultraai.toml:{expected}")), "{error}");
        assert_eq!(settings.build().is_err(), text.contains("[orchestrator]") && !text.contains(".x]"), "{text}");
        let before = orchestrators(TWO).await;
        assert_eq!(before.reloaded(&settings, |builder| builder).unwrap_err().message(), error.message());
    }
    // Who asks one of them minds the others not.
    let text = format!(
        "{TWO}[orchestrator]\nmin_responses_needed = 9\n[orchestrators.x]\nmin_responses_needed = 2\n"
    );
    let settings = load(&text).await.unwrap();
    settings.orchestrator("x").unwrap();
    settings.orchestrator("default").unwrap_err();
}

#[tokio::test]
async fn a_provider_of_the_name_default_is_no_hindrance_to_those_who_only_ask() {
    let settings = load("[providers.default]\ntype = \"mock\"\n").await.unwrap();
    settings.build().unwrap();
    let error = settings.orchestrators(|builder| builder).unwrap_err().to_string();
    assert!(error.contains("ultraai.toml:1:12: a provider is called `default`"), "{error}");
}

/// As ours: without a model it can be asked nothing.
fn ours() -> Arc<Registry> {
    const FIELDS: &[Field] = &[];
    const ROWS: &[ProviderRegistration] =
        &[ProviderRegistration::new("vendor", |name, _, _| Result::Ok(Arc::new(Plain(name))))
            .key_optional(true)
            .fields(FIELDS)
            .from_package("ultraai-test", "0")];
    let row =
        |name| Plugin::Strategy(StrategyRegistration::new(name, idle).from_package("ultraai-test", "0"));
    let builder = Registry::builder().plugin(Plugin::Providers(ROWS)).unwrap();
    builder.plugin(row("simple")).unwrap().plugin(row("fallback")).unwrap().build()
}

async fn load_ours(text: &str) -> Result<Settings> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ultraai.toml"), text).unwrap();
    Settings::load(&sources(folder.path(), Lookup::empty()), &ours()).await
}

const OPEN: &str = "[providers.open]\ntype = \"vendor\"\n[providers.set]\ntype = \"vendor\"\nmodel = \"m\"\n";

#[tokio::test]
async fn a_provider_without_a_model_is_there_for_requests_that_name_one() {
    let settings = load_ours(OPEN).await.unwrap();
    let refused = settings.build().unwrap_err().to_string();
    assert!(refused.contains("no `model`: set it, or write `-p vendor/MODEL`"), "{refused}");
    let orchestrators = settings.orchestrators(|builder| builder).unwrap();
    assert_eq!(orchestrators.names(), ["default", "set"]);
    assert_eq!(ids(&orchestrators.target("default").unwrap()), Some(vec!["set"]));
    assert_eq!(ids(&orchestrators.target("open/x").unwrap()), Some(vec!["open"]));
    let error = orchestrators.target("open").unwrap_err();
    assert_eq!(error.message(), "the provider `open` has no model of its own: ask for `open/MODEL`");

    let alone = load_ours("[providers.open]\ntype = \"vendor\"\n").await.unwrap();
    let alone = alone.orchestrators(|builder| builder).unwrap();
    let error = alone.target("default").unwrap_err();
    assert_eq!(error.message(), "no provider of `default` has a model of its own: ask for `open/MODEL`");
    assert!(alone.target("open/x").is_ok());
}

#[tokio::test]
async fn a_provider_without_a_model_is_refused_where_something_names_it() {
    for (text, by) in [
        ("[orchestrators.x]\nproviders = [\"open\"]\n", "`providers` of [orchestrators.x]"),
        ("[orchestrators.x]\nsynthesizer = \"open\"\n", "`synthesizer` of [orchestrators.x]"),
        ("[orchestrator]\nanalyst = \"open\"\n", "`analyst` of [orchestrator]"),
        (
            "[providers.c]\ntype = \"vendor\"\nmodel = \"m\"\nfallbacks = [\"open\"]\n",
            "`fallbacks` of [providers.c]",
        ),
    ] {
        let settings = load_ours(&format!("{OPEN}{text}")).await.unwrap();
        let error = settings.orchestrators(|builder| builder).unwrap_err().to_string();
        let expected =
            format!("ultraai.toml:1:12: no `model`, and {by} names it: set it to one that the provider has");
        assert!(error.contains(&expected), "{error}");
    }
    let error =
        load_ours(&format!("{OPEN}[gateway.aliases]\ngpt = \"open\"\n")).await.unwrap_err().to_string();
    assert!(
        error.ends_with("names the provider `open`, which has no model of its own: write `open/MODEL`"),
        "{error}"
    );
}

#[tokio::test]
async fn arguments_say_whom_default_asks_and_orchestrators_keep_those_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{TWO}[orchestrators.x]\nproviders = [\"b\"]\n[orchestrators.y]\n");
    std::fs::write(folder.path().join("ultraai.toml"), text).unwrap();
    let mut sources = sources(folder.path(), Lookup::empty());
    sources.arguments.providers = vec!["a".into()];
    let settings = Settings::load(&sources, &registry()).await.unwrap();
    let orchestrators = settings.orchestrators(|builder| builder).unwrap();
    let asked = |name| orchestrators.target(name).unwrap().options.providers.unwrap();
    assert_eq!(
        (asked("default"), asked("x"), asked("y")),
        (
            vec![ProviderId::new("a").unwrap()],
            vec![ProviderId::new("b").unwrap()],
            vec![ProviderId::new("a").unwrap()],
        )
    );
}

#[tokio::test]
async fn the_advice_to_leave_a_broken_provider_out_is_one_that_works() {
    const KEYLESS: &str = "[providers.an]\ntype = \"acme\"\n";
    let folder = tempfile::tempdir().unwrap();
    let refused = async |text: &str, selected: &[&str]| {
        std::fs::write(folder.path().join("ultraai.toml"), format!("{TWO}{KEYLESS}{text}")).unwrap();
        let mut sources = sources(folder.path(), Lookup::empty());
        sources.arguments.providers = selected.iter().map(ToString::to_string).collect();
        let settings = Settings::load(&sources, &registry()).await.unwrap();
        settings.orchestrators(|builder| builder).err().map(|error| error.to_string())
    };
    let advice = ", or leave `an` out: `-p a -p b`";
    let error = refused("[orchestrators.x]\nproviders = [\"a\"]\n", &[]).await.unwrap();
    assert!(error.ends_with(advice), "{error}");
    assert_eq!(refused("[orchestrators.x]\nproviders = [\"a\"]\n", &["a", "b"]).await, None);
    for text in [
        "[orchestrators.x]\nproviders = [\"a\", \"an\"]\n",
        "[orchestrators.x]\nsynthesizer = \"an\"\n",
        "[providers.c]\ntype = \"mock\"\nfallbacks = [\"an\"]\n[orchestrators.x]\nproviders = [\"c\"]\n",
    ] {
        let error = refused(text, &[]).await.unwrap();
        let expected = format!("{advice}, once nothing in [orchestrators.x] needs `an`");
        assert!(error.ends_with(&expected), "{error}");
        let error = refused(text, &["a", "b"]).await.unwrap();
        assert!(error.ends_with("; `an` is needed by [orchestrators.x], whatever `-p` names"), "{error}");
    }
    // Who named it is not told that others do.
    let error = refused("[orchestrators.x]\nproviders = [\"an\"]\n", &["an"]).await.unwrap();
    assert!(error.ends_with("`api_key = { env = \"…\" }`"), "{error}");
}
