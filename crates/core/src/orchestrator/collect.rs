//! Collecting answers from several candidates, and making one outcome of them: what panels of every kind share.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Answer, Ask, Method, Outcome, Panel, Run, choice};
use crate::{AbandonReason, Candidate, ChatRequest, Error, ProviderId, Result};

/// How [`Run::collect`] asks. By default all that may be asked, for all the time there is.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Collecting {
    /// Good answers that it is after: so many candidates are asked, and one that gives none is replaced by the next.
    /// Default: as many as may be asked.
    pub width: Option<usize>,
    /// Upper bound of the time of all together. Default: the deadline.
    pub within: Option<Duration>,
    /// When the rest is given up.
    pub until: Until,
}

impl Collecting {
    /// Sets how many good answers it is after.
    #[must_use]
    pub fn width(mut self, width: Option<usize>) -> Self {
        self.width = width;
        self
    }

    /// Sets the upper bound of the time of all together.
    #[must_use]
    pub fn within(mut self, limit: Option<Duration>) -> Self {
        self.within = limit;
        self
    }

    /// Sets when the rest is given up.
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.until = until;
        self
    }
}

/// When the rest of a panel is given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// Never: every answer is waited for.
    #[default]
    All,
    /// As soon as `min_responses_needed` good answers are there.
    Enough,
    /// As soon as they are there, or none of the missing answers could change which one [`choose`](super::choose) takes.
    EnoughOrSettled,
}

/// What the candidates said.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Collected {
    /// Good answers, in the order of the candidates.
    pub good: Vec<Answer>,
    /// The answer that is settled for where nobody gives a good one: the first that is cut off at `length` or by a filter, else
    /// the first that its end left empty.
    pub incomplete: Option<Answer>,
    /// Why others gave none, in the order of the candidates.
    pub causes: Vec<Error>,
    /// Whether the one answer was handed on while it was made.
    pub announced: bool,
    /// Whether the rest was given up because it could not change the choice.
    pub settled: bool,
}

impl Collected {
    fn add(&mut self, result: Result<Answer>) {
        match result {
            Ok(answer) if answer.is_good() => self.good.push(answer),
            Ok(answer) => {
                self.causes.push(answer.no_good());
                let is_cut = !answer.response.is_complete() || answer.response.is_empty();
                if is_cut && answer.replaces(self.incomplete.as_ref()) {
                    self.incomplete = Some(answer);
                }
            }
            Err(error) => self.causes.push(error),
        }
    }
}

impl Run {
    /// Refuses a quorum that cannot come: asking would cost money and could not end well.
    ///
    /// # Errors
    /// `Exhausted`.
    pub fn check_quorum(&self) -> Result<()> {
        let (needed, most) = (self.options.min_responses_needed(), self.allowance());
        if needed <= most {
            return Ok(());
        }
        let message = format!("{needed} good answers needed, and only {most} can be asked for");
        Err(self.exhausted(&message, Vec::new()))
    }

    /// Asks the candidates in their order: together, or with `parallel_requests` off one after the other, each with an equal
    /// share of the time. Where only one can be asked, its answer is handed on while it is made.
    pub async fn collect(&self, request: &Arc<ChatRequest>, how: &Collecting) -> Collected {
        if self.candidates.len() == 1 || self.allowance() == 1 {
            let mut collected = Collected { announced: true, ..Collected::default() };
            collected.add(alone_live(self, request).await);
            return collected;
        }
        // Boxed, so that who asks only one needs no room for it.
        Box::pin(async {
            let mut collector = Collector::new(self, *how);
            collector.ask(request).await;
            let Collector { said, settled, .. } = collector;
            let mut said: Vec<_> = said.into_iter().map(|result| (place(self, &result), result)).collect();
            said.sort_by_key(|(place, _)| *place);
            let mut collected = Collected { settled, ..Collected::default() };
            for (_, result) in said {
                collected.add(result);
            }
            collected
        })
        .await
    }

