//! What a stream is cut into, whatever its framing.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use ultraai_core::{Frame, Framing, Result};

use crate::{EventStreamDecoder, SseDecoder, failure};

/// One frame of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawFrame {
    /// The event's name, as it stands after `event:` or in the header that tells it; empty where there is none.
    pub name: Bytes,
    /// What it holds: a line; what stands after `data:`, where several lines are joined by a line feed; or a payload.
    pub data: Bytes,
}

impl RawFrame {
    /// The event's name; empty where there is none or where it is no text.
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or_default()
    }

    pub(crate) fn as_frame(&self) -> Frame<'_> {
        Frame { name: self.name(), data: &self.data }
    }
}

/// Cuts lines out of bytes that come in chunks, such as newline-delimited JSON.
///
/// Lines end in LF or CRLF; blank ones are skipped. A line that lies in one chunk is a slice of it; one that was cut is
/// copied once.
#[derive(Debug)]
pub struct LineDecoder {
    limit: usize,
    /// The start of a line whose end has not come yet.
    line: BytesMut,
}

impl LineDecoder {
    /// A decoder for one stream. A line of more than `limit` bytes is an error.
    pub fn new(limit: usize) -> Self {
        Self { limit, line: BytesMut::new() }
    }

    /// Takes the next chunk and puts the lines that end in it behind `frames`.
    ///
    /// # Errors
    /// `Undecodable` when a line is larger than the limit; nothing is to be pushed after that.
    pub fn push(&mut self, chunk: &Bytes, frames: &mut VecDeque<RawFrame>) -> Result<()> {
        let mut at = 0;
        while let Some(length) = memchr(b'\n', &chunk[at..]) {
            self.check(length)?;
            if self.line.is_empty() {
                dispatch(chunk.slice(at..at + length), frames);
            } else {
                self.line.extend_from_slice(&chunk[at..at + length]);
                dispatch(self.line.split().freeze(), frames);
            }
            at += length + 1;
        }
        self.check(chunk.len() - at)?;
        self.line.extend_from_slice(&chunk[at..]);
        Ok(())
    }

    /// Takes the end of the stream: a line whose end is missing is put behind `frames` all the same. Returns whether there
    /// was such a line; it may be cut.
    pub fn end(&mut self, frames: &mut VecDeque<RawFrame>) -> bool {
        let before = frames.len();
        dispatch(self.line.split().freeze(), frames);
        frames.len() > before
    }

    fn check(&self, more: usize) -> Result<()> {
        match self.line.len().saturating_add(more) > self.limit {
            true => failure::too_large("a line of the stream", self.limit, "max_frame_bytes"),
            false => Ok(()),
        }
    }
}

fn dispatch(line: Bytes, frames: &mut VecDeque<RawFrame>) {
    let line = if line.ends_with(b"\r") { line.slice(..line.len() - 1) } else { line };
    if !line.trim_ascii().is_empty() {
        frames.push_back(RawFrame { name: Bytes::new(), data: line });
    }
}

/// The decoder of a protocol's framing.
#[derive(Debug)]
pub(crate) enum FrameDecoder {
    Events(SseDecoder),
    Lines(LineDecoder),
    Messages(EventStreamDecoder),
}

impl FrameDecoder {
    pub(crate) fn new(framing: Framing, limit: usize) -> Self {
        match framing {
            Framing::Lines => Self::Lines(LineDecoder::new(limit)),
            Framing::AwsEventStream => Self::Messages(EventStreamDecoder::new(limit)),
            _ => Self::Events(SseDecoder::new(limit)),
        }
    }

    pub(crate) fn push(&mut self, chunk: &Bytes, frames: &mut VecDeque<RawFrame>) -> Result<()> {
        match self {
            Self::Events(decoder) => decoder.push(chunk, frames),
            Self::Lines(decoder) => decoder.push(chunk, frames),
            Self::Messages(decoder) => decoder.push(chunk, frames),
        }
    }

    /// Takes the end of the stream; returns whether a last frame was put behind `frames` that may be cut.
    ///
    /// # Errors
    /// `Interrupted` where such a frame cannot be read.
    pub(crate) fn end(&mut self, frames: &mut VecDeque<RawFrame>) -> Result<bool> {
        match self {
            Self::Events(decoder) => Ok(decoder.end(frames)),
            Self::Lines(decoder) => Ok(decoder.end(frames)),
            Self::Messages(decoder) => decoder.end().map(|()| false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(chunks: &[&[u8]]) -> (Vec<String>, bool) {
        let (mut decoder, mut frames) = (LineDecoder::new(64), VecDeque::new());
        for chunk in chunks {
            decoder.push(&Bytes::copy_from_slice(chunk), &mut frames).unwrap();
        }
        let cut = decoder.end(&mut frames);
        (frames.iter().map(|frame| String::from_utf8(frame.data.to_vec()).unwrap()).collect(), cut)
    }

    #[test]
    fn lines_may_be_cut_between_any_two_bytes() {
        let stream = "{\"a\": \"grüße\"}\r\n\n  \r\n{\"b\": 1}\n{\"c\"";
        let expected = (vec!["{\"a\": \"grüße\"}".to_owned(), "{\"b\": 1}".into(), "{\"c\"".into()], true);
        for cut in 0..=stream.len() {
            let (head, tail) = stream.as_bytes().split_at(cut);
            assert_eq!(decode(&[head, tail]), expected, "cut at {cut}");
        }
        assert_eq!(decode(&[b"{}\n"]), (vec!["{}".to_owned()], false));
        assert_eq!(decode(&[]), (vec![], false));
    }

    #[test]
    fn a_line_that_grows_past_the_limit_is_refused() {
        let (mut decoder, mut frames) = (LineDecoder::new(64), VecDeque::new());
        let chunk = Bytes::from_static(b"0123456789");
        let pushed = (0..10).try_for_each(|_| decoder.push(&chunk, &mut frames));
        assert!(pushed.unwrap_err().to_string().contains("a line of the stream is larger than 64 bytes"));
    }
}
