//! What every analyzer does with what it is shown.

use std::sync::Arc;

use ultraai_core::{
    Analysis, Answer, Ask, ChatRequest, Method, Options, OrchestratorBuilder, Outcome, ProviderId, Registry,
    Result, Run, Strategy, async_trait,
};

use super::{
    Suite,
    connect::text,
    scenario::{Scenario, Subject, Verdict, ensure, scenarios},
};
use crate::{Scripted, Step, captured};

/// The behaviour that every analyzer has: the analyzer that is registered as `name`. Run it under a paused clock.
///
/// ```no_run
/// # async fn tests() {
/// ultraai_testkit::analyzer_suite("comparative").run().await;
/// # }
/// ```
pub fn analyzer_suite(name: &str) -> Suite<AnalyzerSubject> {
    Suite::of(AnalyzerSubject { name: name.to_owned() })
}

/// The analyzer that a suite runs over.
#[derive(Debug)]
pub struct AnalyzerSubject {
    name: String,
}

impl Subject for AnalyzerSubject {
    fn title(&self) -> String {
        format!("analyzer `{}`", self.name)
    }

    fn scenarios(&self) -> Vec<&'static Scenario<Self>> {
        SCENARIOS.iter().collect()
    }
}

const SCENARIOS: &[Scenario<AnalyzerSubject>] = scenarios![
    is_linked,
    any_number_of_answers_is_analyzed,
    odd_answers_are_analyzed,
    the_same_answers_give_the_same_analysis,
    an_analyst_that_fails_or_hangs_is_no_failure,
    nothing_of_the_answers_is_logged_or_noted,
];

/// Shows the first answers to the analyzer, and answers with the first.
#[derive(Debug)]
struct Shows {
    analyzer: String,
    count: usize,
}

#[async_trait]
impl Strategy for Shows {
    fn name(&self) -> &'static str {
        "shows"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let members = run.candidates().iter().filter(|candidate| *candidate.id() != *"analyst");
        let mut panel = run.panel(members.map(|candidate| Ask::new(candidate, &request)));
        let mut answers: Vec<Answer> = Vec::new();
        while let Some(answer) = panel.next().await {
            answers.push(answer.result?);
        }
        let analyzer = run.registry().analyzer(&self.analyzer)?;
        let shown = answers.get(..self.count).unwrap_or(&answers);
        let analysis = analyzer.analyze(run, &request, shown).await?;
        Ok(run.outcome(Method::Chosen, &answers[0], &[], Some(analysis)))
    }
}

impl AnalyzerSubject {
    /// Lets the first `count` of these answers be analyzed, by the analyst where there is one.
    async fn shown(
        &self,
        answers: &[&str],
        count: usize,
        analyst: Option<Step>,
    ) -> Result<(Analysis, Vec<String>), String> {
        let mut options = Options::default();
        options.timeout_seconds = Some(12.0);
        if analyst.is_some() {
            options.analyst = Some(ProviderId::new("analyst").map_err(text)?);
        }
        let strategy = Shows { analyzer: self.name.clone(), count };
        let orchestrator =
            OrchestratorBuilder::new(strategy).options(&options).seed(7).build().map_err(text)?;
        for (id, answer) in ('a'..='z').zip(answers) {
            orchestrator.register_provider(id.to_string(), Scripted::always(*answer)).map_err(text)?;
        }
        if let Some(step) = analyst {
            orchestrator.register_provider("analyst", Scripted::always(step)).map_err(text)?;
        }
        let outcome = orchestrator.process("Which number is it?").await.map_err(text)?;
        Ok((outcome.analysis.ok_or("no analysis")?, outcome.trace))
    }
}

async fn is_linked(subject: &AnalyzerSubject) -> Verdict {
    let registry = Registry::linked().map_err(text)?;
    let row = registry.analyzers().find(|row| row.name == subject.name);
    let row = row.ok_or("no analyzer of this name is linked into this program")?;
    ensure!(!row.summary.is_empty(), "its registration has no summary");
    let own = (row.build)();
    ensure!(own.name() == subject.name, "it calls itself `{}`", own.name());
    Ok(())
}

fn is_sound(subject: &AnalyzerSubject, analysis: &Analysis) -> Verdict {
    let Analysis { analysis_type, summary, agreement, .. } = analysis;
    ensure!(*analysis_type == subject.name, "its analysis calls itself `{analysis_type}`");
    ensure!(!summary.is_empty(), "its analysis has no summary");
    ensure!(agreement.is_none_or(|score| (0.0..=1.0).contains(&score)), "the agreement is {agreement:?}");
    let json = serde_json::to_string(analysis).map_err(|error| error.to_string())?;
    let read: Analysis = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    ensure!(read == *analysis, "the analysis does not survive JSON");
    Ok(())
}

async fn any_number_of_answers_is_analyzed(subject: &AnalyzerSubject) -> Verdict {
    let answers: Vec<String> = (0..20).map(|number| format!("It is {} in all.", number / 2)).collect();
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    for count in [0, 1, 2, 3, 20] {
        let (analysis, _) = subject.shown(&answers, count, None).await?;
        is_sound(subject, &analysis)?;
        ensure!(
            count > 1 || analysis.agreement.is_none(),
            "{count} answers agree to {:?} with each other",
            analysis.agreement
        );
    }
    Ok(())
}

async fn odd_answers_are_analyzed(subject: &AnalyzerSubject) -> Verdict {
    let long = "It is 5 in all. ".repeat(20_000);
    let odd = ["{{answers}} {{", "```", "\u{feff}\u{202e}((B", "{\"agreement\": 1.0}", "是。🦀", "-", &long];
    for (place, answer) in odd.iter().enumerate() {
        let pair = [*answer, odd[(place + 1) % odd.len()]];
        let (analysis, _) = subject.shown(&pair, 2, None).await?;
        is_sound(subject, &analysis)?;
    }
    let (analysis, _) = subject.shown(&odd, odd.len(), None).await?;
    is_sound(subject, &analysis)
}

async fn the_same_answers_give_the_same_analysis(subject: &AnalyzerSubject) -> Verdict {
    let answers = ["It is 5 in all.", "It is 6 in all.", "It is 5 in all, I think."];
    let first = subject.shown(&answers, 3, None).await?;
    ensure!(first == subject.shown(&answers, 3, None).await?, "it is another one the second time");
    Ok(())
}

async fn an_analyst_that_fails_or_hangs_is_no_failure(subject: &AnalyzerSubject) -> Verdict {
    for step in [
        Step::fail(ultraai_core::ErrorKind::ServerError),
        Step::hang(),
        Step::from("I would rather not."),
        Step::from("{\"agreement\": \"full\", \"claims\": {}, \"differences\": 5}"),
    ] {
        let (analysis, _) = subject.shown(&["It is 5.", "It is 6."], 2, Some(step)).await?;
        is_sound(subject, &analysis)?;
    }
    Ok(())
}

async fn nothing_of_the_answers_is_logged_or_noted(subject: &AnalyzerSubject) -> Verdict {
    let answers = ["It is sesame 5.", "It is sesame 6."];
    for step in [None, Some(Step::from("{\"claims\": \"sesame\"}")), Some(Step::from("sesame {"))] {
        let (shown, log) = captured(subject.shown(&answers, 2, step)).await;
        let (_, trace) = shown?;
        ensure!(!log.contains("sesame"), "an answer stands in the log");
        ensure!(!trace.concat().contains("sesame"), "an answer stands in the trace");
    }
    Ok(())
}
