//! How many tokens a request has, as its vendor counts them.

use std::fmt;

use async_trait::async_trait;

use crate::{CallContext, ChatRequest, Error, Losses, Result, Route};

/// Has a vendor count the tokens of requests, before anything is asked.
#[async_trait]
pub trait TokenCounter: fmt::Debug + Send + Sync + 'static {
    /// `gen_ai.provider.name`: the registered name of the GenAI conventions, or the vendor's own.
    fn name(&self) -> &str;

    /// The tokens of `request` for its model. The deadline of `cx` holds for it.
    async fn count(&self, cx: &CallContext, request: &ChatRequest) -> Result<u64>;
}

/// A protocol of counts, as a transport wants it.
pub trait TokenCountCodec: fmt::Debug + Send + Sync + 'static {
    /// The protocol's name.
    fn protocol(&self) -> &'static str;

    /// Where below its address the request goes. Default: the address itself.
    fn route(&self, _: &ChatRequest) -> Option<Route> {
        None
    }

    /// Headers that this request is sent with besides those of its address. Default: none.
    fn headers(&self, _: &ChatRequest) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The body that asks for the count. What the protocol cannot say goes to [`Losses::lose`].
    ///
    /// # Errors
    /// `Unsupported`, which names what the protocol cannot send.
    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>>;

    /// Reads an answer of a status that says success; it may hold an error all the same.
    ///
    /// # Errors
    /// What the answer says, or `Undecodable`.
    fn decode(&self, body: &[u8]) -> Result<u64>;

    /// What a status that says failure means, with the body that came with it.
    fn error(&self, status: u16, body: &[u8]) -> Error;
}
