//! Schemas that were compiled before.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use serde_json::Value;
use ultraai_core::Result;

use super::compiled::Schema;

/// Schemas that are kept compiled, of all candidates together. An application has few; a gateway's callers bring theirs.
const MOST: usize = 64;

/// Bytes of memory that they may take.
const MOST_MEMORY: usize = 128 << 20;

static COMPILED: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// The schema, compiled now or before.
///
/// # Errors
/// `InvalidRequest`, where it is no schema.
pub(super) fn compiled(schema: &Value) -> Result<Arc<Schema>> {
    let lock = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = lock().get(schema) {
        return Ok(found);
    }
    // Outside of the lock: a large one takes its time, and compiling one twice does no harm.
    let made = Arc::new(Schema::compile(schema)?);
    lock().put(schema.clone(), Arc::clone(&made));
    Ok(made)
}

/// The schemas that were used last.
#[derive(Default)]
struct Cache {
    entries: HashMap<Value, (Arc<Schema>, u64)>,
    uses: u64,
}

impl Cache {
    fn get(&mut self, schema: &Value) -> Option<Arc<Schema>> {
        self.uses += 1;
        let (found, used) = self.entries.get_mut(schema)?;
        *used = self.uses;
        Some(Arc::clone(found))
    }

    fn put(&mut self, schema: Value, made: Arc<Schema>) {
        self.uses += 1;
        self.entries.insert(schema, (made, self.uses));
        while self.entries.len() > MOST || self.memory() > MOST_MEMORY {
            let oldest = self.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.entries.remove(&oldest);
        }
    }

    fn memory(&self) -> usize {
        self.entries.values().map(|(made, _)| made.memory).sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schemas_that_were_used_last_are_kept() {
        let mut cache = Cache::default();
        let schema = |number: usize| json!({"type": "integer", "maximum": number});
        for number in 0..MOST + 10 {
            cache.put(schema(number), Arc::new(Schema::compile(&schema(number)).unwrap()));
            assert!(cache.get(&schema(0)).is_some(), "the one that is always used is gone at {number}");
        }
        assert_eq!(cache.entries.len(), MOST);
        assert!(cache.get(&schema(1)).is_none());
        assert!(cache.get(&schema(MOST + 9)).is_some());
    }

    #[test]
    fn those_that_are_kept_take_no_more_memory_than_they_may() {
        let mut cache = Cache::default();
        let schema = |number: usize| json!({"properties": {"a": {"enum": ["a".repeat(500_000), number]}}});
        for number in 0..10 {
            cache.put(schema(number), Arc::new(Schema::compile(&schema(number)).unwrap()));
            assert!(cache.get(&schema(number)).is_some() && cache.memory() <= MOST_MEMORY);
        }
        assert_eq!(cache.entries.len(), 4);
    }

    #[test]
    fn a_schema_is_compiled_once() {
        let schema = json!({"type": "integer", "maximum": 4711});
        assert!(Arc::ptr_eq(&compiled(&schema).unwrap(), &compiled(&schema).unwrap()));
    }
}
