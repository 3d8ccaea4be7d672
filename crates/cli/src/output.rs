//! What stands where after a request: the same for an outcome just made and one that was kept.

use std::{fmt::Write as _, io};

use serde::{Deserialize, Serialize};
use ultraai::{
    ChatRequest, Error, ErrorReport, LedgerReport, Losses, Outcome, ProviderResponse,
    stats::OrchestratorStats,
};

use crate::{
    agreement,
    arguments::OutputFlags,
    compare::{self, Layout},
    exit::Exit,
    keep::OUTCOME,
    statistics, summary,
    terminal::{NOTE, print, print_answer, print_json, tell},
};

/// A request and what came of it, as a file keeps them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    #[serde(rename = "ultraai_outcome")]
    version: u64,
    /// What was asked.
    pub(crate) request: ChatRequest,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// What the process counted.
    pub(crate) stats: OrchestratorStats,
}

impl Kept {
    /// A request and what came of it.
    pub(crate) fn new(request: ChatRequest, outcome: Outcome, stats: OrchestratorStats) -> Self {
        Self { version: OUTCOME.version, request, outcome, stats }
    }
}

/// Prints an outcome as the flags want it. `is_printed`: the answer stands on the terminal already.
pub(crate) fn outcome(
    flags: OutputFlags,
    outcome: &Outcome,
    stats: &OrchestratorStats,
    is_printed: bool,
) -> io::Result<Exit> {
    if flags.json {
        match flags.stats {
            false => print_json(outcome)?,
            true => {
                let mut value = serde_json::to_value(outcome)?;
                value["stats"] = serde_json::to_value(stats)?;
                print_json(&value)?;
            }
        }
    } else {
        if !is_printed {
            if flags.compare {
                let layout = Layout::of_stdout();
                let mut text = compare::text(&outcome.responses, &outcome.ledger, layout);
                if let Some(analysis) = &outcome.analysis {
                    let _ = writeln!(text, "{}\n", layout.fitted(&agreement::text(analysis)).trim_end());
                }
                text.push_str(&layout.heading());
                print(&text)?;
            }
            print_answer(&outcome.synthesis.response)?;
        }
        if !flags.quiet {
            tell(&summary::text(outcome));
        }
        // Beside the others it stands on standard output already.
        if let Some(analysis) = outcome.analysis.as_ref().filter(|_| !flags.compare) {
            match flags.explain {
                true => tell(&agreement::text(analysis)),
                false if flags.quiet => {}
                false => tell(&agreement::note(analysis, "--compare shows them")),
            }
        }
        told(flags, &outcome.trace, &outcome.ledger, Some(stats));
    }
    Ok(if summary::is_cut_off(outcome) { Exit::Incomplete } else { Exit::Answer })
}

/// Tells what a request that failed leaves behind: what it cost all the same, and who answered in vain.
pub(crate) fn failure(
    flags: OutputFlags,
    error: &Error,
    stats: Option<&OrchestratorStats>,
) -> io::Result<()> {
    let Some(report) = error.report() else { return Ok(()) };
    if !flags.quiet {
        tell(&summary::effort(&report.ledger));
    }
    told(flags, &report.trace, &report.ledger, stats);
    let somebody_answered = report.responses.iter().any(|response| response.response.is_some());
    if flags.compare && somebody_answered {
        print(&compare::text(&report.responses, &report.ledger, Layout::of_stdout()))?;
    }
    Ok(())
}

fn told(flags: OutputFlags, trace: &[String], ledger: &LedgerReport, stats: Option<&OrchestratorStats>) {
    let mut out = String::new();
    if flags.explain {
        let _ = write!(out, "{}", summary::explanation(trace, ledger));
    } else if !flags.quiet {
        // Whoever allowed it should learn what the answer was made without.
        for lost in Losses::in_trace(trace) {
            let _ = writeln!(out, "{NOTE}note:{NOTE:#} {lost}");
        }
    }
    if flags.stats
        && let Some(stats) = stats
    {
        let _ = write!(out, "{}", statistics::text(stats));
    }
    tell(&out);
}

/// What stands on standard output in place of an outcome.
#[derive(Serialize)]
pub(crate) struct Failed {
    error: ErrorReport,
    responses: Vec<ProviderResponse>,
    ledger: LedgerReport,
    trace: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<OrchestratorStats>,
}

impl Failed {
    /// The error as data, with what it leaves behind.
    pub(crate) fn new(error: &Error, stats: Option<OrchestratorStats>) -> Self {
        let report = error.report().cloned().unwrap_or_default();
        Self {
            error: error.into(),
            responses: report.responses,
            ledger: report.ledger,
            trace: report.trace,
            stats,
        }
    }
}
