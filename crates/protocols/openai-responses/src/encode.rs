//! Writes requests.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};
use ultraai_core::{
    ChatRequest, Delivery, Error, ErrorKind, Losses, Part, ReasoningOptions, ResponseFormat, Result,
};
use ultraai_protocol_common::{collision, is_harmless, model};

use crate::{
    NAME,
    body::{self, Item},
    tool::{self, Tools},
};

/// What is included where the probabilities of tokens are asked for.
pub(crate) const LOGPROBS: &str = "message.output_text.logprobs";

/// What is included where reasoning is asked for, so that it can be given back without the vendor's keeping it.
pub(crate) const ENCRYPTED: &str = "reasoning.encrypted_content";

/// Whether the vendor keeps the answer.
pub(crate) const STORE: &str = "store";

/// Anthropic's word for how everybody is served who asks for nothing else.
const STANDARD: &str = "standard_only";

/// Fields of OpenAI's other protocol that mean the same here.
const SHARED: &[&str] = &[
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    STORE,
];

/// Writes a request to `vendor`.
///
/// # Errors
/// What [`Losses::lose`] refuses; `Unsupported` without a model.
pub(crate) fn encode(request: &ChatRequest, vendor: &str, losses: &mut Losses) -> Result<Vec<u8>> {
    let model = model("openai-responses", request)?;
    lost(request, losses)?;
    let foreign = request.origin.is_some_and(|origin| origin != NAME);
    let (mut extra, mut text) = (extra(request, losses)?, Map::new());
    if let Some(verbosity) = extra.iter().position(|(key, _)| foreign && *key == "verbosity") {
        text.insert("verbosity".to_owned(), extra.remove(verbosity).1.clone());
    }
    text.extend(format(request, losses)?);
    let text = merged("text", text, &mut extra)?;
    let reasoning = merged("reasoning", reasoning(request.reasoning.as_ref(), foreign, losses)?, &mut extra)?;
    let include = include(request, &mut extra)?;
    let said = request.extra.get(STORE).filter(|_| extra.iter().any(|(key, _)| *key == STORE));
    // A caller of another protocol knows of nothing that is kept.
    let keeps_nothing = said.map_or(foreign, |store| *store == Value::Bool(false));
    if keeps_nothing && said.is_none() {
        extra.push((STORE, &Value::Bool(false)));
    }
    let (instructions, input) = body::items(request, vendor, keeps_nothing, losses)?;
    let tools = tool::tools(request, losses)?;
    let tool_choice = match &request.tool_choice {
        Some(choice) => tool::choice(choice, losses)?,
        None => None,
    };
    let body = Body {
        request,
        model: model.as_str(),
        instructions,
        input,
        tools: (!tools.is_empty()).then_some(Tools(tools, foreign)),
        tool_choice,
        text,
        reasoning,
        include,
        extra,
    };
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut written = Vec::with_capacity(text + text / 16 + 128 * request.messages.len() + 1024);
    serde_json::to_writer(&mut written, &body).map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, "the request cannot be written as JSON").with_source(error)
    })?;
    Ok(written)
}

/// Loses what the protocol has no field for.
fn lost(request: &ChatRequest, losses: &mut Losses) -> Result<()> {
    if request.service_tier.as_deref() == Some(STANDARD) {
        losses.leave_out("`service_tier`", "it is served so anyway");
    }
    // A penalty of nothing is what is done without one.
    let asks = |penalty: f64| penalty != 0.0;
    for (asked, field) in [
        (request.top_k.is_some(), "`top_k`"),
        (request.frequency_penalty.is_some_and(asks), "`frequency_penalty`"),
        (request.presence_penalty.is_some_and(asks), "`presence_penalty`"),
        (!request.stop_sequences.is_empty(), "`stop_sequences`"),
        (request.seed.is_some(), "`seed`"),
        (request.n.is_some_and(|choices| choices != 1), "`n`"),
    ] {
        if asked {
            losses.lose(field, "openai-responses has no such field")?;
        }
    }
    Ok(())
}

/// What stands in `extra`, without what is lost.
fn extra<'a>(request: &'a ChatRequest, losses: &mut Losses) -> Result<Vec<(&'a str, &'a Value)>> {
    let mut extra = Vec::with_capacity(request.extra.len());
    for (key, value) in &request.extra {
        let means_the_same = match request.origin {
            None | Some(NAME) => true,
            Some("openai-chat") => SHARED.contains(&key.as_str()) || key == "verbosity",
            Some(_) => false,
        };
        match means_the_same {
            true => extra.push((key.as_str(), value)),
            false if is_harmless(request.origin, key, value, NAME, losses) => {}
            false => losses.lose(&format!("`{key}`"), "it is a field of another protocol")?,
        }
    }
    collision("`extra`", request.extra.keys(), |key| sent(request, key))?;
    Ok(extra)
}

/// Whether a field of the request is sent under this name.
fn sent(request: &ChatRequest, key: &str) -> bool {
    match key {
        "model" | "input" => true,
        "instructions" => request.messages.first().is_some_and(body::is_instructions),
        "max_output_tokens" => request.max_tokens.is_some(),
        "temperature" => request.temperature.is_some(),
        "top_p" => request.top_p.is_some(),
        "parallel_tool_calls" => request.parallel_tool_calls.is_some(),
        "top_logprobs" => request.top_logprobs.is_some(),
        "service_tier" => request.service_tier.is_some(),
        "user" => request.user.is_some(),
        "metadata" => !request.metadata.is_empty(),
        "stream" => request.delivery == Delivery::Live,
        "tools" => !request.tools.is_empty(),
        "tool_choice" => request.tool_choice.is_some(),
        _ => false,
    }
}

