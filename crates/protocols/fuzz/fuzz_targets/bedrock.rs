//! Arbitrary bytes into `bedrock`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ultraai_protocols_fuzz::bedrock().feed(data));
