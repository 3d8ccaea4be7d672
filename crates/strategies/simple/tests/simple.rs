//! The strategy `simple`, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use ultraai_core::{
    AbandonReason, Analysis, Analyzer, AnalyzerRegistration, Answer, CallContext, Capabilities, ChatReply,
    ChatRequest, ChatResponse, ErrorKind, Event, FinishReason, Message, Method, ModelName, Options,
    OrchestratorBuilder, Part, Plugin, Provider, ProviderId, Registry, ResponseFormat, Result, Role, Run,
    ToolCall, async_trait, ledger::RowOutcome, orchestrator::ResponseStatus,
};
use ultraai_strategy_simple::{Simple, SimpleOrchestrator};
use ultraai_testkit::{Beat, Scripted, Step};

fn with(options: &Options, members: &[(&str, &Scripted)]) -> SimpleOrchestrator {
    let orchestrator = OrchestratorBuilder::new(Simple::default())
        .registry(Registry::builder().build())
        .seed(1)
        .options(options)
        .build()
        .unwrap();
    for (id, provider) in members {
        orchestrator.register_provider(id, (*provider).clone()).unwrap();
    }
    orchestrator
}

fn orchestrator(members: &[(&str, &Scripted)]) -> SimpleOrchestrator {
    with(&Options::default(), members)
}

fn options(set: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    set(&mut options);
    options
}

fn after(seconds: u64, text: &str) -> Step {
    Step::from(text).after(Duration::from_secs(seconds))
}

