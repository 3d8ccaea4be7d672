//! One of the answers of a stream, piece by piece.

use serde_json::{Map, Value, value::RawValue};
use ultraai_core::{Delta, Error, ErrorKind, FinishReason, Part, Result, VendorState};

use crate::{
    NAME, VENDOR,
    answer::Candidate,
    citations,
    logprobs::{self, LOGPROBS},
    media,
    part::{CALL, RawCall, RawPart, SIGNATURE, made_up_id},
    pieces::Pieces,
    usage::{finish_reason, is_open},
};

/// What was said last, so far as what comes next may go on with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    Text,
    Thought,
}

/// Where one answer stands.
#[derive(Debug, Default)]
pub(crate) struct Track {
    calls: u32,
    last: Last,
    /// The call whose arguments are under way.
    pieces: Option<Pieces>,
    finish_reason: Option<FinishReason>,
    /// Whether a chunk gave a reason that says that the answer has not ended.
    pub(crate) unfinished: bool,
    /// What stands beside the content, for `raw`.
    pub(crate) rest: Map<String, Value>,
}

impl Track {
    /// Takes more of the answer; `id` is the id of the exchange.
    pub(crate) fn push(
        &mut self,
        candidate: Candidate<'_>,
        id: &str,
        say: &mut impl FnMut(Delta),
    ) -> Result<()> {
        let mut citations = match candidate.rest.is_empty() {
            true => Vec::new(),
            false => citations::read(&candidate.rest),
        };
        // They belong to the text, which a signature may follow.
        if self.last == Last::Text {
            citations.drain(..).for_each(|citation| say(Delta::Citation(Box::new(citation))));
        }
        let content = candidate.content.unwrap_or_default();
        let mut before = Last::Other;
        for part in content.parts {
            before = self.part(part, before, id, &mut |delta| {
                let is_text = matches!(delta, Delta::Text(_));
                say(delta);
                if is_text {
                    citations.drain(..).for_each(|citation| say(Delta::Citation(Box::new(citation))));
                }
            })?;
        }
        for citation in citations {
            say(Delta::Citation(Box::new(citation)));
        }
        if !candidate.rest.is_empty() {
            let tokens = logprobs::read(&candidate.rest);
            if !tokens.is_empty() {
                say(Delta::Logprobs(tokens));
            }
            candidate.rest.into_iter().for_each(|(key, value)| self.keep(key, value));
        }
        if !content.rest.is_empty() {
            self.rest.insert("content".into(), Value::Object(content.rest));
        }
        self.finish(candidate.finish_reason.as_str(), say)
    }

    /// Keeps what stands beside the content; of citations and log probabilities each chunk tells its own.
    fn keep(&mut self, key: String, value: Value) {
        let adds = matches!(key.as_str(), "citationMetadata" | LOGPROBS);
        match (self.rest.get_mut(&key), value) {
            (Some(Value::Object(kept)), Value::Object(more)) => {
                for (key, value) in more {
                    match (kept.get_mut(&key), value) {
                        (Some(Value::Array(list)), Value::Array(more)) if adds => list.extend(more),
                        (_, value) => drop(kept.insert(key, value)),
                    }
                }
            }
            (_, value) => drop(self.rest.insert(key, value)),
        }
    }

    /// The reason that the answer ended for, at the clean end of the stream.
    pub(crate) fn ended(&mut self) -> Option<FinishReason> {
        let reason = self.finish_reason.take()?;
        // Google has no reason of its own for calls.
        let is_call = reason == FinishReason::Stop && self.calls > 0;
        Some(if is_call { FinishReason::ToolCalls } else { reason })
    }

    /// Takes the end of a whole answer, which has ended even where nobody says why, unless it says itself that it has not.
    pub(crate) fn end_whole(&mut self) {
        if !self.unfinished {
            self.finish_reason.get_or_insert_with(|| FinishReason::Other("unknown".into()));
        }
    }

    fn finish(&mut self, word: &str, say: &mut impl FnMut(Delta)) -> Result<()> {
        if word.is_empty() {
            return Ok(());
        }
        // What Google's enums say by default, and older servers in every chunk.
        if is_open(word) {
            self.unfinished = true;
            return Ok(());
        }
        self.end_pieces(say);
        let reason = finish_reason(word)?;
        if reason == FinishReason::ContentFilter && word != "SAFETY" {
            self.rest.insert("finishReason".into(), word.into());
        }
        // A later `STOP` says less than what came before it.
        match &self.finish_reason {
            Some(FinishReason::Stop) | None => self.finish_reason = Some(reason),
            Some(_) if reason != FinishReason::Stop => self.finish_reason = Some(reason),
            Some(_) => {}
        }
        Ok(())
    }

