//! A provider whose latencies and failures are drawn from distributions under a seed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use ultraai_core::{
    CallContext, Capabilities, ChatEvent, ChatReply, ChatRequest, ChatResponse, Delivery, ErrorKind,
    FinishReason, ModelName, Provider, Quota, RateLimits, Result, Usage, async_trait,
    estimate::tokens_of_request,
};

use crate::{Beat, Outage, Simulation, Step, Visits, bucket::Bucket, play::play, step::failure};

/// Pieces that a live answer of many tokens comes in: a reader waits for their times, and more would only be more work.
const PIECES: u64 = 6;

/// Bytes of a token, as estimates have it.
const BYTES_PER_TOKEN: u64 = 4;

/// Tokens of a request where words and not tokens are counted.
const INPUT_TOKENS: u64 = 10;

/// A provider that behaves as a [`Simulation`] says, in virtual time. A clone is the same provider.
///
/// The same seed and the same order of calls make the same answers.
#[derive(Clone, Debug)]
pub struct Simulated {
    name: Arc<str>,
    simulation: Arc<Simulation>,
    born: Instant,
    state: Arc<Mutex<State>>,
    visits: Arc<Visits>,
}

#[derive(Debug)]
struct State {
    rng: fastrand::Rng,
    calls: usize,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

/// What was drawn for one call.
struct Turn {
    /// Time to the first content, or to the error.
    first: Duration,
    /// Time from there to the end.
    rest: Duration,
    error: Option<ErrorKind>,
    /// Tokens of the answer; `None`: words are counted.
    tokens: Option<u64>,
}

impl Simulated {
    /// The provider `name`, which behaves as `simulation` says; its time begins now.
    pub fn new(name: &str, seed: u64, simulation: Simulation) -> Self {
        let born = Instant::now();
        let bucket = |limit: Option<_>| limit.map(|limit| Bucket::new(limit, born));
        let state = State {
            rng: fastrand::Rng::with_seed(seed),
            calls: 0,
            requests: bucket(simulation.rate_limit),
            tokens: bucket(simulation.token_limit),
        };
        let state = Arc::new(Mutex::new(state));
        Self { name: name.into(), simulation: Arc::new(simulation), born, state, visits: Arc::default() }
    }

    /// Calls so far.
    pub fn count(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).calls
    }

    /// Calls under way: neither their future nor their reply was dropped yet.
    pub fn in_flight(&self) -> usize {
        self.visits.in_flight()
    }

    /// Calls whose future or reply was dropped before the end.
    pub fn dropped(&self) -> usize {
        self.visits.dropped()
    }

    /// Draws what the next call does.
    fn draw(&self, cx: &CallContext, request: &ChatRequest) -> Step {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.calls;
        state.calls += 1;
        let simulation = &self.simulation;
        let (now, live) = (Instant::now(), request.delivery == Delivery::Live);
        let age = now - self.born;
        match simulation.outages.iter().find_map(|outages| outages.at(age)) {
            Some(Outage::Hangs) => return Step::hang(),
            Some(Outage::Refuses) => return failure(ErrorKind::Connect).into(),
            None => {}
        }
        if simulation.hang_rate > 0.0 && state.rng.f64() < simulation.hang_rate {
            return Step::hang();
        }
        let turn = match &simulation.trace {
            Some(trace) => {
                let call = trace.call(number);
                let rest = call.end.saturating_sub(call.first);
                let tokens = Some(call.answer_tokens.max(1));
                Turn { first: call.first, rest, error: call.error, tokens }
            }
            None => self.turn(&mut state.rng, age),
        };
        let input = turn.tokens.map_or(INPUT_TOKENS, |_| tokens_of_request(request));
        let wait = state.refusal(input + turn.tokens.unwrap_or(0), now);
        if state.requests.is_some() || state.tokens.is_some() {
            cx.report_rate_limits(&state.limits(wait));
        }
        match wait {
            Some(wait) => failure(ErrorKind::RateLimited).with_retry_after(wait).into(),
            None => {
                let model = request.model.as_ref().map_or(&*self.name, ModelName::as_str);
                self.step(&turn, live, input, model)
            }
        }
    }

    fn turn(&self, rng: &mut fastrand::Rng, age: Duration) -> Turn {
        let simulation = &self.simulation;
        let (first, error) = simulation.draw(age, rng);
        let tokens = simulation.answer_tokens.map(|tokens| tokens.sample(rng));
        let words = tokens.unwrap_or(simulation.words as u64).saturating_sub(1);
        #[expect(clippy::cast_precision_loss, reason = "answers are not so long")]
        let rest = simulation
            .words_per_second
            .and_then(|rate| Duration::try_from_secs_f64(words as f64 / rate).ok())
            .unwrap_or_default();
        Turn { first, rest, error, tokens }
    }