    /// Makes one outcome of what was collected. One good answer is returned as it came; of several, one is written when
    /// `synthesize` says so, else one is chosen: that which most agree with, by priority among equals. A request that wants
    /// one model's own answer is never synthesized, and a synthesis that fails degrades to the best answer.
    ///
    /// # Errors
    /// `Exhausted` with each candidate's own error when there are fewer good answers than needed. Where the user named no
    /// number, one that is cut off is returned in its place, marked by its finish reason.
    pub async fn conclude(&self, collected: Collected, synthesize: bool) -> Result<Outcome> {
        let needed = self.options.min_responses_needed();
        if collected.good.len() < needed && !collected.settled {
            return self.too_few(collected).await;
        }
        let Collected { good, announced, .. } = collected;
        let analysis = if good.len() > 1 { Box::pin(self.analyze(&good)).await } else { None };
        if good.len() == 1 || self.request.wants_one_models_answer() || !synthesize {
            let chosen = if good.len() == 1 { None } else { choice::choose(&good) }.unwrap_or(&good[0]);
            self.note(format!("the answer of {} is returned as it came", chosen.provider_id()));
            if !announced {
                self.announce(chosen).await;
            }
            return Ok(self.outcome(Method::Chosen, chosen, &[], analysis));
        }
        let by = self.synthesizer(&good)?;
        // Boxed, so that a request of one answer needs no room for it.
        match Box::pin(self.synthesize(&by, &good, analysis.as_ref())).await {
            Ok(answer) if answer.is_good() => {
                self.note(format!("{} made one answer from {}", by.id(), good.len()));
                Ok(self.outcome(Method::Synthesized, &answer, &good, analysis))
            }
            failed => {
                if failed.is_ok() {
                    self.note(format!("the synthesis of {} is no good answer", by.id()));
                    self.discard("the synthesis is no good answer").await;
                }
                let best = &good[0];
                self.note(format!("without a synthesis the answer of {} is returned", best.provider_id()));
                self.announce(best).await;
                Ok(self.outcome(Method::Degraded, best, &[], analysis))
            }
        }
    }

    /// The outcome where nobody gave a good answer and `answer`, which is incomplete or a refusal, is better than none: it is
    /// marked by its finish reason. Those who listen get it, unless they had it already.
    pub async fn settle_for(&self, answer: &Answer, announced: bool) -> Outcome {
        self.note(format!(
            "nobody gave a good answer: that of {} is returned as it is",
            answer.provider_id()
        ));
        if !announced {
            self.announce(answer).await;
        }
        self.outcome(Method::Degraded, answer, &[], None)
    }

    async fn too_few(&self, collected: Collected) -> Result<Outcome> {
        // Who named a number meant good answers; who named none is better off with a marked incomplete one.
        if let (None, Some(answer)) = (self.options.min_responses_needed, collected.incomplete) {
            return Ok(self.settle_for(&answer, collected.announced).await);
        }
        let needed = self.options.min_responses_needed();
        let plural = if needed == 1 { "" } else { "s" };
        let message = format!("{needed} good answer{plural} needed, {} came", collected.good.len());
        Err(self.exhausted(&message, collected.causes))
    }

    /// The named synthesizer, else the first healthy candidate that gave a good answer.
    fn synthesizer(&self, good: &[Answer]) -> Result<Arc<Candidate>> {
        if let Some(id) = &self.options.synthesizer {
            return self.candidate(id);
        }
        let healthy = good.iter().find(|answer| answer.candidate.stats().is_healthy());
        Ok(Arc::clone(&healthy.unwrap_or(&good[0]).candidate))
    }
}

/// The only one that is asked: there is nothing to compare with, so its answer is handed on while it is made.
async fn alone_live(run: &Run, request: &Arc<ChatRequest>) -> Result<Answer> {
    let reply = run.ask(&run.candidates()[0], Arc::clone(request)).await?;
    run.forward(reply).await
}

