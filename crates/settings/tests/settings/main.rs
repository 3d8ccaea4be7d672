//! Settings as a program reads them: from files, variables, arguments and what is there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod discovery;
mod file;
mod gateway;
mod orchestrators;
mod played;
mod readme;
mod reloading;
mod support;
mod tables;
