//! Choosing one whole answer where a synthesis would be nobody's answer.

use serde_json::Value;

use super::Answer;
use crate::Part;

/// Returns the answer that most of `answers` agree with, else the first. With tool calls the same tools with
/// equal arguments agree, whatever their ids, order and white space; without, equal texts (equal values,
/// where they are JSON).
///
/// `answers` stand in the order of priority, which decides between equals.
pub fn choose(answers: &[Answer]) -> Option<&Answer> {
    let said: Vec<Said> = answers.iter().map(Said::of_answer).collect();
    answers.get(leader(&said)?)
}

/// Whether what [`choose`] takes of `answers` stands, whatever `missing` more answers say, or whether they come at all.
/// Each answer has its place, in whose order they stand; the first place that a missing one may take is `first_missing`.
pub(super) fn is_settled(answers: &[(usize, &Answer)], missing: usize, first_missing: usize) -> bool {
    let (places, said): (Vec<_>, Vec<_>) =
        answers.iter().map(|(place, answer)| (*place, Said::of_answer(answer))).unzip();
    stands(&places, &said, missing, first_missing)
}

/// The first of those that most agree with.
fn leader<T: PartialEq>(said: &[T]) -> Option<usize> {
    // `max_by_key` takes the last of equals, so it runs from the back.
    (0..said.len()).rev().max_by_key(|place| votes(said, &said[*place]))
}

fn votes<T: PartialEq>(said: &[T], one: &T) -> usize {
    said.iter().filter(|other| *other == one).count()
}

/// The worst case for the leader is that all who are missing agree with one rival, or say the same new thing.
fn stands<T: PartialEq>(places: &[usize], said: &[T], missing: usize, first_missing: usize) -> bool {
    let Some(leader) = leader(said) else { return false };
    let (most, first) = (votes(said, &said[leader]), places[leader]);
    let is_overtaken = |votes: usize, place: usize| votes > most || votes == most && place < first;
    let rivals = places.iter().zip(said).filter(|(_, one)| **one != said[leader]);
    let mut at_most = rivals.map(|(place, one)| (votes(said, one) + missing, (*place).min(first_missing)));
    missing == 0
        || !is_overtaken(missing, first_missing) && !at_most.any(|(votes, place)| is_overtaken(votes, place))
}

/// The same JSON with `1.0` as `1`, which are one number.
fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, canonical(value))).collect())
        }
        other => other,
    }
}

#[derive(PartialEq)]
enum Said {
    Calls(Vec<(String, Value)>),
    Json(Value),
    Text(String),
}

impl Said {
    fn of_answer(answer: &Answer) -> Self {
        Self::of(&answer.response.content)
    }

    fn of(content: &[Part]) -> Self {
        let value = |text: &str| {
            serde_json::from_str(text).map_or_else(|_| Value::String(text.trim().to_owned()), canonical)
        };
        let mut calls: Vec<(String, Value)> = content
            .iter()
            .filter_map(|part| match part {
                Part::ToolCall(call) => Some((call.name.clone(), value(&call.arguments))),
                _ => None,
            })
            .collect();
        if !calls.is_empty() {
            calls.sort_by(|one, other| (&one.0, one.1.to_string()).cmp(&(&other.0, other.1.to_string())));
            return Self::Calls(calls);
        }
        let text = crate::message::join_text(content);
        match value(&text) {
            json @ (Value::Object(_) | Value::Array(_)) => Self::Json(json),
            _ => Self::Text(text.trim().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCall;

    fn call(arguments: &str) -> Vec<Part> {
        vec![Part::ToolCall(ToolCall::new("id", "weather", arguments))]
    }

    #[test]
    fn equal_calls_agree_whatever_their_form() {
        let mut other = call("{ \"unit\": \"C\", \"city\": \"Oslo\" }");
        if let Part::ToolCall(call) = &mut other[0] {
            call.id = "another".into();
        }
        assert!(Said::of(&call("{\"city\":\"Oslo\",\"unit\":\"C\"}")) == Said::of(&other));
        assert!(Said::of(&call("{\"city\":\"Rome\"}")) != Said::of(&other));
    }

    /// What a place may hold: nothing any more, something that is still missing, or one of so many sayings.
    const SAYINGS: usize = 4;
    const PLACES: usize = 5;

    /// Calls `check` with every filling of the places.
    fn every(options: usize, places: usize, check: &mut impl FnMut(&[usize])) {
        let mut filling = vec![0; places];
        loop {
            check(&filling);
            let Some(place) = filling.iter().position(|one| one + 1 < options) else { return };
            filling[..place].fill(0);
            filling[place] += 1;
        }
    }

    #[test]
    fn a_choice_stands_exactly_when_no_outcome_of_the_missing_ones_changes_it() {
        let (mut standing, mut open) = (0, 0);
        // Of each place: failed, missing, or a saying.
        every(2 + SAYINGS, PLACES, &mut |now| {
            let place_of = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
                (0..PLACES).filter(|place| wanted(now[*place])).collect()
            };
            let (there, missing) = (place_of(&|one| one >= 2), place_of(&|one| one == 1));
            let said: Vec<usize> = there.iter().map(|place| now[*place]).collect();
            let chosen = leader(&said).map(|place| said[place]);
            // No more than so many of the missing ones are asked.
            for most in 0..=missing.len() {
                let mut stays = chosen.is_some();
                // Each of them fails, or says something known or new.
                every(2 + SAYINGS, missing.len(), &mut |outcome| {
                    if outcome.iter().filter(|one| **one > 0).count() > most {
                        return;
                    }
                    let mut then = now.to_vec();
                    for (place, one) in missing.iter().zip(outcome) {
                        then[*place] = if *one == 0 { 0 } else { one + 1 };
                    }
                    let then: Vec<usize> = then.into_iter().filter(|one| *one >= 2).collect();
                    stays &= leader(&then).map(|place| then[place]) == chosen;
                });
                let first = missing.first().copied().unwrap_or(usize::MAX);
                assert_eq!(stands(&there, &said, most, first), stays, "{now:?}, {most} more");
                if stays { standing += 1 } else { open += 1 }
            }
        });
        assert!(standing > 1000 && open > 1000, "{standing} stand, {open} are open");
    }

    #[test]
    fn equal_json_agrees_and_text_is_compared_as_it_is() {
        let text = |text: &str| Said::of(&[Part::text(text)]);
        assert!(text("{\"a\": 1}") == text("{\"a\":1.0}\n"));
        assert!(text("yes") == text(" yes "));
        assert!(text("yes") != text("no"));
    }
}