/// The place among the candidates of who answered or failed.
fn place(run: &Run, result: &Result<Answer>) -> usize {
    let id = match result {
        Ok(answer) => Some(answer.provider_id()),
        Err(error) => error.provider(),
    };
    run.candidates().iter().position(|candidate| Some(candidate.id()) == id).unwrap_or(usize::MAX)
}

/// One panel on its way.
struct Collector<'run> {
    run: &'run Run,
    how: Collecting,
    /// When all must be over.
    until: Option<Instant>,
    /// The first candidate that was not asked yet.
    next: usize,
    said: Vec<Result<Answer>>,
    settled: bool,
    /// Those who are waited for, because they had no place when they were asked first.
    waited_for: Vec<ProviderId>,
    /// Why nobody more was waited for.
    over: Option<&'static str>,
}

impl<'run> Collector<'run> {
    fn new(run: &'run Run, how: Collecting) -> Self {
        let until = how.within.map(|within| Instant::now() + within);
        Self {
            run,
            how,
            until,
            next: 0,
            said: Vec::new(),
            settled: false,
            waited_for: Vec::new(),
            over: None,
        }
    }

    async fn ask(&mut self, request: &Arc<ChatRequest>) {
        let run = self.run;
        let mut panel = run.panel([]);
        loop {
            self.fill(&mut panel, request);
            let Some(answer) = panel.next().await else {
                if self.wait_for_places(&mut panel, request) {
                    continue;
                }
                break;
            };
            if let Ok(answer) = &answer.result
                && !answer.is_good()
            {
                run.note(format!(
                    "{} gave no good answer: {}",
                    answer.provider_id(),
                    answer.no_good().message()
                ));
            }
            self.said.push(answer.result);
            if let Some(why) = self.is_over(&panel) {
                if !panel.is_empty() {
                    run.note(format!("{} were given up: {why}", panel.len()));
                    panel.abort_all(AbandonReason::EnoughAnswers);
                }
                self.over = Some(why);
                break;
            }
        }
        self.tell_of_the_rest();
    }

    /// Seats as many as may be under way now.
    fn fill(&mut self, panel: &mut Panel<'run>, request: &Arc<ChatRequest>) {
        while panel.len() < self.most_under_way() && self.run.unseated_allowance() > 0 && !self.is_late() {
            let Some(candidate) = self.run.candidates().get(self.next) else { break };
            self.next += 1;
            if self.run.was_asked(candidate.id()) {
                continue;
            }
            let (under_way, is_replaced) = (panel.len(), self.is_replaced(panel.len()));
            let within = self.share(is_replaced);
            // Those beyond the number that is needed are no reason to wait for a place.
            let is_extra = self.how.until != Until::All
                && under_way + self.good().count() >= self.run.options().min_responses_needed();
            if !self.said.is_empty() && self.run.options().parallel_requests() {
                self.run.note(format!("{} is asked next: an answer more is wanted", candidate.id()));
            }
            panel.push(Ask::new(candidate, request).within(within).has_spare(is_replaced || is_extra));
        }
    }

    /// Where too few answered, asks those again who had no place under their limits, and waits for them. Returns whether there
    /// are any.
    fn wait_for_places(&mut self, panel: &mut Panel<'run>, request: &Arc<ChatRequest>) -> bool {
        let run = self.run;
        if self.is_late() {
            return false;
        }
        let within = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        // No more than are needed: who stands in several lines takes places from others that he does not need.
        let needed = run.options().min_responses_needed().saturating_sub(self.good().count());
        let (waited_for, mut again) = (&self.waited_for, Vec::new());
        self.said.retain(|result| match result {
            Err(error) if error.had_no_place() => {
                let found =
                    run.candidates().iter().find(|candidate| Some(candidate.id()) == error.provider());
                let found =
                    found.filter(|candidate| again.len() < needed && !waited_for.contains(candidate.id()));
                again.extend(found);
                found.is_none()
            }
            _ => true,
        });
        for candidate in again {
            run.note(format!("{} is asked again, and waited for", candidate.id()));
            self.waited_for.push(candidate.id().clone());
            panel.push(Ask::new(candidate, request).within(within));
        }
        !panel.is_empty()
    }

