//! Arbitrary bytes into the framing of server-sent events.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ultraai_wire::SseDecoder;

fuzz_target!(|data: &[u8]| ultraai_protocols_fuzz::framing::<SseDecoder>(data));
