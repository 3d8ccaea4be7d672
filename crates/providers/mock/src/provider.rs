//! The mock itself.

use std::{
    f64::consts::TAU,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use ultraai_core::{
    BuildContext, CallContext, Capabilities, ChatEvent, ChatReply, ChatRequest, ChatResponse, Delivery,
    Error, ErrorKind, FinishReason, ModelName, Provider, ProviderRegistration, Result, Role, Usage,
    async_trait,
};

use crate::{
    config::{LatencyDistribution, MockConfig, ScriptedAttempt},
    live::Paced,
};

ultraai_core::register_provider!(
    ProviderRegistration::new(NAME, build)
        .summary("answers without a model, and says so")
        .key_optional(true)
        .fields(MockConfig::FIELDS)
        .default_model(Some(NAME))
);

pub(crate) const NAME: &str = "mock";

const ANSWER: &str = "This is a mock answer: no language model was asked. Set the key of a provider, or start a local \
                      model server, to get real answers.";

/// The 0.99 quantile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// Answers without a model, and says so.
#[derive(Debug)]
pub struct MockProvider {
    config: MockConfig,
    seed: u64,
    model: Option<ModelName>,
    attempts: AtomicU64,
}

/// What one attempt does, drawn before it begins.
struct Plan {
    number: u64,
    latency: Duration,
    failure: Option<Error>,
}

impl MockProvider {
    /// A mock with these settings; `seed` holds where they set none.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong.
    pub fn new(config: MockConfig, seed: u64) -> Result<Self> {
        config.validate()?;
        let seed = config.seed.unwrap_or(seed);
        Ok(Self { config, seed, model: None, attempts: AtomicU64::new(0) })
    }

    fn plan(&self) -> Plan {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        // Each attempt has numbers of its own, whatever the others draw.
        let mut rng = fastrand::Rng::with_seed(self.seed);
        rng = fastrand::Rng::with_seed(rng.u64(..) ^ number);
        let latency = match self.config.latency {
            Some(distribution) => log_normal(distribution, &mut rng),
            None => Duration::from_secs_f64(self.config.latency_seconds),
        };
        Plan { number, latency, failure: self.failure(number, &mut rng) }
    }

    /// Takes the time of an attempt, and fails where it is told to.
    pub(crate) async fn attempt(&self) -> Result<()> {
        let Plan { latency, failure, .. } = self.plan();
        // A sleep of zero still waits for the timer's next tick.
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        failure.map_or(Ok(()), Err)
    }

    fn failure(&self, number: u64, rng: &mut fastrand::Rng) -> Option<Error> {
        let script = &self.config.failures;
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let place = if self.config.repeat_failures { place % script.len() } else { place };
        let told = |kind, setting| Error::new(kind, format!("the mock was told to fail here (`{setting}`)"));
        match script.get(place) {
            Some(ScriptedAttempt::Answers) => None,
            Some(ScriptedAttempt::Fails(kind)) => Some(told(*kind, "failures")),
            None => {
                (rng.f64() < self.config.failure_rate).then(|| told(self.config.failure_kind, "failure_rate"))
            }
        }
    }

    fn answer(&self, request: &ChatRequest, number: u64) -> Answer {
        let asked = request.model.as_ref().or(self.model.as_ref()).map(ModelName::as_str);
        let text = self.config.answer.as_deref().map_or_else(
            || ANSWER.to_owned(),
            |template| {
                let prompt = || request.messages.iter().rev().find(|message| message.role == Role::User);
                filled(template, |name| match name {
                    "prompt" => Some(prompt().map(ultraai_core::Message::text).unwrap_or_default()),
                    "model" => Some(asked.unwrap_or(NAME).to_owned()),
                    "attempt" => Some((number + 1).to_string()),
                    _ => None,
                })
            },
        );
        let mut words: Vec<String> = words(&text).map(str::to_owned).collect();
        let most = request.max_tokens.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let finish_reason = match words.len() > most {
            true => FinishReason::Length,
            false => self.config.finish_reason.clone(),
        };
        words.truncate(most);
        let asked_words = request.parts().filter_map(ultraai_core::Part::as_text).map(words_of).sum();
        let usage = Usage::reported(asked_words, self.config.tokens.unwrap_or(words.len() as u64));
        let model = match asked {
            Some(model) if model != NAME => format!("{NAME}:{model}"),
            _ => NAME.to_owned(),
        };
        Answer { model, words, finish_reason, usage }
    }

    /// The pause between two words.
    fn pause(&self) -> Duration {
        self.config.tokens_per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate))
    }
}

struct Answer {
    model: String,
    words: Vec<String>,
    finish_reason: FinishReason,
    usage: Usage,
}

impl Answer {
    fn into_response(self) -> ChatResponse {
        let mut response = ChatResponse::from_text(self.words.concat())
            .with_usage(self.usage)
            .with_finish_reason(self.finish_reason);
        response.model = Some(self.model);
        response
    }

