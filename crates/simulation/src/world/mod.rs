//! A world: when requests arrive, how long they are, and how each provider behaves.

mod file;
mod read;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;
use ultraai_core::{
    ChatRequest, Clock, Error, ErrorKind, Event, Orchestrator, Outcome, ProviderId, Result, Strategy, nearest,
};

use crate::{
    Arrivals, Outage, Outages, Report, Simulated, Simulation, Span, Tokens, arrive, clock,
    tally::{Done, Tally},
};

/// What prompts are made of.
const PROMPT: &str = "Why ask several models? ";

/// Bytes of a token, as estimates have it.
const BYTES_PER_TOKEN: u64 = 4;

/// A world: when requests arrive, how long they are, and how each provider behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct World {
    /// Requests. Default: 10,000.
    pub requests: u64,
    /// What everything is drawn under. Default: 0.
    pub seed: u64,
    /// When they arrive. Default: 10 a second.
    pub arrivals: Arrivals,
    /// Share of requests that want live answers, 0 to 1. Default: 0.
    pub live_share: f64,
    /// Tokens of the prompts. Default: 400.
    pub prompt_tokens: Tokens,
    path: PathBuf,
    default: Option<Simulation>,
    providers: BTreeMap<String, Simulation>,
    outages: Vec<Shared>,
}

/// Outages of several providers.
#[derive(Clone, Debug)]
struct Shared {
    /// Who has them; empty: all.
    providers: Vec<String>,
    how: Outage,
    when: When,
}

/// A [`Span`] before there is a seed.
#[derive(Clone, Copy, Debug)]
enum When {
    Once { from: Duration, lasting: Duration },
    Drawn { every: Duration, lasting: Duration },
}

impl World {
    /// Reads a world file; the README says what it holds.
    ///
    /// # Errors
    /// `Config` with the place, what is wrong there, and what is known or to do.
    pub fn read(path: &Path) -> Result<Self> {
        read::read(path)
    }

    /// Checks that the providers of the settings are those of this world.
    ///
    /// # Errors
    /// `Config`, which names the one that is missing in the other.
    pub fn check<'a>(&self, ids: impl IntoIterator<Item = &'a ProviderId>) -> Result<()> {
        let ids: Vec<_> = ids.into_iter().map(ProviderId::as_str).collect();
        let wrong = |message: String| {
            Err(Error::new(ErrorKind::Config, format!("{}: {message}", self.path.display())))
        };
        let own = || self.providers.keys().map(String::as_str);
        let in_outages = self.outages.iter().flat_map(|outages| &outages.providers).map(String::as_str);
        if let Some(name) = own().chain(in_outages).find(|name| !ids.contains(name)) {
            let advice = match nearest(name, ids.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("configured: {}", ids.join(", ")),
            };
            return wrong(format!("no provider `{name}` is configured: {advice}"));
        }
        match ids.iter().find(|id| self.default.is_none() && !self.providers.contains_key(**id)) {
            Some(id) => wrong(format!(
                "nothing says how the provider `{id}` behaves: write [providers.{id}], or [default] for all that have no table"
            )),
            None => Ok(()),
        }
    }

    /// Begins its time. To be called in a runtime of [`virtual_time`](crate::virtual_time).
    pub fn begin(&self) -> Begun<'_> {
        let outages = self.outages.iter().enumerate().map(|(number, shared)| {
            let span = match shared.when {
                When::Once { from, lasting } => Span::Once { from, lasting },
                When::Drawn { every, lasting } => {
                    Span::Drawn { every, lasting, seed: self.seed_of(&format!("outages {number}")) }
                }
            };
            (&shared.providers[..], Outages::new(shared.how, span))
        });
        Begun { world: self, outages: outages.collect(), clock: clock() }
    }

    /// A seed of its own for everything that is drawn apart, so that one provider more changes nothing for the others.
    fn seed_of(&self, name: &str) -> u64 {
        // FNV-1a (Fowler, Noll and Vo), whose result is the same on every machine.
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        fastrand::Rng::with_seed(self.seed ^ hash).u64(..)
    }
}

