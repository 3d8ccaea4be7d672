//! What an application sees of its requests: prices, tokens, measurements, spans, counters.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use ultraai_core::{
    Candidate, ChatEvent, ChatRequest, ChatResponse, Cost, Delivery, ErrorKind, Meter, Method, ModelName,
    Options, Orchestrator, OrchestratorBuilder, Outcome, Plugin, Price, PriceSource, Provider,
    ProviderRegistration, Purse, Registry, RequestOptions, Result, Run, Selector, SelectorRegistration,
    Strategy, Tokenizer, TokenizerRegistration, Usage, UsageSource, async_trait,
    metrics::{INSTRUMENTS, Measurement},
    provider,
};
use ultraai_testkit::{Beat, Scripted, Step, captured};

/// Asks the first candidate and returns its answer.
#[derive(Debug, Default)]
struct First;

#[async_trait]
impl Strategy for First {
    fn name(&self) -> &'static str {
        "first"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let answer = run.forward(run.ask(&run.candidates()[0], request).await?).await?;
        Ok(run.outcome(Method::Chosen, &answer, &[], None))
    }
}

/// Lets `First` answer, from the order of `backwards`, with at most one candidate.
#[derive(Debug, Default)]
struct Delegating;

#[async_trait]
impl Strategy for Delegating {
    fn name(&self) -> &'static str {
        "delegating"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        run.note("delegated");
        let mut over = Options::default();
        over.selector = Some("backwards".into());
        over.max_providers_per_request = Some(1);
        run.delegate(&First, &over, request).await
    }
}

#[derive(Debug)]
struct Backwards;

impl Selector for Backwards {
    fn name(&self) -> &'static str {
        "backwards"
    }

    fn order(&self, _: &ChatRequest, candidates: &mut [Arc<Candidate>], _: u64) {
        candidates.reverse();
    }
}

#[derive(Debug)]
struct Words;

impl Tokenizer for Words {
    fn name(&self) -> &'static str {
        "words"
    }

    fn count(&self, model: &str, text: &str) -> Option<u64> {
        (model == "known").then(|| text.split_whitespace().count() as u64)
    }

    fn is_ready(&self, _: &str) -> bool {
        false
    }
}

/// Knows one model of one provider.
#[derive(Debug)]
struct OnePrice;

impl PriceSource for OnePrice {
    fn name(&self) -> &'static str {
        "one"
    }

    fn price(&self, provider: &str, model: &str, _: SystemTime) -> Option<Price> {
        ((provider, model) == ("acme", "known")).then(|| Price::new(1_000_000_000, 2_000_000_000))
    }
}

/// Keeps what it is told: instrument, value, attributes.
#[derive(Clone, Debug, Default)]
struct Notebook(Arc<Mutex<Vec<Line>>>);

type Line = (&'static str, f64, BTreeMap<&'static str, String>);

impl Meter for Notebook {
    fn record(&self, measurement: &Measurement<'_>) {
        let attributes =
            measurement.attributes.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        self.0.lock().unwrap().push((measurement.instrument.name, measurement.value, attributes));
    }
}

const ACME: &[ProviderRegistration] = &[ProviderRegistration::new("acme", |_, _, _| {
    let usage = Usage::reported(1000, 10);
    Ok(Arc::new(Scripted::new([Step::whole(ChatResponse::from_text("yes").with_usage(usage))]))
        as Arc<dyn Provider>)
})
.base_url(Some("https://acme.example/v1"))
.from_package("acme", "1.0.0")];

fn registry() -> Arc<Registry> {
    Registry::builder()
        .plugin(Plugin::Providers(ACME))
        .and_then(|builder| {
            let words = TokenizerRegistration::new("words", || Arc::new(Words));
            builder.plugin(Plugin::Tokenizer(words.from_package("words", "1.0.0")))
        })
        .and_then(|builder| {
            let backwards = SelectorRegistration::new("backwards", || Arc::new(Backwards));
            builder.plugin(Plugin::Selector(backwards.from_package("backwards", "1.0.0")))
        })
        .unwrap()
        .build()
}

