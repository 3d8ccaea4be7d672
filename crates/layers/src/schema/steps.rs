//! An answer whose reading is counted, so that checking it ends whatever the schema asks for.
//!
//! How much work a schema makes cannot be told from the schema alone: an answer may be looked at once for each way that leads
//! to it, and why it does not follow is told once for each branch that it does not follow, at each depth. So each look at the
//! answer is a step, and once the steps are used up the answer looks empty. What is left then is what the schema asks of a
//! single value, which [`super::spread`] bounds.
#![expect(
    clippy::disallowed_types,
    reason = "what is bounded is the time of work between two awaits, which no test's clock moves"
)]

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell},
    ops::ControlFlow,
    time::{Duration, Instant},
};

use jsonschema::{
    JsonType,
    json::{Array, Json, Node, NodeIdentity, Object, cmp, unique},
};
use serde_json::{Map, Number, Value};

use super::spread::Spread;

/// Checks of one value that are made without a look at it in the time of one step.
const CHECKS_PER_STEP: u64 = 32;

/// Bytes of a text that are read in the time of one step.
const BYTES_PER_STEP: usize = 64;

/// Checks that may wait for another one to end, each inside of the one before: more of them than half of a worker's stack of
/// 2 MiB holds in a build without optimizations.
const MOST_NESTED: usize = 600;

/// How long a check may take that matches patterns: what they take cannot be told from how often they are asked.
const MOST_TIME: Duration = Duration::from_secs(3);

/// Steps that are left of those that a check may take.
#[derive(Debug)]
pub(super) struct Steps {
    left: Cell<u64>,
    per_value: u64,
    deepest: usize,
    longest_name: usize,
    until: Instant,
    given_up: OnceCell<String>,
}

impl Steps {
    pub(super) fn new(most: u64, spread: Spread) -> Self {
        Self {
            left: Cell::new(most),
            per_value: 1 + spread.checks / CHECKS_PER_STEP,
            deepest: MOST_NESTED / spread.depth.max(1),
            longest_name: usize::MAX,
            until: Instant::now() + MOST_TIME,
            given_up: OnceCell::new(),
        }
    }

    /// Where names are matched with patterns: none that is longer.
    pub(super) fn with_longest_name(self, longest_name: usize) -> Self {
        Self { longest_name, ..self }
    }

    /// The answer, each look at which is a step.
    pub(super) fn of<'a>(&'a self, answer: &'a Value) -> Counted<'a> {
        Counted { value: answer, steps: self, depth: 0 }
    }

    pub(super) fn left(&self) -> u64 {
        self.left.get()
    }

    /// The rule with a pattern that takes too long, so that nothing can be said of the answer.
    pub(super) fn given_up(&self) -> Option<&str> {
        self.given_up.get().map(String::as_str)
    }

    /// Whether there is time to match `text` with a pattern that takes too long for what is longer than `longest`; if not, the
    /// check is given up.
    pub(super) fn is_matched(&self, text: &str, longest: usize, rule: &str) -> bool {
        let is_matched = text.len() <= longest && Instant::now() < self.until;
        if !is_matched {
            self.give_up(rule);
        }
        is_matched
    }

    /// Ends the check, since nobody knows whether the answer follows `rule`.
    pub(super) fn give_up(&self, rule: &str) {
        self.given_up.get_or_init(|| rule.to_owned());
        self.left.set(0);
    }

    /// Takes steps, and says whether there were as many.
    fn take(&self, steps: u64) -> bool {
        let left = self.left.get().saturating_sub(steps);
        self.left.set(left);
        left > 0
    }

    fn take_bytes(&self, text: &str) -> bool {
        self.take(1 + (text.len() / BYTES_PER_STEP) as u64)
    }
}

/// Answers of which each look is counted.
pub(super) enum Counting {}

/// A value of an answer.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    value: &'a Value,
    steps: &'a Steps,
    depth: usize,
}