    fn step(&self, turn: &Turn, live: bool, input: u64, model: &str) -> Step {
        let breaks_off = live && turn.error == Some(ErrorKind::Interrupted);
        if let Some(error) = turn.error.filter(|_| !breaks_off) {
            return Step::from(failure(error)).after(turn.first);
        }
        let usage = Usage::reported(input, turn.tokens.unwrap_or(self.simulation.words as u64));
        if !live {
            let text = match turn.tokens {
                Some(tokens) => self.text(tokens),
                None => (0..self.simulation.words).map(word).collect(),
            };
            let mut response = ChatResponse::from_text(text).with_usage(usage);
            response.model = Some(model.to_owned());
            return Step::whole(response).after(turn.first + turn.rest);
        }
        let mut beats: Vec<Beat> =
            vec![ChatEvent::Started { model: Some(model.to_owned()), request_id: None }.into()];
        match turn.tokens {
            Some(tokens) => self.add_pieces(tokens, turn, &mut beats),
            None => self.add_words(breaks_off, &mut beats),
        }
        if breaks_off {
            beats.push(Beat::fail(ErrorKind::Interrupted));
        } else {
            beats.push(ChatEvent::Usage(usage).into());
            beats.push(ChatEvent::Finished { finish_reason: FinishReason::Stop }.into());
        }
        Step::live(beats).after(turn.first)
    }

    fn add_words(&self, breaks_off: bool, beats: &mut Vec<Beat>) {
        let simulation = &self.simulation;
        let pause = simulation.words_per_second.map(|rate| Duration::from_secs_f64(1.0 / rate));
        for number in 0..if breaks_off { simulation.words / 2 } else { simulation.words } {
            beats.extend(pause.filter(|_| number > 0).map(Beat::pause));
            beats.push(word(number).as_str().into());
        }
    }

    /// The first token, and then all others in a few pieces.
    fn add_pieces(&self, tokens: u64, turn: &Turn, beats: &mut Vec<Beat>) {
        let pieces = PIECES.min(tokens.saturating_sub(1));
        let text = self.text(tokens);
        let at = |piece: u64| text.floor_char_boundary(place(1 + (tokens - 1) * piece / pieces.max(1)));
        beats.push(text[..at(0)].into());
        let until = if turn.error.is_some() { pieces / 2 } else { pieces };
        for piece in 0..until {
            beats.push(Beat::pause(turn.rest / u32::try_from(pieces).unwrap_or(1)));
            beats.push(text[at(piece)..at(piece + 1)].into());
        }
    }

    /// A text of so many tokens, of this provider's own.
    fn text(&self, tokens: u64) -> String {
        let mut text = format!("{} says so. ", self.name).repeat(place(tokens) / (self.name.len() + 10) + 1);
        text.truncate(text.floor_char_boundary(place(tokens)));
        text
    }
}

impl State {
    /// Takes one call and its tokens from the buckets, or says after what time they fit.
    fn refusal(&mut self, tokens: u64, now: Instant) -> Option<Duration> {
        #[expect(clippy::cast_precision_loss, reason = "texts are not so long")]
        let tokens = tokens as f64;
        let of_calls = self.requests.as_mut().and_then(|bucket| bucket.wait_for(1.0, now));
        let of_tokens = self.tokens.as_mut().and_then(|bucket| bucket.wait_for(tokens, now));
        let wait = of_calls.max(of_tokens);
        if wait.is_none() {
            self.requests.iter_mut().for_each(|bucket| bucket.take(1.0));
            self.tokens.iter_mut().for_each(|bucket| bucket.take(tokens));
        }
        wait
    }

    /// What a vendor's headers would say.
    fn limits(&self, retry_after: Option<Duration>) -> RateLimits {
        let quota = |bucket: &Bucket| {
            let (limit, left, reset) = bucket.quota();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "buckets are small")]
            Quota::new(Some(limit as u64), left as u64, reset)
        };
        let mut limits = RateLimits::default();
        limits.requests = self.requests.as_ref().map(quota);
        limits.tokens = self.tokens.as_ref().map(quota);
        limits.retry_after = retry_after;
        limits
    }
}

/// Where this token begins.
fn place(token: u64) -> usize {
    usize::try_from(token * BYTES_PER_TOKEN).unwrap_or(usize::MAX)
}

fn word(number: usize) -> String {
    if number == 0 { "word0".to_owned() } else { format!(" word{number}") }
}

#[async_trait]
impl Provider for Simulated {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let visit = self.visits.begin();
        play(self.draw(cx, &request), visit).await
    }
}
