//! Writes a request.

use serde_json::{Map, Value};
use ultraai_core::{
    Capabilities, ChatRequest, Delivery, Error, ErrorKind, Losses, Part, ReasoningOptions, ResponseFormat,
    Result, Support, ToolChoice,
};
use ultraai_protocol_common::{Lossy, ObjectWriter, collision, is_usual_tier, model, write_function_tools};

use crate::{NAME, OLLAMA, message::write_messages};

/// What is sent where a request's `extra` does not say it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Defaults {
    /// How long the model stays loaded: seconds, or a duration such as `"5m"`. Default: the server's own.
    pub keep_alive: Option<Value>,
    /// Tokens of context that the model is loaded with. Default: the server's own.
    pub num_ctx: Option<u64>,
    /// Whether the server may drop the start of a conversation that does not fit its context, which it does in silence.
    /// Default: no, and such a request is refused by it, unless it was read from this protocol and so means what the server does.
    pub truncate: bool,
}

/// What [`encode`] can send. Which of it a model takes is its own matter, and the server's to say.
pub fn capabilities(defaults: &Defaults) -> Capabilities {
    let mut capabilities = Capabilities::text_only();
    (capabilities.tools, capabilities.images) = (Support::Unknown, Support::Unknown);
    // The server constrains sampling to the schema, whatever the model.
    capabilities.structured_output = Support::Yes;
    capabilities.context_window = defaults.num_ctx;
    capabilities
}

/// Writes the body of a request.
///
/// # Errors
/// `Unsupported` without a model and for what cannot be sent and may not be lost, `InvalidRequest` for a key in `extra` that is
/// sent already; each names the field.
pub fn encode(defaults: &Defaults, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
    let model = model(OLLAMA, request)?;
    let lossy = &mut Lossy::new(NAME, losses);
    let extra = lossy.extra("", &request.extra, request.origin)?;
    let more_options = options_of(extra)?;
    check_fields(request, lossy)?;
    check_collisions(request, extra, more_options)?;
    let unset = |key: &str| extra.is_none_or(|extra| !extra.contains_key(key));
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 256);
    let mut object = ObjectWriter::new(&mut body);
    object.field("model", model);
    write_messages(&mut object, request, lossy)?;
    // Without the field the server streams.
    object.field("stream", &(request.delivery == Delivery::Live));
    write_function_tools(&mut object, request, lossy)?;
    write_format(&mut object, request, lossy)?;
    write_thinking(&mut object, request.reasoning.as_ref(), lossy)?;
    object.optional("logprobs", request.logprobs);
    object.optional("top_logprobs", request.top_logprobs);
    write_options(&mut object, request, more_options, defaults);
    object.optional("keep_alive", defaults.keep_alive.as_ref().filter(|_| unset("keep_alive")));
    // Who asks in this protocol knows the server's own default.
    let whole = !defaults.truncate && request.origin != Some(NAME) && unset("truncate");
    object.optional("truncate", whole.then_some(false));
    object.entries(extra.into_iter().flatten().filter(|(key, _)| *key != "options"));
    drop(object);
    Ok(body)
}

/// The options of `extra`, which stand beside those of the request's own fields.
fn options_of(extra: Option<&Map<String, Value>>) -> Result<Option<&Map<String, Value>>> {
    match extra.and_then(|extra| extra.get("options")) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(options)) => Ok(Some(options)),
        Some(_) => Err(Error::new(ErrorKind::InvalidRequest, "`options` in extra is no object")),
    }
}

fn check_fields(request: &ChatRequest, lossy: &mut Lossy<'_>) -> Result<()> {
    let choices = request.extra.get("n").is_some_and(|choices| choices.as_u64() != Some(1));
    lossy.field("n", choices || request.n.is_some_and(|choices| choices != 1))?;
    let one_by_one = request.parallel_tool_calls == Some(false) && !request.tools.is_empty();
    lossy.field("parallel_tool_calls", one_by_one)?;
    let tier = request.service_tier.as_deref();
    lossy.field("service_tier", tier.is_some_and(|tier| !is_usual_tier(tier)))?;
    // None of them changes an answer.
    lossy.hint("service_tier", tier.is_some_and(is_usual_tier));
    lossy.hint("user", request.user.is_some());
    lossy.hint("metadata", !request.metadata.is_empty());
    for (index, tool) in request.tools.iter().enumerate() {
        lossy.field(format_args!("tools[{index}].strict"), tool.strict == Some(true))?;
    }
    // It always decides by itself.
    let asks = match request.tool_choice {
        None | Some(ToolChoice::Auto) => false,
        Some(ToolChoice::None) => !request.tools.is_empty(),
        Some(_) => true,
    };
    lossy.field("tool_choice", asks)
}

