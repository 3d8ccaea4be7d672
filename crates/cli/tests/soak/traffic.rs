//! What callers send, and what they must get for it.

use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use ultraai_testkit::faults::FaultyServer;

use crate::client::{Answer, Client};

/// Asks the steady upstream for a long live answer.
pub(crate) const AT_LENGTH: &str = "at great length";

/// A piece of a long answer.
pub(crate) const PIECE: &str =
    "Grass, and clover, and the leaves of low trees where there is neither of them. ";

/// The pieces of a long answer: together more than the small window of a slow reader holds many times.
pub(crate) const PIECES: usize = 400;

/// No request takes longer than its deadline of 20 seconds; the rest is for a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// The bodies of big requests.
const BIG: usize = 1 << 20;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Whole,
    Live,
    Tools,
    Big,
    /// The caller leaves before the end.
    Cancelled,
    /// The caller reads a long answer slowly.
    Slow,
    /// The caller's fault.
    Malformed,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Whole, Self::Live, Self::Tools, Self::Big, Self::Cancelled, Self::Slow, Self::Malformed];

    /// Mostly what is usual.
    fn drawn() -> Self {
        match fastrand::u8(..40) {
            0 => Self::Big,
            1 => Self::Slow,
            2 | 3 => Self::Malformed,
            4..8 => Self::Cancelled,
            8..12 => Self::Tools,
            12..26 => Self::Live,
            _ => Self::Whole,
        }
    }
}

/// What callers saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) counts: BTreeMap<Kind, u64>,
    /// Live answers that broke off after they had begun, which nobody can take back.
    broken: u64,
    pub(crate) wrong: Vec<String>,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        other.counts.into_iter().for_each(|(kind, count)| *self.counts.entry(kind).or_default() += count);
        self.broken += other.broken;
        self.wrong.extend(other.wrong);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.counts.values().sum()
    }

    pub(crate) fn shown(&self) -> String {
        self.wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}; {} live answers broke off after they had begun", self.counts, self.broken)
    }
}

/// A protocol of ours.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    Chat,
    Responses,
    Messages,
}

impl Protocol {
    fn drawn() -> Self {
        fastrand::choice([Self::Chat, Self::Responses, Self::Messages]).unwrap_or(Self::Chat)
    }

    fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }

    fn request(self, question: &str, model: &str, live: bool, tools: bool) -> Value {
        let said = json!([{ "role": "user", "content": question }]);
        let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
        let mut request = match self {
            Self::Chat => json!({ "model": model, "messages": said }),
            Self::Responses => json!({ "model": model, "input": said }),
            Self::Messages => json!({ "model": model, "messages": said, "max_tokens": 4000 }),
        };
        if live {
            request["stream"] = json!(true);
        }
        if tools {
            request["tools"] = match self {
                Self::Chat => {
                    json!([{ "type": "function", "function": { "name": "weather", "parameters": schema } }])
                }
                Self::Responses => json!([{ "type": "function", "name": "weather", "parameters": schema }]),
                Self::Messages => json!([{ "name": "weather", "input_schema": schema }]),
            };
        }
        request
    }

    /// The text of a whole answer.
    fn text(self, body: &Value) -> Option<&str> {
        match self {
            Self::Chat => body["choices"][0]["message"]["content"].as_str(),
            Self::Responses => body["output"].as_array()?.last()?["content"][0]["text"].as_str(),
            Self::Messages => body["content"][0]["text"].as_str(),
        }
    }

    /// The piece of text that an event of a live answer holds.
    fn piece(self, event: &Value) -> Option<&str> {
        match self {
            Self::Chat => event["choices"][0]["delta"]["content"].as_str(),
            Self::Responses => {
                (event["type"] == "response.output_text.delta").then(|| event["delta"].as_str())?
            }
            Self::Messages => event["delta"]["text"].as_str(),
        }
    }

    fn is_end(self, data: &str, event: &Value) -> bool {
        match self {
            Self::Chat => data == "[DONE]",
            Self::Responses => {
                event["type"] == "response.completed" || event["type"] == "response.incomplete"
            }
            Self::Messages => event["type"] == "message_stop",
        }
    }
}

