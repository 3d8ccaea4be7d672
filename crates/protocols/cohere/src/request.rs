//! Reads a request, as a server does.

use serde_json::Value;
use ultraai_core::{
    ChatRequest, Delivery, Message, Part, Reasoning, ReasoningOptions, ResponseFormat, Result, Role,
    ToolCall, ToolChoice, ToolResult, VendorState,
};
use ultraai_protocol_common::{Entries, Fields, Place, from_url, read_function_call, read_function_tools};

use crate::{NAME, citation, decode::planned, document};

/// The name that a schema gets, since the protocol gives it none.
const SCHEMA_NAME: &str = "response";

/// Reads the body of a request. Nothing is lost: what the vocabulary has no words for stands in `extra`.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub fn decode_request(body: &[u8]) -> Result<ChatRequest> {
    let mut fields = Fields::parse(body)?;
    let mut request = ChatRequest::default();
    request.model = Some(fields.needed_model()?);
    request.messages = read_messages(&mut fields)?;
    request.delivery = match fields.flag("stream")? {
        Some(true) => Delivery::Live,
        _ => Delivery::Whole,
    };
    request.tools = read_function_tools(&mut fields, NAME)?;
    if request.tools.iter().any(|tool| tool.vendor.is_none()) {
        let strict = fields.flag("strict_tools")?;
        request.tools.iter_mut().filter(|tool| tool.vendor.is_none()).for_each(|tool| tool.strict = strict);
    }
    request.tool_choice = fields.any("tool_choice").map(choice_of);
    request.response_format = fields.any("response_format").map(format_of);
    request.reasoning = fields.object("thinking")?.map(thinking).transpose()?;
    request.max_tokens = fields.count("max_tokens")?;
    request.stop_sequences = fields.texts("stop_sequences")?.unwrap_or_default();
    request.temperature = fields.number("temperature")?;
    // Its seeds are larger than others', and what no other has stands in `extra`.
    if fields.look("seed").and_then(Value::as_u64).is_none_or(|seed| i64::try_from(seed).is_ok()) {
        request.seed = fields.integer("seed")?;
    }
    request.frequency_penalty = fields.number("frequency_penalty")?;
    request.presence_penalty = fields.number("presence_penalty")?;
    request.top_k = fields.count("k")?;
    request.top_p = fields.number("p")?;
    request.logprobs = fields.flag("logprobs")?;
    // Documents that are none say nothing, and models without documents refuse the field.
    if fields.look("documents").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        fields.any("documents");
    }
    request.extra = fields.rest();
    request.origin = Some(NAME);
    Ok(request)
}

fn choice_of(choice: Value) -> ToolChoice {
    match choice.as_str() {
        Some("REQUIRED") => ToolChoice::Required,
        Some("NONE") => ToolChoice::None,
        _ => ToolChoice::Vendor(VendorState::new(NAME, choice)),
    }
}

fn format_of(format: Value) -> ResponseFormat {
    let keys = format.as_object().map_or(0, serde_json::Map::len);
    match (format["type"].as_str(), &format["json_schema"]) {
        (Some("text"), _) if keys == 1 => ResponseFormat::Text,
        (Some("json_object"), _) if keys == 1 => ResponseFormat::JsonObject,
        (Some("json_object"), schema @ Value::Object(_)) if keys == 2 => ResponseFormat::JsonSchema {
            name: SCHEMA_NAME.to_owned(),
            description: None,
            schema: schema.clone(),
            strict: None,
        },
        _ => ResponseFormat::Vendor(VendorState::new(NAME, format)),
    }
}

fn thinking(mut fields: Fields<'_>) -> Result<ReasoningOptions> {
    let mut reasoning = ReasoningOptions::default();
    reasoning.enabled = match fields.look("type").and_then(Value::as_str) {
        Some("enabled") => Some(true),
        Some("disabled") => Some(false),
        _ => None,
    };
    if reasoning.enabled.is_some() {
        fields.any("type");
    }
    reasoning.max_tokens = fields.count("token_budget")?;
    reasoning.extra = fields.rest();
    Ok(reasoning)
}

