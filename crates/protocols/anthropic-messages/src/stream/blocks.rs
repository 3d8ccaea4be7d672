//! Reads the blocks of a stream, which come one after the other.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use ultraai_core::{ChatEvent, Citation, Delta, Error, ErrorKind, Result};
use ultraai_protocol_common::parse;

use super::{Decoder, EVENT, hold, keep};
use crate::answer::{Block, Kind, Piece, REDACTED, beside, called, citation, opaque, said, signed};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Last {
    #[default]
    Other,
    Text,
    Reasoning,
}

/// The block that is being told. Blocks come one after the other.
#[derive(Debug, Default)]
pub(super) enum Open {
    #[default]
    Nothing,
    Text {
        /// Whether some of it was told.
        told: bool,
        /// Citations come before the text that they belong to.
        citations: Vec<Citation>,
        extra: Map<String, Value>,
    },
    Thinking {
        told: bool,
        signature: Option<String>,
        extra: Map<String, Value>,
    },
    Call {
        index: u32,
        /// The arguments, where no pieces of them come.
        arguments: Option<String>,
        extra: Map<String, Value>,
    },
    /// A call whose arguments are the answer.
    Answer {
        told: bool,
        arguments: Option<String>,
    },
    Opaque {
        block: Map<String, Value>,
        /// The JSON of its input.
        input: String,
    },
}

