//! What one call knows about itself.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    AbandonReason, AttemptLimits, Clock, Cost, Deposit, Losses, Options, ProviderId, Purse, RateLimits,
    RequestId,
    abandonment::Abandonment,
    ledger::{Ledger, RowId},
    losses::LEFT_OUT,
    money::nano_dollars,
    purse::NestedPurses,
};

/// What one call knows about itself: deadline, limits, ledger, purse, and who asks. A clone is cheap.
///
/// Deadlines are absolute, and a nested one can only be earlier.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own of the call")]
pub struct CallContext {
    shared: Arc<Shared>,
    /// None where it has no reason of its own, but that of the whole request.
    abandonment: Option<Arc<Abandonment>>,
    candidate: Option<ProviderId>,
    deadline: Option<Instant>,
    limits: AttemptLimits,
    max_retries: u32,
    capture: bool,
    drop_unsupported: bool,
    attempt: u32,
    is_hedge: bool,
    has_spare: bool,
    pub(crate) hurried: bool,
    ask: u32,
    parent: Option<RowId>,
    purses: Option<Arc<NestedPurses>>,
    unknown_prices: bool,
    deposit: Option<Arc<Deposit>>,
    quota: Option<Arc<dyn QuotaObserver>>,
}

/// Learns what a provider says of its rate limits, as soon as the head of its response is there.
pub trait QuotaObserver: fmt::Debug + Send + Sync + 'static {
    /// Sees what was said.
    fn observe(&self, limits: &RateLimits);
}

#[derive(Debug)]
struct Shared {
    request_id: RequestId,
    clock: Clock,
    seed: u64,
    purse: Purse,
    /// What this request shares with others.
    outer_purse: Option<Purse>,
    ledger: Ledger,
    /// Why the whole request is given up.
    abandonment: Abandonment,
    /// Sentences for the trace.
    notes: Mutex<Vec<String>>,
}

impl Default for CallContext {
    fn default() -> Self {
        Self::new()
    }
}

impl CallContext {
    /// A context without a deadline, with a ledger of its own, under a random seed.
    pub fn new() -> Self {
        Self::with_parts(fastrand::u64(..), Clock::default(), Purse::unlimited(), Ledger::new())
    }

    /// A context of its own parts. Equal seeds make equal choices.
    pub fn with_parts(seed: u64, clock: Clock, purse: Purse, ledger: Ledger) -> Self {
        Self::with_purses(seed, clock, purse, None, false, ledger)
    }

    /// A context of its own parts, which draws from `outer_purse` too, and may spend on what has no price.
    pub(crate) fn with_purses(
        seed: u64,
        clock: Clock,
        purse: Purse,
        outer_purse: Option<Purse>,
        unknown_prices: bool,
        ledger: Ledger,
    ) -> Self {
        // Not from the seed: two requests may share that, and an id must tell them apart.
        let request_id = RequestId(fastrand::u64(..));
        Self {
            shared: Arc::new(Shared {
                request_id,
                clock,
                seed,
                purse,
                outer_purse,
                ledger,
                abandonment: Abandonment::default(),
                notes: Mutex::default(),
            }),
            abandonment: None,
            candidate: None,
            deadline: None,
            limits: AttemptLimits::default(),
            max_retries: 0,
            capture: false,
            drop_unsupported: false,
            attempt: 0,
            is_hedge: false,
            has_spare: false,
            hurried: false,
            ask: 0,
            parent: None,
            purses: None,
            unknown_prices,
            deposit: None,
            quota: None,
        }
    }

    /// The id of the whole request, the same for all its attempts.
    pub fn request_id(&self) -> RequestId {
        self.shared.request_id
    }

    /// The wall clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Where the attempts are written down.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// The money of this request.
    pub fn purse(&self) -> &Purse {
        &self.shared.purse
    }

    /// The purse that this request draws from besides its own.
    pub fn outer_purse(&self) -> Option<&Purse> {
        self.shared.outer_purse.as_ref()
    }

    /// Every purse with a limit that its attempts draw from, each with what limits it, as errors name it. The limits of a day are
    /// elsewhere, in [`Budgets`](crate::Budgets).
    pub fn purses(&self) -> impl Iterator<Item = (&'static str, &Purse)> {
        let own = [("`budget_dollars`", Some(self.purse())), ("the caller's budget", self.outer_purse())];
        let own = own.into_iter().filter_map(|(limit, purse)| Some((limit, purse?)));
        own.chain(NestedPurses::iter(self.purses.as_ref())).filter(|(_, purse)| purse.limit().is_some())
    }

    /// The same call, which draws from `purse` too, limited by `limit` as errors name it: for what is nested in it.
    #[must_use]
    pub fn with_purse(mut self, limit: &'static str, purse: Purse) -> Self {
        self.purses = Some(Arc::new(NestedPurses::new(limit, purse, self.purses)));
        self
    }

    /// Whether candidates of unknown price may be asked under a budget.
    pub fn allows_unknown_prices(&self) -> bool {
        self.unknown_prices
    }

