//! Calls whose arguments come in pieces, each with its place as a JSON path
//! (<https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc>).

use serde_json::{Map, Value};
use ultraai_core::{Error, ErrorKind, Result};

/// Deeper arguments than any tool has; a server that says so would use up the stack.
const MOST_STEPS: usize = 64;

/// The arguments of a call so far.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// Which of the answer's calls it is.
    pub(crate) index: u32,
    arguments: Map<String, Value>,
    /// The place of the text that goes on.
    open: Option<String>,
}

impl Pieces {
    pub(crate) fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// Takes arguments that come at once.
    pub(crate) fn whole(&mut self, arguments: Map<String, Value>) {
        self.arguments.extend(arguments);
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// `Undecodable` for a place that cannot be.
    pub(crate) fn push(&mut self, piece: &Value) -> Result<()> {
        let path = piece.get("jsonPath").and_then(Value::as_str).unwrap_or_default();
        let steps = steps(path).ok_or_else(misplaced)?;
        let value = ["stringValue", "numberValue", "boolValue", "structValue", "listValue"]
            .iter()
            .find_map(|key| piece.get(*key))
            .cloned()
            .unwrap_or(Value::Null);
        let goes_on = self.open.as_deref() == Some(path);
        let continues = piece.get("willContinue").and_then(Value::as_bool).unwrap_or(false);
        let is_empty = value.is_null() && piece.get("nullValue").is_none();
        match (place(&mut self.arguments, &steps).ok_or_else(misplaced)?, value) {
            (Value::String(text), Value::String(more)) if goes_on => text.push_str(&more),
            // The end of a text may have nothing more to say.
            (Value::String(_), Value::Null) if goes_on && is_empty => {}
            (place, value) => *place = value,
        }
        self.open = continues.then(|| path.to_owned());
        Ok(())
    }

    /// The arguments as JSON.
    pub(crate) fn arguments(self) -> String {
        Value::Object(self.arguments).to_string()
    }
}

fn misplaced() -> Error {
    Error::new(ErrorKind::Undecodable, "a piece of a call's arguments has a place that cannot be")
}

#[derive(Debug, PartialEq)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Reads a path such as `$.a[0].b` or `$['a']`.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(key) = rest.strip_prefix('.') {
            let end = key.find(['.', '[']).unwrap_or(key.len());
            steps.push(Step::Key(&key[..end]));
            rest = &key[end..];
        } else {
            let inner = rest.strip_prefix('[')?;
            let quote = inner.chars().next().filter(|first| matches!(first, '\'' | '"'));
            match quote {
                Some(quote) => {
                    let (key, after) = inner[1..].split_once([quote])?;
                    steps.push(Step::Key(key));
                    rest = after.strip_prefix(']')?;
                }
                None => {
                    let (index, after) = inner.split_once(']')?;
                    steps.push(Step::Index(index.parse().ok()?));
                    rest = after;
                }
            }
        }
        if steps.len() > MOST_STEPS {
            return None;
        }
    }
    Some(steps).filter(|steps| matches!(steps.first(), Some(Step::Key(_))))
}

/// The value at a place, made where it is not there; an index may be one past the last.
fn place<'a>(arguments: &'a mut Map<String, Value>, steps: &[Step<'_>]) -> Option<&'a mut Value> {
    let (Step::Key(first), rest) = steps.split_first()? else { return None };
    let mut at = arguments.entry(*first).or_insert(Value::Null);
    for step in rest {
        match step {
            Step::Key(key) => {
                if at.is_null() {
                    *at = Value::Object(Map::new());
                }
                at = at.as_object_mut()?.entry(*key).or_insert(Value::Null);
            }
            Step::Index(index) => {
                if at.is_null() {
                    *at = Value::Array(Vec::new());
                }
                let list = at.as_array_mut()?;
                if *index == list.len() {
                    list.push(Value::Null);
                }
                at = list.get_mut(*index)?;
            }
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_are_put_together_by_their_places() {
        let mut pieces = Pieces::new(0);
        for piece in [
            json!({ "jsonPath": "$.a[0].b", "stringValue": "x", "willContinue": true }),
            json!({ "jsonPath": "$.a[0].b", "stringValue": "y", "willContinue": true }),
            json!({ "jsonPath": "$.a[0].b" }),
            json!({ "jsonPath": "$.a[1]", "numberValue": 0.5 }),
            json!({ "jsonPath": "$['c.d']", "boolValue": true }),
            json!({ "jsonPath": "$.e", "nullValue": "NULL_VALUE" }),
        ] {
            pieces.push(&piece).unwrap();
        }
        let expected = json!({ "a": [{ "b": "xy" }, 0.5], "c.d": true, "e": null });
        assert_eq!(pieces.arguments(), expected.to_string());
    }

    #[test]
    fn places_that_cannot_be_are_refused() {
        let deep = format!("${}", ".a".repeat(100));
        for path in ["", "$", "a", "$[0]", "$.a[9]", "$.a[-1]", "$.a[", "$['a", "$.a.b", deep.as_str()] {
            let mut pieces = Pieces::new(0);
            pieces.whole([("a".to_owned(), json!("text"))].into_iter().collect());
            assert!(pieces.push(&json!({ "jsonPath": path, "stringValue": "x" })).is_err(), "{path}");
        }
    }
}
