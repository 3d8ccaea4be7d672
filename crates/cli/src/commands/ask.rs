//! `ultraai ask`.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};
use ultraai::{
    ChatRequest, Error, ErrorReport, Event, Outcome, OutcomeStream, Registry, RequestOptions,
    orchestrator::Report,
};
use ultraai_settings::{ProviderSummary, Settings};

use crate::{
    arguments::Ask,
    exit::Exit,
    failure::Failure,
    prompt, summary,
    terminal::{LiveAnswer, NOTE, Progress, print_answer, print_json, tell},
};

/// How often the seconds on the terminal are brought up to date.
const TICK: Duration = Duration::from_millis(100);

/// Asks, and prints the answer.
pub(crate) async fn ask(ask: Ask) -> Result<Exit, Failure> {
    let mut providers = Vec::new();
    let result = match answer(&ask, &mut providers).await {
        Ok((outcome, printed)) => tell_outcome(&ask, &outcome, printed).map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    match result {
        Err(Failure::Error(error, _)) if ask.json => {
            print_json(&failed(&error))?;
            Err(Failure::Told(Exit::from(&*error)))
        }
        Err(Failure::Error(error, _)) => {
            let exit = Failure::of((*error).clone(), providers).tell();
            if let Some(report) = error.report() {
                if !ask.quiet {
                    tell(&summary::effort(&report.ledger.totals));
                }
                if ask.explain {
                    tell(&summary::explanation(&report.trace));
                }
            }
            Err(Failure::Told(exit))
        }
        other => other,
    }
}

/// The outcome, and whether its answer stands on the terminal already.
async fn answer(ask: &Ask, providers: &mut Vec<ProviderSummary>) -> Result<(Outcome, bool), Failure> {
    let registry = Registry::linked()?;
    let settings = Settings::load(&ask.settings.sources(), &registry).await?;
    *providers = settings.summaries();
    let request = request(ask).await?;
    let orchestrator = settings.build()?;
    if !ask.quiet {
        for notice in &settings.notices {
            tell(&format!("{NOTE}note:{NOTE:#} {notice}\n"));
        }
    }
    let mut options = RequestOptions::default();
    options.providers = settings.selected;
    let live = io::stdout().is_terminal() && !ask.json;
    let progress = if ask.quiet { None } else { Progress::new() };
    if !live && progress.is_none() {
        return Ok((orchestrator.process_with(request, options).await?, false));
    }
    let stream = orchestrator.process_stream_with(request, options)?;
    watch(stream, progress, live).await
}

async fn request(ask: &Ask) -> Result<ChatRequest, Failure> {
    let mut request = ChatRequest::from_prompt(prompt::read(ask).await?);
    if let Some(system) = &ask.system {
        request = request.with_system(system);
    }
    request = request.edited(|request| {
        request.max_tokens = ask.max_tokens;
        request.temperature = ask.temperature;
    });
    request.validate()?;
    Ok(request)
}

/// Reads the events to the end: progress on standard error, the answer on standard output while it is made.
async fn watch(
    mut stream: OutcomeStream,
    mut progress: Option<Progress>,
    live: bool,
) -> Result<(Outcome, bool), Failure> {
    let mut answer = LiveAnswer::default();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            biased;
            event = stream.next() => event,
            _ = tick.tick(), if progress.is_some() && !answer.begun => {
                progress.iter_mut().for_each(Progress::draw);
                continue;
            }
        };
        match event {
            Some(Ok(Event::Delta { delta })) if live => {
                if !answer.begun {
                    progress.iter_mut().for_each(Progress::leave);
                }
                answer.push(&delta)?;
            }
            Some(Ok(Event::Discarded { reason })) if live => answer.discard(&reason)?,
            Some(Ok(Event::Finished { outcome })) => {
                if !answer.begun {
                    progress.iter_mut().for_each(Progress::leave);
                }
                answer.finish()?;
                return Ok((*outcome, answer.begun));
            }
            Some(Ok(event)) => progress.iter_mut().for_each(|progress| progress.on(&event)),
            Some(Err(error)) => {
                progress.iter_mut().for_each(Progress::leave);
                answer.finish()?;
                return Err(error.into());
            }
            None => return Err(Failure::usage("the request ended without an outcome")),
        }
    }
}

fn tell_outcome(ask: &Ask, outcome: &Outcome, printed: bool) -> io::Result<Exit> {
    if ask.json {
        print_json(outcome)?;
    } else {
        if !printed {
            print_answer(&outcome.synthesis.response)?;
        }
        if !ask.quiet {
            tell(&summary::text(outcome));
        }
        if ask.explain {
            tell(&summary::explanation(&outcome.trace));
        }
    }
    Ok(if summary::is_cut_off(outcome) { Exit::Incomplete } else { Exit::Answer })
}

/// What stands on standard output in place of an outcome.
#[derive(serde::Serialize)]
struct Failed {
    error: ErrorReport,
    responses: Vec<ultraai::ProviderResponse>,
    ledger: ultraai::LedgerReport,
    trace: Vec<String>,
}

fn failed(error: &Error) -> Failed {
    let report: Report = error.report().cloned().unwrap_or_default();
    Failed { error: error.into(), responses: report.responses, ledger: report.ledger, trace: report.trace }
}
