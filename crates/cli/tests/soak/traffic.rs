//! What callers send, and what they must get for it.

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, sleep, timeout},
};

use crate::{
    books::{End, Name},
    client::{Answer, Client, Received, Request},
    gateway::TIMEOUT_SECONDS,
    protocol::{AT_LENGTH, Good, Protocol, Question},
};

/// No request takes longer than its own limit, and reading the answer on a busy machine.
const DEADLINE: Duration = Duration::from_secs(TIMEOUT_SECONDS + 15);

/// How long a slow reader reads nothing: longer than an upstream may be silent.
const PAUSE: Duration = Duration::from_millis(2500);

/// The bodies of big requests.
const BIG: usize = 1 << 20;

/// A vector that the steady upstream gives.
pub(crate) const VECTOR: [f64; 3] = [0.5, -1.0, 0.25];

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Whole,
    Live,
    Tools,
    Big,
    Orchestrated,
    Embeddings,
    Counted,
    Models,
    /// With a key that has a limit of requests.
    Limited,
    /// Without a key.
    Stranger,
    /// The caller leaves before the end.
    Cancelled,
    /// The caller pauses in a long answer.
    Slow,
    /// The body is no JSON.
    Malformed,
    /// The caller breaks off in the body.
    BrokenBody,
    /// The caller breaks off in the head.
    BrokenHead,
}

/// How many of so many requests are of a kind: mostly what is usual.
const KINDS: [(Kind, usize); 15] = [
    (Kind::Whole, 60),
    (Kind::Live, 60),
    (Kind::Tools, 20),
    (Kind::Big, 4),
    (Kind::Orchestrated, 16),
    (Kind::Embeddings, 8),
    (Kind::Counted, 4),
    (Kind::Models, 4),
    (Kind::Limited, 6),
    (Kind::Stranger, 2),
    (Kind::Cancelled, 24),
    (Kind::Slow, 1),
    (Kind::Malformed, 6),
    (Kind::BrokenBody, 6),
    (Kind::BrokenHead, 4),
];

/// The keys that callers have.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) free: String,
    pub(crate) limited: String,
}

/// What callers saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    counts: BTreeMap<Kind, u64>,
    /// Live answers that broke off after they had begun.
    broken: u64,
    /// Requests with the limited key that were let in, and those that were not.
    pub(crate) admitted: u64,
    refused: u64,
    /// How long the slowest of those took that read slowly.
    slowest: Duration,
    pub(crate) wrong: Vec<String>,
    pub(crate) ends: Vec<(Name, End)>,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        other.counts.into_iter().for_each(|(kind, count)| *self.counts.entry(kind).or_default() += count);
        self.broken += other.broken;
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.slowest = self.slowest.max(other.slowest);
        self.wrong.extend(other.wrong);
        self.ends.extend(other.ends);
    }

    /// What did not come at all, so that nothing is known of it.
    pub(crate) fn missing(&self) -> Vec<String> {
        let kinds = KINDS.iter().filter(|(kind, _)| !self.counts.contains_key(kind));
        let mut missing: Vec<_> = kinds.map(|(kind, _)| format!("{kind:?}")).collect();
        let (mut early, mut late) = (0, 0);
        for (_, end) in &self.ends {
            early += u64::from(matches!(end, End::Left { saw_head: false, .. }));
            late += u64::from(matches!(end, End::Left { saw_head: true, .. }));
        }
        let seen = [
            ("let in", self.admitted),
            ("refused", self.refused),
            ("left early", early),
            ("left late", late),
        ];
        missing.extend(seen.iter().filter(|(_, count)| *count == 0).map(|(what, _)| (*what).to_owned()));
        missing
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests: {:?}; {} live answers broke off after they had begun, {} of {} with the limited key were let in, \
             a slow reader took {:.1} seconds at most",
            self.counts.values().sum::<u64>(),
            self.counts,
            self.broken,
            self.admitted,
            self.admitted + self.refused,
            self.slowest.as_secs_f64()
        )
    }
}

