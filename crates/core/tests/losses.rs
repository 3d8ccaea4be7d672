//! What a provider cannot be told: refused by name, or left out with a word in the trace.

use std::sync::Arc;

use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, ErrorKind, Event, Losses, Method,
    ModelName, Orchestrator, OrchestratorBuilder, Outcome, Provider, Registry, Result, Run, Strategy,
    async_trait,
};

/// Knows no seed.
#[derive(Debug)]
struct Seedless;

#[async_trait]
impl Provider for Seedless {
    fn name(&self) -> &'static str {
        "seedless"
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let mut losses: Losses = cx.losses();
        if request.seed.is_some() {
            losses.lose("`seed`", "it has no such field").map_err(ultraai_core::Error::unsent)?;
        }
        cx.report_losses(&losses);
        Ok(ChatReply::whole(ChatResponse::from_text("hello")))
    }
}

/// Asks the first candidate twice.
#[derive(Debug)]
struct Twice;

#[async_trait]
impl Strategy for Twice {
    fn name(&self) -> &'static str {
        "twice"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        drop(run.ask(&run.candidates()[0], Arc::clone(&request)).await?);
        let reply = run.ask(&run.candidates()[0], request).await?;
        let answer = run.forward(reply).await?;
        Ok(run.outcome(Method::Chosen, &answer, std::slice::from_ref(&answer), None))
    }
}

fn orchestrator(allowed: bool) -> Orchestrator<Twice> {
    let builder = OrchestratorBuilder::new(Twice).registry(Registry::builder().build());
    let orchestrator = builder.drop_unsupported(allowed).build().expect("nothing is missing");
    let provider: Arc<dyn Provider> = Arc::new(Seedless);
    orchestrator.register_provider("careful", provider).expect("it needs no settings");
    orchestrator
}

fn request() -> ChatRequest {
    ChatRequest::from_prompt("hello").edited(|request| request.seed = Some(7))
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_said_is_refused_by_name() {
    let error = orchestrator(false).process(request()).await.expect_err("it has no seed");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`seed` cannot be sent: it has no such field"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn where_the_user_allows_it_it_is_left_out_and_the_trace_says_so_once() {
    let outcome = orchestrator(true).process(request()).await.expect("the seed may be left out");
    let told: Vec<_> = Losses::in_trace(&outcome.trace).collect();
    assert_eq!(told, ["left out of what `careful` is asked: `seed`: it has no such field"]);
    let outcome = orchestrator(true).process("hello").await.expect("it is answered");
    assert!(!outcome.trace.iter().any(|sentence| sentence.contains("left out")));
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_it_before_its_first_piece() {
    let mut stream = orchestrator(true).process_stream(request()).expect("the seed may be left out");
    assert!(stream.left_out().is_empty());
    while !matches!(stream.next().await.expect("it goes on").expect("it is answered"), Event::Delta { .. }) {}
    let told = ["left out of what `careful` is asked: `seed`: it has no such field"];
    assert_eq!(stream.left_out(), told);
    let outcome = stream.outcome().await.expect("it is answered");
    assert_eq!(Losses::in_trace(&outcome.trace).collect::<Vec<_>>(), told);
}
