//! A schema that was compiled, and what is said of an answer that does not follow it.

use std::{collections::BTreeSet, fmt, fmt::Write as _};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;
use ultraai_core::{Error, ErrorKind, Result};

use super::{
    form::no_good,
    patterns::{Patterns, is_unfinished},
    spread::{Spread, Unbounded},
    steps::{Counting, Steps},
};

/// Bytes that a schema may have: ten times what vendors take, and as many are compiled in a fifth of a second.
const MOST_BYTES: usize = 1 << 20;

/// Bytes of memory that a byte of a schema takes with what is compiled of it: as many as many small objects take.
const MEMORY_PER_BYTE: usize = 64;

/// Steps that the check of any answer may take, and those that it may take more for each byte of it: at least ten times what
/// usual schemas take, of which a worker does ten or more in a microsecond.
const STEPS: u64 = 2_000_000;
const STEPS_PER_BYTE: u64 = 4;

/// Steps that no check takes, however long the answer is.
const MOST_STEPS: u64 = 32_000_000;

/// Steps that it may take more to say where an answer does not follow than to find that it does not: each branch that it does
/// not follow is told for its own, which holds some hundred bytes.
const STEPS_TO_TELL: u64 = 100_000;

/// A schema that was compiled.
pub(super) struct Schema {
    validator: Validator<Counting>,
    spread: Spread,
    /// The longest name that its patterns of names are matched with.
    longest_name: usize,
    /// Bytes of memory that it takes, what it was compiled from included.
    pub(super) memory: usize,
    /// Every word of it. What else stands in a pointer, the model wrote.
    words: BTreeSet<String>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place and the rule of JSON Schema that it breaks, or what it points to elsewhere, or
    /// says that it asks for too much.
    pub(super) fn compile(schema: &Value) -> Result<Self> {
        let bytes = schema.to_string().len();
        if bytes > MOST_BYTES {
            return Err(too_long(bytes));
        }
        let spread = Spread::of(schema).map_err(unbounded)?;
        let patterns = Patterns::default();
        let longest_name =
            patterns.longest_name(schema).ok_or_else(|| no_pattern("under `patternProperties`"))?;
        let validator = patterns.compile(schema).map_err(|error| no_schema(&error))?;
        let mut words = BTreeSet::new();
        collect(schema, &mut words);
        let memory = patterns.bytes() + MEMORY_PER_BYTE * bytes;
        Ok(Self { validator, spread, longest_name, memory, words })
    }

    /// Checks what was answered, in so many bytes.
    ///
    /// # Errors
    /// `NoGoodAnswer`, which names the place and the rule of the schema, and nothing that was answered; `InvalidRequest` where
    /// the schema asks for more work than is done for an answer.
    pub(super) fn check(&self, value: &Value, bytes: usize) -> Result<()> {
        let most = MOST_STEPS.min(STEPS.saturating_add(STEPS_PER_BYTE.saturating_mul(bytes as u64)));
        let steps_of = |most| Steps::new(most, self.spread).with_longest_name(self.longest_name);
        let steps = steps_of(most);
        let is_valid = self.validator.is_valid(steps.of(value));
        if let Some(rule) = steps.given_up() {
            return Err(no_good(format!(
                "whether its answer follows the schema's rule `{rule}` cannot be said: the pattern takes too long for it"
            )));
        }
        if steps.left() == 0 {
            return Err(too_much());
        }
        if is_valid {
            return Ok(());
        }
        // Whether it follows is found by the branch that its words choose, and each part once. Where it does not is told for
        // all branches and each time, which may take ages of the most usual schemas.
        let telling = steps_of(2 * (most - steps.left()) + STEPS_TO_TELL);
        let error = match self.validator.validate(telling.of(value)) {
            Err(error) if telling.left() > 0 => error,
            _ => return Err(no_good("its answer does not follow the schema, in one of many places")),
        };
        let place = self.place(error.instance_path().as_str());
        let rule = error.evaluation_path().to_string();
        if is_unfinished(error.kind()) {
            return Err(no_good(format!(
                "whether {place} of its answer follows the schema's rule `{rule}` cannot be said: the pattern takes too long for it"
            )));
        }
        let mut message = format!("its answer does not follow the schema: {place} breaks the rule `{rule}`");
        if let ValidationErrorKind::Required { property } = error.kind() {
            let _ = write!(message, ", since {property} is missing");
        }
        Err(no_good(message))
    }

    /// A place in an answer. Names that the schema does not have are the model's own words, and are not repeated.
    fn place(&self, pointer: &str) -> String {
        if pointer.is_empty() {
            return "the top".to_owned();
        }
        let mut place = String::new();
        for segment in pointer.split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
            let is_known = segment.bytes().all(|byte| byte.is_ascii_digit()) || self.words.contains(&name);
            place.push('/');
            place.push_str(if is_known { segment } else { "*" });
        }
        format!("`{place}`")
    }
}

/// Puts all names and texts of `value` into `words`.
fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            words.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            words.insert(name.clone());
            collect(value, words);
        }),
        _ => {}
    }
}

/// Says why an answer could not be checked. Nobody else is asked: the next answer would cost as much, and be checked no more.
fn too_much() -> Error {
    let message = "whether the answer follows the schema of `response_format` cannot be said: the schema asks for too much work, \
                   since many ways through its `$ref`, `allOf`, `anyOf` and `oneOf` lead to the same part of the answer";
    Error::new(ErrorKind::InvalidRequest, message)
}

/// Says what is wrong with the schema, before anything is sent.
fn refused(why: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("the schema of `response_format` {why}")).unsent()
}

/// Says why a schema is not compiled.
fn unbounded(why: Unbounded) -> Error {
    let why = match why {
        Unbounded::Elsewhere(error) => return no_schema(&ValidationError::from(error)),
        Unbounded::Circle => {
            "points back to itself without going into the answer, so that no check would end: put such a `$ref` under `properties` or `items`"
        }
        Unbounded::Much => {
            "asks for too much work at one part of the answer: have its `$ref`, `allOf`, `anyOf` and `oneOf` lead to fewer schemas, less deep"
        }
    };
    refused(why)
}

/// Says that a schema is not compiled.
fn too_long(bytes: usize) -> Error {
    refused(format_args!("has {bytes} bytes, and answers are checked by schemas of up to {MOST_BYTES}"))
}

/// Says that a pattern is not compiled.
fn no_pattern(place: &str) -> Error {
    refused(format_args!(
        "has a pattern {place} that is no regular expression, or that takes too much memory with those before it: have it \
         repeat less, or use `maxLength`"
    ))
}

/// Says why something is no schema.
fn no_schema(error: &ValidationError<'_>) -> Error {
    use jsonschema::ReferencingError as E;
    let why = match error.kind() {
        ValidationErrorKind::Referencing(E::Unretrievable { uri, .. }) => {
            format!("points to `{uri}`, and nothing is fetched for it: put what it points to under `$defs`")
        }
        ValidationErrorKind::Referencing(E::UnknownSpecification { specification }) => {
            format!("follows `{specification}`, which is not known: leave `$schema` out")
        }
        ValidationErrorKind::Referencing(other) => format!("points to nowhere: {other}"),
        ValidationErrorKind::Custom { .. } => return no_pattern(&format!("at `{}`", error.schema_path())),
        _ => match error.instance_path().as_str() {
            "" => format!("is no JSON schema (rule `{}`)", error.kind().keyword()),
            place => format!("is no JSON schema at `{place}` (rule `{}`)", error.kind().keyword()),
        },
    };
    refused(why)
}
