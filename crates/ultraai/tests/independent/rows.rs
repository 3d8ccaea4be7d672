//! Which provider talks to which server, and what does not work there yet.

use ultraai::{ProviderSpec, Secret, provider};

use crate::server::Server;

/// A provider at a server.
pub(crate) struct Row {
    /// The provider's registered name.
    provider: &'static str,
    /// What is said in its settings besides the address, the model and a key, as JSON.
    settings: &'static [(&'static str, &'static str)],
    /// What comes after the server's address.
    path: &'static str,
    model: &'static str,
    /// Of a server that makes embeddings.
    pub(crate) embedding_model: Option<&'static str>,
    /// Scenarios that do not work here, and why. One that does is a complaint.
    pub(crate) gaps: &'static [(&'static str, &'static str)],
}

impl Row {
    const fn new(provider: &'static str, path: &'static str, model: &'static str) -> Self {
        Self { provider, settings: &[], path, model, embedding_model: None, gaps: &[] }
    }

    const fn with_settings(self, settings: &'static [(&'static str, &'static str)]) -> Self {
        Self { settings, ..self }
    }

    const fn embedding(self, model: &'static str) -> Self {
        Self { embedding_model: Some(model), ..self }
    }

    const fn with_gaps(self, gaps: &'static [(&'static str, &'static str)]) -> Self {
        Self { gaps, ..self }
    }

    /// The provider and its settings, for messages.
    pub(crate) fn title(&self) -> String {
        let settings: Vec<_> =
            self.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("`{}` at {}/ {}", self.provider, self.path, settings.join(", "))
    }

    pub(crate) fn at(&self, server: &Server) -> ProviderSpec {
        let spec =
            provider(self.provider).model(self.model).base_url(format!("{}{}", server.url(), self.path));
        // Nobody looks at it, and most types insist on one.
        let spec = spec.api_key(Secret::new("nobody-looks-at-it").unwrap());
        self.settings.iter().fold(spec, |spec, (name, value)| {
            let value: serde_json::Value = serde_json::from_str(value).unwrap();
            spec.setting(*name, value)
        })
    }
}

/// aimock speaks each protocol at its vendor's own paths.
pub(crate) const AIMOCK: &[Row] = &[
    Row::new("openai", "/v1", "gpt-4o").embedding("text-embedding-3-small"),
    Row::new("openai", "/v1", "gpt-4o").with_settings(&[("api", "\"responses\"")]),
    Row::new("compatible", "/v1", "any").embedding("any"),
    Row::new("azure.ai.openai", "/openai/deployments/gpt-4o", "gpt-4o").embedding("text-embedding-3-small"),
    Row::new("anthropic", "", "claude-sonnet-4-5"),
    Row::new("gemini", "/v1beta", "gemini-2.5-flash").embedding("gemini-embedding-001").with_gaps(&[(
        "embeddings",
        "the server knows `embedContent` alone, which takes one text, and not `batchEmbedContents`",
    )]),
    Row::new("vertex", "/v1/projects/p/locations/global", "gemini-2.5-flash"),
    Row::new("ollama", "", "llama3.2")
        .embedding("all-minilm")
        .with_gaps(&[("embeddings", "the server makes one vector of all texts together")]),
    Row::new("cohere", "", "command-a-03-2025").embedding("embed-v4.0"),
    Row::new("bedrock", "", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
];

const NO_TOOLS: &str = "the vendor calls nobody's tools, so that none are sent";

/// `LLMock` speaks each vendor's protocol below a path of the vendor's name.
pub(crate) const LLMOCK: &[Row] = &[
    Row::new("openai", "/v1", "gpt-4o").embedding("text-embedding-3-small"),
    Row::new("openai", "/v1", "gpt-4o").with_settings(&[("api", "\"responses\"")]),
    Row::new("groq", "/groq/openai/v1", "llama-3.3-70b-versatile"),
    Row::new("mistral", "/mistral/v1", "mistral-small-latest"),
    Row::new("together", "/together/v1", "any"),
    Row::new("xai", "/xai/v1", "grok-3-mini"),
    Row::new("perplexity", "/perplexity/v1", "sonar")
        .with_gaps(&[("tools", NO_TOOLS), ("tools, live", NO_TOOLS)]),
    Row::new("anthropic", "/anthropic", "claude-sonnet-4-5").with_gaps(&[
        ("structured output", "the server knows the field by its older name, `output_format`, alone"),
        ("structured output, live", "the server knows the field by its older name, `output_format`, alone"),
    ]),
    Row::new("gemini", "/gemini/v1beta", "gemini-2.5-flash"),
    Row::new("cohere", "/cohere", "command-a-03-2025"),
];
