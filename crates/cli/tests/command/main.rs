//! The program as a shell sees it: output, errors, exit codes, and that no key is ever printed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod bad_input;
mod conversations;
mod embeddings;
mod generated;
mod kept;
mod keys;
mod listings;
mod models;
mod program;
mod secrets;
mod serve;
mod simulations;
