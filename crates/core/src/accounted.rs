//! Embeddings in the books: their rows, what they cost, and their measurements.

use std::{pin::pin, sync::Arc};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    AbandonReason, Accounting, BaseOrchestrator, CallContext, Candidate, Clock, Cost, Deposit, Embedder,
    EmbeddingInput, EmbeddingRequest, EmbeddingResponse, EndpointId, Error, ErrorKind, ModelName, ProviderId,
    Purse, RequestOptions, Result, Usage,
    attempt::is_unbilled,
    estimate::tokens_of_bytes,
    ledger::{Row, RowId, RowOutcome},
    metrics::{self, Attributes},
    money::nano_dollars,
};

/// An embedder whose requests stand in the ledger of their context, are paid from its purses and are measured, as a candidate's
/// chat is. Its counters are not touched: they tell how its chat does.
#[derive(Debug)]
struct Accounted {
    inner: Arc<dyn Embedder>,
    provider_id: ProviderId,
    /// The name of `inner`, shared by all rows.
    provider_name: Arc<str>,
    accounting: Arc<Accounting>,
}

impl Candidate {
    /// Puts an embedder of this provider into the books that its chat is in: each request is a row of the context's ledger, is
    /// reserved for in the purses that have a limit and paid from all of them, and is measured.
    pub fn accounted(&self, embedder: Arc<dyn Embedder>) -> Arc<dyn Embedder> {
        Arc::new(Accounted {
            provider_name: embedder.name().into(),
            inner: embedder,
            provider_id: self.id.clone(),
            accounting: Arc::clone(&self.accounting),
        })
    }
}

impl BaseOrchestrator {
    /// What a request for embeddings runs under that the provider `candidate` gets: the deadline, the purses, those of the day among
    /// them, and the ledger, as the options of this orchestrator and of the request say it for chats.
    ///
    /// # Errors
    /// `Config`, which names the option that is wrong.
    pub fn embedding_context(&self, candidate: &Candidate, over: &RequestOptions) -> Result<CallContext> {
        let options = self.options().overridden_by(&over.options);
        let timeout = options.resolve()?.timeout;
        let purse = options.budget_dollars.and_then(nano_dollars).map_or_else(Purse::unlimited, Purse::of);
        let cx = CallContext::with_purses(
            over.seed.unwrap_or_else(|| fastrand::u64(..)),
            Clock::default(),
            purse,
            over.purse.clone(),
            options.allow_unknown_prices.unwrap_or(false),
            over.ledger.clone().unwrap_or_default(),
        );
        let today = self.budgets().today(candidate.endpoint().as_ref());
        let cx = today.into_iter().fold(cx, |cx, (limit, purse)| cx.with_purse(limit, purse));
        Ok(cx.with_timeout(timeout).with_drop_unsupported(options.drop_unsupported()))
    }
}

/// One request in the books. Dropped before its end, it was abandoned.
struct Entry<'a> {
    by: &'a Accounted,
    cx: &'a CallContext,
    request: &'a EmbeddingRequest,
    row: RowId,
    started: Instant,
    is_open: bool,
}

impl Accounted {
    /// Sets aside what the request may cost at most: a token is at least a byte.
    fn deposit(&self, cx: &CallContext, request: &EmbeddingRequest) -> Result<Deposit> {
        let Some((limit, _)) = cx.purses().next() else { return Ok(Deposit::default()) };
        let refused = |message| Error::new(ErrorKind::BudgetExceeded, message).unsent();
        let most = match self.accounting.price(asked(request), None) {
            Some(price) => {
                let sizes = request.input.iter().map(|input| match input {
                    EmbeddingInput::Text(text) => text.len(),
                    EmbeddingInput::Tokens(tokens) => tokens.len(),
                });
                price.upper_bound(sizes.sum::<usize>() as u64, 0)
            }
            None if cx.allows_unknown_prices() => 0,
            None => return Err(Accounting::unknown_price(limit, asked(request))),
        };
        Deposit::of_all(cx.purses().map(|(limit, purse): (_, &Purse)| {
            purse.reserve(most).ok_or_else(|| {
                let left = Cost::NanoDollars(purse.remaining().unwrap_or(0));
                let most = Cost::NanoDollars(most);
                refused(format!(
                    "of {limit} {left} is left, and the request may cost {most}: ask for less at once"
                ))
            })
        }))
    }

