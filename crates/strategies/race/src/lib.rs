//! The strategy `race`.
#![doc = include_str!("../README.md")]

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    AbandonReason, Answer, Ask, Candidate, ChatRequest, Error, ErrorKind, Field, Method, Options,
    Orchestrator, Outcome, Panel, ProviderId, Recovery, Reply, Result, Run, Strategy, StrategyRegistration,
    async_trait, duration, register_strategy, registry::parse_settings,
};

register_strategy!(
    StrategyRegistration::new(NAME, build)
        .summary("staggered starts; the first good answer wins")
        .fields(FIELDS)
);

const NAME: &str = "race";

const FIELDS: &[Field] = &[Field {
    name: "stagger_seconds",
    doc: "How long one candidate is waited for before the next starts, in seconds; 0 starts all at once, and the last one starts in time however long it is. Default: the time in which 95 of 100 of its answers came, and 1 before the first.",
}];

/// How long a candidate that nobody knows yet is waited for before the next starts: longer than most models take for their
/// first word.
const UNKNOWN: Duration = Duration::from_secs(1);

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    let race: Race = parse_settings(settings, FIELDS)?;
    race.stagger()?;
    Ok(Arc::new(race))
}

/// An orchestrator with the strategy [`Race`].
pub type RaceOrchestrator = Orchestrator<Race>;

/// Starts the candidates one after the other without waiting for the end of the one before; the first good answer wins.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Race {
    /// How long one candidate is waited for before the next starts, in seconds; 0 starts all at once. Default: the time in
    /// which 95 of 100 of its answers came, and 1 before the first.
    pub stagger_seconds: Option<f64>,
}

impl Race {
    /// Sets how long one candidate is waited for before the next starts, in seconds.
    #[must_use]
    pub fn with_stagger_seconds(mut self, seconds: f64) -> Self {
        self.stagger_seconds = Some(seconds);
        self
    }

    fn stagger(&self) -> Result<Option<Duration>> {
        match self.stagger_seconds {
            None => Ok(None),
            Some(0.0) => Ok(Some(Duration::ZERO)),
            Some(seconds) => duration("stagger_seconds", seconds).map(Some).map_err(|error| {
                let message = error.message().replace("above 0", "from 0 up");
                error.with_message(message)
            }),
        }
    }

    /// Seats `candidates`: the first starts now, and each further one when the one before was waited for. Who comes last has
    /// some of the time all the same. With `waits` each waits for its place, though others come behind it.
    fn seat<'run>(
        &self,
        run: &'run Run,
        request: &Arc<ChatRequest>,
        candidates: Vec<Arc<Candidate>>,
        waits: bool,
    ) -> Result<Panel<'run, Reply<'run>>> {
        let own = self.stagger()?;
        let most =
            run.remaining().map(|left| left / (u32::try_from(candidates.len()).unwrap_or(u32::MAX) + 1));
        let (mut start, mut behind) = (Duration::ZERO, candidates.len());
        Ok(run.panel_of_replies(candidates.into_iter().map(|candidate| {
            behind -= 1;
            let ask = Ask::new(&candidate, request).start_after(start).has_spare(behind > 0 && !waits);
            let usual = own.or_else(|| candidate.stats().p95(request.delivery)).unwrap_or(UNKNOWN);
            start += most.map_or(usual, |most| usual.min(most));
            ask
        })))
    }
}

#[async_trait]
impl Strategy for Race {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, options: &Options) -> Result<()> {
        let needed = options.min_responses_needed();
        if needed > 1 {
            let message = format!(
                "`min_responses_needed` is {needed}, and the strategy `race` is over with the first good answer: use \
                 `parallel`, or set it to 1"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(())
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        self.check(run.options())?;
        let runners: Vec<_> = run.candidates().iter().take(run.allowance()).cloned().collect();
        let left_out = run.candidates().len() - runners.len();
        if left_out > 0 {
            run.note(format!("{left_out} did not start: `max_providers_per_request` is reached"));
        }
        let mut waits = false;
        let mut panel = self.seat(run, &request, runners, false)?;
        let mut causes = Vec::new();
        let mut incomplete: Option<Answer> = None;
        let mut without_place: Vec<Arc<Candidate>> = Vec::new();
        loop {
            let Some(first) = panel.next().await else {
                if without_place.is_empty() {
                    break;
                }
                run.note(format!("{} are asked again, and waited for", without_place.len()));
                panel = self.seat(run, &request, std::mem::take(&mut without_place), true)?;
                waits = true;
                continue;
            };
            let mut losers: Vec<_> = Vec::new();
            let answer = match first.result {
                Ok(reply) => {
                    if run.is_live() {
                        // The first content decides. Pieces of two answers cannot be handed on together.
                        losers = panel.ids().cloned().collect();
                        give_up(run, &mut panel, &first.provider_id);
                    }
                    run.forward(reply).await
                }
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) if answer.is_good() => {
                    give_up(run, &mut panel, answer.provider_id());
                    run.note(format!("{} gave the first good answer", answer.provider_id()));
                    return Ok(run.outcome(Method::Chosen, &answer, &[], None));
                }
                Ok(answer) => {
                    let why = answer.no_good();
                    run.note(format!("{} gave no good answer: {}", answer.provider_id(), why.message()));
                    run.discard("the answer is no good one").await;
                    causes.push(why);
                    if answer.replaces(incomplete.as_ref()) {
                        incomplete = Some(answer);
                    }
                }
                Err(error) if error.kind().recovery() == Recovery::GiveUp => {
                    causes.push(error);
                    panel.abort_all(AbandonReason::EnoughAnswers);
                    break;
                }
                Err(error) if error.had_no_place() && !waits => {
                    without_place.push(run.candidate(&first.provider_id)?);
                }
                Err(error) => causes.push(error),
            }
            if losers.is_empty() {
                panel.hasten();
            } else {
                // Whose first content came second can still win.
                run.note(format!("{} more start anew", losers.len()));
                let again = losers.iter().map(|id| run.candidate(id)).collect::<Result<_>>()?;
                panel = self.seat(run, &request, again, false)?;
            }
        }
        match incomplete {
            Some(answer) => Ok(run.settle_for(&answer, false).await),
            None => Err(run.exhausted("no candidate answered", causes)),
        }
    }
}

/// Gives up those who are still under way, each of which is noted by itself, and those who wait for their start.
fn give_up(run: &Run, panel: &mut Panel<'_, Reply<'_>>, winner: &ProviderId) {
    if !panel.is_empty() {
        let waiting = panel.waiting();
        if waiting > 0 {
            run.note(format!("{waiting} did not start: {winner} was first"));
        }
        panel.abort_all(AbandonReason::EnoughAnswers);
    }
}
