//! The command ultraai.
