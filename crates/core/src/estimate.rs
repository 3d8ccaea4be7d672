//! Tokens where nobody counted them: by a tokenizer that knows the model, else from bytes.

use crate::{Accounting, ChatRequest, ChatResponse, Delta, Part, Usage};

/// Bytes of English text per token; OpenAI's rule of thumb is four characters
/// (<https://help.openai.com/en/articles/4936856>).
const BYTES_PER_TOKEN: u64 = 4;

/// Tokens that the frame of a message takes, as in OpenAI's cookbook "How to count tokens".
const TOKENS_PER_MESSAGE: u64 = 3;

/// Tokens of so many bytes of text, rounded up.
pub fn tokens_of_bytes(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES_PER_TOKEN)
}

/// Tokens of a request: its text, and the frame of each message. Images and documents are not counted,
/// since each vendor counts them in its own way.
pub fn tokens_of_request(request: &ChatRequest) -> u64 {
    Counter::BYTES.tokens_of_request(request)
}

/// Estimated usage of a request and the answer to it.
pub fn usage_of(request: &ChatRequest, response: &ChatResponse) -> Usage {
    Counter::BYTES.usage_of(request, response)
}

/// Counts by the tokenizers of an attempt, where one knows the model, else by bytes.
#[derive(Clone, Copy)]
pub(crate) struct Counter<'a> {
    accounting: Option<&'a Accounting>,
    model: Option<&'a str>,
    /// Whether a tokenizer may take its time to get ready.
    waits: bool,
}

impl<'a> Counter<'a> {
    const BYTES: Counter<'static> = Counter { accounting: None, model: None, waits: false };

    pub(crate) fn new(accounting: &'a Accounting, model: Option<&'a str>, waits: bool) -> Self {
        Self { accounting: Some(accounting).filter(|accounting| accounting.counts_tokens()), model, waits }
    }

    pub(crate) fn tokens_of_request(self, request: &ChatRequest) -> u64 {
        let mut texts = Texts::new(self);
        request.parts().for_each(|part| texts.add_part(part));
        for tool in &request.tools {
            texts.add(&tool.name);
            texts.add(&tool.parameters.to_string());
        }
        texts.tokens() + TOKENS_PER_MESSAGE * request.messages.len() as u64
    }

    pub(crate) fn usage_of(self, request: &ChatRequest, response: &ChatResponse) -> Usage {
        let mut texts = Texts::new(self);
        response.content.iter().for_each(|part| texts.add_part(part));
        Usage::estimated(self.tokens_of_request(request), texts.tokens())
    }
}

/// Texts that are counted: each by a tokenizer, or all their bytes together.
struct Texts<'a> {
    counter: Counter<'a>,
    counted: u64,
    bytes: usize,
}

impl<'a> Texts<'a> {
    fn new(counter: Counter<'a>) -> Self {
        Self { counter, counted: 0, bytes: 0 }
    }

    fn add(&mut self, text: &str) {
        let Counter { accounting, model, waits } = self.counter;
        match accounting.and_then(|accounting| accounting.tokens(model, text, waits)) {
            Some(tokens) => self.counted += tokens,
            None => self.bytes += text.len(),
        }
    }

    fn add_part(&mut self, part: &Part) {
        match part {
            Part::Text { text, .. } | Part::Refusal { text, .. } => self.add(text),
            Part::Reasoning(reasoning) => self.add(&reasoning.text),
            Part::ToolCall(call) => {
                self.add(&call.name);
                self.add(&call.arguments);
            }
            Part::ToolResult(result) => result.content.iter().for_each(|part| self.add_part(part)),
            Part::Image(_) | Part::Audio(_) | Part::Video(_) | Part::Document(_) | Part::Vendor(_) => {}
        }
    }

    fn tokens(&self) -> u64 {
        self.counted + tokens_of_bytes(self.bytes)
    }
}

/// What the model wrote so far in a live answer. Its text is kept only where somebody counts it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    bytes: usize,
    text: Option<String>,
}

impl Written {
    pub(crate) fn new(keep_text: bool) -> Self {
        Self { bytes: 0, text: keep_text.then(String::new) }
    }

    pub(crate) fn add(&mut self, delta: &Delta) {
        self.bytes += delta.byte_len();
        if let (Some(text), Some(more)) = (&mut self.text, delta.as_str()) {
            text.push_str(more);
        }
    }

    pub(crate) fn tokens(&self, counter: Counter<'_>) -> u64 {
        let mut texts = Texts::new(counter);
        match &self.text {
            Some(text) => {
                texts.add(text);
                texts.bytes += self.bytes.saturating_sub(text.len());
            }
            None => texts.bytes = self.bytes,
        }
        texts.tokens()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_says_that_it_is_one() {
        let usage = usage_of(&ChatRequest::from_prompt("12345678"), &ChatResponse::from_text("12345"));
        assert_eq!(usage, Usage::estimated(2 + 3, 2));
    }
}