#[tokio::test(start_paused = true)]
async fn all_are_asked_together_and_the_first_writes_the_synthesis() {
    let one = Scripted::new([after(2, "red"), Step::from("both")]);
    let two = Scripted::new([after(3, "blue")]);
    let before = Instant::now();
    let outcome = orchestrator(&[("one", &one), ("two", &two)]).process("which?").await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(3));
    assert_eq!(
        (outcome.synthesis.response.as_str(), outcome.synthesis.method),
        ("both", Method::Synthesized)
    );
    assert_eq!(outcome.responses.iter().filter(|one| one.used).count(), 2);
    assert_eq!(outcome.ledger.rows.iter().filter(|row| row.outcome == RowOutcome::Won).count(), 3);
    let prompt = &one.requests()[1].messages;
    assert_eq!(prompt.iter().map(|message| message.role.clone()).collect::<Vec<_>>(), [Role::User]);
    let text = prompt[0].text();
    assert!(text.starts_with("which?") && text.contains("red") && text.contains("blue"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn one_after_the_other_takes_the_sum_of_the_times() {
    let (one, two) =
        (Scripted::new([after(2, "red"), Step::from("both")]), Scripted::new([after(3, "blue")]));
    let options = options(|options| options.parallel_requests = Some(false));
    let before = Instant::now();
    with(&options, &[("one", &one), ("two", &two)]).process("which?").await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_named_candidate_writes_the_synthesis() {
    let (one, two) = (Scripted::new(["red"]), Scripted::new(["blue", "both"]));
    let options = options(|options| options.synthesizer = Some(ProviderId::new("two").unwrap()));
    let outcome = with(&options, &[("one", &one), ("two", &two)]).process("which?").await.unwrap();
    assert_eq!(
        (outcome.synthesis.response.as_str(), outcome.synthesis.provider_id.as_str()),
        ("both", "two")
    );
}

#[tokio::test(start_paused = true)]
async fn a_synthesizer_that_is_not_there_is_refused_before_anybody_is_asked() {
    let one = Scripted::always("red");
    let options = options(|options| options.synthesizer = Some(ProviderId::new("tow").unwrap()));
    let error = with(&options, &[("one", &one), ("two", &one)]).process("which?").await.unwrap_err();
    assert!(error.to_string().contains("did you mean `two`?"), "{error}");
    assert_eq!(one.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_good_answer_is_returned_as_it_came() {
    let (one, two) = (Scripted::new([Step::fail(ErrorKind::ServerError)]), Scripted::new(["blue"]));
    let outcome = orchestrator(&[("one", &one), ("two", &two)]).process("which?").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), outcome.synthesis.method), ("blue", Method::Chosen));
}

#[tokio::test(start_paused = true)]
async fn a_synthesis_that_fails_degrades_to_the_best_answer_and_says_so() {
    for step in [
        Step::fail(ErrorKind::ServerError),
        ChatResponse::from_text("bo").with_finish_reason(FinishReason::Length).into(),
    ] {
        let (one, two) = (Scripted::new([Step::from("red"), step]), Scripted::new(["blue"]));
        let outcome = orchestrator(&[("one", &one), ("two", &two)]).process("which?").await.unwrap();
        assert_eq!(
            (outcome.synthesis.response.as_str(), outcome.synthesis.method),
            ("red", Method::Degraded)
        );
        assert!(outcome.trace.iter().any(|line| line.contains("without a synthesis")), "{:?}", outcome.trace);
        assert_eq!(outcome.ledger.rows[1].outcome, RowOutcome::Lost, "blue was not used");
    }
}

#[tokio::test(start_paused = true)]
async fn too_few_answers_are_an_error_with_each_ones_own() {
    let members = [
        ("one", &Scripted::new([Step::fail(ErrorKind::Authentication)])),
        ("two", &Scripted::new(["blue"])),
        ("three", &Scripted::new([Step::fail(ErrorKind::Overloaded)])),
    ];
    let options = options(|options| options.min_responses_needed = Some(2));
    let error = with(&options, &members).process("which?").await.unwrap_err();
    assert_eq!(error.to_string(), "2 good answers needed, 1 came");
    let causes: Vec<_> =
        error.causes().iter().map(|cause| (cause.provider().unwrap().as_str(), cause.kind())).collect();
    assert_eq!(causes, [("one", ErrorKind::Authentication), ("three", ErrorKind::Overloaded)]);
    assert_eq!(error.report().unwrap().ledger.rows[1].outcome, RowOutcome::Lost);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_cannot_come_costs_nothing() {
    let one = Scripted::always("red");
    let options = options(|options| options.min_responses_needed = Some(2));
    let error = with(&options, &[("one", &one)]).process("which?").await.unwrap_err();
    assert_eq!(error.to_string(), "2 good answers needed, and only 1 can be asked for");
    assert_eq!(one.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_off_at_its_length_counts_to_no_quorum() {
    let cut = || Scripted::new([ChatResponse::from_text("bl").with_finish_reason(FinishReason::Length)]);
    let quorum = options(|options| options.min_responses_needed = Some(1));
    let error = with(&quorum, &[("one", &cut())]).process("which?").await.unwrap_err();
    assert_eq!(error.causes()[0].kind(), ErrorKind::NoGoodAnswer);
    let outcome = orchestrator(&[("one", &cut())]).process("which?").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), outcome.synthesis.method), ("bl", Method::Degraded));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_hangs_does_not_take_the_synthesis_with_it() {
    let one = Scripted::new([Step::from("red"), Step::from("both")]);
    let (two, three) = (Scripted::new([Step::hang()]), Scripted::new(["blue"]));
    let options = options(|options| options.timeout_seconds = Some(30.0));
    let before = Instant::now();
    let outcome =
        with(&options, &[("one", &one), ("two", &two), ("three", &three)]).process("which?").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), before.elapsed()), ("both", Duration::from_secs(20)));
    assert_eq!(outcome.responses[1].status, ResponseStatus::Failed);
}

#[tokio::test(start_paused = true)]
async fn one_after_the_other_each_has_its_share_of_the_time() {
    let (one, two) = (Scripted::new([Step::hang()]), Scripted::new(["blue"]));
    let options = options(|options| {
        options.timeout_seconds = Some(30.0);
        options.parallel_requests = Some(false);
    });
    let before = Instant::now();
    let outcome = with(&options, &[("one", &one), ("two", &two)]).process("which?").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), before.elapsed()), ("blue", Duration::from_secs(10)));
}

#[tokio::test(start_paused = true)]
async fn early_stopping_gives_the_rest_up() {
    let (one, two) = (Scripted::new([Step::hang()]), Scripted::new(["blue"]));
    let options = options(|options| options.use_early_stopping = Some(true));
    let outcome = with(&options, &[("one", &one), ("two", &two)]).process("which?").await.unwrap();
    assert_eq!(outcome.synthesis.response, "blue");
    assert_eq!(outcome.ledger.rows[0].reason, Some(AbandonReason::EnoughAnswers));
}

