//! Reads a stream event by event.

mod track;

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Map, Value};
use ultraai_core::{ChatEvent, ChoicePiece, Details, Error, ErrorKind, FinishReason, Native, Result};
use ultraai_protocol_common::{at_the_top, in_band, is_fault, parse, with_usage};

use self::track::Track;
use crate::{
    Dialect, NAME,
    answer::{Answer, Choice, Choices},
    leftovers,
    usage::finish_reason,
};

/// Reads one stream. Push each event, and call [`end`](Self::end) when the body has come to its clean end.
///
/// `Finished` comes at `[DONE]` or at the clean end after a finish reason, since usage mostly follows that reason. Some
/// servers leave the reason out; then the usage at the end says that there was one.
#[derive(Debug)]
pub struct Decoder {
    /// Whose state comes with the answer.
    vendor: &'static str,
    started: bool,
    finish_reason: Option<FinishReason>,
    stop_sequence: Option<String>,
    service_tier: Option<String>,
    usage: Told,
    finished: bool,
    first: Track,
    others: Vec<(u32, Track)>,
    /// The last chunk that says at its top what only `raw` has words for, and the last whose usage does.
    says_more: Bytes,
    usage_says_more: Bytes,
}

/// When usage was told. Who does not tell it all along knows it at the answer's end only.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Told {
    #[default]
    Never,
    /// By the last event, and by none before.
    Last,
    Earlier,
}

/// More answers than anybody asks for; a server that gives more would fill the memory.
const MOST_CHOICES: usize = 256;

impl Decoder {
    /// A decoder for one stream in the vendor's dialect.
    pub fn new(dialect: &Dialect) -> Self {
        Self {
            vendor: dialect.provider_name(),
            started: false,
            finish_reason: None,
            stop_sequence: None,
            service_tier: None,
            usage: Told::Never,
            finished: false,
            first: Track::default(),
            others: Vec::new(),
            says_more: Bytes::new(),
            usage_says_more: Bytes::new(),
        }
    }

