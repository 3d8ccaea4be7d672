//! What every layer does with what stands inside it.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use tokio::time::Instant;
use ultraai_core::{
    AttemptLimits, CallContext, Capabilities, ChatRequest, Delivery, Error, ErrorKind, Layer, ModelName,
    Provider as _, ProviderId, Registry, Result, Support,
};

use super::{
    Suite,
    any::poll_once,
    connect::{Bench, KEY, PROMPT, PROMPT_WORD, text},
    scenario::{Scenario, Subject, Verdict, ensure, scenarios},
};
use crate::{Beat, Scripted, Step, captured};

/// The behaviour that every layer has: the layer that is registered as `name`, and that `make` makes as its
/// registration does. Run it under a paused clock.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use ultraai_core::{Layer, Provider};
/// # #[derive(Debug)] struct Nothing;
/// # impl Layer for Nothing { fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> { inner } }
/// # async fn tests() {
/// ultraai_testkit::layer_suite("nothing", || Arc::new(Nothing)).run().await;
/// # }
/// ```
pub fn layer_suite(name: &str, make: impl Fn() -> Arc<dyn Layer> + 'static) -> Suite<LayerSubject> {
    Suite::of(LayerSubject { name: name.to_owned(), make: Box::new(make) })
}

/// The layer that a suite runs over.
pub struct LayerSubject {
    name: String,
    make: Box<dyn Fn() -> Arc<dyn Layer>>,
}

impl Subject for LayerSubject {
    fn title(&self) -> String {
        format!("layer `{}`", self.name)
    }

    fn scenarios(&self) -> Vec<&'static Scenario<Self>> {
        SCENARIOS.iter().collect()
    }
}

impl LayerSubject {
    /// The layer around `inner`'s attempt, as it stands in a candidate.
    fn around(&self, inner: &Scripted) -> Bench {
        let mut bench = Bench::of(Arc::new(inner.clone()), None);
        bench.provider = (self.make)().layer(bench.attempt.clone());
        bench.cx = CallContext::new().with_max_retries(3);
        bench
    }
}

impl fmt::Debug for LayerSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerSubject").field("name", &self.name).finish_non_exhaustive()
    }
}

const SCENARIOS: &[Scenario<LayerSubject>] = scenarios![
    is_linked,
    name_and_capabilities_pass_through,
    the_call_passes_through,
    a_whole_answer_passes_through,
    a_live_answer_passes_through,
    what_nobody_can_answer_passes_through,
    what_another_must_answer_passes_through,
    a_break_after_the_commit_point_passes_through,
    a_dropped_future_is_dropped_inside,
    a_dropped_reply_is_dropped_inside,
    the_deadline_is_kept,
    several_at_once,
    failures_are_logged_without_content,
];

fn request(delivery: Delivery) -> Arc<ChatRequest> {
    Arc::new(ChatRequest::from_prompt(PROMPT).with_delivery(delivery))
}

async fn whole(bench: &Bench) -> Result<String> {
    let reply = bench.provider.chat(&bench.cx, request(Delivery::Whole)).await?;
    Ok(reply.collect().await?.text())
}

async fn is_linked(layer: &LayerSubject) -> Verdict {
    let registry = Registry::linked().map_err(text)?;
    let found = registry.layers().find(|row| row.name == layer.name);
    let row = found.ok_or("no layer of this name is linked into this program")?;
    ensure!(!row.summary.is_empty(), "its registration has no summary");
    Ok(())
}

async fn name_and_capabilities_pass_through(layer: &LayerSubject) -> Verdict {
    let mut known = Capabilities::default();
    known.tools = Support::No;
    known.context_window = Some(1234);
    let bench = layer.around(&Scripted::always("hello").named("inner-name").with_capabilities(known.clone()));
    ensure!(bench.provider.name() == "inner-name", "it calls itself `{}`", bench.provider.name());
    let model = ModelName::new("m").map_err(text)?;
    ensure!(bench.provider.capabilities(&model) == known, "the capabilities are others");
    Ok(())
}

async fn the_call_passes_through(layer: &LayerSubject) -> Verdict {
    let inner = Scripted::always("hello");
    let mut bench = layer.around(&inner);
    let mut limits = AttemptLimits::default();
    limits.gap = Some(Duration::from_secs(9));
    let id = ProviderId::new("somebody").map_err(text)?;
    bench.cx = bench.cx.with_timeout(Duration::from_secs(30)).with_limits(limits).with_candidate(id.clone());
    whole(&bench).await.map_err(text)?;
    let call = inner.calls().pop().ok_or("nobody was asked")?;
    ensure!(call.request == request(Delivery::Whole), "the request is another");
    ensure!(call.context.request_id() == bench.cx.request_id(), "the request's id is another");
    ensure!(call.context.candidate() == Some(&id), "the candidate is {:?}", call.context.candidate());
    ensure!(call.context.limits() == limits, "the limits are {:?}", call.context.limits());
    ensure!(call.context.deadline() <= bench.cx.deadline(), "the deadline is later");
    ensure!(call.context.deadline().is_some(), "the deadline is lost");
    ensure!(bench.cx.ledger().report().rows.len() == inner.count(), "the attempts are not in the ledger");
    Ok(())
}

async fn a_whole_answer_passes_through(layer: &LayerSubject) -> Verdict {
    let bench = layer.around(&Scripted::always("hello"));
    let answer = whole(&bench).await.map_err(text)?;
    ensure!(answer == "hello", "the answer is {answer:?}");
    ensure!(bench.stats.in_flight() == 0, "it still counts as under way");
    Ok(())
}

