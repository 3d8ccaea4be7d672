//! What a fault has to work with, and what it does.

use bytes::Bytes;

use super::FaultyServer;
use crate::{Dialogue, Reply, anthropic::AnthropicMessages, openai::OpenAiChat};

/// What the server does for one request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Deed {
    /// This reply.
    Reply(Reply),
    /// Nobody listens: connections are refused.
    Refuse,
    /// Each connection is closed as soon as it is made.
    HangUp,
    /// This protocol has no such fault, for this reason.
    Lacking(&'static str),
}

impl Deed {
    /// The reply, or why there is none.
    pub(super) fn or(reply: Option<Reply>, lacking: &'static str) -> Self {
        reply.map_or(Self::Lacking(lacking), Self::Reply)
    }
}

impl From<Reply> for Deed {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// One request as a fault sees it, and the right answer to it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Scene<'a> {
    /// The protocol.
    pub dialogue: &'a dyn Dialogue,
    /// The model that answers.
    pub model: &'a str,
    /// Whether a live answer was asked for.
    pub live: bool,
    /// The right answer, in the pieces that a live one comes in.
    pub texts: &'a [&'a str],
    /// The path that was asked.
    pub path: &'a str,
}

impl<'a> Scene<'a> {
    /// A scene of a protocol whose details do not matter.
    pub(super) fn sample(dialogue: &'a dyn Dialogue, live: bool) -> Self {
        Self { dialogue, model: FaultyServer::MODEL, live, texts: &FaultyServer::TEXTS, path: "/" }
    }

    /// The right whole answer.
    pub fn whole(&self) -> Reply {
        self.dialogue.answer(self.model, &self.texts.concat())
    }

    /// The right live answer.
    pub fn stream(&self) -> Reply {
        self.dialogue.live(self.model, self.texts)
    }

    /// The right answer, as it was asked for.
    pub fn right(&self) -> Reply {
        if self.live { self.stream() } else { self.whole() }
    }

    /// The first pieces of the right live answer, with `texts` of its texts.
    pub fn beginning(&self, texts: usize) -> Reply {
        self.stream().pieces(self.dialogue.pieces_before_end(texts))
    }

    /// The right live answer with `more` pieces after `texts` of its texts, and what then comes of it in `rest`.
    pub(super) fn with_pieces(
        &self,
        texts: usize,
        more: impl IntoIterator<Item = Bytes>,
        rest: Rest,
    ) -> Reply {
        let at = self.dialogue.pieces_before_end(texts);
        self.stream().edited(|pieces| {
            let tail = pieces.split_off(at.min(pieces.len()));
            pieces.extend(more);
            if rest == Rest::Follows {
                pieces.extend(tail);
            }
        })
    }

    /// The event by which a server says in a live answer that it is overloaded.
    pub(super) fn error_event(&self) -> Option<Bytes> {
        self.dialogue.live_error(self.model, "").body_pieces().last().cloned()
    }

    /// An answer in the format of another vendor.
    pub(super) fn foreign(&self) -> Reply {
        let own = self.dialogue.chat_path(self.model) == OpenAiChat.chat_path(self.model);
        let other: &dyn Dialogue = if own { &AnthropicMessages } else { &OpenAiChat };
        Scene { dialogue: other, ..*self }.right()
    }
}

/// What comes of the rest of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Follows,
    Missing,
}
