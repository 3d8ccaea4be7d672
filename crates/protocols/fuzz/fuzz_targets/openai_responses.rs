//! Arbitrary bytes into `openai_responses`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ultraai_protocols_fuzz::openai_responses().feed(data));
