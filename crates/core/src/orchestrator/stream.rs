//! A request as a stream of events.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use tokio::sync::mpsc;

use super::{Event, Orchestrator, Outcome};
use crate::{CallContext, ChatRequest, Delivery, RequestOptions, Result, Strategy};

/// Events that may wait for a slow reader; beyond it the request itself waits.
const EVENTS_IN_ADVANCE: usize = 32;

/// The events of one request, ending with [`Event::Finished`] or one error.
///
/// It owns the request and polls it in the reader's task: dropping it ends everything.
#[must_use = "the request makes progress only while the stream is polled"]
pub struct OutcomeStream {
    request: Arc<ChatRequest>,
    work: Option<Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>>,
    events: mpsc::Receiver<Event>,
    end: Option<Result<Outcome>>,
}

impl OutcomeStream {
    /// The request that it answers.
    pub fn request(&self) -> &Arc<ChatRequest> {
        &self.request
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
        // What was told already comes first, so that the channel empties and the request can go on.
        if let Poll::Ready(Some(event)) = this.events.poll_recv(cx) {
            return Poll::Ready(Some(Ok(event)));
        }
        if let Some(work) = &mut this.work {
            match work.as_mut().poll(cx) {
                Poll::Ready(end) => {
                    this.work = None;
                    this.end = Some(end);
                }
                Poll::Pending => {
                    return match this.events.poll_recv(cx) {
                        Poll::Ready(Some(event)) => Poll::Ready(Some(Ok(event))),
                        _ => Poll::Pending,
                    };
                }
            }
        }
        // Not `poll_recv`: it says `Pending` when the task's budget is used up, with events still queued.
        if let Ok(event) = this.events.try_recv() {
            return Poll::Ready(Some(Ok(event)));
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
        let (sender, events) = mpsc::channel(EVENTS_IN_ADVANCE);
        let run = self.base().start_with(request, options, parent, Some(sender))?;
        let request = Arc::clone(run.request());
        let strategy = self.strategy_handle();
        let work = Box::pin(async move { run.drive(&*strategy).await });
        Ok(OutcomeStream { request, work: Some(work), events, end: None })
    }
}
