//! Writes a request.

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};
use serde_json::{Map, Value};
use ultraai_core::{
    Capabilities, ChatRequest, Delivery, Error, ErrorKind, Message, ModelName, Part, Result, Role,
};
use ultraai_protocol_common::{collision, model, text_only};

use crate::OLLAMA;

/// What is sent where a request's `extra` does not say it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Defaults {
    /// How long the model stays loaded: seconds, or a duration such as `"5m"`. Default: the server's own.
    pub keep_alive: Option<Value>,
    /// Tokens of context that the model is loaded with. Default: the server's own.
    pub num_ctx: Option<u64>,
    /// Whether the server may drop the start of a conversation that does not fit its context, which it does in silence.
    /// Default: no, and such a request is refused by it.
    pub truncate: bool,
}

/// What [`encode`] can send: no tools, images, documents and structured output.
pub fn capabilities(defaults: &Defaults) -> Capabilities {
    let mut capabilities = Capabilities::text_only();
    capabilities.context_window = defaults.num_ctx;
    capabilities
}

/// Writes the body of a request.
///
/// # Errors
/// `Unsupported` without a model and for what cannot be sent, `InvalidRequest` for a key in `extra` that is sent
/// already; each names the field.
pub fn encode(defaults: &Defaults, request: &ChatRequest) -> Result<Vec<u8>> {
    let model = model(OLLAMA, request)?;
    let more_options = options_of(request)?;
    check(request, more_options)?;
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 192);
    match serde_json::to_writer(&mut body, &Body { defaults, model, more_options, request }) {
        Ok(()) => Ok(body),
        Err(error) => Err(Error::new(ErrorKind::InvalidRequest, "the request is no JSON").with_source(error)),
    }
}

/// The options of `extra`, which stand beside those of the request's own fields.
fn options_of(request: &ChatRequest) -> Result<Option<&Map<String, Value>>> {
    match request.extra.get("options") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(options)) => Ok(Some(options)),
        Some(_) => Err(Error::new(ErrorKind::InvalidRequest, "`options` in extra is no object")),
    }
}

fn check(request: &ChatRequest, more_options: Option<&Map<String, Value>>) -> Result<()> {
    let choices = request.extra.get("n").is_some_and(|choices| choices.as_u64() != Some(1));
    let named = request.messages.iter().any(|message| message.name.is_some());
    text_only(OLLAMA, request, &[(choices, "n"), (named, "name")])?;
    collision("extra", request.extra.keys(), |key| matches!(key, "model" | "messages" | "stream"))?;
    let sent = |key: &str| match key {
        "num_predict" => request.max_tokens.is_some(),
        "temperature" => request.temperature.is_some(),
        "top_p" => request.top_p.is_some(),
        "seed" => request.seed.is_some(),
        "stop" => !request.stop_sequences.is_empty(),
        _ => false,
    };
    collision("`options` of extra", more_options.into_iter().flat_map(Map::keys), sent)?;
    request.messages.iter().try_for_each(|message| {
        collision("a message's `extra`", message.extra.keys(), |key| matches!(key, "role" | "content"))
    })
}

struct Body<'a> {
    defaults: &'a Defaults,
    model: &'a ModelName,
    more_options: Option<&'a Map<String, Value>>,
    request: &'a ChatRequest,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { defaults, model, request, .. } = self;
        let unset = |key: &str| !request.extra.contains_key(key);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", model)?;
        map.serialize_entry("messages", &Messages(&request.messages))?;
        // Without the field the server streams.
        map.serialize_entry("stream", &(request.delivery == Delivery::Live))?;
        if self.has_options() {
            map.serialize_entry("options", &Options(self))?;
        }
        if let Some(keep_alive) = defaults.keep_alive.as_ref().filter(|_| unset("keep_alive")) {
            map.serialize_entry("keep_alive", keep_alive)?;
        }
        if !defaults.truncate && unset("truncate") {
            map.serialize_entry("truncate", &false)?;
        }
        for (key, value) in request.extra.iter().filter(|(key, _)| *key != "options") {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Body<'_> {
    fn num_ctx(&self) -> Option<u64> {
        let unset = self.more_options.is_none_or(|options| !options.contains_key("num_ctx"));
        self.defaults.num_ctx.filter(|_| unset)
    }

    fn has_options(&self) -> bool {
        let request = self.request;
        self.more_options.is_some()
            || self.num_ctx().is_some()
            || request.max_tokens.is_some()
            || request.temperature.is_some()
            || request.top_p.is_some()
            || request.seed.is_some()
            || !request.stop_sequences.is_empty()
    }
}

struct Options<'a>(&'a Body<'a>);

impl Serialize for Options<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.0.request;
        let mut map = serializer.serialize_map(None)?;
        write(&mut map, "num_ctx", self.0.num_ctx())?;
        write(&mut map, "num_predict", request.max_tokens)?;
        write(&mut map, "temperature", request.temperature)?;
        write(&mut map, "top_p", request.top_p)?;
        write(&mut map, "seed", request.seed)?;
        let stop = Some(&request.stop_sequences).filter(|stop| !stop.is_empty());
        write(&mut map, "stop", stop)?;
        for (key, value) in self.0.more_options.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

fn write<M: SerializeMap>(map: &mut M, key: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, &value),
        None => Ok(()),
    }
}

struct Messages<'a>(&'a [Message]);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(OneMessage))
    }
}

struct OneMessage<'a>(&'a Message);

impl Serialize for OneMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Message { role, content, extra, .. } = self.0;
        let word = role_word(role).ok_or_else(|| S::Error::custom("no such role"))?;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", word)?;
        match content.as_slice() {
            [Part::Text { text, .. }] => map.serialize_entry("content", text)?,
            // Its messages hold one text each.
            parts => map.serialize_entry("content", &joined(parts))?,
        }
        for (key, value) in extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The server's word for a role that can be sent.
