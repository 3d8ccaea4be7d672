//! Reads a request.

use serde_json::{Map, Value, json};
use ultraai_core::{
    ChatRequest, Delivery, Error, ErrorKind, Message, ModelName, Part, ReasoningOptions, ResponseFormat,
    Result, Role, Tool, ToolChoice, VendorState,
};
use ultraai_protocol_common::{Fields, Place};

use crate::{
    NAME,
    family::{self, Family, Thinking, TopK},
    part::{Owner, cache_point, parts},
};

/// Reads a request that was sent to `path`, such as `/model/m/converse-stream`, which says the model and the delivery.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub fn decode_request(path: &str, body: &[u8]) -> Result<ChatRequest> {
    let (model, delivery) = address(path)?;
    let (family, owner) = (family::of(model.as_ref()), Owner::of(model.as_ref()));
    let mut fields = Fields::parse(body)?;
    let mut request = ChatRequest::default();
    request.origin = Some(NAME);
    request.model = match model {
        None => fields.text("modelId")?.and_then(|model| ModelName::new(model).ok()),
        model => model,
    };
    request.delivery = delivery;
    if let Some(system) = fields.list("system")?.filter(|system| !system.is_empty()) {
        request.messages.push(Message::new(Role::System, parts(system, owner, false)?));
    }
    for message in fields.objects("messages")?.into_iter().flatten() {
        read_message(message?, owner, &mut request.messages)?;
    }
    if let Some(mut config) = fields.object("inferenceConfig")? {
        request.max_tokens = config.count("maxTokens")?;
        request.temperature = config.number("temperature")?;
        request.top_p = config.number("topP")?;
        request.stop_sequences = config.texts("stopSequences")?.unwrap_or_default();
        keep(&mut request, "inferenceConfig", config.rest());
    }
    if let Some(config) = fields.object("toolConfig")? {
        read_tools(config, &mut request)?;
    }
    if let Some(Value::Object(mut additional)) = fields.any("additionalModelRequestFields") {
        read_top_k(family, &mut additional, &mut request);
        read_reasoning(family, &mut additional, &mut request);
        keep(&mut request, "additionalModelRequestFields", additional);
    }
    if let Some(mut config) = fields.object("outputConfig")? {
        request.response_format = config.any("textFormat").map(read_format);
        keep(&mut request, "outputConfig", config.rest());
    }
    if let Some(tier) = fields.look("serviceTier").and_then(|tier| tier["type"].as_str().map(str::to_owned))
        && fields.look("serviceTier").and_then(Value::as_object).is_some_and(|tier| tier.len() == 1)
    {
        request.service_tier = Some(tier);
        fields.any("serviceTier");
    }
    if let Some(metadata) = fields.object("requestMetadata")? {
        request.metadata = metadata.rest();
    }
    request.extra.extend(fields.rest());
    Ok(request)
}

/// Keeps the fields of `object` that nobody knows.
fn keep(request: &mut ChatRequest, object: &str, rest: Map<String, Value>) {
    if !rest.is_empty() {
        request.extra.insert(object.to_owned(), Value::Object(rest));
    }
}

/// The model and the delivery that a path says; no model where it says none.
fn address(path: &str) -> Result<(Option<ModelName>, Delivery)> {
    let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let delivery = if path.ends_with("/converse-stream") { Delivery::Live } else { Delivery::Whole };
    let below = path.strip_prefix("model/").or_else(|| path.split_once("/model/").map(|(_, below)| below));
    let rest = below.and_then(|below| below.rsplit_once('/')).map(|(model, _)| model);
    let Some(model) = rest.filter(|model| !model.is_empty()) else { return Ok((None, delivery)) };
    let model = unescaped(model).and_then(|model| ModelName::new(model).ok());
    match model {
        Some(model) => Ok((Some(model), delivery)),
        None => Err(Error::new(ErrorKind::InvalidRequest, "the model in the path is no model's name")),
    }
}