fn builder() -> OrchestratorBuilder<First> {
    OrchestratorBuilder::new(First).registry(registry()).prices(OnePrice).seed(1).max_retries(0)
}

async fn cost_of(spec: ultraai_core::ProviderSpec) -> Cost {
    let orchestrator = builder().build().unwrap();
    orchestrator.register_provider("acme", spec).unwrap();
    orchestrator.process("hello").await.unwrap().ledger.totals.cost()
}

#[tokio::test(start_paused = true)]
async fn a_price_is_found_by_provider_and_model_and_the_users_own_goes_over_it() {
    let acme = || provider("acme").model("known");
    // A thousand tokens at $1 a million, ten at $2.
    assert_eq!(cost_of(acme()).await, Cost::NanoDollars(1_020_000));
    assert_eq!(cost_of(acme().price(0.0, 1.0)).await, Cost::NanoDollars(10_000));
    assert_eq!(cost_of(provider("acme").model("other")).await, Cost::Unknown);
    assert_eq!(cost_of(acme().base_url("https://acme.example/v2")).await, Cost::NanoDollars(1_020_000));
    // The application means its own prices wherever the provider is.
    assert_eq!(cost_of(acme().base_url("http://localhost:8080/v1")).await, Cost::NanoDollars(1_020_000));
}

/// Prices everything at a hundred dollars a million tokens.
#[derive(Debug)]
struct Dear;

impl PriceSource for Dear {
    fn name(&self) -> &'static str {
        "dear"
    }

    fn price(&self, _: &str, _: &str, _: SystemTime) -> Option<Price> {
        Some(Price::new(100_000_000_000, 100_000_000_000))
    }
}

#[tokio::test(start_paused = true)]
async fn a_linked_source_is_asked_last_and_not_where_another_address_has_other_prices() {
    let dear = ultraai_core::PricesRegistration::new("dear", || Arc::new(Dear)).from_package("dear", "1.0.0");
    let registry = Registry::builder()
        .plugin(Plugin::Providers(ACME))
        .and_then(|builder| builder.plugin(Plugin::Prices(dear)))
        .unwrap()
        .build();
    let cost = async |spec: ultraai_core::ProviderSpec| {
        let builder = OrchestratorBuilder::new(First).registry(Arc::clone(&registry)).prices(OnePrice);
        let orchestrator = builder.max_retries(0).build().unwrap();
        orchestrator.register_provider("acme", spec).unwrap();
        orchestrator.process("hello").await.unwrap().ledger.totals.cost()
    };
    // The application's price of the model that was asked goes over a linked one of the model that answered.
    assert_eq!(cost(provider("acme").model("known")).await, Cost::NanoDollars(1_020_000));
    assert_eq!(cost(provider("acme").model("other")).await, Cost::NanoDollars(101_000_000));
    let elsewhere = || provider("acme").base_url("http://localhost:8080/v1");
    assert_eq!(cost(elsewhere().model("known")).await, Cost::NanoDollars(1_020_000));
    assert_eq!(cost(elsewhere().model("other")).await, Cost::Unknown);
}

#[tokio::test(start_paused = true)]
async fn what_was_reported_of_an_answer_that_is_an_error_is_billed() {
    let partial = ChatResponse::default().with_usage(Usage::reported(1000, 5000));
    let overloaded =
        ultraai_core::Error::new(ErrorKind::Overloaded, "broken off").with_partial(partial.clone());
    let empty = Step::whole(ChatResponse::from_text("").with_usage(Usage::reported(1000, 5000)));
    let live = Step::live([Beat::from(ChatEvent::Usage(Usage::reported(1000, 5000))), Beat::finished()]);
    for (step, live) in [(Step::from(overloaded), false), (empty, false), (live, true)] {
        let orchestrator = builder().build().unwrap();
        let scripted = ultraai_core::ProviderSpec::from(Scripted::new([step])).price(1.0, 10.0);
        orchestrator.register_provider("one", scripted).unwrap();
        let delivery = if live { Delivery::Live } else { Delivery::Whole };
        let error = orchestrator
            .process(ChatRequest::from_prompt("hello").with_delivery(delivery))
            .await
            .unwrap_err();
        let row = error.report().unwrap().ledger.rows[0].clone();
        assert_eq!(row.usage, Some(Usage::reported(1000, 5000)));
        assert_eq!(row.cost, Cost::NanoDollars(51_000_000));
    }
}

