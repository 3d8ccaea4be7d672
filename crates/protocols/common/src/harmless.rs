//! Fields of one protocol that another may do without, since they change no answer.

use serde_json::{Map, Value};
use ultraai_core::Losses;

/// What a field that changes no answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harmless {
    /// What is so anyway.
    Usual,
    /// Something that helps a vendor, and nobody else.
    Hint,
}

/// Whether the field `key` of a request that was read from the protocol `origin` changes no answer, so that those who write it
/// in `protocol` may do without it. One that helps its own vendor is left out with a word; one that says what is so anyway,
/// without.
pub fn is_harmless(
    origin: Option<&str>,
    key: &str,
    value: &Value,
    protocol: &str,
    losses: &mut Losses,
) -> bool {
    let found = origin.filter(|origin| *origin != protocol).and_then(|origin| harmless(origin, key, value));
    if found == Some(Harmless::Hint) {
        losses.leave_out(
            &format!("`{key}`"),
            &format!("it changes no answer, and {protocol} has no such field"),
        );
    }
    found.is_some()
}

/// Whether the field `key` of a tool, in a request that was read from the protocol `origin`, changes no answer: Anthropic's says
/// in which pieces the arguments of calls come.
pub fn is_harmless_of_tool(origin: Option<&str>, key: &str) -> bool {
    origin == Some("anthropic-messages") && key == "eager_input_streaming"
}

/// Whether a word for how a request is served is that of how it is served anyway:
/// <https://developers.openai.com/api/docs/guides/priority-processing>, <https://platform.claude.com/docs/en/api/service-tiers>.
pub fn is_usual_tier(word: &str) -> bool {
    matches!(word, "auto" | "default" | "standard" | "standard_only")
}

fn harmless(origin: &str, key: &str, value: &Value) -> Option<Harmless> {
    use Harmless::{Hint, Usual};
    let usual = |is_usual: bool| is_usual.then_some(Usual);
    let only =
        |fields: &Map<String, Value>, known: &[&str]| fields.keys().all(|key| known.contains(&key.as_str()));
    match (origin, key) {
        ("openai-chat" | "openai-responses", _) => match (key, value) {
            ("store", Value::Bool(false)) => Some(Usual),
            // Nobody but the vendor keeps it, and it is asked for later by another request.
            ("store", Value::Bool(true))
            | (
                "prompt_cache_key" | "prompt_cache_retention" | "prompt_cache_options" | "safety_identifier",
                _,
            ) => Some(Hint),
            ("stream_options", Value::Object(options)) => {
                usual(only(options, &["include_usage", "include_obfuscation"]))
            }
            _ if origin == "openai-chat" => of_chat(key, value),
            ("background", _) => usual(*value == Value::Bool(false)),
            ("truncation", _) => usual(value == "disabled"),
            ("include", _) => usual(is_empty(value)),
            ("text", Value::Object(text)) => {
                usual(only(text, &["verbosity"]) && text.values().all(|word| word == "medium"))
            }
            _ => None,
        },
        // What needs such a feature stands in a field of its own.
        ("anthropic-messages", "betas" | "cache_control") => Some(Hint),
        ("anthropic-messages", "mcp_servers") => usual(is_empty(value)),
        ("anthropic-messages", "context_management") => {
            let edits = value.as_object().filter(|it| only(it, &["edits"])).map(Map::values);
            usual(edits.is_some_and(|mut edits| edits.all(forgets_thoughts)))
        }
        _ => None,
    }
}

fn of_chat(key: &str, value: &Value) -> Option<Harmless> {
    let is_usual = match key {
        // It makes an answer faster.
        "prediction" => return Some(Harmless::Hint),
        "logit_bias" | "functions" => is_empty(value),
        // Those that are there are refused by their own name.
        "function_call" => value == "auto" || value == "none",
        "modalities" => value.as_array().is_some_and(|list| list.iter().all(|word| word == "text")),
        "verbosity" => value == "medium",
        _ => false,
    };
    is_usual.then_some(Harmless::Usual)
}

/// Whether edits of a conversation are about its thinking alone, which another vendor never sees.
fn forgets_thoughts(edits: &Value) -> bool {
    let of_thinking =
        |edit: &Value| edit["type"].as_str().is_some_and(|it| it.starts_with("clear_thinking_"));
    edits.as_array().is_some_and(|edits| edits.iter().all(of_thinking))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changes_no_answer_is_left_out_with_a_word_where_it_helps_somebody() {
        let (chat, responses, messages) = ("openai-chat", "openai-responses", "anthropic-messages");
        for (origin, key, value, expected) in [
            (chat, "store", json!(false), Some(Harmless::Usual)),
            (responses, "store", json!(true), Some(Harmless::Hint)),
            (chat, "safety_identifier", json!("a"), Some(Harmless::Hint)),
            (responses, "prompt_cache_key", json!("a"), Some(Harmless::Hint)),
            (chat, "stream_options", json!({ "include_obfuscation": false }), Some(Harmless::Usual)),
            (chat, "stream_options", json!({ "novel": 1 }), None),
            (chat, "modalities", json!(["text"]), Some(Harmless::Usual)),
            (chat, "modalities", json!(["text", "audio"]), None),
            (chat, "logit_bias", json!({}), Some(Harmless::Usual)),
            (chat, "logit_bias", json!({ "7": 1 }), None),
            (chat, "truncation", json!("disabled"), None),
            (responses, "truncation", json!("disabled"), Some(Harmless::Usual)),
            (responses, "truncation", json!("auto"), None),
            (responses, "background", json!(false), Some(Harmless::Usual)),
            (responses, "background", json!(true), None),
            (responses, "include", json!([]), Some(Harmless::Usual)),
            (responses, "include", json!(["novel"]), None),
            (responses, "text", json!({ "verbosity": "medium" }), Some(Harmless::Usual)),
            (responses, "text", json!({ "verbosity": "low" }), None),
            (responses, "previous_response_id", json!("a"), None),
            (messages, "betas", json!(["a"]), Some(Harmless::Hint)),
            (messages, "mcp_servers", json!([]), Some(Harmless::Usual)),
            (messages, "mcp_servers", json!([{}]), None),
            (messages, "context_management", json!({ "edits": [] }), Some(Harmless::Usual)),
            (
                messages,
                "context_management",
                json!({ "edits": [{ "type": "clear_thinking_20251015", "keep": "all" }] }),
                Some(Harmless::Usual),
            ),
            (
                messages,
                "context_management",
                json!({ "edits": [{ "type": "clear_tool_uses_20250919" }] }),
                None,
            ),
            (messages, "store", json!(false), None),
        ] {
            assert_eq!(harmless(origin, key, &value), expected, "{origin}: {key}");
        }
        let mut losses = Losses::refused();
        assert!(is_harmless(Some(chat), "safety_identifier", &json!("a"), "gemini", &mut losses));
        assert!(is_harmless(Some(chat), "store", &json!(false), "gemini", &mut losses));
        assert_eq!(
            losses.as_slice(),
            ["`safety_identifier`: it changes no answer, and gemini has no such field"]
        );
        assert!(!is_harmless(Some(chat), "store", &json!(false), chat, &mut losses));
        assert!(is_harmless_of_tool(Some(messages), "eager_input_streaming"));
        assert!(!is_harmless_of_tool(Some(messages), "defer_loading"));
        assert!(!is_harmless(None, "store", &json!(false), "gemini", &mut losses));
    }
}
