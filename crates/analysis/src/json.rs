//! JSON out of a model's words.

use serde_json::Value;

/// Bytes of a reply that are looked at.
const MOST_BYTES: usize = 256 * 1024;

/// Places where an object may begin that are tried.
const MOST_TRIES: usize = 64;

/// The JSON objects in a reply, in order: the whole of it, or those that stand in a block of code or between other words. One
/// that stands in an answer, too, with whatever space between its parts, is quoted and left out.
pub(crate) fn objects(reply: &str, answers: &[String]) -> Vec<Value> {
    let answers: Vec<String> = answers.iter().map(|answer| without_space(answer)).collect();
    let text = &reply[..reply.floor_char_boundary(MOST_BYTES)];
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..MOST_TRIES {
        let Some(open) = text[at..].find('{') else { break };
        at += open;
        let mut stream = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                let end = at + stream.byte_offset();
                let written = without_space(&text[at..end]);
                if !answers.iter().any(|answer| answer.contains(&written)) {
                    found.push(value);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

fn without_space(text: &str) -> String {
    text.chars().filter(|part| !part.is_whitespace()).collect()
}

/// A text field.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A list, which may be missing.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The answers that a list names, by place from 0, in order, each once: numbers from 1, also as text, such as "answer 2".
/// What names no answer is left out.
pub(crate) fn answers(value: &Value, key: &str, count: usize) -> Vec<usize> {
    let one;
    let named = match value.get(key) {
        Some(Value::Array(named)) => named.as_slice(),
        Some(single) => {
            one = [single.clone()];
            &one
        }
        None => &[],
    };
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            text.trim_start_matches(|part: char| !part.is_ascii_digit()).trim().parse().ok()
        }
        _ => None,
    };
    let mut places: Vec<usize> = named
        .iter()
        .filter_map(number)
        .filter_map(|number| usize::try_from(number).ok()?.checked_sub(1))
        .filter(|place| *place < count)
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_found_wherever_they_stand() {
        for (reply, expected) in [
            ("{\"a\": 1}", vec![json!({"a": 1})]),
            ("Sure:\n```json\n{\"a\": 1}\n```\nDone.", vec![json!({"a": 1})]),
            (
                "{draft} {\"a\": 1} or rather {\"a\": {\"b\": 2}}",
                vec![json!({"a": 1}), json!({"a": {"b": 2}})],
            ),
            ("{\"a\": 1", vec![]),
            ("nothing", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(objects(reply, &[]), expected, "{reply}");
        }
        assert!(objects(&"{\"".repeat(MOST_BYTES), &[]).is_empty());
    }

    #[test]
    fn what_an_answer_says_is_not_the_analysts() {
        let answers = ["Well: {\"a\":\n1}".to_owned()];
        assert_eq!(objects("{\"b\": 2} {\"a\": 1}", &answers), vec![json!({"b": 2})]);
        assert!(objects("{\"a\":1}", &answers).is_empty());
    }

    #[test]
    fn only_answers_that_there_are_count() {
        for (value, expected) in [
            (json!([1, 3, 1]), vec![0, 2]),
            (json!(["2", "answer 1"]), vec![0, 1]),
            (json!([0, 4, -1, 1.5, "x", null]), vec![]),
            (json!(2), vec![1]),
            (json!("all"), vec![]),
        ] {
            assert_eq!(answers(&json!({ "answers": value }), "answers", 3), expected);
        }
        assert!(answers(&json!({}), "answers", 3).is_empty());
    }
}
