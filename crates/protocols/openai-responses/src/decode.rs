//! Reads requests.

use serde_json::{Map, Value};
use ultraai_core::{
    ChatRequest, Delivery, Error, ErrorKind, Message, ModelName, Part, ReasoningOptions, ResponseFormat,
    Result, Role, VendorState,
};
use ultraai_protocol_common::{Fields, Place};

use crate::{
    NAME,
    encode::{ENCRYPTED, LOGPROBS, STORE},
    input::Input,
    tool,
};

/// Reads a request; ids and encrypted reasoning are the state of `vendor`.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub(crate) fn decode_request(body: &[u8], vendor: &'static str) -> Result<ChatRequest> {
    let mut fields = Fields::parse(body)?;
    refuse_stored(&mut fields)?;
    let mut request = ChatRequest::default();
    request.origin = Some(NAME);
    request.model = fields.text("model")?.map(model).transpose()?;
    request.messages = conversation(&mut fields, vendor)?;
    request.max_tokens = fields.positive("max_output_tokens")?;
    request.temperature = fields.number("temperature")?;
    request.top_p = fields.number("top_p")?;
    request.parallel_tool_calls = fields.flag("parallel_tool_calls")?;
    request.service_tier = fields.text("service_tier")?;
    request.user = fields.text("user")?;
    request.top_logprobs = number(&mut fields, "top_logprobs")?;
    if fields.look("metadata").is_none_or(Value::is_object)
        && let Some(metadata) = fields.object("metadata")?
    {
        request.metadata = metadata.rest();
    }
    if fields.flag("stream")? == Some(true) {
        request.delivery = Delivery::Live;
    }
    let tools = fields.list("tools")?.unwrap_or_default();
    request.tools =
        tools.into_iter().map(|(place, value)| tool::read(value, &place)).collect::<Result<_>>()?;
    request.tool_choice = fields.read("tool_choice", "a word or an object", tool::read_choice)?;
    request.reasoning = fields.object("reasoning")?.map(reasoning).transpose()?;
    let mut text = fields.object("text")?;
    if let Some(text) = &mut text {
        request.response_format = text.object("format")?.map(format).transpose()?;
    }
    let mut include: Vec<Value> = fields.list("include")?.unwrap_or_default().map(|(_, word)| word).collect();
    let mut asks = |what: &str| {
        let before = include.len();
        include.retain(|word| word != what);
        (include.len() < before).then_some(true)
    };
    request.logprobs = asks(LOGPROBS);
    request.reasoning_state = asks(ENCRYPTED);
    request.extra = fields.rest();
    if !include.is_empty() {
        request.extra.insert("include".to_owned(), Value::Array(include));
    }
    if let Some(text) = text.map(Fields::rest).filter(|text| !text.is_empty()) {
        request.extra.insert("text".to_owned(), Value::Object(text));
    }
    if !request.extra.contains_key(STORE) {
        keep_nothing(&mut request);
    }
    Ok(request)
}

/// Fields that refer to what the vendor keeps. Nothing is kept here: one vendor's account may serve many callers, who must not
/// read each other's conversations; what a caller refers to is counted by nobody; and an answer in the background can be fetched
/// by nobody.
const STORED: [(&str, &str); 4] = [
    (
        "background",
        "no answer is kept here to be fetched later: leave it out, and stream the answer if it takes long",
    ),
    ("previous_response_id", "no answer is kept here: send the whole conversation in `input`"),
    ("conversation", "no conversation is kept here: send all of it in `input`"),
    ("prompt", "no template is kept here: send its text in `instructions` and `input`"),
];

/// Refuses what needs something that is kept.
///
/// # Errors
/// `InvalidRequest`, which names it.
fn refuse_stored(fields: &mut Fields<'_>) -> Result<()> {
    for (field, why) in STORED {
        if fields.look(field).is_some_and(|value| *value != Value::Bool(false)) {
            return Err(Error::new(ErrorKind::InvalidRequest, format!("`{field}` cannot be served: {why}")));
        }
    }
    Ok(())
}

/// Says that the vendor keeps nothing: OpenAI keeps answers for 30 days unless told otherwise, and no caller can refer to one. What
/// the model thinks is then wanted in the form that can be given back, where it is asked to think.
fn keep_nothing(request: &mut ChatRequest) {
    request.extra.insert(STORE.to_owned(), Value::Bool(false));
    let options = request.reasoning.as_ref();
    let mut words = options.into_iter().flat_map(|it| [&it.effort, &it.summary]).flatten();
    if words.any(|word| word != "none") {
        request.reasoning_state = Some(true);
    }
}

fn model(name: String) -> Result<ModelName> {
    ModelName::new(name).map_err(|_| Place::top().field("model").wrong("a name"))
}

fn number(fields: &mut Fields<'_>, name: &'static str) -> Result<Option<u32>> {
    let wrong = |fields: &Fields<'_>| fields.place().field(name).wrong("a small whole number from 0 up");
    fields.count(name)?.map(|count| u32::try_from(count).map_err(|_| wrong(fields))).transpose()
}

/// The instructions and the input. Instructions that are no text stay where they are.
fn conversation(fields: &mut Fields<'_>, vendor: &'static str) -> Result<Vec<Message>> {
    let mut input = Input::new(vendor);
    if fields.look("instructions").is_some_and(Value::is_string) {
        input.instructions(fields.text("instructions")?.unwrap_or_default());
    }
    match fields.look("input") {
        None => drop(fields.any("input")),
        Some(Value::String(_)) => {
            let text = fields.text("input")?.unwrap_or_default();
            input.messages.push(Message::new(Role::User, vec![Part::text(text)]));
        }
        Some(_) => {
            for (place, item) in fields
                .list("input")
                .map_err(|_| Error::new(ErrorKind::InvalidRequest, "`input` must be a text or a list"))?
                .unwrap_or_default()
            {
                input.push(item, &place)?;
            }
        }
    }
    Ok(input.messages)
}

fn reasoning(mut fields: Fields<'_>) -> Result<ReasoningOptions> {
    let mut options = ReasoningOptions::default();
    options.effort = fields.text("effort")?;
    options.summary = fields.text("summary")?;
    options.extra = fields.rest();
    Ok(options)
}

/// The form of the answer; one with a field more than the vocabulary has is kept whole.
fn format(fields: Fields<'_>) -> Result<ResponseFormat> {
    let place = fields.place().clone();
    let whole = fields.clone().rest();
    let mut fields = fields;
    let kind = fields.needed_text("type")?;
    let known = match kind.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => ResponseFormat::JsonSchema {
            name: fields.needed_text("name")?,
            description: fields.text("description")?,
            schema: fields.any("schema").ok_or_else(|| place.missing("schema"))?,
            strict: fields.flag("strict")?,
        },
        _ => return Ok(vendor(whole)),
    };
    Ok(if fields.rest().is_empty() { known } else { vendor(whole) })
}

fn vendor(whole: Map<String, Value>) -> ResponseFormat {
    ResponseFormat::Vendor(VendorState::new(NAME, Value::Object(whole)))
}
