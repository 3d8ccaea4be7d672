//! The candidates that are well, and the strategies there are.

use std::sync::Arc;

use ultraai::Registry;
use ultraai_testkit::{Received, Server};

use crate::case::PROTOCOLS;

/// What a candidate says that is well.
pub(crate) const GOOD: [&str; 2] = ["The other one ", "answers."];

pub(crate) struct World {
    pub(crate) registry: Arc<Registry>,
    /// Every strategy that is linked.
    pub(crate) strategies: Vec<&'static str>,
    /// A server that is well, for each protocol.
    good: Vec<Server>,
}

impl World {
    pub(crate) fn new() -> Self {
        let registry = Registry::linked().unwrap();
        let strategies = registry.strategies().map(|row| row.name).collect();
        let good = PROTOCOLS
            .iter()
            .map(|protocol| {
                let dialogue = protocol.dialogue;
                Server::answering(move |request: &Received| match dialogue.wants_live(request) {
                    true => dialogue.live("test-model", &GOOD),
                    false => dialogue.answer("test-model", &GOOD.concat()),
                })
            })
            .collect();
        Self { registry, strategies, good }
    }

    /// The address of a server that is well and speaks the protocol of this name.
    pub(crate) fn good(&self, name: &str) -> String {
        let at = PROTOCOLS.iter().position(|protocol| protocol.name == name).unwrap();
        self.good[at].url()
    }
}
