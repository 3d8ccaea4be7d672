//! Cuts server-sent events out of bytes, without I/O.

use std::{collections::VecDeque, mem, ops::Range};

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};
use ultraai_core::Result;

use crate::{RawFrame, failure};

/// Cuts events out of bytes that come in chunks.
///
/// Lines end in CRLF, LF or CR; a byte order mark, comments and unknown fields are skipped; an event without data
/// is none. An event that lies in one chunk is a slice of it; a line that was cut is copied once.
#[derive(Debug)]
pub struct SseDecoder {
    limit: usize,
    /// The start of a line whose end has not come yet.
    line: BytesMut,
    event: Bytes,
    data: Data,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    /// No line has come yet, so the next may begin with a byte order mark.
    at_start: bool,
}

#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    One(Bytes),
    Many(BytesMut),
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(line) => line.len(),
            Self::Many(lines) => lines.len(),
        }
    }
}

impl SseDecoder {
    /// A decoder for one stream. An event of more than `limit` bytes is an error.
    pub fn new(limit: usize) -> Self {
        let (line, event, data) = (BytesMut::new(), Bytes::new(), Data::None);
        Self { limit, line, event, data, after_cr: false, at_start: true }
    }

    /// Takes the next chunk and puts the events that end in it behind `events`.
    ///
    /// # Errors
    /// `Undecodable` when an event is larger than the limit; nothing is to be pushed after that.
    pub fn push(&mut self, chunk: &Bytes, events: &mut VecDeque<RawFrame>) -> Result<()> {
        let mut at = 0;
        loop {
            if mem::take(&mut self.after_cr) {
                match chunk.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => {
                        self.after_cr = true;
                        return Ok(());
                    }
                }
            }
            let Some(length) = memchr2(b'\n', b'\r', &chunk[at..]) else {
                self.check(chunk.len() - at)?;
                self.line.extend_from_slice(&chunk[at..]);
                return Ok(());
            };
            let end = at + length;
            self.check(length)?;
            if self.line.is_empty() {
                self.take_line(chunk, at..end, events);
            } else {
                self.line.extend_from_slice(&chunk[at..end]);
                let line = self.line.split().freeze();
                self.take_line(&line, 0..line.len(), events);
            }
            self.after_cr = chunk[end] == b'\r';
            at = end + 1;
        }
    }

    /// Takes the end of the stream: an event whose empty line is missing is put behind `events` all the same, since
    /// some servers leave it out. Returns whether there was such an event; it may be cut.
    pub fn end(&mut self, events: &mut VecDeque<RawFrame>) -> bool {
        if !self.line.is_empty() {
            let line = self.line.split().freeze();
            self.take_line(&line, 0..line.len(), events);
        }
        let before = events.len();
        self.dispatch(events);
        events.len() > before
    }

    fn check(&self, more: usize) -> Result<()> {
        match self.data.len().saturating_add(self.line.len()).saturating_add(more) > self.limit {
            true => failure::too_large("an event of the stream", self.limit, "max_frame_bytes"),
            false => Ok(()),
        }
    }

    fn take_line(&mut self, source: &Bytes, mut line: Range<usize>, events: &mut VecDeque<RawFrame>) {
        if mem::take(&mut self.at_start) && source[line.clone()].starts_with(b"\xef\xbb\xbf") {
            line.start += 3;
        }
        let text = &source[line.clone()];
        if text.is_empty() {
            return self.dispatch(events);
        }
        let name = memchr(b':', text).unwrap_or(text.len());
        let mut value = line.start + (name + 1).min(text.len())..line.end;
        if source[value.clone()].first() == Some(&b' ') {
            value.start += 1;
        }
        match &text[..name] {
            b"data" => self.add_data(source, value),
            b"event" => self.event = source.slice(value),
            // Comments have an empty name; `id` and `retry` are for clients that connect again.
            _ => {}
        }
    }

    fn add_data(&mut self, source: &Bytes, value: Range<usize>) {
        self.data = match mem::take(&mut self.data) {
            Data::None => Data::One(source.slice(value)),
            Data::One(first) => {
                let mut lines = BytesMut::with_capacity(first.len() + 1 + value.len());
                lines.extend_from_slice(&first);
                Data::Many(joined(lines, &source[value]))
            }
            Data::Many(lines) => Data::Many(joined(lines, &source[value])),
        };
    }

    fn dispatch(&mut self, events: &mut VecDeque<RawFrame>) {
        let event = mem::take(&mut self.event);
        match mem::take(&mut self.data) {
            Data::None => {}
            Data::One(data) => events.push_back(RawFrame { name: event, data }),
            Data::Many(lines) => events.push_back(RawFrame { name: event, data: lines.freeze() }),
        }
    }
}

