//! Writes a request.

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _},
};
use ultraai_core::{
    Capabilities, ChatRequest, Delivery, Error, ErrorKind, Message, ModelName, Part, Result, Role,
};
use ultraai_protocol_common::{collision, model, text_only};

use crate::Dialect;

/// What [`encode`] can send: no tools, images, documents and structured output.
pub fn capabilities() -> Capabilities {
    Capabilities::text_only()
}

/// Writes the body of a request.
///
/// # Errors
/// `Unsupported` without a model and for what cannot be sent, `InvalidRequest` for a key in `extra` that is sent
/// already; each names the field.
pub fn encode(dialect: &Dialect, request: &ChatRequest) -> Result<Vec<u8>> {
    let model = model(dialect.name, request)?;
    check(dialect, request)?;
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 192);
    match serde_json::to_writer(&mut body, &Body { dialect, model, request }) {
        Ok(()) => Ok(body),
        Err(error) => Err(Error::new(ErrorKind::InvalidRequest, "the request is no JSON").with_source(error)),
    }
}

fn check(dialect: &Dialect, request: &ChatRequest) -> Result<()> {
    let choices = request.extra.get("n").is_some_and(|choices| choices.as_u64() != Some(1));
    let more = [
        (request.seed.is_some() && dialect.seed_field.is_none(), "seed"),
        (!request.stop_sequences.is_empty() && !dialect.stop, "stop_sequences"),
        (choices, "n"),
    ];
    text_only(dialect.name, request, &more)?;
    let sent = sent_fields(dialect, request);
    collision("extra", request.extra.keys(), |key| sent.contains(&Some(key)))?;
    request.messages.iter().try_for_each(|message| {
        let sent = |key: &str| matches!(key, "role" | "content") || (key == "name" && message.name.is_some());
        collision("a message's `extra`", message.extra.keys(), sent)
    })
}

/// The fields that the body has besides `extra`; `stream` belongs to the delivery even where it is not written.
fn sent_fields(dialect: &Dialect, request: &ChatRequest) -> [Option<&'static str>; 9] {
    let live = request.delivery == Delivery::Live;
    let when = |sent: bool, field: &'static str| sent.then_some(field);
    [
        Some("model"),
        Some("messages"),
        Some("stream"),
        when(live && dialect.stream_options, "stream_options"),
        when(request.max_tokens.is_some(), dialect.max_tokens_field),
        when(request.temperature.is_some(), "temperature"),
        when(request.top_p.is_some(), "top_p"),
        when(!request.stop_sequences.is_empty(), "stop"),
        dialect.seed_field.filter(|_| request.seed.is_some()),
    ]
}

struct Body<'a> {
    dialect: &'a Dialect,
    model: &'a ModelName,
    request: &'a ChatRequest,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { dialect, model, request } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", model)?;
        map.serialize_entry("messages", &Messages { dialect, messages: &request.messages })?;
        if let Some(max_tokens) = request.max_tokens {
            map.serialize_entry(dialect.max_tokens_field, &max_tokens)?;
        }
        if let Some(temperature) = request.temperature {
            map.serialize_entry("temperature", &temperature)?;
        }
        if let Some(top_p) = request.top_p {
            map.serialize_entry("top_p", &top_p)?;
        }
        if !request.stop_sequences.is_empty() {
            map.serialize_entry("stop", &request.stop_sequences)?;
        }
        if let (Some(field), Some(seed)) = (dialect.seed_field, request.seed) {
            map.serialize_entry(field, &seed)?;
        }
        if request.delivery == Delivery::Live {
            map.serialize_entry("stream", &true)?;
            if dialect.stream_options {
                map.serialize_entry("stream_options", &StreamOptions { include_usage: true })?;
            }
        }
        for (key, value) in &request.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

struct Messages<'a> {
    dialect: &'a Dialect,
    messages: &'a [Message],
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq(self.messages.iter().map(|message| OneMessage { dialect: self.dialect, message }))
    }
}

