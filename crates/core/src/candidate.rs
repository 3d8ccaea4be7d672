//! A provider as the user set it up: one row of the candidates.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Accounting, Capabilities, ChatRequest, EndpointId, Error, ErrorKind, Field, KeySource, Layer, ModelName,
    Price, Provider, ProviderId, Result, Secret, Slot, estimate::Counter, options::duration,
    prices::PriceSettings, registry::read_settings, stats::CandidateStats,
};

/// How a candidate is to be built: a registered provider and its settings, or a provider that is there.
///
/// ```
/// # use ultraai_core::provider;
/// let fast = provider("groq").model("llama-3.3-70b-versatile").weight(2.0);
/// ```
#[derive(Clone, Debug)]
pub struct ProviderSpec {
    pub(crate) source: Source,
    pub(crate) common: Common,
    pub(crate) layers: Vec<(Slot, Arc<dyn Layer>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Registered {
        name: String,
        settings: Map<String, Value>,
        key: Option<KeySource>,
    },
    /// One that is there plays the registered one.
    Played {
        name: String,
        settings: Map<String, Value>,
        by: Arc<dyn Provider>,
    },
    Built(Arc<dyn Provider>),
}

/// The settings that every provider has.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Common {
    pub(crate) model: Option<String>,
    pub(crate) fallbacks: Vec<String>,
    pub(crate) weight: Option<f64>,
    pub(crate) timeout_seconds: Option<f64>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) price: Option<PriceSettings>,
    pub(crate) layers: LayerSettings,
}

/// Settings of layers, by name.
pub(crate) type LayerSettings = BTreeMap<String, Map<String, Value>>;

/// A candidate from the registered provider `name`.
pub fn provider(name: impl Into<String>) -> ProviderSpec {
    let source = Source::Registered { name: name.into(), settings: Map::new(), key: None };
    ProviderSpec { source, common: Common::default(), layers: Vec::new() }
}

impl<P: Provider> From<P> for ProviderSpec {
    fn from(provider: P) -> Self {
        Self { source: Source::Built(Arc::new(provider)), common: Common::default(), layers: Vec::new() }
    }
}