fn check_collisions(
    request: &ChatRequest,
    extra: Option<&Map<String, Value>>,
    more_options: Option<&Map<String, Value>>,
) -> Result<()> {
    let sent = |key: &str| match key {
        "model" | "messages" | "stream" => true,
        "tools" => !request.tools.is_empty(),
        "format" => !matches!(request.response_format, None | Some(ResponseFormat::Text)),
        "think" => request.reasoning.as_ref().is_some_and(|reasoning| think(reasoning).is_some()),
        "logprobs" => request.logprobs.is_some(),
        "top_logprobs" => request.top_logprobs.is_some(),
        _ => false,
    };
    collision("extra", extra.into_iter().flat_map(Map::keys), sent)?;
    let sent = |key: &str| match key {
        "num_predict" => request.max_tokens.is_some(),
        "temperature" => request.temperature.is_some(),
        "top_p" => request.top_p.is_some(),
        "top_k" => request.top_k.is_some(),
        "seed" => request.seed.is_some(),
        "frequency_penalty" => request.frequency_penalty.is_some(),
        "presence_penalty" => request.presence_penalty.is_some(),
        "stop" => !request.stop_sequences.is_empty(),
        _ => false,
    };
    collision("`options` of extra", more_options.into_iter().flat_map(Map::keys), sent)
}

fn write_options(
    object: &mut ObjectWriter<'_>,
    request: &ChatRequest,
    more: Option<&Map<String, Value>>,
    defaults: &Defaults,
) {
    let unset = more.is_none_or(|options| !options.contains_key("num_ctx"));
    let num_ctx = defaults.num_ctx.filter(|_| unset);
    let none = more.is_none_or(Map::is_empty)
        && num_ctx.is_none()
        && request.max_tokens.is_none()
        && request.temperature.is_none()
        && request.top_p.is_none()
        && request.top_k.is_none()
        && request.seed.is_none()
        && request.frequency_penalty.is_none()
        && request.presence_penalty.is_none()
        && request.stop_sequences.is_empty();
    if none {
        return;
    }
    let mut options = object.object("options");
    options.optional("num_ctx", num_ctx);
    options.optional("num_predict", request.max_tokens);
    options.optional("temperature", request.temperature);
    options.optional("top_p", request.top_p);
    options.optional("top_k", request.top_k);
    options.optional("seed", request.seed);
    options.optional("frequency_penalty", request.frequency_penalty);
    options.optional("presence_penalty", request.presence_penalty);
    options.optional("stop", Some(&request.stop_sequences).filter(|stop| !stop.is_empty()));
    options.entries(more.into_iter().flatten());
}

fn write_format(object: &mut ObjectWriter<'_>, request: &ChatRequest, lossy: &mut Lossy<'_>) -> Result<()> {
    match &request.response_format {
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonObject) => object.field("format", "json"),
        // The schema's name is for other vendors, and it is always enforced here.
        Some(ResponseFormat::JsonSchema { description, schema, .. }) => {
            lossy.field("response_format.description", description.is_some())?;
            object.field("format", schema);
        }
        Some(ResponseFormat::Vendor(state)) if state.vendor == NAME => object.field("format", &state.data),
        Some(_) => lossy.because("response_format", "it is another protocol's")?,
    }
    Ok(())
}

fn write_thinking(
    object: &mut ObjectWriter<'_>,
    reasoning: Option<&ReasoningOptions>,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    let Some(reasoning) = reasoning else { return Ok(()) };
    lossy.field("reasoning.max_tokens", reasoning.max_tokens.is_some())?;
    // The answer is the same with it and without.
    lossy.hint("reasoning.summary", reasoning.summary.is_some());
    for key in reasoning.extra.keys() {
        lossy.field(format_args!("reasoning.{key}"), true)?;
    }
    object.optional("think", think(reasoning));
    Ok(())
}

/// Whether to think, or how hard.
fn think(reasoning: &ReasoningOptions) -> Option<Value> {
    match (reasoning.enabled, reasoning.effort.as_deref()) {
        (Some(false), _) | (_, Some("none")) => Some(Value::Bool(false)),
        (_, Some(effort)) => Some(effort.into()),
        (enabled, None) => enabled.map(Value::Bool),
    }
}

#[cfg(test)]
mod tests;