    /// Reads a part. `before` is what the part before it in this chunk was, which is a part of its own.
    fn part(
        &mut self,
        mut part: RawPart<'_>,
        before: Last,
        id: &str,
        say: &mut impl FnMut(Delta),
    ) -> Result<Last> {
        if let Some(call) = part.call.take() {
            self.call(*call, part.rest, id, say)?;
            return Ok(Last::Other);
        }
        let Some(text) = part.text.take() else {
            self.other(part, say);
            return Ok(Last::Other);
        };
        let kind = if part.thought { Last::Thought } else { Last::Text };
        let (text, mut rest) = (text.filled(), part.rest);
        let signature = rest.contains_key(SIGNATURE);
        let is_empty = text.is_none();
        if let Some(text) = text {
            // A text with a signature is a part of its own, as Google wants it back.
            if self.last == kind && (before == kind || signature) {
                say(Delta::NextPart);
            }
            self.last = kind;
            say(match kind {
                Last::Thought => Delta::Reasoning(text),
                _ => Delta::Text(text),
            });
        }
        if rest.is_empty() {
            return Ok(kind);
        }
        if kind == Last::Thought {
            let is_alone = self.last != Last::Thought || before == Last::Thought;
            if is_empty && is_alone {
                if self.last == Last::Thought {
                    say(Delta::NextPart);
                }
                rest.insert("thought".into(), true.into());
            }
            self.state(rest, say);
        } else if is_empty && signature {
            if self.last == Last::Thought {
                say(Delta::NextPart);
            }
            rest.insert("text".into(), "".into());
            self.state(rest, say);
        } else {
            let signature = rest.remove_entry(SIGNATURE);
            if !rest.is_empty() {
                say(Delta::Extra(VendorState::new(NAME, Value::Object(rest))));
            }
            if let Some(signature) = signature {
                self.state([signature].into_iter().collect(), say);
            }
        }
        Ok(kind)
    }

    fn state(&mut self, fields: Map<String, Value>, say: &mut impl FnMut(Delta)) {
        self.last = Last::Other;
        say(Delta::ReasoningState(VendorState::new(VENDOR, Value::Object(fields))));
    }

    /// A part that is no text and no call.
    fn other(&mut self, part: RawPart<'_>, say: &mut impl FnMut(Delta)) {
        let mut rest = part.rest;
        if rest.is_empty() {
            return;
        }
        let mut unknown = |state| say(Delta::Part(Box::new(Part::Vendor(state))));
        self.last = Last::Other;
        if part.thought {
            // A thought that is no text, such as a sketch of an image, is no part of the answer.
            rest.insert("thought".into(), true.into());
            return unknown(VendorState::silent(NAME, Value::Object(rest)));
        }
        let signature = rest.remove_entry(SIGNATURE);
        match media::read(rest) {
            Ok(media) => {
                say(Delta::Part(Box::new(media)));
                if let Some(signature) = signature {
                    self.state([signature].into_iter().collect(), say);
                }
            }
            Err(mut rest) => {
                rest.extend(signature);
                unknown(VendorState::new(NAME, Value::Object(rest)));
            }
        }
    }

    fn call(
        &mut self,
        call: RawCall<'_>,
        mut rest: Map<String, Value>,
        id: &str,
        say: &mut impl FnMut(Delta),
    ) -> Result<()> {
        self.last = Last::Other;
        let comes_in_pieces = call.pieces.is_some() || call.continues;
        let arguments = match call.args.map(RawValue::get) {
            None => None,
            Some(args) if args.starts_with('{') => Some(compact(args)),
            Some(_) => {
                let message = "the model asks for a tool with arguments that are no object";
                return Err(Error::new(ErrorKind::Undecodable, message));
            }
        };
        let index = match (call.name.filled(), &self.pieces) {
            (None, Some(open)) => open.index,
            (None, None) => {
                return Err(Error::new(ErrorKind::Undecodable, "the model asks for a tool without a name"));
            }
            (Some(name), _) => {
                self.end_pieces(say);
                let index = self.calls;
                self.calls += 1;
                let id = call.id.filled().unwrap_or_else(|| made_up_id(id, index));
                let signature = rest.remove_entry(SIGNATURE);
                let state = signature.map(|signature| {
                    VendorState::new(VENDOR, Value::Object([signature].into_iter().collect()))
                });
                say(Delta::ToolCallStart { index, id, name, state });
                if comes_in_pieces {
                    self.pieces = Some(Pieces::new(index));
                } else {
                    let arguments = arguments.clone().unwrap_or_else(|| "{}".to_owned());
                    say(Delta::ToolCallArguments { index, arguments });
                }
                index
            }
        };
        if let Some(pieces) = self.pieces.as_mut().filter(|pieces| pieces.index == index) {
            if let Some(Ok(arguments)) = arguments.map(|arguments| serde_json::from_str(&arguments)) {
                pieces.whole(arguments);
            }
            call.pieces.unwrap_or_default().iter().try_for_each(|piece| pieces.push(piece))?;
            if !call.continues {
                self.end_pieces(say);
            }
        }
        if !call.rest.is_empty() {
            rest.insert(CALL.into(), Value::Object(call.rest));
        }
        if !rest.is_empty() {
            say(Delta::Extra(VendorState::new(NAME, Value::Object(rest))));
        }
        Ok(())
    }

    fn end_pieces(&mut self, say: &mut impl FnMut(Delta)) {
        if let Some(pieces) = self.pieces.take() {
            say(Delta::ToolCallArguments { index: pieces.index, arguments: pieces.arguments() });
        }
    }
}

/// JSON without the white space that stands between its words.
fn compact(json: &str) -> String {
    if !json.contains('\n') {
        return json.to_owned();
    }
    let (mut is_text, mut is_escaped) = (false, false);
    let kept = json.chars().filter(|character| {
        let keep = is_text || !character.is_ascii_whitespace();
        match character {
            '"' if !is_escaped => is_text = !is_text,
            _ => {}
        }
        is_escaped = is_text && *character == '\\' && !is_escaped;
        keep
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_in_texts_stays() {
        assert_eq!(compact("{\n \"a b\": [1, \"\\\" c\\\\\", 2 ]\n}"), r#"{"a b":[1,"\" c\\",2]}"#);
        assert_eq!(compact(r#"{"a": 1.0}"#), r#"{"a": 1.0}"#);
    }
}
