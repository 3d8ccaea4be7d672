//! Mixed traffic through the real program, before upstreams that fail in every way we know: nobody sees a failure that somebody
//! healthy could have prevented, and nothing is left behind.
//!
//! `cargo xtask soak` runs it, for as long as it is told; the variable `ULTRAAI_SOAK_SECONDS` says how long.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and this one tells what it sees"
)]

mod client;
mod gateway;
mod traffic;

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use ultraai_testkit::{
    Dialogue as _, Server,
    anthropic::AnthropicMessages,
    faults::{FaultyServer, every_fault},
    openai::OpenAiChat,
};

use self::{
    gateway::{Gateway, Look},
    traffic::{Kind, Seen},
};

/// Who asks at the same time.
const CLIENTS: u64 = 24;

/// Our own connections wait for their next request for 55 seconds; the rest is for a busy machine.
const CLOSING: Duration = Duration::from_secs(90);

/// What memory may grow by from the warm half to the end, in bytes, besides a tenth of it.
const SLACK: u64 = 4 << 20;

#[tokio::test]
#[ignore = "it runs for minutes: `cargo xtask soak`"]
async fn mixed_traffic_with_faults_leaves_nothing_behind() {
    let seconds =
        std::env::var("ULTRAAI_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(180);
    let (failing, limiting, steady) = (every_fault(&OpenAiChat, 2), limiting(), steady());
    let gateway = Gateway::start(&[&failing, &limiting, &steady]);
    // A first request opens what stays open.
    {
        let mut warm = client::Client::new(gateway.address(), 0);
        traffic::one(&mut warm, Kind::Whole, 0).await.unwrap();
    }
    all_closed(&[&failing, &limiting, &steady]).await;
    let before = settled(&gateway, None).await;

    let until = Instant::now() + Duration::from_secs(seconds);
    let mut clients = JoinSet::new();
    for number in 1..=CLIENTS {
        clients.spawn(traffic::client(gateway.address(), number, until));
    }
    let mut looks = Vec::new();
    while Instant::now() < until {
        sleep(Duration::from_secs(1)).await;
        looks.push(gateway.look());
        for server in [&failing, &limiting, &steady] {
            server.forget_requests();
        }
    }
    let mut seen = Seen::default();
    while let Some(client) = clients.join_next().await {
        seen.add(client.unwrap());
    }
    println!("{seen}");
    assert!(seen.wrong.is_empty(), "{} answers were wrong, such as\n{}", seen.wrong.len(), seen.shown());
    assert!(Kind::ALL.iter().all(|kind| seen.counts.contains_key(kind)), "a kind of traffic is missing");

    memory_is_flat(&looks);
    all_closed(&[&failing, &limiting, &steady]).await;
    let after = settled(&gateway, Some(&before)).await;
    println!("before {before:?}, after {after:?}");
    assert!(
        after.files <= before.files && after.sockets <= before.sockets,
        "before {before:?}, after {after:?}"
    );
    let cancelled = seen.counts[&Kind::Cancelled];
    books_balance(&gateway.stop(), seen.requests() + 1, cancelled);
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
    Server::answering(|request| {
        if request.mentions(traffic::AT_LENGTH) {
            let texts = vec![traffic::PIECE; traffic::PIECES];
            return OpenAiChat.live(FaultyServer::MODEL, &texts);
        }
        right(&OpenAiChat, request)
    })
}

fn right(
    dialogue: &dyn ultraai_testkit::Dialogue,
    request: &ultraai_testkit::Received,
) -> ultraai_testkit::Reply {
    match dialogue.wants_live(request) {
        true => dialogue.live(FaultyServer::MODEL, &FaultyServer::TEXTS),
        false => dialogue.answer(FaultyServer::MODEL, &FaultyServer::TEXTS.concat()),
    }
}

/// Waits until the gateway has closed every connection to an upstream.
async fn all_closed(servers: &[&Server]) {
    for server in servers {
        assert!(server.all_closed(CLOSING).await, "{} connections are left open", server.open_connections());
    }
}

/// What is open once nothing more closes, or once it is no more than `before`.
async fn settled(gateway: &Gateway, before: Option<&Look>) -> Look {
    let until = Instant::now() + Duration::from_secs(10);
    let mut look = gateway.look();
    while Instant::now() < until && before.is_none_or(|before| look.files > before.files) {
        sleep(Duration::from_millis(250)).await;
        let next = gateway.look();
        if before.is_none() && next.files == look.files {
            break;
        }
        look = next;
    }
    look
}

/// The least of the last quarter is no more than the most of the second one, and what noise adds.
fn memory_is_flat(looks: &[Look]) {
    let quarter = looks.len() / 4;
    let of = |looks: &[Look]| looks.iter().map(|look| look.resident).collect::<Vec<_>>();
    let (warm, last) = (of(&looks[quarter..2 * quarter]), of(&looks[3 * quarter..]));
    let (warm, last) = (*warm.iter().max().unwrap(), *last.iter().min().unwrap());
    println!("memory: {} KiB when warm, {} KiB at the end", warm / 1024, last / 1024);
    assert!(last <= warm + warm / 10 + SLACK, "memory grows: {:?}", of(looks));
}

/// Each request stands in the access log once, but for those that were cancelled before the gateway had read their heads.
fn books_balance(log: &str, requests: u64, cancelled: u64) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for line in log.lines() {
        let id = line.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
        if let Some(id) = id.into_iter().find(|word| word.starts_with(client::ID)) {
            *counts.entry(id).or_default() += 1;
        }
    }
    let logged: u64 = counts.values().sum();
    println!("{requests} requests were sent, {logged} stand in the access log");
    assert!(counts.values().all(|count| *count == 1), "a request stands in the log twice");
    let least = requests - cancelled;
    assert!((least..=requests).contains(&logged), "{requests} were sent, {logged} are logged");
}
