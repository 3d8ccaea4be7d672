//! What is asked.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{CacheMarker, Error, ErrorKind, Message, ModelName, Part, Result, Role, VendorState};

/// A request for one answer, in OpenAI's terms.
///
/// Fields that are `None` or empty are left to the provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The model; a candidate fills in its own where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// Upper bound of the answer, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Randomness of sampling, from 0; vendors differ in the upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling: share of probability that is drawn from, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Sampling from this many of the likeliest tokens alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u64>,
    /// How much less likely a token gets with each time it was said, mostly from -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// How much less likely a token gets once it was said, mostly from -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// Texts that end the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// Seed of sampling, where the vendor has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Tools that the model may ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether and which tool must be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Whether several tools may be asked for at once. Default: the vendor's, mostly yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// The form the answer must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// How much the model thinks first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningOptions>,
    /// Whether reasoning comes with the state that it can be given back by, where a vendor wants to be asked for that.
    /// Default: where reasoning is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_state: Option<bool>,
    /// How many answers are wanted. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Whether the answer's tokens come with their probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<bool>,
    /// How many of the likeliest tokens are told at each place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<u32>,
    /// How it is served, in the vendor's word, such as `flex` or `priority`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// Who asks: an id of the application's user, for the vendor's watch over abuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What the vendor writes down with the request.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Whole, or live while it is made. Default: whole.
    pub delivery: Delivery,
    /// Fields of one vendor, sent as they are and never dropped in silence.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// The protocol that the request was read from. What stands in `extra`, here and in messages and tools, is a field of
    /// that protocol then: another one refuses what it does not know to mean the same.
    #[serde(skip)]
    pub origin: Option<&'static str>,
    /// The request as it came in some protocol, so that an upstream of that protocol gets it untouched but for the model and
    /// the delivery, which stand here.
    #[serde(skip)]
    pub native: Option<Native>,
}

impl ChatRequest {
    /// A request with these messages.
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, ..Self::default() }
    }

    /// A request with one user message.
    pub fn from_prompt(prompt: impl Into<String>) -> Self {
        Self::new(vec![Message::user(prompt)])
    }

    /// Changes the request and drops [`native`](Self::native), which would not show the change.
    #[must_use]
    pub fn edited(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        self.native = None;
        edit(&mut self);
        self
    }

    /// Sets the model. The [`native`](Self::native) form stays: who sends it puts the model in.
    #[must_use]
    pub fn with_model(mut self, model: ModelName) -> Self {
        self.model = Some(model);
        self
    }

    /// The request as it came, where it came in `protocol`.
    pub fn native_in(&self, protocol: &str) -> Option<&Native> {
        self.native.as_ref().filter(|native| native.protocol == protocol)
    }

    /// Sets the upper bound of the answer, in tokens.
    #[must_use]
    pub fn with_max_tokens(self, max_tokens: u64) -> Self {
        self.edited(|request| request.max_tokens = Some(max_tokens))
    }

    /// Sets whole or live delivery.
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Puts a system message before the conversation.
    #[must_use]
    pub fn with_system(self, text: impl Into<String>) -> Self {
        self.edited(|request| request.messages.insert(0, Message::system(text)))
    }

    /// Whether the answer must be one model's own: with tools, tool results, a strict format or several
    /// choices a synthesis of several answers would be nobody's answer.
    pub fn wants_one_models_answer(&self) -> bool {
        !self.tools.is_empty()
            || !matches!(self.response_format, None | Some(ResponseFormat::Text))
            || self.n.is_some_and(|choices| choices > 1)
            || self.extra.get("n").and_then(Value::as_u64).is_some_and(|choices| choices > 1)
            || self.parts().any(|part| matches!(part, Part::ToolResult(_) | Part::ToolCall(_)))
    }

    /// All parts of all messages.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.messages.iter().flat_map(|message| &message.content)
    }

    /// Checks what no provider could answer.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the field.
    pub fn validate(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::InvalidRequest, message));
        if self.messages.is_empty() {
            return wrong("the request has no messages: give a prompt".into());
        }
        if !self.messages.iter().any(|message| message.role != Role::System && has_content(message)) {
            return wrong("the prompt is empty: say something to the models".into());
        }
        if self.max_tokens == Some(0) {
            return wrong("`max_tokens` is 0: it must be at least 1".into());
        }
        for (name, value, most) in [("temperature", self.temperature, None), ("top_p", self.top_p, Some(1.0))]
        {
            let Some(value) = value else { continue };
            if !value.is_finite() || value < 0.0 || most.is_some_and(|most: f64| value > most) {
                let most = most.map(|most| format!(" to {most}")).unwrap_or_default();
                return wrong(format!("`{name}` is {value}: it must be a number from 0 up{most}"));
            }
        }
        Ok(())
    }
}

fn has_content(message: &Message) -> bool {
    message.content.iter().any(|part| part.as_text().is_none_or(|text| !text.trim().is_empty()))
}

impl From<&str> for ChatRequest {
    fn from(prompt: &str) -> Self {
        Self::from_prompt(prompt)
    }
}

