//! What a protocol's server says, so that one suite tests the providers of every protocol.

use std::fmt;

use crate::{Received, Reply};

/// The server's half of a protocol. [`OpenAiChat`](crate::openai::OpenAiChat) is the one that most vendors speak;
/// a provider with a format of its own brings its own.
pub trait Dialogue: fmt::Debug + Send + Sync + 'static {
    /// What stands in a provider's address before the protocol's own paths, such as `/v1`.
    fn base_path(&self) -> &'static str;

    /// The path, with the base path, that a whole answer is asked at.
    fn chat_path(&self, model: &str) -> String;

    /// The path that a live answer is asked at. Default: that of a whole one.
    fn live_path(&self, model: &str) -> String {
        self.chat_path(model)
    }

    /// Whether the request asks for a live answer.
    fn wants_live(&self, request: &Received) -> bool;

    /// A whole answer that took 7 tokens and gave 3.
    fn answer(&self, model: &str, text: &str) -> Reply;

    /// A live answer of these texts, each in a piece of its own, which took 7 tokens and gave 3.
    fn live(&self, model: &str, texts: &[&str]) -> Reply;

    /// How many pieces of [`live`](Self::live) with `texts` texts come before the first one that ends it.
    fn pieces_before_end(&self, texts: usize) -> usize;

    /// A live answer of `text` in which an error that calls the server overloaded follows.
    fn live_error(&self, model: &str, text: &str) -> Reply;

    /// A live answer that is cut as the protocol cuts it and holds what is none of its JSON. Default: server-sent events.
    fn live_garbage(&self) -> Reply {
        Reply::sse(["{\"choices\":[{\"del", "{}"])
    }

    /// An error of this status with this message.
    fn error(&self, status: u16, message: &str) -> Reply;

    /// The error of an account whose quota is used up.
    fn quota_exhausted(&self) -> Reply;

    /// The error of a request that is longer than the model's context window.
    fn context_too_long(&self) -> Reply;

    /// A whole answer that holds nothing, not even an empty text.
    fn nothing(&self, model: &str) -> Reply;

    /// A whole answer that ended at the limit of tokens.
    fn cut_short(&self, model: &str, text: &str) -> Reply;

    /// A whole answer that calls the tool `name` with these arguments, which are JSON.
    fn tool_call(&self, model: &str, name: &str, arguments: &str) -> Reply;
}
