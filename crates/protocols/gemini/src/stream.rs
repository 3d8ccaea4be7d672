//! Reads a stream chunk by chunk. A whole answer is a stream of one.

use std::collections::VecDeque;

use serde_json::Value;
use ultraai_core::{ChatEvent, Delta, Error, ErrorKind, FinishReason, Part, Result, Usage};
use ultraai_protocol_common::{at_the_top, is_fault, parse, with_usage};

use crate::{
    answer::{Answer, Candidate, Candidates},
    fault::in_band,
    part::{FunctionCall, RawPart},
    usage::finish_reason,
};

/// Reads one stream. Push what each event holds, and call [`end`](Self::end) when the body has come to its clean end.
///
/// There is no event that says that the stream is over: a finish reason is the sign of the answer's end, and `Finished`
/// comes at the clean end after one, since usage may follow it.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    finish_reason: Option<FinishReason>,
    calls: u32,
    /// Whether a chunk gave a reason that says that the answer has not ended.
    unfinished: bool,
    /// The usage that was told last, and whether it counts the output.
    told: Option<(Usage, bool)>,
}

impl Decoder {
    /// A decoder for one stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an event that holds `data`, and puts what it says behind `out`.
    ///
    /// # Errors
    /// What the vendor says went wrong, `ContentFiltered` for a prompt that it refused, or `Undecodable`; nothing is to be
    /// pushed after that.
    pub fn push(&mut self, data: &[u8], out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let data = data.trim_ascii();
        // Google never sends the latter; servers that follow it may.
        if data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let chunk: Answer<'_> = parse(data, "an event of the stream")?;
        if chunk.is_foreign()
            && let Some(error) = error_in(&chunk, data)
        {
            return Err(error);
        }
        self.push_answer(chunk, out)
    }

    /// Takes the clean end of the body: the answer is finished when a finish reason came.
    pub fn end(&mut self, out: &mut VecDeque<ChatEvent>) {
        if let Some(reason) = self.finish_reason.take() {
            // Google has no reason of its own for calls.
            let is_call = reason == FinishReason::Stop && self.calls > 0;
            let finish_reason = if is_call { FinishReason::ToolCalls } else { reason };
            out.push_back(ChatEvent::Finished { finish_reason });
        }
    }

    /// Whether a candidate came.
    pub(crate) fn is_started(&self) -> bool {
        self.started
    }

    /// Takes the end of a whole answer, which has ended even where nobody says why, unless it says itself that it has not.
    pub(crate) fn end_whole(&mut self, out: &mut VecDeque<ChatEvent>) {
        if !self.unfinished {
            self.finish_reason.get_or_insert_with(|| FinishReason::Other("unknown".into()));
        }
        self.end(out);
    }

    pub(crate) fn push_answer(&mut self, answer: Answer<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let usage = answer.usage_metadata.and_then(|usage| Some((usage.read()?, usage.has_output())));
        let said = self.push_candidate(answer, out);
        self.push_usage(usage, out);
        said.map_err(|error| {
            // Nothing comes out where the prompt is refused; elsewhere what is not counted yet is estimated.
            let is_last = |(_, has_output): &(Usage, bool)| {
                *has_output || error.kind() == ErrorKind::ContentFiltered && !self.started
            };
            let last = usage.filter(is_last).map(|(usage, _)| usage);
            with_usage(error, last, None)
        })
    }

    fn push_candidate(&mut self, mut answer: Answer<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if let Some(error) = answer.error.take().filter(|error| is_fault(error)) {
            return Err(in_band(&error));
        }
        let Candidates::First(mut candidate) = std::mem::take(&mut answer.candidates) else {
            return match answer.block_reason() {
                Some(reason) => Err(Error::new(
                    ErrorKind::ContentFiltered,
                    format!("the provider refused the prompt ({reason})"),
                )),
                None => Ok(()),
            };
        };
        if !self.started {
            self.started = true;
            out.push_back(ChatEvent::Started {
                model: answer.model_version.filled(),
                request_id: answer.response_id.filled(),
            });
        }
        self.push_parts(&mut candidate, out)?;
        self.push_finish(candidate.finish_reason.as_str())
    }

