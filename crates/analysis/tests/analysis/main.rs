//! The analyzers within an orchestrator, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod analyst;
mod hostile;
mod templates;
mod words;

use serde::de::DeserializeOwned;
use ultraai_analysis as _;
use ultraai_core::{Analysis, Options, Orchestrator, OrchestratorBuilder, Outcome, ProviderId, Registry};
use ultraai_strategy_simple::Simple;
use ultraai_testkit::{Scripted, Step};

/// An orchestrator over those who answer, called `a`, `b`, `c` …, and over others by name.
struct Bench {
    orchestrator: Orchestrator<Simple>,
    members: Vec<Scripted>,
}

impl Bench {
    fn new(set: impl FnOnce(&mut Options), answers: &[&str]) -> Self {
        let builder = OrchestratorBuilder::new(Simple::default()).seed(1);
        let orchestrator = builder.options(&options(set)).build().unwrap();
        let mut bench = Self { orchestrator, members: Vec::new() };
        for (id, answer) in ('a'..='z').zip(answers) {
            // The first one writes the synthesis too.
            bench.member(&id.to_string(), Scripted::new([Step::from(*answer)]).then_always("together"));
        }
        bench
    }

    fn member(&mut self, id: &str, member: Scripted) -> &mut Self {
        self.orchestrator.register_provider(id, member.clone()).unwrap();
        self.members.push(member);
        self
    }

    async fn ask(&self) -> Outcome {
        self.orchestrator.process("Which is it?").await.unwrap()
    }

    /// What `member` was shown the second time: in order to compare, or to write the synthesis.
    fn shown(&self, member: usize) -> String {
        self.members[member].requests()[1].messages[0].text()
    }
}

fn id(name: &str) -> ProviderId {
    ProviderId::new(name).unwrap()
}

fn ids(names: &[&str]) -> Vec<ProviderId> {
    names.iter().map(|name| id(name)).collect()
}

fn details<T: DeserializeOwned>(analysis: &Analysis) -> T {
    serde_json::from_value(analysis.details.clone()).unwrap()
}

/// Options that `set` sets.
fn options(set: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    set(&mut options);
    options
}

/// The options of a request that `z` analyzes, which has an answer of its own.
fn by_z(analysis_type: &'static str) -> impl FnOnce(&mut Options) {
    move |options| {
        options.analysis_type = Some(analysis_type.into());
        options.analyst = Some(id("z"));
    }
}

#[test]
fn both_are_linked_and_a_third_is_refused_by_name() {
    let error = OrchestratorBuilder::new(Simple::default()).analysis_type("factal").build().unwrap_err();
    assert!(error.to_string().contains("comparative, factual"), "{error}");
    let registry = Registry::linked().unwrap();
    assert!(registry.analyzer("comparative").is_ok() && registry.analyzer("factual").is_ok());
    let none = Registry::builder().build();
    let error = OrchestratorBuilder::new(Simple::default())
        .registry(none)
        .analysis_type("factual")
        .build()
        .unwrap_err();
    assert!(error.to_string().starts_with("no analyzer `factual` is linked"), "{error}");
}
