//! The tables `[strategies.NAME]`, `[layers.NAME]` and `[prices]`.

use crate::support::{load, refusal, registry, sources};
use ultraai_core::{Cost, Lookup};
use ultraai_settings::Settings;

const MOCK: &str = "[providers.mock]\ntype = \"mock\"\nmodel = \"m\"\n";

/// What a request to the model `m` of `mock` would cost a token in and out, under these settings.
fn price(settings: &Settings) -> Option<(u64, u64)> {
    let orchestrator = settings.build().unwrap();
    let price = orchestrator.candidates()[0].price()?;
    Some((price.input, price.output))
}

#[tokio::test]
async fn a_strategy_gets_the_settings_of_its_own_table() {
    let settings = load(&format!("{MOCK}[strategies.simple]\nwidth = 3\n")).await.unwrap();
    assert!(settings.build().is_ok());
    let entry = settings.entries().into_iter().find(|entry| entry.table == "strategies.simple").unwrap();
    assert_eq!((entry.key.as_str(), entry.value.as_str()), ("width", "3"));
    for (text, expected) in [
        (
            "[strategies.simple]\nwidht = 3\n",
            "ultraai.toml:2:1: unknown setting `widht`: did you mean `width`?",
        ),
        (
            "[strategies.simple]\nwidth = \"sk-x\"\n",
            "ultraai.toml:2:1: `width` must be a whole number from 0 up, and a text stands there",
        ),
        (
            "[strategies.simple]\narms = [{ options = { max_retries = 2 } }, { options = { max_retrys = 2 } }]\n",
            "ultraai.toml:2:1: in `arms[1].options`: unknown setting `max_retrys`: did you mean `max_retries`?",
        ),
        (
            "[strategies.simple]\narms = [{ options = { max_retries = \"sk-x\" } }]\n",
            "ultraai.toml:2:1: `arms[0].options.max_retries` must be a whole number from 0 up, and a text stands there",
        ),
        ("[strategies.simple]\narms = [{}]\n", "ultraai.toml:2:1: `arms[0].options` is missing"),
        ("[strategies.simpel]\n", "ultraai.toml:1:13: no strategy `simpel` is linked"),
        (
            "[strategies]\nsimple = 3\n",
            "ultraai.toml:2:1: `simple` must be a table: write [strategies.simple]",
        ),
    ] {
        let error = refusal(text).await;
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("sk-x"), "{error}");
    }
}

#[tokio::test]
async fn a_layer_gets_the_settings_of_its_own_table_and_a_providers_go_over_them() {
    let settings = load(&format!("{MOCK}layers.steps.least = 7\n[layers.steps]\nmost = 8\n")).await.unwrap();
    settings.build().unwrap();
    let entry = settings.entries().into_iter().find(|entry| entry.table == "layers.steps").unwrap();
    assert_eq!((entry.key.as_str(), entry.value.as_str()), ("most", "8"));
    let own = settings.entries().into_iter().find(|entry| entry.key == "layers").unwrap();
    assert_eq!(own.value, "{ steps = { least = 7 } }");

    // By itself neither would do, and together they do: the file's order does not matter.
    load(&format!("{MOCK}layers = {{ steps = {{ least = 12 }} }}\n[layers.steps]\nmost = 20\n"))
        .await
        .unwrap();
    load(&format!("{MOCK}layers.steps.enabled = false\nlayers.steps.least = 12\n")).await.unwrap();
}

