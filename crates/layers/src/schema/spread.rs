//! How much a schema asks of a single value, before it is compiled.
//!
//! What leads down into the answer ends with the answer. What is asked of the same value (by `$ref`, `allOf`, `anyOf` and so
//! on) has no other bound than the schema: forty definitions, each of which points to the next one twice, ask a million
//! million times for what the last one says, and a chain of ten thousand needs more stack than there is. Both are seen here
//! and refused, as is what takes as long only to be compiled.

use std::collections::{HashMap, HashSet};

use jsonschema::{Draft, Registry, Retrieve, Uri};
use referencing::Resolver;
use serde_json::Value;

/// Checks of one value that one schema may ask for. A choice between three hundred forms asks for a tenth of them; this many
/// take less than a millisecond.
const MOST_CHECKS: u64 = 30_000;

/// Schemas that may follow each other at one value, each inside of the one before.
const MOST_DEPTH: usize = 64;

/// Checks of one value that may be compiled once more for a choice between schemas and for what nothing else looked at. As
/// many take half a second.
const MOST_COMPILED: u64 = 100_000;

/// Schemas that may be compiled once more since they were reached through other `$id`s, on which `$dynamicRef` depends.
const MOST_SCOPES: usize = 1_000;

/// Items of a keyword's list, or its names, that are gone through in the time of one check.
const ITEMS_PER_CHECK: u64 = 16;

/// What is asked of one value at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    /// Checks that say whether it follows.
    pub(super) checks: u64,
    /// Checks, each inside of the one before.
    pub(super) depth: usize,
}

/// Why a schema is not compiled.
#[derive(Debug)]
pub(super) enum Unbounded {
    /// It comes back to itself at the same value.
    Circle,
    /// It asks for too much.
    Much,
    /// Something in it points elsewhere.
    Elsewhere(jsonschema::ReferencingError),
}

impl From<jsonschema::ReferencingError> for Unbounded {
    fn from(error: jsonschema::ReferencingError) -> Self {
        Self::Elsewhere(error)
    }
}

impl Spread {
    /// The most that `schema` asks of a value anywhere in the answer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of(schema: &Value) -> Result<Self, Unbounded> {
        let draft = Draft::default().detect(schema);
        let resource = draft.create_resource_ref(schema);
        let mut base = referencing::uri::from_str(resource.id().unwrap_or("json-schema:///"))?;
        if base.fragment().is_some_and(|fragment| fragment.as_str().is_empty()) {
            base.set_fragment(None);
        }
        let registry =
            Registry::new().retriever(Nothing).draft(draft).add(base.as_str(), resource)?.prepare()?;
        let mut walk = Walk::default();
        walk.later.push(Site { schema, resolver: registry.resolver(base), draft });
        while let Some(site) = walk.later.pop() {
            let ask = walk.ask(&site, 0)?;
            walk.most.checks = walk.most.checks.max(ask.valid);
            walk.most.depth = walk.most.depth.max(ask.depth);
        }
        Ok(walk.most)
    }
}

/// Fetches nothing.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("nothing is fetched".into())
    }
}

/// A schema, and what its references are relative to.
#[derive(Clone)]
struct Site<'a> {
    schema: &'a Value,
    resolver: Resolver<'a>,
    draft: Draft,
}

/// What one schema asks of one value, with all that it leads to there.
#[derive(Clone, Copy, Default)]
struct Ask {
    /// Checks that say whether it follows.
    valid: u64,
    /// Checks that say what of it was looked at, for `unevaluatedProperties` and `unevaluatedItems`.
    marked: u64,
    /// Checks that say where it does not follow.
    told: u64,
    depth: usize,
}

/// How a schema was come by: the base of its references after the `$id`s on the way, each where it was first met, since a
/// `$dynamicRef` looks for its target from there.
type Scope = Vec<String>;

fn scope(resolver: &Resolver<'_>) -> Scope {
    let mut scope: Scope = resolver.dynamic_scope().iter().map(|id| id.as_str().to_owned()).collect();
    scope.reverse();
    let mut met = HashSet::new();
    scope.retain(|id| met.insert(id.clone()));
    scope.push(resolver.base_uri().as_str().to_owned());
    scope
}

#[derive(Default)]
struct Walk<'a> {
    /// What was seen, by address: no value moves while it is borrowed. Nothing is known yet of what is under way.
    seen: HashMap<usize, Vec<(Scope, Option<Ask>)>>,
    /// What is asked of values further down in the answer.
    later: Vec<Site<'a>>,
    scopes: usize,
    compiled: u64,
    most: Spread,
}

