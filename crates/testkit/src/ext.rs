//! Short ways to ask a provider in a test.

use std::sync::Arc;

use ultraai_core::{
    CallContext, ChatEvent, ChatRequest, ChatResponse, Delivery, Provider, Result, async_trait,
};

/// Short ways to ask a provider in a test.
#[async_trait]
pub trait ProviderExt: Provider {
    /// Asks for a whole answer, in a context without a deadline.
    async fn ask<R: Into<ChatRequest> + Send>(&self, request: R) -> Result<ChatResponse> {
        self.ask_in(&CallContext::new(), request).await
    }

    /// Asks for a whole answer in the context `cx`.
    async fn ask_in<R: Into<ChatRequest> + Send>(
        &self,
        cx: &CallContext,
        request: R,
    ) -> Result<ChatResponse> {
        let request = request.into().with_delivery(Delivery::Whole);
        self.chat(cx, Arc::new(request)).await?.collect().await
    }

    /// Asks for a live answer in the context `cx`, and reads its events to the end.
    ///
    /// # Errors
    /// The error that no event came before; a later one stands last among the events.
    async fn ask_live<R: Into<ChatRequest> + Send>(
        &self,
        cx: &CallContext,
        request: R,
    ) -> Result<Vec<Result<ChatEvent>>> {
        let request = request.into().with_delivery(Delivery::Live);
        let mut events = self.chat(cx, Arc::new(request)).await?.into_events();
        let mut read = Vec::new();
        while let Some(event) = events.next().await {
            read.push(event);
        }
        Ok(read)
    }
}

impl<P: Provider + ?Sized> ProviderExt for P {}
