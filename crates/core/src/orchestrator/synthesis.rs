//! What is asked for besides the answers: a comparison of them, and one answer made from them.

use std::{sync::Arc, time::Duration};

use super::{Answer, Aside, Event, Run};
use crate::{
    Analysis, Candidate, Error, ErrorKind, Result,
    prompt::{Prompt, SYNTHESIS_PURPOSE, SYNTHESIS_TEMPLATE, SYNTHESIS_VARIABLES, Template},
};

/// The analyzer where the options name none.
const DEFAULT_ANALYZER: &str = "comparative";

/// Tokens kept free for the synthesis where the request sets no `max_tokens`.
const TOKENS_OF_SYNTHESIS: u64 = 1024;

impl Run {
    /// Lets the analyzer compare the answers, where one is linked; one answer alone is not compared.
    ///
    /// It gets half of the time that is left, so that a synthesis can follow. A failed analysis is noted, and `None`.
    pub async fn analyze(&self, answers: &[Answer]) -> Option<Analysis> {
        if answers.len() < 2 {
            return None;
        }
        let name = self.options.analysis_type.as_deref().unwrap_or(DEFAULT_ANALYZER);
        let analyzer = self.base.registry().analyzer(name).ok()?;
        let work = analyzer.analyze(self, &self.request, answers);
        let done = match self.remaining() {
            Some(left) => tokio::time::timeout(left / 2, work).await,
            None => Ok(work.await),
        };
        match done {
            Ok(Ok(analysis)) => return Some(analysis),
            Ok(Err(error)) => self.note(format!("the analysis `{name}` failed: {error}")),
            Err(_) => self
                .note(format!("the analysis `{name}` took half of the time that was left: it was given up")),
        }
        None
    }

    /// Returns the time that a model which compares the answers gets, or `None` when there is no deadline: a third of what
    /// is left. [`ask_aside`](Self::ask_aside) keeps to it.
    pub fn time_for_analysis(&self) -> Option<Duration> {
        self.remaining().map(|left| left / 3)
    }

    /// Lets `by` write one answer from several, and forwards it while it is made. The prompt is `synthesis_template`, else
    /// [`SYNTHESIS_TEMPLATE`]; an analysis that found nothing is left out of it.
    ///
    /// # Errors
    /// `by`'s error. What was forwarded until then is void, and the listeners were told so.
    pub async fn synthesize(
        &self,
        by: &Arc<Candidate>,
        answers: &[Answer],
        analysis: Option<&Analysis>,
    ) -> Result<Answer> {
        let template = self.options.synthesis_template.as_deref().unwrap_or(SYNTHESIS_TEMPLATE);
        let template = Template::parse(template, SYNTHESIS_VARIABLES)?;
        let found = analysis.filter(|analysis| !analysis.is_inconclusive);
        let texts = answers.iter().map(|answer| answer.response.text()).collect();
        let window = by.capabilities(&self.request).context_window;
        let prompt = Prompt::new(&template, texts)
            .comparison(found.map(|analysis| analysis.summary.as_str()))
            .within(window, self.request.max_tokens.unwrap_or(TOKENS_OF_SYNTHESIS));
        match prompt.shortens(&self.request) {
            Ok(false) => {}
            Ok(true) => {
                self.note(format!("the answers were shortened to fit the context window of {}", by.id()));
            }
            Err(error) => {
                self.note(format!("{} was not asked for a synthesis: {}", by.id(), error.message()));
                return Err(error.with_provider(by.id().clone()));
            }
        }
        let (request, fence) = prompt.added_to(&self.request, &mut self.cx.rng(SYNTHESIS_PURPOSE));
        self.emit(Event::Synthesizing { provider_id: by.id().clone() }).await;
        let reply = self.ask_aside(Aside::Synthesis, by, Arc::new(request)).await?;
        let answer = self.forward(reply).await?;
        if fence.is_in(&answer.response.text()) {
            // Small models repeat what they were shown instead of answering.
            let what = "its synthesis repeats the frame of the prompt";
            self.note(format!(
                "the synthesis of {} was not used: it repeats the frame of the prompt",
                by.id()
            ));
            self.discard(what).await;
            return Err(Error::new(ErrorKind::NoGoodAnswer, what).with_provider(by.id().clone()));
        }
        Ok(answer)
    }
}
