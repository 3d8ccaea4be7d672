//! Writes a request.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use ultraai_core::{ChatRequest, Delivery, Error, ErrorKind, Message, ModelName, Part, Result, Role};
use ultraai_protocol_common::{collision, model, text_and, unsupported};

use crate::{
    block::{Block, blocks, is_carried},
    family,
};

/// Whom error texts name.
const NAME: &str = "anthropic";

/// Writes the body of a request. The protocol demands an upper bound of the answer: where the request names none it is
/// `max_tokens`, and without that it is the usual one of the model's family.
///
/// # Errors
/// `Unsupported` without a model and for what cannot be sent, `InvalidRequest` for a key in `extra` that is sent
/// already; each names the field.
pub fn encode(request: &ChatRequest, max_tokens: Option<u64>) -> Result<Vec<u8>> {
    let model = model(NAME, request)?;
    check(request)?;
    let max_tokens = request.max_tokens.or(max_tokens).unwrap_or_else(|| family::max_tokens(model));
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 192);
    match serde_json::to_writer(&mut body, &Body { model, max_tokens, request }) {
        Ok(()) => Ok(body),
        Err(error) => Err(Error::new(ErrorKind::InvalidRequest, "the request is no JSON").with_source(error)),
    }
}

fn check(request: &ChatRequest) -> Result<()> {
    let choices = request.extra.get("n").is_some_and(|choices| choices.as_u64() != Some(1));
    let named = request.messages.iter().any(|message| message.name.is_some());
    let more = [(request.seed.is_some(), "seed"), (choices, "n"), (named, "name")];
    text_and(NAME, request, &more, is_carried)?;
    collision("extra", request.extra.keys(), |key| is_sent(request, key))?;
    for message in &request.messages {
        let sent: &[&str] = match &message.role {
            Role::User | Role::Assistant => &["role", "content"],
            Role::System | Role::Developer => &["type", "text"],
            Role::Other(word) => {
                return Err(unsupported(NAME, format_args!("a message of the role `{word}`")));
            }
            _ => return Err(unsupported(NAME, format_args!("a message of this role"))),
        };
        collision("a message's `extra`", message.extra.keys(), |key| sent.contains(&key))?;
    }
    match turns(request).next() {
        Some(_) => Ok(()),
        None => Err(unsupported(NAME, format_args!("a request in which neither user nor assistant speaks"))),
    }
}

/// Whether the body has the field besides `extra`; `stream` belongs to the delivery even where it is not written.
fn is_sent(request: &ChatRequest, field: &str) -> bool {
    match field {
        "model" | "max_tokens" | "messages" | "stream" => true,
        "system" => system(request).next().is_some(),
        "stop_sequences" => !request.stop_sequences.is_empty(),
        "temperature" => request.temperature.is_some(),
        "top_p" => request.top_p.is_some(),
        _ => false,
    }
}

fn is_system(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

/// The turns of the conversation; those that say nothing are left out, since the protocol refuses them.
fn turns(request: &ChatRequest) -> impl DoubleEndedIterator<Item = &Message> {
    request.messages.iter().filter(|message| !is_system(message) && blocks(message).next().is_some())
}

/// The blocks of the system prompt. What a message has in `extra`, such as `cache_control`, belongs to its last block.
fn system(request: &ChatRequest) -> impl Iterator<Item = Block<'_>> {
    request
        .messages
        .iter()
        .filter(|message| is_system(message))
        .flat_map(|message| change_last(blocks(message), |block| block.beside(&message.extra)))
}

fn change_last<'a>(
    blocks: impl Iterator<Item = Block<'a>>,
    change: impl Fn(Block<'a>) -> Block<'a>,
) -> impl Iterator<Item = Block<'a>> {
    let mut blocks = blocks.peekable();
    std::iter::from_fn(move || {
        let block = blocks.next()?;
        Some(if blocks.peek().is_none() { change(block) } else { block })
    })
}

struct Body<'a> {
    model: &'a ModelName,
    max_tokens: u64,
    request: &'a ChatRequest,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { model, max_tokens, request } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", model)?;
        map.serialize_entry("max_tokens", max_tokens)?;
        if system(request).next().is_some() {
            map.serialize_entry("system", &System(request))?;
        }
        map.serialize_entry("messages", &Turns(request))?;
        if let Some(temperature) = request.temperature {
            map.serialize_entry("temperature", &temperature)?;
        }
        if let Some(top_p) = request.top_p {
            map.serialize_entry("top_p", &top_p)?;
        }
        if !request.stop_sequences.is_empty() {
            map.serialize_entry("stop_sequences", &request.stop_sequences)?;
        }
        if request.delivery == Delivery::Live {
            map.serialize_entry("stream", &true)?;
        }
        for (key, value) in &request.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct System<'a>(&'a ChatRequest);

