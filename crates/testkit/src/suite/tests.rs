//! The suite finds what it is there to find.

use std::sync::Arc;

use ultraai_core::{
    CallContext, Capabilities, ChatEvent, ChatReply, ChatRequest, ErrorKind, ModelName, Provider, Result,
    Support, async_trait,
};

use super::*;
use crate::{Scripted, Step};

/// Says what the suite finds about a provider that does `step` with every call.
async fn findings(step: Step, gaps: &[&str]) -> String {
    let provider = Scripted::always(step);
    let connect = built("scripted", move || Arc::new(provider.clone()));
    suite(connect).expect_gaps(gaps).report().await.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_good_provider_has_no_findings() {
    assert_eq!(findings("hello".into(), &[]).await, "scripted: 0 findings in 10 scenarios\n");
    suite(built("scripted", || Arc::new(Scripted::always(Step::streamed(["hel", "lo"]))))).run().await;
}

#[tokio::test(start_paused = true)]
async fn all_findings_are_listed_by_name() {
    let found = findings(Step::fail(ErrorKind::ServerError), &[]).await;
    for name in ["answers_whole", "answers_live", "events_come_in_order", "capabilities_are_honest"] {
        assert!(found.contains(&format!("  {name}: ")), "{name} in {found}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listed_gap_must_be_one() {
    let found = findings("hello".into(), &["answers_live: it cannot", "no_such: why", "answers_whole"]).await;
    assert!(found.contains("answers_live: listed as a gap, and it passes"), "{found}");
    assert!(
        found.contains("no_such: listed as a gap, but no scenario has this name (known: answers_whole, "),
        "{found}"
    );
    assert!(found.contains("answers_whole: listed as a gap without a reason"), "{found}");
}

#[tokio::test(start_paused = true)]
async fn what_hangs_or_breaks_off_is_found() {
    assert!(findings(Step::hang(), &[]).await.contains("answers_whole: still running after"));
    let found = findings(Step::live(["half"]), &[]).await;
    assert!(found.contains("answers_live: the answer broke off"), "{found}");
    let found = findings(Step::live([ChatEvent::text("hello"), finished(), ChatEvent::text("!")]), &[]).await;
    assert!(found.contains("does not say which model"), "{found}");
}

fn finished() -> ChatEvent {
    ChatEvent::Finished { finish_reason: ultraai_core::FinishReason::Stop }
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_is_one_is_no_finding() {
    let provider = Scripted::always("hello").with_capabilities({
        let mut capabilities = Capabilities::default();
        capabilities.tools = Support::No;
        capabilities
    });
    let connect = built("scripted", move || Arc::new(provider.clone()));
    // It answers a request with tools as if there were none.
    suite(connect).expect_gaps(&["capabilities_are_honest: it is here to be found"]).run().await;
}

/// Logs what it was asked.
#[derive(Debug)]
struct Chatty(Scripted);

#[async_trait]
impl Provider for Chatty {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.0.capabilities(model)
    }
    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        tracing::debug!(prompt = request.messages[0].text(), "asked");
        self.0.chat(cx, request).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_prompt_in_a_log_is_found() {
    let connect = built("chatty", || Arc::new(Chatty(Scripted::always("hello"))));
    let found = suite(connect).report().await.to_string();
    assert!(found.contains("logs_no_content: the prompt stands in a log"), "{found}");
}

#[tokio::test]
async fn a_provider_that_is_not_linked_is_found() {
    let found = suite(registered("no-such-provider")).report().await.to_string();
    assert!(found.contains("answers_whole: no provider `no-such-provider` is linked"), "{found}");
}
