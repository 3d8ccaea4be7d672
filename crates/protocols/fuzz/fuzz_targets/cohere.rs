//! Arbitrary bytes into `cohere`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ultraai_protocols_fuzz::cohere().feed(data));
