//! Wrappers around a provider, and the order they stand in.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::Provider;

/// Wraps a provider in another one, which knows nothing of the vendor inside.
pub trait Layer: fmt::Debug + Send + Sync + 'static {
    /// Puts itself around `inner`, the candidate's next inner layer.
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider>;
}

/// Where a layer stands, from the outside in. Settings tune or disable layers and never reorder them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Slot {
    /// Outside all of them: what a request sees first, such as a cache.
    Outermost,
    /// Checks what was answered.
    Check,
    /// Tries again.
    Retry,
    /// Asks twice and takes the quicker answer.
    Hedge,
    /// Refuses at once while the provider is known to be down.
    Breaker,
    /// Reserves money.
    Budget,
    /// Waits for a place under the provider's limits.
    Limit,
}

/// Puts `layers` around `inner`, sorted by their slots; in one slot the first given is the outermost.
pub fn stack(inner: Arc<dyn Provider>, layers: &[(Slot, Arc<dyn Layer>)]) -> Arc<dyn Provider> {
    let mut sorted: Vec<_> = layers.iter().collect();
    sorted.sort_by_key(|(slot, _)| *slot);
    sorted.into_iter().rev().fold(inner, |inner, (_, layer)| layer.layer(inner))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, ModelName, Result};

    #[derive(Debug)]
    struct Named(&'static str);

    #[derive(Debug)]
    struct Wrapped(&'static str, Arc<dyn Provider>);

    #[async_trait]
    impl Provider for Wrapped {
        fn name(&self) -> &'static str {
            self.0
        }
        fn capabilities(&self, _: &ModelName) -> Capabilities {
            Capabilities::default()
        }
        async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
            let inner = self.1.chat(cx, request).await?.collect().await?;
            Ok(ChatReply::whole(ChatResponse::from_text(format!("{}({})", self.0, inner.text()))))
        }
    }

    #[derive(Debug)]
    struct Inner;

    #[async_trait]
    impl Provider for Inner {
        fn name(&self) -> &'static str {
            "inner"
        }
        fn capabilities(&self, _: &ModelName) -> Capabilities {
            Capabilities::default()
        }
        async fn chat(&self, _: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
            Ok(ChatReply::whole(ChatResponse::from_text("answer")))
        }
    }

    impl Layer for Named {
        fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
            Arc::new(Wrapped(self.0, inner))
        }
    }

    #[tokio::test]
    async fn slots_decide_the_order_and_not_the_caller() {
        let layers: Vec<(Slot, Arc<dyn Layer>)> = vec![
            (Slot::Limit, Arc::new(Named("limit"))),
            (Slot::Retry, Arc::new(Named("retry"))),
            (Slot::Breaker, Arc::new(Named("breaker"))),
        ];
        let provider = stack(Arc::new(Inner), &layers);
        let request = Arc::new(ChatRequest::from_prompt("hello"));
        let answer = provider.chat(&CallContext::new(), request).await.unwrap().collect().await.unwrap();
        assert_eq!(answer.text(), "retry(breaker(limit(answer)))");
    }
}
