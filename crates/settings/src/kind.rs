//! What kind of value an option takes, found out from the options themselves.

use std::fmt;

use serde_json::{Map, Number, Value, json};
use ultraai_core::{Options, Result};

/// The kind of value an option takes. `Display` says what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptionKind {
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Whole,
    /// A number, fractions among them.
    Number,
    /// A text.
    Text,
}

impl OptionKind {
    /// The kind of the option `name`, which is one of [`Options::FIELDS`].
    pub fn of(name: &str) -> Self {
        if read(name, json!(true)).is_some() {
            Self::Switch
        } else if read(name, json!(1.5)).is_some() {
            Self::Number
        } else if read(name, json!(1)).is_some() {
            Self::Whole
        } else {
            Self::Text
        }
    }

    /// The value that `text` stands for, as an argument or a variable gives it.
    pub(crate) fn value(self, text: &str) -> Option<Value> {
        let text = text.trim();
        match self {
            Self::Switch => text.parse().ok().map(Value::Bool),
            Self::Whole => text.parse::<u64>().ok().map(Value::from),
            Self::Number => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
            Self::Text => Some(Value::String(text.to_owned())),
        }
    }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Switch => "true or false",
            Self::Whole => "a whole number from 0 up",
            Self::Number => "a number",
            Self::Text => "a text",
        })
    }
}

/// Options of which only `name` is set; `None` when the value does not fit.
pub(crate) fn read(name: &str, value: Value) -> Option<Options> {
    let mut map = Map::new();
    map.insert(name.to_owned(), value);
    serde_json::from_value(Value::Object(map)).ok()
}

/// An option that is set, and what is wrong with its value by itself; `None` when the value does not fit at all.
pub(crate) fn read_alone(name: &str, value: Value) -> Option<Result<Options>> {
    let set = read(name, value)?;
    // It takes its meaning from the other one, which may come from elsewhere: that is checked when all are known.
    let alone = set.clone().edited(|options| options.max_queued_requests = None);
    Some(alone.validate().map(|()| set))
}

/// What an option is when nobody sets it, from its documentation.
pub(crate) fn default_of(doc: &str) -> Option<&str> {
    let (_, default) = doc.split_once("Default: ")?;
    Some(default.trim().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_tell_their_kinds() {
        assert_eq!(OptionKind::of("max_retries"), OptionKind::Whole);
        assert_eq!(OptionKind::of("parallel_requests"), OptionKind::Switch);
        assert_eq!(OptionKind::of("timeout_seconds"), OptionKind::Number);
        assert_eq!(OptionKind::of("analysis_type"), OptionKind::Text);
    }

    #[test]
    fn a_text_that_looks_like_a_number_stays_a_text() {
        let options = read("analysis_type", OptionKind::Text.value("3").unwrap()).unwrap();
        assert_eq!(options.analysis_type.as_deref(), Some("3"));
        assert_eq!(OptionKind::Whole.value("-1"), None);
        assert_eq!(OptionKind::Number.value("inf"), None);
    }
}
