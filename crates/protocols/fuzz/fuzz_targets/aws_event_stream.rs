//! Arbitrary bytes into the framing of AWS's event stream: as they are, and in messages whose checksums are right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ultraai_protocols_fuzz::{aws_message, framing};
use ultraai_wire::EventStreamDecoder;

fuzz_target!(|data: &[u8]| {
    framing::<EventStreamDecoder>(data);
    let [seed, length, rest @ ..] = data else { return };
    let (headers, payload) = rest.split_at(rest.len().min(usize::from(*length)));
    let message = aws_message(headers, payload);
    framing::<EventStreamDecoder>(&[&[*seed], message.as_slice(), message.as_slice()].concat());
});
