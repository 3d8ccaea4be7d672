//! Answers compared by their words alone.
//!
//! The README describes the method; whoever changes it here changes it there.

mod conclusion;
mod doubt;
mod mark;
mod number;
mod sentence;
mod statement;

use std::collections::HashMap;

use self::{conclusion::Conclusion, sentence::sentences, statement::Statement};
use crate::details::Pairs;

/// Sentences of one answer that are compared; those after them are left out.
const MOST_SENTENCES: usize = 200;

/// Bytes of the longest sentence that is compared.
const LONGEST_SENTENCE: usize = 400;

/// Words that a sentence must have, so that the same words with other numbers are about the same thing.
const FEWEST_WORDS: usize = 3;

/// Ways to say the same words with other numbers; more are a list, and no contradiction.
const MOST_WAYS: usize = 64;

/// What the answers say, by topic.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) pairs: Pairs,
    /// First what the answers come down to, then the sentences in the order they were met.
    pub(crate) topics: Vec<Topic>,
    /// Sentences that were not compared.
    pub(crate) left_out: usize,
}

/// Statements of the same words.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) point: String,
    pub(crate) variants: Vec<Variant>,
}

/// What a topic comes to in some answers.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) text: String,
    /// The answers that say it, by place.
    pub(crate) said_by: Vec<usize>,
    /// The variants of the topic that contradict it, by place.
    pub(crate) against: Vec<usize>,
}

impl Topic {
    pub(crate) fn is_contradicted(&self) -> bool {
        self.variants.iter().any(|variant| !variant.against.is_empty())
    }
}

/// Compares answers.
pub(crate) fn compare(answers: &[String]) -> Compared {
    let conclusions: Vec<_> = answers.iter().map(|answer| Conclusion::of(answer)).collect();
    let mut compared = Compared { pairs: pairs(answers, &conclusions), ..Compared::default() };
    compared.topics.extend(concluded(&conclusions));
    let mut topics: Vec<Sentences<'_>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (place, answer) in answers.iter().enumerate() {
        // An answer that is one short statement was compared as such.
        if matches!(conclusions[place], Some(Conclusion::Statement { .. }))
            && sentences(answer).nth(1).is_none()
        {
            continue;
        }
        for (number, sentence) in sentences(answer).enumerate() {
            if number >= MOST_SENTENCES || sentence.len() > LONGEST_SENTENCE {
                compared.left_out += 1;
                continue;
            }
            let is_question = sentence.trim_end_matches(['*', '_', '"', '”', ')']).ends_with(['?', '？']);
            if is_question || mark::is_marked(sentence) {
                continue;
            }
            let Some(statement) = Statement::of(sentence).filter(|statement| statement.words >= FEWEST_WORDS)
            else {
                continue;
            };
            let next = topics.len();
            let topic = *places.entry(statement.skeleton.clone()).or_insert(next);
            if topic == next {
                topics.push(Sentences::default());
            }
            topics[topic].add(place, sentence, statement);
        }
    }
    compared.topics.extend(topics.into_iter().map(Sentences::into_topic));
    compared
}

/// The pairs of answers; texts that are equal as they stand come down to the same in any case.
fn pairs(answers: &[String], conclusions: &[Option<Conclusion>]) -> Pairs {
    let mut pairs = Pairs::default();
    for (place, answer) in answers.iter().enumerate() {
        for other in place + 1..answers.len() {
            let is_equal = answer.trim() == answers[other].trim() && !answer.trim().is_empty();
            let same = match (&conclusions[place], &conclusions[other]) {
                _ if is_equal => Some(true),
                (Some(one), Some(other)) => one.is_same(other),
                _ => None,
            };
            match same {
                Some(true) => pairs.agree += 1,
                Some(false) => pairs.differ += 1,
                None => pairs.unknown += 1,
            }
        }
    }
    pairs
}

/// The topic of what the answers come down to, where any does.
fn concluded(conclusions: &[Option<Conclusion>]) -> Option<Topic> {
    let mut kinds: Vec<(&Conclusion, Vec<usize>)> = Vec::new();
    for (place, conclusion) in conclusions.iter().enumerate() {
        let Some(conclusion) = conclusion else { continue };
        match kinds.iter_mut().find(|(known, _)| known.is_same(conclusion) == Some(true)) {
            Some((_, said_by)) => said_by.push(place),
            None => kinds.push((conclusion, vec![place])),
        }
    }
    let variants = kinds.iter().map(|(conclusion, said_by)| Variant {
        text: conclusion.text(),
        said_by: said_by.clone(),
        against: places(&kinds, |(other, _)| conclusion.is_same(other) == Some(false)),
    });
    let variants: Vec<_> = variants.collect();
    (!variants.is_empty()).then(|| Topic { point: "what they come down to".to_owned(), variants })
}

fn places<T>(all: &[T], is_wanted: impl Fn(&T) -> bool) -> Vec<usize> {
    (0..all.len()).filter(|place| is_wanted(&all[*place])).collect()
}

/// Sentences of the same words.
#[derive(Default)]
struct Sentences<'a> {
    kinds: Vec<(Statement, &'a str, Vec<usize>)>,
    /// Whether one answer says it in two ways: a list of like things, and no contradiction.
    is_list: bool,
}

impl<'a> Sentences<'a> {
    fn add(&mut self, answer: usize, text: &'a str, statement: Statement) {
        if self.kinds.len() >= MOST_WAYS {
            self.is_list = true;
            return;
        }
        match self.kinds.iter_mut().find(|(known, ..)| known.is_same(&statement) == Some(true)) {
            Some((.., said_by)) if said_by.last() == Some(&answer) => {}
            Some((.., said_by)) => said_by.push(answer),
            None => self.kinds.push((statement, text, vec![answer])),
        }
        let ways = self.kinds.iter().filter(|(.., said_by)| said_by.last() == Some(&answer)).count();
        self.is_list |= ways > 1;
    }

    fn into_topic(self) -> Topic {
        let variants = self.kinds.iter().map(|(statement, text, said_by)| Variant {
            text: (*text).to_owned(),
            said_by: said_by.clone(),
            // What is only pointed at may be something else in another answer.
            against: match self.is_list || doubt::begins_with_pronoun(text) {
                true => Vec::new(),
                false => places(&self.kinds, |(other, ..)| statement.is_same(other) == Some(false)),
            },
        });
        let point = self.kinds.first().map(|(statement, ..)| statement.pattern()).unwrap_or_default();
        Topic { point, variants: variants.collect() }
    }
}

#[cfg(test)]
mod tests;