fn read_messages(fields: &mut Fields<'_>) -> Result<Vec<Message>> {
    let list = fields.objects("messages")?.ok_or_else(|| fields.place().missing("messages"))?;
    let mut messages: Vec<Message> = Vec::with_capacity(list.len());
    for (index, message) in list.enumerate() {
        let message = read_message(message?, index, &messages)?;
        messages.push(message);
    }
    Ok(messages)
}

fn read_message(mut fields: Fields<'_>, index: usize, earlier: &[Message]) -> Result<Message> {
    let role = match &*fields.needed_word("role")? {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        word => Role::Other(word.to_owned()),
    };
    let mut content = read_content(&mut fields)?;
    if let Some(plan) = fields.text("tool_plan")?.filter(|plan| !plan.is_empty()) {
        content.push(Part::Reasoning(planned(plan)));
    }
    let citations = fields.list("citations")?.unwrap_or_default();
    let citations = citations.into_iter().map(|(_, native)| native).collect();
    let left = citation::place(citations, &mut content);
    for (at, call) in fields.objects("tool_calls")?.into_iter().flatten().enumerate() {
        let mut call = call?;
        if call.look("type").is_some_and(|kind| kind == "function") {
            call.any("type");
        }
        content.push(Part::ToolCall(read_function_call(call, NAME, format!("call_{index}_{at}"))?));
    }
    if role == Role::Tool {
        let id = fields.needed_text("tool_call_id")?;
        let name = call(earlier, &id).map(|call| call.name.clone());
        let mut result = ToolResult::new(id, content);
        result.name = name;
        content = vec![Part::ToolResult(result)];
    }
    let mut message = Message::new(role, content);
    message.extra = fields.rest();
    if !left.is_empty() {
        message.extra.insert("citations".to_owned(), Value::Array(left));
    }
    Ok(message)
}

/// The call of this id.
fn call<'a>(messages: &'a [Message], id: &str) -> Option<&'a ToolCall> {
    messages.iter().rev().flat_map(|message| &message.content).find_map(|part| match part {
        Part::ToolCall(call) if call.id == id => Some(call),
        _ => None,
    })
}

fn read_content(fields: &mut Fields<'_>) -> Result<Vec<Part>> {
    let content = fields.any("content");
    let place = || fields.place().field("content");
    match content {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::text(text)]),
        Some(Value::Array(items)) => {
            Entries::of(items, place()).map(|(place, item)| read_item(item, place)).collect()
        }
        Some(_) => Err(place().wrong("a text or a list")),
    }
}

fn read_item(item: Value, place: Place) -> Result<Part> {
    if !item.is_object() {
        return Err(place.wrong("an object"));
    }
    let read = match item["type"].as_str() {
        Some("text") => return read_text(Fields::of(item, place)?, "text"),
        Some("thinking") => return read_text(Fields::of(item, place)?, "thinking"),
        Some("image_url") => read_image(&item),
        Some("document") => document::read(&item),
        _ => None,
    };
    Ok(read.unwrap_or_else(|| Part::Vendor(VendorState::new(NAME, item))))
}

fn read_text(mut fields: Fields<'_>, kind: &'static str) -> Result<Part> {
    let text = fields.needed_text(kind)?;
    fields.any("type");
    let mut part = match kind {
        "thinking" => Part::Reasoning(Reasoning::new(text)),
        _ => Part::text(text),
    };
    let others = fields.rest();
    if !others.is_empty() {
        part.annotate(|notes| notes.extra = Some(VendorState::new(NAME, Value::Object(others))));
    }
    Ok(part)
}

/// Reads an image; `None` for what has more in it than is known.
fn read_image(item: &Value) -> Option<Part> {
    let image = item["image_url"].as_object()?;
    let known = |key: &String| matches!(key.as_str(), "url" | "detail");
    if item.as_object()?.len() != 2 || !image.keys().all(known) {
        return None;
    }
    let mut media = from_url(image.get("url")?.as_str()?);
    media.detail = match image.get("detail") {
        None | Some(Value::Null) => None,
        Some(detail) => Some(detail.as_str()?.to_owned()),
    };
    Some(Part::Image(media))
}
