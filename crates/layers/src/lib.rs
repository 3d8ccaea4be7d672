//! Layers around a provider.
#![doc = include_str!("../README.md")]

#[cfg(feature = "retry")]
pub mod retry;
