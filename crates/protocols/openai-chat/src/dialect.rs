//! What a vendor that speaks this protocol is called, where it lives, and what differs.

use std::sync::Arc;

use ultraai_core::{BuildContext, Field, Provider, ProviderRegistration, Result, VendorState};
use ultraai_protocol_common::MediaRule;

/// The header that a vendor wants its key in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `Authorization`, after the word `Bearer`.
    Bearer,
    /// One of its own, in lower case, alone.
    Own(&'static str),
}

/// Where a vendor wants to be told how much its model thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningForm {
    /// In `reasoning_effort`, by a word alone.
    Effort,
    /// In the object `reasoning`, as OpenRouter has it: `effort`, `max_tokens`, `enabled`, `exclude`.
    Object,
    /// In `thinking.type`, `enabled` or `disabled`, and `reasoning_effort`.
    Thinking,
    /// In `enable_thinking` and `thinking_budget`, as Alibaba has it.
    EnableThinking,
}

/// Where a vendor wants the reasoning of earlier answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningText {
    /// Nowhere: it is left out.
    Nowhere,
    /// In this field of the message.
    Field(&'static str),
    /// In parts of the type `thinking`.
    Parts,
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
    /// Whether it takes `max_tokens` and `max_completion_tokens` alike, so that a caller's own word for the bound of the answer
    /// goes out as it came. Default: yes, for what stands at an address that nobody knows is asked in the caller's words.
    pub max_tokens_either: bool,
    /// The field of the seed; `None` where there is none. Default: `seed`.
    pub seed_field: Option<&'static str>,
    /// Whether it takes `stop`. Default: yes.
    pub stop: bool,
    /// Whether it must be asked for usage in a stream by `stream_options`. Default: yes.
    pub stream_options: bool,
    /// Whether it knows the role `developer`; elsewhere such a message is a system message. Default: no.
    pub developer_role: bool,
    /// Fields of requests that it refuses or does not know, by their names here, such as `logprobs` or `top_k`.
    pub lacks: &'static [&'static str],
    /// Where it is told how much to think. Default: [`ReasoningForm::Effort`].
    pub reasoning: ReasoningForm,
    /// Where reasoning of earlier answers goes. Default: the field `reasoning_content`.
    pub reasoning_text: ReasoningText,
    /// Whether it takes `reasoning_details` back. Default: yes.
    pub reasoning_details: bool,
    /// Whether it takes `cache_control`. Default: yes.
    pub cache_control: bool,
    /// Whether results of tools may hold images. Default: yes.
    pub tool_images: bool,
    /// Whether the model fetches documents: in `file_data`, or in `document_url` where that is its form. Default: no.
    pub document_addresses: bool,
    /// Whether documents are parts of the type `document_url`, as Mistral has them. Default: no.
    pub document_url: bool,
    /// Whether it takes moving pictures, as `video_url`. Default: yes.
    pub video: bool,
    /// Which images it takes. Default: any.
    pub images: MediaRule,
    /// Which documents it takes. Default: any.
    pub documents: MediaRule,
}

/// Any medium.
const ANY: MediaRule = MediaRule { types: &[], max_bytes: usize::MAX };

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
        max_tokens_either: true,
        seed_field: Some("seed"),
        stop: true,
        stream_options: true,
        developer_role: false,
        lacks: &[],
        reasoning: ReasoningForm::Effort,
        reasoning_text: ReasoningText::Field("reasoning_content"),
        reasoning_details: true,
        cache_control: true,
        tool_images: true,
        document_addresses: false,
        document_url: false,
        video: true,
        images: ANY,
        documents: ANY,
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
        max_tokens_either: false,
        developer_role: true,
        lacks: &["top_k"],
        reasoning_text: ReasoningText::Nowhere,
        reasoning_details: false,
        cache_control: false,
        tool_images: false,
        video: false,
        // https://platform.openai.com/docs/guides/images-vision: png, jpeg, webp, gif, 50 MB in a request.
        images: MediaRule {
            types: &["image/png", "image/jpeg", "image/webp", "image/gif"],
            max_bytes: 50 << 20,
        },
        // https://platform.openai.com/docs/guides/pdf-files: less than 50 MB.
        documents: MediaRule { types: &[], max_bytes: 50 << 20 },
        ..Self::COMPATIBLE
    };

    /// `gen_ai.provider.name`.
    pub const fn provider_name(&self) -> &'static str {
        match self.semconv_name {
            Some(name) => name,
            None => self.name,
        }
    }

    /// Whether it takes the field of this name.
    pub(crate) fn has(&self, field: &str) -> bool {
        !self.lacks.contains(&field)
    }

    /// Whether `state` is what this vendor's models are to get back.
    pub(crate) fn is_own(&self, state: &VendorState) -> bool {
        state.vendor == self.provider_name() || state.vendor == crate::NAME
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
