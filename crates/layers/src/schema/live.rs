//! Answers that come live: what passes is kept, and checked at the end.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use ultraai_core::{ChatEvent, ChatEvents, ChoicePiece, Result};

use super::form::{Form, Said};

/// More answers to one request than any vendor gives. Who folds the events refuses more; here they are not kept.
const MOST_CHOICES: u32 = 256;

/// The events of an answer, whose end is an error where it does not have the form that was asked for.
pub(super) struct Checked {
    inner: ChatEvents,
    form: Form,
    /// What was said so far, by choice.
    said: BTreeMap<u32, Said>,
}

impl Checked {
    pub(super) fn new(inner: ChatEvents, form: Form) -> Self {
        Self { inner, form, said: BTreeMap::new() }
    }

    fn pass(&mut self, event: ChatEvent) -> Result<ChatEvent> {
        let (index, end) = match &event {
            ChatEvent::Delta(delta) | ChatEvent::Choice { piece: ChoicePiece::Delta(delta), .. } => {
                let index = if let ChatEvent::Choice { index, .. } = event { index } else { 0 };
                if index <= MOST_CHOICES {
                    self.form.listen(self.said.entry(index).or_default(), delta);
                }
                return Ok(event);
            }
            ChatEvent::Finished { finish_reason } => (0, finish_reason),
            ChatEvent::Choice { index, piece: ChoicePiece::Finished(finish_reason) } => {
                (*index, finish_reason)
            }
            _ => return Ok(event),
        };
        let said = self.said.remove(&index).unwrap_or_default();
        self.form.check(&said, end).map(|()| event)
    }
}

impl Stream for Checked {
    type Item = Result<ChatEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let event = match Pin::new(&mut this.inner).poll_next(cx) {
            Poll::Ready(Some(Ok(event))) => event,
            other => return other,
        };
        let passed = this.pass(event);
        if passed.is_err() {
            // After the end it is asked once more, so that it can tidy up its connection.
            let _ = Pin::new(&mut this.inner).poll_next(cx);
        }
        Poll::Ready(Some(passed))
    }
}
