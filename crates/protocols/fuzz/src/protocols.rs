//! The protocols, a function each, and all of them by their targets' names.
//!
//! A protocol whose codec is a `ServerCodec` too is [`Protocol::both`]; one that is none yet is [`Protocol::client`].

use ultraai_protocol_anthropic_messages::Messages;
use ultraai_protocol_bedrock::Converse;
use ultraai_protocol_gemini::GenerateContent;
use ultraai_protocol_openai_chat::{Chat, Dialect};
use ultraai_protocol_openai_responses::Responses;

use crate::Protocol;

/// A protocol by its target's name.
pub type Row = (&'static str, fn() -> Protocol);

/// Every protocol.
pub const PROTOCOLS: [Row; 7] = [
    ("openai_chat", openai_chat),
    ("anthropic_messages", anthropic_messages),
    ("gemini", gemini),
    ("ollama", ollama),
    ("openai_responses", openai_responses),
    ("cohere", cohere),
    ("bedrock", bedrock),
];

/// OpenAI's chat completions, in the words of those who are compatible.
pub fn openai_chat() -> Protocol {
    Protocol::both(Chat(&Dialect::COMPATIBLE))
}

/// Anthropic's messages.
pub fn anthropic_messages() -> Protocol {
    Protocol::both(Messages::new())
}

/// Gemini's `generateContent`.
pub fn gemini() -> Protocol {
    Protocol::both(GenerateContent::new())
}

/// Ollama's own.
pub fn ollama() -> Protocol {
    Protocol::both(ultraai_protocol_ollama::Chat::default())
}

/// OpenAI's responses.
pub fn openai_responses() -> Protocol {
    Protocol::both(Responses::new())
}

/// Cohere's chat.
pub fn cohere() -> Protocol {
    Protocol::both(ultraai_protocol_cohere::Chat)
}

/// Bedrock's Converse.
pub fn bedrock() -> Protocol {
    Protocol::both(Converse::new())
}