/// `None` for what is no text.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let escaped = more.get(..2).filter(|_| *first == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// Reads a turn. One of the user that begins with results is a message of them, and what follows is one of the user.
fn read_message(mut message: Fields<'_>, owner: Owner, messages: &mut Vec<Message>) -> Result<()> {
    let role = match &*message.needed_word("role")? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => Role::Other(other.to_owned()),
    };
    let blocks = message.list("content")?.unwrap_or_default();
    let mut content = parts(blocks, owner, role == Role::Assistant)?;
    let extra = message.rest();
    if role == Role::User && matches!(content.first(), Some(Part::ToolResult(_))) {
        let results = content.iter().take_while(|part| matches!(part, Part::ToolResult(_))).count();
        let others = content.split_off(results);
        let mut results = Message::new(Role::Tool, content);
        results.extra = extra;
        messages.push(results);
        if !others.is_empty() {
            messages.push(Message::new(Role::User, others));
        }
        return Ok(());
    }
    let mut read = Message::new(role, content);
    read.extra = extra;
    messages.push(read);
    Ok(())
}

fn read_tools(mut config: Fields<'_>, request: &mut ChatRequest) -> Result<()> {
    for (place, tool) in config.list("tools")?.unwrap_or_default() {
        let marker = cache_point(&tool);
        if let (Some(marker), Some(before)) = (marker, request.tools.last_mut())
            && before.cache.is_none()
        {
            before.cache = Some(marker);
            continue;
        }
        request.tools.push(read_tool(&tool, place)?);
    }
    request.tool_choice = config.any("toolChoice").map(read_choice);
    keep(request, "toolConfig", config.rest());
    Ok(())
}

fn read_tool(tool: &Value, place: Place) -> Result<Tool> {
    let mut fields = Fields::of(tool.clone(), place)?;
    let opaque = |name: &str| Ok(Tool::of_vendor(name, VendorState::new(NAME, tool.clone())));
    let Some(mut spec) = fields.object("toolSpec")? else {
        let name = tool.as_object().and_then(|tool| {
            let (kind, inner) = tool.iter().next()?;
            Some(inner["name"].as_str().unwrap_or(kind))
        });
        return opaque(name.unwrap_or_default());
    };
    let name = spec.needed_text("name")?;
    let schema = spec.object("inputSchema")?;
    let (schema, rest) = match schema {
        Some(mut schema) => (schema.any("json"), schema.rest()),
        None => (None, Map::new()),
    };
    let (Some(schema), true, true) = (schema, rest.is_empty(), fields.rest().is_empty()) else {
        return opaque(&name);
    };
    let mut read = Tool::new(name, schema);
    read.description = spec.text("description")?;
    read.strict = spec.flag("strict")?;
    read.extra = spec.rest();
    Ok(read)
}

fn read_choice(choice: Value) -> ToolChoice {
    let only = |key: &str| choice.as_object().is_some_and(|map| map.len() == 1 && map.contains_key(key));
    let is_plain = |key: &str| only(key) && choice[key].as_object().is_some_and(Map::is_empty);
    let tool = choice["tool"].as_object().filter(|tool| only("tool") && tool.len() == 1);
    match tool.and_then(|tool| tool.get("name")?.as_str()) {
        Some(name) => ToolChoice::Tool(name.to_owned()),
        None if is_plain("auto") => ToolChoice::Auto,
        None if is_plain("any") => ToolChoice::Required,
        None => ToolChoice::Vendor(VendorState::new(NAME, choice)),
    }
}

