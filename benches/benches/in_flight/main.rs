//! Ten thousand requests in flight on loopback, the server in its own process: what each holds while it waits, whether
//! anything stays after it, and whether everything ends.
//!
//! Memory is what the system says the process holds, so this runs on Linux.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod control;
mod memory;
mod server;

use std::{env, error::Error, io, sync::Arc, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::Instant,
};
use ultraai::{FallbackOrchestrator, Outcome, Registry, Result as Answer, provider};

use self::{control::Server, memory::Memory};

/// What starts this program as the server.
const SERVE: &str = "--serve";

const PROMPT: &str = "Explain the benefits of multi-LLM orchestration systems.";

/// What a waiting request may hold beyond its own body.
const MOST_KIB: f64 = 40.0;

/// By how much the heap after the last round may pass that after half of them, in per cent: what is kept for reuse is there
/// by then. What is resident comes near to what the heap held at most, as ever more of its pages were touched once.
///
/// A connection holds some 9 KiB more from about its 33rd answer on, and no more than that after its 110th: that is how the
/// HTTP library reads. So 40 rounds show a step, and 110 none in their second half.
const MOST_GROWTH: f64 = 1.0;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().collect();
    if arguments.iter().any(|argument| argument == SERVE) {
        return Ok(server::run()?);
    }
    // `cargo test --benches` passes no `--bench`: a small crowd is enough then.
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let (wanted, rounds) = if is_bench { (10_000, 10) } else { (50, 2) };
    // `cargo bench -p ultraai-benches --bench in_flight -- 110` looks for growth longer.
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(rounds).max(2);
    let crowd = memory::raise_file_limit(wanted)?;
    if crowd < wanted {
        println!("{crowd} and not {wanted} requests at once: more files may not be open (`ulimit -n`)");
    }
    // One thread, so that what threads keep for themselves stays out of the figures, and every allocation is seen.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    measure(&runtime, crowd, rounds, is_bench)
}

fn measure(runtime: &Runtime, crowd: usize, rounds: usize, is_bench: bool) -> Result<()> {
    let mut server = Server::start()?;
    let address = format!("http://{}/v1", runtime.block_on(server.line())?);
    let orchestrator = Arc::new(orchestrator(&address)?);
    println!("{crowd} requests in flight on loopback, the server in its own process");
    println!("the future of one `process()`: {} bytes", size_of_val(&orchestrator.process(PROMPT)));
    let before = round(runtime, &orchestrator, &mut server, 1)?.after;
    println!("{:<24}{before}", "before");
    let mut after = Vec::new();
    for number in 1..=rounds {
        let round = round(runtime, &orchestrator, &mut server, crowd)?;
        if number == 1 {
            let (resident, heap) = round.waiting.since(before);
            let each = resident / as_float(crowd);
            println!("{:<24}{}", "while all wait", round.waiting);
            println!(
                "{:<24}{each:.1} KiB resident (at most {MOST_KIB}), {:.1} KiB on the heap",
                "that is for each",
                heap / as_float(crowd)
            );
            if is_bench && each > MOST_KIB {
                return Err(format!("a waiting request holds {each:.1} KiB").into());
            }
        }
        let name = format!("after {} requests", number * crowd);
        println!("{name:<24}{}, {:.1} s", round.after, round.took.as_secs_f64());
        after.push(round.after);
    }
    let growth = after[after.len() - 1].growth_from(after[after.len() / 2 - 1]);
    println!("{:<24}{:+.1} % resident, {:+.1} % on the heap", "in the second half", growth.0, growth.1);
    if is_bench && growth.1 > MOST_GROWTH {
        return Err("the memory grows".into());
    }
    runtime.block_on(end(orchestrator, &mut server))
}

fn orchestrator(address: &str) -> Result<FallbackOrchestrator> {
    let mut builder = FallbackOrchestrator::builder().timeout_seconds(300.0);
    // A second leg would be another request in flight, and nothing here is slow.
    if Registry::linked()?.layer("hedge").is_ok() {
        builder =
            builder.layer_settings("hedge", [("enabled".to_owned(), false.into())].into_iter().collect());
    }
    let orchestrator = builder.build()?;
    orchestrator.register_provider("one", provider("compatible").model("m").base_url(address))?;
    Ok(orchestrator)
}

/// What one round found.
struct Round {
    waiting: Memory,
    after: Memory,
    took: Duration,
}

/// Lets so many requests wait at once, and then be answered.
fn round(
    runtime: &Runtime,
    orchestrator: &Arc<FallbackOrchestrator>,
    server: &mut Server,
    crowd: usize,
) -> Result<Round> {
    let began = Instant::now();
    server.say(&format!("expect {crowd}"))?;
    runtime.block_on(server.expect("ready"))?;
    let mut under_way: JoinSet<Answer<Outcome>> = JoinSet::new();
    let waiting = Memory::after(|| {
        runtime.block_on(async {
            for _ in 0..crowd {
                let orchestrator = Arc::clone(orchestrator);
                under_way.spawn(async move { orchestrator.process(PROMPT).await });
            }
            server.expect("all").await
        })
    })?;
    server.say("answer")?;
    let mut answered = 0;
    let after = Memory::after(|| {
        runtime.block_on(async {
            while let Some(outcome) = under_way.join_next().await {
                let outcome = outcome.map_err(io::Error::other)?.map_err(io::Error::other)?;
                answered += usize::from(!outcome.synthesis.response.is_empty());
            }
            drop(under_way);
            Ok(())
        })
    })?;
    if answered != crowd {
        return Err(format!("{answered} of {crowd} requests were answered").into());
    }
    Ok(Round { waiting, after, took: began.elapsed() })
}

/// Nothing may be under way, and nothing may stay open once nobody can ask any more.
async fn end(orchestrator: Arc<FallbackOrchestrator>, server: &mut Server) -> Result<()> {
    let under_way = orchestrator.requests_in_flight();
    drop(orchestrator);
    let patience = Instant::now() + Duration::from_secs(10);
    let mut open = server.open().await?;
    while open > 0 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
        open = server.open().await?;
    }
    println!("at the end: {under_way} requests under way, {open} connections open");
    match under_way == 0 && open == 0 {
        true => Ok(()),
        false => Err("something did not end".into()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are not so many requests")]
fn as_float(number: usize) -> f64 {
    number as f64
}

/// The server ended before it was told to.
fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server ended")
}