impl<'a> Counted<'a> {
    fn look(self) -> Option<&'a Value> {
        self.steps.take(1).then_some(self.value)
    }

    /// A value in it. Where the check would nest too deep, all steps are taken, so that it ends.
    fn inner(self, value: &'a Value) -> Option<Self> {
        let depth = self.depth + 1;
        let steps = if depth <= self.steps.deepest { self.steps.per_value } else { u64::MAX };
        self.steps.take(steps).then_some(Self { value, depth, ..self })
    }

    /// The text that it is, which takes no step.
    pub(super) fn text(self) -> Option<&'a str> {
        self.value.as_str()
    }

    pub(super) fn steps(self) -> &'a Steps {
        self.steps
    }

    /// Whether it is `expected`, where numbers are the same that mean the same.
    fn equals(self, value: &Value, expected: &Value) -> bool {
        match (value, expected) {
            (Value::String(text), Value::String(other)) => {
                text.len() == other.len() && self.steps.take_bytes(text) && text == other
            }
            (Value::Array(values), Value::Array(others)) => {
                let mut pairs = values.iter().zip(others);
                self.steps.take(1)
                    && values.len() == others.len()
                    && pairs.all(|(value, other)| self.equals(value, other))
            }
            (Value::Object(fields), Value::Object(others)) => {
                self.steps.take(1)
                    && fields.len() == others.len()
                    && fields
                        .iter()
                        .all(|(name, value)| others.get(name).is_some_and(|other| self.equals(value, other)))
            }
            _ => self.steps.take(1) && cmp::equal(value, expected),
        }
    }

    /// Takes the steps in which all of it is read.
    fn take_all(self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.steps.take_bytes(text),
            Value::Array(values) => self.steps.take(1) && values.iter().all(|value| self.take_all(value)),
            Value::Object(fields) => {
                let mut fields = fields.iter();
                self.steps.take(1)
                    && fields.all(|(name, value)| self.steps.take_bytes(name) && self.take_all(value))
            }
            _ => self.steps.take(1),
        }
    }
}

impl Json for Counting {
    type Node<'a> = Counted<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    // As for `serde_json`'s values.
    const KEYS_PER_LOOKUP: usize = 2;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Counted<'_>) -> T) -> T {
        // Never called for an answer: its names come by `try_for_each_name_node`, which counts.
        let steps = Steps::new(u64::MAX, Spread::default());
        f(steps.of(&Value::String(string.to_owned())))
    }
}

impl<'a> Node<'a, Counting> for Counted<'a> {
    type Object = Fields<'a>;
    type Array = Elements<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Fields<'a>> {
        self.look()?.as_object().map(|fields| Fields { fields, node: *self })
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        self.look()?.as_array().map(|values| Elements { values, node: *self })
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.look()?.as_str()?;
        self.steps.take_bytes(text).then_some(Cow::Borrowed(text))
    }

    fn as_number(&self) -> Option<&'a Number> {
        self.look()?.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        self.look()?.as_bool()
    }

    fn is_null(&self) -> bool {
        self.json_type() == JsonType::Null
    }

    fn json_type(&self) -> JsonType {
        match self.look() {
            Some(Value::Object(_)) => JsonType::Object,
            Some(Value::Array(_)) => JsonType::Array,
            Some(Value::String(_)) => JsonType::String,
            Some(Value::Number(_)) => JsonType::Number,
            Some(Value::Bool(_)) => JsonType::Boolean,
            Some(Value::Null) | None => JsonType::Null,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        self.equals(self.value, expected)
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Borrowed(self.value)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.value) as usize))
    }
}

/// The fields of an object.
pub(super) struct Fields<'a> {
    fields: &'a Map<String, Value>,
    node: Counted<'a>,
}

