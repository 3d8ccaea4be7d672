//! Who leaves frees the connection and leaves a row: through every strategy, over real connections.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{pin::pin, sync::Arc, time::Duration};

use ultraai::{
    AbandonReason, ErrorKind, Event, Ledger, Lookup, Options, Orchestrator, OrchestratorBuilder, Registry,
    RequestOptions, Strategy, UsageSource,
    ledger::{Row, RowOutcome},
    provider,
};
use ultraai_testkit::{End, Reply, Server, openai};

/// How soon after a drop the server must see the connection closed.
const FREED: Duration = Duration::from_millis(100);

/// Longer than a request takes to arrive on a busy machine.
const ARRIVED: Duration = Duration::from_secs(5);

/// Every strategy that is linked.
fn strategies() -> Vec<&'static str> {
    let names: Vec<_> = Registry::linked().unwrap().strategies().map(|row| row.name).collect();
    assert!(["adaptive", "fallback", "parallel", "race", "simple"].iter().all(|name| names.contains(name)));
    names
}

fn orchestrator(
    strategy: &str,
    options: &Options,
    servers: &[(&str, &Server)],
) -> Orchestrator<Arc<dyn Strategy>> {
    let strategy = Registry::linked().unwrap().strategy(strategy, serde_json::Value::Null).unwrap();
    let orchestrator =
        OrchestratorBuilder::new(strategy).options(options).lookup(Lookup::empty()).seed(1).build().unwrap();
    for (id, server) in servers {
        let spec = provider("compatible").base_url(format!("{}/v1", server.url())).model("m");
        orchestrator.register_provider(id, spec).unwrap();
    }
    orchestrator
}

fn half_an_answer() -> Reply {
    openai::stream(["half an ", "answer"]).pieces(2).ending(End::Hang)
}

/// The rows that were given up, each with its reason and an estimate of what it used.
fn given_up(rows: &[Row]) -> Vec<(&str, Option<AbandonReason>)> {
    let abandoned = rows.iter().filter(|row| row.outcome == RowOutcome::Abandoned);
    abandoned
        .map(|row| {
            let usage = row.usage.expect("it is estimated");
            assert_eq!(usage.source, UsageSource::Estimated);
            assert!(usage.input_tokens > 0, "{row:?}");
            (row.provider_id.as_str(), row.reason)
        })
        .collect()
}

#[tokio::test]
async fn a_dropped_call_closes_every_connection_and_leaves_its_rows() {
    let whole = openai::answer("whole");
    let replies =
        [("before the head", Reply::hang()), ("after the head", whole.cut_after(20).ending(End::Hang))];
    for name in strategies() {
        for (when, reply) in &replies {
            let (one, two) = (Server::always(reply.clone()), Server::always(reply.clone()));
            let orchestrator = orchestrator(name, &Options::default(), &[("one", &one), ("two", &two)]);
            let ledger = Ledger::new();
            let options = RequestOptions::default().with_ledger(ledger.clone());
            {
                let mut call = pin!(orchestrator.process_with("Who leaves?", options));
                tokio::select! {
                    biased;
                    _ = &mut call => panic!("{name}, {when}: nobody answers, and it ends"),
                    came = one.received(1, ARRIVED) => assert!(came, "{name}, {when}: no request came"),
                }
            }
            for server in [&one, &two] {
                assert!(server.all_closed(FREED).await, "{name}, {when}: a connection is still open");
            }
            let rows = ledger.report().rows;
            let requests = one.requests().len() + two.requests().len();
            assert!(rows.len() >= requests && requests > 0, "{name}, {when}: {requests} and {rows:?}");
            let given_up = given_up(&rows);
            assert_eq!(given_up.len(), rows.len(), "{name}, {when}: {rows:?}");
            assert!(
                given_up.iter().all(|(_, reason)| *reason == Some(AbandonReason::CallerLeft)),
                "{given_up:?}"
            );
            assert_eq!(orchestrator.stats().requests.abandoned, 1, "{name}, {when}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_in_the_middle_closes_its_connection() {
    for name in strategies() {
        let (one, two) = (Server::always(half_an_answer()), Server::always(half_an_answer()));
        let orchestrator = orchestrator(name, &Options::default(), &[("one", &one), ("two", &two)]);
        let ledger = Ledger::new();
        let options = RequestOptions::default().with_ledger(ledger.clone());
        let mut events = orchestrator.process_stream_with("Who leaves?", options).unwrap();
        // Panels ask for whole answers, which here come as streams; the others hand on what comes.
        let read = async {
            while let Some(event) = events.next().await {
                if matches!(event.unwrap(), Event::Delta { .. }) {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(300), read).await;
        drop(events);
        for server in [&one, &two] {
            assert!(server.all_closed(FREED).await, "{name}: a connection is still open");
        }
        let rows = ledger.report().rows;
        assert!(!rows.is_empty(), "{name}");
        assert_eq!(given_up(&rows).len(), rows.len(), "{name}: {rows:?}");
    }
}

#[tokio::test]
async fn whoever_lost_is_hung_up_on_at_once() {
    let mut early = Options::default();
    early.use_early_stopping = Some(true);
    for (name, reason) in [
        ("parallel", AbandonReason::EnoughAnswers),
        ("simple", AbandonReason::EnoughAnswers),
        ("race", AbandonReason::EnoughAnswers),
    ] {
        let slow = Server::always(half_an_answer());
        let quick = Server::answering(move |_| openai::answer("hello").after(Duration::from_millis(50)));
        let mut settings = serde_json::Map::new();
        if name == "race" {
            settings.insert("stagger_seconds".into(), 0.0.into());
        }
        let strategy = Registry::linked().unwrap().strategy(name, settings.into()).unwrap();
        let orchestrator =
            OrchestratorBuilder::new(strategy).options(&early).lookup(Lookup::empty()).build().unwrap();
        for (id, server) in [("slow", &slow), ("quick", &quick)] {
            let spec = provider("compatible").base_url(format!("{}/v1", server.url())).model("m");
            orchestrator.register_provider(id, spec).unwrap();
        }
        let outcome = orchestrator.process("Who is first?").await.unwrap();
        assert_eq!(outcome.synthesis.response, "hello", "{name}");
        assert!(slow.all_closed(FREED).await, "{name}: the loser's connection is still open");
        assert_eq!(given_up(&outcome.ledger.rows), [("slow", Some(reason))], "{name}");
    }
}

#[tokio::test]
async fn a_deadline_closes_every_connection() {
    let mut options = Options::default();
    options.timeout_seconds = Some(0.2);
    options.max_retries = Some(0);
    for name in strategies() {
        let (one, two) = (Server::always(Reply::hang()), Server::always(Reply::hang()));
        let orchestrator = orchestrator(name, &options, &[("one", &one), ("two", &two)]);
        let error = orchestrator.process("Who waits?").await.unwrap_err();
        assert!([ErrorKind::Timeout, ErrorKind::Exhausted].contains(&error.kind()), "{name}: {error}");
        for server in [&one, &two] {
            assert!(server.all_closed(FREED).await, "{name}: a connection is still open");
        }
        let rows = &error.report().unwrap().ledger.rows;
        assert!(rows.iter().all(|row| row.outcome != RowOutcome::Running), "{name}: {rows:?}");
        assert_eq!(rows.len(), one.requests().len() + two.requests().len(), "{name}");
    }
}