    /// Tells usage that does not count the output yet, so that what went in is known where the answer breaks off; but not
    /// after one that does.
    fn push_usage(&mut self, usage: Option<(Usage, bool)>, out: &mut VecDeque<ChatEvent>) {
        let Some((usage, has_output)) = usage else { return };
        let is_news = match self.told {
            Some((told, true)) => has_output && told != usage,
            Some((told, false)) => has_output || told != usage,
            None => true,
        };
        if is_news {
            self.told = Some((usage, has_output));
            out.push_back(ChatEvent::Usage(usage));
        }
    }

    fn push_finish(&mut self, word: &str) -> Result<()> {
        // What Google's enums say by default, and older servers in every chunk.
        if word == "FINISH_REASON_UNSPECIFIED" {
            self.unfinished = true;
        } else if !word.is_empty() {
            let reason = finish_reason(word)?;
            // A later `STOP` says less than what came before it.
            match &self.finish_reason {
                Some(FinishReason::Stop) | None => self.finish_reason = Some(reason),
                Some(_) if reason != FinishReason::Stop => self.finish_reason = Some(reason),
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn push_parts(&mut self, candidate: &mut Candidate<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let parts = candidate.content.take().and_then(|content| content.parts).unwrap_or_default();
        parts.into_iter().try_for_each(|part| self.push_part(part, out))
    }

    fn push_part(&mut self, mut part: RawPart<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let mut say = |delta| out.push_back(ChatEvent::Delta(delta));
        if let Some(call) = part.function_call.take() {
            return self.push_call(*call, &part, out);
        }
        let Some(text) = part.text.take() else {
            if let Some(state) = part.into_unknown() {
                say(Delta::Part(Box::new(Part::Vendor(state))));
            }
            return Ok(());
        };
        let state = part.state();
        match (text.filled(), part.thought) {
            (Some(text), true) => say(Delta::Reasoning(text)),
            (Some(text), false) => say(Delta::Text(text)),
            (None, _) => {}
        }
        match (state, part.thought) {
            (Some(state), true) => say(Delta::ReasoningState(state)),
            (Some(state), false) => say(Delta::Part(Box::new(Part::Vendor(state)))),
            (None, _) => {}
        }
        Ok(())
    }

    fn push_call(
        &mut self,
        call: FunctionCall<'_>,
        part: &RawPart<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        if call.partial_args.is_some() || call.will_continue == Some(true) {
            let message = "the model's call comes in pieces, which cannot be read yet";
            return Err(Error::new(ErrorKind::Undecodable, message));
        }
        let Some(name) = call.name.filled() else {
            return Err(Error::new(ErrorKind::Undecodable, "the model asks for a tool without a name"));
        };
        let (index, id, state) = (self.calls, call.id.filled().unwrap_or_default(), part.state());
        self.calls += 1;
        let arguments =
            call.args.filter(|args| !args.is_null()).map_or_else(|| "{}".into(), |args| args.to_string());
        out.push_back(ChatEvent::Delta(Delta::ToolCallStart { index, id, name, state }));
        out.push_back(ChatEvent::Delta(Delta::ToolCallArguments { index, arguments }));
        Ok(())
    }
}

/// The error that an answer without anything of this protocol is, in the forms that others have for it.
pub(crate) fn error_in(answer: &Answer<'_>, data: &[u8]) -> Option<Error> {
    if answer.error.as_ref().is_some_and(|error| is_fault(error)) {
        return None;
    }
    parse::<Value>(data, "the answer").ok().as_ref().and_then(at_the_top)
}

#[cfg(test)]
mod tests;