impl From<String> for ChatRequest {
    fn from(prompt: String) -> Self {
        Self::from_prompt(prompt)
    }
}

/// How an answer is handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// At once, when it is complete.
    #[default]
    Whole,
    /// While it is made.
    Live,
}

/// A tool that the model may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON schema of its arguments.
    pub parameters: Value,
    /// Whether arguments must follow the schema exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// The prompt up to and with this tool is worth keeping in the vendor's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheMarker>,
    /// Fields that this version does not know, kept as they came.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// A tool that is no function, such as one that runs on the vendor's servers, as the protocol that it names writes it;
    /// the other fields but the name are empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorState>,
}

impl Tool {
    /// A tool with a name and the JSON schema of its arguments.
    pub fn new(name: impl Into<String>, parameters: Value) -> Self {
        Self {
            name: name.into(),
            description: None,
            parameters,
            strict: None,
            cache: None,
            extra: Map::new(),
            vendor: None,
        }
    }

    /// A tool of the vendor's own, as one protocol writes it.
    pub fn of_vendor(name: impl Into<String>, tool: VendorState) -> Self {
        Self { vendor: Some(tool), ..Self::new(name, Value::Null) }
    }
}

/// Whether and which tool must be called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This tool.
    Tool(String),
    /// One of these tools, or also none.
    Allowed {
        /// Their names.
        tools: Vec<String>,
        /// Whether one of them must be called.
        required: bool,
    },
    /// What only one protocol has words for.
    Vendor(VendorState),
}

/// The form an answer must have.
///
/// The provider is asked for it in the words that it has. Whether the answer keeps to it checks the layer `schema`, for
/// [`JsonObject`](Self::JsonObject) and [`JsonSchema`](Self::JsonSchema); where that is not linked nobody does, and an answer is
/// what the vendor gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// What it is for, for the model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The schema.
        schema: Value,
        /// Whether the vendor must enforce it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
    /// What only one protocol has words for.
    Vendor(VendorState),
}

impl ResponseFormat {
    /// JSON that follows `schema`, which is called `name` where the vendor wants a name.
    pub fn json_schema(name: impl Into<String>, schema: Value) -> Self {
        Self::JsonSchema { name: name.into(), description: None, schema, strict: None }
    }
}

/// How much the model thinks before it answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ReasoningOptions {
    /// Whether it thinks at all, where a vendor has a switch. Default: the vendor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The vendor's word, such as `low`, `medium`, `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Upper bound of the thinking, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Whether and how the thinking is told, in the vendor's word, such as `auto`, `detailed` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Fields that this version does not know, kept as they came.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// A request, an answer or a frame of a stream as it stood in some protocol.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Native {
    /// The protocol's name, such as `openai-chat`.
    pub protocol: &'static str,
    /// The event's name, of a frame that has one.
    #[serde(serialize_with = "as_text", skip_serializing_if = "Bytes::is_empty")]
    pub name: Bytes,
    /// The bytes.
    #[serde(serialize_with = "as_text")]
    pub body: Bytes,
}

impl Native {
    /// Bytes of a protocol.
    pub fn new(protocol: &'static str, body: impl Into<Bytes>) -> Self {
        Self { protocol, name: Bytes::new(), body: body.into() }
    }

    /// Whether a frame is an event of one of these types: by its name, or where it has none by the type that its JSON says.
    pub fn is_called(&self, types: &[&str]) -> bool {
        let said = |kind: &&str| {
            let quoted = format!("\"{kind}\"");
            self.body.windows(quoted.len()).any(|part| part == quoted.as_bytes())
        };
        match self.name.is_empty() {
            true => types.iter().any(said),
            false => types.iter().any(|kind| self.name == kind.as_bytes()),
        }
    }

    /// A frame, which has a name.
    #[must_use]
    pub fn named(mut self, name: Bytes) -> Self {
        self.name = name;
        self
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

fn as_text<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_drops_the_native_form() {
        let mut request = ChatRequest::from_prompt("hello");
        request.native = Some(Native::new("openai-chat", "{}"));
        assert!(request.clone().with_delivery(Delivery::Live).native.is_some());
        let asked = request.clone().with_model(ModelName::new("m").unwrap());
        assert!(asked.native_in("openai-chat").is_some() && asked.native_in("gemini").is_none());
        assert!(request.with_max_tokens(5).native.is_none());
    }

    #[test]
    fn what_nobody_could_answer_is_refused_by_name() {
        let refusal = |request: ChatRequest| request.validate().unwrap_err().to_string();
        assert!(refusal(ChatRequest::new(vec![])).contains("no messages"));
        assert!(refusal(ChatRequest::from_prompt(" \n")).contains("prompt is empty"));
        assert!(refusal(ChatRequest::from_prompt("a").with_max_tokens(0)).contains("max_tokens"));
        let request = ChatRequest { top_p: Some(1.5), ..ChatRequest::from_prompt("a") };
        assert!(refusal(request).contains("`top_p` is 1.5"));
        let request = ChatRequest { temperature: Some(f64::NAN), ..ChatRequest::from_prompt("a") };
        assert!(refusal(request).contains("temperature"));
    }
}
