//! A live answer in pieces, and how the pieces fold into a whole one.

use serde::{Deserialize, Serialize};

use crate::{
    ChatResponse, Choice, Citation, Details, Error, ErrorKind, FinishReason, Native, Part, Reasoning, Result,
    TokenLogprob, ToolCall, Usage, VendorState,
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
    /// What is said about the answer besides; a later one adds to an earlier one.
    Details(Details),
    /// A piece of one of the further answers, where several were asked for.
    Choice {
        /// Which answer, from 1; the first one, 0, has no events of this kind.
        index: u32,
        /// The piece.
        piece: ChoicePiece,
    },
    /// The end.
    Finished {
        /// Why it ended.
        finish_reason: FinishReason,
    },
    /// The frame that the next events were decoded from, as it came: each one where the request was sent as it came too, so
    /// that who asked in that protocol gets them untouched; else one that says what the events do not.
    Native(Native),
}

/// A piece of one of several answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChoicePiece {
    /// More of it.
    Delta(Delta),
    /// Its end.
    Finished(FinishReason),
}

impl ChatEvent {
    /// A piece of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Delta(Delta::Text(text.into()))
    }

    /// Whether an attempt is committed from here on: the first text, reasoning or refusal that is not
    /// empty, the start of a tool call, or a part that comes in one piece, unless it is silent.
    pub fn is_commit(&self) -> bool {
        match self {
            Self::Delta(Delta::Text(text) | Delta::Reasoning(text) | Delta::Refusal(text)) => {
                !text.is_empty()
            }
            Self::Delta(Delta::ToolCallStart { .. } | Delta::PartStart) => true,
            Self::Delta(Delta::Part(part)) => !matches!(&**part, Part::Vendor(state) if state.is_silent),
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
    /// A part begins that comes in one piece, and may take long to be complete, such as an image that is being made. It says
    /// nothing by itself.
    PartStart,
    /// A part that comes in one piece: vendor state, an image, a document.
    Part(Box<Part>),
    /// What is said next is a part of its own, although it is of the same kind as the part before it.
    NextPart,
    /// Where what the part before it says is taken from.
    Citation(Box<Citation>),
    /// Fields that the protocol has beside the part before it, as in [`Notes::extra`](crate::Notes::extra).
    Extra(VendorState),
    /// Tokens of the text with their probabilities.
    Logprobs(Vec<TokenLogprob>),
}

impl Delta {
    /// Whether it says something that is no reasoning and no white space, as in [`Part::is_answer`].
    pub(crate) fn is_answer(&self) -> bool {
        match self {
            Self::Text(text) | Self::Refusal(text) => !text.trim().is_empty(),
            Self::ToolCallStart { .. } => true,
            Self::Part(part) => part.is_answer(),
            _ => false,
        }
    }

    /// What the model wrote, where it is text of some kind.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Reasoning(text) | Self::Refusal(text) => Some(text),
            Self::ToolCallStart { name, .. } => Some(name),
            Self::ToolCallArguments { arguments, .. } => Some(arguments),
            _ => None,
        }
    }

    /// Bytes of what the model wrote, for estimates.
    pub fn byte_len(&self) -> usize {
        self.as_str().map_or(0, str::len)
    }
}

/// Folds events into a [`ChatResponse`].
#[derive(Clone, Debug)]
pub struct Fold {
    response: ChatResponse,
    first: ChoiceFold,
    others: Vec<ChoiceFold>,
    finished: bool,
}

impl Default for Fold {
    fn default() -> Self {
        // An answer that never ends says so.
        let response = ChatResponse { finish_reason: FinishReason::interrupted(), ..ChatResponse::default() };
        Self { response, first: ChoiceFold::default(), others: Vec::new(), finished: false }
    }
}

/// More answers to one request than any vendor gives; a server that says so would fill the memory.
const MOST_CHOICES: usize = 256;

