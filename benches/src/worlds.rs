//! Seeded worlds: five candidates with prices and latencies, and how often requests arrive.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ultraai::{
    CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, ErrorKind, ModelName, Price, Provider,
    Result, Usage, estimate::tokens_of_request,
};
use ultraai_simulation::{BrownOut, Latency, RateLimit, Simulated, Simulation};

/// The seed of everything that is drawn.
pub const SEED: u64 = 7;

/// Upper bound of a request, in seconds: whoever hangs is waited for until then at most.
pub const TIMEOUT_SECONDS: f64 = 30.0;

/// Requests that arrive in a second, on the average.
pub const ARRIVALS_PER_SECOND: f64 = 2.0;

/// Tokens of every answer.
pub const ANSWER_TOKENS: u64 = 250;

/// Tokens of every prompt, at four bytes each.
pub const PROMPT_TOKENS: usize = 400;

/// A candidate: its name, its price in dollars per million tokens, in and out, and the median of its answers' times. Each
/// is cheaper and quicker than the one before, as smaller models are; who registers them prefers the larger.
const CANDIDATES: [(&str, (f64, f64), Duration); 5] = [
    ("largest", (3.0, 15.0), Duration::from_millis(2400)),
    ("large", (2.5, 10.0), Duration::from_millis(2100)),
    ("middle", (1.25, 5.0), Duration::from_millis(1800)),
    ("small", (0.6, 2.4), Duration::from_millis(1500)),
    ("smallest", (0.15, 0.6), Duration::from_millis(1200)),
];

/// A world.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// Its name.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub is: &'static str,
    simulation: fn(usize, Duration) -> Simulation,
}

/// Every world.
pub const WORLDS: [World; 5] = [
    World {
        name: "steady",
        is: "Nothing fails, and each answer takes its candidate's median, a fifth more or less.",
        simulation: |_, median| steady(median),
    },
    World {
        name: "heavy tail",
        is: "Nothing fails, and times are log-normal: one in a hundred takes ten times the median or more.",
        simulation: |_, median| Simulation::heavy_tailed(median, median * 10),
    },
    World {
        name: "one dead",
        is: "As steady, but the first candidate takes every request and never answers.",
        simulation: |place, median| match place {
            0 => Simulation::steady(Duration::from_hours(24)),
            _ => steady(median),
        },
    },
    World {
        name: "rate limited",
        is: "As steady, but each candidate takes one request a second, four at once, and refuses the others at once.",
        simulation: |_, median| Simulation {
            rate_limit: Some(RateLimit { per_second: 1.0, burst: 4.0 }),
            ..steady(median)
        },
    },
    World {
        name: "brown-outs",
        is: "As steady, but about once a minute, each in its own time, a candidate fails nine of ten requests for ten seconds and is ten times slower.",
        simulation: |place, median| {
            // Different periods, so that the bad times of two seldom meet and sometimes do.
            let every = Duration::from_secs(40) + Duration::from_secs(10) * u32::try_from(place).unwrap_or(0);
            let lasting = Duration::from_secs(10);
            let brown_out = BrownOut { every, lasting, failure_rate: 0.9, slower: 10.0 };
            Simulation { brown_out: Some(brown_out), failure: ErrorKind::Overloaded, ..steady(median) }
        },
    },
];

fn steady(median: Duration) -> Simulation {
    let latency = Latency::Uniform(median.mul_f64(0.8), median.mul_f64(1.2));
    // What is said is the candidate's matter, below.
    Simulation { latency, words: 0, ..Simulation::default() }
}

/// The prompt of every request.
pub fn prompt() -> String {
    "Why ask several models? ".chars().cycle().take(PROMPT_TOKENS * 4).collect()
}

impl World {
    /// Its candidates, in the order in which they are registered. Their time begins now.
    pub fn candidates(&self) -> Vec<Candidate> {
        let candidate = |(place, (name, price, median))| {
            let simulation = (self.simulation)(place, median);
            Candidate {
                simulated: Simulated::new(name, SEED + place as u64, simulation),
                price,
                answer: format!("{name} says so. ").repeat(60).into(),
            }
        };
        CANDIDATES.into_iter().enumerate().map(candidate).collect()
    }
}

/// What an attempt costs that is billed with a whole answer, in nano-dollars.
pub fn cost_in_full(provider: &str, input_tokens: u64) -> Option<u64> {
    let (_, (input, output), _) = CANDIDATES.into_iter().find(|(name, ..)| *name == provider)?;
    Some(Price::per_million_dollars(input, output)?.upper_bound(input_tokens, ANSWER_TOKENS))
}

/// A simulated provider that says something of its own and counts the tokens of what it is asked.
#[derive(Clone, Debug)]
pub struct Candidate {
    simulated: Simulated,
    /// Dollars per million tokens, in and out.
    pub price: (f64, f64),
    answer: Arc<str>,
}

#[async_trait]
impl Provider for Candidate {
    fn name(&self) -> &str {
        self.simulated.name()
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.simulated.capabilities(model)
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let input_tokens = tokens_of_request(&request);
        self.simulated.chat(cx, request).await?.collect().await?;
        let usage = Usage::reported(input_tokens, ANSWER_TOKENS);
        Ok(ChatReply::whole(ChatResponse::from_text(&*self.answer).with_usage(usage)))
    }
}
