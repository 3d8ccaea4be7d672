//! A live answer in pieces, and how the pieces fold into a whole one.

use serde::{Deserialize, Serialize};

use crate::{
    ChatResponse, Error, ErrorKind, FinishReason, Native, Part, Reasoning, Result, ToolCall, Usage,
    VendorState,
};

/// A piece of a live answer.
///
/// A stream is `Started (Delta | Usage)* Finished`, or one `Err` and nothing after it. A stream that ends
/// without `Finished` was cut off. `Started` may be missing where a vendor does not say what it would hold.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChatEvent {
    /// The provider began.
    Started {
        /// The model that answers, in the provider's words.
        model: Option<String>,
        /// The provider's own id of the exchange.
        request_id: Option<String>,
    },
    /// More of the answer.
    Delta(Delta),
    /// Tokens so far; a later one replaces an earlier one.
    Usage(Usage),
    /// The end.
    Finished {
        /// Why it ended.
        finish_reason: FinishReason,
    },
    /// The frame that the next events were decoded from, as it came; only for those who pass frames on.
    Native(Native),
}

impl ChatEvent {
    /// A piece of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Delta(Delta::Text(text.into()))
    }

    /// Whether an attempt is committed from here on: the first text, reasoning or refusal that is not
    /// empty, or the start of a tool call.
    pub fn is_commit(&self) -> bool {
        match self {
            Self::Delta(Delta::Text(text) | Delta::Reasoning(text) | Delta::Refusal(text)) => {
                !text.is_empty()
            }
            Self::Delta(Delta::ToolCallStart { .. }) => true,
            Self::Delta(Delta::Part(part)) => !matches!(part, Part::Vendor(_)),
            _ => false,
        }
    }
}

/// More of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delta {
    /// Text.
    Text(String),
    /// Reasoning.
    Reasoning(String),
    /// The model declines.
    Refusal(String),
    /// A tool call begins.
    ToolCallStart {
        /// Which of the answer's calls, from 0.
        index: u32,
        /// The call's id.
        id: String,
        /// The tool's name.
        name: String,
        /// What the vendor wants back with the call, such as a thought signature.
        state: Option<VendorState>,
    },
    /// More of a call's arguments.
    ToolCallArguments {
        /// Which of the answer's calls, from 0.
        index: u32,
        /// A piece of the JSON text.
        arguments: String,
    },
    /// Vendor state that belongs to the reasoning before it, such as a signature.
    ReasoningState(VendorState),
    /// A part that comes in one piece: vendor state, an image, a document.
    Part(Part),
}

impl Delta {
    /// Whether it says something that is no reasoning and no white space.
    pub(crate) fn is_answer(&self) -> bool {
        match self {
            Self::Text(text) | Self::Refusal(text) => !text.trim().is_empty(),
            Self::ToolCallStart { .. } => true,
            Self::Part(part) => !matches!(part, Part::Vendor(_) | Part::Reasoning(_)),
            Self::Reasoning(_) | Self::ReasoningState(_) | Self::ToolCallArguments { .. } => false,
        }
    }

    /// What the model wrote, where it is text of some kind.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Reasoning(text) | Self::Refusal(text) => Some(text),
            Self::ToolCallStart { name, .. } => Some(name),
            Self::ToolCallArguments { arguments, .. } => Some(arguments),
            Self::ReasoningState(_) | Self::Part(_) => None,
        }
    }

    /// Bytes of what the model wrote, for estimates.
    pub fn byte_len(&self) -> usize {
        self.as_str().map_or(0, str::len)
    }
}

/// Folds events into a [`ChatResponse`].
#[derive(Clone, Debug, Default)]
pub struct Fold {
    response: ChatResponse,
    /// Position in `content` of each tool call, by its index in the stream.
    calls: Vec<(u32, usize)>,
    finished: bool,
}

