//! The layer `hedge`, in virtual time: what a second leg does.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use ultraai_core::{
    AbandonReason, Accounting, CallContext, Capabilities, ChatEvent, ChatReply, ChatRequest, Clock, Delivery,
    Error, ErrorKind, Layer as _, Ledger, ModelName, Price, Provider, ProviderId, Purse, Result, async_trait,
    attempt::Attempt,
    ledger::{Row, RowOutcome},
    stats::CandidateStats,
};
use ultraai_layers::hedge::{HedgeConfig, HedgeLayer};
use ultraai_testkit::{Beat, Scripted, Step};

/// Milliseconds after which a warm bench asks a second time: between the usual 100 and the slow 10,000.
const LATE: std::ops::RangeInclusive<u128> = 100..=110;

/// A hedged attempt around `inner`.
struct Bench {
    provider: Arc<dyn Provider>,
    ledger: Ledger,
    cx: CallContext,
}

impl Bench {
    /// Around a provider that has answered often, three times of hundred slowly, so that a tenth of a second is late.
    async fn warm(steps: impl IntoIterator<Item = Step>) -> (Self, Scripted) {
        let warmth = (0..200).map(|number| {
            let slow = number % 33 == 0;
            answer("warm", Duration::from_millis(if slow { 10_000 } else { 100 }))
        });
        let inner = Scripted::new(warmth.chain(steps).collect::<Vec<_>>());
        let bench = Self::around(Arc::new(inner.clone()));
        for _ in 0..200 {
            // Without retries nothing is hedged, and times and share are learned all the same.
            bench.ask(&CallContext::new(), Delivery::Whole).await.unwrap();
        }
        (bench, inner)
    }

    fn around(inner: Arc<dyn Provider>) -> Self {
        let attempt = Attempt::new(
            inner,
            ProviderId::new("one").unwrap(),
            Accounting::from(Some(Price::new(1_000_000, 1_000_000))),
            Arc::new(CandidateStats::default()),
        );
        let ledger = Ledger::new();
        let cx = CallContext::with_parts(1, Clock::default(), Purse::unlimited(), ledger.clone());
        let provider = HedgeLayer::default().layer(Arc::new(attempt));
        Self { provider, ledger, cx: cx.with_max_retries(1) }
    }

    async fn ask(&self, cx: &CallContext, delivery: Delivery) -> Result<String> {
        let request = Arc::new(ChatRequest::from_prompt("hi").with_delivery(delivery));
        let reply = self.provider.chat(cx, request).await?;
        Ok(reply.collect().await?.text())
    }

    async fn whole(&self) -> Result<String> {
        self.ask(&self.cx, Delivery::Whole).await
    }

    fn rows(&self) -> Vec<Row> {
        self.ledger.report().rows
    }
}

fn answer(text: &str, after: Duration) -> Step {
    Step::from(text).after(after)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test(start_paused = true)]
async fn the_first_good_leg_wins_and_the_other_is_given_up() {
    let (bench, inner) = Bench::warm([answer("slow", ms(10_000)), answer("quick", ms(100))]).await;
    let before = Instant::now();
    assert_eq!(bench.whole().await.unwrap(), "quick");
    let took = before.elapsed().as_millis() - 100;
    assert!(LATE.contains(&took), "{took}");
    assert_eq!(inner.in_flight(), 0);
    let rows = bench.rows();
    let seen: Vec<_> = rows.iter().map(|row| (row.outcome, row.reason, row.is_hedge, row.attempt)).collect();
    let lost = (RowOutcome::Abandoned, Some(AbandonReason::LostHedge), false, 0);
    assert_eq!(seen, [lost, (RowOutcome::Won, None, true, 0)]);
    assert!(rows.iter().all(|row| row.duration_seconds.is_some() && row.usage.is_some()));
}

