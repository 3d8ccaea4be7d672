//! What an author of UltraAI plugins needs for tests.
//!
#![doc = include_str!("../README.md")]

pub mod anthropic;
mod capture;
mod dialogue;
mod ext;
pub mod faults;
pub mod gemini;
pub mod ollama;
pub mod openai;
pub mod recordings;
mod scripted;
mod server;
mod simulated;
mod suite;

pub use self::{
    capture::captured,
    dialogue::Dialogue,
    ext::ProviderExt,
    scripted::{Beat, Call, Scripted, Step, failure},
    server::{Act, End, Framing, Received, Reply, Server, refusing_url},
    simulated::{BrownOut, Latency, RateLimit, Simulated, Simulation},
    suite::{
        AnalyzerSubject, Connect, LayerSubject, StrategySubject, Suite, analyzer_suite, built, layer_suite,
        registered, strategy_suite, suite,
    },
};