#[tokio::test(start_paused = true)]
async fn answers_that_must_be_one_models_own_are_chosen_and_not_mixed() {
    let call = |city: &str| {
        let mut response = ChatResponse::default();
        response.content =
            vec![Part::ToolCall(ToolCall::new("id", "weather", format!("{{\"city\":\"{city}\"}}")))];
        response
    };
    let members = [
        ("one", &Scripted::new([call("Rome")])),
        ("two", &Scripted::new([call("Oslo")])),
        ("three", &Scripted::new([call("Oslo")])),
    ];
    let mut request = ChatRequest::new(vec![Message::user("which?")]);
    request.response_format = Some(ResponseFormat::JsonObject);
    let outcome = orchestrator(&members).process(request).await.unwrap();
    assert_eq!((outcome.synthesis.provider_id.as_str(), outcome.synthesis.method), ("two", Method::Chosen));
}

#[derive(Debug)]
struct Counting;

#[async_trait]
impl Analyzer for Counting {
    fn name(&self) -> &'static str {
        "comparative"
    }

    async fn analyze(&self, _: &Run, _: &ChatRequest, answers: &[Answer]) -> Result<Analysis> {
        Ok(Analysis::new("comparative", format!("there are {} answers", answers.len())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_linked_analyzer_is_heard_by_the_synthesis() {
    let row = AnalyzerRegistration::new("comparative", || Arc::new(Counting)).from_package("test", "0.1.0");
    let registry = Registry::builder().plugin(Plugin::Analyzer(row)).unwrap().build();
    let orchestrator =
        OrchestratorBuilder::new(Simple::default()).registry(registry).seed(1).build().unwrap();
    let one = Scripted::new(["red", "both"]);
    orchestrator.register_provider("one", one.clone()).unwrap();
    orchestrator.register_provider("two", Scripted::new(["blue"])).unwrap();
    let outcome = orchestrator.process("which?").await.unwrap();
    assert_eq!(outcome.analysis.unwrap().summary, "there are 2 answers");
    assert!(one.requests()[1].messages[0].text().contains("there are 2 answers"));
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_the_only_candidate_is_handed_on_while_it_is_made() {
    let one = Scripted::new([Step::streamed(["re", "d"])]);
    let mut stream = orchestrator(&[("one", &one)]).process_stream("which?").unwrap();
    let mut pieces = Vec::new();
    while let Some(event) = stream.next().await {
        if let Event::Delta { delta: ultraai_core::Delta::Text(more) } = event.unwrap() {
            pieces.push(more);
        }
    }
    assert_eq!(pieces, ["re", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_synthesis_that_repeats_the_frame_of_its_prompt_is_no_answer() {
    #[derive(Debug, Clone)]
    struct Parrot;
    #[async_trait]
    impl Provider for Parrot {
        fn name(&self) -> &'static str {
            "parrot"
        }
        fn capabilities(&self, _: &ModelName) -> Capabilities {
            Capabilities::default()
        }
        async fn chat(&self, _: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
            Ok(ChatReply::whole(ChatResponse::from_text(request.messages[0].text())))
        }
    }
    let orchestrator = orchestrator(&[]);
    orchestrator.register_provider("parrot", Parrot).unwrap();
    orchestrator.register_provider("two", Scripted::new(["blue"])).unwrap();
    let outcome = orchestrator.process("which?").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), outcome.synthesis.method), ("which?", Method::Degraded));
}

#[tokio::test(start_paused = true)]
async fn the_synthesis_is_streamed_and_taken_back_when_it_breaks() {
    let one = Scripted::new([Step::from("red"), Step::live([Beat::from("bo")])]);
    let mut stream =
        orchestrator(&[("one", &one), ("two", &Scripted::new(["blue"]))]).process_stream("which?").unwrap();
    let mut text = String::new();
    let mut taken_back = 0;
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            Event::Delta { delta: ultraai_core::Delta::Text(more) } => text.push_str(&more),
            Event::Discarded { .. } => {
                taken_back += 1;
                text.clear();
            }
            _ => {}
        }
    }
    assert_eq!((text.as_str(), taken_back), ("red", 1));
}