    /// Random numbers that are equal under an equal seed, ask, attempt, leg and `purpose`.
    pub fn rng(&self, purpose: u64) -> fastrand::Rng {
        let mut seed = self.shared.seed ^ purpose.rotate_left(17) ^ u64::from(self.attempt).rotate_left(48);
        seed ^= u64::from(self.ask).rotate_left(32) ^ u64::from(self.is_hedge).rotate_left(63);
        fastrand::Rng::with_seed(seed)
    }

    /// The candidate that is asked.
    pub fn candidate(&self) -> Option<&ProviderId> {
        self.candidate.as_ref()
    }

    /// The same call, asking `candidate`.
    #[must_use]
    pub fn with_candidate(mut self, candidate: ProviderId) -> Self {
        self.candidate = Some(candidate);
        self
    }

    /// When the call must be over.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the time left, or `None` when there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Returns the time in which the first content must come: until then layers may ask again. `None` when there is no limit.
    pub fn remaining_until_content(&self) -> Option<Duration> {
        self.content_deadline().map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// When the first content must be there.
    pub(crate) fn content_deadline(&self) -> Option<Instant> {
        self.deadline.into_iter().chain(self.limits.content_by).min()
    }

    /// Returns the share of the time left that one step may take while others are still to come: two thirds, so
    /// that one that hangs does not take theirs. `None` when there is no deadline.
    pub fn share(&self) -> Option<Duration> {
        self.remaining().map(|left| left / 3 * 2)
    }

    /// The same call with a deadline that is not later than its own.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(self.deadline.map_or(deadline, |own| own.min(deadline)));
        self
    }