#[tokio::test(start_paused = true)]
async fn the_input_that_was_reported_early_stays_when_the_answer_breaks_off() {
    let mut early = Usage::reported(50_000, 1);
    early.cache_read = Some(40_000);
    let beats = [
        Beat::from(ChatEvent::Usage(early)),
        Beat::from("a piece of an answer"),
        Beat::fail(ErrorKind::Interrupted),
    ];
    let orchestrator = builder().build().unwrap();
    orchestrator.register_provider("one", Scripted::new([Step::live(beats)])).unwrap();
    let request = ChatRequest::from_prompt("hello").with_delivery(Delivery::Live);
    let error = orchestrator.process(request).await.unwrap_err();
    let usage = error.report().unwrap().ledger.rows[0].usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cache_read, usage.output_tokens), (50_000, Some(40_000), 5));
    assert_eq!(usage.source, UsageSource::Estimated);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_no_tokens_is_not_believed() {
    let whole = Step::whole(ChatResponse::from_text("an answer").with_usage(Usage::reported(9, 0)));
    let beats = [Beat::from("an answer"), ChatEvent::Usage(Usage::reported(9, 0)).into(), Beat::finished()];
    for (step, delivery) in [(whole, Delivery::Whole), (Step::live(beats), Delivery::Live)] {
        let orchestrator = builder().build().unwrap();
        orchestrator.register_provider("one", Scripted::new([step])).unwrap();
        let request = ChatRequest::from_prompt("hello").with_delivery(delivery);
        let usage = orchestrator.process(request).await.unwrap().ledger.rows[0].usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (9, 3), "{delivery:?}");
        assert_eq!(usage.source, UsageSource::Estimated);
    }
}

/// Delegates to a panel that begins late, within one second and without content in its spans.
#[derive(Debug, Default)]
struct Hurried;

/// Asks the first candidate in half a minute.
#[derive(Debug, Default)]
struct Late;

#[async_trait]
impl Strategy for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let ask = ultraai_core::Ask::new(&run.candidates()[0], &request).start_after(Duration::from_secs(30));
        let answer = run.panel([ask]).next().await.unwrap().result?;
        Ok(run.outcome(Method::Chosen, &answer, &[], None))
    }
}

