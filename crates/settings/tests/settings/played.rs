//! The settings with other providers in the place of those that stand there.

use std::sync::Arc;

use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, ErrorKind, ModelName, Provider, Result,
    async_trait,
};

use crate::support::load;

/// Answers whatever it is asked.
#[derive(Debug)]
struct Actor;

#[async_trait]
impl Provider for Actor {
    fn name(&self) -> &'static str {
        "actor"
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, _: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
        Ok(ChatReply::whole(ChatResponse::from_text("hello")))
    }
}

#[tokio::test]
async fn one_that_plays_a_provider_has_its_model_its_weight_and_its_price_and_needs_no_key() {
    let text = "[providers.a]\ntype = \"acme\"\nweight = 2\nfallbacks = [\"b\"]\n[providers.b]\ntype = \"zeta\"\nmodel = \"z\"\n[prices.acme]\n\"acme-1\" = { input = 1, output = 2 }\n";
    let settings = load(text).await.unwrap();
    assert_eq!(settings.build().unwrap_err().kind(), ErrorKind::Config, "no key is set");
    let orchestrator =
        settings.build_with(|builder| builder.seed(1), |_, spec| spec.played_by(Actor)).unwrap();
    let candidates = orchestrator.candidates();
    let [a, b] = &candidates[..] else { panic!("{candidates:?}") };
    assert_eq!((a.id().as_str(), a.provider_name()), ("a", "actor"));
    assert_eq!(
        (a.model().map(ModelName::as_str), b.model().map(ModelName::as_str)),
        (Some("acme-1"), Some("z"))
    );
    assert!((a.weight() - 2.0).abs() < f64::EPSILON);
    // The price is looked up under the name that is played, and nobody knows that of the other.
    assert!(a.price().is_some() && b.price().is_none());
}

#[tokio::test]
async fn some_may_stay_as_they_are() {
    let text = "[providers.a]\ntype = \"acme\"\n[providers.b]\ntype = \"mock\"\n";
    let settings = load(text).await.unwrap();
    let only = |id: &'static str| {
        settings.build_with(
            |builder| builder,
            move |own, spec| if *own == id { spec.played_by(Actor) } else { spec },
        )
    };
    assert_eq!(only("a").unwrap().candidates()[1].provider_name(), "mock");
    assert_eq!(only("b").unwrap_err().kind(), ErrorKind::Config, "the key of the other is missing still");
}
