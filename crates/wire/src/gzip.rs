//! Undoes the one encoding that servers use without being asked.

use std::{
    fmt,
    io::{self, BufRead, ErrorKind, Read},
};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

/// How much is decoded at once, whatever a few bytes stand for; more than the decoder keeps back.
const PIECE: usize = 64 << 10;

/// Decodes gzip as it comes.
pub(crate) struct Gzip {
    decoder: MultiGzDecoder<Feed>,
    piece: Box<[u8]>,
}

/// What decoding came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// Decoded bytes.
    Chunk(Bytes),
    /// More is to be fed, or the end to be told.
    Hungry,
    /// The end that was told is the encoding's own.
    End,
    /// No gzip, or it was cut.
    Broken(io::Error),
}

impl Gzip {
    pub(crate) fn new() -> Self {
        let decoder = MultiGzDecoder::new(Feed::default());
        Self { decoder, piece: vec![0; PIECE].into_boxed_slice() }
    }

    /// Gives the next encoded bytes, once those before are used up.
    pub(crate) fn feed(&mut self, chunk: Bytes) {
        let feed = self.decoder.get_mut();
        feed.is_empty &= chunk.is_empty();
        feed.waiting = chunk;
    }

    /// Tells that nothing more comes.
    pub(crate) fn end(&mut self) {
        self.decoder.get_mut().ended = true;
    }

    pub(crate) fn step(&mut self) -> Step {
        let feed = self.decoder.get_ref();
        if feed.is_empty {
            // No body at all is none that is broken.
            return if feed.ended { Step::End } else { Step::Hungry };
        }
        match self.decoder.read(&mut self.piece) {
            Ok(0) => Step::End,
            Ok(length) => Step::Chunk(Bytes::copy_from_slice(&self.piece[..length])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::Hungry,
            Err(error) => Step::Broken(error),
        }
    }
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gzip").finish_non_exhaustive()
    }
}

/// The encoded bytes that are there.
#[derive(Debug)]
struct Feed {
    waiting: Bytes,
    ended: bool,
    /// Nothing has come so far.
    is_empty: bool,
}

impl Default for Feed {
    fn default() -> Self {
        Self { waiting: Bytes::new(), ended: false, is_empty: true }
    }
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let length = there.len().min(buffer.len());
        buffer[..length].copy_from_slice(&there[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.waiting.is_empty() && !self.ended {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(&self.waiting),
        }
    }

    fn consume(&mut self, length: usize) {
        let _ = self.waiting.split_to(length);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(chunks: &[&[u8]]) -> Result<Vec<u8>, io::Error> {
        let (mut gzip, mut out) = (Gzip::new(), Vec::new());
        let mut chunks = chunks.iter();
        loop {
            match gzip.step() {
                Step::Chunk(chunk) => {
                    assert!(!chunk.is_empty() && chunk.len() <= PIECE);
                    out.extend_from_slice(&chunk);
                }
                Step::Hungry => match chunks.next() {
                    Some(chunk) => gzip.feed(Bytes::copy_from_slice(chunk)),
                    None => gzip.end(),
                },
                Step::End => return Ok(out),
                Step::Broken(error) => return Err(error),
            }
        }
    }

    #[test]
    fn what_is_encoded_may_be_cut_between_any_two_bytes() {
        let whole = encoded(b"hello, hello, hello");
        for cut in 0..=whole.len() {
            let (head, tail) = whole.split_at(cut);
            assert_eq!(decoded(&[head, tail]).unwrap(), b"hello, hello, hello", "cut at {cut}");
            // What ends there is broken, unless nothing came.
            assert_eq!(decoded(&[head]).is_ok(), cut == 0 || cut == whole.len(), "cut at {cut}");
        }
        let twice = [whole.clone(), whole].concat();
        assert_eq!(decoded(&[&twice]).unwrap(), b"hello, hello, hello".repeat(2));
    }

    #[test]
    fn a_byte_that_is_wrong_is_noticed() {
        let whole = encoded(b"hello, hello, hello");
        // Behind the header, where the time and the system say nothing that counts.
        for at in (0..3).chain(10..whole.len()) {
            let mut broken = whole.clone();
            broken[at] ^= 0x55;
            assert!(decoded(&[&broken]).is_err(), "at {at}");
        }
        assert!(decoded(&[b"<html>"]).is_err());
    }

    #[test]
    fn a_bomb_comes_in_pieces_and_is_complete() {
        let zeros = vec![0; 5 << 20];
        assert_eq!(decoded(&[&encoded(&zeros)]).unwrap().len(), zeros.len());
    }

    #[test]
    fn what_a_server_flushes_is_there_at_once() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut gzip = Gzip::new();
        for text in ["data: a\n\n", "data: b\n\n"] {
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.flush().unwrap();
            gzip.feed(std::mem::take(encoder.get_mut()).into());
            let mut out = Vec::new();
            while let Step::Chunk(chunk) = gzip.step() {
                out.extend_from_slice(&chunk);
            }
            assert_eq!(out, text.as_bytes());
        }
    }
}
