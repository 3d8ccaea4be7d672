//! Plays one case and says what came of it.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use ultraai::{
    Delta, Error, ErrorKind, Event, Ledger, Lookup, Options, Orchestrator, OrchestratorBuilder, Outcome,
    ProviderId, ProviderSpec, RequestOptions, Result, Secret, Strategy, ledger::RowOutcome, provider,
};
use ultraai_testkit::faults::FaultyServer;

use crate::{
    case::{Case, Protocol, Setting},
    world::{GOOD, World},
};

const PROMPT: &str = "What does the zebra eat?";

/// What came of a case.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) end: End,
    /// Attempts of the faulty one that stand in the ledger.
    pub(crate) attempts: usize,
    /// Requests that reached it, where it reads any.
    pub(crate) requests: Option<usize>,
    /// Whether one of them asked for a live answer: panels ask for whole ones, whatever is asked of them.
    pub(crate) asked_live: bool,
    /// Whether a row still says that it is under way.
    pub(crate) running: bool,
    /// How long after its deadline it ended.
    pub(crate) late: Duration,
}

#[derive(Debug, PartialEq)]
pub(crate) enum End {
    /// The right answer of the faulty one.
    Right,
    /// The right answer of another one.
    Other,
    /// A part of the faulty one's answer, marked as incomplete.
    Incomplete,
    /// An answer that nobody gave.
    Wrong(String),
    Failed(ErrorKind),
}

pub(crate) async fn run(case: &Case, world: &World, server: &FaultyServer, number: usize) -> Seen {
    let prefix = format!("/case-{number}");
    let orchestrator = orchestrator(case, world);
    let faulty = candidate(case.protocol, &format!("{}{prefix}", server.url())).weight(2.0);
    let faulty = match case.limits().attempt {
        Some(limit) => faulty.timeout(limit),
        None => faulty,
    };
    orchestrator.register_provider("faulty", faulty).unwrap();
    for other in 0..case.others() {
        let url = format!("{}/{}{prefix}/{other}", world.good(case.protocol.name), case.fault.name);
        orchestrator.register_provider(format!("other-{other}"), candidate(case.protocol, &url)).unwrap();
    }
    let ledger = Ledger::new();
    let options = RequestOptions::default().with_ledger(ledger.clone()).with_seed(1);
    let before = Instant::now();
    let ended = match case.live {
        false => {
            let outcome = orchestrator.process_with(PROMPT, options).await;
            outcome.map(|outcome| judged(&outcome, None))
        }
        true => live(&orchestrator, options).await,
    };
    let late = before.elapsed().saturating_sub(case.limits().deadline);
    let rows = ledger.report().rows;
    let mut requests = server.requests();
    requests.retain(|request| request.path.starts_with(&format!("{prefix}/")));
    Seen {
        end: ended.unwrap_or_else(|error| End::Failed(first_kind(&error))),
        attempts: rows.iter().filter(|row| !row.is_span && row.provider_id.as_str() == "faulty").count(),
        requests: server.reads().then_some(requests.len()),
        asked_live: requests.iter().any(|request| case.protocol.dialogue.wants_live(request)),
        running: rows.iter().any(|row| row.outcome == RowOutcome::Running),
        late,
    }
}

fn orchestrator(case: &Case, world: &World) -> Orchestrator<Arc<dyn Strategy>> {
    let strategy = world.registry.strategy(case.strategy(), json!({})).unwrap();
    let limits = case.limits();
    let options = Options::default().edited(|options| {
        options.max_retries = Some(2);
        options.timeout_seconds = Some(limits.deadline.as_secs_f64());
        options.first_event_timeout_seconds = Some(limits.first_event.as_secs_f64());
        options.gap_timeout_seconds = Some(limits.gap.as_secs_f64());
        // An answer that is written from others is none of them, but where the faulty one is to write it.
        let writes = case.setting == Setting::Writing;
        options.synthesize = Some(writes);
        options.synthesizer = writes.then(|| ProviderId::new("faulty").unwrap());
    });
    let delays = Map::from_iter([
        ("base_delay_seconds".to_owned(), Value::from(0.01)),
        ("max_delay_seconds".to_owned(), Value::from(0.02)),
    ]);
    OrchestratorBuilder::new(strategy)
        .registry(Arc::clone(&world.registry))
        .options(&options)
        .layer_settings("retry", delays)
        .lookup(Lookup::empty())
        .seed(1)
        .build()
        .unwrap()
}

/// A candidate with a key of its own, so that it shares no state with the other cases.
fn candidate(protocol: &Protocol, url: &str) -> ProviderSpec {
    let spec = provider(protocol.provider)
        .model(FaultyServer::MODEL)
        .base_url(format!("{url}{}", protocol.dialogue.base_path()))
        .api_key(Secret::new(format!("sk-{url}")).unwrap());
    protocol.settings.iter().fold(spec, |spec, (name, value)| spec.setting(*name, *value))
}

async fn live(orchestrator: &Orchestrator<Arc<dyn Strategy>>, options: RequestOptions) -> Result<End> {
    let mut stream = orchestrator.process_stream_with(PROMPT, options)?;
    let mut told = String::new();
    while let Some(event) = stream.next().await {
        match event? {
            Event::Delta { delta: Delta::Text(text) } => told.push_str(&text),
            Event::Discarded { .. } => told.clear(),
            Event::Finished { outcome } => return Ok(judged(&outcome, Some(&told))),
            _ => {}
        }
    }
    Ok(End::Wrong("the events ended without an outcome".to_owned()))
}

/// Whose answer it is; what was told live must be the same.
fn judged(outcome: &Outcome, told: Option<&str>) -> End {
    let said = outcome.synthesis.response.as_str();
    if let Some(told) = told.filter(|told| *told != said) {
        return End::Wrong(format!("{told:?} was told, and {said:?} is the outcome"));
    }
    let answer = &outcome.synthesis.answer;
    let (right, good) = (FaultyServer::TEXTS.concat(), GOOD.concat());
    match outcome.synthesis.provider_id.as_str() {
        "faulty" if said == right && answer.is_good() => End::Right,
        "faulty" if right.starts_with(said) && !answer.is_complete() => End::Incomplete,
        other if other != "faulty" && said == good && answer.is_good() => End::Other,
        who => End::Wrong(format!("{who} says {said:?} ({})", answer.finish_reason.as_str())),
    }
}

/// The kind of what the first candidate, the faulty one, failed with.
fn first_kind(error: &Error) -> ErrorKind {
    error.causes().first().map_or(error.kind(), Error::kind)
}