    /// The events; with `broken` the second half does not come, and the error does.
    fn into_events(self, broken: Option<Error>) -> Vec<Result<ChatEvent>> {
        let Self { model, mut words, finish_reason, usage } = self;
        if broken.is_some() {
            words.truncate(words.len().div_ceil(2));
        }
        let mut events = vec![Ok(ChatEvent::Started { model: Some(model), request_id: None })];
        events.extend(words.into_iter().map(|word| Ok(ChatEvent::text(word))));
        match broken {
            Some(error) => events.push(Err(error)),
            None => events.extend([Ok(ChatEvent::Usage(usage)), Ok(ChatEvent::Finished { finish_reason })]),
        }
        events
    }
}

#[async_trait]
impl Provider for MockProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::text_only()
    }

    async fn chat(&self, _: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let model = ModelName::new(NAME)?;
        if let Some(missing) = self.capabilities(&model).missing_for(&request) {
            let message = format!("the mock cannot take {missing}: ask a provider that has a model");
            return Err(Error::new(ErrorKind::Unsupported, message).unsent());
        }
        let Plan { number, latency, failure } = self.plan();
        // A sleep of zero still waits for the timer's next tick.
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let live = request.delivery == Delivery::Live;
        let breaks_later =
            live && failure.as_ref().is_some_and(|error| error.kind() == ErrorKind::Interrupted);
        let answer = match failure {
            Some(error) if !breaks_later => return Err(error),
            broken if live => {
                let events = self.answer(&request, number).into_events(broken);
                return Ok(ChatReply::live(Paced::new(events, self.pause())));
            }
            _ => self.answer(&request, number),
        };
        let pauses = u32::try_from(answer.words.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let writing = self.pause().saturating_mul(pauses);
        if !writing.is_zero() {
            tokio::time::sleep(writing).await;
        }
        Ok(ChatReply::whole(answer.into_response()))
    }
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let config: MockConfig = context.parse(settings, MockConfig::FIELDS)?;
    let mut mock = MockProvider::new(config, context.seed)?;
    mock.model.clone_from(&context.model);
    Ok(Arc::new(mock))
}

/// Draws a latency; Box and Muller's transform makes the normal number.
fn log_normal(distribution: LatencyDistribution, rng: &mut fastrand::Rng) -> Duration {
    let LatencyDistribution { p50_seconds: p50, p99_seconds: p99 } = distribution;
    // 1 - u, so that the logarithm never sees 0.
    let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos();
    let sigma = (p99 / p50).ln() / Z99;
    Duration::try_from_secs_f64(p50 * (sigma * normal).exp()).unwrap_or(Duration::MAX)
}

/// The words of `text`, each with the white space before it; what is left at the end goes with the last one.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begins = rest.find(|c: char| !c.is_whitespace())?;
        let ends = rest[begins..].find(char::is_whitespace).map_or(rest.len(), |length| begins + length);
        let is_last = rest[ends..].trim_start().is_empty();
        let (word, after) = rest.split_at(if is_last { rest.len() } else { ends });
        rest = after;
        Some(word)
    })
}

fn words_of(text: &str) -> u64 {
    words(text).count() as u64
}

/// Replaces each `{name}` that `value` knows, once: what was put in is not looked at again.
fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let found =
            rest[open..].find('}').and_then(|close| Some((close, value(&rest[open + 1..open + close])?)));
        rest = match found {
            Some((close, text)) => {
                out.push_str(&text);
                &rest[open + close + 1..]
            }
            None => {
                out.push('{');
                &rest[open + 1..]
            }
        };
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_make_up_the_whole_text() {
        for (text, count) in [("", 0), (" \n", 0), ("a", 1), (" a  b\nc \n", 3)] {
            let split: Vec<_> = words(text).collect();
            assert_eq!(split.len(), count, "{text:?}");
            assert_eq!(split.concat(), if count == 0 { "" } else { text });
        }
    }

    #[test]
    fn what_was_put_in_is_not_looked_at_again() {
        let value = |name: &str| match name {
            "prompt" => Some("{model} {".to_owned()),
            "model" => Some("m".to_owned()),
            _ => None,
        };
        assert_eq!(filled("{prompt}|{model}|{other}|{", value), "{model} {|m|{other}|{");
    }

    #[test]
    fn latencies_have_the_median_and_the_tail_that_were_set() {
        let distribution = LatencyDistribution { p50_seconds: 0.4, p99_seconds: 3.0 };
        let mut rng = fastrand::Rng::with_seed(7);
        let mut drawn: Vec<f64> =
            (0..20_000).map(|_| log_normal(distribution, &mut rng).as_secs_f64()).collect();
        drawn.sort_by(f64::total_cmp);
        assert!((0.39..0.41).contains(&drawn[10_000]), "{}", drawn[10_000]);
        assert!((2.75..3.25).contains(&drawn[19_800]), "{}", drawn[19_800]);
    }
}