fn role_word(role: &Role) -> Option<&str> {
    match role {
        Role::System | Role::Developer => Some("system"),
        Role::User => Some("user"),
        Role::Assistant => Some("assistant"),
        Role::Other(word) => Some(word),
        _ => None,
    }
}

/// What was said, a refusal too: the model shall know that it declined.
fn joined(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{Media, MediaSource, ReasoningOptions, ResponseFormat, Tool, ToolChoice};

    use super::*;

    fn request() -> ChatRequest {
        ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap())
    }

    fn sent(defaults: &Defaults, request: &ChatRequest) -> Value {
        serde_json::from_slice(&encode(defaults, request).unwrap()).unwrap()
    }

    fn refusal(request: &ChatRequest) -> (ErrorKind, String) {
        let error = encode(&Defaults::default(), request).unwrap_err();
        (error.kind(), error.to_string())
    }

    #[test]
    fn a_conversation_is_sent_turn_by_turn() {
        let mut request = request().with_system("be brief");
        let parts = vec![Part::text("a"), Part::refusal("b")];
        request.messages.push(Message::new(Role::Assistant, parts));
        let mut last = Message::new(Role::Developer, vec![]);
        last.extra.insert("images".into(), json!(["aGk="]));
        request.messages.push(last);
        let expected = json!({
            "model": "m", "stream": false, "truncate": false, "messages": [
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": "hello" },
                { "role": "assistant", "content": "ab" },
                { "role": "system", "content": "", "images": ["aGk="] },
            ],
        });
        assert_eq!(sent(&Defaults::default(), &request), expected);
    }

    #[test]
    fn sampling_stands_among_the_options_beside_those_of_extra() {
        let mut request = request().with_max_tokens(5).with_delivery(Delivery::Live);
        request.temperature = Some(0.5);
        request.top_p = Some(1.0);
        request.seed = Some(-7);
        request.stop_sequences = vec!["\n".into()];
        request.response_format = Some(ResponseFormat::Text);
        request.extra.insert("think".into(), json!("low"));
        request.extra.insert("options".into(), json!({ "min_p": 0.1 }));
        let expected = json!({
            "model": "m", "messages": [{ "role": "user", "content": "hello" }], "stream": true, "truncate": false,
            "options": {
                "num_predict": 5, "temperature": 0.5, "top_p": 1.0, "seed": -7, "stop": ["\n"], "min_p": 0.1,
            },
            "think": "low",
        });
        assert_eq!(sent(&Defaults::default(), &request), expected);
    }

    #[test]
    fn what_a_request_says_goes_over_the_defaults() {
        let defaults = Defaults { keep_alive: Some(json!("10m")), num_ctx: Some(8192), truncate: false };
        let body = sent(&defaults, &request());
        assert_eq!((&body["keep_alive"], &body["options"]), (&json!("10m"), &json!({ "num_ctx": 8192 })));
        let mut request = request();
        for (key, value) in
            [("keep_alive", json!(-1)), ("truncate", json!(true)), ("options", json!({ "num_ctx": 5 }))]
        {
            request.extra.insert(key.into(), value);
        }
        let body = sent(&defaults, &request);
        assert_eq!((&body["keep_alive"], &body["truncate"]), (&json!(-1), &json!(true)));
        assert_eq!(body["options"], json!({ "num_ctx": 5 }));
        let cut = Defaults { truncate: true, ..Defaults::default() };
        request.extra.clear();
        assert_eq!(sent(&cut, &request).get("truncate"), None);
    }

    type Change = fn(&mut ChatRequest);

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        let cases: [(&str, Change); 8] = [
            ("`tools`", |request| request.tools.push(Tool::new("clock", json!({})))),
            ("`tool_choice`", |request| request.tool_choice = Some(ToolChoice::Auto)),
            ("`response_format`", |request| request.response_format = Some(ResponseFormat::JsonObject)),
            ("`reasoning`", |request| request.reasoning = Some(ReasoningOptions::default())),
            ("`n`", |request| drop(request.extra.insert("n".into(), json!(2)))),
            ("`name`", |request| request.messages[0].name = Some("eve".into())),
            ("role `tool`", |request| request.messages.push(Message::new(Role::Tool, vec![]))),
            ("kind `image`", |request| {
                let image = Part::Image(Media::new(MediaSource::FileId("f".into())));
                request.messages[0].content.push(image);
            }),
        ];
        for (name, change) in cases {
            let mut request = request();
            change(&mut request);
            let (kind, text) = refusal(&request);
            assert_eq!(kind, ErrorKind::Unsupported, "{name}");
            assert!(text.contains(name), "{name}: {text}");
        }
        let (_, text) = refusal(&ChatRequest::from_prompt("hello"));
        assert_eq!(text, "no model: set `model` to one that ollama has");
    }

    #[test]
    fn a_field_that_is_set_twice_is_refused_by_name() {
        for (key, value, named) in [
            ("stream", json!(true), "`stream`"),
            ("options", json!({ "num_predict": 7 }), "`num_predict`"),
            ("options", json!([]), "`options`"),
        ] {
            let mut request = request().with_max_tokens(5);
            request.extra.insert(key.into(), value);
            let (kind, text) = refusal(&request);
            assert_eq!(kind, ErrorKind::InvalidRequest);
            assert!(text.contains(named), "{text}");
        }
        let mut request = request();
        request.messages[0].extra.insert("content".into(), json!(1));
        assert!(refusal(&request).1.contains("`content`"));
    }
}
