//! Arbitrary bytes into `ollama`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ultraai_protocols_fuzz::ollama().feed(data));
