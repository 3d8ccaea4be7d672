//! Settings as a program reads them: from files, variables, arguments and what is there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod discovery;
mod file;
mod played;
mod readme;
mod support;
mod tables;