    /// What was used where nobody reported it.
    fn estimated(&self, request: &EmbeddingRequest) -> Usage {
        let tokens = request.input.iter().map(|input| match input {
            EmbeddingInput::Text(text) => {
                let counted = self.accounting.tokens(asked(request), text, false);
                counted.unwrap_or_else(|| tokens_of_bytes(text.len()))
            }
            EmbeddingInput::Tokens(tokens) => tokens.len() as u64,
        });
        Usage::estimated(tokens.sum(), 0)
    }
}

fn asked(request: &EmbeddingRequest) -> Option<&str> {
    request.model.as_ref().map(ModelName::as_str)
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "what is added to the trait must be handed on here")]
impl Embedder for Accounted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn endpoint(&self) -> Option<EndpointId> {
        self.inner.endpoint()
    }

    async fn embed(&self, cx: &CallContext, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        let cx = cx.clone().with_deposit(self.deposit(cx, request)?);
        let mut entry = Entry::open(self, &cx, request);
        match pin!(self.inner.embed(&cx, request)).await {
            Ok(mut answer) => {
                answer.usage = answer.usage.or_else(|| Some(self.estimated(request)));
                entry.succeed(&answer);
                Ok(answer)
            }
            Err(error) => {
                entry.fail(&error);
                Err(error)
            }
        }
    }
}

impl<'a> Entry<'a> {
    fn open(by: &'a Accounted, cx: &'a CallContext, request: &'a EmbeddingRequest) -> Self {
        let ledger = cx.ledger();
        let started = Instant::now();
        let running = Row::running(cx, &by.provider_id, &by.provider_name, request.model.as_ref(), started);
        let row = ledger.open(Row { ask: ledger.next_ask(), ..running });
        Self { by, cx, request, row, started, is_open: true }
    }

    fn succeed(&mut self, answer: &EmbeddingResponse) {
        let usage = answer.usage.unwrap_or_default();
        let cost = self.by.accounting.cost(&usage, asked(self.request), answer.model.as_deref());
        self.close(RowOutcome::Won, usage, cost, answer.model.as_deref(), None);
    }

    fn fail(&mut self, error: &Error) {
        if error.is_unsent() {
            self.is_open = false;
            self.cx.give_back();
            return self.cx.ledger().withdraw(self.row);
        }
        let kind = error.kind();
        // What the exchanges before the one that failed used is paid for.
        let (usage, cost) = match error.partial().and_then(|partial| partial.usage) {
            Some(usage) => (usage, self.by.accounting.cost(&usage, asked(self.request), None)),
            None if is_unbilled(kind) => (Usage::estimated(0, 0), Cost::NanoDollars(0)),
            None => (self.by.estimated(self.request), Cost::Unknown),
        };
        self.close(RowOutcome::Failed, usage, cost, None, Some(kind));
    }

