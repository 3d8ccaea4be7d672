//! Reads a whole answer.

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{ChatRequest, ChatResponse, Error, ErrorKind, FinishReason, Part, Result, ToolCall};
use ultraai_protocol_common::{at_the_top, in_band, is_fault, parse, with_usage};

use crate::{
    answer::{Block, Kind, Message, called, opaque, said, thought},
    usage::{WINDOW, finish_reason},
    write::answer_tool,
};

/// Reads a whole answer of a status that says success.
///
/// # Errors
/// What the vendor says went wrong, or `Undecodable` for what is no message; with the usage, where the answer says what it
/// used all the same.
pub(crate) fn decode(request: &ChatRequest, body: &[u8]) -> Result<ChatResponse> {
    let mut message: Message<'_> = parse(body, "the answer")?;
    let usage = message.usage.as_ref().and_then(|usage| usage.counts().read());
    let model = std::mem::take(&mut message.model).filled();
    let answer_tool = answer_tool(request);
    let content = match read_content(&mut message, body, answer_tool.as_deref()) {
        Ok(content) => content,
        Err(error) => return Err(with_usage(error, usage, model)),
    };
    let mut response = ChatResponse::default();
    response.model = model;
    response.finish_reason = finish_reason(message.stop_reason.as_str());
    if message.stop_reason.as_str() == WINDOW {
        message.others.insert("stop_reason".to_owned(), WINDOW.into());
    }
    let calls = content.iter().any(|part| matches!(part, Part::ToolCall(_)));
    if answer_tool.is_some() && !calls && response.finish_reason == FinishReason::ToolCalls {
        response.finish_reason = FinishReason::Stop;
    }
    response.content = content;
    response.usage = usage;
    response.request_id = message.id.filled();
    response.stop_sequence = message.stop_sequence.filled();
    if let Some(usage) = message.usage {
        let (tier, rest) = usage.rest();
        response.service_tier = tier;
        if !rest.is_empty() {
            message.others.insert("usage".to_owned(), Value::Object(rest));
        }
    }
    response.raw = message.others.into();
    Ok(response)
}

fn read_content(message: &mut Message<'_>, body: &[u8], answer_tool: Option<&str>) -> Result<Vec<Part>> {
    if let Some(error) = message.error.take().filter(is_fault) {
        return Err(in_band(&error));
    }
    let blocks = match message.content.take() {
        Some(blocks) => blocks,
        // It came to its end, so it is an answer, and one that says nothing.
        None if !message.stop_reason.as_str().is_empty() => Vec::new(),
        None => return Err(no_content(body)),
    };
    // Opaque blocks are rare, so only an answer that has one is read twice.
    let whole = match blocks.iter().any(|block| block.kind() == Kind::Opaque) {
        true => parse::<Opaque>(body, "the answer")?.content,
        false => Vec::new(),
    };
    let mut whole = whole.into_iter();
    let mut content = Vec::with_capacity(blocks.len());
    for block in blocks {
        let whole = whole.next();
        content.extend(match block.kind() {
            Kind::Opaque => whole.map(opaque),
            _ => read_block(block, answer_tool),
        });
    }
    Ok(content)
}

fn read_block(block: Block<'_>, answer_tool: Option<&str>) -> Option<Part> {
    match block.kind() {
        Kind::Thinking => {
            thought(block.thinking.filled().unwrap_or_default(), block.signature.filled(), block.others)
        }
        Kind::ToolUse => {
            let arguments = block.arguments();
            if answer_tool.is_some_and(|tool| tool == block.name.as_str()) {
                return Some(Part::text(arguments));
            }
            let (id, name) = (block.id.filled(), block.name.filled());
            let mut call = ToolCall::new(id.unwrap_or_default(), name.unwrap_or_default(), arguments);
            call.state = called(block.others);
            Some(Part::ToolCall(call))
        }
        _ => said(block.text.filled().unwrap_or_default(), block.citations.unwrap_or_default(), block.others),
    }
}

/// The blocks of an answer as they came.
#[derive(Debug, Deserialize)]
struct Opaque {
    content: Vec<Value>,
}

/// An answer without content may be an error that stands at the top.
fn no_content(body: &[u8]) -> Error {
    match parse(body, "the answer").ok().as_ref().and_then(at_the_top) {
        Some(error) => error,
        None => Error::new(
            ErrorKind::Undecodable,
            "the answer is JSON, but no message of Anthropic's protocol: check `base_url`",
        ),
    }
}

#[cfg(test)]
mod tests;