/// A world whose time has begun.
#[derive(Debug)]
pub struct Begun<'a> {
    world: &'a World,
    outages: Vec<(&'a [String], Outages)>,
    clock: Clock,
}

impl Begun<'_> {
    /// The wall clock there.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// The seed for the orchestrator.
    pub fn seed(&self) -> u64 {
        self.world.seed_of("orchestrator")
    }

    /// The provider that behaves there as the one that the settings call `id` and that is registered as `name`. Its state is
    /// its own: ask once for each.
    pub fn provider(&self, id: &ProviderId, name: &str) -> Simulated {
        let behaviour = self.world.providers.get(id.as_str()).or(self.world.default.as_ref());
        let mut simulation = behaviour.cloned().unwrap_or_default();
        let theirs =
            |providers: &[String]| providers.is_empty() || providers.iter().any(|name| *id == **name);
        let outages = self.outages.iter().filter(|(providers, _)| theirs(providers));
        simulation.outages.extend(outages.map(|(_, outages)| outages.clone()));
        Simulated::new(name, self.world.seed_of(id.as_str()), simulation)
    }

    /// Sends the requests, and reports what came of them; tells `progress` after each how many are over.
    ///
    /// # Errors
    /// `Cancelled` when a request panicked. Requests that fail are counted.
    pub async fn run<S: Strategy>(
        &self,
        orchestrator: &Orchestrator<S>,
        mut progress: impl FnMut(u64),
    ) -> Result<Report> {
        let world = self.world;
        let ids =
            orchestrator.candidates().iter().map(|candidate| candidate.id().clone()).collect::<Vec<_>>();
        let mut tally = Tally::new(world.seed, ids.into_iter());
        let mut requests = fastrand::Rng::with_seed(world.seed_of("requests"));
        let mut arrivals = fastrand::Rng::with_seed(world.seed_of("arrivals"));
        let ask = || {
            let tokens = world.prompt_tokens.sample(&mut requests);
            let live = world.live_share > 0.0 && requests.f64() < world.live_share;
            let (orchestrator, request) = (orchestrator.clone(), ChatRequest::from_prompt(prompt(tokens)));
            async move {
                let began = Instant::now();
                let mut first_content = None;
                let result = match live {
                    true => read(&orchestrator, request, began, &mut first_content).await,
                    false => orchestrator.process(request).await.map(Box::new),
                };
                Done { took: began.elapsed(), first_content, result }
            }
        };
        let fold = |done| {
            tally.add(done);
            progress(tally.requests());
        };
        arrive(world.arrivals, world.requests, &mut arrivals, ask, fold).await?;
        Ok(tally.finish())
    }
}

/// Reads a live answer to its end.
async fn read<S: Strategy>(
    orchestrator: &Orchestrator<S>,
    request: ChatRequest,
    began: Instant,
    first_content: &mut Option<Duration>,
) -> Result<Box<Outcome>> {
    let mut events = orchestrator.process_stream(request)?;
    while let Some(event) = events.next().await {
        match event? {
            Event::Delta { .. } => {
                first_content.get_or_insert_with(|| began.elapsed());
            }
            Event::Discarded { .. } => *first_content = None,
            Event::Finished { outcome } => return Ok(outcome),
            _ => {}
        }
    }
    Err(Error::new(ErrorKind::Interrupted, "the request ended without an outcome"))
}

/// A prompt of so many tokens.
fn prompt(tokens: u64) -> String {
    let bytes = usize::try_from(tokens * BYTES_PER_TOKEN).unwrap_or(PROMPT.len());
    let mut prompt = PROMPT.repeat(bytes / PROMPT.len() + 1);
    prompt.truncate(bytes);
    prompt
}