fn joined(mut lines: BytesMut, line: &[u8]) -> BytesMut {
    lines.extend_from_slice(b"\n");
    lines.extend_from_slice(line);
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 10;

    /// The events as name and data, and whether the last one had to be ended by the end of the stream.
    fn decode(chunks: &[&[u8]]) -> (Vec<(String, String)>, bool) {
        let (mut decoder, mut events) = (SseDecoder::new(LIMIT), VecDeque::new());
        for chunk in chunks {
            decoder.push(&Bytes::copy_from_slice(chunk), &mut events).unwrap();
        }
        let open = decoder.end(&mut events);
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        (events.iter().map(|event| (event.name().to_owned(), text(&event.data))).collect(), open)
    }

    fn events(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect()
    }

    #[test]
    fn lines_are_read_as_the_standard_says() {
        for (stream, expected, open) in [
            ("data: a\n\n", &[("", "a")][..], false),
            ("data:a\r\n\r\ndata:  b\r\r", &[("", "a"), ("", " b")], false),
            ("\u{feff}data: a\n\n", &[("", "a")], false),
            (": comment\n\n:\ndata: a\n\n", &[("", "a")], false),
            ("data: a\ndata\ndata: b\n\n", &[("", "a\n\nb")], false),
            ("event: error\ndata: {}\nid: 7\nretry: 1\nother: x\n\n", &[("error", "{}")], false),
            ("event: lost\n\ndata: a\n\n", &[("", "a")], false),
            ("event: x\nevent: y\ndata: a\n\n", &[("y", "a")], false),
            ("data\n\n", &[("", "")], false),
            ("\n\n\r\n", &[], false),
            ("data: a\n\ndata: [DONE]", &[("", "a"), ("", "[DONE]")], true),
            ("data: a\n", &[("", "a")], true),
            ("event: x\n", &[], false),
            ("", &[], false),
        ] {
            assert_eq!(decode(&[stream.as_bytes()]), (events(expected), open), "{stream:?}");
        }
    }

    #[test]
    fn a_stream_may_be_cut_between_any_two_bytes() {
        let stream = "\u{feff}event: a\r\ndata: grüße\r\ndata: 😀\r\n\r\n: c\n\ndata: x\r\revent: é\ndata: {\"k\":1}\n\ndata: y";
        let expected = decode(&[stream.as_bytes()]);
        assert_eq!(expected.0.len(), 4);
        for first in 0..=stream.len() {
            let (head, tail) = stream.as_bytes().split_at(first);
            assert_eq!(decode(&[head, tail]), expected, "cut at {first}");
            for second in 0..=tail.len() {
                let (middle, end) = tail.split_at(second);
                assert_eq!(decode(&[head, middle, end]), expected, "cut at {first} and {second}");
            }
        }
        let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
        assert_eq!(decode(&bytes), expected);
    }

    #[test]
    fn an_event_in_one_chunk_is_not_copied() {
        let chunk = Bytes::from_static(b"data: first\n\ndata: second\n\n");
        let (mut decoder, mut events) = (SseDecoder::new(LIMIT), VecDeque::new());
        decoder.push(&chunk, &mut events).unwrap();
        let range = chunk.as_ptr_range();
        assert!(events.len() == 2 && events.iter().all(|event| range.contains(&event.data.as_ptr())));
    }

    #[test]
    fn an_event_that_grows_past_the_limit_is_refused() {
        for piece in [&b"xxxx"[..], b"data: xx\n", b": xxxxxxxxxxxxxxxx"] {
            let (mut decoder, mut events) = (SseDecoder::new(LIMIT), VecDeque::new());
            let chunk = Bytes::from_static(piece);
            let pushed = (0..LIMIT).try_for_each(|_| decoder.push(&chunk, &mut events));
            assert!(pushed.unwrap_err().to_string().contains("1024 bytes"));
        }
        let (mut decoder, mut events) = (SseDecoder::new(LIMIT), VecDeque::new());
        let small = Bytes::from_static(b"data: 0123456789\n\n");
        (0..LIMIT).try_for_each(|_| decoder.push(&small, &mut events)).unwrap();
        assert_eq!(events.len(), LIMIT);
    }

    proptest! {
        #[test]
        fn no_bytes_and_no_cuts_change_what_is_decoded(
            lines in prop::collection::vec("(data|event|:|id|)(:| :|: )?[a-zß{}]{0,6}(\n|\r\n|\r)", 0..12),
            cuts in prop::collection::vec(0_usize..200, 0..6),
        ) {
            let stream = lines.concat();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([stream.len()]) {
                chunks.push(&stream.as_bytes()[from..cut]);
                from = cut;
            }
            prop_assert_eq!(decode(&chunks), decode(&[stream.as_bytes()]));
        }
    }
}
