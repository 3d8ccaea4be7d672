//! One orchestrated call over loopback HTTP beside a bare `reqwest` POST that encodes the same request and
//! decodes the same answer: CPU time of the calling thread, which runs both clients and not the server.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::{hint::black_box, time::Duration};

use cpu_time::ThreadTime;
use tokio::runtime::Builder;
use ultraai::{
    ChatRequest, ErrorKind, FallbackOrchestrator, Losses, ModelName, Orchestrator, Result,
    SimpleOrchestrator, Strategy, provider,
};
use ultraai_benches::server;
use ultraai_protocol_openai_chat::{Dialect, decode, encode};

const PROMPT: &str = "Explain the benefits of multi-LLM orchestration systems.";
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    // `cargo test --benches` passes no `--bench`: once through is enough then.
    let calls = if std::env::args().any(|argument| argument == "--bench") { 10_000 } else { 5 };
    let address = server::start();
    let fallback = with_provider(FallbackOrchestrator::builder().build()?, &address)?;
    let simple = with_provider(SimpleOrchestrator::builder().build()?, &address)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    // The bare client wants one as soon as another package of the build enables TLS; it speaks plain HTTP all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().map_err(failed)?;

    // The rounds alternate, so that whatever else the machine does meets all of them.
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        rounds[0].push(runtime.block_on(cpu_time(calls, async || bare(&client, &address).await))?);
        rounds[1].push(runtime.block_on(cpu_time(calls, async || orchestrated(&fallback).await))?);
        rounds[2].push(runtime.block_on(cpu_time(calls, async || orchestrated(&simple).await))?);
    }
    let [bare, fallback, simple] = rounds.map(median);
    println!(
        "CPU time of one call over loopback HTTP ({calls} calls, median of {ROUNDS} alternating rounds)"
    );
    println!("bare reqwest POST            {:6.2} µs", micros(bare));
    for (name, time) in [("fallback, one candidate", fallback), ("simple, one candidate", simple)] {
        println!(
            "{name:<28} {:6.2} µs   {:.2} times the bare one",
            micros(time),
            time.as_secs_f64() / bare.as_secs_f64()
        );
    }
    Ok(())
}

fn with_provider<S: Strategy>(orchestrator: Orchestrator<S>, address: &str) -> Result<Orchestrator<S>> {
    orchestrator.register_provider("one", provider("compatible").model("m").base_url(address))?;
    Ok(orchestrator)
}

async fn cpu_time(calls: u32, call: impl AsyncFn() -> Result<usize>) -> Result<Duration> {
    // The first call opens the connection.
    call().await?;
    let before = ThreadTime::now();
    for _ in 0..calls {
        black_box(call().await?);
    }
    Ok(before.elapsed() / calls)
}

async fn orchestrated<S: Strategy>(orchestrator: &Orchestrator<S>) -> Result<usize> {
    Ok(orchestrator.process(PROMPT).await?.synthesis.response.len())
}

async fn bare(client: &reqwest::Client, address: &str) -> Result<usize> {
    let request = ChatRequest::from_prompt(PROMPT).with_model(ModelName::new("m")?);
    let body = encode(&Dialect::OPENAI, &request, &mut Losses::refused())?;
    let response = client
        .post(format!("{address}/chat/completions"))
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .map_err(failed)?;
    let body = response.bytes().await.map_err(failed)?;
    Ok(decode(&Dialect::OPENAI, &body)?.text().len())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> ultraai::Error {
    ultraai::Error::new(ErrorKind::Connect, "the bench's own client failed").with_source(error)
}

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
