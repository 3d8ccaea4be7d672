//! Scenarios by name, the gaps among them, and the report.

use std::{
    any::Any,
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
    time::Duration,
};

/// A scenario's result: what is wrong, when something is.
pub(super) type Verdict = Result<(), String>;

pub(super) type BoxVerdict<'a> = Pin<Box<dyn Future<Output = Verdict> + 'a>>;

/// One scenario of a suite over a `B`.
pub(super) struct Scenario<B: 'static> {
    pub(super) name: &'static str,
    pub(super) run: for<'a> fn(&'a B) -> BoxVerdict<'a>,
}

/// What a suite runs over.
pub(super) trait Subject: Sized + 'static {
    /// The subject, as reports call it.
    fn title(&self) -> String;

    /// The scenarios that apply to it.
    fn scenarios(&self) -> Vec<&'static Scenario<Self>>;
}

/// Makes scenarios of async functions; the functions' names are the scenarios'.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        &[$($crate::suite::scenario::Scenario {
            name: stringify!($name),
            run: |bench| Box::pin($name(bench)),
        }),*]
    };
}

/// Ends the scenario unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

pub(super) use {ensure, scenarios};

/// Longer than any scenario takes; one that hangs is a failure like another.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs the subject's scenarios one after the other.
pub(super) async fn run<S: Subject>(subject: &S, gaps: &[String]) -> Report {
    let scenarios = subject.scenarios();
    let mut report = Report { title: subject.title(), total: scenarios.len(), findings: Vec::new() };
    for gap in gaps {
        let (name, reason) = gap.split_once(':').unwrap_or((gap, ""));
        if reason.trim().is_empty() {
            report.find(name, "listed as a gap without a reason: write `name: reason`");
        }
        if scenarios.iter().all(|scenario| scenario.name != name) {
            let known: Vec<_> = scenarios.iter().map(|scenario| scenario.name).collect();
            report.find(
                name,
                format!("listed as a gap, but no scenario has this name (known: {})", known.join(", ")),
            );
        }
    }
    for scenario in scenarios {
        let is_gap = gaps.iter().any(|gap| gap.split(':').next() == Some(scenario.name));
        let verdict = match tokio::time::timeout(LIMIT, caught((scenario.run)(subject))).await {
            Ok(verdict) => verdict,
            Err(_) => Err(format!("still running after {LIMIT:?}")),
        };
        match verdict {
            Ok(()) if is_gap => {
                report.find(scenario.name, "listed as a gap, and it passes: take it off the list");
            }
            Err(why) if !is_gap => report.find(scenario.name, why),
            Ok(()) | Err(_) => {}
        }
    }
    report
}

/// Turns a panic of `work` into a failure.
async fn caught(mut work: BoxVerdict<'_>) -> Verdict {
    let polled =
        |cx: &mut std::task::Context<'_>| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Err(format!("panicked: {}", words_of(panic.as_ref())))),
        };
    poll_fn(polled).await
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}

/// What a suite found.
#[derive(Debug)]
pub(super) struct Report {
    title: String,
    total: usize,
    findings: Vec<(String, String)>,
}

impl Report {
    pub(super) fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, name: &str, why: impl Into<String>) {
        self.findings.push((name.to_owned(), why.into()));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} findings in {} scenarios", self.title, self.findings.len(), self.total)?;
        self.findings.iter().try_for_each(|(name, why)| writeln!(f, "  {name}: {why}"))
    }
}
