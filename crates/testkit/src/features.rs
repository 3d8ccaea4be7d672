//! What a chat can say, one thing at a time: what is lost between two protocols is asked of each of them alone.

mod answers;
mod requests;

use serde_json::{Value, json};
use ultraai_core::{ChatRequest, ChatResponse, Choice, Part, ToolCall, Usage};

pub use self::{answers::ANSWERS, requests::REQUESTS};

/// Another form of a thing: what it is, and whether it is said so.
pub type Form<T> = (&'static str, fn(&T) -> bool);

/// One thing that a request or an answer can say.
#[derive(Clone, Copy)]
pub struct Feature<T: 'static> {
    /// What it is, for a table.
    pub name: &'static str,
    /// Adds it to what says nothing else.
    pub say: fn(&mut T),
    /// Whether it is still said.
    pub is_said: fn(&T) -> bool,
    /// Other forms that say the same, such as a refusal as plain text.
    pub otherwise: &'static [Form<T>],
    /// It belongs to one vendor, such as a signature or what its model thought: it is given back to that vendor alone, and
    /// others never see it.
    pub is_private: bool,
}

impl<T> std::fmt::Debug for Feature<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feature").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T> Feature<T> {
    const fn new(name: &'static str, say: fn(&mut T), is_said: fn(&T) -> bool) -> Self {
        Self { name, say, is_said, otherwise: &[], is_private: false }
    }

    const fn or(self, otherwise: &'static [Form<T>]) -> Self {
        Self { otherwise, ..self }
    }

    const fn private(self) -> Self {
        Self { is_private: true, ..self }
    }
}

/// A request that says hello, to which a feature is added.
pub fn request_with(feature: &Feature<ChatRequest>) -> ChatRequest {
    let mut request = ChatRequest::from_prompt("hello").with_max_tokens(4096);
    request.model = "m".try_into().ok();
    (feature.say)(&mut request);
    request
}

/// An answer that says hello, to which a feature is added.
pub fn answer_with(feature: &Feature<ChatResponse>) -> ChatResponse {
    let mut answer = ChatResponse::from_text("hello");
    answer.model = Some("m".to_owned());
    answer.usage = Some(Usage::reported(7, 3));
    (feature.say)(&mut answer);
    answer
}

fn any(parts: &[Part], wanted: impl Fn(&Part) -> bool) -> bool {
    parts.iter().any(wanted)
}

fn calls(parts: &[Part]) -> impl Iterator<Item = &ToolCall> {
    parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    })
}

/// Opaque state as the vendor's own protocol writes it.
fn state(vendor: &str) -> Value {
    match vendor {
        "openai" => json!({ "id": "rs_1", "encrypted_content": "c2VjcmV0" }),
        _ => json!({ "signature": "c2VjcmV0" }),
    }
}

fn has_state(part: &Part, vendor: &str) -> bool {
    let state = match part {
        Part::Reasoning(reasoning) => reasoning.state.as_ref(),
        Part::ToolCall(call) => call.state.as_ref(),
        Part::Vendor(state) => Some(state),
        _ => None,
    };
    state.is_some_and(|state| state.vendor == vendor)
}

fn second(text: &str) -> Choice {
    let mut choice = Choice::default();
    choice.content.push(Part::text(text));
    choice
}
