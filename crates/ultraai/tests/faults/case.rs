//! What is played: a fault, in a protocol, for a delivery, alone or beside others.

use std::{fmt, time::Duration};

use ultraai_testkit::{
    Dialogue,
    anthropic::AnthropicMessages,
    bedrock::Bedrock,
    cohere::Cohere,
    faults::{Expected, Fault},
    gemini::{Gemini, Vertex},
    ollama::Ollama,
    openai::OpenAiChat,
    responses::OpenAiResponses,
};

/// A protocol, and the registered provider that speaks it.
#[derive(Debug)]
pub(crate) struct Protocol {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    pub(crate) provider: &'static str,
    /// What is said in the provider's settings besides the address, the model and a key.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    pub(crate) dialogue: &'static dyn Dialogue,
}

impl Protocol {
    /// The one that a provider speaks where nothing else is set.
    const fn of(provider: &'static str, dialogue: &'static dyn Dialogue) -> Self {
        Self { name: provider, provider, settings: &[], dialogue }
    }
}

pub(crate) const PROTOCOLS: &[Protocol] = &[
    Protocol::of("openai", &OpenAiChat),
    Protocol {
        name: "openai-responses",
        provider: "openai",
        settings: &[("api", "responses")],
        dialogue: &OpenAiResponses,
    },
    Protocol::of("anthropic", &AnthropicMessages),
    Protocol::of("gemini", &Gemini),
    Protocol::of("vertex", &Vertex),
    Protocol::of("ollama", &Ollama),
    Protocol::of("cohere", &Cohere),
    Protocol::of("bedrock", &Bedrock),
];

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// The faulty one alone, under limits that let it be asked three times.
    Alone,
    /// The faulty one alone, under no limit but the deadline.
    AloneUntilTheDeadline,
    /// The faulty one first, and so many others that are well.
    Beside { strategy: &'static str, others: usize },
    /// The faulty one with others that are well, and it is to write one answer from those of all.
    Writing,
}

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) fault: &'static Fault,
    pub(crate) protocol: &'static Protocol,
    pub(crate) live: bool,
    pub(crate) setting: Setting,
}

impl Case {
    pub(crate) fn expected(&self) -> &'static Expected {
        self.fault.expected(self.live)
    }

    /// The strategy that asks.
    pub(crate) fn strategy(&self) -> &'static str {
        match self.setting {
            Setting::Alone | Setting::AloneUntilTheDeadline => "fallback",
            Setting::Beside { strategy, .. } => strategy,
            Setting::Writing => "simple",
        }
    }

    pub(crate) fn others(&self) -> usize {
        match self.setting {
            Setting::Beside { others, .. } => others,
            Setting::Writing => 2,
            Setting::Alone | Setting::AloneUntilTheDeadline => 0,
        }
    }

    /// The limits of time. They are short only where the fault never ends by itself, so that a busy machine makes no
    /// other fault a timeout.
    pub(crate) fn limits(&self) -> Limits {
        let expected = self.expected();
        // One attempt alone: the answer had begun, and its beginning must not be missed.
        let begins = expected.attempts == 1;
        match self.setting {
            _ if !expected.waits => Limits::LONG,
            Setting::AloneUntilTheDeadline => Limits { deadline: Duration::from_millis(400), ..Limits::LONG },
            Setting::Alone if begins => Limits { gap: SHORT, ..Limits::LONG },
            // A whole answer has no first event.
            Setting::Alone if self.live => Limits { first_event: SHORT, ..Limits::LONG },
            // The others are not to be hurried.
            _ if begins => Limits { gap: Duration::from_millis(1500), ..Limits::LONG },
            Setting::Alone | Setting::Beside { .. } | Setting::Writing => {
                Limits { attempt: Some(SHORT), ..Limits::LONG }
            }
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, protocol, live, setting } = self;
        let delivery = if *live { "live" } else { "whole" };
        write!(f, "{} of {}, {delivery}, {setting:?}", fault.name, protocol.name)
    }
}

const SHORT: Duration = Duration::from_millis(120);

/// The limits of one case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) deadline: Duration,
    pub(crate) first_event: Duration,
    pub(crate) gap: Duration,
    /// Of the faulty candidate alone.
    pub(crate) attempt: Option<Duration>,
}

impl Limits {
    /// Longer than anything takes that ends by itself.
    const LONG: Self = Self {
        deadline: Duration::from_secs(12),
        first_event: Duration::from_secs(12),
        gap: Duration::from_secs(12),
        attempt: None,
    };
}

/// The cases of one fault in one protocol.
pub(crate) fn cases(
    fault: &'static Fault,
    protocol: &'static Protocol,
    strategies: &[&'static str],
) -> Vec<Case> {
    let mut cases = Vec::new();
    for live in [false, true] {
        let mut add = |setting| cases.push(Case { fault, protocol, live, setting });
        add(Setting::Alone);
        if fault.expected(live).waits {
            add(Setting::AloneUntilTheDeadline);
        }
        add(Setting::Writing);
        for &strategy in strategies {
            add(Setting::Beside { strategy, others: 1 });
            // A chain stops at the first of them.
            if strategy != "fallback" {
                add(Setting::Beside { strategy, others: 2 });
            }
        }
    }
    cases
}