    /// The same call, over in `timeout` at the latest.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.with_deadline(deadline),
            None => self,
        }
    }

    /// The limits of one attempt.
    pub fn limits(&self) -> AttemptLimits {
        self.limits
    }

    /// The same call with other limits of one attempt.
    #[must_use]
    pub fn with_limits(mut self, limits: AttemptLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Attempts after the first that a retry layer may make.
    pub fn max_retries(&self) -> u32 {
        self.max_retries
    }

    /// The same call with another bound of retries.
    #[must_use]
    pub fn with_max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = max_retries;
        self
    }

    /// Whether spans hold what is asked and answered.
    pub(crate) fn captures(&self) -> bool {
        self.capture
    }

    pub(crate) fn with_capture(mut self, capture: bool) -> Self {
        self.capture = capture;
        self
    }

    /// What becomes of what a protocol cannot say: it is refused, unless the user allows to leave it out.
    pub fn losses(&self) -> Losses {
        if self.drop_unsupported { Losses::noted() } else { Losses::refused() }
    }

    /// The same call, whose request may lose what a provider cannot be told, if that is `allowed` here or around it.
    #[must_use]
    pub fn with_drop_unsupported(mut self, allowed: bool) -> Self {
        self.drop_unsupported |= allowed;
        self
    }

    /// Writes into the trace what was left out of what the candidate is asked.
    pub fn report_losses(&self, losses: &Losses) {
        if losses.as_slice().is_empty() {
            return;
        }
        let whom = self.candidate.as_ref().map_or("the provider", ProviderId::as_str);
        let mut notes = self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner);
        for lost in losses.as_slice() {
            let note = format!("{LEFT_OUT}`{whom}` is asked: {lost}");
            // A retry leaves out the same.
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }

    /// What was left out so far of what the candidates are asked, as sentences of the trace.
    pub fn left_out(&self) -> Vec<String> {
        self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which attempt of this ask it is: 0, then one more for each retry.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The same call as attempt number `attempt`.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Whether it is the second leg of a hedge: it may be refused, since the first one is under way.
    pub fn is_hedge(&self) -> bool {
        self.is_hedge
    }

    /// The same call as the second leg of a hedge.
    #[must_use]
    pub fn as_hedge(mut self) -> Self {
        self.is_hedge = true;
        self
    }

    /// Whether another candidate is asked as soon as this one fails: there is no use in waiting for a place here then.
    pub fn has_spare(&self) -> bool {
        self.has_spare
    }

    /// The same call, in whose place another candidate is asked when it fails.
    #[must_use]
    pub fn with_spare(mut self) -> Self {
        self.has_spare = true;
        self
    }

    /// The same call, for which money was set aside. The attempt settles it.
    #[must_use]
    pub fn with_deposit(mut self, deposit: Deposit) -> Self {
        self.deposit = Some(Arc::new(deposit));
        self
    }

    /// Writes down what the attempt cost, in the request's purses and in those that money was set aside in.
    pub(crate) fn settle(&self, cost: Cost) {
        let own = [Some(self.purse()), self.outer_purse()];
        match &self.deposit {
            Some(deposit) => deposit.settle(cost, own),
            None => own.into_iter().flatten().for_each(|purse| purse.spend(cost)),
        }
    }

    /// Gives back what was set aside: there was no attempt.
    pub(crate) fn give_back(&self) {
        if let Some(deposit) = &self.deposit {
            deposit.give_back();
        }
    }

    /// The same call, whose provider's rate limits are told to `observer`.
    #[must_use]
    pub fn with_quota_observer(mut self, observer: Arc<dyn QuotaObserver>) -> Self {
        self.quota = Some(observer);
        self
    }

    /// Tells what a response said of rate limits to whoever keeps them.
    pub fn report_rate_limits(&self, limits: &RateLimits) {
        if let Some(observer) = self.quota.as_ref().filter(|_| !limits.is_empty()) {
            observer.observe(limits);
        }
    }

    /// The same call inside an orchestrator that it is nested in: what stands around that is not meant for its candidates.
    /// It draws from the purses of both, and whoever has set a limit must allow unknown prices.
    pub(crate) fn inside(mut self, options: &Options) -> Self {
        let limits_money = options.budgets().iter().any(|(_, dollars)| dollars.is_some());
        self.unknown_prices = (self.unknown_prices || self.purses().next().is_none())
            && (options.allow_unknown_prices.unwrap_or(false) || !limits_money);
        if let Some(limit) = options.budget_dollars.and_then(nano_dollars) {
            self = self.with_purse("`budget_dollars`", Purse::of(limit));
        }
        self.deposit = None;
        self.quota = None;
        self.is_hedge = false;
        self.has_spare = false;
        self
    }

    /// The ledger row of the orchestrator that this call is nested in.
    pub fn parent(&self) -> Option<RowId> {
        self.parent
    }

    /// The same call, nested in the row `parent`.
    #[must_use]
    pub(crate) fn with_parent(mut self, parent: RowId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Which ask of the request it is.
    pub(crate) fn ask(&self) -> u32 {
        self.ask
    }

    pub(crate) fn with_ask(mut self, ask: u32) -> Self {
        self.ask = ask;
        self
    }

    /// The same call with a reason of its own: abandoning it leaves its siblings alone, and abandoning what
    /// it came from abandons it too.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { abandonment: Some(Abandonment::below(self.abandonment.clone())), ..self.clone() }
    }

    /// Says why the call is about to be dropped. The first reason stays. It does not abort by itself: who
    /// says it drops the future or the reply next.
    pub fn abandon(&self, reason: AbandonReason) {
        self.abandonment.as_deref().unwrap_or(&self.shared.abandonment).give(reason);
    }

    /// Why it was abandoned, when somebody said so.
    pub fn abandonment(&self) -> Option<AbandonReason> {
        let own = self.abandonment.as_deref().and_then(Abandonment::reason);
        own.or_else(|| self.shared.abandonment.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nesting_cannot_lengthen_a_deadline() {
        let outer = CallContext::new().with_timeout(Duration::from_secs(5));
        let inner = outer.clone().with_timeout(Duration::from_mins(1));
        assert_eq!(inner.deadline(), outer.deadline());
        assert_eq!(outer.with_timeout(Duration::from_secs(1)).remaining(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn what_is_nested_draws_from_the_purses_of_all_around_it() {
        let limits = |limit, allows| Options {
            budget_dollars: limit,
            allow_unknown_prices: allows,
            ..Options::default()
        };
        let names = |cx: &CallContext| cx.purses().map(|(name, _)| name).collect::<Vec<_>>();
        let free = CallContext::new();
        assert_eq!(names(&free), [""; 0]);
        let inner = free.clone().inside(&limits(Some(1.0), Some(true)));
        assert_eq!((names(&inner), inner.allows_unknown_prices()), (vec!["`budget_dollars`"], true));
        assert!(!free.inside(&limits(Some(1.0), None)).allows_unknown_prices());

        let outer = CallContext::with_purses(
            1,
            Clock::default(),
            Purse::of(2),
            Some(Purse::of(3)),
            false,
            Ledger::new(),
        );
        let inner = outer.clone().with_purse("`daily_budget_dollars`", Purse::of(4));
        let inner = inner.inside(&limits(Some(1e-9), Some(true)));
        assert_eq!(
            names(&inner),
            ["`budget_dollars`", "the caller's budget", "`budget_dollars`", "`daily_budget_dollars`"]
        );
        let most: Vec<_> = inner.purses().filter_map(|(_, purse)| purse.limit()).collect();
        assert_eq!(most, [2, 3, 1, 4]);
        assert!(!inner.allows_unknown_prices(), "the limit around it does not allow them");
        assert_eq!(names(&outer), ["`budget_dollars`", "the caller's budget"]);
    }

    #[test]
    fn the_first_reason_stays_and_reaches_the_children() {
        let parent = CallContext::new();
        let (one, other) = (parent.child(), parent.child());
        one.abandon(AbandonReason::EnoughAnswers);
        parent.abandon(AbandonReason::TimedOut);
        assert_eq!(one.abandonment(), Some(AbandonReason::EnoughAnswers));
        assert_eq!(other.abandonment(), Some(AbandonReason::TimedOut));
    }
}