/// Sends until `until`, and tells what came of it.
pub(crate) async fn client(address: SocketAddr, number: u64, keys: Arc<Keys>, until: Instant) -> Seen {
    let kinds: Vec<_> = KINDS.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count)).collect();
    let mut client = Client::new(address, number);
    let mut seen = Seen::default();
    while Instant::now() < until {
        let kind = kinds[fastrand::usize(..kinds.len())];
        *seen.counts.entry(kind).or_default() += 1;
        let begun = Instant::now();
        let came = timeout(DEADLINE, one(&mut client, kind, &keys)).await;
        if kind == Kind::Slow {
            seen.slowest = seen.slowest.max(begun.elapsed());
        }
        match came.unwrap_or_else(|_| Err("it hangs".to_owned())) {
            Ok(end) => {
                seen.ends.push((client.name(), end));
                if let End::Answered { status, is_error } = end {
                    seen.broken += u64::from(status == 200 && is_error);
                    seen.admitted += u64::from(kind == Kind::Limited && status == 200);
                    seen.refused += u64::from(status == 429);
                }
            }
            Err(wrong) => {
                let (name, after) = (client.name(), begun.elapsed().as_secs_f64());
                seen.wrong.push(format!("{kind:?}, request {name}, after {after:.1} s: {wrong}"));
            }
        }
    }
    seen
}

/// Sends one request of this kind and judges the answer.
async fn one(client: &mut Client, kind: Kind, keys: &Keys) -> Result<End, String> {
    let failed = |error: std::io::Error| format!("the connection failed: {error}");
    match kind {
        Kind::Cancelled => cancelled(client, keys).await.map_err(failed)?,
        Kind::BrokenHead | Kind::BrokenBody => broken(client, kind, keys).await.map_err(failed)?,
        Kind::Slow => slow(client, keys).await.map_err(failed)?,
        Kind::Embeddings | Kind::Counted | Kind::Models | Kind::Malformed | Kind::Stranger => {
            let request = plain(kind, keys);
            let answer = client.ask(&request).await.map_err(failed)?;
            judged_plainly(kind, &answer)
        }
        Kind::Whole | Kind::Live | Kind::Tools | Kind::Big | Kind::Orchestrated | Kind::Limited => {
            let (protocol, question) = asked(kind);
            let key = if kind == Kind::Limited { &keys.limited } else { &keys.free };
            let answer = client.ask(&protocol.request(&question, key)).await.map_err(failed)?;
            match (kind, answer.status) {
                (Kind::Limited, 429) if answer.is_complete && answer.head.contains("\r\nretry-after: ") => {
                    Ok(End::Answered { status: 429, is_error: true })
                }
                _ => judged(protocol, &question, &answer),
            }
        }
    }
}

/// A question of this kind, in a protocol that it may come in.
fn asked(kind: Kind) -> (Protocol, Question) {
    let salt = fastrand::u64(..);
    let text = match kind {
        Kind::Big => format!("{salt} {}", "What do zebras eat? ".repeat(BIG / 20)),
        Kind::Slow => format!("{salt} What do zebras eat? Tell me {AT_LENGTH}."),
        _ => format!("{salt} What do zebras eat?"),
    };
    let question = Question {
        text,
        model: match kind {
            Kind::Slow | Kind::Limited => "steady",
            Kind::Orchestrated if fastrand::bool() => "together",
            _ => "default",
        },
        is_live: match kind {
            Kind::Live | Kind::Slow => true,
            Kind::Tools | Kind::Orchestrated | Kind::Cancelled => fastrand::bool(),
            _ => false,
        },
        with_tools: kind == Kind::Tools,
    };
    let protocol = match kind {
        Kind::Orchestrated => Protocol::Orchestrate,
        _ => Protocol::drawn(kind == Kind::Slow),
    };
    (protocol, question)
}

fn judged(protocol: Protocol, question: &Question, answer: &Answer) -> Result<End, String> {
    if !answer.is_complete {
        return Err(format!("{protocol:?}: it is cut off: {answer:?}"));
    }
    let good = protocol.judged(question, answer)?;
    Ok(End::Answered { status: answer.status, is_error: good == Good::Broken })
}

/// A request that no upstream, or only the steady one, is asked for.
fn plain(kind: Kind, keys: &Keys) -> Request {
    let key = Some(keys.free.clone());
    match kind {
        Kind::Models => {
            Request { path: "/v1/models", key, as_anthropic: fastrand::bool(), ..Request::default() }
        }
        Kind::Embeddings => {
            let body = json!({ "model": "steady/vectors", "input": ["zebras", "grass"] });
            Request { path: "/v1/embeddings", body: Some(body.to_string()), key, ..Request::default() }
        }
        Kind::Counted => {
            let said = json!([{ "role": "user", "content": "What do zebras eat?" }]);
            let body = json!({ "model": "steady", "messages": said, "max_tokens": 10 }).to_string();
            Request { path: "/v1/messages/count_tokens", body: Some(body), key, as_anthropic: true }
        }
        _ => {
            let (protocol, question) = asked(Kind::Whole);
            let mut request = protocol.request(&question, &keys.free);
            if kind == Kind::Stranger {
                request.key = None;
            } else if let Some(body) = &mut request.body {
                body.truncate(fastrand::usize(1..body.len()));
            }
            request
        }
    }
}