impl ProviderSpec {
    /// The settings that every provider has, besides its own.
    pub const FIELDS: &'static [Field] = &[
        Field { name: "type", doc: "The registered provider, as `ultraai providers` lists them. Needed." },
        Field { name: "model", doc: "The model, in the provider's spelling." },
        Field {
            name: "api_key",
            doc: "Where the key is: { env = \"VARIABLE\" } or { file = \"PATH\" }. Default: the vendor's usual variable.",
        },
        Field {
            name: "fallbacks",
            doc: "Ids of the providers that are asked in its place when it fails. Default: none.",
        },
        Field { name: "weight", doc: "Higher ones are asked first. Default: 1." },
        Field {
            name: "timeout_seconds",
            doc: "Upper bound of one attempt, in seconds. Default: none but the request's.",
        },
        Field { name: "max_retries", doc: "Attempts after the first. Default: the orchestrator's." },
        Field {
            name: "price",
            doc: "Dollars per million tokens: { input = 0.15, output = 0.6 }, and where they differ `cache_read`, `cache_write`, `reasoning`, `request`, `tiers`. Default: unknown.",
        },
        Field {
            name: "layers",
            doc: "Settings of the layers around it, over those of [layers]: { hedge = { enabled = false } }. Default: those of [layers].",
        },
    ];

    /// Reads a table of settings: the keys of [`FIELDS`](Self::FIELDS), and the provider's own.
    ///
    /// # Errors
    /// `Config`, which names the key that is missing or wrong. The provider's own keys are checked when it
    /// is built.
    pub fn from_settings(mut settings: Map<String, Value>) -> Result<Self> {
        let wrong = |message: String| Error::new(ErrorKind::Config, message);
        let name = match settings.remove("type") {
            Some(Value::String(name)) => name,
            Some(_) => return Err(wrong("`type` must be a text: the name of a linked provider".into())),
            None => {
                return Err(wrong(
                    "`type` is missing: name a linked provider, as `ultraai providers` lists them".into(),
                ));
            }
        };
        let key = settings.remove("api_key").map(key_source).transpose()?;
        let mut common = Map::new();
        for field in Self::FIELDS {
            common.extend(settings.remove_entry(field.name));
        }
        let common = read_settings(Value::Object(common))?;
        let spec = Self { source: Source::Registered { name, settings, key }, common, layers: Vec::new() };
        spec.check()?;
        Ok(spec)
    }

    /// Sets the model, in the provider's spelling.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.common.model = Some(model.into());
        self
    }

    /// Names the variable that holds the key. Default: the vendor's usual one.
    #[must_use]
    pub fn api_key_env(self, variable: impl Into<String>) -> Self {
        self.key(KeySource::Variable(variable.into()))
    }

    /// Gives the key itself.
    #[must_use]
    pub fn api_key(self, key: Secret) -> Self {
        self.key(KeySource::Given(key))
    }

    /// Says where the key is. A provider that is there already has its own.
    #[must_use]
    pub fn key(mut self, source: KeySource) -> Self {
        if let Source::Registered { key, .. } = &mut self.source {
            *key = Some(source);
        }
        self
    }

    /// Lets `provider` answer in the place of what is set up, under the same settings: model, price, layers and limits stay,
    /// and no key is needed.
    #[must_use]
    pub fn played_by(mut self, provider: impl Provider) -> Self {
        let by = Arc::new(provider);
        self.source = match self.source {
            Source::Registered { name, settings, .. } | Source::Played { name, settings, .. } => {
                Source::Played { name, settings, by }
            }
            Source::Built(_) => Source::Built(by),
        };
        self
    }

    /// Sets the address.
    #[must_use]
    pub fn base_url(self, url: impl Into<String>) -> Self {
        self.setting("base_url", Value::String(url.into()))
    }

    /// Sets one of the provider's own settings. A provider that is there already has its own.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        if let Source::Registered { settings, .. } = &mut self.source {
            settings.insert(name.into(), value.into());
        }
        self
    }

    /// Names the candidates that are asked in its place when it fails.
    #[must_use]
    pub fn fallbacks(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.common.fallbacks = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the weight: higher ones are asked first. Default: 1.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.common.weight = Some(weight);
        self
    }

    /// Sets the upper bound of one attempt.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.common.timeout_seconds = Some(timeout.as_secs_f64());
        self
    }

    /// Sets the attempts after the first. Default: the orchestrator's.
    #[must_use]
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.common.max_retries = Some(max_retries);
        self
    }

    /// Sets the price, in dollars per million tokens. Default: unknown.
    #[must_use]
    pub fn price(mut self, input: f64, output: f64) -> Self {
        self.common.price = Some(PriceSettings::new(input, output));
        self
    }

    /// Sets settings of the linked layer `name` around it, each over the orchestrator's: `json!({ "enabled": false })`.
    #[must_use]
    pub fn layer_settings(mut self, name: impl Into<String>, settings: Map<String, Value>) -> Self {
        self.common.layers.insert(name.into(), settings);
        self
    }

    /// Adds a layer in its slot, besides the linked ones.
    #[must_use]
    pub fn layer(mut self, slot: Slot, layer: impl Layer) -> Self {
        self.layers.push((slot, Arc::new(layer)));
        self
    }

    /// The registered provider it names, when it names one.
    pub fn type_name(&self) -> Option<&str> {
        match &self.source {
            Source::Registered { name, .. } | Source::Played { name, .. } => Some(name),
            Source::Built(_) => None,
        }
    }

    /// The model it names.
    pub fn model_name(&self) -> Option<&str> {
        self.common.model.as_deref()
    }

    /// The candidates it names as fallbacks.
    pub fn fallback_names(&self) -> &[String] {
        &self.common.fallbacks
    }

    fn check(&self) -> Result<Terms> {
        let common = &self.common;
        let wrong = |message: String| Error::new(ErrorKind::Config, message);
        let weight = common.weight.unwrap_or(1.0);
        if !weight.is_finite() || weight < 0.0 {
            return Err(wrong(format!("`weight` is {weight}: it must be a number from 0 up")));
        }
        let price = |price: &PriceSettings| {
            price.to_price().map_err(|error| wrong(format!("in `price`: {}", error.message())))
        };
        Ok(Terms {
            model: common.model.as_deref().map(ModelName::new).transpose()?,
            fallbacks: common.fallbacks.iter().map(ProviderId::new).collect::<Result<_>>()?,
            weight,
            timeout: common
                .timeout_seconds
                .map(|seconds| duration("timeout_seconds", seconds))
                .transpose()?,
            max_retries: common.max_retries,
            price: common.price.as_ref().map(price).transpose()?,
        })
    }

    /// The common settings, checked.
    ///
    /// # Errors
    /// `Config`, which names the one that is wrong.
    pub(crate) fn terms(&self) -> Result<Terms> {
        self.check()
    }
}

/// Two specs are equal when what they build is interchangeable.
impl PartialEq for ProviderSpec {
    fn eq(&self, other: &Self) -> bool {
        let same_source = match (&self.source, &other.source) {
            (Source::Built(one), Source::Built(two)) => Arc::ptr_eq(one, two),
            (
                Source::Registered { name, settings, key },
                Source::Registered { name: other_name, settings: other_settings, key: other_key },
            ) => name == other_name && settings == other_settings && key == other_key,
            (
                Source::Played { name, settings, by },
                Source::Played { name: other_name, settings: other_settings, by: other },
            ) => name == other_name && settings == other_settings && Arc::ptr_eq(by, other),
            _ => false,
        };
        let mut layers = self.layers.iter().zip(&other.layers);
        same_source
            && self.common == other.common
            && self.layers.len() == other.layers.len()
            && layers.all(|(one, two)| one.0 == two.0 && Arc::ptr_eq(&one.1, &two.1))
    }
}

