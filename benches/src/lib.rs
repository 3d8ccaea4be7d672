//! What the benches share: a provider that answers at once, and worlds to compare strategies in.

pub mod contestants;
pub mod figures;
pub mod layered;
pub mod server;
pub mod table;
pub mod worlds;

use std::sync::Arc;

use async_trait::async_trait;
use ultraai::{
    CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, Delivery, ModelName, Provider, Result,
    Usage,
};

/// Answers at once with the same text, live to those who want it so.
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

    async fn chat(&self, _: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let answer = ChatResponse::from_text("An answer.").with_usage(Usage::reported(10, 3));
        let reply = ChatReply::whole(answer);
        Ok(match request.delivery {
            Delivery::Live => ChatReply::live(reply.into_events()),
            Delivery::Whole => reply,
        })
    }
}
