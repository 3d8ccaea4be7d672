//! Reads a request in the library's own words.

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::Value;
use ultraai::{ChatRequest, Error, ErrorKind, Options, ProviderId, Result, nearest};
use ultraai_settings::DEFAULT;

/// What is asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: ChatRequest,
    /// Who answers, as the model's name of a chat says it.
    pub(super) model: String,
    pub(super) options: Options,
    pub(super) providers: Option<Vec<ProviderId>>,
    pub(super) is_live: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    request: Option<Value>,
    prompt: Option<String>,
    model: Option<String>,
    orchestrator: Option<String>,
    #[serde(default)]
    options: Options,
    providers: Option<Vec<ProviderId>>,
    #[serde(default)]
    stream: bool,
}

pub(super) fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message.into())
}

impl Asked {
    /// Reads a body.
    ///
    /// # Errors
    /// `InvalidRequest`, which names what is wrong or not known.
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        let body: Body =
            serde_json::from_slice(body).map_err(|error| wrong(format!("the body is not right: {error}")))?;
        let mut request = match (body.request, body.prompt) {
            (Some(request), None) => read_request(request)?,
            (None, Some(prompt)) => ChatRequest::from_prompt(prompt),
            (Some(_), Some(_)) => return Err(wrong("`request` and `prompt` are both there: leave one out")),
            (None, None) => return Err(wrong("`prompt` or `request` is missing: say what is asked")),
        };
        let model = match (body.model, body.orchestrator) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    "`model` and `orchestrator` are both there and mean the same: leave one out",
                ));
            }
            (None, None) => {
                request.model.take().map_or_else(|| DEFAULT.to_owned(), |model| model.to_string())
            }
            (model, orchestrator) => model.or(orchestrator).unwrap_or_default(),
        };
        Ok(Self { request, model, options: body.options, providers: body.providers, is_live: body.stream })
    }
}

/// Refuses what only the operator may set.
///
/// # Errors
/// `InvalidRequest`, which names the option.
pub(super) fn check(asked: &Options, configured: &Options) -> Result<()> {
    let shared = [
        ("max_requests_in_flight", asked.max_requests_in_flight.is_some()),
        ("max_queued_requests", asked.max_queued_requests.is_some()),
        ("daily_budget_dollars", asked.daily_budget_dollars.is_some()),
        ("daily_budget_dollars_per_key", asked.daily_budget_dollars_per_key.is_some()),
        ("connect_timeout_seconds", asked.connect_timeout_seconds.is_some()),
        ("capture_message_content", asked.capture_message_content.is_some()),
        ("allow_unknown_prices", asked.allow_unknown_prices.is_some()),
    ];
    if let Some((name, _)) = shared.iter().find(|(_, is_set)| *is_set) {
        return Err(wrong(format!("`options.{name}` is the operator's to set: leave it out")));
    }
    let raised = |name: &str, wanted: Option<f64>, most: Option<f64>| match (wanted, most) {
        (Some(wanted), Some(most)) if wanted > most => Err(wrong(format!(
            "`options.{name}` is {wanted}, and the operator allows {most}: a request may only lower it"
        ))),
        _ => Ok(()),
    };
    raised("budget_dollars", asked.budget_dollars, configured.budget_dollars)?;
    raised("timeout_seconds", asked.timeout_seconds, configured.timeout_seconds)?;
    let count = |count: Option<usize>| count.and_then(|count| u32::try_from(count).ok()).map(f64::from);
    raised(
        "max_providers_per_request",
        count(asked.max_providers_per_request),
        count(configured.max_providers_per_request),
    )?;
    raised("max_retries", asked.max_retries.map(f64::from), configured.max_retries.map(f64::from))?;
    // What is no number of seconds, say, is the caller's mistake, and not the operator's.
    asked.validate().map_err(|error| wrong(format!("in `options`: {}", error.message())))
}

fn read_request(value: Value) -> Result<ChatRequest> {
    let known = fields_of::<ChatRequest>();
    let keys = value.as_object().into_iter().flat_map(|object| object.keys());
    if let Some(key) = keys.into_iter().find(|key| !known.contains(&key.as_str())) {
        let near = nearest(key, known.iter().copied());
        let advice = near.map_or_else(
            || "a field of one vendor stands in `request.extra`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(wrong(format!("`request.{key}` is not known: {advice}")));
    }
    serde_json::from_value(value).map_err(|error| wrong(format!("`request` is not right: {error}")))
}

/// The names that a struct is read by. A request takes unknown ones in silence where it is read from a file.
fn fields_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It reads nothing, so that whether it succeeds does not matter.
    let _ = T::deserialize(Names(&mut fields));
    fields
}

/// Takes down the names that are asked for.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        visitor.visit_map(Nothing)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// No field at all.
struct Nothing;

impl<'de> MapAccess<'de> for Nothing {
    type Error = de::value::Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Self::Error> {
        Ok(None)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("there is no value"))
    }
}
