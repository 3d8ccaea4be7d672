//! Reads a stream event by event.

mod blocks;

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Map, Value};
use ultraai_core::{ChatEvent, ChatRequest, Details, Error, ErrorKind, FinishReason, Native, Result, Usage};
use ultraai_protocol_common::{in_band, is_fault, parse, with_usage};

use self::blocks::{Last, Open};
use crate::{
    NAME,
    answer::{Event, Message, Piece},
    usage::{Counts, UsageBody, WINDOW, finish_reason},
    write::answer_tool,
};

const EVENT: &str = "an event of the stream";

/// The most that is held back of a stream, in bytes: the pieces of one block that can be told only when it is over, and what
/// is told at the end. The vendor's own blocks hold some kilobytes.
const MOST_HELD: usize = 16 << 20;

/// Reads one stream. Push each event; `Finished` comes at `message_stop` and nowhere else.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The tool whose arguments are the answer, where there is one.
    answer_tool: Option<String>,
    /// The id of the answer, once it has begun.
    started: Option<String>,
    finished: bool,
    counts: Counts,
    /// Usage was told before the output was counted, and nothing better came yet.
    told_early: bool,
    details: Details,
    finish_reason: Option<FinishReason>,
    calls: u32,
    block: Open,
    /// Bytes of the events of the open block that are held back.
    held: usize,
    /// Bytes of the events whose fields are told at the end.
    kept: usize,
    /// What the last part that was told is.
    last: Last,
}

impl Decoder {
    /// A decoder for the stream that answers `request`.
    pub(crate) fn of(request: &ChatRequest) -> Self {
        Self { answer_tool: answer_tool(request), ..Self::default() }
    }

