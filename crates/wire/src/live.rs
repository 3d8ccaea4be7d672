//! A stream of events over a body that is still coming.

use std::{
    collections::VecDeque,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use ultraai_core::{ChatEvent, ChatRequest, Error, ErrorKind, EventDecoder, Native, Result, Secret};

use crate::{Body, RawFrame, frames::FrameDecoder, hygiene::cleaned};

/// What the frames of a body are.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    /// The protocol that they stand in.
    pub(crate) protocol: &'static str,
    /// Whether each is handed on as it came, before what is decoded from it.
    pub(crate) passes: bool,
}

/// Decodes a body while it comes. Dropping it closes the connection, unless the body has ended.
pub(crate) struct LiveBody {
    body: Body,
    frames: FrameDecoder,
    source: Source,
    decode: EventDecoder,
    /// Events of the framing that were cut out and are still to be decoded.
    waiting: VecDeque<RawFrame>,
    decoded: VecDeque<ChatEvent>,
    error: Option<Error>,
    stage: Stage,
    /// The connection's task had its turn before `Finished` was handed out.
    settled: bool,
    /// The body has ended.
    ended: bool,
    request: Arc<ChatRequest>,
    secret: Option<Secret>,
    request_id: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// More may come.
    Open,
    /// The body has ended; `cut` when its last event had to be ended by that.
    Ended { cut: bool },
    /// `Finished` or an error was handed out.
    Done,
}

impl LiveBody {
    pub(crate) fn new(
        body: Body,
        decode: EventDecoder,
        frames: FrameDecoder,
        source: Source,
        request: Arc<ChatRequest>,
        secret: Option<Secret>,
        request_id: Option<String>,
    ) -> Self {
        Self {
            body,
            frames,
            source,
            decode,
            waiting: VecDeque::new(),
            decoded: VecDeque::new(),
            error: None,
            stage: Stage::Open,
            settled: false,
            ended: false,
            request,
            secret,
            request_id,
        }
    }

    /// Decodes the next event, or the end when none waits any more. Returns whether there was something to do.
    fn decode_next(&mut self) -> bool {
        let next = self.waiting.pop_front();
        let cut = match (&next, self.stage) {
            (None, Stage::Ended { .. }) => {
                self.stage = Stage::Done;
                false
            }
            (None, _) => return false,
            (Some(_), stage) => stage == Stage::Ended { cut: true } && self.waiting.is_empty(),
        };
        if let Err(error) = (self.decode)(next.as_ref().map(RawFrame::as_frame), &mut self.decoded) {
            let error = match error.kind() {
                ErrorKind::Undecodable if cut => {
                    Error::new(ErrorKind::Interrupted, "the stream ended in the middle of an event")
                }
                _ => cleaned(error, &self.request, self.secret.as_ref()),
            };
            let body = next.map_or_else(Bytes::new, |event| event.data);
            self.error = Some(error.with_body(body));
            self.waiting.clear();
        } else if self.request.native.is_some() {
            // Where frames pass, every one does; where they do not, one alone would look as if they did.
            self.decoded.retain(|event| !matches!(event, ChatEvent::Native(_)));
            if let (true, Some(RawFrame { name, data })) = (self.source.passes, next) {
                let frame = Native::new(self.source.protocol, data).named(name);
                self.decoded.push_front(ChatEvent::Native(frame));
            }
        }
        true
    }

    fn pop(&mut self) -> Option<Result<ChatEvent>> {
        let Some(mut event) = self.decoded.pop_front() else {
            let error = self.error.take()?;
            self.stage = Stage::Done;
            return Some(Err(match self.request_id.take() {
                Some(id) => error.with_request_id(id),
                None => error,
            }));
        };
        match &mut event {
            ChatEvent::Started { request_id, .. } if request_id.is_none() => {
                request_id.clone_from(&self.request_id);
            }
            ChatEvent::Details(details) => details.origin = Some(self.source.protocol),
            ChatEvent::Finished { .. } => self.stage = Stage::Done,
            _ => {}
        }
        Some(Ok(event))
    }