impl Fold {
    /// What was said so far.
    pub(crate) fn content(&self) -> &[Part] {
        &self.response.content
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// `Undecodable` when arguments come for a tool call that never began.
    pub fn push(&mut self, event: ChatEvent) -> Result<()> {
        match event {
            ChatEvent::Started { model, request_id } => {
                self.response.model = model.or(self.response.model.take());
                self.response.request_id = request_id.or(self.response.request_id.take());
            }
            ChatEvent::Delta(delta) => self.push_delta(delta)?,
            ChatEvent::Usage(usage) => self.response.usage = Some(usage),
            ChatEvent::Finished { finish_reason } => {
                self.response.finish_reason = finish_reason;
                self.finished = true;
            }
            ChatEvent::Native(_) => {}
        }
        Ok(())
    }

    fn push_delta(&mut self, delta: Delta) -> Result<()> {
        let content = &mut self.response.content;
        match delta {
            Delta::Text(more) => match content.last_mut() {
                Some(Part::Text { text }) => text.push_str(&more),
                _ if more.is_empty() => {}
                _ => content.push(Part::Text { text: more }),
            },
            Delta::Refusal(more) => match content.last_mut() {
                Some(Part::Refusal { text }) => text.push_str(&more),
                _ if more.is_empty() => {}
                _ => content.push(Part::Refusal { text: more }),
            },
            Delta::Reasoning(more) => match content.last_mut() {
                // A signature ends a block of reasoning; what follows is another block.
                Some(Part::Reasoning(Reasoning { text, state: None })) => text.push_str(&more),
                _ if more.is_empty() => {}
                _ => content.push(Part::Reasoning(Reasoning::new(more))),
            },
            Delta::ToolCallStart { index, id, name, state } => {
                self.calls.push((index, content.len()));
                content.push(Part::ToolCall(ToolCall { state, ..ToolCall::new(id, name, "") }));
            }
            Delta::ToolCallArguments { index, arguments: more } => {
                let place = self.calls.iter().rev().find(|(call, _)| *call == index).map(|(_, place)| *place);
                match place.and_then(|place| content.get_mut(place)) {
                    Some(Part::ToolCall(call)) => call.arguments.push_str(&more),
                    _ => {
                        let message = format!("arguments came for tool call {index}, which never began");
                        return Err(Error::new(ErrorKind::Undecodable, message));
                    }
                }
            }
            Delta::ReasoningState(vendor_state) => match content.last_mut() {
                Some(Part::Reasoning(Reasoning { state: state @ None, .. })) => *state = Some(vendor_state),
                _ => content
                    .push(Part::Reasoning(Reasoning { text: String::new(), state: Some(vendor_state) })),
            },
            Delta::Part(part) => content.push(part),
        }
        Ok(())
    }

    /// Whether the end has come.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// What was received so far.
    pub fn partial(&self) -> &ChatResponse {
        &self.response
    }

    /// The whole answer.
    ///
    /// # Errors
    /// `Interrupted` when no `Finished` came; the error carries what was received.
    pub fn finish(self) -> Result<ChatResponse> {
        if self.finished { Ok(self.response) } else { Err(interrupted().with_partial(self.response)) }
    }

    /// The error that ends the stream, with what was received; usage that the error knows is the later one.
    pub(crate) fn broken_by(self, error: Error) -> Error {
        let mut partial = self.response;
        partial.usage = error.partial().and_then(|counted| counted.usage).or(partial.usage);
        error.with_partial(partial)
    }
}

pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the answer broke off before its end")
}

/// The events that a whole answer would have come in.
pub fn events_of(response: ChatResponse) -> Vec<ChatEvent> {
    let ChatResponse { model, content, finish_reason, usage, request_id, raw: _ } = response;
    let mut events = vec![ChatEvent::Started { model, request_id }];
    let mut calls = 0;
    for part in content {
        match part {
            Part::Text { text } => events.push(ChatEvent::text(text)),
            Part::Refusal { text } => events.push(ChatEvent::Delta(Delta::Refusal(text))),
            Part::Reasoning(Reasoning { text, state }) => {
                events.push(ChatEvent::Delta(Delta::Reasoning(text)));
                events.extend(state.map(|state| ChatEvent::Delta(Delta::ReasoningState(state))));
            }
            Part::ToolCall(ToolCall { id, name, arguments, state }) => {
                let index = calls;
                calls += 1;
                events.push(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state }));
                events.push(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }));
            }
            part @ (Part::Vendor(_) | Part::Image(_) | Part::Document(_) | Part::ToolResult(_)) => {
                events.push(ChatEvent::Delta(Delta::Part(part)));
            }
        }
    }
    events.extend(usage.map(ChatEvent::Usage));
    events.push(ChatEvent::Finished { finish_reason });
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(events: impl IntoIterator<Item = ChatEvent>) -> Result<ChatResponse> {
        let mut fold = Fold::default();
        for event in events {
            fold.push(event)?;
        }
        fold.finish()
    }

    #[test]
    fn pieces_fold_to_the_whole_answer() {
        let mut whole = ChatResponse::from_text("It is sunny.").with_usage(Usage::reported(3, 4));
        whole.model = Some("m".into());
        whole.content.insert(0, Part::Reasoning(Reasoning::new("look outside")));
        whole.content.push(Part::ToolCall(ToolCall::new("1", "weather", "{\"city\":\"Oslo\"}")));
        whole.content.push(Part::ToolCall(ToolCall::new("2", "time", "{}")));
        assert_eq!(fold(events_of(whole.clone())).unwrap(), whole);
    }

    #[test]
    fn nobody_invents_an_end() {
        let error = fold([ChatEvent::text("It is su")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert_eq!(error.partial().unwrap().text(), "It is su");
    }

    #[test]
    fn empty_deltas_do_not_commit() {
        assert!(!ChatEvent::text("").is_commit());
        assert!(!ChatEvent::Usage(Usage::default()).is_commit());
        assert!(ChatEvent::text("a").is_commit());
    }
}
