//! `ultraai ask`.

use std::sync::Arc;

use ultraai::{
    ChatRequest, Orchestrator, Outcome, Registry, RequestOptions, Strategy, stats::OrchestratorStats,
};
use ultraai_settings::{ProviderSummary, Settings};

use crate::{
    arguments::Ask,
    attach,
    exit::Exit,
    failure::Failure,
    keep::Target,
    output::{self, Failed, Kept},
    prompt,
    terminal::{NOTE, print_json, tell},
    watch,
};

/// What is known of those who are asked, also when nobody answers.
#[derive(Default)]
struct Known {
    providers: Vec<ProviderSummary>,
    orchestrator: Option<Orchestrator<Arc<dyn Strategy>>>,
}

/// An outcome, and what became of it so far.
struct Answered {
    outcome: Outcome,
    stats: OrchestratorStats,
    is_printed: bool,
    kept: Result<(), Failure>,
}

/// Asks, and prints the answer.
pub(crate) async fn ask(ask: Ask) -> Result<Exit, Failure> {
    let mut known = Known::default();
    let flags = ask.output;
    let result = match answer(&ask, &mut known).await {
        Ok(Answered { outcome, stats, is_printed, kept }) => {
            let printed = output::outcome(flags, &outcome, &stats, is_printed).map_err(Failure::from);
            // The answer is printed whatever becomes of the file.
            return kept.and(printed);
        }
        Err(failure) => failure,
    };
    let stats = known.orchestrator.as_ref().filter(|_| flags.stats).map(|orchestrator| orchestrator.stats());
    match result {
        Failure::Error(error, _) if flags.json => {
            print_json(&Failed::new(&error, stats))?;
            Err(Failure::Told(Exit::from(&*error)))
        }
        Failure::Error(error, _) => {
            let exit = Failure::of((*error).clone(), known.providers).tell();
            output::failure(flags, &error, stats.as_ref())?;
            Err(Failure::Told(exit))
        }
        other => Err(other),
    }
}

async fn answer(ask: &Ask, known: &mut Known) -> Result<Answered, Failure> {
    let replace = "name another file, or replace it with --force";
    let mut target = match &ask.save {
        Some(path) => Some(Target::new(path, ask.force, replace)?),
        None => None,
    };
    let registry = Registry::linked()?;
    let settings = Settings::load(&ask.settings.sources(), &registry).await?;
    known.providers = settings.summaries();
    let request = request(ask).await?;
    let (orchestrator, options) = match &ask.orchestrator {
        Some(name) => {
            let target = settings.orchestrator(name)?;
            (target.orchestrator, target.options)
        }
        None => {
            let mut options = RequestOptions::default();
            options.providers.clone_from(&settings.selected);
            (settings.build()?, options)
        }
    };
    known.orchestrator = Some(orchestrator.clone());
    let flags = ask.output;
    if !flags.quiet {
        for notice in &settings.notices {
            tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
        }
    }
    // An answer that stands below the others cannot begin before they have ended.
    let show = watch::Show { progress: !flags.quiet, answer: !flags.json && !flags.compare };
    let asked = target.is_some().then(|| request.clone());
    let (outcome, is_printed) = watch::ask(&orchestrator, request, options, show).await?;
    let stats = orchestrator.stats();
    let kept = match (&mut target, asked) {
        (Some(target), Some(request)) => target.write(&Kept::new(request, outcome.clone(), stats.clone())),
        _ => Ok(()),
    };
    Ok(Answered { outcome, stats, is_printed, kept })
}

async fn request(ask: &Ask) -> Result<ChatRequest, Failure> {
    let mut request = ChatRequest::from_prompt(prompt::read(ask).await?);
    if let Some(system) = &ask.system {
        request = request.with_system(system);
    }
    let request = attach::added_to(ask.request.applied_to(request), ask).await?;
    request.validate()?;
    Ok(request)
}
