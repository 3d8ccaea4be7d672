//! What whole answers and streams are made of.

use serde_json::{Map, Value, json};
use ultraai_core::{
    ChatRequest, Citation, Media, MediaSource, ModelName, Part, Result, ToolCall, VendorState,
};
use ultraai_protocol_common::{Lossy, sniff, to_data_url};

use crate::{Dialect, NAME, cite, state};

/// The answer's id as OpenAI writes it.
pub(super) fn id(id: &str) -> String {
    format!("chatcmpl-{id}")
}

/// The model that answered, or else the one that was asked.
pub(super) fn model<'a>(answered: Option<&'a str>, request: &'a ChatRequest) -> &'a str {
    answered.or(request.model.as_ref().map(ModelName::as_str)).unwrap_or_default()
}

/// The fields that only `raw` has words for, by where they stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Besides<'a> {
    raw: Option<&'a Map<String, Value>>,
    pub(super) choice: Option<&'a Map<String, Value>>,
    pub(super) message: Option<&'a Map<String, Value>>,
    pub(super) usage: Option<&'a Map<String, Value>>,
}

impl<'a> Besides<'a> {
    pub(super) fn of(raw: &'a Map<String, Value>) -> Self {
        let inner = |key: &str| raw.get(key).and_then(Value::as_object);
        Self { raw: Some(raw), choice: inner("choice"), message: inner("message"), usage: inner("usage") }
    }

    /// Those at the top, without what is written there anyway.
    pub(super) fn top(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        const WRITTEN: [&str; 9] =
            ["id", "object", "created", "model", "choices", "usage", "service_tier", "choice", "message"];
        self.raw.into_iter().flatten().filter(|(key, _)| !WRITTEN.contains(&key.as_str()))
    }
}

/// A call, whole.
pub(super) fn call(dialect: &Dialect, call: &ToolCall) -> Value {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    let mut written = json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": arguments },
    });
    if let Some(state) = &call.state {
        written["extra_content"] = state::to_extra_content(state, dialect.is_own(state));
    }
    written
}

/// Whether this is a call in the protocol's own words.
pub(super) fn is_call(state: &VendorState) -> bool {
    state.vendor == NAME && state.data.get("custom").is_some()
}

/// An image that the model made.
pub(super) fn image(media: &Media) -> Option<Value> {
    let url = match &media.source {
        MediaSource::Url(url) => url.clone(),
        MediaSource::Data(data) => to_data_url(media.media_type.as_deref().or_else(|| sniff(data))?, data),
        _ => return None,
    };
    Some(json!({ "type": "image_url", "image_url": { "url": url } }))
}

/// A citation as an annotation; `before` are the characters of text before its part.
pub(super) fn citation(
    lossy: &mut Lossy<'_>,
    at: usize,
    citation: &Citation,
    before: u64,
) -> Result<Option<Value>> {
    let written = cite::write(citation, before);
    if written.is_none() {
        let why = "a source without an address has no place here";
        lossy.because(format_args!("content[{at}].citations"), why)?;
    }
    Ok(written)
}

/// Loses what goes with a part and has no place.
pub(super) fn notes(lossy: &mut Lossy<'_>, at: usize, part: &Part) -> Result<()> {
    lossy.notes(format_args!("content[{at}]"), part.notes(), true).map(drop)
}
