//! A request as a stream of events.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;

use super::{Event, Orchestrator, Outcome, telling::Telling};
use crate::{CallContext, ChatRequest, Delivery, RequestOptions, Result, Strategy};

/// The events of one request, ending with [`Event::Finished`] or one error.
///
/// It owns the request and polls it in the reader's task: dropping it ends everything.
#[must_use = "the request makes progress only while the stream is polled"]
pub struct OutcomeStream {
    request: Arc<ChatRequest>,
    cx: CallContext,
    work: Option<Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>>,
    events: Telling,
    end: Option<Result<Outcome>>,
}

impl OutcomeStream {
    /// The request that it answers.
    pub fn request(&self) -> &Arc<ChatRequest> {
        &self.request
    }

    /// What was left out so far of what the candidates are asked, as sentences of the trace.
    pub fn left_out(&self) -> Vec<String> {
        self.cx.left_out()
    }

    /// Waits for the next event; `None` after the end.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Reads to the end.
    ///
    /// # Errors
    /// The request's error.
    pub async fn outcome(mut self) -> Result<Outcome> {
        loop {
            match self.next().await {
                Some(Ok(Event::Finished { outcome })) => return Ok(*outcome),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(crate::event::interrupted()),
            }
        }
    }
}

impl Stream for OutcomeStream {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        // What was told already comes first, so that there is room and the request can go on.
        if let Some(event) = this.events.take() {
            return Poll::Ready(Some(Ok(event)));
        }
        if let Some(work) = &mut this.work {
            let polled = work.as_mut().poll(cx);
            let is_pending = polled.is_pending();
            if let Poll::Ready(end) = polled {
                this.work = None;
                this.end = Some(end);
            }
            if let Some(event) = this.events.take() {
                return Poll::Ready(Some(Ok(event)));
            }
            if is_pending {
                return Poll::Pending;
            }
        }
        let end =
            this.end.take().map(|end| end.map(|outcome| Event::Finished { outcome: Box::new(outcome) }));
        Poll::Ready(end)
    }
}

impl fmt::Debug for OutcomeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutcomeStream").finish_non_exhaustive()
    }
}

impl<S: Strategy> Orchestrator<S> {
    /// Answers a prompt or a request and tells what happens meanwhile: who was asked and answered, and the
    /// final answer piece by piece.
    ///
    /// # Errors
    /// What can be refused before anything is asked; the rest comes through the stream.
    pub fn process_stream(&self, request: impl Into<ChatRequest>) -> Result<OutcomeStream> {
        self.process_stream_with(request, RequestOptions::default())
    }

    /// As [`process_stream`](Self::process_stream), with options of the request's own.
    ///
    /// # Errors
    /// What can be refused before anything is asked; the rest comes through the stream.
    pub fn process_stream_with(
        &self,
        request: impl Into<ChatRequest>,
        options: impl Into<RequestOptions>,
    ) -> Result<OutcomeStream> {
        let request = request.into().with_delivery(Delivery::Live);
        self.stream(Arc::new(request), &options.into(), None)
    }

    pub(super) fn stream(
        &self,
        request: Arc<ChatRequest>,
        options: &RequestOptions,
        parent: Option<&CallContext>,
    ) -> Result<OutcomeStream> {
        let events = Telling::default();
        let run = self.base().start_with(request, options, parent, Some(events.clone()))?;
        let (request, cx) = (Arc::clone(run.request()), run.context().clone());
        let strategy = self.strategy_handle();
        let work = Box::pin(async move { run.drive(&*strategy).await });
        Ok(OutcomeStream { request, cx, work: Some(work), events, end: None })
    }
}
