//! The form that an answer must have, and what is said of one that has another.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{
    ChatRequest, ChatResponse, Delta, Error, ErrorKind, FinishReason, Part, ResponseFormat, Result,
};

use super::{SchemaConfig, cache::compiled, compiled::Schema};

/// What is asked of an answer.
#[derive(Clone)]
pub(super) struct Form {
    schema: Option<Arc<Schema>>,
    max_answer_bytes: usize,
}

impl Form {
    /// The form that `request` asks for, where it is one that can be checked.
    ///
    /// # Errors
    /// `InvalidRequest`, which names what is wrong with the schema.
    pub(super) fn of(request: &ChatRequest, config: SchemaConfig) -> Result<Option<Self>> {
        let schema = match &request.response_format {
            Some(ResponseFormat::JsonSchema { schema, .. }) => Some(compiled(schema)?),
            Some(ResponseFormat::JsonObject) => None,
            _ => return Ok(None),
        };
        Ok(Some(Self { schema, max_answer_bytes: config.max_answer_bytes }))
    }

    /// Checks each of an answer's choices.
    ///
    /// # Errors
    /// `NoGoodAnswer`, which says where it leaves the form.
    pub(super) fn check_all(&self, answer: &ChatResponse) -> Result<()> {
        self.check(&self.said(&answer.content), &answer.finish_reason)?;
        let mut others = answer.alternatives.iter();
        others.try_for_each(|choice| self.check(&self.said(&choice.content), &choice.finish_reason))
    }

    fn said(&self, content: &[Part]) -> Said {
        let mut said = Said::default();
        for part in content {
            said.add(part, self.max_answer_bytes);
        }
        said
    }

    /// Adds a piece of an answer that comes live.
    pub(super) fn listen(&self, said: &mut Said, delta: &Delta) {
        match delta {
            Delta::Text(text) => said.say(text, self.max_answer_bytes),
            Delta::Refusal(_) | Delta::ToolCallStart { .. } => said.is_exempt = true,
            Delta::Part(part) => said.add(part, self.max_answer_bytes),
            _ => {}
        }
    }

    /// Checks an answer that ended so.
    ///
    /// # Errors
    /// `NoGoodAnswer`, which says where it leaves the form.
    pub(super) fn check(&self, said: &Said, finish_reason: &FinishReason) -> Result<()> {
        if said.is_exempt || !finish_reason.is_complete() {
            return Ok(());
        }
        if said.is_too_long {
            let most = self.max_answer_bytes;
            return Err(no_good(format!(
                "its answer is longer than the {most} bytes that are kept to check its form: raise `max_answer_bytes` of the layer `schema`"
            )));
        }
        let value: Value = serde_json::from_str(&said.text).map_err(|error| no_json(&said.text, &error))?;
        match &self.schema {
            Some(schema) => schema.check(&value, said.text.len()),
            None if value.is_object() => Ok(()),
            None => Err(no_good("its answer is JSON, and no object, which was asked for")),
        }
    }
}

pub(super) fn no_good(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::NoGoodAnswer, message)
}

/// Says where it stops being JSON. Nothing that stands around the JSON is taken off: whoever reads the answer would have to do
/// it as well, and no vendor's structured output has any.
fn no_json(text: &str, error: &serde_json::Error) -> Error {
    let what = if text.trim().is_empty() {
        "nothing at all".to_owned()
    } else if text.trim_start().starts_with("```") {
        "a code fence".to_owned()
    } else if error.is_eof() {
        "the beginning of it alone".to_owned()
    } else {
        format!("something else at line {}, column {}", error.line(), error.column())
    };
    no_good(format!("its answer is no JSON, which was asked for: it is {what}"))
}

/// What was said of one choice so far.
#[derive(Default)]
pub(super) struct Said {
    text: String,
    is_too_long: bool,
    /// It declines, or asks for a tool: neither has a form to follow.
    is_exempt: bool,
}

impl Said {
    fn add(&mut self, part: &Part, most: usize) {
        match part {
            Part::Text { text, .. } => self.say(text, most),
            Part::Refusal { .. } | Part::ToolCall(_) => self.is_exempt = true,
            _ => {}
        }
    }

    fn say(&mut self, more: &str, most: usize) {
        match self.text.len().saturating_add(more.len()) <= most && !self.is_too_long {
            true => self.text.push_str(more),
            false => (self.text, self.is_too_long) = (String::new(), true),
        }
    }
}
