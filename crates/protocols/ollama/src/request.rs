//! Reads a request, as a server does.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use ultraai_core::{
    ChatRequest, Delivery, Media, MediaSource, Message, Part, Reasoning, ReasoningOptions, ResponseFormat,
    Result, Role, ToolResult, VendorState,
};
use ultraai_protocol_common::{Fields, Place, from_base64, read_function_call, read_function_tools, sniff};

use crate::{NAME, id};

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
    // A server streams unless it is told not to.
    request.delivery = match fields.flag("stream")? {
        Some(false) => Delivery::Whole,
        _ => Delivery::Live,
    };
    request.tools = read_function_tools(&mut fields, NAME)?;
    request.response_format = fields.any("format").and_then(format_of);
    request.reasoning = fields.read("think", "true, false or how hard", thinking)?;
    request.logprobs = fields.flag("logprobs")?;
    request.top_logprobs =
        fields.read("top_logprobs", "a small number", |value| u32::try_from(value.as_u64()?).ok())?;
    let options = fields.object("options")?.map(|options| read_options(options, &mut request)).transpose()?;
    request.extra = fields.rest();
    if let Some(options) = options.filter(|options| !options.is_empty()) {
        request.extra.insert("options".to_owned(), Value::Object(options));
    }
    request.origin = Some(NAME);
    Ok(request)
}

fn format_of(format: Value) -> Option<ResponseFormat> {
    match format {
        Value::String(word) if word.is_empty() => None,
        Value::String(word) if word == "json" => Some(ResponseFormat::JsonObject),
        schema @ Value::Object(_) => Some(ResponseFormat::JsonSchema {
            name: SCHEMA_NAME.to_owned(),
            description: None,
            schema,
            strict: None,
        }),
        other => Some(ResponseFormat::Vendor(VendorState::new(NAME, other))),
    }
}

fn thinking(think: Value) -> Option<ReasoningOptions> {
    let mut reasoning = ReasoningOptions::default();
    match think {
        Value::Bool(enabled) => reasoning.enabled = Some(enabled),
        Value::String(effort) => reasoning.effort = Some(effort),
        _ => return None,
    }
    Some(reasoning)
}

/// Takes the options that the vocabulary has words for, and hands back the others.
fn read_options(mut options: Fields<'_>, request: &mut ChatRequest) -> Result<Map<String, Value>> {
    // What is written in another form, such as a number as text or -1 for no limit, is the server's to understand.
    let plain = |options: &mut Fields<'_>, name: &str| match options.look(name) {
        Some(Value::String(_)) => false,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number >= 0.0),
        _ => true,
    };
    let signed = |options: &mut Fields<'_>, name: &str| !options.look(name).is_some_and(Value::is_string);
    if plain(&mut options, "num_predict") {
        request.max_tokens = options.count("num_predict")?;
    }
    if plain(&mut options, "temperature") {
        request.temperature = options.number("temperature")?;
    }
    if plain(&mut options, "top_p") {
        request.top_p = options.number("top_p")?;
    }
    if plain(&mut options, "top_k") {
        request.top_k = options.count("top_k")?;
    }
    if signed(&mut options, "seed") {
        request.seed = options.integer("seed")?;
    }
    if signed(&mut options, "frequency_penalty") {
        request.frequency_penalty = options.number("frequency_penalty")?;
    }
    if signed(&mut options, "presence_penalty") {
        request.presence_penalty = options.number("presence_penalty")?;
    }
    request.stop_sequences = options.texts("stop")?.unwrap_or_default();
    Ok(options.rest())
}

/// A call that no result has come for.
struct Open {
    id: String,
    name: String,
}

fn read_messages(fields: &mut Fields<'_>) -> Result<Vec<Message>> {
    // A request without messages loads the model.
    let (mut messages, mut open) = (Vec::new(), VecDeque::new());
    for (index, message) in fields.objects("messages")?.into_iter().flatten().enumerate() {
        messages.push(read_message(message?, index, &mut open)?);
    }
    Ok(messages)
}

fn read_message(mut fields: Fields<'_>, index: usize, open: &mut VecDeque<Open>) -> Result<Message> {
    let role = match &*fields.needed_word("role")? {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        word => Role::Other(word.to_owned()),
    };
    let mut content = Vec::new();
    let thinking = fields.text("thinking")?.filter(|text| !text.is_empty());
    content.extend(thinking.map(|text| Part::Reasoning(Reasoning::new(text))));
    content.extend(fields.text("content")?.filter(|text| !text.is_empty()).map(Part::text));
    for (place, value) in fields.list("images")?.unwrap_or_default() {
        content.push(image(&place, value)?);
    }
    let mut calls = fields.objects("tool_calls")?.into_iter().flatten().peekable();
    if calls.peek().is_some() {
        open.clear();
    }
    for (at, call) in calls.enumerate() {
        let call = read_function_call(call?, NAME, id::of_a_request(index, at))?;
        open.push_back(Open { id: call.id.clone(), name: call.name.clone() });
        content.push(Part::ToolCall(call));
    }
    if role == Role::Tool {
        let name = fields.text("tool_name")?;
        let asked = fields.text("tool_call_id")?;
        let id = answered(asked, name.as_deref(), open).unwrap_or_else(|| id::of_a_request(index, 0));
        let mut result = ToolResult::new(id, content);
        result.name = name;
        content = vec![Part::ToolResult(result)];
    }
    let mut message = Message::new(role, content);
    message.extra = fields.rest();
    Ok(message)
}

/// The call that a result answers: the one that it names, else the first open one of its tool, else the first open one.
fn answered(asked: Option<String>, name: Option<&str>, open: &mut VecDeque<Open>) -> Option<String> {
    let at = match (&asked, name) {
        (Some(id), _) => open.iter().position(|call| call.id == *id),
        (None, Some(name)) => open.iter().position(|call| call.name == name),
        (None, None) => Some(0),
    };
    let call = at.and_then(|at| open.remove(at));
    asked.or(call.map(|call| call.id))
}

fn image(place: &Place, value: Value) -> Result<Part> {
    let Value::String(text) = value else { return Err(place.wrong("a text of base64")) };
    Ok(match from_base64(&text) {
        Some(data) => {
            let mut media = Media::new(MediaSource::Data(data.clone()));
            media.media_type = sniff(&data).map(str::to_owned);
            Part::Image(media)
        }
        // It is written back the same.
        None => Part::Vendor(VendorState::new(NAME, json!({ "image": text }))),
    })
}
