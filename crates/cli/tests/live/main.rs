//! The end-to-end test: real llama.cpp servers with real, small models, through the library and the program.
//!
//! `cargo xtask live` starts the servers and names them in `ULTRAAI_LIVE_SMOLLM2` and `ULTRAAI_LIVE_GEMMA3`; without
//! these the test says that it was skipped. The models are judged by nothing but that they answer.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and this one tells what it sees"
)]

mod gateway;
mod protocols;
mod server;

use std::{process::Command, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use ultraai::{
    ChatRequest, Delta, Error, Event, FallbackOrchestrator, Ledger, Method, Options, Outcome, OutcomeStream,
    RequestOptions, SimpleOrchestrator, ledger::TokenSum,
};

use self::server::{PATIENCE, Server, server};

/// A small model writes this many in a second or two.
const SHORT: u64 = 60;

/// So long that it runs still when the request is dropped.
const LONG: u64 = 1500;

#[tokio::test]
async fn two_real_models_answer_and_the_ledger_agrees_with_their_servers() {
    let (Some(smollm2), Some(gemma3)) = (server("ULTRAAI_LIVE_SMOLLM2"), server("ULTRAAI_LIVE_GEMMA3"))
    else {
        println!("skipped: `cargo xtask live` runs this test with the servers it needs");
        return;
    };
    let before = [smollm2.tokens(), gemma3.tokens()];
    let ledger = Ledger::new();
    let mut counted = TokenSum::default();

    protocols::all(&smollm2, &ledger).await;
    in_parallel(&smollm2, &gemma3, &ledger).await;
    synthesis(&smollm2, &gemma3, &ledger).await;
    let totals = ledger.totals();
    assert_eq!((totals.estimated, totals.attempts_of_unknown_usage), (TokenSum::default(), 0), "{totals:?}");
    add(&mut counted, totals.reported);
    add(&mut counted, program(&smollm2, &gemma3));
    add(&mut counted, gateway::all(&smollm2));

    let mut served = TokenSum::default();
    for (server, before) in [&smollm2, &gemma3].into_iter().zip(before) {
        let after = server.tokens();
        served.input_tokens += after.input_tokens - before.input_tokens;
        served.output_tokens += after.output_tokens - before.output_tokens;
    }
    println!("tokens: {counted:?} in the ledgers, {served:?} at the servers");
    assert_eq!(counted, served);

    // The servers count what a dropped request made, and the ledger can only estimate it: so this comes last.
    dropped(&smollm2).await;
}

async fn in_parallel(smollm2: &Server, gemma3: &Server, ledger: &Ledger) {
    let orchestrator = both(smollm2, gemma3);
    let request = request("Say hello.").edited(end_at_a_sentence);
    let mut stream = orchestrator.process_stream_with(request, with(ledger)).unwrap();
    let (mut under_way, mut most) = (0, 0);
    let outcome = loop {
        match stream.next().await.unwrap().unwrap() {
            Event::Asked { .. } => {
                under_way += 1;
                most = most.max(under_way);
            }
            Event::Answered { .. } | Event::Failed { .. } => under_way -= 1,
            Event::Finished { outcome } => break outcome,
            _ => {}
        }
    };
    tell("both, in parallel", &outcome);
    assert_eq!(most, 2, "they were not asked together");
    assert!(outcome.responses.iter().all(|response| response.response.is_some()), "{:?}", outcome.responses);
}

async fn synthesis(smollm2: &Server, gemma3: &Server, ledger: &Ledger) {
    let orchestrator = both(smollm2, gemma3);
    let mut options = Options::default();
    options.synthesizer = Some("smollm2".try_into().unwrap());
    // So small a model follows the last words that it reads, and the built-in prompt ends with more than it can keep.
    options.synthesis_template =
        Some("{{answers}}\n\nForget the lines above. What is the capital of France?".into());
    // What so small a model makes of the task hangs on the random delimiters: one of several seeds must do.
    for seed in 1..=16 {
        let request = request("Say hello.").edited(end_at_a_sentence);
        let with = RequestOptions::from(options.clone()).with_ledger(ledger.clone()).with_seed(seed);
        let (outcome, text, pieces) =
            read(orchestrator.process_stream_with(request, with).unwrap()).await.unwrap();
        tell(&format!("both, seed {seed}, in {pieces} pieces"), &outcome);
        assert_eq!(text, outcome.synthesis.response);
        if outcome.synthesis.method == Method::Synthesized {
            assert_eq!(outcome.synthesis.provider_id, "smollm2");
            return;
        }
    }
    panic!("no synthesis came of sixteen requests");
}

/// Reads a stream to its end: the outcome, the text that came on the way, and in how many pieces.
async fn read(mut stream: OutcomeStream) -> Result<(Box<Outcome>, String, usize), Error> {
    let (mut text, mut pieces) = (String::new(), 0);
    loop {
        match stream.next().await.unwrap()? {
            Event::Delta { delta: Delta::Text(piece) } => {
                pieces += 1;
                text += &piece;
            }
            Event::Discarded { .. } => (text, pieces) = (String::new(), 0),
            Event::Finished { outcome } => return Ok((outcome, text, pieces)),
            _ => {}
        }
    }
}

/// Runs the program with a settings file, and returns what its ledger counted.
fn program(smollm2: &Server, gemma3: &Server) -> TokenSum {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "[orchestrator]\ntimeout_seconds = 60\nstrategy = \"fallback\"\n\n\
         [providers.small]\ntype = \"compatible\"\nmodel = \"smollm2\"\nbase_url = \"{}/v1\"\nfallbacks = [\"base\"]\n\n\
         [providers.base]\ntype = \"compatible\"\nmodel = \"gemma3\"\nbase_url = \"{}/v1\"\n",
        smollm2.url(),
        gemma3.url()
    );
    std::fs::write(folder.path().join("ultraai.toml"), settings).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ultraai"))
        .args(["ask", "Good morning!", "--json", "--max-tokens", "60", "--temperature", "0"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let outcome: Outcome = serde_json::from_slice(&output.stdout).unwrap();
    tell("the program", &outcome);
    assert_eq!(outcome.synthesis.provider_id, "small");
    assert_eq!(outcome.ledger.totals.estimated, TokenSum::default());
    outcome.ledger.totals.reported
}

async fn dropped(server: &Server) {
    let orchestrator = FallbackOrchestrator::builder().build().unwrap();
    orchestrator.register_provider("smollm2", server.provider("compatible")).unwrap();
    let request = request("Count to a thousand.").with_max_tokens(LONG).edited(|request| {
        request.extra.insert("ignore_eos".to_owned(), true.into());
    });
    let mut stream = orchestrator.process_stream(request).unwrap();
    let first = async { while !matches!(stream.next().await, Some(Ok(Event::Delta { .. }))) {} };
    timeout(PATIENCE, first).await.expect("the answer begins");
    assert!(server.is_busy(), "no slot is taken while the answer is made");
    drop(stream);
    let since = Instant::now();
    while server.is_busy() {
        assert!(
            since.elapsed() < PATIENCE,
            "the slot is still taken {PATIENCE:?} after the request was dropped"
        );
        sleep(Duration::from_millis(50)).await;
    }
    println!("dropped: the slot was free after {:.2} s", since.elapsed().as_secs_f64());
    // All of the answer would have taken this long at least: 1500 tokens at 200 a second.
    assert!(since.elapsed() < Duration::from_secs(5), "it was not the drop that freed the slot");
}

fn both(smollm2: &Server, gemma3: &Server) -> SimpleOrchestrator {
    let orchestrator = SimpleOrchestrator::builder().parallel_requests(true).build().unwrap();
    orchestrator.register_provider("smollm2", smollm2.provider("compatible")).unwrap();
    orchestrator.register_provider("gemma3", gemma3.provider("openai")).unwrap();
    orchestrator
}

fn request(prompt: &str) -> ChatRequest {
    ChatRequest::from_prompt(prompt).with_max_tokens(SHORT).edited(|request| request.temperature = Some(0.0))
}

/// So that the answer is complete before [`SHORT`]; a base model does not end by itself.
fn end_at_a_sentence(request: &mut ChatRequest) {
    request.stop_sequences = [".", "!", "?", "\n"].map(str::to_owned).to_vec();
}

fn with(ledger: &Ledger) -> RequestOptions {
    RequestOptions::default().with_ledger(ledger.clone())
}

fn add(sum: &mut TokenSum, more: TokenSum) {
    sum.input_tokens += more.input_tokens;
    sum.output_tokens += more.output_tokens;
}

fn tell(what: &str, outcome: &Outcome) {
    let synthesis = &outcome.synthesis;
    println!(
        "{what}: {:?} by {} in {:.1} s: {:?}",
        synthesis.method, synthesis.provider_id, outcome.duration_seconds, synthesis.response
    );
    for response in &outcome.responses {
        let said = response.response.as_ref().map(|response| (response.text(), &response.finish_reason));
        println!("    {}: {:?} {said:?}", response.provider_id, response.status);
    }
}
