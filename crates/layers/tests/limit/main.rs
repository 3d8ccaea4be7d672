//! The layer `limit`, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod fair;
mod learned;
mod settings;
mod support;
mod waiting;
