//! Several prompts and their answers.

use serde::{Deserialize, Serialize};
use ultraai::{ChatRequest, Message, ledger::Totals};

use crate::{
    keep::CONVERSATION,
    sums::{self, Spent},
};

/// Several prompts and their answers, oldest first; as a file keeps them too.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Conversation {
    #[serde(rename = "ultraai_conversation")]
    version: u64,
    /// Instructions that stand before everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) system: Option<String>,
    /// Prompts and answers in turn.
    messages: Vec<Message>,
    /// What every attempt took, those that failed and those that were dropped included.
    spent: Totals,
    /// Whether any of the cost is that of tokens which were estimated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cost_is_estimated: bool,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            version: CONVERSATION.version,
            system: None,
            messages: Vec::new(),
            spent: Totals::default(),
            cost_is_estimated: false,
        }
    }
}

impl Conversation {
    /// How many prompts were answered.
    pub(crate) fn turns(&self) -> usize {
        self.messages.len() / 2
    }

    /// The prompts that were answered.
    pub(crate) fn prompts(&self) -> impl Iterator<Item = String> {
        self.messages.iter().step_by(2).map(Message::text)
    }

    /// A request for the next answer: the first `turns` turns, and the prompt.
    pub(crate) fn request(&self, turns: usize, prompt: &str) -> ChatRequest {
        let mut messages = self.messages[..self.messages.len().min(turns * 2)].to_vec();
        messages.push(Message::user(prompt));
        let request = ChatRequest::new(messages);
        match &self.system {
            Some(system) => request.with_system(system),
            None => request,
        }
    }

    /// Puts an answered prompt behind the first `turns` turns.
    ///
    /// The answer's text alone stands there: what else a vendor sent was for this answer, and the next one may be
    /// another vendor's.
    pub(crate) fn add(&mut self, turns: usize, prompt: &str, answer: &str) {
        self.messages.truncate(turns * 2);
        self.messages.extend([Message::user(prompt), Message::assistant(answer)]);
    }

    /// What it took so far.
    pub(crate) fn spent(&self) -> Spent {
        Spent { totals: self.spent, cost_is_estimated: self.cost_is_estimated }
    }

    /// Adds what a turn took.
    pub(crate) fn spend(&mut self, turn: &Spent) {
        sums::add(&mut self.spent, &turn.totals);
        self.cost_is_estimated |= turn.cost_is_estimated;
    }

    /// Forgets the prompts and answers. What they took is spent all the same.
    pub(crate) fn reset(&mut self) {
        self.messages.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_is_asked_again_takes_the_place_of_the_old_one() {
        let mut conversation = Conversation { system: Some("be brief".into()), ..Conversation::default() };
        conversation.add(0, "one", "1");
        conversation.add(1, "two", "2");
        let texts = |request: ChatRequest| request.messages.iter().map(Message::text).collect::<Vec<_>>();
        assert_eq!(texts(conversation.request(2, "three")), ["be brief", "one", "1", "two", "2", "three"]);
        assert_eq!(texts(conversation.request(1, "two")), ["be brief", "one", "1", "two"]);
        conversation.add(1, "two", "zwei");
        assert_eq!(texts(conversation.request(2, "x")), ["be brief", "one", "1", "two", "zwei", "x"]);
        assert_eq!(conversation.prompts().collect::<Vec<_>>(), ["one", "two"]);
    }
}