impl<'a> Walk<'a> {
    fn ask(&mut self, site: &Site<'a>, depth: usize) -> Result<Ask, Unbounded> {
        if depth >= MOST_DEPTH {
            return Err(Unbounded::Much);
        }
        let resource = site.draft.detect(site.schema).create_resource_ref(site.schema);
        let site = Site {
            resolver: site.resolver.in_subresource(resource)?,
            draft: resource.draft(),
            schema: site.schema,
        };
        let address = std::ptr::from_ref(site.schema) as usize;
        let scope = scope(&site.resolver);
        let scopes = self.seen.entry(address).or_default();
        let place = scopes.len();
        if let Some((_, ask)) = scopes.iter().find(|(seen, _)| *seen == scope) {
            return ask.ok_or(Unbounded::Circle).and_then(|ask| within(ask, depth));
        }
        scopes.push((scope, None));
        self.scopes += usize::from(place > 0);
        let ask = self.asked_anew(&site, depth)?;
        if ask.told > MOST_CHECKS || self.compiled > MOST_COMPILED || self.scopes > MOST_SCOPES {
            return Err(Unbounded::Much);
        }
        if let Some((_, known)) = self.seen.get_mut(&address).and_then(|scopes| scopes.get_mut(place)) {
            *known = Some(ask);
        }
        Ok(ask)
    }

    fn asked_anew(&mut self, site: &Site<'a>, depth: usize) -> Result<Ask, Unbounded> {
        let Value::Object(keywords) = site.schema else {
            return Ok(Ask { valid: 1, marked: 1, told: 1, depth: 1 });
        };
        let mut own = 1;
        let mut inner = Ask::default();
        let (mut marks, mut chooses) = (false, false);
        // Drafts up to 7 ignore what stands beside a reference.
        let is_alone = matches!(site.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        let is_alone = is_alone && keywords.contains_key("$ref");
        for (keyword, value) in keywords.iter().filter(|(keyword, _)| !is_alone || *keyword == "$ref") {
            let items = match value {
                Value::Array(items) => items.len(),
                Value::Object(fields) => fields.len(),
                _ => 0,
            };
            own += items as u64 / ITEMS_PER_CHECK;
            marks |= matches!(keyword.as_str(), "unevaluatedProperties" | "unevaluatedItems");
            chooses |= matches!(keyword.as_str(), "anyOf" | "oneOf");
            for site in site.same_value(keyword, value)? {
                let ask = self.ask(&site, depth + 1)?;
                inner.valid = inner.valid.saturating_add(ask.valid);
                inner.marked = inner.marked.saturating_add(ask.marked);
                inner.told = inner.told.saturating_add(ask.told);
                inner.depth = inner.depth.max(ask.depth);
            }
            self.later.extend(site.further_down(keyword, value));
        }
        // What was looked at is asked of each schema that the value follows. Where it does not follow is asked of what it was
        // found not to follow.
        let marked = inner.valid.saturating_add(inner.marked).saturating_add(own);
        let twice = if marks { marked } else { 0 };
        let valid = inner.valid.saturating_add(own).saturating_add(twice);
        let told = inner.told.saturating_add(valid);
        if marks || chooses {
            self.compiled = self.compiled.saturating_add(if marks { marked } else { valid });
        }
        Ok(Ask { valid, marked, told, depth: inner.depth + 1 })
    }
}

/// What was seen before, where it stands at another depth now.
fn within(ask: Ask, depth: usize) -> Result<Ask, Unbounded> {
    if depth + ask.depth > MOST_DEPTH { Err(Unbounded::Much) } else { Ok(ask) }
}

impl<'a> Site<'a> {
    /// The schemas that a keyword asks the same value to follow.
    fn same_value(&self, keyword: &str, value: &'a Value) -> Result<Vec<Self>, Unbounded> {
        let pointed = match (keyword, value) {
            // Without a name it is left out.
            ("$ref" | "$dynamicRef", Value::String(to)) if !to.is_empty() => self.resolver.lookup(to)?,
            ("$recursiveRef", Value::String(_)) => return self.recursive(),
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => return Ok(self.all(schemas)),
            ("not" | "if" | "then" | "else", schema) => return Ok(self.all([schema])),
            ("dependentSchemas" | "dependencies", Value::Object(named)) => {
                return Ok(self.all(named.values()));
            }
            _ => return Ok(Vec::new()),
        };
        let (schema, resolver, draft) = pointed.into_inner();
        Ok(vec![Self { schema, resolver, draft }])
    }

    /// What `$recursiveRef` may point to: which one it is depends on more than the scope that is kept.
    fn recursive(&self) -> Result<Vec<Self>, Unbounded> {
        let mut sites: Vec<Self> = Vec::new();
        let scope = scope(&self.resolver);
        for id in scope.iter().map(String::as_str).chain(["#"]) {
            let (schema, resolver, draft) = self.resolver.lookup(id)?.into_inner();
            if sites.iter().all(|site| !std::ptr::eq(site.schema, schema)) {
                sites.push(Self { schema, resolver, draft });
            }
        }
        Ok(sites)
    }

