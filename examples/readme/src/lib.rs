//! The README at the top, so that the code in it, which uses `ultraai` and `tokio`, is compiled as documentation tests:
//! `cargo test -p example-readme`.
//!
#![doc = include_str!("../../../README.md")]
