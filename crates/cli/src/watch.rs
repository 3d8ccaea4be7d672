//! A request while it is under way: progress on standard error, the answer on standard output.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};
use ultraai::{ChatRequest, Event, Orchestrator, Outcome, OutcomeStream, RequestOptions, Strategy};

use crate::{
    failure::Failure,
    terminal::{LiveAnswer, Progress},
};

/// How often the seconds on the terminal are brought up to date.
const TICK: Duration = Duration::from_millis(100);

/// What is shown while a request is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show {
    /// How each provider gets on, where standard error is a terminal.
    pub(crate) progress: bool,
    /// The answer while it is made, where standard output is a terminal.
    pub(crate) answer: bool,
}

/// Asks. Returns the outcome, and whether its answer stands on the terminal already.
pub(crate) async fn ask(
    orchestrator: &Orchestrator<Arc<dyn Strategy>>,
    request: ChatRequest,
    options: RequestOptions,
    show: Show,
) -> Result<(Outcome, bool), Failure> {
    let is_live = show.answer && io::stdout().is_terminal();
    let progress = if show.progress { Progress::new() } else { None };
    if !is_live && progress.is_none() {
        return Ok((orchestrator.process_with(request, options).await?, false));
    }
    watch(orchestrator.process_stream_with(request, options)?, progress, is_live).await
}

/// Reads the events to the end.
async fn watch(
    mut stream: OutcomeStream,
    mut progress: Option<Progress>,
    is_live: bool,
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
            Some(Ok(Event::Delta { delta })) if is_live => {
                if !answer.begun {
                    progress.iter_mut().for_each(Progress::leave);
                }
                answer.push(&delta)?;
            }
            Some(Ok(Event::Discarded { reason, .. })) if is_live => answer.discard(&reason)?,
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