struct OneMessage<'a> {
    dialect: &'a Dialect,
    message: &'a Message,
}

impl Serialize for OneMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Message { role, content, name, extra, .. } = self.message;
        let mut map = serializer.serialize_map(None)?;
        let word = role_word(self.dialect, role).ok_or_else(|| S::Error::custom("no such role"))?;
        map.serialize_entry("role", word)?;
        match content.as_slice() {
            [] => map.serialize_entry("content", "")?,
            // A single text is a plain string, which every server understands.
            [Part::Text { text, .. }] => map.serialize_entry("content", text)?,
            parts => map.serialize_entry("content", &Parts(parts))?,
        }
        if let Some(name) = name {
            map.serialize_entry("name", name)?;
        }
        for (key, value) in extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The vendor's word for a role that can be sent.
fn role_word<'a>(dialect: &Dialect, role: &'a Role) -> Option<&'a str> {
    match role {
        Role::Developer if dialect.developer_role => Some("developer"),
        Role::System | Role::Developer => Some("system"),
        Role::User => Some("user"),
        Role::Assistant => Some("assistant"),
        Role::Other(word) => Some(word),
        _ => None,
    }
}

struct Parts<'a>(&'a [Part]);

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(OnePart))
    }
}

struct OnePart<'a>(&'a Part);

