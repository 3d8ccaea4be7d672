//! Writes a request.

mod message;
mod part;
mod tool;

use serde::Serialize;
use serde_json::{Map, Value, json};
use ultraai_core::{
    Capabilities, ChatRequest, Delivery, Losses, Notes, Part, ReasoningOptions, ResponseFormat, Result,
    Support, VendorState,
};
use ultraai_protocol_common::{Lossy, ObjectWriter, collision, is_usual_tier, model};

use crate::{Dialect, NAME, ReasoningForm, request::word_for_max_tokens};

/// What [`encode`] can send to this vendor; whether a model understands it, only the vendor knows.
pub fn capabilities(dialect: &Dialect) -> Capabilities {
    let unless_lacking = |field: &str| if dialect.has(field) { Support::Unknown } else { Support::No };
    let mut capabilities = Capabilities::default();
    capabilities.tools = unless_lacking("tools");
    capabilities.images = unless_lacking("images");
    capabilities.audio = unless_lacking("audio");
    capabilities.documents = unless_lacking("documents");
    capabilities.structured_output = unless_lacking("response_format");
    capabilities.video = if dialect.video { Support::Unknown } else { Support::No };
    capabilities
}

/// Writes the body of a request. What the vendor cannot be told goes to `losses`.
///
/// # Errors
/// `Unsupported` without a model and for what cannot be sent, `InvalidRequest` for a key in `extra` that is sent
/// already; each names the field.
pub fn encode(dialect: &Dialect, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
    let model = model(dialect.name, request)?;
    let text: usize = request.parts().map(room).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 256);
    let mut encoder = Encoder { dialect, origin: request.origin, lossy: Lossy::new(NAME, losses) };
    let mut top = Top { object: ObjectWriter::new(&mut body), sent: vec!["messages", "stream"] };
    top.field("model", model);
    {
        let mut list = top.object.list("messages");
        for (index, message) in request.messages.iter().enumerate() {
            encoder.message(&mut list, index, message)?;
        }
    }
    encoder.sampling(&mut top, request)?;
    encoder.rest(&mut top, request)?;
    drop(top);
    Ok(body)
}

/// About how many bytes a part takes.
fn room(part: &Part) -> usize {
    match part {
        Part::Text { text, .. } => text.len(),
        Part::ToolCall(call) => call.arguments.len() + 64,
        Part::ToolResult(result) => result.content.iter().map(room).sum::<usize>() + 64,
        _ => 64,
    }
}

/// The body, and which fields it has.
struct Top<'a> {
    object: ObjectWriter<'a>,
    sent: Vec<&'static str>,
}

impl Top<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) {
        self.sent.push(key);
        self.object.field(key, value);
    }
}

struct Encoder<'a> {
    dialect: &'a Dialect,
    origin: Option<&'static str>,
    lossy: Lossy<'a>,
}