impl Decoder {
    pub(super) fn open(
        &mut self,
        block: Block<'_>,
        data: &[u8],
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        match block.kind() {
            Kind::Text => {
                let citations = block.citations.unwrap_or_default().into_iter().map(citation).collect();
                self.block = Open::Text { told: false, citations, extra: block.others };
                self.say(block.text.filled(), out);
            }
            Kind::Thinking => {
                let signature = block.signature.filled();
                self.block = Open::Thinking { told: false, signature, extra: block.others };
                self.think(block.thinking.filled(), out);
            }
            Kind::ToolUse => {
                let arguments = Some(block.arguments());
                let Some(name) = block.name.filled() else {
                    return Err(Error::new(
                        ErrorKind::Undecodable,
                        "the model asks for a tool without a name",
                    ));
                };
                if self.answer_tool.as_ref() == Some(&name) {
                    self.block = Open::Answer { told: false, arguments };
                    return Ok(());
                }
                let (index, id) = (self.calls, block.id.filled().unwrap_or_default());
                self.calls = index.saturating_add(1);
                self.block = Open::Call { index, arguments, extra: Map::new() };
                self.last = Last::Other;
                let state = called(block.others);
                out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state }));
            }
            Kind::Opaque => {
                let OpaqueStart { content_block: block } = parse(data, EVENT)?;
                if block.get("type").is_none_or(|kind| kind != REDACTED) {
                    out.push_back(ChatEvent::Delta(Delta::PartStart));
                }
                self.block = Open::Opaque { block, input: String::new() };
            }
        }
        Ok(())
    }

    pub(super) fn push_piece(
        &mut self,
        piece: Piece<'_>,
        data: &Bytes,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        if !piece.others.is_empty() && !matches!(self.block, Open::Opaque { .. }) {
            keep(data, out);
        }
        match (&mut self.block, piece.kind.as_str()) {
            (Open::Opaque { input, .. }, "input_json_delta") => {
                input.push_str(piece.partial_json.as_str());
                hold(&mut self.held, data)?;
            }
            (Open::Opaque { block, .. }, _) => {
                add(block, parse::<OpaquePiece>(data.trim_ascii(), EVENT)?.delta);
                hold(&mut self.held, data)?;
            }
            (_, "text_delta") => self.say(piece.text.filled(), out),
            (_, "thinking_delta") => self.think(piece.thinking.filled(), out),
            (Open::Thinking { signature, .. }, "signature_delta") => {
                *signature = piece.signature.filled().or(signature.take());
            }
            (Open::Text { told, citations, .. }, "citations_delta") => {
                let Some(value) = piece.citation else { return Ok(()) };
                match told {
                    true => out.push_back(ChatEvent::Delta(Delta::Citation(Box::new(citation(*value))))),
                    false => {
                        citations.push(citation(*value));
                        hold(&mut self.held, data)?;
                    }
                }
            }
            (Open::Call { index, arguments, .. }, "input_json_delta") => {
                if let Some(more) = piece.partial_json.filled() {
                    *arguments = None;
                    let index = *index;
                    out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments: more }));
                }
            }
            (Open::Answer { arguments, .. }, "input_json_delta") => {
                if let Some(more) = piece.partial_json.filled() {
                    *arguments = None;
                    self.say(Some(more), out);
                }
            }
            (_, "input_json_delta") if !piece.partial_json.as_str().is_empty() => {
                let message = "arguments came where no tool is called";
                return Err(Error::new(ErrorKind::Undecodable, message));
            }
            (_, "input_json_delta" | "signature_delta") => {}
            _ if piece.others.is_empty() => keep(data, out),
            _ => {}
        }
        Ok(())
    }

    /// Tells a piece of text; two texts in a row stay two parts.
    fn say(&mut self, text: Option<String>, out: &mut VecDeque<ChatEvent>) {
        let Some(text) = text else { return };
        if !matches!(self.block, Open::Text { .. } | Open::Answer { .. }) {
            self.close(out);
            self.block = Open::Text { told: false, citations: Vec::new(), extra: Map::new() };
        }
        let (Open::Text { told, .. } | Open::Answer { told, .. }) = &mut self.block else { return };
        if *told {
            out.push_back(ChatEvent::Delta(Delta::Text(text)));
            return;
        }
        *told = true;
        self.next(Last::Text, out);
        out.push_back(ChatEvent::Delta(Delta::Text(text)));
        if let Open::Text { citations, .. } = &mut self.block {
            let held = citations.drain(..).map(|citation| Delta::Citation(Box::new(citation)));
            out.extend(held.map(ChatEvent::Delta));
        }
    }

    /// Tells a piece of thinking.
    fn think(&mut self, text: Option<String>, out: &mut VecDeque<ChatEvent>) {
        let Some(text) = text else { return };
        if !matches!(self.block, Open::Thinking { .. }) {
            self.close(out);
            self.block = Open::Thinking { told: false, signature: None, extra: Map::new() };
        }
        if let Open::Thinking { told, .. } = &mut self.block
            && !std::mem::replace(told, true)
        {
            self.next(Last::Reasoning, out);
        }
        out.push_back(ChatEvent::Delta(Delta::Reasoning(text)));
    }

    /// A part of the kind `next` begins.
    fn next(&mut self, next: Last, out: &mut VecDeque<ChatEvent>) {
        if self.last == next {
            out.push_back(ChatEvent::Delta(Delta::NextPart));
        }
        self.last = next;
    }

    /// Fields of the end of a block.
    pub(super) fn add_beside(
        &mut self,
        fields: Map<String, Value>,
        data: &Bytes,
        out: &mut VecDeque<ChatEvent>,
    ) {
        match &mut self.block {
            _ if fields.is_empty() => {}
            Open::Text { extra, .. } | Open::Thinking { extra, .. } | Open::Call { extra, .. } => {
                extra.extend(fields);
            }
            _ => keep(data, out),
        }
    }

    /// Tells what is known of a block only when it is over.
    pub(super) fn close(&mut self, out: &mut VecDeque<ChatEvent>) {
        self.held = 0;
        let extra = match std::mem::take(&mut self.block) {
            Open::Nothing => return,
            Open::Text { told: true, extra, .. } => extra,
            Open::Text { told: false, citations, extra } => {
                let native = citations.into_iter().filter_map(|citation| Some(citation.native?.data));
                if let Some(part) = said(String::new(), native.collect(), extra) {
                    self.next(Last::Text, out);
                    out.push_back(ChatEvent::Delta(Delta::Part(Box::new(part))));
                }
                return;
            }
            Open::Thinking { told, signature, extra } => {
                if told || signature.is_some() {
                    if !told {
                        self.next(Last::Reasoning, out);
                    }
                    let state = signature.map(|signature| Delta::ReasoningState(signed(signature)));
                    out.extend(state.map(ChatEvent::Delta));
                    extra
                } else {
                    return;
                }
            }
            Open::Call { index, arguments, extra } => {
                let arguments = arguments.map(|arguments| Delta::ToolCallArguments { index, arguments });
                out.extend(arguments.map(ChatEvent::Delta));
                extra
            }
            Open::Answer { told, arguments } => {
                self.block = Open::Answer { told, arguments: None };
                self.say(arguments, out);
                self.block = Open::Nothing;
                return;
            }
            Open::Opaque { mut block, input } => {
                if !input.is_empty() {
                    // An input that was cut off is no JSON, and is kept as it came.
                    let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    block.insert("input".to_owned(), input);
                }
                self.last = Last::Other;
                out.push_back(ChatEvent::Delta(Delta::Part(Box::new(opaque(Value::Object(block))))));
                return;
            }
        };
        out.extend(beside(extra).map(|extra| ChatEvent::Delta(Delta::Extra(extra))));
    }
}

/// The start of a block that is not looked into.
#[derive(Debug, Deserialize)]
struct OpaqueStart {
    content_block: Map<String, Value>,
}

/// A piece of such a block.
#[derive(Debug, Deserialize)]
struct OpaquePiece {
    delta: Map<String, Value>,
}

/// Adds a piece to a block that is not looked into: texts grow, anything else is replaced.
fn add(block: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (key, more) in piece.into_iter().filter(|(key, _)| key != "type") {
        match (block.get_mut(&key), more) {
            (Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
            (_, more) => drop(block.insert(key, more)),
        }
    }
}
