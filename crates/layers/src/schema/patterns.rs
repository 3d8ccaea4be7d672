//! The patterns of a schema, which come from those who ask: how much memory they take, and how long a match may take.
//!
//! What a pattern repeats is compiled as often: ten bytes of it may need megabytes, and three kilobytes of a schema half a
//! gigabyte. So all of a schema's patterns have one budget. A match takes at most as long as the pattern's size times the
//! text's, so that a text that is too long for its pattern is not matched.
//!
//! Looks ahead at the beginning of a pattern are patterns of their own, so that the engine that goes through a text once is
//! enough for them. Other looks around and references back need one that goes back in it, perhaps for each place of the text:
//! such patterns are for short texts.

use std::{
    collections::HashMap,
    iter,
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::{Keyword, PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use jsonschema_regex::split_leading_lookaheads;
use serde_json::{Map, Value, json};

use super::steps::{Counted, Counting};

/// Bytes that all patterns of a schema may take.
const MOST_BYTES: usize = 32 << 20;

/// Bytes that the states of the smallest pattern are said to take, and those of the largest may take.
const LEAST_SIZE: usize = 512;
const MOST_SIZE: usize = 8 << 20;

/// Bytes in which a match, forwards or backwards, may remember what it found out about a pattern.
const CACHE: usize = 64 << 10;

/// Bytes of a state of a pattern, at least.
const STATE: usize = 24;

/// How often a match may look at a state for a byte. A hundred looks take a microsecond.
const MOST_LOOKS: usize = 200_000_000;

/// The same where a match may go back, for each time that it does, and how often it may: a fiftieth of what `fancy-regex`
/// allows by itself.
const MOST_LOOKS_GOING_BACK: usize = 100_000;
const MOST_GOING_BACK: usize = 20_000;

/// Looks ahead of one pattern that are taken for patterns of their own, since each is looked for in all that follows.
const MOST_AHEAD: usize = 16;

/// The patterns of one schema.
#[derive(Clone, Default)]
pub(super) struct Patterns(Arc<Mutex<Compiled>>);

#[derive(Default)]
struct Compiled {
    of_texts: HashMap<String, Arc<Pattern>>,
    /// Those of names are compiled by `jsonschema` itself: of each the longest name that it is matched with.
    of_names: HashMap<String, usize>,
    bytes: usize,
}

/// A pattern, and the longest text that it is matched with.
struct Pattern {
    validator: Validator<Counting>,
    longest: usize,
}

/// The keyword `pattern` at one place of a schema.
struct Placed {
    pattern: Arc<Pattern>,
    rule: String,
}

impl Patterns {
    /// Compiles `schema`, and its patterns within their bounds.
    pub(super) fn compile<'a>(&self, schema: &'a Value) -> Result<Validator<Counting>, ValidationError<'a>> {
        let patterns = self.clone();
        let options = jsonschema::options_for::<Counting>().offline();
        let options = options.with_pattern_options(going_back(MOST_SIZE));
        let options = options.with_keyword("pattern", move |_, text, place| {
            let pattern = text.as_str().and_then(|text| patterns.of_text(text));
            let pattern = pattern.ok_or_else(|| ValidationError::custom("not compiled"))?;
            Ok(Box::new(Placed { pattern, rule: place.to_string() }))
        });
        options.build(schema)
    }

    /// The longest name that is matched with the patterns of names in `schema`; none, where one of them is not compiled.
    pub(super) fn longest_name(&self, schema: &Value) -> Option<usize> {
        let mut longest = usize::MAX;
        match schema {
            Value::Array(values) => {
                for value in values {
                    longest = longest.min(self.longest_name(value)?);
                }
            }
            Value::Object(fields) => {
                for value in fields.values() {
                    longest = longest.min(self.longest_name(value)?);
                }
                let named = fields.get("patternProperties").and_then(Value::as_object);
                for text in named.into_iter().flat_map(Map::keys) {
                    longest = longest.min(self.of_name(text)?);
                }
            }
            _ => {}
        }
        Some(longest)
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.with(|compiled| compiled.bytes)
    }

    fn of_text(&self, text: &str) -> Option<Arc<Pattern>> {
        self.with(|compiled| {
            if let Some(known) = compiled.of_texts.get(text) {
                return Some(Arc::clone(known));
            }
            let (schema, parts) = conditions(text);
            let pattern = Arc::new(compiled.pattern(&schema, parts, text)?);
            compiled.of_texts.insert(text.to_owned(), Arc::clone(&pattern));
            Some(pattern)
        })
    }

    fn of_name(&self, text: &str) -> Option<usize> {
        self.with(|compiled| {
            if let Some(known) = compiled.of_names.get(text) {
                return Some(*known);
            }
            let longest = compiled.pattern(&json!({ "pattern": text }), 1, text)?.longest;
            compiled.of_names.insert(text.to_owned(), longest);
            Some(longest)
        })
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Compiled) -> T) -> T {
        ask(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Compiled {
    /// A pattern that `schema` has in so many parts, matched in one go where it can be.
    fn pattern(&mut self, schema: &Value, parts: usize, text: &str) -> Option<Pattern> {
        self.fitted(schema, parts, text, MOST_LOOKS / parts, once).or_else(|| self.fitted_going_back(text))
    }

    /// A pattern that may go back, in as little memory as is enough for it.
    fn fitted_going_back(&mut self, text: &str) -> Option<Pattern> {
        // Each of these may have what is beside it compiled for its own. In the group `jsonschema` leaves the pattern whole.
        let parts = 2 + 2 * text.bytes().filter(|byte| b"(|\\".contains(byte)).count();
        let schema = json!({ "pattern": format!("(?:{text})") });
        self.fitted(&schema, parts, text, MOST_LOOKS_GOING_BACK, going_back)
    }

    /// A pattern in as little memory as is enough for it, which says how long a match takes.
    fn fitted<E>(
        &mut self,
        schema: &Value,
        parts: usize,
        text: &str,
        most_looks: usize,
        options: impl Fn(usize) -> PatternOptions<E>,
    ) -> Option<Pattern> {
        let least = text.len().checked_next_power_of_two()?.max(LEAST_SIZE);
        let sizes = iter::successors(Some(least), |size| size.checked_mul(2));
        for size in sizes.take_while(|size| *size <= MOST_SIZE) {
            let bytes = self.bytes.saturating_add(parts.saturating_mul(2 * (size + CACHE)));
            if bytes > MOST_BYTES {
                break;
            }
            let validator = jsonschema::options_for::<Counting>().with_pattern_options(options(size));
            if let Ok(validator) = validator.build(schema) {
                self.bytes = bytes;
                return Some(Pattern { validator, longest: most_looks / (size / STATE) });
            }
        }
        None
    }
}

/// Patterns that are matched in one go through the text.
fn once(size: usize) -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(size).dfa_size_limit(CACHE)
}

/// Patterns that may have to go back in it.
fn going_back(size: usize) -> PatternOptions<jsonschema::FancyRegex> {
    PatternOptions::fancy_regex().size_limit(size).dfa_size_limit(CACHE).backtrack_limit(MOST_GOING_BACK)
}

/// A pattern as a schema in which each look ahead at its beginning is a pattern of its own, and how many there are in all.
fn conditions(text: &str) -> (Value, usize) {
    let mut all = Vec::new();
    let mut rest = text.to_owned();
    while all.len() < MOST_AHEAD
        && let Some((is_wanted, after)) = (rest.strip_prefix("^(?=").map(|after| (true, after)))
            .or_else(|| rest.strip_prefix("^(?!").map(|after| (false, after)))
    {
        // What comes first of such a split is `^(?:…)`.
        let Some(ahead) =
            split_leading_lookaheads(&format!("^(?={after}")).map(|mut parts| parts.swap_remove(0))
        else {
            break;
        };
        let next = format!("^{}", &after[ahead.len() - "^(?:".len()..]);
        let ahead = json!({ "pattern": ahead });
        all.push(if is_wanted { ahead } else { json!({ "not": ahead }) });
        rest = next;
    }
    all.push(json!({ "pattern": rest }));
    let parts = all.len();
    (json!({ "allOf": all }), parts)
}

impl<'i> Keyword<'i, Counting> for Placed {
    fn validate(&self, node: Counted<'i>) -> Result<(), ValidationError<'i>> {
        // Of what is no text nothing is asked, neither by a pattern nor by what it must not be ahead.
        let Some(text) = node.text() else { return Ok(()) };
        if !node.steps().is_matched(text, self.pattern.longest, &self.rule) {
            return Ok(());
        }
        let matched = self.pattern.validator.validate(node);
        if let Err(error) = &matched
            && is_unfinished(error.kind())
        {
            node.steps().give_up(&self.rule);
        }
        matched
    }

    fn is_valid(&self, node: Counted<'i>) -> bool {
        // Only this way it is told whether a match came to an end.
        self.validate(node).is_ok()
    }
}

/// Whether nobody knows if the pattern matches.
pub(super) fn is_unfinished(kind: &ValidationErrorKind) -> bool {
    matches!(
        kind,
        ValidationErrorKind::BacktrackLimitExceeded { .. } | ValidationErrorKind::RegexEngineFailure { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::{super::compiled::Schema, *};

    fn schema(schema: &Value) -> Result<Schema, String> {
        Schema::compile(schema).map_err(|error| error.to_string())
    }

    /// What is said of `value`; nothing, where it follows.
    fn said(schema: &Schema, value: &Value) -> Option<String> {
        schema.check(value, value.to_string().len()).err().map(|error| error.to_string())
    }

    fn is_given_up(form: &Value, value: &Value) -> bool {
        said(&schema(form).unwrap(), value).is_some_and(|said| said.contains("takes too long"))
    }

    /// Of two letters, in no order that comes again.
    fn noise(bytes: usize) -> String {
        let mut rng = fastrand::Rng::with_seed(5);
        (0..bytes).map(|_| if rng.bool() { 'a' } else { 'b' }).collect()
    }

    #[test]
    fn patterns_mean_what_they_meant() {
        let patterns = [
            // As Zod writes an address of e-mail, and what forms ask of a text and of a password.
            r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
            r"^(?!\s*$).+",
            r"^(?=.*[A-Z])(?=.*\d)(?!.*\s).{6,20}$",
            r"^(?=a|b)(?![)(]|\))[a-z]",
            r"^(?=(a))\1b",
            r"^(?!a)b|c",
            r"(?=a)ab",
            r"^(?!)",
            r"^(?!a)(?!b)",
            r"(?<!a)b",
            r"^((?!ab).)*$",
            r"^.{1,262144}$",
            r"^\w+$",
            "b",
            "",
        ];
        let texts = [
            "",
            "a",
            "b",
            "c",
            "ab",
            "aab",
            "bc",
            ")",
            " ",
            "  b",
            "Ab1def",
            "Ab 1def",
            "abcdefg",
            "é",
            "\n",
            "ada@lovelace.org",
            "ada..l@x.org",
            ".ada@x.org",
            "ada@x",
        ];
        let (mut matched, mut all) = (0, 0);
        for pattern in patterns {
            for form in [json!({ "pattern": pattern }), json!({ "not": { "pattern": pattern } })] {
                let (ours, theirs) = (schema(&form).unwrap(), jsonschema::validator_for(&form).unwrap());
                for text in texts.map(Value::from) {
                    let follows = theirs.is_valid(&text);
                    assert_eq!(said(&ours, &text).is_none(), follows, "{text} and {form}");
                    (matched, all) = (matched + u32::from(follows), all + 1);
                }
                assert!(
                    said(&ours, &json!(7)).is_some() == form.get("not").is_some(),
                    "{form} is for texts alone"
                );
            }
        }
        assert_eq!(matched * 2, all);
    }

    #[test]
    fn all_patterns_of_a_schema_have_one_budget() {
        let properties = |number: usize, pattern: &dyn Fn(usize) -> String| {
            let named = (0..number).map(|at| (format!("p{at}"), json!({ "pattern": pattern(at) })));
            json!({ "properties": named.collect::<Map<_, _>>() })
        };
        let usual = |at: usize| format!("^{at}-[0-9a-f]{{8}}-[0-9a-f]{{4}}-[A-Za-z_][A-Za-z0-9_]{{0,63}}$");
        let usual = schema(&properties(100, &usual)).unwrap();
        assert!(usual.memory > 100 * CACHE);
        assert!(said(&usual, &json!({ "p7": "7-01234567-89ab-_x" })).is_none());
        let same = |_: usize| r"^\p{L}[\p{L} .'-]{0,40}$".to_owned();
        assert!(schema(&properties(1000, &same)).is_ok(), "the same one counts once");

        let large = |at: usize| format!(r"\p{{L}}{{90}}x{at}");
        let told = schema(&properties(100, &large)).unwrap_err();
        assert!(
            told.contains("has a pattern at `/properties/p") && told.contains("too much memory"),
            "{told}"
        );
        assert!(schema(&properties(1, &large)).is_ok(), "one alone is compiled");
        // Ahead, around and in names it is the same.
        let ahead = |at: usize| format!(r"^(?=\p{{L}}{{90}}x{at})(?!\p{{L}}{{80}}x{at})y");
        let around = |at: usize| format!(r"(?<=\p{{L}}{{90}}x{at})y(\p{{L}}{{80}}x{at})\1");
        assert!(schema(&properties(40, &ahead)).is_err() && schema(&properties(40, &around)).is_err());
        let names: Map<_, _> = (0..100).map(|at| (large(at), json!(true))).collect();
        let told = schema(&json!({ "items": { "patternProperties": names } })).unwrap_err();
        assert!(told.contains("has a pattern under `patternProperties`"), "{told}");
        for long in ["a".repeat(300_000), format!("^{}", "(?!a)".repeat(20_000))] {
            assert!(schema(&json!({ "pattern": long })).is_err());
        }
        // In a schema that points to itself too.
        let many: Vec<_> =
            (0..10).map(|at| json!({ "pattern": large(at), "items": { "$ref": "#" } })).collect();
        assert!(schema(&json!({ "properties": { "a": { "anyOf": many } } })).is_err());
    }

    #[test]
    fn a_text_that_is_too_long_for_its_pattern_is_given_up() {
        let counting = json!({ "pattern": "a[ab]{3000}[cd]" });
        assert!(said(&schema(&counting).unwrap(), &json!(noise(3100) + "c")).is_none());
        let long = json!(noise(1_000_000));
        assert!(is_given_up(&counting, &long));
        // Whatever is made of it: nobody knows.
        assert!(is_given_up(&json!({ "not": counting }), &long));
        assert!(is_given_up(&json!({ "anyOf": [counting, { "type": "string" }] }), &long));
        assert!(said(&schema(&json!({ "pattern": "^[ab]+$" })).unwrap(), &long).is_none());

        let going_back = json!({ "pattern": "^(?:.(?=[ab]*a[ab]{100}[ce]d)|.)*z" });
        assert!(said(&schema(&going_back).unwrap(), &json!("abz")).is_none());
        assert!(is_given_up(&going_back, &json!(noise(5000))));
    }

    #[test]
    fn names_are_matched_within_the_same_bounds() {
        let named = json!({ "patternProperties": { "^(?:a[ab]{3000}[cd]|n)": { "type": "null" } } });
        let schema_of_names = schema(&named).unwrap();
        assert!(said(&schema_of_names, &json!({ "n": null, "m": 1 })).is_none());
        assert!(said(&schema_of_names, &json!({ "n": 1 })).is_some());
        assert!(is_given_up(&named, &json!({ noise(1_000_000): null })));
        let lowercase = schema(&json!({ "propertyNames": { "pattern": "^(?!_)[a-z_]+$" } })).unwrap();
        assert!(
            said(&lowercase, &json!({ "a_b": 1 })).is_none()
                && said(&lowercase, &json!({ "_a": 1 })).is_some()
        );
    }

    #[test]
    fn a_match_that_goes_back_too_often_is_given_up() {
        let pattern = json!({ "pattern": "^((a+)\\2?)+$" });
        let text = json!(format!("{}b", "a".repeat(40)));
        assert!(is_given_up(&pattern, &text) && is_given_up(&json!({ "not": pattern }), &text));
    }
}
