//! A whole counter of tokens: a protocol's codec at an endpoint.

use ultraai_core::{CallContext, ChatRequest, Error, Result, TokenCountCodec, TokenCounter, async_trait};

use crate::{
    Endpoint,
    exchange::{identified, whole, within},
    hygiene::cleaned_of,
};

/// A counter of tokens that speaks a protocol over HTTP.
#[derive(Debug)]
pub struct HttpTokenCounter<C> {
    name: &'static str,
    endpoint: Endpoint,
    codec: C,
}

impl<C: TokenCountCodec> HttpTokenCounter<C> {
    /// A counter of the name `gen_ai.provider.name` that speaks `codec` at `endpoint`.
    pub fn new(name: &'static str, endpoint: Endpoint, codec: C) -> Self {
        Self { name, endpoint, codec }
    }

    async fn exchange(&self, cx: &CallContext, request: &ChatRequest, body: Vec<u8>) -> Result<u64> {
        let texts = || request.parts().filter_map(|part| part.as_text());
        let clean = |error| cleaned_of(error, texts(), self.endpoint.secret());
        let failed = |status, body: &[u8]| clean(self.codec.error(status, body).with_status(status));
        let headers = self.codec.headers(request);
        let response = self.endpoint.post_json(self.codec.route(request).as_ref(), &headers, body).await?;
        let (body, id) = whole(cx, &self.endpoint, response, failed).await?;
        self.codec.decode(&body).map_err(|error| identified(clean(error).with_body(body), id))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a method that core adds must be thought about here")]
impl<C: TokenCountCodec> TokenCounter for HttpTokenCounter<C> {
    fn name(&self) -> &str {
        self.name
    }

    async fn count(&self, cx: &CallContext, request: &ChatRequest) -> Result<u64> {
        let mut losses = cx.losses();
        let body = self.codec.encode(request, &mut losses).map_err(Error::unsent)?;
        cx.report_losses(&losses);
        within(cx, self.exchange(cx, request, body)).await
    }
}
