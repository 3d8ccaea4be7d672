//! How a request ends: as a stream, dropped, nested.

use std::{pin::pin, sync::Arc};

use ultraai_core::{
    AbandonReason, Delta, ErrorKind, Event, Ledger, OutcomeStream, Provider as _, RequestOptions,
    ledger::RowOutcome,
};

use super::{
    super::{
        Suite,
        any::poll_once,
        connect::{PROMPT, built, text},
        scenario::{Scenario, Verdict, ensure, scenarios},
    },
    StrategySubject, asked,
};
use crate::{Beat, Scripted, Step};

pub(super) const SCENARIOS: &[Scenario<StrategySubject>] = scenarios![
    a_stream_ends_with_the_outcome,
    a_stream_of_a_failure_ends_with_its_error,
    a_break_in_a_stream_voids_its_pieces,
    a_dropped_call_is_abandoned,
    a_dropped_stream_is_abandoned,
    nested_it_is_a_provider,
];

/// The events to the end.
async fn read(mut stream: OutcomeStream) -> (Vec<Event>, Option<ultraai_core::Error>) {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => events.push(event),
            Err(error) => {
                let more = stream.next().await.is_some();
                return (events, (!more).then_some(error));
            }
        }
    }
    (events, None)
}

/// The pieces that were not declared void.
fn pieces(events: &[Event]) -> String {
    let valid =
        events.iter().rposition(|event| matches!(event, Event::Discarded { .. })).map_or(0, |at| at + 1);
    let texts = events[valid..].iter().filter_map(|event| match event {
        Event::Delta { delta: Delta::Text(text) } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

async fn a_stream_ends_with_the_outcome(strategy: &StrategySubject) -> Verdict {
    let candidates = [Scripted::always(Step::streamed(["hel", "lo"])), Scripted::always("hello")];
    let orchestrator = strategy.over(&candidates.each_ref())?;
    let (events, error) = read(orchestrator.process_stream(PROMPT).map_err(text)?).await;
    ensure!(error.is_none(), "it ends with {}", error.map(text).unwrap_or_default());
    ensure!(matches!(events.first(), Some(Event::Started { .. })), "`Started` is not the first event");
    let Some(Event::Finished { outcome }) = events.last() else {
        return Err("`Finished` is not the last event".into());
    };
    ensure!(outcome.synthesis.response == "hello", "the answer is {:?}", outcome.synthesis.response);
    ensure!(pieces(&events) == "hello", "the pieces make up {:?}", pieces(&events));
    let asked = events.iter().any(|event| matches!(event, Event::Asked { .. }));
    ensure!(asked, "no event says who was asked");
    Ok(())
}

async fn a_stream_of_a_failure_ends_with_its_error(strategy: &StrategySubject) -> Verdict {
    let orchestrator = strategy.over(&[&Scripted::always(Step::fail(ErrorKind::ServerError))])?;
    let (_, error) = read(orchestrator.process_stream(PROMPT).map_err(text)?).await;
    let error = error.ok_or("all fail, and no error is the last of it")?;
    ensure!(error.causes().len() == 1, "it tells {} causes", error.causes().len());
    ensure!(error.report().is_some(), "the error carries no report");
    Ok(())
}

async fn a_break_in_a_stream_voids_its_pieces(strategy: &StrategySubject) -> Verdict {
    let broken = Scripted::always(Step::live([Beat::from("wro"), Beat::fail(ErrorKind::Interrupted)]));
    let orchestrator = strategy.over(&[&broken, &Scripted::always(Step::streamed(["hel", "lo"]))])?;
    let (events, error) = read(orchestrator.process_stream(PROMPT).map_err(text)?).await;
    ensure!(error.is_none(), "it ends with {}", error.map(text).unwrap_or_default());
    ensure!(pieces(&events) == "hello", "the pieces that were not void make up {:?}", pieces(&events));
    Ok(())
}

/// That no row is open, that one was abandoned because of `reason`, and that nobody works on.
fn abandoned(ledger: &Ledger, candidates: &[Scripted], reason: AbandonReason) -> Verdict {
    let rows = ledger.report().rows;
    ensure!(!rows.is_empty(), "the ledger is empty");
    for row in &rows {
        ensure!(
            row.outcome == RowOutcome::Abandoned,
            "the row of {} says {:?}",
            row.provider_id,
            row.outcome
        );
        ensure!(row.reason == Some(reason), "the row of {} says {:?}", row.provider_id, row.reason);
        ensure!(row.usage.is_some(), "the row of {} has no usage, not even an estimate", row.provider_id);
    }
    ensure!(candidates.iter().all(|candidate| candidate.in_flight() == 0), "a call is still under way");
    Ok(())
}

async fn a_dropped_call_is_abandoned(strategy: &StrategySubject) -> Verdict {
    let candidates = [(); 2].map(|()| Scripted::always(Step::hang()));
    let orchestrator = strategy.over(&candidates.each_ref())?;
    let ledger = Ledger::new();
    {
        let mut call = pin!(asked(&orchestrator, RequestOptions::default().with_ledger(ledger.clone())));
        ensure!(poll_once(call.as_mut()).is_pending(), "nobody answers, and it does");
    }
    abandoned(&ledger, &candidates, AbandonReason::CallerLeft)
}

async fn a_dropped_stream_is_abandoned(strategy: &StrategySubject) -> Verdict {
    let candidates = [(); 2].map(|()| Scripted::always(Step::live([Beat::from("hel"), Beat::hang()])));
    let orchestrator = strategy.over(&candidates.each_ref())?;
    let ledger = Ledger::new();
    let options = RequestOptions::default().with_ledger(ledger.clone());
    let mut stream = orchestrator.process_stream_with(PROMPT, options).map_err(text)?;
    // The events that come at once are read; then everybody waits.
    while tokio::time::timeout(std::time::Duration::from_millis(1), stream.next()).await.is_ok() {}
    drop(stream);
    abandoned(&ledger, &candidates, AbandonReason::CallerLeft)
}

async fn nested_it_is_a_provider(strategy: &StrategySubject) -> Verdict {
    let candidates =
        [Scripted::always(Step::streamed(["hel", "lo"])), Scripted::always(Step::streamed(["hel", "lo"]))];
    let orchestrator = strategy.over(&candidates.each_ref())?;
    ensure!(!orchestrator.name().is_empty(), "nested it has no name");
    let connect = built("nested", move || Arc::new(orchestrator.clone()));
    let report = Suite::of(connect).report().await;
    ensure!(report.is_good(), "{report}");
    Ok(())
}
