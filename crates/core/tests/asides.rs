//! What is asked besides the answers, and what is refused before anybody is asked.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use ultraai_core::{
    Answer, Ask, Capabilities, ChatRequest, ErrorKind, Media, MediaSource, Message, Method, Options,
    OrchestratorBuilder, Outcome, Part, ProviderSpec, RequestOptions, Result, Role, Run, Strategy, Support,
    async_trait,
};
use ultraai_testkit::{Scripted, Step};

/// Asks all, and lets the candidate `judge` make one answer of theirs; without one the first is returned.
#[derive(Debug, Default)]
struct Judged;

#[async_trait]
impl Strategy for Judged {
    fn name(&self) -> &'static str {
        "judged"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let judge = run.candidate(&"judge".try_into().unwrap())?;
        let mut panel = run.panel(
            run.candidates()
                .iter()
                .filter(|candidate| *candidate.id() != *"judge")
                .map(|candidate| Ask::new(candidate, &request)),
        );
        let mut answers: Vec<Answer> = Vec::new();
        while let Some(answer) = panel.next().await {
            answers.push(answer.result?);
        }
        drop(panel);
        match run.synthesize(&judge, &answers, None).await {
            Ok(answer) => Ok(run.outcome(Method::Synthesized, &answer, &answers, None)),
            Err(_) => Ok(run.outcome(Method::Degraded, &answers[0], &[], None)),
        }
    }
}

/// Delegates with a synthesizer that is not there.
#[derive(Debug, Default)]
struct Misled;

#[async_trait]
impl Strategy for Misled {
    fn name(&self) -> &'static str {
        "misled"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let over =
            Options::default().edited(|options| options.synthesizer = Some("nobody".try_into().unwrap()));
        run.delegate(&Judged, &over, request).await
    }
}

fn judge(capabilities: Capabilities) -> Scripted {
    Scripted::always("judged").with_capabilities(capabilities)
}

fn windowed(tokens: u64) -> Capabilities {
    let mut capabilities = Capabilities::default();
    capabilities.context_window = Some(tokens);
    capabilities
}

/// What comes of two long answers to `request` under this judge.
async fn judged(judge: Scripted, request: ChatRequest) -> Outcome {
    let orchestrator = OrchestratorBuilder::new(Judged).max_retries(0).build().unwrap();
    orchestrator.register_provider("one", Scripted::always("red ".repeat(300).as_str())).unwrap();
    orchestrator.register_provider("two", Scripted::always("blue ".repeat(300).as_str())).unwrap();
    orchestrator.register_provider("judge", ProviderSpec::from(judge).model("small")).unwrap();
    orchestrator.process(request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_synthesis_is_not_made_of_answers_that_do_not_fit() {
    let request = || ChatRequest::from_prompt("which color?").with_max_tokens(100);
    for (window, method, sentence) in [
        (8000, Method::Synthesized, None),
        (700, Method::Synthesized, Some("the answers were shortened to fit the context window of judge")),
        (300, Method::Degraded, Some("judge was not asked for a synthesis: a context window of 300 tokens")),
    ] {
        let outcome = judged(judge(windowed(window)), request()).await;
        assert_eq!(outcome.synthesis.method, method, "{window} {:?}", outcome.trace);
        let said = |start: &str| outcome.trace.iter().any(|sentence| sentence.starts_with(start));
        assert!(sentence.is_none_or(said), "{window} {:?}", outcome.trace);
    }
    let outcome = judged(judge(windowed(8000)), request().with_max_tokens(u64::MAX)).await;
    assert_eq!(outcome.synthesis.method, Method::Degraded);
}

#[tokio::test(start_paused = true)]
async fn who_cannot_take_the_request_is_not_asked_aside_either() {
    let mut blind = Capabilities::default();
    blind.images = Support::No;
    let image = Part::Image(Media::new(MediaSource::Url("https://example.com/a.png".into())));
    let request = ChatRequest::new(vec![Message::new(Role::User, vec![Part::text("what is it?"), image])]);
    let outcome = judged(judge(blind), request).await;
    assert_eq!(outcome.synthesis.method, Method::Degraded);
    let sentence = "judge was not asked for a synthesis: it cannot take images";
    assert!(outcome.trace.iter().any(|said| said == sentence), "{:?}", outcome.trace);
    assert_eq!(outcome.ledger.rows.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_delegated_run_refuses_names_before_anybody_is_asked() {
    let orchestrator = OrchestratorBuilder::new(Misled).max_retries(0).build().unwrap();
    orchestrator.register_provider("one", Scripted::always("yes")).unwrap();
    let error = orchestrator.process("hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`nobody`"), "{error}");
    assert_eq!(error.report().unwrap().ledger.rows.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_never_began_and_equal_seeds_make_no_equal_ids() {
    let orchestrator = OrchestratorBuilder::new(Judged).max_retries(0).build().unwrap();
    orchestrator.register_provider("judge", Scripted::new([Step::from("yes")])).unwrap();
    let nobody = RequestOptions::default().with_providers(vec!["nobody".try_into().unwrap()]);
    orchestrator.process_with("hello", nobody).await.unwrap_err();
    let requests = orchestrator.stats().requests;
    assert_eq!((requests.started, requests.abandoned, requests.in_flight), (0, 0, 0));

    orchestrator.register_provider("one", Scripted::always("yes")).unwrap();
    orchestrator.register_provider("judge", Scripted::always("yes")).unwrap();
    let ids = async || {
        let seeded = RequestOptions::default().with_seed(7);
        orchestrator.process_with("hello", seeded).await.unwrap().request_id
    };
    assert_ne!(ids().await, ids().await);
}
