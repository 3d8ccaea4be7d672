//! The events of a request as those of one provider.

use std::collections::VecDeque;

use super::{Event, Outcome};
use crate::{ChatEvent, ChatResponse, Error, ErrorKind, ProviderId, Result, Usage, events_of};

/// Makes of what happens during a request the events of its answer, as one provider would tell it.
#[derive(Debug, Default)]
pub struct AnswerEvents {
    started: bool,
    forwarded: bool,
    /// Who writes what was handed on.
    by: Option<ProviderId>,
    /// A frame was handed on, which cannot be taken back either.
    framed: bool,
}

impl AnswerEvents {
    /// Puts what `event` tells of the answer behind `out`; most events tell nothing. `usage` is what is said to be used, where
    /// it is not what the answer itself says.
    ///
    /// # Errors
    /// Where the answer broke off after pieces had been handed on, which cannot be taken back: of the kind of what broke it off,
    /// or `Interrupted` where somebody judged it, with whoever wrote it.
    pub fn push(
        &mut self,
        event: Event,
        usage: impl FnOnce(&Outcome) -> Option<Usage>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<()> {
        match event {
            Event::Answering { provider_id, model, request_id } => {
                self.by = Some(provider_id);
                if !std::mem::replace(&mut self.started, true) {
                    out.push_back(ChatEvent::Started { model, request_id });
                }
            }
            Event::Frame { frame } => {
                self.framed = true;
                out.push_back(ChatEvent::Native(frame));
            }
            Event::Delta { delta } => {
                (self.started, self.forwarded) = (true, true);
                out.push_back(ChatEvent::Delta(delta));
            }
            Event::Discarded { reason, kind } if self.forwarded || self.framed => {
                let message =
                    format!("the answer broke off after its first pieces had been handed on: {reason}");
                let error = Error::new(kind.unwrap_or(ErrorKind::Interrupted), message);
                return Err(self.by.take().into_iter().fold(error, Error::with_provider));
            }
            Event::Finished { outcome } => {
                let mut answer = ChatResponse::clone(&outcome.synthesis.answer);
                answer.usage = usage(&outcome).or(answer.usage);
                out.extend(events_of(answer).into_iter().filter(|event| match event {
                    ChatEvent::Started { .. } => !self.started,
                    ChatEvent::Delta(_) => !self.forwarded,
                    _ => true,
                }));
            }
            _ => {}
        }
        Ok(())
    }
}