fn read_format(format: Value) -> ResponseFormat {
    let read = || {
        let definition = format["structure"]["jsonSchema"].as_object()?;
        let known = ["name", "description", "schema"];
        let plain = format["type"] == "json_schema"
            && format.as_object()?.len() == 2
            && format["structure"].as_object()?.len() == 1
            && definition.keys().all(|key| known.contains(&key.as_str()));
        let text = |key: &str| definition.get(key).and_then(Value::as_str).map(str::to_owned);
        let schema = serde_json::from_str(&text("schema")?).ok().filter(|_| plain)?;
        let (name, description) = (text("name").unwrap_or_default(), text("description"));
        Some(ResponseFormat::JsonSchema { name, description, schema, strict: None })
    };
    read().unwrap_or_else(|| ResponseFormat::Vendor(VendorState::new(NAME, format)))
}

fn read_top_k(family: Family, fields: &mut Map<String, Value>, request: &mut ChatRequest) {
    match family.top_k {
        TopK::Plain => {
            if let Some(top_k) = fields.get("top_k").and_then(Value::as_u64) {
                request.top_k = Some(top_k);
                fields.remove("top_k");
            }
        }
        TopK::Nova => {
            let Some(config) = fields.get_mut("inferenceConfig").and_then(Value::as_object_mut) else {
                return;
            };
            let Some(top_k) = config.get("topK").and_then(Value::as_u64) else { return };
            request.top_k = Some(top_k);
            config.remove("topK");
            if config.is_empty() {
                fields.remove("inferenceConfig");
            }
        }
        TopK::Unknown => {}
    }
}

/// Reads how much the model thinks, where it is said in the form that it is written in.
fn read_reasoning(family: Family, fields: &mut Map<String, Value>, request: &mut ChatRequest) {
    let mut reasoning = ReasoningOptions::default();
    let take = |fields: &mut Map<String, Value>, key: &str| drop(fields.remove(key));
    match family.thinking {
        Thinking::Budget | Thinking::Adaptive => {
            let Some(Value::Object(thinking)) = fields.get("thinking").cloned() else { return };
            let effort = fields.get("output_config").and_then(|config| config["effort"].as_str());
            let budget = thinking.get("budget_tokens").and_then(Value::as_u64);
            let mut known = 1;
            match (thinking.get("type").and_then(Value::as_str), budget) {
                (Some("enabled"), Some(budget)) => {
                    known = 2;
                    reasoning.max_tokens = Some(budget);
                }
                (Some("adaptive"), None) if family.thinking == Thinking::Adaptive => {}
                (Some("disabled"), None) => {}
                _ => return,
            }
            reasoning.enabled = Some(thinking["type"] != "disabled");
            if thinking.len() > known {
                let rest = thinking
                    .into_iter()
                    .filter(|(key, _)| !["type", "budget_tokens"].contains(&key.as_str()));
                reasoning.extra = rest.collect();
            }
            if let Some(effort) = effort
                && family.thinking == Thinking::Adaptive
                && reasoning.enabled == Some(true)
                && effort != "minimal"
                && effort != "none"
                && fields["output_config"] == json!({ "effort": effort })
            {
                reasoning.effort = Some(effort.to_owned());
                take(fields, "output_config");
            }
            take(fields, "thinking");
        }
        Thinking::Nova => {
            let config = fields.get("reasoningConfig");
            match config.map(|config| (&config["type"], config["maxReasoningEffort"].as_str())) {
                Some((kind, Some(effort @ ("low" | "medium" | "high")))) if kind == "enabled" => {
                    reasoning.enabled = Some(true);
                    reasoning.effort = Some(effort.to_owned());
                }
                Some((kind, None)) if kind == "disabled" => reasoning.enabled = Some(false),
                _ => return,
            }
            let length = usize::from(reasoning.effort.is_some()) + 1;
            if config.and_then(Value::as_object).is_none_or(|config| config.len() != length) {
                return;
            }
            take(fields, "reasoningConfig");
        }
        Thinking::Word(key) => {
            let Some(effort) = fields.get(key).and_then(Value::as_str).filter(|effort| *effort != "none")
            else {
                return;
            };
            reasoning.effort = Some(effort.to_owned());
            take(fields, key);
        }
        Thinking::Unknown => return,
    }
    request.reasoning = Some(reasoning);
}
