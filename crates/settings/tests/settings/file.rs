//! What a settings file may hold, and what is said of one that is wrong.

use crate::support::{load, lookup, refusal, registry, sources};
use proptest::prelude::*;
use ultraai_core::{ErrorKind, Lookup};
use ultraai_settings::{OptionArgument, Settings, init_file};

proptest! {
    #[test]
    fn any_text_gives_settings_or_one_error(
        head in "(\\[orchestrator\\]|\\[providers\\.a\\]|\\[\\[providers\\]\\])?",
        rest in "[a-z_=\"\\[\\]{}#.,0-9é \n-]{0,60}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(error) = runtime.block_on(load(&format!("{head}\n{rest}"))) {
            prop_assert_eq!(error.kind(), ErrorKind::Config);
            prop_assert!(error.to_string().contains("ultraai.toml:"), "{}", error);
        }
    }
}

#[tokio::test]
async fn wrong_files_are_refused_with_place_key_and_advice() {
    for (text, expected) in [
        ("[orchestrater]\n", "ultraai.toml:1:2: unknown table `orchestrater`: did you mean `orchestrator`?"),
        ("providers = 3\n", "ultraai.toml:1:1: `providers` must be a table: write [providers]"),
        (
            "[orchestrator]\nmax_retrys = 3\n",
            "ultraai.toml:2:1: unknown setting `max_retrys`: did you mean `max_retries`?",
        ),
        (
            "[orchestrator]\n\n  max_retries = \"sk-many\"\n",
            "ultraai.toml:3:3: `max_retries` must be a whole number from 0 up, and a text stands there",
        ),
        (
            "[orchestrator]\ntimeout_seconds = -1\n",
            "ultraai.toml:2:1: `timeout_seconds` is -1: it must be a number of seconds above 0, and at most 1000000000",
        ),
        (
            "[orchestrator]\nstrategy = \"simpel\"\n",
            "ultraai.toml:2:1: no strategy `simpel` is linked into this program (linked: fallback, simple); did you mean `simple`?",
        ),
        (
            "[orchestrator]\nanalysis_type = \"x\"\n",
            "ultraai.toml:2:1: no analyzer `x` is linked into this program, nor any other",
        ),
        (
            "[providers.\"a b\"]\ntype = \"acme\"\n",
            "ultraai.toml:1:12: the provider id \"a b\" holds a character other than letters, digits, `-`, `_`, `.` and `:`",
        ),
        (
            "[providers.a]\nmodel = \"m\"\n",
            "ultraai.toml:1:12: `type` is missing: name a linked provider, as `ultraai providers` lists them",
        ),
        (
            "[providers.a]\ntyp = \"mock\"\nmodel = \"m\"\n",
            "ultraai.toml:2:1: unknown setting `typ`: did you mean `type`?",
        ),
        (
            "timeout_seconds = 3\n",
            "ultraai.toml:1:1: `timeout_seconds` stands outside of every table: put it under [orchestrator]",
        ),
        (
            "[providers.a]\ntype = \"acme\"\nprice = { input = 1, output = \"much\" }\n",
            "ultraai.toml:3:1: `price.output` must be a number, and a text stands there",
        ),
        (
            "[providers.a]\ntype = \"acme\"\nprice = { input = 1 }\n",
            "ultraai.toml:3:1: `price.output` is missing",
        ),
        (
            "[providers.a]\ntype = \"zzzzzz\"\n",
            "ultraai.toml:2:1: no provider `zzzzzz` is linked into this program (linked: acme, compatible, mock, ollama, zeta): name one of these",
        ),
        (
            "[providers.a]\ntype = \"acmee\"\n",
            "ultraai.toml:2:1: no provider `acmee` is linked into this program (linked: acme, compatible, mock, ollama, zeta); did you mean `acme`?",
        ),
        (
            "[providers.a]\ntype = \"acme\"\nbase_ulr = \"x\"\n",
            "ultraai.toml:3:1: unknown setting `base_ulr`: did you mean `base_url`?",
        ),
        (
            "[providers.a]\ntype = \"acme\"\nmax_retries = \"sk-many\"\n",
            "ultraai.toml:3:1: `max_retries` must be a whole number from 0 up, and a text stands there",
        ),
        (
            "[providers.a]\ntype = \"acme\"\nfallbacks = [\"b\", 3]\n",
            "ultraai.toml:3:1: `fallbacks[1]` must be a text, and a number stands there",
        ),
        (
            "[providers.a]\ntype = \"acme\"\napi_key = { enf = \"X\" }\n",
            "ultraai.toml:3:1: `api_key` names no place: write { env = \"VARIABLE\" } or { file = \"PATH\" }",
        ),
        (
            "[providers.fast]\ntype = \"mock\"\nfallbacks = [\"fsat\"]\n",
            "ultraai.toml:3:1: no provider `fsat` is configured, which `fallbacks` names: did you mean `fast`?",
        ),
        (
            "[providers.a]\ntype = \"mock\"\n[orchestrator]\nsynthesizer = \"zzzz\"\n",
            "ultraai.toml:4:1: no provider `zzzz` is configured, which `synthesizer` names: configured: a",
        ),
        (
            "[orchestrator]\nmin_responses_needed = 3\nmax_providers_per_request = 2\n",
            "ultraai.toml:2:1: `min_responses_needed` is 3 and `max_providers_per_request` is 2: so many answers cannot come",
        ),
    ] {
        assert_eq!(refusal(text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn what_a_provider_lacks_is_said_with_the_place() {
    let build = |text| async move { load(text).await.unwrap().build().unwrap_err().to_string() };
    let error = build("[providers.a]\ntype = \"acme\"\n").await;
    assert!(
        error.starts_with("a: ")
            && error.contains("ultraai.toml:1:12: no API key: set the variable ACME_API_KEY"),
        "{error}"
    );
    let error = build(
        "[providers.a]\ntype = \"mock\"\nmodel = \"m\"\n[providers.b]\ntype = \"compatible\"\nbase_url = 5\n",
    )
    .await;
    assert!(
        error.contains("ultraai.toml:6:1: `base_url` must be a text, and a number stands there"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_of_a_key_that_is_not_there_is_named_unless_it_may_be_the_key_itself() {
    let refused = async |name: &str| {
        let text = format!("[providers.a]\ntype = \"acme\"\napi_key = {{ file = \"{name}\" }}\n");
        load(&text).await.unwrap().build().unwrap_err().to_string()
    };
    let error = refused("no-such-key.txt").await;
    assert!(error.contains("ultraai.toml:3:1: the file /"), "{error}");
    let expected =
        "/no-such-key.txt, which `api_key` names, is not there: write the key into it, or name another";
    assert!(error.ends_with(expected), "{error}");
    let error = refused("sk-secret-123").await;
    assert!(error.contains("ultraai.toml:3:1: there is no file of the name that `api_key` gives"), "{error}");
    assert!(!error.contains("secret-123"), "{error}");
}

#[tokio::test]
async fn a_provider_without_a_model_has_its_usual_one() {
    let settings = load("[providers.a]\ntype = \"acme\"\napi_key = \"k\"\n").await.unwrap();
    let entries = settings.entries();
    let model = entries.iter().find(|entry| entry.key == "model").unwrap();
    assert_eq!(
        (model.value.as_str(), model.origin.to_string().as_str()),
        ("\"acme-1\"", "usual model of acme")
    );
    // What the providers of others need without one is theirs to say.
    load("[providers.a]\ntype = \"compatible\"\n").await.unwrap().build().unwrap();
}

#[tokio::test]
async fn a_broken_provider_that_nobody_asks_for_is_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[providers.a]\ntype = \"acme\"\n[providers.b]\ntype = \"mock\"\nfallbacks = [\"c\"]\n[providers.c]\ntype = \"mock\"\n";
    std::fs::write(folder.path().join("ultraai.toml"), text).unwrap();
    let mut sources = sources(folder.path(), Lookup::empty());
    sources.arguments.providers = vec!["b".into()];
    let orchestrator = Settings::load(&sources, &registry()).await.unwrap().build().unwrap();
    let ids: Vec<_> = orchestrator.candidates().iter().map(|candidate| candidate.id().to_string()).collect();
    assert_eq!(ids, ["b", "c"]);
}

#[tokio::test]
async fn an_error_of_one_provider_says_how_to_go_on_with_the_others() {
    let key = "[providers.a]\ntype = \"acme\"\napi_key = { env = \"WORK_KEY\" }\n";
    let others = "[providers.b]\ntype = \"mock\"\n[providers.c]\ntype = \"mock\"\nfallbacks = [\"a\"]\n[providers.d]\ntype = \"zeta\"\n[providers.e]\ntype = \"mock\"\n";
    let refused = async |text: &str| load(text).await.unwrap().build().unwrap_err().to_string();
    let error = refused(&format!("{key}{others}")).await;
    assert!(error.ends_with("is not set: set it to the key, or leave `a` out: `-p b -p e`"), "{error}");
    // Nothing works without what cannot be built.
    for text in [key.to_owned(), format!("{key}{others}[orchestrator]\nsynthesizer = \"a\"\n")] {
        let error = refused(&text).await;
        assert!(error.ends_with("is not set: set it to the key"), "{error}");
    }
}

#[tokio::test]
async fn variables_go_over_the_file_and_arguments_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[orchestrator]\nmax_retries = 1\ntimeout_seconds = 10\ngap_timeout_seconds = 7\n[providers.a]\ntype = \"mock\"\n";
    std::fs::write(folder.path().join("ultraai.toml"), text).unwrap();
    let lookup = lookup(&[("ULTRAAI_MAX_RETRIES", "2"), ("ULTRAAI_TIMEOUT_SECONDS", "20")]);
    let mut sources = sources(folder.path(), lookup);
    sources.arguments.options = vec![OptionArgument { name: "timeout_seconds", value: "30.5".into() }];
    let settings = Settings::load(&sources, &registry()).await.unwrap();
    let found = |key: &str| {
        let entry = settings.entries().into_iter().find(|entry| entry.key == key).unwrap();
        let origin = entry.origin.to_string();
        (entry.value, origin.rsplit(['/', '\\']).next().unwrap().to_owned())
    };
    assert_eq!(found("max_retries"), ("2".into(), "variable ULTRAAI_MAX_RETRIES".into()));
    assert_eq!(found("timeout_seconds"), ("30.5".into(), "argument --timeout-seconds".into()));
    assert_eq!(found("gap_timeout_seconds"), ("7.0".into(), "ultraai.toml:4".into()));
    assert_eq!(found("use_early_stopping"), ("false".into(), "default".into()));
    assert_eq!(found("type"), ("\"mock\"".into(), "ultraai.toml:6".into()));
}

#[tokio::test]
async fn an_option_that_belongs_to_another_may_come_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ultraai.toml"), "[orchestrator]\nmax_queued_requests = 3\n").unwrap();
    let error =
        Settings::load(&sources(folder.path(), Lookup::empty()), &registry()).await.unwrap_err().to_string();
    assert!(error.contains("ultraai.toml:2:1: `max_queued_requests` is set, and nobody waits"), "{error}");
    let lookup = lookup(&[("ULTRAAI_MAX_REQUESTS_IN_FLIGHT", "2")]);
    let options = Settings::load(&sources(folder.path(), lookup), &registry()).await.unwrap().options;
    assert_eq!((options.max_requests_in_flight, options.max_queued_requests), (Some(2), Some(3)));
}

#[tokio::test]
async fn budgets_are_amounts_of_dollars() {
    for name in ["budget_dollars", "daily_budget_dollars", "daily_budget_dollars_per_key"] {
        load(&format!("[orchestrator]\n{name} = 0.25\nallow_unknown_prices = true\n")).await.unwrap();
        let error = refusal(&format!("[orchestrator]\n{name} = -1\n")).await;
        assert!(
            error.starts_with(&format!("ultraai.toml:2:1: `{name}` is -1: it must be an amount")),
            "{error}"
        );
        let error = refusal(&format!("[orchestrator]\n{name} = \"much\"\n")).await;
        assert_eq!(error, format!("ultraai.toml:2:1: `{name}` must be a number, and a text stands there"));
    }
}

#[tokio::test]
async fn a_wrong_variable_or_argument_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = sources(folder.path(), lookup(&[("ULTRAAI_MAX_RETRIES", "many")]));
    let error = Settings::load(&wrong, &registry()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "variable ULTRAAI_MAX_RETRIES: `max_retries` must be a whole number from 0 up, and is \"many\""
    );
    let mut wrong = sources(folder.path(), Lookup::empty());
    wrong.arguments.options = vec![OptionArgument { name: "parallel_requests", value: "yes".into() }];
    let error = Settings::load(&wrong, &registry()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "argument --parallel-requests: `parallel_requests` must be true or false, and is \"yes\""
    );
}

#[tokio::test]
async fn a_misspelt_variable_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path(), Lookup::empty());
    sources.variables = vec!["ULTRAAI_MAX_RETRYS".into(), "ULTRAAI_LIVE_SMOLLM2".into(), "HOME".into()];
    let settings = Settings::load(&sources, &registry()).await.unwrap();
    let notices: Vec<_> =
        settings.notices.iter().filter(|notice| notice.contains("variable ULTRAAI")).collect();
    assert_eq!(
        notices,
        ["the variable ULTRAAI_MAX_RETRYS means nothing here: did you mean ULTRAAI_MAX_RETRIES?"]
    );
}

#[tokio::test]
async fn a_key_in_the_file_works_and_is_shown_nowhere() {
    let settings = load("[providers.a]\ntype = \"acme\"\napi_key = \"sk-secret-123\"\n").await.unwrap();
    settings.build().unwrap();
    let shown = format!(
        "{settings:?} {} {:?} {:?} {}",
        serde_json::to_string(&settings.entries()).unwrap(),
        settings.warnings(),
        settings.summaries(),
        serde_json::to_string(&settings.summaries()).unwrap()
    );
    assert!(!shown.contains("sk-secret"), "{shown}");
    assert!(settings.warnings()[0].contains("ultraai.toml:3: the key of `a` stands in the file"));
}

#[tokio::test]
async fn a_file_that_is_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path(), Lookup::empty());
    sources.file = Some(folder.path().join("other.toml"));
    let error = Settings::load(&sources, &registry()).await.unwrap_err().to_string();
    assert!(error.contains("other.toml is not there"), "{error}");
}

#[tokio::test]
async fn the_written_file_says_nothing_until_it_is_uncommented() {
    let text = init_file(&registry());
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{text}");
    assert!(text.contains("# How many at once. Default: 0.\n#width = 0\n"), "{text}");
    let layer = "#[layers.steps]\n# Whether it stands around candidates. Default: true.\n#enabled = true\n# The least. Default: 1.\n#least = 1\n";
    assert!(text.contains(layer), "{text}");
    assert!(text.contains("#layers = { steps = { enabled = true } }\n"), "{text}");
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest < Some(121), "{text}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ultraai.toml"), &text).unwrap();
    let settings = Settings::load(&sources(folder.path(), Lookup::empty()), &registry()).await.unwrap();
    assert_eq!(settings.options, ultraai_core::Options::default());
    assert_eq!(settings.providers().next().unwrap().0, &"mock");

    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let set: Vec<_> = text.lines().map(uncomment).collect();
    let settings = load(&set.join("\n")).await.unwrap();
    assert_eq!(settings.providers().count(), 5);
    let unset: Vec<_> =
        settings.entries().into_iter().filter(|entry| entry.origin.to_string() == "default").collect();
    let names: Vec<_> = unset.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(names, ["analysis_type"], "no analyzer is linked here");
}