/// Whether a text can be the name of an environment variable.
pub fn is_variable_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn key_source(value: Value) -> Result<KeySource> {
    let advice = "write { env = \"VARIABLE\" } or { file = \"PATH\" }";
    let wrong = |what: &str| Error::new(ErrorKind::Config, format!("`api_key` {what}: {advice}"));
    match value {
        Value::String(key) => Ok(KeySource::Given(Secret::new(key).map_err(|_| wrong("is no usable key"))?)),
        Value::Object(map) => match map.iter().next() {
            Some((key, Value::String(name))) if map.len() == 1 && key == "env" => {
                // What is no name may be the key itself, so it is not repeated.
                match is_variable_name(name) {
                    true => Ok(KeySource::Variable(name.clone())),
                    false => Err(wrong("names no variable: `env` must be a name such as OPENAI_API_KEY")),
                }
            }
            Some((key, Value::String(path))) if map.len() == 1 && key == "file" => {
                Ok(KeySource::File(PathBuf::from(path)))
            }
            _ => Err(wrong("names no place")),
        },
        _ => Err(wrong("names no place")),
    }
}

/// The common settings, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) model: Option<ModelName>,
    pub(crate) fallbacks: Vec<ProviderId>,
    pub(crate) weight: f64,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) price: Option<Price>,
}

/// One registered provider, with its layers, its settings and its counters.
#[derive(Debug)]
pub struct Candidate {
    pub(crate) id: ProviderId,
    pub(crate) spec: Arc<ProviderSpec>,
    pub(crate) terms: Terms,
    pub(crate) provider_name: Arc<str>,
    pub(crate) stack: Arc<dyn Provider>,
    pub(crate) stats: Arc<CandidateStats>,
    pub(crate) accounting: Arc<Accounting>,
}

impl Candidate {
    /// The user's name for it.
    pub fn id(&self) -> &ProviderId {
        &self.id
    }

    /// `gen_ai.provider.name`.
    pub fn provider_name(&self) -> &str {
        &self.provider_name
    }

    /// The model it was set up with.
    pub fn model(&self) -> Option<&ModelName> {
        self.terms.model.as_ref()
    }

    /// Its weight: higher ones are asked first.
    pub fn weight(&self) -> f64 {
        self.terms.weight
    }

    /// What it costs now, where that is known.
    pub fn price(&self) -> Option<Price> {
        self.accounting.price(self.model().map(ModelName::as_str), None)
    }

    /// Its counters.
    pub fn stats(&self) -> &CandidateStats {
        &self.stats
    }

    /// The same candidate, with the same counters and layers, that is asked for another model.
    pub(crate) fn asked_for(&self, model: ModelName) -> Self {
        Self {
            id: self.id.clone(),
            spec: Arc::clone(&self.spec),
            terms: Terms { model: Some(model), ..self.terms.clone() },
            provider_name: Arc::clone(&self.provider_name),
            stack: Arc::clone(&self.stack),
            stats: Arc::clone(&self.stats),
            accounting: Arc::clone(&self.accounting),
        }
    }

    /// Where its provider sends, and as whom.
    pub fn endpoint(&self) -> Option<EndpointId> {
        self.stack.endpoint()
    }

    /// About how many tokens `request` has, by a tokenizer that knows the model, else by bytes.
    pub fn estimated_tokens(&self, request: &ChatRequest) -> u64 {
        let model = request.model.as_ref().or(self.model()).map(ModelName::as_str);
        Counter::new(&self.accounting, model, false).tokens_of_request(request)
    }

    /// What it can do for `request`.
    pub fn capabilities(&self, request: &ChatRequest) -> Capabilities {
        match self.model().or(request.model.as_ref()) {
            Some(model) => self.stack.capabilities(model),
            None => Capabilities::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn from(value: &Value) -> Result<ProviderSpec> {
        ProviderSpec::from_settings(value.as_object().unwrap().clone())
    }

    #[test]
    fn common_keys_are_taken_off_and_the_rest_is_the_providers() {
        let spec =
            from(&json!({ "type": "groq", "model": "m", "weight": 2, "base_url": "http://x" })).unwrap();
        assert_eq!(spec, provider("groq").model("m").weight(2.0).base_url("http://x"));
    }

    #[test]
    fn wrong_common_settings_are_refused_by_name() {
        for (settings, name) in [
            (json!({}), "`type` is missing"),
            (json!({ "type": "x", "weight": -1 }), "`weight` is -1"),
            (json!({ "type": "x", "timeout_seconds": 0 }), "`timeout_seconds` is 0"),
            (json!({ "type": "x", "model": "" }), "model name"),
            (json!({ "type": "x", "max_retries": "many" }), "wrong setting `max_retries`"),
            (json!({ "type": "x", "api_key": { "enf": "Y" } }), "`api_key` names no place"),
            (json!({ "type": "x", "api_key": { "env": "sk-hunter22" } }), "`api_key` names no variable"),
            (json!({ "type": "x", "price": { "input": -1, "output": 1 } }), "`price`"),
        ] {
            let error = from(&settings).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_given_key_is_not_printed() {
        let spec = from(&json!({ "type": "x", "api_key": "sk-secret" })).unwrap();
        assert!(!format!("{spec:?}").contains("sk-secret"));
    }
}