#[async_trait]
impl Strategy for Hurried {
    fn name(&self) -> &'static str {
        "hurried"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let mut over = Options::default();
        over.timeout_seconds = Some(1.0);
        let error = run.delegate(&Late, &over, Arc::clone(&request)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(run.context().ledger().report().rows.len(), 0);
        let mut over = Options::default();
        over.capture_message_content = Some(false);
        run.delegate(&First, &over, request).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_delegated_run_keeps_its_own_deadline_and_its_own_silence() {
    let (before, text) = captured(async {
        let base = builder().capture_message_content(true).build().unwrap().base().clone();
        let orchestrator = Orchestrator::new(base, Hurried);
        orchestrator.register_provider("one", Scripted::new(["an answer of clover"])).unwrap();
        let before = tokio::time::Instant::now();
        orchestrator.process("a prompt of zebras").await.unwrap();
        before.elapsed()
    })
    .await;
    assert_eq!(before, Duration::from_secs(1));
    assert!(!text.contains("zebras") && !text.contains("clover"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_captured_live_answer_keeps_its_parts_apart() {
    let ((), text) = captured(async {
        let orchestrator = builder().capture_message_content(true).build().unwrap();
        let beats = [
            Beat::from(ChatEvent::Delta(ultraai_core::Delta::Reasoning("a thought".into()))),
            Beat::from("an answer"),
            Beat::finished(),
        ];
        orchestrator.register_provider("one", Scripted::new([Step::live(beats)])).unwrap();
        let request = ChatRequest::from_prompt("hello").with_delivery(Delivery::Live);
        orchestrator.process(request).await.unwrap();
    })
    .await;
    assert!(text.contains(r#"{"content":"a thought","type":"reasoning"}"#), "{text}");
    assert!(text.contains(r#"{"content":"an answer","type":"text"}"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn tokens_that_nobody_reported_are_counted_where_the_model_is_known() {
    for (model, output) in [("known", 3), ("other", 5)] {
        for live in [false, true] {
            let orchestrator = builder().build().unwrap();
            let step = match live {
                true => Step::live([Beat::from("one two "), "threeeeeeee".into(), Beat::finished()]),
                false => Step::whole(ChatResponse::from_text("one two threeeeeeee")),
            };
            let scripted = Scripted::new([step]);
            orchestrator.register_provider("one", scripted).unwrap();
            let mut request = ChatRequest::from_prompt("hello there");
            request.model = Some(ModelName::new(model).unwrap());
            let request = request.with_delivery(if live { Delivery::Live } else { Delivery::Whole });
            let outcome = orchestrator.process(request).await.unwrap();
            let usage = outcome.ledger.rows[0].usage.unwrap();
            assert_eq!(
                (usage.output_tokens, usage.source),
                (output, UsageSource::Estimated),
                "{model} {live}"
            );
            assert_eq!(outcome.ledger.totals.estimated.output_tokens, output);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_broke_off_does_not_wait_for_a_tokenizer() {
    let orchestrator = builder().build().unwrap();
    let beats = [Beat::from("one two threeeeeeee"), Beat::fail(ErrorKind::Interrupted)];
    orchestrator.register_provider("one", Scripted::new([Step::live(beats)])).unwrap();
    let mut request = ChatRequest::from_prompt("hello").with_delivery(Delivery::Live);
    request.model = Some(ModelName::new("known").unwrap());
    let error = orchestrator.process(request).await.unwrap_err();
    assert_eq!(error.report().unwrap().ledger.rows[0].usage.unwrap().output_tokens, 5);
}

#[tokio::test(start_paused = true)]
async fn a_meter_gets_every_attempt_and_every_request_in_the_conventions_words() {
    let notebook = Notebook::default();
    let orchestrator = builder().meter(notebook.clone()).build().unwrap();
    let fails =
        Step::from(ultraai_core::Error::new(ErrorKind::Overloaded, "busy")).after(Duration::from_secs(2));
    orchestrator.register_provider("acme", provider("acme").model("known")).unwrap();
    orchestrator.process("hello").await.unwrap();
    let slow = Step::from("late").after(Duration::from_secs(9));
    orchestrator.reconfigure_provider("acme", Scripted::new([fails, slow])).unwrap();
    orchestrator.process("hello").await.unwrap_err();
    assert!(tokio::time::timeout(Duration::from_secs(1), orchestrator.process("hello")).await.is_err());

    let seen = notebook.0.lock().unwrap().clone();
    assert!(seen.iter().all(|(name, ..)| INSTRUMENTS.iter().any(|known| known.name == *name)));
    let of = |name: &str| seen.iter().filter(|(seen, ..)| *seen == name).collect::<Vec<_>>();
    let attempts = of("gen_ai.client.operation.duration");
    assert_eq!(attempts.iter().map(|(_, value, _)| *value).collect::<Vec<_>>(), [0.0, 2.0, 1.0]);
    assert_eq!(attempts[0].2["ultraai.outcome"], "answered");
    assert_eq!(attempts[0].2["gen_ai.request.model"], "known");
    assert_eq!((&*attempts[1].2["ultraai.outcome"], &*attempts[1].2["error.type"]), ("failed", "overloaded"));
    let tokens: Vec<_> = of("gen_ai.client.token.usage").iter().map(|(_, value, _)| *value).collect();
    assert_eq!(tokens[..4], [1000.0, 10.0, 0.0, 0.0]);
    assert!((of("ultraai.client.cost")[0].1 - 0.001_02).abs() < 1e-12);
    let requests = of("gen_ai.workflow.duration");
    assert_eq!(requests.iter().map(|(_, value, _)| *value).collect::<Vec<_>>(), [0.0, 2.0, 1.0]);
    assert_eq!(requests[2].2["error.type"], "cancelled");
    assert_eq!(requests[1].2["gen_ai.workflow.name"], "first");
    assert!(requests[1].2.contains_key("error.type"));
}

#[tokio::test(start_paused = true)]
async fn spans_hold_content_only_where_it_was_asked_for() {
    for asked in [false, true] {
        let ((), text) = captured(async {
            let orchestrator = builder().capture_message_content(asked).build().unwrap();
            orchestrator.register_provider("acme", Scripted::new(["an answer of clover"])).unwrap();
            orchestrator.process("a prompt of zebras").await.unwrap();
        })
        .await;
        assert_eq!(text.contains("zebras"), asked, "{text}");
        assert_eq!(text.contains("clover"), asked, "{text}");
        assert!(text.contains("invoke_workflow") && text.contains("gen_ai.operation.name"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_how_they_ended() {
    let orchestrator = builder().build().unwrap();
    let slow = Step::from("late").after(Duration::from_secs(9));
    let fails = Step::from(ultraai_core::Error::new(ErrorKind::Overloaded, "busy"));
    orchestrator.register_provider("one", Scripted::new([Step::from("yes"), fails, slow])).unwrap();
    orchestrator.process("hello").await.unwrap();
    orchestrator.process("hello").await.unwrap_err();
    assert!(tokio::time::timeout(Duration::from_secs(1), orchestrator.process("hello")).await.is_err());
    let stats = orchestrator.stats();
    let requests = stats.requests;
    assert_eq!((requests.started, requests.answered, requests.failed), (3, 1, 1));
    assert_eq!((requests.abandoned, requests.in_flight), (1, 0));
    assert_eq!(stats.provider("one").unwrap().abandoned, 1);
}

#[tokio::test(start_paused = true)]
async fn a_strategy_delegates_within_the_same_books() {
    let orchestrator = Orchestrator::new(builder().build().unwrap().base().clone(), Delegating);
    for id in ["one", "two"] {
        orchestrator.register_provider(id, Scripted::always(id)).unwrap();
    }
    let outcome = orchestrator.process("hello").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), &*outcome.strategy), ("two", "delegating"));
    assert_eq!((outcome.responses.len(), outcome.ledger.rows.len()), (1, 1));
    assert!(outcome.trace.iter().any(|sentence| sentence == "delegated"), "{:?}", outcome.trace);
    assert!(outcome.trace.iter().any(|sentence| sentence.contains("`backwards`")), "{:?}", outcome.trace);
}

#[tokio::test(start_paused = true)]
async fn a_selector_is_named_by_the_orchestrator_or_by_the_request() {
    let orchestrator = builder().build().unwrap();
    for id in ["one", "two"] {
        orchestrator.register_provider(id, Scripted::always(id)).unwrap();
    }
    let mut options = Options::default();
    for (selector, first) in [("priority", "one"), ("backwards", "two")] {
        options.selector = Some(selector.into());
        let outcome = orchestrator.process_with("hello", options.clone()).await.unwrap();
        assert_eq!(outcome.synthesis.response, first);
    }
    options.selector = Some("backward".into());
    let error = orchestrator.process_with("hello", options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("did you mean `backwards`?"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_has_the_id_of_its_spans() {
    let (outcome, text) = captured(async {
        let orchestrator = builder().build().unwrap();
        orchestrator.register_provider("one", Scripted::always("yes")).unwrap();
        orchestrator.process("hello").await.unwrap()
    })
    .await;
    assert!(text.contains(&outcome.request_id.to_string()), "{text}");
    let json = serde_json::to_string(&outcome).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
}

#[tokio::test(start_paused = true)]
async fn a_purse_without_a_limit_counts_what_is_spent_and_one_with_a_limit_needs_the_layer_that_keeps_it() {
    let orchestrator = builder().build().unwrap();
    orchestrator.register_provider("a", provider("acme").model("known")).unwrap();
    let ask =
        |purse: &Purse| orchestrator.process_with("hi", RequestOptions::default().with_purse(purse.clone()));
    let purse = Purse::unlimited();
    ask(&purse).await.unwrap();
    assert_eq!(purse.spent(), 1_000 * 1_000 + 10 * 2_000);
    let error = ask(&Purse::of(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("`purse`") && error.message().contains("`budget`"), "{error}");
}