fn judged_plainly(kind: Kind, answer: &Answer) -> Result<End, String> {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let data = &body["data"];
    let has_model = |name: &str| data.as_array().is_some_and(|all| all.iter().any(|one| one["id"] == name));
    let expected = match kind {
        Kind::Malformed => 400,
        Kind::Stranger => 401,
        _ => 200,
    };
    let is_right = match kind {
        Kind::Models => ["default", "together", "failing", "steady"].into_iter().all(has_model),
        Kind::Embeddings => (0..2).all(|at| data[at]["embedding"] == json!(VECTOR)),
        Kind::Counted => body["input_tokens"].as_u64() > Some(0),
        _ => body["error"].is_object(),
    };
    match answer.status == expected && is_right && answer.is_complete {
        true => Ok(End::Answered { status: expected, is_error: expected != 200 }),
        false => Err(format!("{answer:?}")),
    }
}

type Ended = std::io::Result<Result<End, String>>;

/// Leaves after a time, or after so many bytes, or at once.
async fn cancelled(client: &mut Client, keys: &Keys) -> Ended {
    let kind = if fastrand::u8(..8) > 0 { Kind::Cancelled } else { Kind::Slow };
    let (protocol, question) = asked(kind);
    let (head, body) = client.written(&protocol.request(&question, &keys.free));
    let mut stream = client.connection().await?;
    stream.write_all([head, body].concat().as_bytes()).await?;
    let (patience, most) = (Duration::from_millis(fastrand::u64(..300)), fastrand::usize(..40_000));
    let mut received = Received::default();
    if fastrand::u8(..4) > 0
        && let Ok(read) = timeout(patience, received.read(&mut stream, most)).await
    {
        read?;
    }
    let answer = received.answer();
    if answer.is_complete {
        return Ok(judged(protocol, &question, &answer));
    }
    let is_long = kind == Kind::Slow;
    Ok(Ok(End::Left { saw_head: !received.is_empty(), is_live: question.is_live, is_long }))
}

/// Ends its side in the middle, and sees what is said to that, or leaves.
async fn broken(client: &mut Client, kind: Kind, keys: &Keys) -> Ended {
    let (protocol, question) = asked(Kind::Cancelled);
    let (head, body) = client.written(&protocol.request(&question, &keys.free));
    let (sent, rest) = match kind {
        Kind::BrokenHead => (String::new(), head),
        _ => (head, body),
    };
    let mut stream = client.connection().await?;
    stream.write_all(sent.as_bytes()).await?;
    stream.write_all(&rest.as_bytes()[..fastrand::usize(1..rest.len())]).await?;
    let end = if kind == Kind::BrokenHead { End::BrokenHead } else { End::BrokenBody };
    if fastrand::bool() {
        return Ok(Ok(end));
    }
    stream.shutdown().await?;
    let mut received = Received::default();
    received.read(&mut stream, usize::MAX).await?;
    let status = if received.is_empty() { None } else { Some(received.answer().status) };
    let expected = (kind == Kind::BrokenBody).then_some(400);
    Ok(if status == expected { Ok(end) } else { Err(format!("it is answered: {:?}", received.answer())) })
}

/// Reads the beginning of a long answer, nothing for a while, and then the rest.
async fn slow(client: &mut Client, keys: &Keys) -> Ended {
    let (protocol, question) = asked(Kind::Slow);
    let (head, body) = client.written(&protocol.request(&question, &keys.free));
    let mut stream = client.connection().await?;
    stream.write_all([head, body].concat().as_bytes()).await?;
    let mut received = Received::default();
    received.read(&mut stream, 1).await?;
    sleep(PAUSE).await;
    received.read(&mut stream, usize::MAX).await?;
    Ok(judged(protocol, &question, &received.answer()))
}

/// Waits until the settings of this version are in force.
pub(crate) async fn reloaded(client: &mut Client, keys: &Keys, version: usize) -> Vec<(Name, End)> {
    let mut ends = Vec::new();
    let begun = Instant::now();
    loop {
        let answer = client.ask(&plain(Kind::Models, keys)).await.unwrap();
        ends.push((client.name(), judged_plainly(Kind::Models, &answer).unwrap()));
        if answer.body.contains(&format!("\"version-{version}\"")) {
            return ends;
        }
        assert!(begun.elapsed() < DEADLINE, "the settings of version {version} are not taken");
        sleep(Duration::from_millis(100)).await;
    }
}