impl Encoder<'_> {
    /// Whether the vendor has the field; one that it lacks is lost.
    fn takes(&mut self, field: &str, is_asked: bool) -> Result<bool> {
        match is_asked && !self.dialect.has(field) {
            true => self.lacking(field).map(|()| false),
            false => Ok(is_asked),
        }
    }

    fn lacking(&mut self, field: &str) -> Result<()> {
        self.lossy.because(field, &format!("{} does not take it", self.dialect.name))
    }

    /// Writes a field that some vendors lack.
    fn maybe<T: Serialize>(&mut self, top: &mut Top<'_>, key: &'static str, value: Option<T>) -> Result<()> {
        if self.takes(key, value.is_some())?
            && let Some(value) = value
        {
            top.field(key, &value);
        }
        Ok(())
    }

    fn sampling(&mut self, top: &mut Top<'_>, request: &ChatRequest) -> Result<()> {
        if let Some(max_tokens) = request.max_tokens {
            let own = self.dialect.max_tokens_field;
            let callers = if self.dialect.max_tokens_either { word_for_max_tokens(request) } else { None };
            top.field(callers.unwrap_or(own), &max_tokens);
        }
        self.maybe(top, "temperature", request.temperature)?;
        self.maybe(top, "top_p", request.top_p)?;
        self.maybe(top, "top_k", request.top_k)?;
        // A penalty of nothing is what is done without one.
        let asked = |key: &str, penalty: Option<f64>| {
            penalty.filter(|penalty| *penalty != 0.0 || self.dialect.has(key))
        };
        let frequency = asked("frequency_penalty", request.frequency_penalty);
        let presence = asked("presence_penalty", request.presence_penalty);
        self.maybe(top, "frequency_penalty", frequency)?;
        self.maybe(top, "presence_penalty", presence)?;
        match (request.seed, self.dialect.seed_field) {
            (Some(seed), Some(field)) => top.field(field, &seed),
            (Some(_), None) => self.lacking("seed")?,
            (None, _) => {}
        }
        let stop = !request.stop_sequences.is_empty();
        match stop && !self.dialect.stop {
            true => self.lacking("stop_sequences")?,
            false if stop => top.field("stop", &request.stop_sequences),
            false => {}
        }
        // One answer is what everybody gives.
        let n = request.n.filter(|choices| *choices != 1 || self.dialect.has("n"));
        self.maybe(top, "n", n)?;
        // None at all is what everybody tells.
        let logprobs = request.logprobs.filter(|asked| *asked || self.dialect.has("logprobs"));
        let most = request.top_logprobs.filter(|most| *most > 0 || self.dialect.has("top_logprobs"));
        self.maybe(top, "logprobs", logprobs)?;
        self.maybe(top, "top_logprobs", most)
    }

    fn rest(&mut self, top: &mut Top<'_>, request: &ChatRequest) -> Result<()> {
        self.tools(top, request)?;
        let parallel = request.parallel_tool_calls.filter(|_| !self.goes_without_tools(request));
        // Several at once is what models do unasked.
        let parallel = parallel.filter(|parallel| !parallel || self.dialect.has("parallel_tool_calls"));
        self.maybe(top, "parallel_tool_calls", parallel)?;
        if let Some(format) = &request.response_format
            && self.takes("response_format", *format != ResponseFormat::Text)?
        {
            self.response_format(top, format)?;
        } else if request.response_format == Some(ResponseFormat::Text) && self.origin == Some(NAME) {
            top.field("response_format", &json!({ "type": "text" }));
        }
        if let Some(options) = &request.reasoning {
            self.reasoning(top, options)?;
        }
        let tier = request.service_tier.as_ref();
        let is_so = tier.is_some_and(|tier| self.is_served_so(tier));
        self.lossy.hint("service_tier", is_so);
        self.maybe(top, "service_tier", tier.filter(|_| !is_so))?;
        match &request.user {
            Some(user) if self.dialect.has("user") => top.field("user", user),
            user => self.lossy.hint("user", user.is_some()),
        }
        self.maybe(top, "metadata", Some(&request.metadata).filter(|metadata| !metadata.is_empty()))?;
        let extra = self.lossy.extra("", &request.extra, self.origin)?;
        let options = extra.and_then(|extra| extra.get("stream_options")).and_then(Value::as_object);
        let mut merged = false;
        if request.delivery == Delivery::Live {
            top.object.field("stream", &true);
            if self.dialect.stream_options {
                merged = options.is_some();
                let mut object = top.object.object("stream_options");
                object.field("include_usage", &true);
                let others = options.into_iter().flatten().filter(|(key, _)| *key != "include_usage");
                object.entries(others);
                drop(object);
                if !merged {
                    top.sent.push("stream_options");
                }
            }
        }
        let Some(extra) = extra else { return Ok(()) };
        collision("extra", extra.keys(), |key| top.sent.contains(&key))?;
        top.object.entries(extra.iter().filter(|(key, _)| !(merged && *key == "stream_options")));
        Ok(())
    }

    /// Whether what is said of tools means nothing, and is refused by some: a request of another protocol may say it all the same.
    fn goes_without_tools(&self, request: &ChatRequest) -> bool {
        request.tools.is_empty() && self.origin.is_some_and(|origin| origin != NAME)
    }

    /// Whether it is served so anyway, and the vendor has not this word for it.
    fn is_served_so(&self, tier: &str) -> bool {
        let is_foreign = self.origin.is_some_and(|origin| origin != NAME) && tier == "standard_only";
        is_usual_tier(tier) && (is_foreign || !self.dialect.has("service_tier"))
    }

    fn response_format(&mut self, top: &mut Top<'_>, format: &ResponseFormat) -> Result<()> {
        let written = match format {
            ResponseFormat::JsonObject => json!({ "type": "json_object" }),
            ResponseFormat::JsonSchema { name, description, schema, strict } => {
                let mut inner = json!({ "name": name, "schema": schema });
                if let Some(description) = description {
                    inner["description"] = description.as_str().into();
                }
                if let Some(strict) = strict {
                    inner["strict"] = (*strict).into();
                }
                json!({ "type": "json_schema", "json_schema": inner })
            }
            ResponseFormat::Vendor(state) if state.vendor == NAME => state.data.clone(),
            _ => return self.lossy.field("response_format", true),
        };
        top.field("response_format", &written);
        Ok(())
    }

    fn reasoning(&mut self, top: &mut Top<'_>, options: &ReasoningOptions) -> Result<()> {
        let ReasoningOptions { enabled, effort, max_tokens, summary, extra, .. } = options;
        let form = self.dialect.reasoning;
        if form == ReasoningForm::Object {
            let extra = self.lossy.extra("reasoning", extra, self.origin)?;
            top.sent.push("reasoning");
            let mut object = top.object.object("reasoning");
            object.optional("effort", effort.as_ref());
            object.optional("max_tokens", *max_tokens);
            object.optional("enabled", *enabled);
            object.optional("summary", summary.as_ref());
            object.entries(extra.into_iter().flatten());
            return Ok(());
        }
        match (enabled, form) {
            (Some(enabled), ReasoningForm::Thinking) => {
                top.field("thinking", &json!({ "type": if *enabled { "enabled" } else { "disabled" } }));
            }
            (Some(enabled), ReasoningForm::EnableThinking) => top.field("enable_thinking", enabled),
            // OpenAI's word for no thinking at all.
            (Some(false), _) if effort.is_none() => top.field("reasoning_effort", "none"),
            (Some(true), _) if effort.is_some() => {}
            (enabled, _) => self.lossy.field("reasoning.enabled", enabled.is_some())?,
        }
        match (max_tokens, form) {
            (Some(tokens), ReasoningForm::EnableThinking) => top.field("thinking_budget", tokens),
            (tokens, _) => self.lossy.field("reasoning.max_tokens", tokens.is_some())?,
        }
        // The answer is the same with it and without.
        self.lossy.hint("reasoning.summary", summary.as_deref().is_some_and(|word| word != "none"));
        for key in extra.keys() {
            self.lossy.field(format_args!("reasoning.{key}"), true)?;
        }
        self.maybe(top, "reasoning_effort", effort.as_ref())
    }

    /// Loses of notes what cannot be said, and hands back the fields of this protocol; the cache marker is written.
    fn notes<'n>(
        &mut self,
        object: &mut ObjectWriter<'_>,
        (message, part): (usize, usize),
        notes: Option<&'n Notes>,
        cited: bool,
    ) -> Result<Option<&'n Map<String, Value>>> {
        let Some(notes) = notes else { return Ok(None) };
        let place = format!("messages[{message}].content[{part}]");
        if let Some(cache) = &notes.cache {
            match self.dialect.cache_control {
                true => tool::cache(object, cache),
                false => self.lossy.hint(format_args!("{place}.cache"), true),
            }
        }
        if !cited && !notes.citations.is_empty() {
            self.lossy.field(format_args!("{place}.citations"), true)?;
        }
        match &notes.extra {
            Some(VendorState { vendor, data, .. }) if vendor == NAME => Ok(data.as_object()),
            Some(extra) => {
                let why = format!("it is a field of {}, and {NAME} has no such field", extra.vendor);
                self.lossy.because(format_args!("{place}.extra"), &why).map(|()| None)
            }
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
