//! What the benches share: a provider that answers at once, and worlds to compare strategies in.

pub mod contestants;
pub mod figures;
pub mod server;
pub mod table;
pub mod worlds;

use std::sync::Arc;

use async_trait::async_trait;
use ultraai::{
    CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, ModelName, Provider, Result, Usage,
};

/// Answers at once with the same text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Instantly;

#[async_trait]
impl Provider for Instantly {
    fn name(&self) -> &'static str {
        "instantly"
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, _: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
        Ok(ChatReply::whole(ChatResponse::from_text("An answer.").with_usage(Usage::reported(10, 3))))
    }
}
