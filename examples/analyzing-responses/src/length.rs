//! An analyzer of the application's own, registered like those of UltraAI and used by its name.

use std::sync::Arc;

use serde_json::json;
use ultraai::{
    Analysis, Analyzer, AnalyzerRegistration, Answer, ChatRequest, Result, Run, async_trait,
    register_analyzer,
};

register_analyzer!(
    AnalyzerRegistration::new("length", || Arc::new(Length)).summary("how long the answers are")
);

/// Measures the answers, which asks nobody and costs nothing.
#[derive(Debug)]
struct Length;

#[async_trait]
impl Analyzer for Length {
    fn name(&self) -> &'static str {
        "length"
    }

    async fn analyze(&self, _: &Run, _: &ChatRequest, answers: &[Answer]) -> Result<Analysis> {
        let words = |answer: &Answer| answer.response.text().split_whitespace().count();
        let lengths: Vec<_> = answers.iter().map(|answer| (answer.provider_id(), words(answer))).collect();
        let most = lengths.iter().map(|(_, words)| *words).max().unwrap_or_default();
        let mut analysis = Analysis::new(self.name(), format!("The longest answer has {most} words."));
        analysis.details = json!(lengths);
        Ok(analysis)
    }
}