    /// Reads past what follows the last event. Mostly that is the end of the body alone, and it is there already: a
    /// connection whose body was read to its end is used again, once its task has had a turn.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.ended {
            match ready!(self.body.poll_chunk(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => self.ended = true,
            }
        }
        Poll::Ready(())
    }

    fn take_chunk(&mut self, chunk: Option<Result<Bytes>>) {
        match chunk {
            Some(Ok(chunk)) => self.error = self.frames.push(&chunk, &mut self.waiting).err(),
            Some(Err(error)) => self.error = Some(error),
            None => {
                self.ended = true;
                match self.frames.end(&mut self.waiting) {
                    Ok(cut) => self.stage = Stage::Ended { cut },
                    // No clean end: the decoder is not told that there was one.
                    Err(error) => self.error = Some(error),
                }
            }
        }
    }
}

impl Stream for LiveBody {
    type Item = Result<ChatEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.stage == Stage::Done && this.decoded.is_empty() && this.error.is_none() {
            ready!(this.poll_rest(cx));
            return Poll::Ready(None);
        }
        loop {
            // An error of the framing comes after the events that stand before it.
            let framing = mem::take(&mut this.error);
            while this.decoded.is_empty() && this.error.is_none() && this.decode_next() {}
            this.error = this.error.take().or(framing);
            if matches!(this.decoded.front(), Some(ChatEvent::Finished { .. })) && !this.settled {
                this.settled = true;
                if this.poll_rest(cx).is_pending() {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            if let Some(next) = this.pop() {
                return Poll::Ready(Some(next));
            }
            if this.stage == Stage::Done {
                return Poll::Ready(None);
            }
            let chunk = ready!(this.body.poll_chunk(cx));
            this.take_chunk(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use ultraai_core::{FinishReason, Framing};

    use super::*;
    use crate::body::Coding;

    /// Every event is a text; `!` fails, `.` finishes, and the clean end finishes too.
    fn decoder() -> EventDecoder {
        Box::new(|event, out| {
            let text = event.map(|event| String::from_utf8(event.data.to_vec()).unwrap());
            match text.as_deref() {
                Some("!") => {
                    return Err(Error::new(ErrorKind::Undecodable, "not in the words of   this test"));
                }
                None | Some(".") => out.push_back(ChatEvent::Finished { finish_reason: FinishReason::Stop }),
                Some(text) => out.push_back(ChatEvent::text(text)),
            }
            Ok(())
        })
    }

    async fn read(stream: &'static str) -> Vec<String> {
        let request = Arc::new(ChatRequest::from_prompt("hello"));
        let body = Body::made(http_body_util::Full::from(stream), Coding::Plain);
        let frames = FrameDecoder::new(Framing::ServerSentEvents, 16);
        let source = Source { protocol: "test", passes: false };
        let mut live = LiveBody::new(body, decoder(), frames, source, request, None, Some("id".into()));
        let mut seen = Vec::new();
        while let Some(event) = poll_fn(|cx| Pin::new(&mut live).poll_next(cx)).await {
            seen.push(match event {
                Ok(ChatEvent::Delta(ultraai_core::Delta::Text(text))) => text,
                Ok(event) => format!("{event:?}"),
                Err(error) => format!("{}: {error} {:?}", error.kind(), error.request_id()),
            });
        }
        seen
    }

    const END: &str = "Finished { finish_reason: Stop }";

    #[tokio::test]
    async fn a_stream_is_decoded_to_its_end_and_no_further() {
        assert_eq!(read("data: a\n\ndata: b\n\ndata: .\n\ndata: c\n\n").await, ["a", "b", END]);
        assert_eq!(read("data: a\n\n").await, ["a", END]);
        assert_eq!(read("data: a\n\ndata: .").await, ["a", END]);
    }

    #[tokio::test]
    async fn an_error_comes_after_what_stands_before_it_and_ends_the_stream() {
        let error = "undecodable: not in the words of this test Some(\"id\")";
        assert_eq!(read("data: a\n\ndata: !\n\ndata: b\n\n").await, ["a", error]);
        let error = "undecodable: an event of the stream is larger than 16 bytes, which is the limit (`http.max_frame_bytes`) Some(\"id\")";
        assert_eq!(read("data: a\n\ndata: 0123456789012345\n\n").await, ["a", error]);
    }

    #[tokio::test]
    async fn an_event_that_the_end_cut_off_is_an_interruption() {
        let error = "interrupted: the stream ended in the middle of an event Some(\"id\")";
        assert_eq!(read("data: a\n\ndata: !").await, ["a", error]);
    }
}
