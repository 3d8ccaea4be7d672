//! Arbitrary bytes into the framing of lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ultraai_wire::LineDecoder;

fuzz_target!(|data: &[u8]| ultraai_protocols_fuzz::framing::<LineDecoder>(data));