    /// The schemas that a keyword asks values further down to follow.
    fn further_down(&self, keyword: &str, value: &'a Value) -> Vec<Self> {
        match (keyword, value) {
            ("properties" | "patternProperties", Value::Object(named)) => self.all(named.values()),
            ("items" | "prefixItems", Value::Array(schemas)) => self.all(schemas),
            (
                "items"
                | "additionalItems"
                | "unevaluatedItems"
                | "contains"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "propertyNames"
                | "contentSchema",
                schema,
            ) => self.all([schema]),
            _ => Vec::new(),
        }
    }

    fn all(&self, schemas: impl IntoIterator<Item = &'a Value>) -> Vec<Self> {
        let site = |schema| Self { schema, ..self.clone() };
        schemas.into_iter().filter(|schema| schema.is_object() || schema.is_boolean()).map(site).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    };

    use fastrand::Rng;
    use jsonschema::{Keyword, ValidationError};
    use serde_json::{Map, json};

    use super::*;

    /// How often a schema was asked.
    #[derive(Clone, Default)]
    struct Asked(Arc<AtomicU64>);

    impl<'i> Keyword<'i> for Asked {
        fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
            if self.is_valid(value) { Ok(()) } else { Err(ValidationError::custom("no object")) }
        }

        fn is_valid(&self, value: &'i Value) -> bool {
            self.0.fetch_add(1, Relaxed);
            value.is_object()
        }
    }

    /// A schema of one value, of definitions each of which points to later ones.
    fn random(rng: &mut Rng) -> Value {
        fn part(rng: &mut Rng, after: usize, depth: usize) -> Value {
            let inner = |rng: &mut Rng| part(rng, after, depth + 1);
            if depth > 2 || rng.u8(..4) == 0 {
                return if after < LAST && rng.u8(..4) > 0 {
                    json!({ "$ref": format!("#/$defs/{}", rng.usize(after + 1..=LAST)) })
                } else {
                    json!({ "asked": true })
                };
            }
            let (one, other, third) = (inner(rng), inner(rng), inner(rng));
            match rng.u8(..9) {
                0 => json!({"allOf": [one, other]}),
                1 => json!({"anyOf": [one, other, third]}),
                2 => json!({"oneOf": [one, other]}),
                3 => json!({"not": one}),
                4 => json!({"if": one, "then": other, "else": third}),
                5 => json!({"unevaluatedProperties": false, "anyOf": [one, other]}),
                6 => json!({"unevaluatedItems": {"type": "null"}, "allOf": [one, other]}),
                7 => json!({"dependentSchemas": {"a": one}, "asked": true}),
                _ => json!({"asked": true, "allOf": [one], "anyOf": [other, third]}),
            }
        }
        const LAST: usize = 4;
        let named: Map<String, Value> =
            (0..=LAST).map(|number| (number.to_string(), part(rng, number, 0))).collect();
        json!({ "$defs": named, "$ref": "#/$defs/0" })
    }

    #[test]
    fn no_schema_asks_for_more_than_it_is_said_to() {
        let mut rng = Rng::with_seed(7);
        let (mut many, mut refused) = (0, 0);
        for round in 0..200 {
            let schema = random(&mut rng);
            let Ok(spread) = Spread::of(&schema) else {
                refused += 1;
                continue;
            };
            let asked = Asked::default();
            let counts = asked.clone();
            let options = jsonschema::options();
            let options = options.with_keyword("asked", move |_, _, _| Ok(Box::new(counts.clone())));
            let validator = options.build(&schema).unwrap();
            for value in [json!({}), json!({"a": 1}), json!([1]), json!(1)] {
                asked.0.store(0, Relaxed);
                let _ = validator.is_valid(&value);
                let valid = asked.0.swap(0, Relaxed);
                assert!(valid <= spread.checks, "{round}: {valid} of {spread:?} for {value}: {schema}");
                let _ = validator.validate(&value);
                let told = asked.0.load(Relaxed);
                let most = spread.checks * (1 + spread.depth as u64);
                assert!(told <= most, "{round}: {told} of {spread:?} for {value}: {schema}");
                many += u32::from(valid > 20);
            }
        }
        assert!(many > 30 && refused < 100, "{many} asked for much, {refused} were refused");
    }

    #[test]
    fn what_a_schema_asks_of_one_value_is_counted() {
        let checks = |schema: Value| Spread::of(&schema).map(|spread| (spread.checks, spread.depth)).ok();
        assert_eq!(checks(json!(true)), Some((1, 1)));
        assert_eq!(checks(json!({"properties": {"a": {"type": "null"}}})), Some((1, 1)));
        assert_eq!(checks(json!({"anyOf": [{"type": "null"}, {"type": "string"}]})), Some((3, 2)));
        let tree = json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}});
        assert_eq!(checks(tree), Some((2, 2)), "a reference, and what it points to");
        assert_eq!(checks(json!({"enum": vec![1; 320]})), Some((21, 1)));
    }
}
