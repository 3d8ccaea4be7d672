//! Tokens from bytes, where nobody counted them.

use crate::{ChatRequest, ChatResponse, Delta, Part, Usage};

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
    let bytes = request.parts().map(bytes_of_part).sum::<usize>()
        + request.tools.iter().map(|tool| tool.name.len() + tool.parameters.to_string().len()).sum::<usize>();
    tokens_of_bytes(bytes) + TOKENS_PER_MESSAGE * request.messages.len() as u64
}

/// Estimated usage of a request and the answer to it.
pub fn usage_of(request: &ChatRequest, response: &ChatResponse) -> Usage {
    let output = response.content.iter().map(bytes_of_part).sum();
    Usage::estimated(tokens_of_request(request), tokens_of_bytes(output))
}

fn bytes_of_part(part: &Part) -> usize {
    match part {
        Part::Text { text } | Part::Refusal { text } => text.len(),
        Part::Reasoning(reasoning) => reasoning.text.len(),
        Part::ToolCall(call) => call.name.len() + call.arguments.len(),
        Part::ToolResult(result) => result.content.iter().map(bytes_of_part).sum(),
        Part::Image(_) | Part::Document(_) | Part::Vendor(_) => 0,
    }
}

/// Bytes that the model wrote so far in a live answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written(usize);

impl Written {
    pub(crate) fn add(&mut self, delta: &Delta) {
        self.0 += delta.byte_len();
    }

    pub(crate) fn tokens(self) -> u64 {
        tokens_of_bytes(self.0)
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
