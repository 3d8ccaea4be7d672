//! Reads a caller's request.

mod message;
mod part;
mod tool;

use serde_json::Value;
use ultraai_core::{
    ChatRequest, Delivery, Error, ErrorKind, ReasoningOptions, ResponseFormat, Result, VendorState,
};
use ultraai_protocol_common::{Fields, Place};

use crate::NAME;

/// Reads a request. What has no word in the vocabulary stands in `extra`.
pub(crate) fn decode_request(body: &[u8]) -> Result<ChatRequest> {
    let mut fields = Fields::parse(body)?;
    let mut request = ChatRequest::default();
    request.origin = Some(NAME);
    request.model = fields.model()?;
    let messages = fields.objects("messages")?.ok_or_else(|| Place::top().missing("messages"))?;
    request.messages.reserve_exact(messages.len());
    for message in messages {
        request.messages.push(message::read(message?)?);
    }
    request.max_tokens = bound(&mut fields)?;
    request.temperature = fields.number("temperature")?;
    request.top_p = fields.number("top_p")?;
    request.top_k = match fields.look("top_k").and_then(Value::as_i64) {
        // vLLM's word for all of them.
        Some(..0) => None,
        _ => fields.count("top_k")?,
    };
    request.frequency_penalty = fields.number("frequency_penalty")?;
    request.presence_penalty = fields.number("presence_penalty")?;
    request.stop_sequences = fields.texts("stop")?.unwrap_or_default();
    request.seed = fields.integer("seed")?;
    request.parallel_tool_calls = fields.flag("parallel_tool_calls")?;
    request.n = small(&mut fields, "n")?;
    // The older completions have a number here, and some servers of chat too.
    if fields.look("logprobs").is_some_and(Value::is_boolean) {
        request.logprobs = fields.flag("logprobs")?;
    }
    request.top_logprobs = small(&mut fields, "top_logprobs")?;
    request.service_tier = fields.text("service_tier")?;
    request.user = fields.text("user")?;
    if let Some(metadata) = fields.object("metadata")? {
        request.metadata = metadata.rest();
    }
    if fields.flag("stream")? == Some(true) {
        request.delivery = Delivery::Live;
        usage_in_streams(&mut fields)?;
    }
    request.tools = tool::tools(&mut fields)?;
    request.tool_choice = tool::choice(&mut fields)?;
    request.response_format = response_format(&mut fields)?;
    request.reasoning = reasoning(&mut fields)?;
    request.extra = fields.rest();
    Ok(request)
}

fn small(fields: &mut Fields<'_>, name: &'static str) -> Result<Option<u32>> {
    fields.read(name, "a whole number from 0 up", |value| value.as_u64()?.try_into().ok())
}

/// Usage is always asked for, so only other options of a stream are kept. Whether the caller wants to hear of it says the
/// native form.
fn usage_in_streams(fields: &mut Fields<'_>) -> Result<()> {
    if let Some(mut options) = fields.object("stream_options")? {
        options.flag("include_usage")?;
        let rest = options.rest();
        if !rest.is_empty() {
            fields.put("stream_options", rest.into());
        }
    }
    Ok(())
}

/// The words for the bound of an answer.
pub(crate) const OLDER: &str = "max_tokens";
pub(crate) const NEWER: &str = "max_completion_tokens";

/// The bound of the answer. Some write both words for whoever knows one of them. Where they say different things, nobody knows
/// which of them an upstream heeds, and OpenAI refuses them too.
fn bound(fields: &mut Fields<'_>) -> Result<Option<u64>> {
    match (fields.positive(OLDER)?, fields.positive(NEWER)?) {
        (Some(older), Some(newer)) if older != newer => {
            let message = format!("`{OLDER}` and `{NEWER}` say different things: keep one of them");
            Err(Error::new(ErrorKind::InvalidRequest, message))
        }
        (older, newer) => Ok(newer.or(older)),
    }
}

/// The caller's own word for the bound of the answer, where its request is still as it came.
pub(crate) fn word_for_max_tokens(request: &ChatRequest) -> Option<&'static str> {
    let native = request.native_in(NAME)?;
    // A text that holds such a word in quotes escapes them, so mostly one word is there, and a look at the bytes is enough.
    let is_there = |quoted: &str| memchr::memmem::find(&native.body, quoted.as_bytes()).is_some();
    match (is_there("\"max_tokens\""), is_there("\"max_completion_tokens\"")) {
        (true, false) => Some(OLDER),
        (false, true) => Some(NEWER),
        (false, false) => None,
        (true, true) => {
            let fields = Fields::parse(&native.body).ok()?;
            Some(if fields.has(NEWER) { NEWER } else { OLDER })
        }
    }
}

fn response_format(fields: &mut Fields<'_>) -> Result<Option<ResponseFormat>> {
    let Some(whole) = fields.look("response_format").cloned() else { return Ok(None) };
    let vendor = || Some(ResponseFormat::Vendor(VendorState::new(NAME, whole.clone())));
    let Some(mut format) = fields.object("response_format")? else { return Ok(None) };
    let kind = format.needed_text("type")?;
    Ok(match kind.as_str() {
        "text" if format.clone().rest().is_empty() => Some(ResponseFormat::Text),
        "json_object" if format.clone().rest().is_empty() => Some(ResponseFormat::JsonObject),
        "json_schema" => {
            let Some(mut schema) = format.object("json_schema")? else {
                return Err(format.place().missing("json_schema"));
            };
            let read = ResponseFormat::JsonSchema {
                name: schema.text("name")?.unwrap_or_default(),
                description: schema.text("description")?,
                schema: schema.any("schema").unwrap_or_default(),
                strict: schema.flag("strict")?,
            };
            if schema.rest().is_empty() && format.rest().is_empty() { Some(read) } else { vendor() }
        }
        _ => vendor(),
    })
}

fn reasoning(fields: &mut Fields<'_>) -> Result<Option<ReasoningOptions>> {
    let mut options = ReasoningOptions::default();
    options.effort = fields.text("reasoning_effort")?;
    // OpenRouter's object; who writes both means the word for somebody else.
    if options.effort.is_none()
        && fields.look("reasoning").is_some_and(Value::is_object)
        && let Some(mut object) = fields.object("reasoning")?
    {
        options.effort = object.text("effort")?;
        options.max_tokens = object.count("max_tokens")?;
        options.enabled = object.flag("enabled")?;
        options.summary = object.text("summary")?;
        options.extra = object.rest();
    }
    Ok(Some(options).filter(|options| *options != ReasoningOptions::default()))
}

#[cfg(test)]
mod tests;
