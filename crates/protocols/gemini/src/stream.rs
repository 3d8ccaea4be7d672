//! Reads a stream chunk by chunk. A whole answer is a stream of one.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Map, Value};
use ultraai_core::{ChatEvent, ChoicePiece, Delta, Details, Error, ErrorKind, Native, Result, Usage};
use ultraai_protocol_common::{at_the_top, is_fault, parse, with_usage};

use crate::{
    NAME,
    answer::{Answer, Candidate},
    fault::in_band,
    track::Track,
    usage::rest_of,
};

/// More answers than anybody asks for; a server that says so would fill the memory.
const MOST_CHOICES: usize = 256;

/// Reads one stream. Push what each event holds, and call [`end`](Self::end) when the body has come to its clean end.
///
/// There is no event that says that the stream is over: a finish reason is the sign of the answer's end, and `Finished`
/// comes at the clean end after one, since usage may follow it.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    first: Track,
    others: Vec<Track>,
    /// The usage that was told last, and whether it counts the output.
    told: Option<(Usage, bool)>,
    /// The chunk that the usage was in.
    counted: Bytes,
    id: String,
    created: Option<String>,
    service_tier: Option<String>,
    /// What stands at the top of chunks.
    rest: Map<String, Value>,
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
    pub fn push(&mut self, data: &Bytes, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let said = data.trim_ascii();
        // Google never sends the latter; servers that follow it may.
        if said.is_empty() || said == b"[DONE]" {
            return Ok(());
        }
        let chunk: Answer<'_> = parse(said, "an event of the stream")?;
        if chunk.is_foreign()
            && let Some(error) = error_in(&chunk, said)
        {
            return Err(error);
        }
        if chunk.usage.is_some() {
            self.counted = data.clone();
        }
        let at = out.len();
        let is_more = self.push_answer(chunk, out)?;
        if is_more {
            out.insert(at, ChatEvent::Native(Native::new(NAME, data.clone())));
        }
        Ok(())
    }

    /// Takes the clean end of the body: the answer is finished when a finish reason came.
    pub fn end(&mut self, out: &mut VecDeque<ChatEvent>) {
        let counted = std::mem::take(&mut self.counted);
        self.end_with(&counted, out);
    }

    /// As [`end`](Self::end); the last usage stands in the answer `counted`.
    pub(crate) fn end_with(&mut self, counted: &[u8], out: &mut VecDeque<ChatEvent>) {
        let Some(finish_reason) = self.first.ended() else { return };
        for (index, track) in (1..).zip(&mut self.others) {
            if let Some(reason) = track.ended() {
                out.push_back(ChatEvent::Choice { index, piece: ChoicePiece::Finished(reason) });
            }
        }
        let mut details = Details::default();
        details.service_tier = self.service_tier.take();
        details.raw = self.raw(counted);
        if details != Details::default() {
            out.push_back(ChatEvent::Details(details));
        }
        out.push_back(ChatEvent::Finished { finish_reason });
    }

    /// What has no place elsewhere, in the form of the answer.
    fn raw(&mut self, counted: &[u8]) -> Map<String, Value> {
        let mut raw = std::mem::take(&mut self.rest);
        raw.extend(self.created.take().map(|time| ("createTime".to_owned(), time.into())));
        let tracks = std::iter::once(&mut self.first).chain(&mut self.others);
        let rests: Vec<_> = tracks.map(|track| Value::Object(std::mem::take(&mut track.rest))).collect();
        if rests.iter().any(|rest| rest.as_object().is_some_and(|rest| !rest.is_empty())) {
            raw.insert("candidates".into(), rests.into());
        }
        let usage = match counted.is_empty() {
            true => Map::new(),
            false => rest_of(counted, self.told.map(|(usage, _)| usage)),
        };
        if !usage.is_empty() {
            raw.insert("usageMetadata".into(), Value::Object(usage));
        }
        raw
    }

    /// Whether a candidate came.
    pub(crate) fn is_started(&self) -> bool {
        self.started
    }

    /// Takes the end of a whole answer, which stands in `body`.
    pub(crate) fn end_whole(&mut self, body: &[u8], out: &mut VecDeque<ChatEvent>) {
        self.first.end_whole();
        self.others.iter_mut().for_each(Track::end_whole);
        self.end_with(body, out);
    }

    /// Reads a chunk; gives whether it says something that the events do not.
    pub(crate) fn push_answer(&mut self, answer: Answer<'_>, out: &mut VecDeque<ChatEvent>) -> Result<bool> {
        let mut is_more = false;
        let usage = answer.usage.as_ref().and_then(|usage| Some((usage.read()?, usage.has_output())));
        if let Some(usage) = &answer.usage {
            is_more |= usage.unknown.0;
            let tier = usage.service_tier.as_str();
            if !tier.is_empty() && self.service_tier.as_deref() != Some(tier) {
                self.service_tier = Some(tier.to_owned());
            }
        }
        let said = self.push_candidates(answer, &mut is_more, out);
        self.push_usage(usage, out);
        said.map(|()| is_more).map_err(|error| {
            // Nothing comes out where the prompt is refused; elsewhere what is not counted yet is estimated.
            let is_last = |(_, has_output): &(Usage, bool)| {
                *has_output || error.kind() == ErrorKind::ContentFiltered && !self.started
            };
            let last = usage.filter(is_last).map(|(usage, _)| usage);
            with_usage(error, last, None)
        })
    }

    fn push_candidates(
        &mut self,
        mut answer: Answer<'_>,
        is_more: &mut bool,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        if let Some(error) = answer.error.take().filter(|error| is_fault(error)) {
            return Err(in_band(&error));
        }
        let blocked = answer.block_reason().map(str::to_owned);
        let feedback = answer.prompt_feedback.take();
        *is_more |= feedback.is_some() || !answer.rest.is_empty();
        self.rest.extend(feedback.map(|feedback| ("promptFeedback".to_owned(), *feedback)));
        self.rest.append(&mut answer.rest);
        if self.created.is_none() {
            self.created = std::mem::take(&mut answer.created).filled();
        }
        let mut candidates = std::mem::take(&mut answer.candidates).into_iter().enumerate().peekable();
        if let (None, Some(reason)) = (candidates.peek(), blocked) {
            let message = format!("the provider refused the prompt ({reason})");
            return Err(Error::new(ErrorKind::ContentFiltered, message));
        }
        for (position, candidate) in candidates {
            if !self.started {
                self.started = true;
                let id = std::mem::take(&mut answer.id).filled();
                self.id = id.clone().unwrap_or_default();
                let model = std::mem::take(&mut answer.model).filled();
                out.push_back(ChatEvent::Started { model, request_id: id });
            }
            *is_more |= !candidate.rest.is_empty()
                || candidate.content.as_ref().is_some_and(|content| !content.rest.is_empty());
            let index = candidate.index.0.map_or(Some(position), |index| usize::try_from(index).ok());
            self.push_candidate(index.unwrap_or(usize::MAX), candidate, out)?;
        }
        Ok(())
    }

    fn push_candidate(
        &mut self,
        index: usize,
        candidate: Candidate<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        let Some(place) = index.checked_sub(1) else {
            return self.first.push(candidate, &self.id, &mut |delta| out.push_back(ChatEvent::Delta(delta)));
        };
        if place >= MOST_CHOICES {
            let message = format!("a piece came for the candidate {index}, which nobody asked for");
            return Err(Error::new(ErrorKind::Undecodable, message));
        }
        if self.others.len() <= place {
            self.others.resize_with(place + 1, Track::default);
        }
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let mut say = |delta: Delta| {
            out.push_back(ChatEvent::Choice { index: number, piece: ChoicePiece::Delta(delta) });
        };
        let id = format!("{}-{index}", self.id);
        self.others[place].push(candidate, &id, &mut say)
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
