//! A live answer in the words of a protocol.

use std::{collections::VecDeque, io::Write as _, sync::Arc};

use axum::response::Response;
use ultraai::{
    AnswerEvents, Answering, ChatEvent, ChatRequest, Error, Event, EventEncoder, Losses, Native,
    OutcomeStream, OwnedFrame, Result,
};
use ultraai_wire::{write_event, write_frame};

use super::{
    Api, cost, heads,
    live::{Live, Sheet, Words},
    losses_of, now, told,
};
use crate::{
    access::Record,
    routes::{Exchange, fresh_id},
};

/// Tells an answer in the words of a protocol, or in the frames of an upstream that speaks it too.
pub(crate) struct Events {
    api: Api,
    request: Arc<ChatRequest>,
    encoder: Box<dyn EventEncoder>,
    answer: AnswerEvents,
    pending: VecDeque<ChatEvent>,
    frames: Vec<OwnedFrame>,
    losses: Losses,
    /// The answer comes in frames of the caller's own protocol.
    passing: bool,
    /// The one that ends them, until the answer was found good: it may be refused after it was read.
    held: Option<Native>,
}

impl Events {
    /// The body that tells what comes of `stream`.
    pub(crate) fn live(exchange: Exchange, stream: OutcomeStream) -> Live<Self> {
        let words = Self::new(exchange.api, Arc::clone(stream.request()));
        Live::new(exchange, stream, words)
    }

    fn new(api: Api, request: Arc<ChatRequest>) -> Self {
        let id = fresh_id("");
        let encoder = api.codec().encoder(&Answering { request: &request, id: &id, created: now() });
        Self {
            api,
            request,
            encoder,
            answer: AnswerEvents::default(),
            pending: VecDeque::new(),
            frames: Vec::new(),
            losses: Losses::noted(),
            passing: false,
            held: None,
        }
    }

    /// Writes a frame as it came, where it is for the caller.
    fn let_pass(&mut self, frame: &Native, out: &mut Vec<u8>) {
        if self.encoder.passes(frame) {
            let name = std::str::from_utf8(&frame.name).unwrap_or_default();
            write_event(self.api.codec().framing(), name, &frame.body, out);
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        let framing = self.api.codec().framing();
        for frame in self.frames.drain(..) {
            write_frame(framing, &frame, out);
        }
    }
}

impl Words for Events {
    fn take(&mut self, event: Event, sheet: &mut Sheet) -> Result<()> {
        // What was left out stands in a comment too, since the head has left.
        let mut left_out = None;
        let record = &mut sheet.exchange.record;
        match &event {
            // Nothing of what broke off has left yet.
            Event::Discarded { .. } if !sheet.begun => {
                *self = Self::new(self.api, Arc::clone(&self.request));
                sheet.out.clear();
                return Ok(());
            }
            Event::Started { strategy, .. } => record.strategy = Some(strategy.clone().into()),
            Event::Answering { provider_id, .. } => record.provider = Some(provider_id.clone()),
            Event::Finished { outcome } => {
                record.provider = Some(outcome.synthesis.provider_id.clone());
                left_out = Some(Losses::in_trace(&outcome.trace).map(str::to_owned).collect::<Vec<_>>());
                // Before the last frame, behind which nobody reads.
                close(record, &mut sheet.out);
                if let Some(frame) = self.held.take() {
                    self.let_pass(&frame, &mut sheet.out);
                }
            }
            _ => {}
        }
        self.answer.push(event, |outcome| outcome.ledger.usage(), &mut self.pending)?;
        let protocol = self.api.codec().protocol();
        while let Some(event) = self.pending.pop_front() {
            match event {
                ChatEvent::Native(frame) if frame.protocol == protocol => {
                    self.passing = true;
                    match self.encoder.is_last(&frame) {
                        true => self.held = Some(frame),
                        false => self.let_pass(&frame, &mut sheet.out),
                    }
                }
                ChatEvent::Finished { .. } if self.passing => self.encoder.end_passing(&mut self.frames),
                _ if self.passing => {}
                event => self.encoder.push(&event, &mut self.frames, &mut self.losses)?,
            }
            self.flush(&mut sheet.out);
        }
        if let Some(asked) = left_out
            && let Some(losses) = losses_of(asked.iter().map(String::as_str), &self.losses)
        {
            sheet.out.extend_from_slice(format!(": x-ultraai-left-out={losses}\n\n").as_bytes());
        }
        Ok(())
    }

    fn fail(&mut self, error: &Error, sheet: &mut Sheet) {
        self.held = None;
        close(&sheet.exchange.record, &mut sheet.out);
        self.encoder.fail(&told(error), &mut self.frames);
        self.flush(&mut sheet.out);
    }

    fn refused(exchange: Exchange, error: &Error) -> Response {
        exchange.refused(error)
    }
}

/// A comment before the end tells what the head could not know yet, or did not: who answered, how that was found, and what it took.
/// Where nobody was asked there is nothing to tell.
fn close(record: &Record, out: &mut Vec<u8>) {
    let totals = record.ledger.totals();
    if totals.attempts == 0 {
        return;
    }
    let provider = record.provider.as_ref().map(|provider| (heads::PROVIDER, provider.as_str()));
    let strategy = record.strategy.as_ref().map(|strategy| (heads::STRATEGY, strategy.as_ref()));
    out.push(b':');
    for (name, value) in provider.into_iter().chain(strategy) {
        // Writing into memory does not fail.
        let _ = write!(out, " {name}={value}");
    }
    let (attempts, spent) = (totals.attempts, cost(totals.cost()));
    let _ = write!(out, " {}={attempts} {}={spent}\n\n", heads::ATTEMPTS, heads::COST);
}
