//! The table `[gateway]`.

use std::time::Duration;

use ultraai_core::Lookup;
use ultraai_settings::{GatewaySettings, Settings};

use crate::support::{load, lookup, refusal, registry, sources};

const MOCK: &str = "[providers.mock]\ntype = \"mock\"\nmodel = \"m\"\n";

#[tokio::test]
async fn every_setting_of_the_gateway_is_read() {
    let text = format!(
        "{MOCK}[gateway]\nlisten = \"[::1]:9000\"\nworkers = 3\nstate_folder = \"state\"\nmax_body_bytes = 4096\n\
         max_header_bytes = 16384\nmax_connections = 5\nidle_timeout_seconds = 1.5\nstall_timeout_seconds = 2\n\
         keep_alive_seconds = 0.25\nshutdown_timeout_seconds = 0\ncors_origins = [\"https://app.example.com\", \"*\"]\n\
         access_log = false\n[gateway.aliases]\n\"gpt-4o\" = \"default\"\nfast = \"mock/other\"\n"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ultraai.toml"), text).unwrap();
    let settings = Settings::load(&sources(folder.path(), Lookup::empty()), &registry()).await.unwrap();
    let gateway = &settings.gateway;
    assert_eq!((gateway.listen.to_string().as_str(), gateway.workers), ("[::1]:9000", Some(3)));
    assert_eq!(gateway.state_folder, Some(folder.path().join("state")), "it is relative to the file");
    let bounds = (gateway.max_body_bytes, gateway.max_header_bytes, gateway.max_connections);
    assert_eq!(bounds, (4096, 16384, 5));
    let seconds = [1.5, 2.0, 0.25, 0.0].map(Duration::from_secs_f64);
    let timeouts =
        [gateway.idle_timeout, gateway.stall_timeout, gateway.keep_alive, gateway.shutdown_timeout];
    assert_eq!(timeouts, seconds);
    assert_eq!(gateway.cors_origins, ["https://app.example.com", "*"]);
    assert!(!gateway.access_log);
    assert_eq!(gateway.aliases["gpt-4o"], "default");
    let names: Vec<_> = settings.gateway.aliases.keys().map(String::as_str).collect();
    assert_eq!(names, ["fast", "gpt-4o"]);
}

#[tokio::test]
async fn the_gateways_settings_are_shown_with_their_places_and_defaults() {
    let settings = load(&format!(
        "{MOCK}[gateway]\nworkers = 3\nkeep_alive_seconds = 2.5\n[gateway.aliases]\n\"gpt-4o\" = \"default\"\n"
    ))
    .await
    .unwrap();
    let entries = settings.entries();
    let found = |table: &str, key: &str| {
        let entry = entries.iter().find(|entry| entry.table == table && entry.key == key).unwrap();
        let origin = entry.origin.to_string();
        (entry.value.clone(), origin.rsplit(['/', '\\']).next().unwrap().to_owned())
    };
    assert_eq!(found("gateway", "workers"), ("3".into(), "ultraai.toml:5".into()));
    assert_eq!(found("gateway", "keep_alive_seconds"), ("2.5".into(), "ultraai.toml:6".into()));
    assert_eq!(found("gateway", "listen"), ("127.0.0.1:8080".into(), "default".into()));
    assert_eq!(found("gateway.aliases", "gpt-4o"), ("\"default\"".into(), "ultraai.toml:8".into()));
    for field in GatewaySettings::FIELDS.iter().filter(|field| field.name != "aliases") {
        assert!(!found("gateway", field.name).0.is_empty(), "{}", field.name);
    }
}

#[tokio::test]
async fn wrong_settings_of_the_gateway_are_refused_with_their_place_and_advice() {
    for (text, expected) in [
        ("gateway = 3\n", "ultraai.toml:1:1: `gateway` must be a table: write [gateway]"),
        ("[gatewya]\n", "ultraai.toml:1:2: unknown table `gatewya`: did you mean `gateway`?"),
        (
            "[gateway]\nmax_body_byte = 3\n",
            "ultraai.toml:2:1: unknown setting `max_body_byte`: did you mean `max_body_bytes`?",
        ),
        (
            "[gateway]\nlisten = \"localhost:sk-x\"\n",
            "ultraai.toml:2:1: `listen` must be an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\", and a text stands there",
        ),
        (
            "[gateway]\nworkers = 0\n",
            "ultraai.toml:2:1: `workers` is 0: it must be a whole number from 1 up to 1024",
        ),
        (
            "[gateway]\nworkers = -1\n",
            "ultraai.toml:2:1: `workers` is -1: it must be a whole number from 1 up to 1024",
        ),
        (
            "[gateway]\nworkers = \"sk-x\"\n",
            "ultraai.toml:2:1: `workers` must be a whole number, and a text stands there",
        ),
        (
            "[gateway]\nmax_body_bytes = 18446744073709551615\n",
            "ultraai.toml:2:1: `max_body_bytes` is 18446744073709551615: it must be a whole number from 1024 up to 1073741824",
        ),
        (
            "[gateway]\nmax_header_bytes = 100\n",
            "ultraai.toml:2:1: `max_header_bytes` is 100: it must be a whole number from 8192 up to 1048576",
        ),
        (
            "[gateway]\nkeep_alive_seconds = 0\n",
            "ultraai.toml:2:1: `keep_alive_seconds` is 0: it must be a number of seconds from 0.01 up to 3600",
        ),
        (
            "[gateway]\nidle_timeout_seconds = 1e300\n",
            "ultraai.toml:2:1: `idle_timeout_seconds` is 1e+300: it must be a number of seconds from 0.01 up to 86400",
        ),
        (
            "[gateway]\nshutdown_timeout_seconds = -1.5\n",
            "ultraai.toml:2:1: `shutdown_timeout_seconds` is -1.5: it must be a number of seconds from 0 up to 86400",
        ),
        (
            "[gateway]\naccess_log = \"no\"\n",
            "ultraai.toml:2:1: `access_log` must be true or false, and a text stands there",
        ),
        (
            "[gateway]\nstate_folder = \"\"\n",
            "ultraai.toml:2:1: `state_folder` is empty: name a folder, or leave it out",
        ),
        (
            "[gateway]\ncors_origins = \"*\"\n",
            "ultraai.toml:2:1: `cors_origins` must be a list of texts, and a text stands there",
        ),
        (
            "[gateway]\ncors_origins = [\"https://app.example.com/\"]\n",
            "ultraai.toml:2:1: `cors_origins` holds what is no origin: write scheme, host and port without a path, as in \"https://app.example.com\", or \"*\" for all",
        ),
        (
            "[gateway]\naliases = 3\n",
            "ultraai.toml:2:1: `aliases` must be a table: write [gateway.aliases], and under it \"gpt-4o\" = \"default\"",
        ),
        (
            "[gateway.aliases]\ngpt-4.1 = \"default\"\n",
            "ultraai.toml:2:1: the alias \"gpt-4\" must be a text, the name that it stands for, and a table stands there; write a name with dots in quotes",
        ),
        (
            "[gateway.aliases]\n\"\" = \"default\"\n",
            "ultraai.toml:2:1: an alias is empty: write the name that requests give",
        ),
    ] {
        assert_eq!(refusal(text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn an_alias_leads_to_somebody_and_hides_nobody() {
    const ORCHESTRATORS: &str = "[orchestrators.careful]\nstrategy = \"simple\"\n";
    for (alias, expected) in [
        (
            "\"gpt-4o\" = \"carefull\"",
            "the alias \"gpt-4o\" names \"carefull\", which is neither an orchestrator nor a provider: did you mean `careful`?",
        ),
        (
            "\"gpt-4o\" = \"somebody/else\"",
            "the alias \"gpt-4o\" names \"somebody/else\", which is neither an orchestrator nor a provider: name one of default, careful, mock, or PROVIDER/MODEL",
        ),
        (
            "a = \"b\"\nb = \"default\"",
            "the alias \"a\" leads to another alias, \"b\": name what that one stands for",
        ),
        ("a = \"mock/\"", "the alias \"a\" names no model of the provider `mock`: write `mock/MODEL`"),
        (
            "mock = \"default\"",
            "the alias \"mock\" would hide a provider of that name: give it a name that is not taken",
        ),
        (
            "default = \"mock\"",
            "the alias \"default\" would hide an orchestrator of that name: give it a name that is not taken",
        ),
        (
            "careful = \"mock\"",
            "the alias \"careful\" would hide an orchestrator of that name: give it a name that is not taken",
        ),
        (
            "\"mock/gpt-4o\" = \"default\"",
            "the alias \"mock/gpt-4o\" would hide a model of a provider of that name: give it a name that is not taken",
        ),
    ] {
        let text = format!("{MOCK}{ORCHESTRATORS}[gateway.aliases]\n{alias}\n");
        assert_eq!(refusal(&text).await, format!("ultraai.toml:7:1: {expected}"), "{alias}");
    }
    for good in ["\"openai/gpt-4o\" = \"default\"", "a = \"careful\"", "a = \"mock\"", "a = \"mock/x/y\""] {
        load(&format!("{MOCK}{ORCHESTRATORS}[gateway.aliases]\n{good}\n")).await.unwrap();
    }
}

#[tokio::test]
async fn variables_of_the_gateway_go_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{MOCK}[gateway]\nlisten = \"127.0.0.1:1\"\nworkers = 2\n");
    std::fs::write(folder.path().join("ultraai.toml"), text).unwrap();
    let mut sources = sources(
        folder.path(),
        lookup(&[
            ("ULTRAAI_GATEWAY_LISTEN", " 0.0.0.0:80"),
            ("ULTRAAI_GATEWAY_CORS_ORIGINS", "https://a.example, https://b.example"),
            ("ULTRAAI_GATEWAY_KEEP_ALIVE_SECONDS", "0.5"),
            ("ULTRAAI_GATEWAY_ACCESS_LOG", "false"),
            ("ULTRAAI_GATEWAY_STATE_FOLDER", "/var/lib/ultraai"),
        ]),
    );
    sources.variables = vec!["ULTRAAI_GATEWAY_LISTEN".into(), "ULTRAAI_GATEWAY_WORKER".into()];
    let settings = Settings::load(&sources, &registry()).await.unwrap();
    let gateway = &settings.gateway;
    assert_eq!((gateway.listen.to_string().as_str(), gateway.workers), ("0.0.0.0:80", Some(2)));
    assert_eq!(gateway.cors_origins, ["https://a.example", "https://b.example"]);
    assert_eq!((gateway.keep_alive, gateway.access_log), (Duration::from_millis(500), false));
    assert_eq!(gateway.state_folder, Some("/var/lib/ultraai".into()));
    let listen = settings.entries().into_iter().find(|entry| entry.key == "listen").unwrap();
    assert_eq!(listen.origin.to_string(), "variable ULTRAAI_GATEWAY_LISTEN");
    assert_eq!(
        settings.notices,
        ["the variable ULTRAAI_GATEWAY_WORKER means nothing here: did you mean ULTRAAI_GATEWAY_WORKERS?"]
    );
}

#[tokio::test]
async fn a_wrong_variable_of_the_gateway_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = async |pairs| {
        let sources = sources(folder.path(), lookup(pairs));
        Settings::load(&sources, &registry()).await.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&[("ULTRAAI_GATEWAY_WORKERS", "many")]).await,
        "variable ULTRAAI_GATEWAY_WORKERS: `workers` must be a whole number, and is \"many\""
    );
    assert_eq!(
        refused(&[("ULTRAAI_GATEWAY_WORKERS", "0")]).await,
        "variable ULTRAAI_GATEWAY_WORKERS: `workers` is 0: it must be a whole number from 1 up to 1024"
    );
}
