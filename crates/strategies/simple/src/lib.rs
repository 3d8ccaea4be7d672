//! The strategy `simple`.
#![doc = include_str!("../README.md")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use ultraai_core::{
    AbandonReason, Answer, Ask, Candidate, ChatRequest, Error, ErrorKind, Method, Orchestrator, Outcome,
    Result, Run, Strategy, StrategyRegistration, orchestrator::choose, register_strategy,
    registry::parse_settings,
};

register_strategy!(
    StrategyRegistration::new("simple", build)
        .summary("collect, analyze, synthesize: one answer from all candidates")
);

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    Ok(Arc::new(parse_settings::<Simple>(settings, &[])?))
}

/// An orchestrator with the strategy [`Simple`].
pub type SimpleOrchestrator = Orchestrator<Simple>;

/// Asks all candidates and makes one answer from theirs.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Simple {}

#[async_trait]
impl Strategy for Simple {
    fn name(&self) -> &'static str {
        "simple"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let (needed, most) = (run.options().min_responses_needed(), run.allowance());
        if needed > most {
            // Asking would cost money and could not end well.
            return Err(run.exhausted(
                &format!("{needed} good answers needed, and only {most} can be asked for"),
                Vec::new(),
            ));
        }
        let Collected { good, incomplete, causes, announced } = Collected::from(run, &request).await;
        if good.len() < needed {
            // Who named a number meant good answers; who named none is better off with a marked incomplete one.
            if let (None, Some(answer)) = (run.options().min_responses_needed, incomplete) {
                run.note(format!(
                    "nobody gave a good answer: that of {} is returned as it is",
                    answer.provider_id()
                ));
                if !announced {
                    run.announce(&answer).await;
                }
                return Ok(run.outcome(Method::Degraded, &answer, &[], None));
            }
            let plural = if needed == 1 { "" } else { "s" };
            let message = format!("{needed} good answer{plural} needed, {} came", good.len());
            return Err(run.exhausted(&message, causes));
        }
        let analysis = if good.len() > 1 { run.analyze(&good).await } else { None };
        let one_of_them = request.wants_one_models_answer() || run.options().synthesize == Some(false);
        if good.len() == 1 || one_of_them {
            let chosen = if good.len() == 1 { None } else { choose(&good) }.unwrap_or(&good[0]);
            run.note(format!("the answer of {} is returned as it came", chosen.provider_id()));
            if !announced {
                run.announce(chosen).await;
            }
            return Ok(run.outcome(Method::Chosen, chosen, &[], analysis));
        }
        let by = synthesizer(run, &good)?;
        match run.synthesize(&by, &good, analysis.as_ref()).await {
            Ok(answer) if answer.is_good() => {
                run.note(format!("{} made one answer from {}", by.id(), good.len()));
                Ok(run.outcome(Method::Synthesized, &answer, &good, analysis))
            }
            failed => {
                if failed.is_ok() {
                    run.note(format!("the synthesis of {} is no good answer", by.id()));
                    run.discard("the synthesis is no good answer").await;
                }
                let best = &good[0];
                run.note(format!("without a synthesis the answer of {} is returned", best.provider_id()));
                run.announce(best).await;
                Ok(run.outcome(Method::Degraded, best, &[], analysis))
            }
        }
    }
}

/// What the candidates said.
struct Collected {
    /// Good answers, in the order of the candidates.
    good: Vec<Answer>,
    /// The first answer that is cut off at `length`.
    incomplete: Option<Answer>,
    /// Why others gave none, in the order of the candidates.
    causes: Vec<Error>,
    /// Whether the one answer was handed on while it was made.
    announced: bool,
}

impl Collected {
    async fn from(run: &Run, request: &Arc<ChatRequest>) -> Self {
        // A third of the time is kept for the synthesis.
        let within = run.context().share();
        let alone = run.candidates().len() == 1 || run.allowance() == 1;
        let said = if alone {
            alone_live(run, request).await
        } else {
            match run.options().parallel_requests() {
                true => together(run, request, within).await,
                false => one_by_one(run, request, within).await,
            }
        };
        let mut said: Vec<_> = said.into_iter().map(|result| (place(run, &result), result)).collect();
        said.sort_by_key(|(place, _)| *place);
        let mut collected = Self { good: Vec::new(), incomplete: None, causes: Vec::new(), announced: alone };
        for (_, result) in said {
            match result {
                Ok(answer) if answer.is_good() => collected.good.push(answer),
                Ok(answer) => {
                    collected.causes.push(no_good(&answer));
                    if !answer.response.is_complete() && !answer.response.is_empty() {
                        collected.incomplete.get_or_insert(answer);
                    }
                }
                Err(error) => collected.causes.push(error),
            }
        }
        collected
    }
}

