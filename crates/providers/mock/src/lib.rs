//! A deterministic provider that says it is a mock.
