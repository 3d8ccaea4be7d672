//! The protocols that callers speak.

use std::sync::LazyLock;

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

impl Api {
    /// Who reads and writes it.
    pub(crate) fn codec(self) -> &'static dyn ServerCodec {
        match self {
            Self::Chat => &CHAT,
            Self::Responses => &*RESPONSES,
            Self::Messages => &*MESSAGES,
        }
    }

    /// Whose errors are expected at `path`.
    pub(crate) fn of_path(path: &str) -> Self {
        if path.starts_with("/v1/messages") { Self::Messages } else { Self::Chat }
    }
}
