//! The protocols, a function each, and all of them by their targets' names.
//!
//! A protocol whose codec is a `ServerCodec` too is [`Protocol::both`]; one that is none yet is [`Protocol::client`].

use ultraai_protocol_anthropic_messages::Messages;
use ultraai_protocol_gemini::GenerateContent;
use ultraai_protocol_openai_chat::{Chat, Dialect};

use crate::Protocol;

/// A protocol by its target's name.
pub type Row = (&'static str, fn() -> Protocol);

/// Every protocol.
pub const PROTOCOLS: [Row; 4] = [
    ("openai_chat", openai_chat),
    ("anthropic_messages", anthropic_messages),
    ("gemini", gemini),
    ("ollama", ollama),
];

/// OpenAI's chat completions, in the words of those who are compatible.
pub fn openai_chat() -> Protocol {
    Protocol::client(Chat(&Dialect::COMPATIBLE))
}

/// Anthropic's messages.
pub fn anthropic_messages() -> Protocol {
    Protocol::client(Messages::new())
}

/// Gemini's `generateContent`.
pub fn gemini() -> Protocol {
    Protocol::client(GenerateContent)
}

/// Ollama's own.
pub fn ollama() -> Protocol {
    Protocol::client(ultraai_protocol_ollama::Chat::default())
}
