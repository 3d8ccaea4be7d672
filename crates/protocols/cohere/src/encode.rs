//! Writes a request.

use serde_json::{Map, Value};
use ultraai_core::{
    ChatRequest, Delivery, Losses, Part, ReasoningOptions, ResponseFormat, Result, ToolChoice,
};
use ultraai_protocol_common::{Lossy, ObjectWriter, collision, is_usual_tier, model, write_function_tools};

use crate::{NAME, message::write_messages};

/// What error texts call the other side.
const COHERE: &str = "cohere";

/// Writes the body of a request.
///
/// # Errors
/// `Unsupported` without a model and for what cannot be sent and may not be lost, `InvalidRequest` for a key in `extra` that is
/// sent already; each names the field.
pub fn encode(request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
    let model = model(COHERE, request)?;
    let lossy = &mut Lossy::new(NAME, losses);
    let extra = lossy.extra("", &request.extra, request.origin)?;
    check(request, extra, lossy)?;
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 256);
    let mut object = ObjectWriter::new(&mut body);
    object.field("model", model);
    write_messages(&mut object, request, lossy)?;
    object.field("stream", &(request.delivery == Delivery::Live));
    write_function_tools(&mut object, request, lossy)?;
    object.optional("strict_tools", strict(request, lossy)?);
    object.optional("tool_choice", choice(request, lossy)?);
    write_format(&mut object, request, lossy)?;
    write_thinking(&mut object, request.reasoning.as_ref(), request.origin, lossy)?;
    object.optional("max_tokens", request.max_tokens);
    object.optional("stop_sequences", Some(&request.stop_sequences).filter(|stop| !stop.is_empty()));
    object.optional("temperature", request.temperature);
    object.optional("seed", request.seed);
    object.optional("frequency_penalty", request.frequency_penalty);
    object.optional("presence_penalty", request.presence_penalty);
    object.optional("k", request.top_k);
    object.optional("p", request.top_p);
    object.optional("logprobs", request.logprobs);
    object.entries(extra.into_iter().flatten());
    drop(object);
    Ok(body)
}

fn check(request: &ChatRequest, extra: Option<&Map<String, Value>>, lossy: &mut Lossy<'_>) -> Result<()> {
    lossy.field("n", request.n.is_some_and(|choices| choices != 1))?;
    let one_by_one = request.parallel_tool_calls == Some(false) && !request.tools.is_empty();
    lossy.field("parallel_tool_calls", one_by_one)?;
    let tier = request.service_tier.as_deref();
    lossy.field("service_tier", tier.is_some_and(|tier| !is_usual_tier(tier)))?;
    // None of them changes an answer.
    lossy.hint("service_tier", tier.is_some_and(is_usual_tier));
    lossy.hint("user", request.user.is_some());
    lossy.hint("metadata", !request.metadata.is_empty());
    // It tells each token's own, and nobody else's.
    lossy.field("top_logprobs", request.top_logprobs.is_some_and(|count| count > 0))?;
    let sent = |key: &str| match key {
        "model" | "messages" | "stream" => true,
        "tools" => !request.tools.is_empty(),
        "strict_tools" => request.tools.iter().any(|tool| tool.strict.is_some()),
        "tool_choice" => request.tool_choice.is_some(),
        "response_format" => !matches!(request.response_format, None | Some(ResponseFormat::Text)),
        "thinking" => request.reasoning.is_some(),
        "max_tokens" => request.max_tokens.is_some(),
        "stop_sequences" => !request.stop_sequences.is_empty(),
        "temperature" => request.temperature.is_some(),
        "seed" => request.seed.is_some(),
        "frequency_penalty" => request.frequency_penalty.is_some(),
        "presence_penalty" => request.presence_penalty.is_some(),
        "k" => request.top_k.is_some(),
        "p" => request.top_p.is_some(),
        "logprobs" => request.logprobs.is_some(),
        _ => false,
    };
    collision("extra", extra.into_iter().flat_map(Map::keys), sent)
}

/// Whether all tools are strict: it has one word for all of them.
fn strict(request: &ChatRequest, lossy: &mut Lossy<'_>) -> Result<Option<bool>> {
    let mut tools = request.tools.iter().enumerate().filter(|(_, tool)| tool.vendor.is_none());
    let first = tools.next().and_then(|(_, tool)| tool.strict);
    if let Some((index, _)) = tools.find(|(_, tool)| tool.strict != first) {
        let why = "cohere has one word, `strict_tools`, for all tools";
        lossy.because(format_args!("tools[{index}].strict"), why)?;
        return Ok(None);
    }
    Ok(first)
}

fn choice(request: &ChatRequest, lossy: &mut Lossy<'_>) -> Result<Option<Value>> {
    Ok(match &request.tool_choice {
        // Without the field the model decides.
        None | Some(ToolChoice::Auto) => None,
        Some(ToolChoice::None) => Some("NONE".into()),
        Some(ToolChoice::Required) => Some("REQUIRED".into()),
        Some(ToolChoice::Vendor(state)) if state.vendor == NAME => Some(state.data.clone()),
        Some(_) => {
            lossy.because(
                "tool_choice",
                "cohere has words for any tool and for none, and not for a certain one",
            )?;
            None
        }
    })
}

fn write_format(object: &mut ObjectWriter<'_>, request: &ChatRequest, lossy: &mut Lossy<'_>) -> Result<()> {
    match &request.response_format {
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonObject) => object.object("response_format").field("type", "json_object"),
        // The schema's name is for other vendors, and it is always enforced here.
        Some(ResponseFormat::JsonSchema { description, schema, .. }) => {
            lossy.field("response_format.description", description.is_some())?;
            let mut format = object.object("response_format");
            format.field("type", "json_object");
            format.field("json_schema", schema);
        }
        Some(ResponseFormat::Vendor(state)) if state.vendor == NAME => {
            object.field("response_format", &state.data);
        }
        Some(_) => lossy.because("response_format", "it is another protocol's")?,
    }
    Ok(())
}

fn write_thinking(
    object: &mut ObjectWriter<'_>,
    reasoning: Option<&ReasoningOptions>,
    origin: Option<&'static str>,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    let Some(reasoning) = reasoning else { return Ok(()) };
    // The answer is the same with it and without.
    lossy.hint("reasoning.summary", reasoning.summary.is_some());
    let enabled = match reasoning.effort.as_deref() {
        Some("none") => Some(false),
        effort => {
            lossy.field("reasoning.effort", effort.is_some())?;
            reasoning.enabled
        }
    };
    let extra = lossy.extra("reasoning", &reasoning.extra, origin)?;
    let enabled = enabled.or(reasoning.max_tokens.map(|_| true));
    let own = extra.is_some_and(|extra| !extra.is_empty());
    if enabled.is_none() && !own {
        return Ok(());
    }
    let mut thinking = object.object("thinking");
    if extra.is_none_or(|extra| !extra.contains_key("type")) {
        thinking.field("type", if enabled == Some(false) { "disabled" } else { "enabled" });
    }
    thinking.optional("token_budget", reasoning.max_tokens);
    thinking.entries(extra.into_iter().flatten());
    Ok(())
}

#[cfg(test)]
mod tests;
