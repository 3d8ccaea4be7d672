//! A registry of known plugins, and files to read.

use std::{path::Path, sync::Arc};

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    BuildContext, CallContext, Capabilities, ChatReply, ChatRequest, Error, ErrorKind, Field, Layer,
    LayerContext, LayerRegistration, Lookup, ModelName, Options, Outcome, Plugin, Provider,
    ProviderRegistration, Registry, Result, Run, Slot, Strategy, StrategyRegistration, async_trait,
};
use ultraai_settings::{LocalServers, Settings, Sources};

#[derive(Debug)]
pub(crate) struct Plain(pub(crate) &'static str);

#[async_trait]
impl Provider for Plain {
    fn name(&self) -> &str {
        self.0
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, _: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
        Err(Error::new(ErrorKind::Unsupported, "no test asks it"))
    }
}

#[derive(Deserialize)]
struct Own {
    #[serde(rename = "base_url")]
    _base_url: Option<String>,
}

const FIELDS: &[Field] = &[Field { name: "base_url", doc: "The address. Default: the vendor's." }];

fn with_key(name: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    context.required_api_key(if name == "acme" { &["ACME_API_KEY"] } else { &["ZETA_API_KEY"] })?;
    without_key(name, settings, context)
}

fn without_key(name: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let _: Own = context.parse(settings, FIELDS)?;
    Ok(Arc::new(Plain(name)))
}

const PROVIDERS: &[ProviderRegistration] = &[
    ProviderRegistration::new("acme", with_key)
        .key_variables(&["ACME_API_KEY"])
        .default_model(Some("acme-1"))
        .base_url(Some("https://api.acme.example/v1"))
        .fields(FIELDS)
        .from_package("settings-tests", "0"),
    ProviderRegistration::new("ollama", without_key)
        .key_optional(true)
        .base_url(Some("http://localhost:11434"))
        .fields(FIELDS)
        .from_package("settings-tests", "0"),
    ProviderRegistration::new("zeta", with_key)
        .key_variables(&["ZETA_API_KEY"])
        .fields(FIELDS)
        .from_package("settings-tests", "0"),
    ProviderRegistration::new("compatible", without_key)
        .key_optional(true)
        .fields(FIELDS)
        .from_package("settings-tests", "0"),
    ProviderRegistration::new("mock", without_key).from_package("settings-tests", "0"),
];

#[derive(Debug)]
struct Idle;

#[async_trait]
impl Strategy for Idle {
    fn name(&self) -> &'static str {
        "simple"
    }

    async fn process(&self, run: &Run, _: Arc<ChatRequest>) -> Result<Outcome> {
        Err(run.exhausted("no test asks it", Vec::new()))
    }
}

/// As the strategy `fallback` is.
#[derive(Debug)]
struct Chain;

#[async_trait]
impl Strategy for Chain {
    fn name(&self) -> &'static str {
        "fallback"
    }

    fn check(&self, options: &Options) -> Result<()> {
        match options.min_responses_needed() {
            1 => Ok(()),
            needed => {
                let message = format!("`min_responses_needed` is {needed}: set it to 1");
                Err(Error::new(ErrorKind::Config, message))
            }
        }
    }

    async fn process(&self, run: &Run, _: Arc<ChatRequest>) -> Result<Outcome> {
        Err(run.exhausted("no test asks it", Vec::new()))
    }
}

#[derive(Deserialize)]
struct Width {
    #[serde(default, rename = "width")]
    _width: u32,
    #[serde(default, rename = "arms")]
    _arms: Vec<Arm>,
}

#[derive(Deserialize)]
struct Arm {
    #[serde(rename = "options")]
    _options: ultraai_core::Options,
}

const WIDTH: &[Field] = &[
    Field { name: "width", doc: "How many at once. Default: 0." },
    Field { name: "arms", doc: "What is chosen among. Default: all." },
];

pub(crate) fn idle(settings: Value) -> Result<Arc<dyn Strategy>> {
    let _: Width = ultraai_core::registry::parse_settings(settings, WIDTH)?;
    Ok(Arc::new(Idle))
}

fn chain(settings: Value) -> Result<Arc<dyn Strategy>> {
    idle(settings).map(|_| Arc::new(Chain) as Arc<dyn Strategy>)
}

#[derive(Debug)]
struct Steps(Vec<u32>);