#[tokio::test]
async fn wrong_settings_of_layers_are_refused_with_their_place() {
    for (text, expected) in [
        ("[layers.steps]\nmots = 3\n", "ultraai.toml:2:1: unknown setting `mots`: did you mean `most`?"),
        (
            "[layers.steps]\nenable = true\n",
            "ultraai.toml:2:1: unknown setting `enable`: did you mean `enabled`?",
        ),
        (
            "[layers.steps]\nmost = \"sk-x\"\n",
            "ultraai.toml:2:1: `most` must be a whole number from 0 up, and a text stands there",
        ),
        (
            "[layers.steps]\nmost = 0\n",
            "ultraai.toml:2:1: `most` is 0: it must be at least `least`, which is 1",
        ),
        ("[layers.steps]\nleast = 1\nenabled = 3\n", "ultraai.toml:3:1: `enabled` must be true or false"),
        (
            "[layers.step]\n",
            "ultraai.toml:1:9: no layer `step` is linked into this program (linked: steps); did you mean `steps`?",
        ),
        ("[layers]\nsteps = 3\n", "ultraai.toml:2:1: `steps` must be a table: write [layers.steps]"),
        ("layers = 3\n", "ultraai.toml:1:1: `layers` must be a table: write [layers]"),
        (
            "[providers.a]\ntype = \"mock\"\n[providers.a.layers.steps]\nmots = 3\n",
            "ultraai.toml:4:1: unknown setting `mots`: did you mean `most`?",
        ),
        (
            "[providers.a]\ntype = \"mock\"\nlayers = { steps = { most = 0 } }\n",
            "ultraai.toml:3:22: `most` is 0: it must be at least `least`, which is 1",
        ),
        (
            "[providers.a]\ntype = \"mock\"\nlayers.setps.most = 3\n",
            "ultraai.toml:3:8: no layer `setps` is linked into this program (linked: steps); did you mean `steps`?",
        ),
        (
            "[providers.a]\ntype = \"mock\"\nlayers.steps = 3\n",
            "ultraai.toml:3:8: `steps` must be a table: write [providers.a.layers.steps]",
        ),
        (
            "[providers.a]\ntype = \"mock\"\nlayers = 3\n",
            "ultraai.toml:3:1: `layers` must be a table: write [providers.a.layers.NAME]",
        ),
    ] {
        let error = refusal(text).await;
        assert_eq!(error, expected, "{text}");
    }
}

#[tokio::test]
async fn the_settings_go_over_a_file_of_prices_and_a_providers_own_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("prices.toml", "[mock]\nm = { input = 1, output = 2 }\nn = { input = 9, output = 9 }\n");
    let at = async |text: String| {
        write("ultraai.toml", &text);
        Settings::load(&sources(folder.path(), Lookup::empty()), &registry()).await
    };
    let file = "[prices]\nfile = \"prices.toml\"\n";
    let settings = at(format!("{MOCK}{file}")).await.unwrap();
    assert_eq!(price(&settings), Some((1_000_000_000, 2_000_000_000)));
    let settings = at(format!("{MOCK}{file}[prices.mock]\nm = {{ input = 3, output = 4 }}\n")).await.unwrap();
    assert_eq!(price(&settings), Some((3_000_000_000, 4_000_000_000)));
    let settings = at(format!("{MOCK}price = {{ input = 5, output = 6 }}\n{file}")).await.unwrap();
    assert_eq!(price(&settings), Some((5_000_000_000, 6_000_000_000)));
    assert_eq!(price(&load(MOCK).await.unwrap()), None);
    assert_eq!(Cost::Unknown.to_string(), "unknown");

    write("prices.toml", "[mock]\nm = { input = -1, output = 2 }\n");
    let error = at(format!("{MOCK}{file}")).await.unwrap_err().to_string();
    assert!(error.contains("prices.toml:2:1: in prices.mock.\"m\": `input` is -1"), "{error}");
    std::fs::remove_file(folder.path().join("prices.toml")).unwrap();
    let error = at(format!("{MOCK}{file}")).await.unwrap_err().to_string();
    assert!(error.contains("ultraai.toml:5:1: ") && error.contains("prices.toml is not there"), "{error}");
    assert!(error.contains("{ input = 2.5, output = 10 }") && !error.contains("--init"), "{error}");
}

#[tokio::test]
async fn wrong_prices_are_refused_with_their_place_and_strangers_are_noticed() {
    for (text, expected) in [
        ("[prices]\nfile = 3\n", "ultraai.toml:2:1: `prices.file` must be the path of a file, and a number"),
        ("[prices]\nmock = 3\n", "ultraai.toml:2:1: `mock` must be a table: write [prices.mock]"),
        ("[prices.mock]\nm = 3\n", "ultraai.toml:2:1: `prices.mock.\"m\"` must be { input"),
        ("[prices.mock]\nm = { input = 1 }\n", "ultraai.toml:2:1: in prices.mock.\"m\": "),
    ] {
        let error = refusal(text).await;
        assert!(error.starts_with(expected), "{error}");
    }
    let settings = load(&format!("{MOCK}[prices.mokc]\nm = {{ input = 1, output = 1 }}\n")).await.unwrap();
    let [notice] = settings.notices.as_slice() else { panic!("{:?}", settings.notices) };
    assert!(
        notice.ends_with("no provider `mokc` is linked, so its prices are not used: did you mean `mock`?"),
        "{notice}"
    );
}
