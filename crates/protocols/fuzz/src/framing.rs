//! Bytes into what cuts a stream into frames.

use std::collections::VecDeque;

use bytes::Bytes;
use ultraai_core::Result;
use ultraai_wire::{EventStreamDecoder, LineDecoder, RawFrame, SseDecoder};

/// What cuts a stream into frames.
pub trait Framer {
    /// A decoder whose frames have at most `limit` bytes.
    fn new(limit: usize) -> Self;
    /// Takes the next chunk.
    ///
    /// # Errors
    /// When a frame is larger than the limit, or broken.
    fn push(&mut self, chunk: &Bytes, frames: &mut VecDeque<RawFrame>) -> Result<()>;
    /// Takes the end of the stream. Returns whether something was left, which may be cut.
    fn end(&mut self, frames: &mut VecDeque<RawFrame>) -> bool;
}

macro_rules! framers {
    ($($decoder:ty),*) => {$(
        impl Framer for $decoder {
            fn new(limit: usize) -> Self {
                <$decoder>::new(limit)
            }
            fn push(&mut self, chunk: &Bytes, frames: &mut VecDeque<RawFrame>) -> Result<()> {
                <$decoder>::push(self, chunk, frames)
            }
            fn end(&mut self, frames: &mut VecDeque<RawFrame>) -> bool {
                <$decoder>::end(self, frames)
            }
        }
    )*};
}

framers!(SseDecoder, LineDecoder);

impl Framer for EventStreamDecoder {
    fn new(limit: usize) -> Self {
        Self::new(limit)
    }
    fn push(&mut self, chunk: &Bytes, frames: &mut VecDeque<RawFrame>) -> Result<()> {
        self.push(chunk, frames)
    }
    fn end(&mut self, _: &mut VecDeque<RawFrame>) -> bool {
        self.end().is_err()
    }
}

/// A message of AWS's event stream with these headers, which may be none, and right checksums.
pub fn aws_message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut message = length(16 + headers.len() + payload.len()).to_vec();
    message.extend_from_slice(&length(headers.len()));
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message.extend_from_slice(headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message
}

/// As in zip, bit by bit: what is fuzzed is short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// Decodes `data`, whose first byte says how it is cut, in one chunk and in many: both must see the same frames, and no more
/// bytes in them than there were.
///
/// # Panics
/// When they do not.
pub fn framing<F: Framer>(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    // Small enough to be passed by what a fuzzer writes, and large enough not to be.
    let limit = if seed & 1 == 0 { 64 } else { 1 << 16 };
    let whole = Bytes::copy_from_slice(stream);
    let at_once = frames::<F>(std::iter::once(whole.clone()), limit);
    let cut = frames::<F>(chunks(&whole, seed), limit);
    assert_eq!(at_once, cut, "cut otherwise, the stream is another");
    let bytes: usize = at_once.0.iter().map(|frame| frame.name.len() + frame.data.len()).sum();
    assert!(bytes <= stream.len(), "{bytes} bytes came out of {}", stream.len());
}

/// The frames, whether the end was cut, and whether something was wrong.
fn frames<F: Framer>(chunks: impl Iterator<Item = Bytes>, limit: usize) -> (VecDeque<RawFrame>, bool, bool) {
    let (mut decoder, mut frames) = (F::new(limit), VecDeque::new());
    for chunk in chunks {
        if decoder.push(&chunk, &mut frames).is_err() {
            return (frames, false, true);
        }
        assert!(frames.iter().all(|frame| frame.data.len() <= limit), "a frame is larger than the limit");
    }
    let cut = decoder.end(&mut frames);
    (frames, cut, false)
}

/// Cuts `stream` at places that hang on `seed`: after each byte where it is 0.
pub(crate) fn chunks(stream: &Bytes, seed: u8) -> impl Iterator<Item = Bytes> + use<> {
    let (stream, mut at, mut state) = (stream.clone(), 0, u32::from(seed));
    std::iter::from_fn(move || {
        // Numerical Recipes' generator; what matters is that the fuzzer can repeat it.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = if seed == 0 { 1 } else { usize::from((state >> 24) as u8 % 32) };
        let end = stream.len().min(at + length);
        let chunk = stream.slice(at..end);
        let more = at < stream.len();
        at = end;
        more.then_some(chunk)
    })
}
