//! Mixed traffic through the real program, before upstreams that fail in every way we know: nobody sees a failure that somebody
//! healthy could have prevented, each request stands in the books as its caller saw it, and nothing is left behind.
//!
//! `cargo xtask soak` runs it, for as long as it is told; the variable `ULTRAAI_SOAK_SECONDS` says how long.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and this one tells what it sees"
)]

mod books;
mod client;
mod gateway;
mod protocol;
mod traffic;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use ultraai_testkit::{
    Dialogue, Received, Reply, Server,
    anthropic::AnthropicMessages,
    faults::{FaultyServer, every_fault},
    openai::OpenAiChat,
};

use self::{
    client::{Client, Request},
    gateway::{Gateway, Look},
    traffic::{Keys, Seen},
};

/// Who asks at the same time.
const CLIENTS: u64 = 24;

/// Which requests to the upstream that fails meet a fault: each of so many. One that failed more often would be asked last.
const FAULTY: usize = 5;

/// Requests in a minute that the limited key has.
const LIMIT: u64 = 10;

/// How often other settings are put in force, in seconds.
const RELOADING: usize = 15;

/// How long a connection to an upstream may stay open: it is used no more after 55 seconds, but the pool looks for such ones only once
/// in that time, so that the last is closed when up to twice as much has passed. The rest is for a busy
/// machine.
const CLOSING: Duration = Duration::from_mins(2);

/// What memory may grow by from the warm half to the end, in bytes, besides a tenth of it.
const SLACK: u64 = 4 << 20;

#[tokio::test]
#[ignore = "it runs for minutes: `cargo xtask soak`"]
async fn mixed_traffic_with_faults_leaves_nothing_behind() {
    let seconds =
        std::env::var("ULTRAAI_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(180);
    let (failing, limiting, steady) = (every_fault(&OpenAiChat, FAULTY), limiting(), steady());
    let upstreams = [&failing, &limiting, &steady];
    let limit = LIMIT.to_string();
    let (gateway, [free, limited]) =
        Gateway::start(&upstreams, [&[], &["--requests-per-minute", &limit, "--model", "steady"]]);
    let keys = Arc::new(Keys { free, limited });
    let before = gateway.look();

    let first_minute = minute();
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut clients = JoinSet::new();
    for number in 1..=CLIENTS {
        clients.spawn(traffic::client(gateway.address(), number, Arc::clone(&keys), until));
    }
    let mut operator = Client::new(gateway.address(), 0);
    let mut seen = Seen::default();
    let mut looks = Vec::new();
    let mut asked = [0; 3];
    while Instant::now() < until {
        sleep(Duration::from_secs(1)).await;
        looks.push(gateway.look());
        for (server, asked) in upstreams.iter().zip(&mut asked) {
            *asked += server.requests().len();
            server.forget_requests();
        }
        if looks.len() % RELOADING == 0 {
            let version = looks.len() / RELOADING;
            gateway.reload(version);
            seen.ends.extend(traffic::reloaded(&mut operator, &keys, version).await);
        }
    }
    while let Some(client) = clients.join_next().await {
        seen.add(client.unwrap());
    }
    println!("{seen}; the upstreams were asked {asked:?} times");
    assert!(seen.wrong.is_empty(), "{} answers were wrong, such as\n{}", seen.wrong.len(), some(&seen.wrong));
    let minutes = minute() - first_minute + 1;
    assert!(seen.admitted <= minutes * LIMIT, "{} were let in, in {minutes} minutes", seen.admitted);
    assert_eq!(seen.missing(), Vec::<String>::new(), "some traffic did not come");

    nothing_is_under_way(&mut operator).await;
    memory_is_flat(&looks);
    for server in upstreams {
        assert!(server.all_closed(CLOSING).await, "{} connections are left open", server.open_connections());
    }
    drop(operator);
    nothing_is_left_open(&gateway, &before).await;
    let log = gateway.stop();
    println!("{} requests stand in the access log", log.lines.len());
    let wrong = log.differences(&seen.ends);
    assert!(wrong.is_empty(), "{} differences, such as\n{}", wrong.len(), some(&wrong));
}

/// A server that says most of the time that it has had enough.
fn limiting() -> Server {
    let mut number = 0;
    Server::answering(move |request| {
        number += 1;
        match number % 3 {
            0 => right(&AnthropicMessages, request),
            _ => AnthropicMessages.error(429, "slow down").header("retry-after", "1"),
        }
    })
}

/// A server that answers rightly, and at length where it is asked to.
fn steady() -> Server {
    // Made once: it takes so long that others would be kept waiting.
    let at_length = OpenAiChat.live(FaultyServer::MODEL, &vec![&*protocol::piece(); protocol::PIECES]);
    Server::answering(move |request| {
        if request.path.ends_with("/embeddings") {
            let vector =
                |index| json!({ "object": "embedding", "index": index, "embedding": traffic::VECTOR });
            let usage = json!({ "prompt_tokens": 5, "total_tokens": 5 });
            let body =
                json!({ "object": "list", "data": [vector(0), vector(1)], "model": "v", "usage": usage });
            return Reply::json(200, &body);
        }
        if request.mentions(protocol::AT_LENGTH) {
            return at_length.clone();
        }
        right(&OpenAiChat, request)
    })
}

fn right(dialogue: &dyn Dialogue, request: &Received) -> Reply {
    match dialogue.wants_live(request) {
        true => dialogue.live(FaultyServer::MODEL, &FaultyServer::TEXTS),
        false => dialogue.answer(FaultyServer::MODEL, &FaultyServer::TEXTS.concat()),
    }
}

/// The minute of the wall clock, by which limits go.
fn minute() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60
}

