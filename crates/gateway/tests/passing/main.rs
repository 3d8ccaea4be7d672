//! What is not changed passes untouched: requests to an upstream of the caller's own protocol, its answers and its frames.

#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

mod breaks;
mod nothing;
mod panels;
mod protocol;
mod streams;
mod support;
mod whole;
