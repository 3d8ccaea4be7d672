//! Behaviour suites: one list of scenarios for all plugins of a kind, and a gap is listed, not skipped.

mod analyzer;
mod any;
mod connect;
mod http;
mod layer;
mod scenario;
mod strategy;

use self::scenario::{Report, Scenario, Subject};
pub use self::{
    analyzer::{AnalyzerSubject, analyzer_suite},
    connect::{Connect, built, registered},
    layer::{LayerSubject, layer_suite},
    strategy::{StrategySubject, strategy_suite},
};

/// The behaviour that every provider has; run it in each provider's `tests/conformance.rs`.
///
/// ```no_run
/// # use ultraai_testkit::{openai::OpenAiChat, registered, suite};
/// # async fn tests() {
/// suite(registered("mock")).run().await;
/// suite(registered("acme").speaking(OpenAiChat)).expect_gaps(&["tools: the vendor has none"]).run().await;
/// # }
/// ```
pub fn suite(connect: Connect) -> Suite<Connect> {
    Suite::of(connect)
}

/// A suite that is about to run over a plugin, the subject.
#[derive(Debug)]
#[must_use = "call `run`"]
pub struct Suite<S> {
    subject: S,
    gaps: Vec<String>,
}

#[expect(private_bounds, reason = "the kinds of subjects are those of this crate")]
impl<S: Subject> Suite<S> {
    fn of(subject: S) -> Self {
        Self { subject, gaps: Vec::new() }
    }

    /// Lists scenarios that must fail, each as `name: reason`. The suite fails when one of them passes, so
    /// that a gap does not close unnoticed.
    pub fn expect_gaps(mut self, gaps: &[&str]) -> Self {
        self.gaps = gaps.iter().map(|gap| (*gap).to_owned()).collect();
        self
    }

    /// Runs every scenario that applies.
    ///
    /// # Panics
    /// When a scenario fails that is not listed as a gap, or a listed one passes; the message names them all.
    pub async fn run(self) {
        let report = self.report().await;
        assert!(report.is_good(), "{report}");
    }

    async fn report(&self) -> Report {
        scenario::run(&self.subject, &self.gaps).await
    }
}

impl Subject for Connect {
    fn title(&self) -> String {
        Connect::title(self)
    }

    fn scenarios(&self) -> Vec<&'static Scenario<Self>> {
        let mut scenarios: Vec<_> = any::SCENARIOS.iter().collect();
        if self.is_registered() {
            scenarios.extend(any::OF_REGISTERED);
        }
        if self.dialogue().is_some() {
            scenarios.extend(http::scenarios());
        }
        scenarios
    }
}

#[cfg(test)]
mod tests;