impl Fold {
    /// What was said so far.
    pub(crate) fn content(&self) -> &[Part] {
        &self.response.content
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// `Undecodable` when arguments come for a tool call that never began, or for more choices than anybody asks for.
    pub fn push(&mut self, event: ChatEvent) -> Result<()> {
        let response = &mut self.response;
        match event {
            ChatEvent::Started { model, request_id } => {
                response.model = model.or(response.model.take());
                response.request_id = request_id.or(response.request_id.take());
            }
            ChatEvent::Delta(delta) => {
                self.first.push(delta, &mut response.content, &mut response.logprobs)?;
            }
            ChatEvent::Usage(usage) => response.usage = Some(usage),
            ChatEvent::Details(Details { service_tier, stop_sequence, raw, origin }) => {
                response.service_tier = service_tier.or(response.service_tier.take());
                response.stop_sequence = stop_sequence.or(response.stop_sequence.take());
                response.raw.extend(raw);
                response.origin = origin.or(response.origin);
            }
            ChatEvent::Choice { index, piece } => self.push_choice(index, piece)?,
            ChatEvent::Finished { finish_reason } => {
                response.finish_reason = finish_reason;
                self.finished = true;
            }
            ChatEvent::Native(_) => {}
        }
        Ok(())
    }

    fn push_choice(&mut self, index: u32, piece: ChoicePiece) -> Result<()> {
        let place = usize::try_from(index).unwrap_or(usize::MAX).wrapping_sub(1);
        if place >= MOST_CHOICES {
            let message = format!("a piece came for the choice {index}, which nobody asked for");
            return Err(Error::new(ErrorKind::Undecodable, message));
        }
        if self.others.len() <= place {
            self.others.resize_with(place + 1, ChoiceFold::default);
            // An answer that never ends says so.
            let open = || Choice { finish_reason: FinishReason::interrupted(), ..Choice::default() };
            self.response.alternatives.resize_with(place + 1, open);
        }
        let choice = &mut self.response.alternatives[place];
        match piece {
            ChoicePiece::Delta(delta) => {
                self.others[place].push(delta, &mut choice.content, &mut choice.logprobs)
            }
            ChoicePiece::Finished(reason) => {
                choice.finish_reason = reason;
                Ok(())
            }
        }
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

/// Where one answer of a stream stands.
#[derive(Clone, Debug, Default)]
struct ChoiceFold {
    /// Position in `content` of each tool call, by its index in the stream.
    calls: Vec<(u32, usize)>,
    /// What comes next is a part of its own.
    next_part: bool,
}

impl ChoiceFold {
    fn push(
        &mut self,
        delta: Delta,
        content: &mut Vec<Part>,
        logprobs: &mut Vec<TokenLogprob>,
    ) -> Result<()> {
        match delta {
            Delta::Text(more) => match self.open(content) {
                Some(Part::Text { text, .. }) => text.push_str(&more),
                _ if more.is_empty() => {}
                _ => self.add(content, Part::text(more)),
            },
            Delta::Refusal(more) => match self.open(content) {
                Some(Part::Refusal { text, .. }) => text.push_str(&more),
                _ if more.is_empty() => {}
                _ => self.add(content, Part::refusal(more)),
            },
            Delta::Reasoning(more) => match self.open(content) {
                // A signature ends a block of reasoning; what follows is another block.
                Some(Part::Reasoning(Reasoning { text, state: None, .. })) => text.push_str(&more),
                _ if more.is_empty() => {}
                _ => self.add(content, Part::Reasoning(Reasoning::new(more))),
            },
            Delta::ToolCallStart { index, id, name, state } => {
                self.calls.push((index, content.len()));
                self.add(content, Part::ToolCall(ToolCall { state, ..ToolCall::new(id, name, "") }));
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
            Delta::ReasoningState(vendor_state) => match self.open(content) {
                Some(Part::Reasoning(Reasoning { state: state @ None, .. })) => *state = Some(vendor_state),
                _ => {
                    let reasoning = Reasoning { state: Some(vendor_state), ..Reasoning::default() };
                    self.add(content, Part::Reasoning(reasoning));
                }
            },
            Delta::PartStart => {}
            Delta::Part(part) => self.add(content, *part),
            Delta::NextPart => self.next_part = true,
            Delta::Citation(citation) => {
                if let Some(part) = content.last_mut() {
                    part.annotate(|notes| notes.citations.push(*citation));
                }
            }
            Delta::Extra(extra) => {
                if let Some(part) = content.last_mut() {
                    part.annotate(|notes| notes.extra = Some(extra));
                }
            }
            Delta::Logprobs(more) => logprobs.extend(more),
        }
        Ok(())
    }

    /// The part that more may be added to.
    fn open<'a>(&self, content: &'a mut [Part]) -> Option<&'a mut Part> {
        content.last_mut().filter(|_| !self.next_part)
    }

    fn add(&mut self, content: &mut Vec<Part>, part: Part) {
        self.next_part = false;
        content.push(part);
    }
}

pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the answer broke off before its end")
}

/// The events that a whole answer would have come in.
pub fn events_of(response: ChatResponse) -> Vec<ChatEvent> {
    let ChatResponse {
        model,
        content,
        finish_reason,
        usage,
        request_id,
        stop_sequence,
        service_tier,
        logprobs,
        alternatives,
        raw,
        origin,
        native: _,
    } = response;
    let mut events = vec![ChatEvent::Started { model, request_id }];
    say(content, logprobs, &mut |delta| events.push(ChatEvent::Delta(delta)));
    for (index, choice) in (1..).zip(alternatives) {
        let Choice { content, finish_reason, logprobs } = choice;
        let mut push = |piece| events.push(ChatEvent::Choice { index, piece });
        say(content, logprobs, &mut |delta| push(ChoicePiece::Delta(delta)));
        push(ChoicePiece::Finished(finish_reason));
    }
    let details = Details { service_tier, stop_sequence, raw: raw.into_map(), origin };
    if details != (Details { origin, ..Details::default() }) {
        events.push(ChatEvent::Details(details));
    }
    events.extend(usage.map(ChatEvent::Usage));
    events.push(ChatEvent::Finished { finish_reason });
    events
}

/// The pieces that fold to `content`.
fn say(content: Vec<Part>, logprobs: Vec<TokenLogprob>, push: &mut impl FnMut(Delta)) {
    let mut calls = 0;
    let mut before = None;
    for part in content {
        let kind = part.kind();
        // Two parts of one kind that follow each other would fold to one.
        if before.replace(kind) == Some(kind) && matches!(kind, "text" | "refusal" | "reasoning") {
            push(Delta::NextPart);
        }
        let notes = match part {
            Part::Text { text, notes } => {
                push(Delta::Text(text));
                notes
            }
            Part::Refusal { text, notes } => {
                push(Delta::Refusal(text));
                notes
            }
            Part::Reasoning(Reasoning { text, state, notes }) => {
                push(Delta::Reasoning(text));
                if let Some(state) = state {
                    push(Delta::ReasoningState(state));
                }
                notes
            }
            Part::ToolCall(ToolCall { id, name, arguments, state, notes }) => {
                let index = calls;
                calls += 1;
                push(Delta::ToolCallStart { index, id, name, state });
                push(Delta::ToolCallArguments { index, arguments });
                notes
            }
            part => {
                push(Delta::Part(Box::new(part)));
                None
            }
        };
        if let Some(notes) = notes {
            notes.citations.into_iter().for_each(|citation| push(Delta::Citation(Box::new(citation))));
            if let Some(extra) = notes.extra {
                push(Delta::Extra(extra));
            }
        }
    }
    if !logprobs.is_empty() {
        push(Delta::Logprobs(logprobs));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

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
        whole.content.extend([Part::text("two"), Part::text("texts")]);
        whole.content[5].annotate(|notes| notes.citations.push(Citation::default()));
        whole.stop_sequence = Some("\n".into());
        whole.raw.insert("novel".into(), Value::from(7));
        whole.logprobs.push(TokenLogprob { token: "It".into(), logprob: -0.5, ..TokenLogprob::default() });
        let mut other = Choice::default();
        other.content.extend([Part::text("a"), Part::text("b")]);
        other.finish_reason = FinishReason::Length;
        whole.alternatives = vec![other.clone(), other];
        assert_eq!(fold(events_of(whole.clone())).unwrap(), whole);
    }

    #[test]
    fn more_choices_than_anybody_asks_for_are_refused() {
        let piece = || ChoicePiece::Delta(Delta::Text("a".into()));
        for index in [0, 257, u32::MAX] {
            let error = fold([ChatEvent::Choice { index, piece: piece() }]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Undecodable, "{index}");
        }
        let finished = ChatEvent::Finished { finish_reason: FinishReason::Stop };
        let answer = fold([ChatEvent::Choice { index: 2, piece: piece() }, finished]).unwrap();
        assert_eq!(answer.alternatives[1].finish_reason, FinishReason::interrupted());
    }

    #[test]
    fn nobody_invents_an_end() {
        let error = fold([ChatEvent::text("It is su")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        let partial = error.partial().unwrap();
        assert_eq!(partial.text(), "It is su");
        assert!(!partial.is_complete(), "{}", partial.finish_reason.as_str());
    }

    #[test]
    fn empty_deltas_do_not_commit() {
        assert!(!ChatEvent::text("").is_commit());
        assert!(!ChatEvent::Usage(Usage::default()).is_commit());
        assert!(ChatEvent::text("a").is_commit());
        let part = |state| ChatEvent::Delta(Delta::Part(Box::new(Part::Vendor(state))));
        assert!(part(VendorState::new("v", Value::Null)).is_commit());
        assert!(!part(VendorState::silent("v", Value::Null)).is_commit());
    }
}