impl Serialize for OnePart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, text) = match self.0 {
            Part::Text { text, .. } => ("text", text),
            Part::Refusal { text, .. } => ("refusal", text),
            other => return Err(S::Error::custom(format_args!("a part of the kind `{}`", other.kind()))),
        };
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", kind)?;
        map.serialize_entry(kind, text)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use ultraai_core::{
        Media, MediaSource, ModelName, Reasoning, ReasoningOptions, Tool, ToolCall, ToolChoice, ToolResult,
        VendorState,
    };

    use ultraai_core::ResponseFormat;

    use super::*;

    fn request() -> ChatRequest {
        ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap())
    }

    fn sent(dialect: &Dialect, request: &ChatRequest) -> Value {
        serde_json::from_slice(&encode(dialect, request).unwrap()).unwrap()
    }

    #[test]
    fn a_conversation_is_sent_turn_by_turn() {
        let mut request = request().with_system("be brief");
        let parts = vec![Part::text("a"), Part::refusal("b")];
        request.messages.push(Message::new(Role::Assistant, parts));
        let mut last = Message::new(Role::Developer, vec![]);
        last.name = Some("eve".into());
        last.extra.insert("prefix".into(), json!(true));
        request.messages.push(last);
        let expected = |developer: &str| {
            json!([
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": "hello" },
                { "role": "assistant", "content": [
                    { "type": "text", "text": "a" },
                    { "type": "refusal", "refusal": "b" },
                ] },
                { "role": developer, "content": "", "name": "eve", "prefix": true },
            ])
        };
        assert_eq!(sent(&Dialect::OPENAI, &request)["messages"], expected("developer"));
        assert_eq!(sent(&Dialect::COMPATIBLE, &request)["messages"], expected("system"));
    }

    #[test]
    fn sampling_and_delivery_stand_in_the_vendors_own_fields() {
        let mut request = request().with_max_tokens(5).with_delivery(Delivery::Live);
        request.temperature = Some(0.5);
        request.top_p = Some(1.0);
        request.seed = Some(-7);
        request.stop_sequences = vec!["\n".into()];
        request.response_format = Some(ResponseFormat::Text);
        request.extra.insert("service_tier".into(), json!("flex"));
        let openai = json!({
            "model": "m", "messages": [{ "role": "user", "content": "hello" }], "max_completion_tokens": 5,
            "temperature": 0.5, "top_p": 1.0, "stop": ["\n"], "seed": -7, "stream": true,
            "stream_options": { "include_usage": true }, "service_tier": "flex",
        });
        assert_eq!(sent(&Dialect::OPENAI, &request), openai);
        let other = Dialect { seed_field: Some("random_seed"), stream_options: false, ..Dialect::COMPATIBLE };
        let body = sent(&other, &request);
        assert_eq!((&body["max_tokens"], &body["random_seed"]), (&json!(5), &json!(-7)));
        assert_eq!(body.get("stream_options"), None);
        assert_eq!(sent(&other, &request.with_delivery(Delivery::Whole)).get("stream"), None);
    }

    type Change = Box<dyn Fn(&mut ChatRequest)>;

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        let tool = Tool::new("clock", json!({}));
        let part = |part: Part| {
            move |request: &mut ChatRequest| {
                request.messages.push(Message::new(Role::User, vec![part.clone()]));
            }
        };
        let media = Media::new(MediaSource::FileId("f".into()));
        let cases: Vec<(&str, Change)> = vec![
            ("`tools`", Box::new(move |request| request.tools.push(tool.clone()))),
            ("`tool_choice`", Box::new(|request| request.tool_choice = Some(ToolChoice::Auto))),
            (
                "`response_format`",
                Box::new(|request| request.response_format = Some(ResponseFormat::JsonObject)),
            ),
            ("`reasoning`", Box::new(|request| request.reasoning = Some(ReasoningOptions::default()))),
            ("`seed`", Box::new(|request| request.seed = Some(1))),
            ("`stop_sequences`", Box::new(|request| request.stop_sequences.push("x".into()))),
            ("`n`", Box::new(|request| drop(request.extra.insert("n".into(), json!(2))))),
            ("role `tool`", Box::new(|request| request.messages.push(Message::new(Role::Tool, vec![])))),
            ("kind `image`", Box::new(part(Part::Image(media.clone())))),
            ("kind `document`", Box::new(part(Part::Document(media)))),
            ("kind `tool_call`", Box::new(part(Part::ToolCall(ToolCall::new("1", "a", "{}"))))),
            ("kind `tool_result`", Box::new(part(Part::ToolResult(ToolResult::new("1", vec![]))))),
            ("kind `reasoning`", Box::new(part(Part::Reasoning(Reasoning::new("a"))))),
            ("kind `refusal`", Box::new(part(Part::refusal("a")))),
            ("kind `vendor`", Box::new(part(Part::Vendor(VendorState::new("a", json!(1)))))),
        ];
        let dialect = Dialect { seed_field: None, stop: false, ..Dialect::COMPATIBLE };
        for (name, change) in cases {
            let mut request = request();
            change(&mut request);
            let error = encode(&dialect, &request).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn a_field_that_is_set_twice_is_refused_by_name() {
        for (dialect, key, refused) in [
            (&Dialect::OPENAI, "model", true),
            (&Dialect::OPENAI, "stream", true),
            (&Dialect::OPENAI, "max_completion_tokens", true),
            (&Dialect::OPENAI, "max_tokens", false),
            (&Dialect::COMPATIBLE, "max_tokens", true),
            (&Dialect::COMPATIBLE, "temperature", false),
        ] {
            let mut request = request().with_max_tokens(5);
            request.extra.insert(key.into(), json!(1));
            let error = encode(dialect, &request).err();
            assert_eq!(
                error.as_ref().map(Error::kind),
                refused.then_some(ErrorKind::InvalidRequest),
                "{key}"
            );
            assert!(error.is_none_or(|error| error.to_string().contains(key)));
        }
        let mut request = request();
        request.messages[0].extra.insert("content".into(), json!(1));
        assert!(encode(&Dialect::OPENAI, &request).unwrap_err().to_string().contains("`content`"));
    }

    #[test]
    fn without_a_model_nothing_is_sent() {
        let error = encode(&Dialect::OPENAI, &ChatRequest::from_prompt("hello")).unwrap_err();
        assert_eq!(error.to_string(), "no model: set `model` to one that openai has");
    }
}
