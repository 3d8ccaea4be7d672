//! The protocols that callers speak.

use std::sync::LazyLock;

use axum::http::request::Parts;
use ultraai::ServerCodec;
use ultraai_protocol_anthropic_messages::Messages;
use ultraai_protocol_openai_chat::{Chat, Dialect};
use ultraai_protocol_openai_responses::Responses;

/// A protocol that callers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// OpenAI's chat completions, and what else speaks as they do.
    Chat,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
}

static CHAT: Chat = Chat(&Dialect::OPENAI);
static RESPONSES: LazyLock<Responses> = LazyLock::new(Responses::new);
static MESSAGES: LazyLock<Messages> = LazyLock::new(Messages::new);

/// The addresses that are of one protocol alone, with what stands below them.
const PLACES: [(&str, Api); 5] = [
    ("/v1/messages", Api::Messages),
    ("/v1/responses", Api::Responses),
    ("/v1/chat", Api::Chat),
    ("/v1/embeddings", Api::Chat),
    ("/v1/orchestrate", Api::Chat),
];

impl Api {
    /// Who reads and writes it.
    pub(crate) fn codec(self) -> &'static dyn ServerCodec {
        match self {
            Self::Chat => &CHAT,
            Self::Responses => &*RESPONSES,
            Self::Messages => &*MESSAGES,
        }
    }

    /// Whose errors are expected where `head` asks. Anthropic's SDK tells a version, also at addresses that both vendors have and
    /// at those that nobody has here.
    pub(crate) fn of(head: &Parts) -> Self {
        let path = head.uri.path();
        let is_below = |address: &str| {
            path.strip_prefix(address).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match PLACES.iter().find(|(address, _)| is_below(address)) {
            Some((_, api)) => *api,
            None if head.headers.contains_key("anthropic-version") => Self::Messages,
            None => Self::Chat,
        }
    }
}
