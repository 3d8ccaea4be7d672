//! The strategy: what it holds, what the application can tell and ask it, and how it answers.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use async_trait::async_trait;
use ultraai_core::{
    ChatRequest, Error, ErrorKind, Method, Options, Outcome, Recovery, Registry, RequestId, Result, Run,
    Strategy,
};

use crate::{
    AdaptiveSettings, Bandit, Estimate, Kind, Policy, Task,
    arms::{self, Arm},
    choosing::{self, Chosen},
    keeper::Keeper,
    memory::{Memory, Objective},
    state,
    ticket::Ticket,
};

/// Chooses among strategies and their options, by the task, the load, and what it has seen.
#[derive(Debug)]
pub struct Adaptive {
    pub(crate) settings: AdaptiveSettings,
    pub(crate) objective: Objective,
    pub(crate) policy: Box<dyn Policy>,
    memory: Arc<Mutex<Memory>>,
    arms: OnceLock<Vec<Arm>>,
    keeper: Option<Keeper>,
}

/// What was decided for a request, as far as it is still remembered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// The kind of the task.
    pub kind: Kind,
    /// The arm that was chosen.
    pub arm: String,
    /// The quality of the outcome, 0 to 1.
    pub quality: f64,
    /// Whether the application told it; else it is a guess.
    pub told: bool,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self::with_settings(AdaptiveSettings::default())
    }
}

impl Adaptive {
    fn with_settings(settings: AdaptiveSettings) -> Self {
        Self {
            objective: Objective::of(&settings),
            policy: Box::new(Bandit::new(settings.exploration)),
            settings,
            memory: Arc::default(),
            arms: OnceLock::new(),
            keeper: None,
        }
    }

    /// A strategy with these settings, over the strategies that are linked into the program. A state file that is named and
    /// there is read; one that is named and not there is no history.
    ///
    /// # Errors
    /// `Config` for an arm that cannot be built, a wrong number, or a state file that cannot be read: it stays as it is.
    pub fn new(settings: AdaptiveSettings) -> Result<Self> {
        let registry = Registry::linked()?;
        Self::over(settings, &registry)
    }