/// The object that both the request and its `extra` may say a part of.
fn merged(
    name: &str,
    mut fields: Map<String, Value>,
    extra: &mut Vec<(&str, &Value)>,
) -> Result<Option<Map<String, Value>>> {
    if let Some(at) = extra.iter().position(|(key, _)| *key == name)
        && (fields.is_empty() || extra[at].1.is_object())
    {
        let Some(more) = extra[at].1.as_object() else { return Ok(None) };
        collision(&format!("the field `{name}` of `extra`"), more.keys(), |key| fields.contains_key(key))?;
        fields.extend(more.clone());
        extra.remove(at);
        return Ok(Some(fields));
    }
    Ok((!fields.is_empty()).then_some(fields))
}

fn format(request: &ChatRequest, losses: &mut Losses) -> Result<Map<String, Value>> {
    let format = match &request.response_format {
        None => return Ok(Map::new()),
        Some(ResponseFormat::Text) => json!({ "type": "text" }),
        Some(ResponseFormat::JsonObject) => json!({ "type": "json_object" }),
        Some(ResponseFormat::JsonSchema { name, description, schema, strict }) => {
            let mut format = json!({ "type": "json_schema", "name": name, "schema": schema });
            if let Some(description) = description {
                format["description"] = description.as_str().into();
            }
            if let Some(strict) = strict {
                format["strict"] = (*strict).into();
            }
            format
        }
        Some(ResponseFormat::Vendor(state)) if state.vendor == NAME => state.data.clone(),
        Some(_) => {
            losses.lose("`response_format`", "it is in another protocol's words")?;
            return Ok(Map::new());
        }
    };
    Ok(Map::from_iter([("format".to_owned(), format)]))
}

fn reasoning(
    options: Option<&ReasoningOptions>,
    foreign: bool,
    losses: &mut Losses,
) -> Result<Map<String, Value>> {
    let mut fields = Map::new();
    let Some(options) = options else { return Ok(fields) };
    let switch = match options.enabled {
        None => None,
        Some(true) => Some("medium"),
        Some(false) => Some("none"),
    };
    if let Some(effort) = options.effort.as_deref().or(switch) {
        fields.insert("effort".to_owned(), effort.into());
    }
    if let Some(summary) = &options.summary {
        fields.insert("summary".to_owned(), summary.as_str().into());
    }
    if options.max_tokens.is_some() {
        losses.lose("`reasoning.max_tokens`", "openai-responses bounds reasoning by `effort` alone")?;
    }
    for (key, value) in &options.extra {
        match foreign {
            true => losses.lose(&format!("`reasoning.{key}`"), "it is a field of another protocol")?,
            false => drop(fields.insert(key.clone(), value.clone())),
        }
    }
    Ok(fields)
}

/// What is to come along with the answer. A request that was not read from this protocol, and asks for reasoning, wants it back in
/// a form that can be given back.
fn include<'a>(request: &ChatRequest, extra: &mut Vec<(&'a str, &'a Value)>) -> Result<Vec<&'a str>> {
    let mut include = Vec::new();
    if let Some(at) = extra.iter().position(|(key, _)| *key == "include") {
        let wrong = || Error::new(ErrorKind::InvalidRequest, "`include` must be a list of texts");
        for word in extra.remove(at).1.as_array().ok_or_else(wrong)? {
            include.push(word.as_str().ok_or_else(wrong)?);
        }
    }
    let thinks = request.reasoning.as_ref().is_some_and(|reasoning| {
        reasoning.effort.as_deref() != Some("none") && reasoning.enabled != Some(false)
    });
    let state = request.reasoning_state.unwrap_or(thinks && request.origin != Some(NAME));
    if state && !include.contains(&ENCRYPTED) {
        include.push(ENCRYPTED);
    }
    if request.logprobs == Some(true) && !include.contains(&LOGPROBS) {
        include.push(LOGPROBS);
    }
    Ok(include)
}

/// The body of a request.
struct Body<'a> {
    request: &'a ChatRequest,
    model: &'a str,
    instructions: Option<&'a str>,
    input: Vec<Item<'a>>,
    tools: Option<Tools<'a>>,
    tool_choice: Option<Value>,
    text: Option<Map<String, Value>>,
    reasoning: Option<Map<String, Value>>,
    include: Vec<&'a str>,
    extra: Vec<(&'a str, &'a Value)>,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let request = self.request;
        let mut map = serializer.serialize_map(None)?;
        macro_rules! optional {
            ($($key:literal: $value:expr),* $(,)?) => {
                $(if let Some(value) = &$value {
                    map.serialize_entry($key, value)?;
                })*
            };
        }
        map.serialize_entry("model", self.model)?;
        optional!("instructions": self.instructions);
        map.serialize_entry("input", &self.input)?;
        optional!(
            "max_output_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "tools": self.tools,
            "tool_choice": self.tool_choice,
            "parallel_tool_calls": request.parallel_tool_calls,
            "text": self.text,
            "reasoning": self.reasoning,
            "include": Some(&self.include).filter(|include| !include.is_empty()),
            "top_logprobs": request.top_logprobs,
            "service_tier": request.service_tier.as_deref().filter(|tier| *tier != STANDARD),
            "user": request.user,
            "metadata": Some(&request.metadata).filter(|metadata| !metadata.is_empty()),
            "stream": (request.delivery == Delivery::Live).then_some(true),
        );
        for (key, value) in &self.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
