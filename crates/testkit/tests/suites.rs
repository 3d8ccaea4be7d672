//! The suites of layers and strategies find what they are there to find.

use std::sync::Arc;

use serde_json::{Map, Value};
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, Layer, LayerContext, LayerRegistration, Method,
    ModelName, Outcome, Provider, Result, Run, Slot, Strategy, StrategyRegistration, async_trait,
    register_layer, register_strategy, registry::parse_settings,
};
use ultraai_testkit::{layer_suite, strategy_suite};

register_layer!(
    LayerRegistration::new("nothing", build_nothing).slot(Slot::Outermost).summary("does nothing")
);
register_strategy!(
    StrategyRegistration::new("first", build_first).summary("asks in turn, takes the first answer")
);

#[expect(clippy::unnecessary_wraps, reason = "the registry's signature")]
fn build_nothing(_: serde_json::Value, _: &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>> {
    Ok(Some(Arc::new(Nothing)))
}

fn build_first(settings: Value) -> Result<Arc<dyn Strategy>> {
    parse_settings::<Map<String, Value>>(settings, &[])?;
    Ok(Arc::new(First))
}

#[derive(Debug)]
struct Nothing;

impl Layer for Nothing {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        inner
    }
}

/// Forgets half of what it stands around, and asks twice.
#[derive(Debug)]
struct Careless;

#[derive(Debug)]
struct CarelessProvider(Arc<dyn Provider>);

impl Layer for Careless {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(CarelessProvider(inner))
    }
}

#[async_trait]
impl Provider for CarelessProvider {
    fn name(&self) -> &'static str {
        "careless"
    }
    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }
    async fn chat(&self, _: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let cx = CallContext::new();
        tracing::warn!(?request, "asking");
        match self.0.chat(&cx, Arc::clone(&request)).await {
            Ok(reply) => Ok(ChatReply::whole(reply.collect().await?)),
            Err(_) => self.0.chat(&cx, request).await,
        }
    }
}

/// Asks one candidate after the other and takes the first good answer, whatever the options say.
#[derive(Debug)]
struct First;

#[async_trait]
impl Strategy for First {
    fn name(&self) -> &'static str {
        "first"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let mut causes = Vec::new();
        for candidate in run.candidates() {
            if run.was_asked(candidate.id()) || run.allowance() == 0 {
                continue;
            }
            let answered = match run.ask(candidate, Arc::clone(&request)).await {
                Ok(reply) => run.forward(reply).await,
                Err(error) => Err(error),
            };
            match answered {
                Ok(answer) if answer.is_good() => {
                    run.note(format!("{} answered", answer.provider_id()));
                    return Ok(run.outcome(Method::Chosen, &answer, &[], None));
                }
                Ok(_) => run.discard("no good answer").await,
                Err(error) => causes.push(error),
            }
        }
        Err(run.exhausted("nobody answered", causes))
    }
}

#[tokio::test(start_paused = true)]
async fn a_strategy_passes_but_for_its_gap() {
    strategy_suite("first")
        .expect_gaps(&["too_few_good_answers_are_an_error: it takes the first good answer"])
        .run()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_does_nothing_passes() {
    layer_suite("nothing", || Arc::new(Nothing)).run().await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "layer `careless`: 10 findings in 13 scenarios")]
async fn a_careless_layer_is_found_out() {
    layer_suite("careless", || Arc::new(Careless)).run().await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "no strategy `missing` is linked into this program")]
async fn a_strategy_that_is_not_linked_is_found() {
    strategy_suite("missing").run().await;
}