    /// Reads the event named `name` that holds `data`, and puts what it says behind `out`, after the event itself where it
    /// says what is not known here.
    ///
    /// # Errors
    /// What the vendor says went wrong, `Interrupted` for an end without its reason, or `Undecodable`; nothing is to be
    /// pushed after that.
    pub(crate) fn push(&mut self, name: &str, data: &Bytes, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let bytes = data.trim_ascii();
        // Gateways that speak OpenAI's protocol too end all their streams in its way.
        if self.finished || bytes.is_empty() || bytes == b"[DONE]" {
            return Ok(());
        }
        let mut event: Event<'_> = match parse(bytes, EVENT) {
            Ok(event) => event,
            Err(error) => {
                misfit(name, bytes, error)?;
                keep(data, out);
                return Ok(());
            }
        };
        if let Some(error) = event.error.take().filter(|error| is_fault(error)) {
            let counted = self.update(event.usage.take(), out);
            return Err(with_usage(in_band(&error), self.counts.read().filter(|_| counted), None));
        }
        let kind = event.kind.as_str();
        let kind = if kind.is_empty() { name } else { kind };
        let is_kept = matches!(kind, "message_delta" | "content_block_stop");
        if !event.others.is_empty() && !is_kept {
            keep(data, out);
        }
        match kind {
            "content_block_delta" => match event.delta {
                Some(piece) => self.push_piece(piece, data, out),
                None => Ok(()),
            },
            "content_block_start" => {
                self.close(out);
                match event.content_block {
                    Some(block) => self.open(*block, bytes, out),
                    None => Ok(()),
                }
            }
            "content_block_stop" => {
                self.add_beside(event.others, data, out);
                self.close(out);
                Ok(())
            }
            "message_start" => self.start(event.message.map(|message| *message).unwrap_or_default(), out),
            "message_delta" => {
                self.end(event.delta.unwrap_or_default(), event.others);
                self.update(event.usage, out);
                hold(&mut self.kept, bytes)
            }
            "message_stop" => self.finish(out),
            "error" => Err(in_band(&parse::<Value>(bytes, EVENT)?)),
            "ping" => Ok(()),
            _ => {
                if event.others.is_empty() {
                    keep(data, out);
                }
                Ok(())
            }
        }
    }

    fn start(&mut self, mut message: Message<'_>, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        let id = message.id.filled();
        match &self.started {
            // Some gateways say it twice.
            Some(known) if id.as_ref().is_none_or(|id| id == known) => return Ok(()),
            // Between here and the vendor somebody asked once more after a break, and put both answers in one stream.
            Some(_) => {
                let message = "another answer begins in the middle of this one";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            None => self.started = Some(id.clone().unwrap_or_default()),
        }
        out.push_back(ChatEvent::Started { model: message.model.filled(), request_id: id });
        self.details.raw.append(&mut message.others);
        if let Some(usage) = message.usage {
            // What comes out is not counted yet; what went in is, and must be known where the answer breaks off.
            self.counts = usage.counts();
            self.keep_rest(usage);
        }
        let early = self.counts.read_early();
        self.told_early = early.is_some();
        out.extend(early.map(ChatEvent::Usage));
        Ok(())
    }

    fn finish(&mut self, out: &mut VecDeque<ChatEvent>) -> Result<()> {
        self.close(out);
        // The event that says why it ended is lost, and nobody knows what else.
        let Some(mut finish_reason) = self.finish_reason.take() else {
            return Err(Error::new(
                ErrorKind::Interrupted,
                "the stream ended without a reason for the answer's end",
            ));
        };
        if self.answer_tool.is_some() && self.calls == 0 && finish_reason == FinishReason::ToolCalls {
            finish_reason = FinishReason::Stop;
        }
        self.finished = true;
        let details = std::mem::take(&mut self.details);
        if details != Details::default() {
            out.push_back(ChatEvent::Details(details));
        }
        if self.told_early {
            // Nobody counted what came out: a usage without counts leaves it to be estimated.
            out.push_back(ChatEvent::Usage(Usage::default()));
        }
        out.push_back(ChatEvent::Finished { finish_reason });
        Ok(())
    }

    /// Why the answer ended.
    fn end(&mut self, piece: Piece<'_>, others: Map<String, Value>) {
        let word = piece.stop_reason.as_str();
        if !word.is_empty() {
            self.finish_reason = Some(finish_reason(word));
            if word == WINDOW {
                self.details.raw.insert("stop_reason".to_owned(), WINDOW.into());
            }
        }
        self.details.stop_sequence = piece.stop_sequence.filled().or(self.details.stop_sequence.take());
        self.details.raw.extend(piece.others);
        self.details.raw.extend(others);
    }

    /// Takes what was used, and says whether it was counted.
    fn update(&mut self, usage: Option<Box<UsageBody<'_>>>, out: &mut VecDeque<ChatEvent>) -> bool {
        let Some(body) = usage.filter(|usage| usage.counts().counts_output()) else { return false };
        self.counts.update(body.counts());
        let usage = self.counts.read();
        self.told_early &= usage.is_none();
        out.extend(usage.map(ChatEvent::Usage));
        self.keep_rest(*body);
        true
    }

    fn keep_rest(&mut self, usage: UsageBody<'_>) {
        let (tier, rest) = usage.rest();
        self.details.service_tier = tier.or(self.details.service_tier.take());
        if !rest.is_empty() {
            let known = self.details.raw.entry("usage").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(known) = known {
                known.extend(rest);
            }
        }
    }
}

/// Counts an event of which something is held back.
fn hold(held: &mut usize, data: &[u8]) -> Result<()> {
    *held = held.saturating_add(data.len());
    match *held > MOST_HELD {
        true => Err(Error::new(
            ErrorKind::Undecodable,
            "a block of the stream is larger than any that the vendor makes",
        )),
        false => Ok(()),
    }
}

/// Hands an event out as it came: it says what the events that are made of it do not.
fn keep(data: &Bytes, out: &mut VecDeque<ChatEvent>) {
    out.push_back(ChatEvent::Native(Native::new(NAME, data.clone())));
}

/// What to make of an event whose fields are not those of the protocol: it may be one that is not known here, or an
/// error in a form of its own.
fn misfit(name: &str, data: &[u8], error: Error) -> Result<()> {
    let event: Value = parse(data, EVENT)?;
    match event["type"].as_str().unwrap_or(name) {
        "error" => Err(in_band(&event)),
        _ if event.get("error").is_some_and(is_fault) => Err(in_band(&event)),
        "" if !event.is_object() => Ok(()),
        "" | "message_start" | "message_delta" | "message_stop" => Err(error),
        kind if kind.starts_with("content_block_") => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
