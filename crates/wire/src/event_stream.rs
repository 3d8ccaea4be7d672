//! AWS's binary event stream, both ways, without I/O.
//!
//! A message is its length and the length of its headers, a checksum of both, the headers, the payload, and a checksum of all
//! that: <https://smithy.io/2.0/aws/amazon-eventstream.html>.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use flate2::Crc;
use ultraai_core::{Error, ErrorKind, Result};

use crate::{RawFrame, failure};

/// Both lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum of the whole message.
const CHECKSUM: usize = 4;
/// The type of a header that is a text.
const TEXT: u8 = 7;

/// Cuts messages out of bytes that come in chunks, and checks both checksums of each.
///
/// A frame's name is the message's `:event-type`, of an exception its `:exception-type`, and of an error its `:error-code`,
/// whose `:error-message` is what the frame holds where there is no payload. A payload that lies in one chunk is a slice of
/// it; a message that was cut is copied once.
#[derive(Debug)]
pub struct EventStreamDecoder {
    limit: usize,
    /// The start of a message whose end has not come yet.
    message: BytesMut,
}

impl EventStreamDecoder {
    /// A decoder for one stream. A message of more than `limit` bytes is an error.
    pub fn new(limit: usize) -> Self {
        Self { limit, message: BytesMut::new() }
    }

    /// Takes the next chunk and puts the frames that end in it behind `frames`.
    ///
    /// # Errors
    /// `Undecodable` when a message is larger than the limit or is none, `Interrupted` when its checksum says that it was
    /// damaged on its way; nothing is to be pushed after that.
    pub fn push(&mut self, chunk: &Bytes, frames: &mut VecDeque<RawFrame>) -> Result<()> {
        let mut rest = chunk.clone();
        while !self.message.is_empty() {
            let wanted = self.length(&self.message)?.unwrap_or(PRELUDE);
            let more = (wanted - self.message.len()).min(rest.len());
            self.message.extend_from_slice(&rest[..more]);
            rest.advance(more);
            if self.message.len() < wanted {
                return Ok(());
            }
            if let Some(length) = self.length(&self.message)?
                && length == self.message.len()
            {
                frames.push_back(read(&self.message.split().freeze())?);
            }
        }
        while let Some(length) = self.length(&rest)?
            && length <= rest.len()
        {
            frames.push_back(read(&rest.split_to(length))?);
        }
        self.message.extend_from_slice(&rest);
        Ok(())
    }

    /// Takes the end of the stream.
    ///
    /// # Errors
    /// `Interrupted` when it comes in the middle of a message.
    pub fn end(&mut self) -> Result<()> {
        match std::mem::take(&mut self.message).is_empty() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Interrupted, "the stream ended in the middle of an event")),
        }
    }

    /// The length of the message that begins here, once it is known.
    fn length(&self, bytes: &[u8]) -> Result<Option<usize>> {
        let Some(prelude) = bytes.get(..PRELUDE) else { return Ok(None) };
        if checksum(&prelude[..8]) != number(&prelude[8..]) {
            let message = "the stream is no event stream: the checksum of an event's head is wrong";
            return Err(Error::new(ErrorKind::Undecodable, message));
        }
        let (length, headers) = (size(&prelude[..4]), size(&prelude[4..8]));
        if length > self.limit {
            return failure::too_large("an event of the stream", self.limit, "max_frame_bytes");
        }
        match headers.checked_add(PRELUDE + CHECKSUM) {
            Some(least) if least <= length => Ok(Some(length)),
            _ => Err(broken()),
        }
    }
}

/// Reads a whole message, whose lengths are known to be right.
fn read(message: &Bytes) -> Result<RawFrame> {
    let end = message.len() - CHECKSUM;
    if checksum(&message[..end]) != number(&message[end..]) {
        let why = "an event of the stream was damaged on its way: its checksum is wrong";
        return Err(Error::new(ErrorKind::Interrupted, why));
    }
    let payload = PRELUDE + size(&message[4..8]);
    let (mut kind, mut names, mut complaint) =
        (Bytes::new(), [Bytes::new(), Bytes::new(), Bytes::new()], None);
    let mut headers = message.slice(PRELUDE..payload);
    while !headers.is_empty() {
        let (name, value) = header(&mut headers).ok_or_else(broken)?;
        match &name[..] {
            b":message-type" => kind = value,
            b":event-type" => names[0] = value,
            b":exception-type" => names[1] = value,
            b":error-code" => names[2] = value,
            b":error-message" => complaint = Some(value),
            _ => {}
        }
    }
    let [event, exception, code] = names;
    let name = match &kind[..] {
        b"exception" => exception,
        b"error" => code,
        _ => event,
    };
    let data = message.slice(payload..end);
    let data = if data.is_empty() { complaint.unwrap_or_default() } else { data };
    Ok(RawFrame { name, data })
}

