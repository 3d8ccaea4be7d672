//! Arbitrary bytes into `anthropic_messages`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ultraai_protocols_fuzz::anthropic_messages().feed(data));
