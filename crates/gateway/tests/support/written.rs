//! A log in memory, which several tests read.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::Value;

/// What was written, in a place that others may read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines, once there are `count` or more.
    pub(crate) fn complete(&self, count: usize) -> Option<Vec<Value>> {
        let text = self.text();
        let is_there = text.lines().count() >= count && text.ends_with('\n');
        is_there.then(|| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}