impl Serialize for System<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        content(serializer, || system(self.0))
    }
}

/// A single text is a plain string.
fn content<'a, S: Serializer, I: Iterator<Item = Block<'a>>>(
    serializer: S,
    blocks: impl Fn() -> I,
) -> Result<S::Ok, S::Error> {
    let mut begin = blocks();
    match (begin.next(), begin.next()) {
        (Some(Block::Text { text, extra: None }), None) => serializer.serialize_str(text),
        _ => serializer.collect_seq(blocks()),
    }
}

struct Turns<'a>(&'a ChatRequest);

impl Serialize for Turns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let last = turns(self.0).next_back();
        serializer.collect_seq(turns(self.0).map(|message| {
            // An answer that the model is to continue must not end in white space.
            let begun =
                message.role == Role::Assistant && last.is_some_and(|last| std::ptr::eq(last, message));
            Turn { message, begun }
        }))
    }
}

struct Turn<'a> {
    message: &'a Message,
    /// It is the beginning of the answer.
    begun: bool,
}

impl Serialize for Turn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", if self.message.role == Role::Assistant { "assistant" } else { "user" })?;
        map.serialize_entry("content", &Content(self))?;
        for (key, value) in &self.message.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Content<'a>(&'a Turn<'a>);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Turn { message, begun } = self.0;
        content(serializer, || {
            change_last(blocks(message), |block| if *begun { block.trimmed() } else { block })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use ultraai_core::{
        Media, MediaSource, Reasoning, ReasoningOptions, ResponseFormat, Tool, ToolCall, ToolChoice,
        ToolResult, VendorState,
    };

    use super::*;

    fn request() -> ChatRequest {
        ChatRequest::from_prompt("hello").with_model(ModelName::new("claude-3-haiku").unwrap())
    }

    fn sent(request: &ChatRequest) -> Value {
        serde_json::from_slice(&encode(request, None).unwrap()).unwrap()
    }

    #[test]
    fn a_conversation_is_sent_turn_by_turn_below_the_system_prompt() {
        let mut request = request().with_system("be brief");
        let parts = vec![Part::text("a"), Part::text("\n"), Part::refusal("b")];
        request.messages.push(Message::new(Role::Assistant, parts));
        request.messages.push(Message::user(" "));
        let mut late = Message::new(Role::Developer, vec![Part::text("be"), Part::text("kind")]);
        late.extra.insert("cache_control".into(), json!({ "type": "ephemeral" }));
        request.messages.push(late);
        request.messages.push(Message::user("go on"));
        request.messages.push(Message::user("now"));
        let body = sent(&request);
        let expected = json!([
            { "role": "user", "content": "hello" },
            { "role": "assistant", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
            { "role": "user", "content": "go on" },
            { "role": "user", "content": "now" },
        ]);
        assert_eq!(body["messages"], expected);
        let expected = json!([
            { "type": "text", "text": "be brief" },
            { "type": "text", "text": "be" },
            { "type": "text", "text": "kind", "cache_control": { "type": "ephemeral" } },
        ]);
        assert_eq!(body["system"], expected);
    }

    #[test]
    fn an_answer_that_was_begun_ends_without_white_space() {
        let mut request = request();
        request.messages.push(Message::assistant("The answer is "));
        request.messages.push(Message::system(" "));
        let body = sent(&request);
        assert_eq!(body["messages"][1], json!({ "role": "assistant", "content": "The answer is" }));
        assert_eq!(body.get("system"), None);
        request.messages.push(Message::user("?"));
        assert_eq!(sent(&request)["messages"][1]["content"], "The answer is ");
    }

    #[test]
    fn an_answer_is_given_back_as_it_came() {
        let answer = json!({ "content": [
            { "type": "thinking", "thinking": "r", "signature": "s" },
            { "type": "redacted_thinking", "data": "x" },
            { "type": "thinking", "thinking": "", "signature": "t" },
            { "type": "text", "text": "a" },
        ] });
        let read = crate::decode(answer.to_string().as_bytes()).unwrap();
        let mut request = request();
        request.messages.push(Message::new(Role::Assistant, read.content));
        request.messages.push(Message::user("and then?"));
        assert_eq!(sent(&request)["messages"][1]["content"], answer["content"]);
    }

    #[test]
    fn sampling_and_delivery_stand_in_the_protocols_own_fields() {
        let mut request = request().with_system("be brief").with_max_tokens(5).with_delivery(Delivery::Live);
        request.temperature = Some(0.5);
        request.top_p = Some(1.0);
        request.stop_sequences = vec!["END".into()];
        request.response_format = Some(ResponseFormat::Text);
        request.extra.insert("top_k".into(), json!(40));
        let expected = json!({
            "model": "claude-3-haiku", "max_tokens": 5, "system": "be brief",
            "messages": [{ "role": "user", "content": "hello" }],
            "temperature": 0.5, "top_p": 1.0, "stop_sequences": ["END"], "stream": true, "top_k": 40,
        });
        assert_eq!(sent(&request), expected);
        assert_eq!(sent(&request.with_delivery(Delivery::Whole)).get("stream"), None);
    }

    #[test]
    fn an_upper_bound_of_the_answer_is_always_sent() {
        let bound = |request: &ChatRequest, usual| {
            let body = encode(request, usual).unwrap();
            serde_json::from_slice::<Value>(&body).unwrap()["max_tokens"].as_u64().unwrap()
        };
        assert_eq!(bound(&request(), None), 4096);
        assert_eq!(bound(&request(), Some(7)), 7);
        assert_eq!(bound(&request().with_max_tokens(5), Some(7)), 5);
    }

    type Change = Box<dyn Fn(&mut ChatRequest)>;

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        let tool = Tool::new("clock", json!({}));
        let message =
            |message: Message| move |request: &mut ChatRequest| request.messages.push(message.clone());
        let part = |part: Part| message(Message::new(Role::User, vec![part]));
        let said = |part: Part| message(Message::new(Role::Assistant, vec![part]));
        let media = Media::new(MediaSource::FileId("f".into()));
        let mut named = Message::user("a");
        named.name = Some("eve".into());
        let cases: Vec<(&str, Change)> = vec![
            ("`tools`", Box::new(move |request| request.tools.push(tool.clone()))),
            ("`tool_choice`", Box::new(|request| request.tool_choice = Some(ToolChoice::Auto))),
            (
                "`response_format`",
                Box::new(|request| request.response_format = Some(ResponseFormat::JsonObject)),
            ),
            ("`reasoning`", Box::new(|request| request.reasoning = Some(ReasoningOptions::default()))),
            ("`seed`", Box::new(|request| request.seed = Some(1))),
            ("`n`", Box::new(|request| drop(request.extra.insert("n".into(), json!(2))))),
            ("`name`", Box::new(message(named))),
            ("role `tool`", Box::new(message(Message::new(Role::Tool, vec![])))),
            ("role `critic`", Box::new(message(Message::new(Role::Other("critic".into()), vec![])))),
            ("kind `image`", Box::new(part(Part::Image(media.clone())))),
            ("kind `document`", Box::new(part(Part::Document(media)))),
            ("kind `tool_call`", Box::new(part(Part::ToolCall(ToolCall::new("1", "a", "{}"))))),
            ("kind `tool_result`", Box::new(part(Part::ToolResult(ToolResult::new("1", vec![]))))),
            ("kind `reasoning`", Box::new(part(Part::Reasoning(Reasoning::new("a"))))),
            ("kind `reasoning`", Box::new(said(Part::Reasoning(Reasoning::new("a"))))),
            ("kind `vendor`", Box::new(said(Part::Vendor(VendorState::new("gcp.gemini", json!({})))))),
            ("kind `vendor`", Box::new(part(Part::Vendor(VendorState::new("a", json!(1)))))),
            ("neither user nor assistant", Box::new(|request| request.messages[0].role = Role::Developer)),
        ];
        for (name, change) in cases {
            let mut request = request();
            change(&mut request);
            let error = encode(&request, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
        let error = encode(&ChatRequest::from_prompt("hello"), None).unwrap_err();
        assert_eq!(error.to_string(), "no model: set `model` to one that anthropic has");
    }

    #[test]
    fn a_field_that_is_set_twice_is_refused_by_name() {
        for (key, refused) in [
            ("model", true),
            ("max_tokens", true),
            ("stream", true),
            ("system", true),
            ("stop_sequences", false),
            ("temperature", false),
        ] {
            let mut request = request().with_system("be brief");
            request.extra.insert(key.into(), json!(1));
            let error = encode(&request, None).err();
            let expected = refused.then_some(ErrorKind::InvalidRequest);
            assert_eq!(error.as_ref().map(Error::kind), expected, "{key}");
            assert!(error.is_none_or(|error| error.to_string().contains(key)));
        }
        for (role, key) in [(Role::User, "content"), (Role::System, "text")] {
            let mut request = request();
            request.messages[0].role = role;
            request.messages[0].extra.insert(key.into(), json!(1));
            assert!(encode(&request, None).unwrap_err().to_string().contains(key));
        }
    }
}
