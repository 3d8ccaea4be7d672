//! Behaviour suites: one list of scenarios for all providers, and a gap is listed, not skipped.

mod any;
mod connect;
mod http;
mod scenario;

pub use self::connect::{Connect, built, registered};
use self::scenario::{Report, Scenario};

/// The behaviour that every provider has; run it in each provider's `tests/conformance.rs`.
///
/// ```no_run
/// # use ultraai_testkit::{openai::OpenAiChat, registered, suite};
/// # async fn tests() {
/// suite(registered("mock")).run().await;
/// suite(registered("acme").speaking(OpenAiChat)).expect_gaps(&["tools: the vendor has none"]).run().await;
/// # }
/// ```
pub fn suite(connect: Connect) -> Suite {
    Suite { connect, gaps: Vec::new() }
}

/// A suite that is about to run.
#[derive(Debug)]
#[must_use = "call `run`"]
pub struct Suite {
    connect: Connect,
    gaps: Vec<String>,
}

impl Suite {
    /// Lists scenarios that must fail, each as `name: reason`. The suite fails when one of them passes, so
    /// that a gap does not close unnoticed.
    pub fn expect_gaps(mut self, gaps: &[&str]) -> Self {
        self.gaps = gaps.iter().map(|gap| (*gap).to_owned()).collect();
        self
    }

    /// Runs every scenario.
    ///
    /// # Panics
    /// When a scenario fails that is not listed as a gap, or a listed one passes; the message names them all.
    pub async fn run(self) {
        let report = self.report().await;
        assert!(report.is_good(), "{report}");
    }

    /// Runs every scenario that applies.
    async fn report(&self) -> Report {
        let mut scenarios: Vec<&Scenario<Connect>> = any::SCENARIOS.iter().collect();
        if self.connect.is_registered() {
            scenarios.extend(any::OF_REGISTERED);
        }
        if self.connect.dialogue().is_some() {
            scenarios.extend(http::scenarios());
        }
        scenario::run(&self.connect.title(), &self.connect, &scenarios, &self.gaps).await
    }
}

#[cfg(test)]
mod tests;
