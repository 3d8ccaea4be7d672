//! Which tool a result is of, for protocols whose results name it.

use std::collections::HashMap;

use ultraai_core::{Message, Part};

/// The names of the tools that earlier messages of a conversation call. One look finds a name: callers may send a hundred thousand
/// results, and a search for each would take as long as both together.
#[derive(Debug, Default)]
pub struct CalledTools<'a>(HashMap<&'a str, &'a str>);

impl<'a> CalledTools<'a> {
    /// Adds the calls of the next message.
    pub fn add(&mut self, message: &'a Message) {
        self.0.extend(message.content.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some((call.id.as_str(), call.name.as_str())),
            _ => None,
        }));
    }

    /// The tool of the latest call that has this id.
    pub fn name(&self, id: &str) -> Option<&'a str> {
        self.0.get(id).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_latest_call_of_an_id_names_the_tool() {
        let calls = |id: &str, name: &str| {
            let part = json!({ "type": "tool_call", "id": id, "name": name, "arguments": "{}" });
            let message = json!({ "role": "assistant", "content": [part] });
            serde_json::from_value::<Message>(message).unwrap()
        };
        let messages = [calls("1", "f"), calls("2", "g"), calls("1", "h")];
        let mut called = CalledTools::default();
        assert_eq!(called.name("1"), None);
        messages[..2].iter().for_each(|message| called.add(message));
        assert_eq!((called.name("1"), called.name("2"), called.name("3")), (Some("f"), Some("g"), None));
        called.add(&messages[2]);
        assert_eq!(called.name("1"), Some("h"));
    }
}
