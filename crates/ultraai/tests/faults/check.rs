//! What must hold of every case.

use std::time::Duration;

use ultraai_testkit::faults::Allowed;

use crate::{
    case::{Case, Setting},
    run::{End, Seen},
};

/// How far behind its deadline a request may end.
const GRACE: Duration = Duration::from_millis(100);

/// What a busy machine may add to that: other tests run beside this one, and a core may be taken away for a while. The
/// deadline itself shows in the outcome, which is a timeout, and what was measured is told when the table is written.
const BUSY: Duration = Duration::from_secs(2);

/// What is wrong with what came of it.
pub(crate) fn complaints(case: &Case, seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{case}: {what}: {seen:?}"));
        }
    };
    let expected = case.expected();
    check(seen.attempts <= most(case), "more attempts than the table says");
    check(!seen.running, "a row of the ledger is still under way");
    check(seen.late <= GRACE + BUSY, "it ended after its deadline");
    check(seen.requests.is_none_or(|requests| requests <= seen.attempts), "a request stands in no row");
    match case.setting {
        Setting::Alone | Setting::AloneUntilTheDeadline => {
            // Nobody is given up before its request is sent, but by a short limit on a busy machine.
            let all = expected.waits || seen.requests.is_none_or(|requests| requests == seen.attempts);
            check(all, "a row stands for no request");
            check(seen.attempts >= 1, "it was not asked");
            check(
                match &seen.end {
                    End::Right => expected.answer == Allowed::Right,
                    End::Incomplete => expected.answer == Allowed::Incomplete,
                    End::Failed(kind) => expected.kinds.contains(kind),
                    End::Other | End::Wrong(_) => false,
                },
                "that is not what may come of it",
            );
        }
        Setting::Beside { .. } | Setting::Writing => check(
            match &seen.end {
                End::Other => true,
                // It answered like the others before it was to write.
                End::Right if case.setting == Setting::Writing => {
                    [case.fault.whole, case.fault.live].iter().any(|one| one.answer == Allowed::Right)
                }
                End::Right => case.fault.expected(seen.asked_live).answer == Allowed::Right,
                End::Incomplete | End::Failed(_) | End::Wrong(_) => false,
            },
            "the other candidate could have answered",
        ),
    }
    wrong
}

/// The attempts that may reach the faulty one. Panels ask for whole answers, whatever is asked of them.
fn most(case: &Case) -> usize {
    let (whole, live) = (case.fault.whole.attempts, case.fault.live.attempts);
    let most = match case.setting {
        Setting::Beside { .. } => whole.max(live),
        // Asked with the others, and to write.
        Setting::Writing => 2 * whole.max(live),
        Setting::Alone | Setting::AloneUntilTheDeadline => case.expected().attempts,
    };
    most as usize
}