async fn a_live_answer_passes_through(layer: &LayerSubject) -> Verdict {
    let bench = layer.around(&Scripted::always(Step::streamed(["hel", "lo"])));
    let reply = bench.provider.chat(&bench.cx, request(Delivery::Live)).await.map_err(text)?;
    ensure!(reply.is_live(), "a live answer becomes a whole one");
    let answer = reply.collect().await.map_err(text)?;
    ensure!(answer.text() == "hello", "the answer is {:?}", answer.text());
    ensure!(answer.model.is_some() && answer.usage.is_some(), "the model or the usage is lost");
    Ok(())
}

/// That an error of each of `kinds` comes out as it was, after one call.
async fn passes(layer: &LayerSubject, kinds: &[ErrorKind]) -> Verdict {
    for kind in kinds {
        let error = Error::new(*kind, "the inner words").with_status(418);
        let inner = Scripted::always(error);
        let bench = layer.around(&inner);
        let Err(told) = whole(&bench).await else { return Err(format!("`{kind}` becomes an answer")) };
        ensure!(told.kind() == *kind, "`{kind}` becomes {}", text(told));
        ensure!(told.message() == "the inner words", "the words of `{kind}` are others: {told}");
        ensure!(told.status() == Some(418), "the status of `{kind}` is lost");
        ensure!(inner.count() == 1, "after `{kind}` it was asked {} times", inner.count());
    }
    Ok(())
}

async fn what_nobody_can_answer_passes_through(layer: &LayerSubject) -> Verdict {
    use ErrorKind::{Cancelled, Config, InvalidRequest};
    passes(layer, &[InvalidRequest, Config, Cancelled]).await
}

async fn what_another_must_answer_passes_through(layer: &LayerSubject) -> Verdict {
    use ErrorKind::{
        Authentication, BudgetExceeded, ContextTooLong, ModelNotFound, PriceUnknown, Rejected, Unsupported,
    };
    let kinds =
        [Authentication, ModelNotFound, ContextTooLong, Unsupported, Rejected, BudgetExceeded, PriceUnknown];
    passes(layer, &kinds).await
}

async fn a_break_after_the_commit_point_passes_through(layer: &LayerSubject) -> Verdict {
    let inner = Scripted::always(Step::live([Beat::from("hel"), Beat::fail(ErrorKind::Interrupted)]));
    let bench = layer.around(&inner);
    let reply = bench.provider.chat(&bench.cx, request(Delivery::Live)).await.map_err(text)?;
    let Err(error) = reply.collect().await else {
        return Err("a broken answer becomes a whole one".to_owned());
    };
    ensure!(error.kind() == ErrorKind::Interrupted, "it becomes {}", text(error));
    let partial = error.partial().map(ultraai_core::ChatResponse::text);
    ensure!(partial.as_deref() == Some("hel"), "what was received is lost");
    ensure!(inner.count() == 1, "it was asked {} times", inner.count());
    Ok(())
}

async fn a_dropped_future_is_dropped_inside(layer: &LayerSubject) -> Verdict {
    for delivery in [Delivery::Whole, Delivery::Live] {
        let inner = Scripted::always(Step::hang());
        let bench = layer.around(&inner);
        let mut call = bench.provider.chat(&bench.cx, request(delivery));
        ensure!(poll_once(call.as_mut()).is_pending(), "the inner provider hangs, and it answers");
        ensure!(inner.in_flight() > 0, "the inner provider was not asked at once");
        drop(call);
        ensure!(inner.in_flight() == 0, "the inner call goes on");
    }
    Ok(())
}

async fn a_dropped_reply_is_dropped_inside(layer: &LayerSubject) -> Verdict {
    let inner = Scripted::always(Step::live([Beat::from("hel"), Beat::hang()]));
    let bench = layer.around(&inner);
    let reply = bench.provider.chat(&bench.cx, request(Delivery::Live)).await.map_err(text)?;
    let mut events = reply.into_events();
    events.next().await.ok_or("no event came")?.map_err(text)?;
    drop(events);
    ensure!(inner.in_flight() == 0, "the inner answer goes on");
    Ok(())
}

async fn the_deadline_is_kept(layer: &LayerSubject) -> Verdict {
    let mut bench = layer.around(&Scripted::always(Step::hang()));
    let limit = Duration::from_secs(5);
    let before = Instant::now();
    bench.cx = bench.cx.with_timeout(limit);
    let Err(error) = whole(&bench).await else { return Err("nobody answers, and it does".to_owned()) };
    ensure!(error.kind() == ErrorKind::Timeout, "it says {}", text(error));
    // A timer's tick may pass on the way out.
    let late = before.elapsed().saturating_sub(limit);
    ensure!(late <= Duration::from_millis(2), "it is over {late:?} after the deadline");
    Ok(())
}

async fn several_at_once(layer: &LayerSubject) -> Verdict {
    let inner = Scripted::always(Step::from("hello").after(Duration::from_secs(1)));
    let bench = layer.around(&inner);
    let (mut one, mut other) = (pin!(whole(&bench)), pin!(whole(&bench)));
    let (first, second) = tokio::join!(&mut one, &mut other);
    ensure!(first.is_ok() && second.is_ok(), "one of two calls fails");
    Ok(())
}

async fn failures_are_logged_without_content(layer: &LayerSubject) -> Verdict {
    let echo = Error::new(ErrorKind::ServerError, "internal").with_body(format!("{KEY} {PROMPT}").into());
    let inner = Scripted::new([Step::from(echo)]).then_always("the clover answer");
    let bench = layer.around(&inner);
    let (_, log) = captured(whole(&bench)).await;
    for (what, needle) in [("the key", KEY), ("the prompt", PROMPT_WORD), ("the answer", "clover")] {
        ensure!(!log.contains(needle), "{what} stands in a log");
    }
    Ok(())
}