/// Takes a header; the value of one that is no text is empty.
fn header(headers: &mut Bytes) -> Option<(Bytes, Bytes)> {
    let name = take(headers, |length| usize::from(length[0]), 1)?;
    let kind = headers.first().copied()?;
    headers.advance(1);
    let fixed = match kind {
        // True and false.
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        // A long number and a time.
        5 | 8 => 8,
        // Bytes and texts.
        6 | TEXT => {
            let value = take(headers, |length| usize::from(length[0]) << 8 | usize::from(length[1]), 2)?;
            return Some((name, if kind == TEXT { value } else { Bytes::new() }));
        }
        // A UUID.
        9 => 16,
        _ => return None,
    };
    (fixed <= headers.len()).then(|| headers.advance(fixed))?;
    Some((name, Bytes::new()))
}

/// Takes what stands behind its own length, which has `digits` bytes.
fn take(bytes: &mut Bytes, length: fn(&[u8]) -> usize, digits: usize) -> Option<Bytes> {
    let length = length(bytes.get(..digits)?);
    (digits + length <= bytes.len()).then(|| {
        bytes.advance(digits);
        bytes.split_to(length)
    })
}

fn broken() -> Error {
    Error::new(ErrorKind::Undecodable, "an event of the stream is broken: its lengths do not fit together")
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut checksum = Crc::new();
    checksum.update(bytes);
    checksum.sum()
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn size(bytes: &[u8]) -> usize {
    usize::try_from(number(bytes)).unwrap_or(usize::MAX)
}

/// Writes a message that holds `data` behind `out`. A name that ends in `Exception` is an exception's, as AWS names all of
/// them.
pub(crate) fn write(name: &str, data: &[u8], out: &mut Vec<u8>) {
    let (kind, named) = match name.ends_with("Exception") {
        true => ("exception", ":exception-type"),
        false => ("event", ":event-type"),
    };
    let start = out.len();
    out.extend_from_slice(&[0; PRELUDE]);
    for (name, value) in [(named, name), (":content-type", "application/json"), (":message-type", kind)] {
        // Names of headers and events are short; one that is not is cut.
        let value = &value.as_bytes()[..value.len().min(usize::from(u16::MAX))];
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(name.as_bytes());
        out.push(TEXT);
        out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(value);
    }
    let headers = out.len() - start - PRELUDE;
    out.extend_from_slice(data);
    let length = out.len() - start + CHECKSUM;
    for (place, value) in [(start, length), (start + 4, headers)] {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        out[place..place + 4].copy_from_slice(&value.to_be_bytes());
    }
    let head = checksum(&out[start..start + 8]);
    out[start + 8..start + PRELUDE].copy_from_slice(&head.to_be_bytes());
    let whole = checksum(&out[start..]);
    out.extend_from_slice(&whole.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 10;

    fn written(frames: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, data) in frames {
            write(name, data, &mut bytes);
        }
        bytes
    }

    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<(String, Vec<u8>)>> {
        let (mut decoder, mut frames) = (EventStreamDecoder::new(LIMIT), VecDeque::new());
        for chunk in chunks {
            decoder.push(&Bytes::copy_from_slice(chunk), &mut frames)?;
        }
        decoder.end()?;
        Ok(frames.into_iter().map(|frame| (frame.name().to_owned(), frame.data.to_vec())).collect())
    }

    /// A message whose headers are these bytes, with checksums that are right.
    fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(PRELUDE + headers.len() + payload.len() + CHECKSUM).unwrap();
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
        bytes.extend(checksum(&bytes).to_be_bytes());
        bytes.extend_from_slice(headers);
        bytes.extend_from_slice(payload);
        bytes.extend(checksum(&bytes).to_be_bytes());
        bytes
    }

    fn text_header(name: &str, value: &str) -> Vec<u8> {
        let mut header = vec![u8::try_from(name.len()).unwrap()];
        header.extend_from_slice(name.as_bytes());
        header.extend_from_slice(&[TEXT, 0, u8::try_from(value.len()).unwrap()]);
        header.extend_from_slice(value.as_bytes());
        header
    }

    #[test]
    fn the_published_message_is_read() {
        // `empty_message` and `payload_no_headers` of the test vectors in awslabs/aws-c-event-stream.
        let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(decode([&empty[..]]).unwrap(), [(String::new(), vec![])]);
        let mut payload = vec![0, 0, 0, 0x1d, 0, 0, 0, 0, 0xfd, 0x52, 0x8c, 0x5a];
        payload.extend_from_slice(b"{'foo':'bar'}");
        payload.extend_from_slice(&[0xc3, 0x65, 0x39, 0x36]);
        assert_eq!(decode([&payload[..]]).unwrap(), [(String::new(), b"{'foo':'bar'}".to_vec())]);
    }

    #[test]
    fn a_stream_may_be_cut_between_any_two_bytes() {
        let frames: [(&str, &[u8]); 3] =
            [("messageStart", b"{\"a\":1}"), ("x", b""), ("throttlingException", b"{}")];
        let bytes = written(&frames);
        let expected: Vec<_> =
            frames.iter().map(|(name, data)| ((*name).to_owned(), data.to_vec())).collect();
        for first in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(first);
            assert_eq!(decode([head, tail]).unwrap(), expected, "cut at {first}");
            for second in (0..=tail.len()).step_by(7) {
                let (middle, end) = tail.split_at(second);
                assert_eq!(decode([head, middle, end]).unwrap(), expected, "cut at {first} and {second}");
            }
            let ended = decode([head]);
            assert!(ended.is_ok() || ended.unwrap_err().kind() == ErrorKind::Interrupted);
        }
        assert_eq!(decode(bytes.chunks(1)).unwrap(), expected);
    }

    #[test]
    fn a_payload_in_one_chunk_is_not_copied() {
        let chunk = Bytes::from(written(&[("a", b"one"), ("b", b"two")]));
        let (mut decoder, mut frames) = (EventStreamDecoder::new(LIMIT), VecDeque::new());
        decoder.push(&chunk, &mut frames).unwrap();
        let range = chunk.as_ptr_range();
        assert!(frames.len() == 2 && frames.iter().all(|frame| range.contains(&frame.data.as_ptr())));
    }

    #[test]
    fn headers_of_every_type_are_skipped_and_an_error_is_told_by_its_headers() {
        let mut headers = Vec::new();
        for (kind, value) in [
            (0, &[][..]),
            (1, &[]),
            (2, &[1]),
            (3, &[1; 2]),
            (4, &[1; 4]),
            (5, &[1; 8]),
            (6, &[0, 2, 9, 9]),
            (8, &[1; 8]),
            (9, &[1; 16]),
        ] {
            headers.extend_from_slice(&[1, b'h', kind]);
            headers.extend_from_slice(value);
        }
        headers.extend(text_header(":message-type", "error"));
        headers.extend(text_header(":error-code", "InternalFailure"));
        headers.extend(text_header(":error-message", "it broke"));
        let read = decode([&message(&headers, b"")[..]]).unwrap();
        assert_eq!(read, [("InternalFailure".to_owned(), b"it broke".to_vec())]);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let good = written(&[("a", b"{}")]);
        let mut damaged = good.clone();
        damaged[20] ^= 1;
        assert_eq!(decode([&damaged[..]]).unwrap_err().kind(), ErrorKind::Interrupted);
        let mut other = good.clone();
        other[3] ^= 1;
        assert_eq!(decode([&other[..]]).unwrap_err().kind(), ErrorKind::Undecodable);
        let mut large = Vec::new();
        write("a", &[b' '; LIMIT], &mut large);
        // The head alone says that it is too large.
        let error = decode([&large[..PRELUDE]]).unwrap_err();
        assert!(error.to_string().contains("`http.max_frame_bytes`"), "{error}");
        for headers in
            [&[9, b'h'][..], &[1, b'h'], &[1, b'h', 200], &[1, b'h', TEXT, 9, 9, b'x'], &[1, b'h', 5, 1]]
        {
            let error = decode([&message(headers, b"")[..]]).unwrap_err();
            assert!(error.to_string().contains("do not fit together"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again_however_it_is_cut(
            frames in prop::collection::vec(("[a-zA-Z]{1,20}", prop::collection::vec(any::<u8>(), 0..60)), 0..6),
            size in 1_usize..90,
        ) {
            let all: Vec<_> = frames.iter().map(|(name, data)| (name.as_str(), data.as_slice())).collect();
            let bytes = written(&all);
            prop_assert_eq!(decode(bytes.chunks(size)).unwrap(), frames);
        }

        #[test]
        fn no_bytes_make_it_panic_or_keep_more_than_they_are(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            changed in 0_usize..60,
            value in any::<u8>(),
        ) {
            drop(decode([&bytes[..]]));
            let mut broken = written(&[("messageStart", b"{}"), ("b", b"{\"a\":1}")]);
            broken[changed] = value;
            drop(decode(broken.chunks(3)));
            drop(decode([&message(&bytes, b"{}")[..]]));
        }
    }
}
