//! An orchestrator is a provider, so strategies nest.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_trait::async_trait;
use futures_core::Stream;

use super::{AnswerEvents, Orchestrator, Outcome, OutcomeStream};
use crate::{
    CallContext, Capabilities, ChatEvent, ChatReply, ChatRequest, Delivery, ModelName, Provider,
    RequestOptions, Result, Strategy, Usage, UsageSource,
    ledger::{Ledger, RowId},
};

#[async_trait]
impl<S: Strategy> Provider for Orchestrator<S> {
    /// `ultraai`: it is no vendor's.
    fn name(&self) -> &'static str {
        "ultraai"
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        // What its candidates can do is looked at when each is asked.
        Capabilities { orchestrates: true, ..Capabilities::default() }
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let parent = cx.parent();
        if let Some(row) = parent {
            cx.ledger().update(row, |row| row.is_span = true);
        }
        let options = RequestOptions::default();
        if request.delivery == Delivery::Live {
            let stream = self.stream(request, &options, Some(cx))?;
            let ledger = cx.ledger().clone();
            return Ok(ChatReply::live(NestedEvents {
                stream,
                ledger,
                parent,
                answer: AnswerEvents::default(),
                told: VecDeque::new(),
            }));
        }
        let run = self.base().start_with(request, &options, Some(cx), None)?;
        let outcome = run.drive(self.strategy()).await?;
        let mut answer = (*outcome.synthesis.answer).clone();
        answer.usage = usage_under(cx.ledger(), parent).or(answer.usage);
        Ok(ChatReply::whole(answer))
    }
}

/// What the attempts under `parent` used together; estimated as soon as one of them is.
fn usage_under(ledger: &Ledger, parent: Option<RowId>) -> Option<Usage> {
    let parent = parent?;
    let mut inside = vec![parent];
    let mut sum = Usage::default();
    for row in ledger.report().rows {
        if row.parent.is_some_and(|above| inside.contains(&above)) {
            inside.push(row.id);
            if !row.is_span {
                let usage = row.usage?;
                sum.input_tokens = sum.input_tokens.saturating_add(usage.input_tokens);
                sum.output_tokens = sum.output_tokens.saturating_add(usage.output_tokens);
                if usage.source == UsageSource::Estimated {
                    sum.source = UsageSource::Estimated;
                }
            }
        }
    }
    Some(sum)
}

/// The events of a nested request as those of one provider.
struct NestedEvents {
    stream: OutcomeStream,
    ledger: Ledger,
    parent: Option<RowId>,
    answer: AnswerEvents,
    /// What is still to be said.
    told: VecDeque<ChatEvent>,
}

impl Stream for NestedEvents {
    type Item = Result<ChatEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.told.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            let told = match ready!(Pin::new(&mut this.stream).poll_next(cx)) {
                Some(Ok(event)) => {
                    let usage = |_: &Outcome| usage_under(&this.ledger, this.parent);
                    this.answer.push(event, usage, &mut this.told)
                }
                Some(Err(error)) => Err(error),
                None => return Poll::Ready(None),
            };
            if let Err(error) = told {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}