#[tokio::test(start_paused = true)]
async fn the_first_leg_may_still_win_and_the_second_is_given_up() {
    let (bench, _) = Bench::warm([answer("late", ms(150)), answer("never read", ms(100))]).await;
    assert_eq!(bench.whole().await.unwrap(), "late");
    let seen: Vec<_> = bench.rows().iter().map(|row| (row.outcome, row.reason, row.is_hedge)).collect();
    let lost = (RowOutcome::Abandoned, Some(AbandonReason::LostHedge), true);
    assert_eq!(seen, [(RowOutcome::Won, None, false), lost]);
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_is_late_when_its_first_content_is() {
    let slow = Step::live([Beat::pause(ms(10_000)), "slow".into(), Beat::finished()]);
    let quick = Step::live([Beat::from("quick"), Beat::pause(ms(60_000)), Beat::finished()]);
    let long = Step::live([Beat::pause(ms(100)), "in".into(), Beat::pause(ms(60_000)), Beat::finished()]);
    let warmth = (0..200).map(|number| if number % 33 == 0 { slow.clone() } else { long.clone() });
    let inner = Scripted::new(warmth.chain([slow.clone(), quick]).collect::<Vec<_>>());
    let bench = Bench::around(Arc::new(inner));
    let request = Arc::new(ChatRequest::from_prompt("hi").with_delivery(Delivery::Live));
    for _ in 0..200 {
        let _ = bench.provider.chat(&CallContext::new(), Arc::clone(&request)).await.unwrap();
    }
    let before = Instant::now();
    let mut events = bench.provider.chat(&bench.cx, request).await.unwrap().into_events();
    assert_eq!(events.next().await.unwrap().unwrap(), ChatEvent::text("quick"));
    assert!(LATE.contains(&before.elapsed().as_millis()), "{:?}", before.elapsed());
    let rows = bench.rows();
    assert_eq!((rows[0].outcome, rows[0].reason), (RowOutcome::Abandoned, Some(AbandonReason::LostHedge)));
    assert_eq!(rows[1].outcome, RowOutcome::Running, "the rest is still read");
    assert_eq!(events.collect().await.unwrap().text(), "");
    assert_eq!(bench.rows()[1].outcome, RowOutcome::Won);
}

#[tokio::test(start_paused = true)]
async fn a_failure_before_the_second_leg_is_told_at_once() {
    let failure = Step::fail(ErrorKind::ServerError).after(ms(50));
    let (bench, inner) = Bench::warm([failure]).await;
    let before = Instant::now();
    assert_eq!(bench.whole().await.unwrap_err().kind(), ErrorKind::ServerError);
    assert_eq!((before.elapsed(), inner.steps_left()), (ms(50), 0));
}

#[tokio::test(start_paused = true)]
async fn when_one_leg_fails_the_other_is_waited_for() {
    let fails = |after| Step::fail(ErrorKind::ServerError).after(ms(after));
    let (bench, _) = Bench::warm([fails(150), answer("second", ms(300))]).await;
    assert_eq!(bench.whole().await.unwrap(), "second");
    let (bench, _) = Bench::warm([answer("first", ms(300)), fails(50)]).await;
    assert_eq!(bench.whole().await.unwrap(), "first");
    let outcomes: Vec<_> = bench.rows().iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [RowOutcome::Won, RowOutcome::Failed]);
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_the_first_legs_error_is_told_unless_nothing_was_sent() {
    let first = Step::fail(ErrorKind::ServerError).after(ms(300));
    let (bench, _) = Bench::warm([first, Step::fail(ErrorKind::Overloaded)]).await;
    assert_eq!(bench.whole().await.unwrap_err().kind(), ErrorKind::ServerError);
    let refused = Error::new(ErrorKind::CircuitOpen, "not now").unsent();
    let first = Step::from(refused).after(ms(300));
    let (bench, _) = Bench::warm([first, Step::fail(ErrorKind::Overloaded)]).await;
    assert_eq!(bench.whole().await.unwrap_err().kind(), ErrorKind::Overloaded);
}

#[tokio::test(start_paused = true)]
async fn a_second_leg_that_was_refused_here_fails_nothing_and_costs_no_share() {
    let refused = Step::from(Error::new(ErrorKind::RateLimited, "no place").unsent());
    let slow = answer("slow", ms(10_000));
    // Ten second legs were saved up: twenty refused ones take none of them.
    let steps =
        (0..20).flat_map(|_| [slow.clone(), refused.clone()]).chain([slow.clone(), answer("quick", ms(1))]);
    let (bench, inner) = Bench::warm(steps.collect::<Vec<_>>()).await;
    for _ in 0..20 {
        assert_eq!(bench.whole().await.unwrap(), "slow");
    }
    assert_eq!(bench.rows().len(), 20, "what was not sent stands nowhere");
    assert_eq!(bench.whole().await.unwrap(), "quick");
    assert_eq!(inner.steps_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_second_leg_is_started_that_could_not_be_over_before_the_deadline() {
    let (bench, inner) = Bench::warm([answer("just in time", ms(140))]).await;
    let cx = bench.cx.clone().with_timeout(ms(150));
    assert_eq!(bench.ask(&cx, Delivery::Whole).await.unwrap(), "just in time");
    assert_eq!(inner.steps_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_retries_nothing_is_asked_twice() {
    let (bench, inner) = Bench::warm([answer("slow", ms(10_000))]).await;
    let cx = bench.cx.clone().with_max_retries(0);
    assert_eq!(bench.ask(&cx, Delivery::Whole).await.unwrap(), "slow");
    assert_eq!(inner.steps_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_leaves_both_legs() {
    let (bench, inner) = Bench::warm([Step::hang(), Step::hang()]).await;
    assert!(tokio::time::timeout(ms(1000), bench.whole()).await.is_err());
    assert_eq!(inner.in_flight(), 0);
    let seen: Vec<_> = bench.rows().iter().map(|row| (row.reason, row.is_hedge)).collect();
    let left = Some(AbandonReason::CallerLeft);
    assert_eq!(seen, [(left, false), (left, true)]);
}

/// Always as slow as no other, and an orchestrator.
#[derive(Debug)]
struct Nested;

#[async_trait]
impl Provider for Nested {
    fn name(&self) -> &'static str {
        "nested"
    }
    fn capabilities(&self, _: &ModelName) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.orchestrates = true;
        capabilities
    }
    async fn chat(&self, cx: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
        assert!(!cx.is_hedge());
        Err(Error::new(ErrorKind::Exhausted, "nobody"))
    }
}

#[tokio::test]
async fn an_orchestrator_is_handed_on_as_it_is() {
    let inner: Arc<dyn Provider> = Arc::new(Nested);
    assert!(Arc::ptr_eq(&HedgeLayer::default().layer(Arc::clone(&inner)), &inner));
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let refusal = |edit: fn(&mut HedgeConfig)| {
        let mut config = HedgeConfig::default();
        edit(&mut config);
        HedgeLayer::new(config).unwrap_err().to_string()
    };
    assert!(refusal(|config| config.max_share = 0.0).contains("`max_share` is 0"));
    assert!(refusal(|config| config.max_share = f64::NAN).contains("`max_share` is NaN"));
    assert!(refusal(|config| config.quantile = 1.0).contains("`quantile` is 1"));
    assert!(refusal(|config| config.min_samples = 0).contains("`min_samples` is 0"));
}