    /// Reads the event named `event`, mostly unnamed, that holds `data`, and puts what it says behind `out`.
    ///
    /// # Errors
    /// What the vendor says went wrong, with the usage where that stands beside it, `Interrupted` for a `[DONE]` that comes
    /// before the answer's end, or `Undecodable`; nothing is to be pushed after that.
    pub fn push(&mut self, event: &str, data: &Bytes, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let trimmed = data.trim_ascii();
        if self.finished || trimmed.is_empty() {
            return Ok(());
        }
        if trimmed == b"[DONE]" {
            // A gateway says so too when the server behind it broke off.
            if self.finish_reason.is_none() && self.usage != Told::Last {
                let message = "the stream ended without a reason for the answer's end";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            return self.finish(out);
        }
        if event == "error" {
            let value: Value = parse(trimmed, "an event of the stream")?;
            return Err(in_band(&value));
        }
        let chunk: Answer<'_> = parse(trimmed, "an event of the stream")?;
        let usage = chunk.usage();
        self.usage = match self.usage {
            Told::Never if usage.is_some() => Told::Last,
            Told::Never => Told::Never,
            Told::Last | Told::Earlier => Told::Earlier,
        };
        if chunk.says_more() {
            self.says_more = data.clone();
        }
        if chunk.usage_says_more() {
            self.usage_says_more = data.clone();
        }
        let (is_novel, place) = (chunk.is_novel(), out.len());
        self.push_chunk(chunk, trimmed, out).map_err(|error| with_usage(error, usage, None))?;
        if is_novel {
            // It stands before what was read in it, and an error has none.
            out.insert(place, ChatEvent::Native(Native::new(NAME, data.clone())));
        }
        out.extend(usage.map(ChatEvent::Usage));
        Ok(())
    }

    fn push_chunk(
        &mut self,
        mut chunk: Answer<'_>,
        data: &[u8],
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        if let Some(error) = chunk.error.take().filter(is_fault) {
            return Err(in_band(&error));
        }
        if self.service_tier.is_none() {
            self.service_tier = chunk.service_tier.filled();
        }
        match chunk.choices {
            Choices::Missing => {
                // Some servers put an error at the top of an event.
                let value = parse::<Value>(data, "an event of the stream")?;
                at_the_top(&value).map_or(Ok(()), Err)
            }
            Choices::Empty => Ok(()),
            Choices::Some(first, others) => {
                if !self.started {
                    self.started = true;
                    out.push_back(ChatEvent::Started {
                        model: chunk.model.filled(),
                        request_id: chunk.id.filled(),
                    });
                }
                self.push_choice(first, out)?;
                others.into_iter().try_for_each(|other| self.push_choice(other, out))
            }
        }
    }

    /// Takes the clean end of the body: the answer is finished when a finish reason came.
    ///
    /// # Errors
    /// `Undecodable` when a tool call has no name.
    pub fn end(&mut self, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        if self.finished || self.finish_reason.is_none() { Ok(()) } else { self.finish(out) }
    }

    fn finish(&mut self, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        self.first.end(self.vendor, &mut |delta| out.push_back(ChatEvent::Delta(delta)))?;
        for (index, track) in &mut self.others {
            let index = *index;
            track.end(self.vendor, &mut |delta| {
                out.push_back(ChatEvent::Choice { index, piece: ChoicePiece::Delta(delta) });
            })?;
        }
        self.finished = true;
        let details = self.details();
        if details != Details::default() {
            out.push_back(ChatEvent::Details(details));
        }
        let finish_reason =
            self.finish_reason.take().unwrap_or_else(|| FinishReason::Other("unknown".into()));
        out.push_back(ChatEvent::Finished { finish_reason });
        Ok(())
    }

    fn details(&mut self) -> Details {
        let mut raw: Map<String, Value> = match self.says_more.is_empty() {
            true => Map::new(),
            false => leftovers::of_chunk(&self.says_more),
        };
        if !self.usage_says_more.is_empty() {
            leftovers::put(&mut raw, "usage", leftovers::of_usage(&self.usage_says_more));
        }
        let mut details = Details::default();
        details.raw = raw;
        details.service_tier = self.service_tier.take();
        details.stop_sequence = self.stop_sequence.take();
        details
    }

    fn push_choice(&mut self, mut choice: Choice<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let index = choice.index.0.unwrap_or(0);
        if index != 0 {
            return self.push_other(index, choice, out);
        }
        self.first.push(self.vendor, &mut choice, &mut |delta| out.push_back(ChatEvent::Delta(delta)))?;
        self.stop_sequence = choice.stop_sequence().or(self.stop_sequence.take());
        let word = choice.finish_reason.as_str();
        if !word.is_empty() {
            let reason = finish_reason(word)?;
            // A later `stop` says less than what came before it.
            match &self.finish_reason {
                Some(known) if *known != FinishReason::Stop && reason == FinishReason::Stop => {}
                _ => self.finish_reason = Some(reason),
            }
        }
        Ok(())
    }

    /// A piece of one of the further answers.
    fn push_other(
        &mut self,
        index: u64,
        mut choice: Choice<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        let too_many =
            || Error::new(ErrorKind::Undecodable, "a piece came for a choice that nobody asked for");
        let index = u32::try_from(index).ok().filter(|index| *index as usize <= MOST_CHOICES);
        let index = index.ok_or_else(too_many)?;
        let place = match self.others.iter().position(|(known, _)| *known == index) {
            Some(place) => place,
            None => {
                self.others.push((index, Track::default()));
                self.others.len() - 1
            }
        };
        let mut push = |piece| out.push_back(ChatEvent::Choice { index, piece });
        self.others[place].1.push(self.vendor, &mut choice, &mut |delta| push(ChoicePiece::Delta(delta)))?;
        let word = choice.finish_reason.as_str();
        if !word.is_empty() {
            let reason = finish_reason(word)?;
            let track = &mut self.others[place].1;
            track.end(self.vendor, &mut |delta| push(ChoicePiece::Delta(delta)))?;
            push(ChoicePiece::Finished(reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
