//! The server as callers meet it on a socket: slow ones, strange ones, many of them, and the end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connections;
mod limits;
mod slow;
mod stopping;
mod strangers;
mod support;
#[path = "../support/written.rs"]
mod written;