    /// As [`new`](Self::new), over the strategies of `registry`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn over(settings: AdaptiveSettings, registry: &Registry) -> Result<Self> {
        settings.validate()?;
        let mut adaptive = Self::with_settings(settings);
        if !adaptive.settings.arms.is_empty() {
            let built = arms::build(&adaptive.settings.arms, registry)?;
            adaptive.arms = OnceLock::from(built);
        }
        if let Some(path) = adaptive.settings.state_file.clone() {
            match state::read(&path)? {
                Some(memory) => *adaptive.memory() = memory,
                // Better now than when there is something to keep.
                None => state::check_folder(&path)?,
            }
            adaptive.keeper = Some(Keeper::start(path, Arc::clone(&adaptive.memory))?);
        }
        Ok(adaptive)
    }

    /// Lets `policy` choose among the arms. Default: [`Bandit`].
    #[must_use]
    pub fn with_policy(mut self, policy: impl Policy) -> Self {
        self.policy = Box::new(policy);
        self
    }

    /// Tells how good the outcome of that request was, 0 to 1, in place of what is guessed. Returns whether the request is still
    /// remembered; the latest 200 of each kind of task are.
    ///
    /// # Errors
    /// `InvalidRequest` for a score that is not from 0 to 1.
    pub fn feedback(&self, request_id: RequestId, score: f64) -> Result<bool> {
        if !(0.0..=1.0).contains(&score) {
            let message = format!("the score is {score}: it must be a number from 0 to 1");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let mut memory = self.memory();
        let known = memory.tell(request_id, score, &self.objective);
        self.save_now_and_then(&memory);
        Ok(known)
    }

    /// What was decided for that request, as far as it is still remembered.
    pub fn decision(&self, request_id: RequestId) -> Option<Decision> {
        let memory = self.memory();
        let (kind, outcome) = memory.newest(request_id)?;
        let arm = memory.name(outcome.arm).to_owned();
        Some(Decision { kind, arm, quality: outcome.quality, told: outcome.told })
    }

    /// What is known of an arm for a kind of task.
    pub fn estimate(&self, kind: Kind, arm: &str) -> Estimate {
        let memory = self.memory();
        let number = memory.known_arm(arm);
        let estimates = number
            .map(|number| memory.estimates(kind, &[number], None, self.settings.half_life, &self.objective));
        estimates.and_then(|estimates| estimates.first().copied()).unwrap_or_default()
    }

    /// What was seen, as JSON: names of arms, numbers and ids of requests, nothing of what was asked or answered.
    pub fn to_json(&self) -> String {
        state::to_json(&self.memory())
    }

    /// Takes what [`to_json`](Self::to_json) gave in place of what was seen.
    ///
    /// # Errors
    /// `Config` for another version and for what is cut short or wrong; what was seen stays then.
    pub fn load_json(&self, text: &str) -> Result<()> {
        self.take(state::from_json(text)?);
        Ok(())
    }

    /// Writes what was seen into a file; the old one stays until the new one is whole.
    ///
    /// # Errors
    /// `Config`, which names the file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let text = self.to_json();
        state::write(path.as_ref(), &text)
    }

    /// Takes what a file holds in place of what was seen.
    ///
    /// # Errors
    /// `Config`, which names the file, when it is not there, of another version, cut short or wrong; what was seen stays then.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let missing = || {
            Error::new(
                ErrorKind::Config,
                format!("the state file {} is not there: name another", path.display()),
            )
        };
        self.take(state::read(path)?.ok_or_else(missing)?);
        Ok(())
    }

    fn take(&self, loaded: Memory) {
        // Requests under way end in the new memory as well, where their arms may have other numbers.
        self.memory().replace_outcomes(loaded);
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders the state to be written when enough came.
    pub(crate) fn save_now_and_then(&self, memory: &Memory) {
        if let Some(keeper) = &self.keeper
            && memory.recorded().is_multiple_of(self.settings.save_every)
        {
            keeper.order();
        }
    }

    /// What may be chosen among. Without a setting it is what the run's registry holds at the first request.
    fn arms(&self, run: &Run) -> Result<&[Arm]> {
        if let Some(arms) = self.arms.get() {
            return Ok(arms);
        }
        let usual = arms::usual(run.registry());
        if usual.is_empty() {
            let message = "no strategy is linked that `adaptive` could choose: enable `strategy-fallback`, `strategy-parallel` or \
                           `strategy-simple` of the crate `ultraai`, or set `arms`";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let built = arms::build(&usual, run.registry())?;
        Ok(self.arms.get_or_init(|| built))
    }
}

#[async_trait]
impl Strategy for Adaptive {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    fn check(&self, options: &Options) -> Result<()> {
        // Without a setting its arms are what is linked, which is known at the first request.
        self.arms.get().map_or(Ok(()), |arms| choosing::able(arms, options).map(drop))
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let arms = self.arms(run)?;
        if let Some(trouble) = self.keeper.as_ref().and_then(Keeper::trouble) {
            run.note(format!("what was seen could not be saved: {}", trouble.message()));
        }
        let task = Task::of(&request);
        run.note(format!(
            "the task seems to be {} ({}), {}, in {}",
            task.kind.as_str(),
            task.sign,
            task.length.as_str(),
            task.format.as_str()
        ));
        let mut left = choosing::fit(arms, run, &request)?;
        let mut refusal = None;
        loop {
            let Chosen { place, number } = choosing::choose(self, run, arms, &left, &task);
            let arm = &arms[place];
            let ticket = Ticket::open(self, run, task.kind, number);
            let options = arm.to_delegate(run.options());
            let work = run.delegate(&*arm.strategy, &options, Arc::clone(&request));
            let error = match ticket.watch(work, options.timeout_seconds).await {
                Ok(outcome) => {
                    ticket.close(quality(&outcome));
                    return Ok(outcome);
                }
                Err(error) => error,
            };
            if !ticket.has_asked() {
                // It refused the request as such, which cost nothing; each arm is asked once.
                ticket.discard();
                left.retain(|other| *other != place);
                let hopeless =
                    error.kind().recovery() == Recovery::GiveUp && error.kind() != ErrorKind::Config;
                let error = refusal.unwrap_or(error);
                if left.is_empty() || hopeless {
                    return Err(error);
                }
                run.note(format!("`{}` refused before anybody was asked: another one is taken", arm.name));
                refusal = Some(error);
                continue;
            }
            if error.kind().recovery() == Recovery::GiveUp {
                // That is the request's own doing, or the caller's, and says nothing of the arm.
                ticket.discard();
                return Err(error);
            }
            let Some(rescue) = rescue(arms, place, run) else {
                ticket.fail();
                return Err(error);
            };
            run.note(format!("`{}` failed: `{}` asks those who were not asked", arm.name, rescue.name));
            run.discard("the strategy failed").await;
            let options = rescue.to_delegate(run.options());
            let work = run.delegate(&*rescue.strategy, &options, request);
            return match ticket.watch(work, options.timeout_seconds).await {
                Ok(outcome) => {
                    ticket.close(quality(&outcome).min(RESCUED));
                    Ok(outcome)
                }
                Err(second) => {
                    ticket.fail();
                    let causes = error.causes().iter().chain(second.causes()).cloned().collect();
                    let what = format!("neither `{}` nor `{}` got an answer", arm.name, rescue.name);
                    Err(run.exhausted(&what, causes))
                }
            };
        }
    }
}

/// The arm that may ask those whom the arm at `failed` did not ask. Only `fallback` passes over who was asked already, so that
/// nobody is asked twice; and it is the last one.
fn rescue<'a>(arms: &'a [Arm], failed: usize, run: &Run) -> Option<&'a Arm> {
    let in_time = run.remaining().is_none_or(|left| !left.is_zero());
    let more = run.allowance() > 0 && run.candidates().iter().any(|candidate| !run.was_asked(candidate.id()));
    if !in_time || !more || run.options().min_responses_needed() > 1 {
        return None;
    }
    let fallback = |arm: &&Arm| arm.strategy.name() == "fallback" && !arm.contradicts(run.options());
    arms.iter().enumerate().filter(|(place, _)| *place != failed).map(|(_, arm)| arm).find(fallback)
}

/// The guessed quality of an answer that is good as far as its form goes: nothing speaks for it or against it.
const GOOD: f64 = 0.7;

/// Of an answer that stands in for a synthesis or a quorum that failed, or that another arm gave.
const RESCUED: f64 = 0.3;

/// Of an answer that is cut off or a refusal.
const NOT_GOOD: f64 = 0.2;

/// What answers that contradict each other are worth; full agreement is worth 1, and half of it as much as [`GOOD`]. That
/// answers which agree are more often right is what self-consistency rests on (Wang et al., ICLR 2023).
const CONTRADICTED: f64 = 0.4;

/// The guessed quality of an outcome, where the application tells none.
fn quality(outcome: &Outcome) -> f64 {
    if !outcome.synthesis.answer.is_good() {
        return NOT_GOOD;
    }
    if outcome.synthesis.method == Method::Degraded {
        return RESCUED;
    }
    match outcome.analysis.as_ref().and_then(|analysis| analysis.agreement) {
        Some(agreement) if agreement.is_finite() => {
            CONTRADICTED + (1.0 - CONTRADICTED) * agreement.clamp(0.0, 1.0)
        }
        _ => GOOD,
    }
}
