//! The options of orchestration are kept.

use tokio::time::Instant;
use ultraai_core::{ErrorKind, Options, RequestOptions, ledger::RowOutcome};

use super::{
    super::{
        connect::text,
        scenario::{Scenario, Verdict, ensure, scenarios},
    },
    ATTEMPT, DEADLINE, StrategySubject, asked,
};
use crate::{Scripted, Step};

pub(super) const SCENARIOS: &[Scenario<StrategySubject>] = scenarios![
    no_more_candidates_are_asked_than_allowed,
    too_few_good_answers_are_an_error,
    enough_good_answers_are_an_answer,
    the_named_providers_are_asked,
    the_deadline_is_kept,
    who_hangs_does_not_keep_the_others_from_answering,
];

fn options(set: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    set(&mut options);
    options
}

async fn no_more_candidates_are_asked_than_allowed(strategy: &StrategySubject) -> Verdict {
    for step in [Step::from("hello"), Step::fail(ErrorKind::ServerError)] {
        let candidates = [(); 4].map(|()| Scripted::always(step.clone()));
        let orchestrator = strategy.over(&candidates.each_ref())?;
        let at_most_two = options(|options| options.max_providers_per_request = Some(2));
        // Who is asked counts here, not what comes of it.
        let _ = asked(&orchestrator, at_most_two).await;
        let count = candidates.iter().filter(|candidate| candidate.count() > 0).count();
        ensure!((1..=2).contains(&count), "with `max_providers_per_request` 2 it asked {count} candidates");
    }
    Ok(())
}

async fn too_few_good_answers_are_an_error(strategy: &StrategySubject) -> Verdict {
    let failing = [(); 2].map(|()| Scripted::always(Step::fail(ErrorKind::ServerError)));
    let orchestrator = strategy.over(&[&failing[0], &Scripted::always("hello"), &failing[1]])?;
    let two = options(|options| options.min_responses_needed = Some(2));
    let Err(error) = asked(&orchestrator, two).await else {
        return Err("one answer came, two are needed, and it answers".to_owned());
    };
    ensure!(error.kind() == ErrorKind::Exhausted, "it says {}", text(error));
    ensure!(error.causes().len() == 2, "it tells {} causes", error.causes().len());
    Ok(())
}

async fn enough_good_answers_are_an_answer(strategy: &StrategySubject) -> Verdict {
    let failing = Scripted::always(Step::fail(ErrorKind::ServerError));
    let orchestrator = strategy.over(&[&Scripted::always("hello"), &failing, &Scripted::always("hello")])?;
    let two = options(|options| options.min_responses_needed = Some(2));
    let outcome = asked(&orchestrator, two).await.map_err(text)?;
    ensure!(outcome.synthesis.response == "hello", "the answer is {:?}", outcome.synthesis.response);
    Ok(())
}

async fn the_named_providers_are_asked(strategy: &StrategySubject) -> Verdict {
    let candidates = [Scripted::always("wrong"), Scripted::always("hello")];
    let orchestrator = strategy.over(&candidates.each_ref())?;
    let id = ultraai_core::ProviderId::new("b").map_err(text)?;
    let only_b = RequestOptions::default().with_providers(vec![id]);
    let outcome = asked(&orchestrator, only_b).await.map_err(text)?;
    ensure!(outcome.synthesis.response == "hello", "the answer is {:?}", outcome.synthesis.response);
    ensure!(candidates[0].count() == 0, "a candidate was asked that the request does not name");
    Ok(())
}

async fn the_deadline_is_kept(strategy: &StrategySubject) -> Verdict {
    let orchestrator = strategy.builder()?.build().map_err(text)?;
    let candidates = [(); 3].map(|()| Scripted::always(Step::hang()));
    // Without a bound of one attempt only the deadline ends it.
    for (id, candidate) in ["a", "b", "c"].into_iter().zip(&candidates) {
        orchestrator.register_provider(id, candidate.clone()).map_err(text)?;
    }
    let before = Instant::now();
    let Err(error) = asked(&orchestrator, Options::default()).await else {
        return Err("nobody answers, and it does".to_owned());
    };
    let late = before.elapsed().saturating_sub(DEADLINE);
    ensure!(late.as_millis() <= 5, "it is over {late:?} after the deadline");
    let kinds = [ErrorKind::Timeout, ErrorKind::Exhausted];
    ensure!(kinds.contains(&error.kind()), "it says {}, which is none of {kinds:?}", text(error));
    let report = error.report().ok_or("the error carries no report")?;
    ensure!(!report.ledger.rows.is_empty(), "the ledger is empty");
    let running = report.ledger.rows.iter().filter(|row| row.outcome == RowOutcome::Running).count();
    ensure!(running == 0, "{running} rows say that they are still under way");
    ensure!(candidates.iter().all(|candidate| candidate.in_flight() == 0), "a call is still under way");
    Ok(())
}

async fn who_hangs_does_not_keep_the_others_from_answering(strategy: &StrategySubject) -> Verdict {
    let (hanging, good) = (Scripted::always(Step::hang()), Scripted::always("hello"));
    let orchestrator = strategy.over(&[&hanging, &good])?;
    let before = Instant::now();
    let outcome = asked(&orchestrator, Options::default()).await.map_err(text)?;
    ensure!(outcome.synthesis.response == "hello", "the answer is {:?}", outcome.synthesis.response);
    let bound = ATTEMPT + ATTEMPT;
    ensure!(before.elapsed() <= bound, "with {ATTEMPT:?} for an attempt it took {:?}", before.elapsed());
    ensure!(hanging.in_flight() == 0, "the call that hangs is still under way");
    Ok(())
}
