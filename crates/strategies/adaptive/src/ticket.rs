//! One choice under way: what came of it is recorded, and a caller who leaves leaves no trace.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use ultraai_core::{AbandonReason, Run, ledger::Row, ledger::RowId, money::Cost};

use crate::{Adaptive, Kind, memory::Observation, reader::Reader};

/// A request under way with an arm. Dropped, it counts only when the deadline ended it: a caller who leaves says nothing of the
/// arm.
pub(crate) struct Ticket<'a> {
    adaptive: &'a Adaptive,
    run: &'a Run,
    kind: Kind,
    arm: usize,
    started: Instant,
    before: Spent,
    /// Candidates that were asked before.
    asked: usize,
    /// Who reads the answer while it is made.
    reader: Option<Arc<Reader>>,
    open: bool,
}

impl<'a> Ticket<'a> {
    pub(crate) fn open(adaptive: &'a Adaptive, run: &'a Run, kind: Kind, arm: usize) -> Self {
        adaptive.memory().begin(kind, arm);
        Self {
            adaptive,
            run,
            kind,
            arm,
            started: Instant::now(),
            before: Spent::of(run),
            asked: asked(run),
            reader: run.is_live().then(Reader::new),
            open: true,
        }
    }

    /// Waits for what the arm does, for `timeout_seconds` at most as far as the arm says.
    pub(crate) async fn watch<F: Future>(&self, work: F, timeout_seconds: Option<f64>) -> F::Output {
        let Some(reader) = &self.reader else { return work.await };
        let own = timeout_seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
        let deadline = [own, self.run.context().deadline()].into_iter().flatten().min();
        reader.watch(work, deadline).await
    }

    /// Whether anybody was asked since it was opened; those whom a layer refused at once are among them.
    pub(crate) fn has_asked(&self) -> bool {
        asked(self.run) > self.asked || self.has_attempted()
    }

    /// Whether a request went out since it was opened.
    pub(crate) fn has_attempted(&self) -> bool {
        Spent::of(self.run).attempts > self.before.attempts
    }

    /// Records what came of it.
    pub(crate) fn close(mut self, quality: f64) {
        self.record(quality);
    }

    /// Records that nothing came of it, as far as that is the arm's doing.
    pub(crate) fn fail(mut self) {
        if self.has_attempted() { self.record_failure() } else { self.forget() }
    }

    fn record_failure(&mut self) {
        match self.reader.as_ref().is_some_and(|reader| reader.missed_deadline()) {
            true => self.forget(),
            false => self.record(0.0),
        }
    }

    /// Forgets it.
    pub(crate) fn discard(mut self) {
        self.forget();
    }

    fn forget(&mut self) {
        self.open = false;
        self.adaptive.memory().end(self.kind, self.arm);
    }

    fn record(&mut self, quality: f64) {
        self.open = false;
        let away = self.reader.as_ref().map_or(Duration::ZERO, |reader| reader.away());
        let seconds = self.started.elapsed().saturating_sub(away).as_secs_f64();
        let observation = Observation {
            arm: self.arm,
            request_id: self.run.context().request_id(),
            quality,
            told: false,
            seconds,
            nano_dollars: Spent::of(self.run).since(&self.before),
            number: 0,
        };
        let mut memory = self.adaptive.memory();
        memory.end(self.kind, self.arm);
        let changed = memory.record(self.kind, observation, &self.adaptive.objective);
        self.adaptive.save_now_and_then(&memory);
        drop(memory);
        self.run.note(format!(
            "that counts as quality {quality:.2} in {seconds:.1} s, unless the application tells better"
        ));
        if changed {
            self.run.note("its outcomes changed: what was seen of this kind of task before is forgotten");
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.open {
            match self.run.context().abandonment() {
                Some(AbandonReason::TimedOut) => self.record_failure(),
                _ => self.forget(),
            }
        }
    }
}

/// How many of the candidates were asked until now.
fn asked(run: &Run) -> usize {
    run.candidates().iter().filter(|candidate| run.was_asked(candidate.id())).count()
}

/// What was spent until now.
#[derive(Clone, Copy, Default)]
struct Spent {
    attempts: u64,
    nano_dollars: u64,
    unknown: u64,
}

impl Spent {
    /// What this orchestrator spent: within another one, what stands under its own row.
    fn of(run: &Run) -> Self {
        let cx = run.context();
        let Some(parent) = cx.parent() else {
            let totals = cx.ledger().totals();
            return Self {
                attempts: totals.attempts,
                nano_dollars: totals.known_cost_nano_dollars,
                unknown: totals.attempts_of_unknown_cost,
            };
        };
        let mut spent = Self::default();
        let mut inside: Vec<RowId> = vec![parent];
        for row in cx.ledger().report().rows {
            if row.parent.is_some_and(|above| inside.contains(&above)) {
                inside.push(row.id);
                spent.add(&row);
            }
        }
        spent
    }

    fn add(&mut self, row: &Row) {
        if row.is_span {
            return;
        }
        self.attempts += 1;
        match row.cost {
            Cost::NanoDollars(nano) => self.nano_dollars = self.nano_dollars.saturating_add(nano),
            Cost::Unknown => self.unknown += 1,
        }
    }

    /// What was spent since then; `None` when nobody knows.
    fn since(&self, then: &Self) -> Option<u64> {
        (self.unknown <= then.unknown).then(|| self.nano_dollars.saturating_sub(then.nano_dollars))
    }
}
