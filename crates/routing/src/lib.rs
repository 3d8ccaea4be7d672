#![doc = include_str!("../README.md")]

mod cost;
mod dynamic;
mod explore;
mod latency;
mod sight;

pub use self::{cost::Cost, dynamic::Dynamic, explore::EXPLORATION, latency::Latency};