/// Sends until `until`, and tells what came of it.
pub(crate) async fn client(address: SocketAddr, number: u64, until: Instant) -> Seen {
    let mut client = Client::new(address, number);
    let mut seen = Seen::default();
    while Instant::now() < until {
        let kind = Kind::drawn();
        let come = timeout(DEADLINE, one(&mut client, kind, fastrand::u64(..))).await;
        *seen.counts.entry(kind).or_default() += 1;
        match come.unwrap_or_else(|_| Err("it hangs".to_owned())) {
            Ok(Good::Whole) => {}
            Ok(Good::Broken) => seen.broken += 1,
            Err(wrong) => seen.wrong.push(format!("{kind:?}, request {number}-{}: {wrong}", client.sent)),
        }
    }
    seen
}

/// What is no failure of ours.
#[derive(Debug)]
pub(crate) enum Good {
    Whole,
    /// It had begun before it broke off.
    Broken,
}

/// Sends one request of this kind and judges the answer.
pub(crate) async fn one(client: &mut Client, kind: Kind, salt: u64) -> Result<Good, String> {
    let protocol = Protocol::drawn();
    let question = match kind {
        Kind::Big => format!("{salt} {}", "What do zebras eat? ".repeat(BIG / 20)),
        Kind::Slow => format!("{salt} What do zebras eat? Tell me {AT_LENGTH}."),
        _ => format!("{salt} What do zebras eat?"),
    };
    let live = match kind {
        Kind::Live | Kind::Slow => true,
        Kind::Cancelled => fastrand::bool(),
        _ => false,
    };
    let model = if kind == Kind::Slow { "steady" } else { "default" };
    let mut request = protocol.request(&question, model, live, kind == Kind::Tools).to_string();
    if kind == Kind::Malformed {
        request.truncate(fastrand::usize(1..request.len()));
    }
    let failed = |error: std::io::Error| format!("the connection failed: {error}");
    let stream = client.send(protocol.path(), &request, kind == Kind::Slow).await.map_err(failed)?;
    if kind == Kind::Cancelled {
        sleep(Duration::from_millis(fastrand::u64(..400))).await;
        return Ok(Good::Whole);
    }
    let pause = if kind == Kind::Slow { Duration::from_millis(10) } else { Duration::ZERO };
    let answer = Client::read(stream, pause).await.map_err(failed)?;
    match (kind, live) {
        (Kind::Malformed, _) if answer.status == 400 => Ok(Good::Whole),
        (Kind::Malformed, _) => Err(format!("{answer:?}")),
        (_, false) => whole(protocol, &answer),
        (_, true) => read(protocol, &answer, kind),
    }
}

fn whole(protocol: Protocol, answer: &Answer) -> Result<Good, String> {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let right = FaultyServer::TEXTS.concat();
    match protocol.text(&body) {
        Some(text) if answer.status == 200 && answer.is_complete && text == right => Ok(Good::Whole),
        _ => Err(format!("{protocol:?}: {answer:?}")),
    }
}

fn read(protocol: Protocol, answer: &Answer, kind: Kind) -> Result<Good, String> {
    let wrong = |what: &str| Err(format!("{protocol:?}: {what}: {answer:?}"));
    if answer.status != 200 || !answer.head.contains("text/event-stream") {
        return wrong("no stream");
    }
    let (mut text, mut ended, mut failed) = (String::new(), false, false);
    for data in answer.body.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let event: Value = serde_json::from_str(data).unwrap_or_default();
        text.extend(protocol.piece(&event));
        ended |= protocol.is_end(data, &event);
        failed |=
            event["error"].is_object() || event["type"] == "error" || event["type"] == "response.failed";
    }
    let right = match kind {
        Kind::Slow => PIECE.repeat(PIECES),
        _ => FaultyServer::TEXTS.concat(),
    };
    match (failed, ended) {
        (false, true) if text == right && answer.is_complete => Ok(Good::Whole),
        (false, true) => wrong("it ended, and is not the answer"),
        (true, _) if kind != Kind::Slow && !text.is_empty() => Ok(Good::Broken),
        _ => wrong("it has no end"),
    }
}