    fn close(
        &mut self,
        outcome: RowOutcome,
        usage: Usage,
        cost: Cost,
        model: Option<&str>,
        error: Option<ErrorKind>,
    ) {
        self.is_open = false;
        let seconds = self.started.elapsed().as_secs_f64();
        let Accounted { provider_id, provider_name, accounting, .. } = self.by;
        if let Some(meter) = accounting.meter() {
            let (name, id) = (&**provider_name, provider_id.as_str());
            let of = Attributes::of_attempt("embeddings", name, id, asked(self.request), model);
            let ended = metrics::Ended { outcome, error, seconds, usage, cost };
            ended.record(meter, of, &[("input", usage.input_tokens)]);
        }
        let reason = self.cx.abandonment().unwrap_or(AbandonReason::CallerLeft);
        self.cx.ledger().update(self.row, |row| {
            row.outcome = outcome;
            row.usage = Some(usage);
            row.cost = cost;
            row.duration_seconds = Some(seconds);
            row.response_model = model.map(Into::into);
            row.error = error;
            row.reason = (outcome == RowOutcome::Abandoned).then_some(reason);
        });
        self.cx.settle(cost);
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.is_open {
            let usage = self.by.estimated(self.request);
            self.close(RowOutcome::Abandoned, usage, Cost::Unknown, None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{Ledger, Price};

    /// Gives these answers, one after the other, and hangs after the last.
    #[derive(Debug)]
    struct Scripted(Mutex<Vec<Result<EmbeddingResponse>>>);

    #[async_trait]
    impl Embedder for Scripted {
        fn name(&self) -> &'static str {
            "scripted"
        }

        async fn embed(&self, _: &CallContext, _: &EmbeddingRequest) -> Result<EmbeddingResponse> {
            let next = self.0.lock().unwrap().pop();
            match next {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    }

    fn accounted(answers: Vec<Result<EmbeddingResponse>>, price: Option<Price>) -> Accounted {
        Accounted {
            inner: Arc::new(Scripted(Mutex::new(answers))),
            provider_name: "scripted".into(),
            provider_id: ProviderId::new("mine").unwrap(),
            accounting: Arc::new(price.into()),
        }
    }

    fn context(purse: &Purse) -> (CallContext, Ledger) {
        let ledger = Ledger::new();
        (CallContext::with_parts(1, Clock::default(), purse.clone(), ledger.clone()), ledger)
    }

    fn request() -> EmbeddingRequest {
        EmbeddingRequest::new(["12345678"]).with_model(ModelName::new("m").unwrap())
    }

    fn answer(usage: Option<Usage>) -> EmbeddingResponse {
        EmbeddingResponse::new(vec![vec![1.0]]).with_usage(usage)
    }

    #[tokio::test]
    async fn an_answer_is_a_row_and_is_paid_from_the_purse() {
        let embedder =
            accounted(vec![Ok(answer(Some(Usage::reported(3, 0))))], Some(Price::new(5_000_000, 0)));
        let purse = Purse::of(1000);
        let (cx, ledger) = context(&purse);
        embedder.embed(&cx, &request()).await.unwrap();
        let totals = ledger.totals();
        assert_eq!(
            (totals.attempts, totals.reported.input_tokens, totals.cost()),
            (1, 3, Cost::NanoDollars(15))
        );
        assert_eq!((purse.spent(), purse.reserved()), (15, 0));
    }

    #[tokio::test]
    async fn what_nobody_reports_is_estimated_and_said_to_be() {
        let embedder = accounted(vec![Ok(answer(None))], None);
        let (cx, ledger) = context(&Purse::unlimited());
        let answer = embedder.embed(&cx, &request()).await.unwrap();
        assert_eq!(answer.usage, Some(Usage::estimated(2, 0)));
        assert_eq!((ledger.totals().estimated.input_tokens, ledger.totals().cost()), (2, Cost::Unknown));
    }

    #[tokio::test]
    async fn what_the_purse_does_not_hold_is_not_sent() {
        let embedder = accounted(Vec::new(), Some(Price::new(5_000_000, 0)));
        let (cx, ledger) = context(&Purse::of(39));
        let error = embedder.embed(&cx, &request()).await.unwrap_err();
        assert_eq!((error.kind(), ledger.totals().attempts), (ErrorKind::BudgetExceeded, 0));
        let unpriced = accounted(Vec::new(), None).embed(&cx, &request()).await.unwrap_err();
        assert_eq!(unpriced.kind(), ErrorKind::PriceUnknown);
        assert!(unpriced.message().contains("the price of `m` is not known"), "{unpriced}");
    }

    #[tokio::test]
    async fn who_leaves_leaves_a_row_of_unknown_cost_and_what_was_reserved_is_spent() {
        let embedder = accounted(Vec::new(), Some(Price::new(5_000_000, 0)));
        let purse = Purse::of(1000);
        let (cx, ledger) = context(&purse);
        let request = request();
        let asked = tokio::time::timeout(std::time::Duration::ZERO, embedder.embed(&cx, &request)).await;
        assert!(asked.is_err());
        let row = &ledger.report().rows[0];
        assert_eq!((row.outcome, row.cost), (RowOutcome::Abandoned, Cost::Unknown));
        assert_eq!((purse.spent(), purse.reserved()), (40, 0));
    }

    #[tokio::test]
    async fn what_failed_before_anything_was_made_costs_nothing() {
        let embedder = accounted(
            vec![Err(Error::new(ErrorKind::RateLimited, "slow down"))],
            Some(Price::new(5_000_000, 0)),
        );
        let purse = Purse::of(1000);
        let (cx, ledger) = context(&purse);
        assert!(embedder.embed(&cx, &request()).await.is_err());
        assert_eq!((ledger.totals().cost(), purse.spent()), (Cost::NanoDollars(0), 0));
        assert_eq!(ledger.report().rows[0].error, Some(ErrorKind::RateLimited));
    }
}
