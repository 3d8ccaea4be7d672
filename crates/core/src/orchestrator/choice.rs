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
    let said: Vec<Said> = answers.iter().map(|answer| Said::of(&answer.response.content)).collect();
    let votes = |place: usize| said.iter().filter(|other| **other == said[place]).count();
    // `max_by_key` takes the last of equals, so it runs from the back.
    let best = (0..answers.len()).rev().max_by_key(|place| votes(*place))?;
    answers.get(best)
}

#[derive(PartialEq)]
enum Said {
    Calls(Vec<(String, Value)>),
    Json(Value),
    Text(String),
}

impl Said {
    fn of(content: &[Part]) -> Self {
        let value =
            |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.trim().to_owned()));
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

    #[test]
    fn equal_json_agrees_and_text_is_compared_as_it_is() {
        let text = |text: &str| Said::of(&[Part::text(text)]);
        assert!(text("{\"a\": 1}") == text("{\"a\":1}\n"));
        assert!(text("yes") == text(" yes "));
        assert!(text("yes") != text("no"));
    }
}
