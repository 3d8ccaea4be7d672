//! What a protocol's server says, so that one suite tests the providers of every protocol.

use std::fmt;

use bytes::Bytes;

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

    /// A live answer that ended at the limit of tokens. Default: a whole one, which is an answer to a live request too.
    fn live_cut_short(&self, model: &str, texts: &[&str]) -> Reply {
        self.cut_short(model, &texts.concat())
    }

    /// The answer to a request that the vendor's content filter stopped. Default: none: the protocol has no such thing.
    fn content_filtered(&self, _model: &str) -> Option<Reply> {
        None
    }

    /// A whole answer whose text is `null`. Default: none: the protocol has no such thing.
    fn null_content(&self, _model: &str) -> Option<Reply> {
        None
    }

    /// A live answer of these texts that says that it is over and leaves out why. Default: none: the protocol says both
    /// with one word.
    fn live_without_reason(&self, _model: &str, _texts: &[&str]) -> Option<Reply> {
        None
    }

    /// What the server sends to keep a live answer's connection alive; `None` where the protocol has nothing for it. Default:
    /// a comment of server-sent events.
    fn ping(&self) -> Option<Bytes> {
        Some(Bytes::from_static(b": ping\n\n"))
    }

    /// Whether a live answer is text, which may be padded, and whose lines may end otherwise. Default: it is.
    fn is_text(&self) -> bool {
        true
    }

    /// A whole answer that calls the tool `name` with these arguments, which are JSON.
    fn tool_call(&self, model: &str, name: &str, arguments: &str) -> Reply;
}