impl<'a> Object<'a, Counting> for Fields<'a> {
    type Node = Counted<'a>;
    type MemberName = &'a str;
    type MembersIter = FieldsIter<'a>;

    fn len(&self) -> usize {
        self.fields.len()
    }

    fn get(&self, key: &String) -> Option<Counted<'a>> {
        self.node.look()?;
        self.node.inner(self.fields.get(key.as_str())?)
    }

    fn members(&self) -> FieldsIter<'a> {
        FieldsIter { fields: self.fields.iter(), node: self.node }
    }

    fn try_for_each_name_node<B>(
        &self,
        (): &mut (),
        mut f: impl FnMut(Counted<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for name in self.fields.keys() {
            let name = Value::String(name.clone());
            let Some(node) = self.node.inner(self.node.value).map(|node| Counted { value: &name, ..node })
            else {
                break;
            };
            f(node)?;
        }
        ControlFlow::Continue(())
    }
}

/// The fields of an object, one after the other.
pub(super) struct FieldsIter<'a> {
    fields: serde_json::map::Iter<'a>,
    node: Counted<'a>,
}

impl<'a> Iterator for FieldsIter<'a> {
    type Item = (&'a str, Counted<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.fields.next()?;
        let steps = self.node.steps;
        if steps.longest_name < usize::MAX && !steps.is_matched(name, steps.longest_name, "patternProperties")
        {
            return None;
        }
        self.node.inner(value).map(|value| (name.as_str(), value))
    }
}

/// The values of an array.
pub(super) struct Elements<'a> {
    values: &'a [Value],
    node: Counted<'a>,
}

impl<'a> Array<'a, Counting> for Elements<'a> {
    type Node = Counted<'a>;
    type ElementsIter = ElementsIter<'a>;

    fn len(&self) -> usize {
        self.values.len()
    }

    fn elements(&self) -> ElementsIter<'a> {
        ElementsIter { values: self.values.iter(), node: self.node }
    }

    fn is_unique(&self) -> bool {
        self.node.take_all(self.node.value) && unique::is_unique(self.values)
    }
}

/// The values of an array, one after the other.
pub(super) struct ElementsIter<'a> {
    values: std::slice::Iter<'a, Value>,
    node: Counted<'a>,
}

impl<'a> Iterator for ElementsIter<'a> {
    type Item = Counted<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.node.inner(self.values.next()?)
    }
}

#[cfg(test)]
mod tests {
    use jsonschema::json::conformance;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_counted_answer_is_what_it_was() {
        let document = conformance::document();
        let steps = Steps::new(u64::MAX, Spread::default());
        conformance::assert_conformance::<Counting>(&steps.of(&document));
        assert!(steps.left() < u64::MAX);
    }

    #[test]
    fn what_is_read_in_one_go_takes_as_many_steps_as_it_is_long() {
        let taken = |value: &Value, look: fn(Counted<'_>)| {
            let steps = Steps::new(1_000_000, Spread::default());
            look(steps.of(value));
            1_000_000 - steps.left()
        };
        let long = Value::from("a".repeat(64_000));
        assert!(taken(&long, |text| drop(text.as_string())) > 1_000);
        assert!(taken(&long, |text| assert!(text.equals_value(text.value))) > 1_000);
        let list = json!([vec![1; 500], vec![1; 500]]);
        assert!(
            taken(&list, |list| assert_eq!(list.as_array().map(|list| list.is_unique()), Some(false)))
                > 1_000
        );
        assert!(
            taken(&list, |list| assert!(list.equals_value(&json!([vec![1; 500], vec![1.0; 500]])))) > 1_000
        );
    }

    #[test]
    fn after_the_last_step_there_is_nothing_to_see() {
        let value = json!({"a": [1, 2, 3]});
        let steps = Steps::new(4, Spread::default());
        let fields = steps.of(&value).as_object().unwrap();
        let list = fields.get(&"a".to_owned()).unwrap();
        assert!(list.as_array().is_none());
        assert_eq!((steps.left(), fields.members().count()), (0, 0));
        assert!(steps.of(&value).as_object().is_none());
    }
}
