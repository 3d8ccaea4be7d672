//! A conversation, those who are asked, and where it is kept.

use std::sync::Arc;

use ultraai::{Ledger, Orchestrator, Outcome, ProviderId, Registry, RequestOptions, Strategy};
use ultraai_settings::{ProviderSummary, Settings};

use crate::{
    agreement,
    arguments::Chat,
    conversation::Conversation,
    exit::Exit,
    failure::Failure,
    keep::{self, CONVERSATION, Target},
    summary, sums,
    terminal::{NOTE, print_answer, tell},
    watch,
};

/// Those who are asked.
pub(super) struct Engine {
    orchestrator: Orchestrator<Arc<dyn Strategy>>,
    selected: Option<Vec<ProviderId>>,
    /// In words, in the order of the settings.
    pub(super) providers: Vec<ProviderSummary>,
    /// The strategy's name.
    pub(super) strategy: String,
}

/// A conversation under way.
pub(super) struct Session<'a> {
    pub(super) arguments: &'a Chat,
    pub(super) engine: Engine,
    pub(super) conversation: Conversation,
    target: Option<Target>,
    /// The prompt that got no answer, so that it can be asked again.
    unanswered: Option<String>,
    /// What the turn under way takes.
    ledger: Option<Ledger>,
}

impl Engine {
    /// Those whom the arguments name, or `providers` in their place.
    pub(super) async fn load(arguments: &Chat, providers: Option<&[String]>) -> Result<Self, Failure> {
        let mut sources = arguments.settings.sources();
        if let Some(providers) = providers {
            sources.arguments.providers = providers.to_vec();
        }
        let settings = Settings::load(&sources, &Registry::linked()?).await?;
        let providers = settings.summaries();
        let orchestrator = settings.build().map_err(|error| Failure::of(error, providers.clone()))?;
        if !arguments.quiet {
            for notice in &settings.notices {
                tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
            }
        }
        Ok(Self { orchestrator, selected: settings.selected, providers, strategy: settings.strategy })
    }

    /// Whether `id` is asked.
    pub(super) fn asks(&self, id: &ProviderId) -> bool {
        self.selected.as_ref().is_none_or(|selected| selected.contains(id))
    }
}

impl<'a> Session<'a> {
    /// A new conversation, or the one that the arguments resume.
    pub(super) async fn new(arguments: &'a Chat) -> Result<Self, Failure> {
        let mut conversation = match &arguments.resume {
            Some(path) => keep::read(path, &CONVERSATION)?,
            None => Conversation::default(),
        };
        if arguments.system.is_some() {
            conversation.system.clone_from(&arguments.system);
        }
        let target = match &arguments.save {
            Some(path) => {
                let resumed = arguments.resume.as_ref().is_some_and(|resumed| keep::is_same(resumed, path));
                let instead = "name another file, replace it with --force, or go on with it: --resume";
                Some(Target::new(path, arguments.force || resumed, instead)?)
            }
            None => None,
        };
        let engine = Engine::load(arguments, None).await?;
        Ok(Self { arguments, engine, conversation, target, unanswered: None, ledger: None })
    }

    /// Asks, prints the answer, and keeps it. Without an answer the conversation is as before.
    pub(super) async fn ask(&mut self, prompt: String) -> Result<Exit, Failure> {
        self.ask_after(self.conversation.turns(), prompt).await
    }

    /// Asks the last prompt again.
    pub(super) async fn retry(&mut self) -> Result<Exit, Failure> {
        if let Some(prompt) = self.unanswered.clone() {
            return self.ask(prompt).await;
        }
        let Some(prompt) = self.conversation.prompts().last() else {
            return Err(Failure::usage("nothing was asked yet: write a prompt first"));
        };
        self.ask_after(self.conversation.turns() - 1, prompt).await
    }

    async fn ask_after(&mut self, turns: usize, prompt: String) -> Result<Exit, Failure> {
        let request = self.arguments.request.applied_to(self.conversation.request(turns, &prompt));
        let ledger = Ledger::new();
        self.ledger = Some(ledger.clone());
        if turns == self.conversation.turns() {
            self.unanswered = Some(prompt.clone());
        }
        let mut options = RequestOptions::default().with_ledger(ledger);
        options.providers.clone_from(&self.engine.selected);
        let show = watch::Show { progress: !self.arguments.quiet, answer: true };
        let asked = watch::ask(&self.engine.orchestrator, request, options, show).await;
        let (outcome, is_printed) = asked.map_err(|failure| self.explained(failure))?;
        self.conversation.add(turns, &prompt, &outcome.synthesis.response);
        self.unanswered = None;
        let kept = self.settle();
        if !is_printed {
            print_answer(&outcome.synthesis.response)?;
        }
        self.tell(&outcome);
        kept?;
        Ok(if summary::is_cut_off(&outcome) { Exit::Incomplete } else { Exit::Answer })
    }

    /// Writes down what the last turn took, also when it failed or was dropped.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        let Some(ledger) = self.ledger.take() else { return Ok(()) };
        self.conversation.spend(&sums::all(&ledger.report()));
        // What was forgotten is not written over before there is something new.
        if self.conversation.turns() > 0 { self.keep() } else { Ok(()) }
    }

    /// Forgets what was said.
    pub(super) fn reset(&mut self) {
        self.conversation.reset();
        self.unanswered = None;
    }

    /// The file that keeps the conversation.
    pub(super) fn kept_in(&self) -> Option<&str> {
        self.target.as_ref().map(Target::name)
    }

    /// Keeps the conversation in a file from now on.
    pub(super) fn keep_in(&mut self, name: &str) -> Result<(), Failure> {
        // No shell has looked at it.
        let path = match (name.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => name.into(),
        };
        if self.target.as_ref().is_none_or(|target| !target.is(&path)) {
            self.target = Some(Target::new(&path, false, "name another file")?);
        }
        self.keep()
    }

    /// Writes the file that keeps the conversation, when there is one.
    pub(super) fn keep(&mut self) -> Result<(), Failure> {
        match &mut self.target {
            Some(target) => target.write(&self.conversation),
            None => Ok(()),
        }
    }

    fn tell(&self, outcome: &Outcome) {
        if !self.arguments.quiet {
            tell(&summary::text(outcome));
        }
        if let Some(analysis) = &outcome.analysis {
            match self.arguments.explain {
                true => tell(&agreement::text(analysis)),
                false if self.arguments.quiet => {}
                false => tell(&agreement::note(analysis, "`chat --explain` says in what")),
            }
        }
        if self.arguments.explain {
            tell(&summary::explanation(&outcome.trace, &outcome.ledger));
        }
    }

    fn explained(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Error(error, _) => Failure::of(*error, self.engine.providers.clone()),
            other => other,
        }
    }
}