    fn good(&self) -> impl Iterator<Item = &Answer> {
        self.said.iter().flatten().filter(|answer| answer.is_good())
    }

    /// Good answers that are still wanted.
    fn wanted(&self) -> usize {
        let width = self.how.width.map(|width| width.max(self.run.options().min_responses_needed()));
        width.unwrap_or(usize::MAX).saturating_sub(self.good().count())
    }

    fn most_under_way(&self) -> usize {
        let together = if self.run.options().parallel_requests() { usize::MAX } else { 1 };
        self.wanted().min(together)
    }

    /// Whether whoever is asked now would have no time.
    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }

    /// Candidates that are still to be asked, the next one among them.
    fn to_ask(&self) -> usize {
        self.run.unseated_allowance().min(self.run.candidates().len() + 1 - self.next)
    }

    /// Whether the next one is replaced when it fails.
    fn is_replaced(&self, under_way: usize) -> bool {
        match self.run.options().parallel_requests() {
            true => self.to_ask() > self.wanted().saturating_sub(under_way),
            false => self.to_ask() > 1 && self.wanted() < self.to_ask(),
        }
    }

    /// The time of the next one, so that one that hangs does not take the others' time. Asked together, who may be replaced
    /// gets two thirds of what is left; one after the other, each gets an equal share.
    fn share(&self, is_replaced: bool) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(Instant::now());
        match self.run.options().parallel_requests() {
            true if is_replaced => Some(left / 3 * 2),
            true => Some(left),
            false => Some(left / u32::try_from(self.to_ask()).unwrap_or(u32::MAX).max(1)),
        }
    }

    /// Why nobody needs to be waited for any more.
    fn is_over(&mut self, panel: &Panel<'_>) -> Option<&'static str> {
        if self.how.until == Until::All {
            return None;
        }
        if self.good().count() >= self.run.options().min_responses_needed() {
            return Some("enough good answers are there");
        }
        if self.how.until == Until::Enough || !self.is_settled(panel) {
            return None;
        }
        self.settled = true;
        let (good, needed) = (self.good().count(), self.run.options().min_responses_needed());
        self.run.note(format!("the choice stands with {good} of {needed} good answers that were needed"));
        Some("no missing answer could change the choice")
    }

    /// Whether there are missing answers, and none of them could change what is chosen.
    fn is_settled(&self, panel: &Panel<'_>) -> bool {
        let run = self.run;
        let unasked: Vec<_> = run.candidates()[self.next..]
            .iter()
            .filter(|candidate| !run.was_asked(candidate.id()))
            .take(run.unseated_allowance())
            .collect();
        let missing = (panel.len() + unasked.len()).min(self.wanted());
        if missing == 0 {
            // Nobody is given up: what is there is held against what is needed.
            return false;
        }
        // All before `next` were asked, so that who answers in somebody's place stands behind it.
        let first = run.candidates().iter().position(|candidate| {
            panel.ids().any(|id| id == candidate.id())
                || unasked.iter().any(|other| Arc::ptr_eq(other, candidate))
        });
        let mut good: Vec<_> = self
            .said
            .iter()
            .filter_map(|result| {
                result
                    .as_ref()
                    .ok()
                    .filter(|answer| answer.is_good())
                    .map(|answer| (place(run, result), answer))
            })
            .collect();
        good.sort_by_key(|(place, _)| *place);
        choice::is_settled(&good, missing, first.unwrap_or(usize::MAX))
    }

    fn tell_of_the_rest(&self) {
        let run = self.run;
        let rest =
            run.candidates()[self.next..].iter().filter(|candidate| !run.was_asked(candidate.id())).count();
        if rest == 0 {
            return;
        }
        let why = match (self.over, run.allowance()) {
            (Some(why), _) => why,
            (None, 0) => "`max_providers_per_request` is reached",
            (None, _) if self.is_late() => "no time was left",
            (None, _) => "enough good answers are there",
        };
        run.note(format!("{rest} more were not asked: {why}"));
    }
}
