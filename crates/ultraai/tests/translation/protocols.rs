//! The protocols that are spoken both ways.

use ultraai::{Codec, ServerCodec};

/// A protocol, towards callers and towards providers.
pub(crate) struct Protocol {
    /// As its codec calls itself.
    pub(crate) name: &'static str,
    /// Whether callers speak it to a gateway.
    pub(crate) is_callers: bool,
    pub(crate) codec: fn() -> Box<dyn Codec>,
    pub(crate) server: fn() -> Box<dyn ServerCodec>,
}

/// Writes rows of `name, whether it is a caller's, codec`.
macro_rules! protocols {
    ($($name:literal, $is_callers:literal, $codec:expr;)*) => {
        &[$(Protocol {
            name: $name,
            is_callers: $is_callers,
            codec: || Box::new($codec),
            server: || Box::new($codec),
        },)*]
    };
}

/// All of them. One whose codec is no `ServerCodec` yet is not here.
pub(crate) const PROTOCOLS: &[Protocol] = protocols! {
    "openai-chat", true, ultraai_protocol_openai_chat::Chat(&ultraai_protocol_openai_chat::Dialect::OPENAI);
    "openai-responses", true, ultraai_protocol_openai_responses::Responses::new();
    "anthropic-messages", true, ultraai_protocol_anthropic_messages::Messages::new();
    "gemini", false, ultraai_protocol_gemini::GenerateContent::new();
    "ollama", false, ultraai_protocol_ollama::Chat::default();
    "cohere", false, ultraai_protocol_cohere::Chat;
    "bedrock", false, ultraai_protocol_bedrock::Converse::default();
};