impl Layer for Steps {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        assert!(!self.0.is_empty());
        inner
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Bounds {
    least: u32,
    most: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { least: 1, most: 9 }
    }
}

const BOUNDS: &[Field] = &[
    Field { name: "least", doc: "The least. Default: 1." },
    Field { name: "most", doc: "The most, and no less than `least`. Default: 9." },
];

fn steps(settings: Value, context: &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>> {
    let Bounds { least, most } = context.parse(settings, BOUNDS)?;
    if least > most {
        let message = format!("`most` is {most}: it must be at least `least`, which is {least}");
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(Some(Arc::new(Steps((least..=most).collect()))))
}

/// Five providers, two strategies and a layer, and nothing of what is linked.
pub(crate) fn registry() -> Arc<Registry> {
    let row =
        |row: StrategyRegistration| Plugin::Strategy(row.fields(WIDTH).from_package("settings-tests", "0"));
    let (simple, fallback) =
        (StrategyRegistration::new("simple", idle), StrategyRegistration::new("fallback", chain));
    let builder = Registry::builder().plugin(Plugin::Providers(PROVIDERS)).unwrap();
    let layer = LayerRegistration::new("steps", steps)
        .slot(Slot::Limit)
        .fields(BOUNDS)
        .summary("takes steps")
        .from_package("settings-tests", "0");
    let builder = builder.plugin(row(simple)).unwrap().plugin(row(fallback)).unwrap();
    builder.plugin(Plugin::Layer(layer)).unwrap().build()
}

const OF_READMES: &[ProviderRegistration] = &[
    ProviderRegistration::new("groq", without_key).from_package("settings-tests", "0"),
    ProviderRegistration::new("openai", without_key).from_package("settings-tests", "0"),
    ProviderRegistration::new("compatible", without_key).fields(FIELDS).from_package("settings-tests", "0"),
];

/// As `concurrent_requests` of the strategy `parallel` is.
const CONCURRENT: &[Field] = &[Field { name: "concurrent_requests", doc: "How many at first." }];

/// As `max_concurrency` of the layer `limit` is.
const CONCURRENCY: &[Field] = &[Field { name: "max_concurrency", doc: "How many at once." }];

/// What the examples of the READMEs name.
pub(crate) fn registry_of_readmes() -> Arc<Registry> {
    let concurrent = |settings| {
        ultraai_core::registry::parse_settings::<serde_json::Map<String, Value>>(settings, CONCURRENT)
            .map(|_| Arc::new(Idle) as Arc<dyn Strategy>)
    };
    let row = |name, fields| {
        StrategyRegistration::new(name, concurrent).fields(fields).from_package("settings-tests", "0")
    };
    let builder = Registry::builder().plugin(Plugin::Providers(OF_READMES)).unwrap();
    let builder = builder.plugin(Plugin::Strategy(row("simple", &[]))).unwrap();
    let builder = builder.plugin(Plugin::Strategy(row("parallel", CONCURRENT))).unwrap();
    let nothing = |settings, context: &LayerContext<'_>| {
        context.parse::<serde_json::Map<String, Value>>(settings, CONCURRENCY).map(|_| None)
    };
    let layer =
        LayerRegistration::new("limit", nothing).fields(CONCURRENCY).from_package("settings-tests", "0");
    builder.plugin(Plugin::Layer(layer)).unwrap().build()
}

/// An environment of these variables.
pub(crate) fn lookup(pairs: &'static [(&'static str, &'static str)]) -> Lookup {
    Lookup::new(move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

/// Sources that look into `folder` and nowhere else.
pub(crate) fn sources(folder: &Path, lookup: Lookup) -> Sources {
    let mut sources = Sources::new(lookup);
    folder.clone_into(&mut sources.folder);
    sources.local_servers = LocalServers::none();
    sources
}

/// What `text` gives as the file of an otherwise empty place.
pub(crate) async fn load(text: &str) -> Result<Settings> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ultraai.toml"), text).unwrap();
    Settings::load(&sources(folder.path(), Lookup::empty()), &registry()).await
}

/// What is wrong with `text`, without the folder before the file's name.
pub(crate) async fn refusal(text: &str) -> String {
    let error = load(text).await.unwrap_err().to_string();
    match error.find("ultraai.toml") {
        Some(at) => error[at..].to_owned(),
        None => error,
    }
}
