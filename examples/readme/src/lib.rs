//! The README at the top, so that the code in it, which uses `ultraai` and `tokio`, is compiled as documentation tests:
//! `cargo test -p example-readme`.
#![cfg_attr(doctest, doc = include_str!("../../../README.md"))]