fn some(all: &[String]) -> String {
    all.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// Once the last answer has come, no request is under way or waits, and no line of the log is lost.
async fn nothing_is_under_way(operator: &mut Client) {
    const GAUGES: [&str; 4] = [
        "http_server_active_requests",
        "ultraai_requests_in_flight",
        "ultraai_requests_queued",
        "ultraai_gateway_access_log_dropped_total",
    ];
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let metrics = operator.ask(&Request { path: "/metrics", ..Request::default() }).await.unwrap().body;
        let of_gauge = |line: &&str| GAUGES.iter().any(|gauge| line.starts_with(gauge));
        let gauges: Vec<_> = metrics.lines().filter(of_gauge).collect();
        assert!(GAUGES.iter().all(|gauge| gauges.iter().any(|line| line.starts_with(gauge))), "{gauges:?}");
        let above: Vec<_> = gauges.into_iter().filter(|line| !line.ends_with(" 0")).collect();
        if above.is_empty() {
            return;
        }
        // Callers who left are noticed soon, and their requests ended.
        assert!(Instant::now() < until, "still under way: {above:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// The least of the last quarter is no more than the most of the second one, and what noise adds.
fn memory_is_flat(looks: &[Look]) {
    let quarter = looks.len() / 4;
    let of = |looks: &[Look]| looks.iter().map(|look| look.resident).collect::<Vec<_>>();
    let (warm, last) = (of(&looks[quarter..2 * quarter]), of(&looks[3 * quarter..]));
    let (warm, last) = (*warm.iter().max().unwrap(), *last.iter().min().unwrap());
    let tenth = looks.len() / 10;
    let sampled: Vec<_> = looks.iter().step_by(tenth.max(1)).map(|look| look.resident >> 10).collect();
    println!("memory in KiB: {sampled:?}; {} when warm, {} at the end", warm >> 10, last >> 10);
    assert!(last <= warm + warm / 10 + SLACK, "memory grows: {:?}", of(looks));
}

/// Files and sockets are as many as they were before the first request.
async fn nothing_is_left_open(gateway: &Gateway, before: &Look) {
    let until = Instant::now() + Duration::from_secs(10);
    let mut after = gateway.look();
    while after.files > before.files && Instant::now() < until {
        sleep(Duration::from_millis(100)).await;
        after = gateway.look();
    }
    println!("{} files were open before, {} afterwards", before.files, after.files);
    assert!(
        after.files <= before.files,
        "{} files were open before, {} afterwards",
        before.files,
        after.files
    );
}
