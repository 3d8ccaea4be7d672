//! What an author of UltraAI plugins needs for tests.
//!
#![doc = include_str!("../README.md")]

pub mod anthropic;
pub mod bedrock;
mod capture;
pub mod codecs;
pub mod cohere;
mod dialogue;
pub mod embeddings;
mod ext;
pub mod faults;
pub mod features;
pub mod gemini;
pub mod ollama;
pub mod openai;
mod passing;
pub mod recordings;
pub mod responses;
pub mod samples;
mod scripted;
mod server;
mod suite;

pub use self::{
    capture::captured,
    dialogue::Dialogue,
    ext::ProviderExt,
    passing::passing_features,
    scripted::{Call, Scripted},
    server::{Act, End, Framing, Received, Reply, Server, refusing_url},
    suite::{
        AnalyzerSubject, Connect, LayerSubject, StrategySubject, Suite, analyzer_suite, built, layer_suite,
        registered, strategy_suite, suite,
    },
};
pub use ultraai_simulation::{Beat, BrownOut, Latency, RateLimit, Simulated, Simulation, Step, failure};
