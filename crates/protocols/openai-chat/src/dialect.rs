//! What a vendor that speaks this protocol is called, where it lives, and what differs.

use std::sync::Arc;

use ultraai_core::{BuildContext, Field, Provider, ProviderRegistration, Result};

/// The header that a vendor wants its key in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `Authorization`, after the word `Bearer`.
    Bearer,
    /// One of its own, in lower case, alone.
    Own(&'static str),
}

/// A vendor as a row of data. Write only what differs from [`Dialect::COMPATIBLE`].
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a row of data, written with field names")]
pub struct Dialect {
    /// The registered name: lower case.
    pub name: &'static str,
    /// `gen_ai.provider.name`, where it differs from the name.
    pub semconv_name: Option<&'static str>,
    /// One line about it, for lists.
    pub summary: &'static str,
    /// The address that [`path`](Self::path) comes after; `None` where the user must name it.
    pub base_url: Option<&'static str>,
    /// What such an address looks like, for error texts. Default: that of a local server.
    pub base_url_example: &'static str,
    /// The path of chat completions. Default: `chat/completions`.
    pub path: &'static str,
    /// The variables that usually hold the key, the first one first.
    pub key_variables: &'static [&'static str],
    /// Where the key stands. Default: [`KeyHeader::Bearer`].
    pub key_header: KeyHeader,
    /// Whether it answers without a key.
    pub key_optional: bool,
    /// The model that is asked where only a key was found.
    pub default_model: Option<&'static str>,
    /// The field of the upper bound of the answer. Default: `max_tokens`.
    pub max_tokens_field: &'static str,
    /// The field of the seed; `None` where there is none. Default: `seed`.
    pub seed_field: Option<&'static str>,
    /// Whether it takes `stop`. Default: yes.
    pub stop: bool,
    /// Whether it must be asked for usage in a stream by `stream_options`. Default: yes.
    pub stream_options: bool,
    /// Whether it knows the role `developer`; elsewhere such a message is a system message. Default: no.
    pub developer_role: bool,
}

impl Dialect {
    /// What those who follow OpenAI have in common.
    pub const COMPATIBLE: Self = Self {
        name: "compatible",
        semconv_name: None,
        summary: "",
        base_url: None,
        base_url_example: "http://localhost:8080/v1",
        path: "chat/completions",
        key_variables: &[],
        key_header: KeyHeader::Bearer,
        key_optional: false,
        default_model: None,
        max_tokens_field: "max_tokens",
        seed_field: Some("seed"),
        stop: true,
        stream_options: true,
        developer_role: false,
    };

    /// OpenAI itself.
    pub const OPENAI: Self = Self {
        name: "openai",
        summary: "OpenAI's models over its chat completions API",
        base_url: Some("https://api.openai.com/v1"),
        key_variables: &["OPENAI_API_KEY"],
        default_model: Some("gpt-4o-mini"),
        // Reasoning models refuse `max_tokens`, and every model takes this one.
        max_tokens_field: "max_completion_tokens",
        developer_role: true,
        ..Self::COMPATIBLE
    };

    /// `gen_ai.provider.name`.
    pub const fn provider_name(&self) -> &'static str {
        match self.semconv_name {
            Some(name) => name,
            None => self.name,
        }
    }

    /// The registration of this vendor with settings of its own; its package is still to be named.
    pub const fn registration(
        &self,
        fields: &'static [Field],
        build: fn(&'static str, serde_json::Value, &BuildContext) -> Result<Arc<dyn Provider>>,
    ) -> ProviderRegistration {
        let mut row = ProviderRegistration::new(self.name, build)
            .summary(self.summary)
            .key_variables(self.key_variables)
            .key_optional(self.key_optional)
            .fields(fields);
        row.semconv_name = self.semconv_name;
        row.base_url = self.base_url;
        row.default_model = self.default_model;
        row
    }
}
