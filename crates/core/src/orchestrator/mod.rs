//! The base orchestrator, and what strategies do their work through.

mod admission;
mod answer_events;
mod ask;
mod base;
mod builder;
mod candidates;
mod choice;
mod collect;
mod events;
mod nested;
mod outcome;
mod panel;
mod record;
mod run;
mod stream;
mod succession;
mod synthesis;
mod telling;

use std::{fmt, ops::Deref, sync::Arc};

pub use self::{
    admission::Place,
    answer_events::AnswerEvents,
    ask::{Answer, Aside, Reply},
    base::BaseOrchestrator,
    builder::OrchestratorBuilder,
    choice::choose,
    collect::{Collected, Collecting, Until},
    events::Event,
    outcome::{Method, Outcome, ProviderResponse, Report, ResponseStatus, Synthesis},
    panel::{Ask, Panel, PanelAnswer},
    run::Run,
    stream::OutcomeStream,
};
use crate::{ChatRequest, Error, ErrorKind, RequestOptions, Result, Strategy};

/// A base orchestrator and a strategy.
///
/// It is a [`Provider`](crate::Provider) too, so orchestrators nest. What it has of the base, such as
/// `register_provider`, is reached through `Deref`.
pub struct Orchestrator<S> {
    base: BaseOrchestrator,
    strategy: Arc<S>,
}

impl<S: Strategy> Orchestrator<S> {
    /// Puts `strategy` on `base`. Several orchestrators may share one base, and so its providers.
    pub fn new(base: BaseOrchestrator, strategy: S) -> Self {
        Self { base, strategy: Arc::new(strategy) }
    }

    /// The base.
    pub fn base(&self) -> &BaseOrchestrator {
        &self.base
    }

    /// The strategy.
    pub fn strategy(&self) -> &S {
        &self.strategy
    }

    fn strategy_handle(&self) -> Arc<S> {
        Arc::clone(&self.strategy)
    }

    /// Refuses options and providers with which no request could be answered: what the strategy refuses, and more good answers
    /// than there are providers to ask. For whoever sets an orchestrator up, once its providers are registered; a request that
    /// sets the same is refused by itself.
    ///
    /// # Errors
    /// `Config`, which names the option and what to set in its place.
    pub fn check(&self, over: &RequestOptions) -> Result<()> {
        let options = self.base.options().overridden_by(&over.options);
        self.strategy.check(&options)?;
        let most = over.providers.as_ref().map_or_else(|| self.base.candidates().len(), Vec::len);
        let needed = options.min_responses_needed();
        // Nobody at all is another matter, which a request says.
        if most == 0 || needed <= most {
            return Ok(());
        }
        let (only, fewer) = match most {
            1 => ("only one provider".to_owned(), "set it to 1".to_owned()),
            most => (format!("only {most} providers"), format!("set it to {most} or less")),
        };
        let message =
            format!("`min_responses_needed` is {needed}, and {only} can be asked: {fewer}, or add providers");
        Err(Error::new(ErrorKind::Config, message))
    }

    /// Answers a prompt or a request.
    ///
    /// # Errors
    /// What kept every way from an answer. [`Error::causes`](crate::Error::causes) holds each candidate's
    /// error, [`Error::report`](crate::Error::report) what was spent all the same.
    pub async fn process(&self, request: impl Into<ChatRequest> + Send) -> Result<Outcome> {
        self.process_with(request, RequestOptions::default()).await
    }

    /// Answers a prompt or a request with options of its own.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    pub async fn process_with(
        &self,
        request: impl Into<ChatRequest> + Send,
        options: impl Into<RequestOptions> + Send,
    ) -> Result<Outcome> {
        let run = self.base.start(request.into(), &options.into())?;
        run.drive(&*self.strategy).await
    }
}

impl<S: Strategy + Default> Orchestrator<S> {
    /// Builds one with the default strategy.
    pub fn builder() -> OrchestratorBuilder<S> {
        OrchestratorBuilder::new(S::default())
    }
}

impl<S> Deref for Orchestrator<S> {
    type Target = BaseOrchestrator;

    fn deref(&self) -> &BaseOrchestrator {
        &self.base
    }
}

impl<S> Clone for Orchestrator<S> {
    fn clone(&self) -> Self {
        Self { base: self.base.clone(), strategy: Arc::clone(&self.strategy) }
    }
}

impl<S: fmt::Debug> fmt::Debug for Orchestrator<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orchestrator").field("strategy", &self.strategy).field("base", &self.base).finish()
    }
}