/// The place among the candidates of who answered or failed.
fn place(run: &Run, result: &Result<Answer>) -> usize {
    let id = match result {
        Ok(answer) => Some(answer.provider_id()),
        Err(error) => error.provider(),
    };
    run.candidates().iter().position(|candidate| Some(candidate.id()) == id).unwrap_or(usize::MAX)
}

fn no_good(answer: &Answer) -> Error {
    let what = match answer.response.is_refusal() {
        true => "it declined to answer".to_owned(),
        false => {
            format!("its answer is incomplete (finish reason {})", answer.response.finish_reason.as_str())
        }
    };
    Error::new(ErrorKind::NoGoodAnswer, what).with_provider(answer.provider_id().clone())
}

/// The only one that is asked: there is nothing to compare with, so its answer is handed on while it is made.
async fn alone_live(run: &Run, request: &Arc<ChatRequest>) -> Vec<Result<Answer>> {
    let answer = match run.ask(&run.candidates()[0], Arc::clone(request)).await {
        Ok(reply) => run.forward(reply).await,
        Err(error) => Err(error),
    };
    vec![answer]
}

async fn together(run: &Run, request: &Arc<ChatRequest>, within: Option<Duration>) -> Vec<Result<Answer>> {
    let candidates = &run.candidates()[..run.allowance()];
    if let Some(left_out) = run.candidates().get(candidates.len()..).filter(|rest| !rest.is_empty()) {
        run.note(format!("{} more were not asked: `max_providers_per_request` is reached", left_out.len()));
    }
    let mut panel = run.panel(candidates.iter().map(|candidate| Ask::new(candidate, request).within(within)));
    let mut said = Vec::with_capacity(candidates.len());
    while let Some(answer) = panel.next().await {
        said.push(answer.result);
        if enough(run, &said) && !panel.is_empty() {
            run.note(format!("{} were given up: enough good answers are there", panel.len()));
            panel.abort_all(AbandonReason::EnoughAnswers);
        }
    }
    said
}

async fn one_by_one(run: &Run, request: &Arc<ChatRequest>, within: Option<Duration>) -> Vec<Result<Answer>> {
    let until = within.map(|within| Instant::now() + within);
    let mut said = Vec::new();
    let most = run.allowance();
    for (asked, candidate) in (0..).zip(run.candidates()) {
        if enough(run, &said) || run.allowance() == 0 {
            run.note(format!("{} and those after it were not asked: enough were", candidate.id()));
            break;
        }
        if run.was_asked(candidate.id()) {
            continue;
        }
        // An equal share of what is left, so that one that hangs does not take the others' time.
        let to_ask = u32::try_from(most.saturating_sub(asked)).unwrap_or(u32::MAX).max(1);
        let share = until.map(|until| until.saturating_duration_since(Instant::now()) / to_ask);
        let mut panel = run.panel([Ask::new(candidate, request).within(share)]);
        if let Some(answer) = panel.next().await {
            said.push(answer.result);
        }
    }
    said
}

/// Whether early stopping is wanted and enough good answers are there.
fn enough(run: &Run, said: &[Result<Answer>]) -> bool {
    let good = said.iter().flatten().filter(|answer| answer.is_good()).count();
    run.options().use_early_stopping() && good >= run.options().min_responses_needed()
}

/// The named synthesizer, else the first healthy candidate that gave a good answer.
fn synthesizer(run: &Run, good: &[Answer]) -> Result<Arc<Candidate>> {
    if let Some(id) = &run.options().synthesizer {
        return run.candidate(id);
    }
    let healthy = good.iter().find(|answer| answer.candidate.stats().is_healthy());
    Ok(Arc::clone(&healthy.unwrap_or(&good[0]).candidate))
}
