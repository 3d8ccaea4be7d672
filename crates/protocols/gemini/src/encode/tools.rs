//! Tools, and whether and which of them must be called.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};
use ultraai_core::{ChatRequest, Losses, Result, Tool, ToolChoice};
use ultraai_protocol_common::{collision, is_harmless_of_tool};

use super::{Fields, is_foreign, own};
use crate::request::{CHOICE, FUNCTIONS, TOOL_CONFIG};

/// Why no mark for the cache is sent.
pub(super) const CACHES: &str = "gemini caches by itself, or by `cachedContent` in `extra`";

/// Loses what has no place in tools.
pub(super) fn check_tools(request: &ChatRequest, extra: Option<&Fields>, losses: &mut Losses) -> Result<()> {
    for (index, tool) in request.tools.iter().enumerate() {
        if tool.cache.is_some() {
            losses.leave_out(&format!("the cache mark on `tools[{index}]`"), CACHES);
        }
        let mut lose = |what: &str, why: &str| losses.lose(&format!("{what} `tools[{index}]`"), why);
        if tool.vendor.as_ref().is_some_and(|tool| own(tool).is_none()) {
            lose("the tool", "only another vendor or protocol has it")?;
        }
        if tool.strict == Some(true) && !is_strict(request) {
            lose("`strict` of", "gemini has it for all functions or none")?;
        }
        if is_foreign(request) {
            if !tool.extra.keys().all(|key| is_harmless_of_tool(request.origin, key)) {
                lose("`extra` of", "its fields are of another protocol")?;
            }
        } else {
            let sent = |key: &str| matches!(key, "name" | "description" | "parametersJsonSchema");
            collision("a tool's `extra`", tool.extra.keys(), sent)?;
        }
    }
    match &request.tool_choice {
        Some(ToolChoice::Vendor(choice)) if own(choice).is_none() => {
            losses.lose("`tool_choice`", "only another protocol has words for it")?;
        }
        Some(_) if words(request).is_none() => {
            losses.lose("`tool_choice`", "gemini has no such choice")?;
        }
        _ => {}
    }
    let (Some(choice), Some(extra)) = (words(request), chosen(extra)) else {
        return Ok(());
    };
    collision("extra's `toolConfig`", extra.keys(), |key| choice.contains_key(key))
}

/// What `extra` adds to the choice.
fn chosen(extra: Option<&Fields>) -> Option<&Fields> {
    extra?.get(TOOL_CONFIG)?.get(CHOICE)?.as_object()
}

/// Whether all functions are strict: Google has no such mark, and a mode that keeps to all schemas.
fn is_strict(request: &ChatRequest) -> bool {
    let mut functions = request.tools.iter().filter(|tool| tool.vendor.is_none()).peekable();
    functions.peek().is_some() && functions.all(|tool| tool.strict == Some(true))
}

fn words(request: &ChatRequest) -> Option<Fields> {
    // ANY keeps to the schemas anyway.
    let auto = if is_strict(request) { "VALIDATED" } else { "AUTO" };
    let words = match &request.tool_choice {
        None if auto == "AUTO" => return None,
        None | Some(ToolChoice::Auto) => json!({ "mode": auto }),
        Some(ToolChoice::None) => json!({ "mode": "NONE" }),
        Some(ToolChoice::Required) => json!({ "mode": "ANY" }),
        Some(ToolChoice::Tool(name)) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
        Some(ToolChoice::Allowed { tools, required }) => {
            json!({ "mode": if *required { "ANY" } else { auto }, "allowedFunctionNames": tools })
        }
        Some(ToolChoice::Vendor(choice)) => return own(choice).cloned(),
        Some(_) => return None,
    };
    match words {
        Value::Object(words) => Some(words),
        _ => None,
    }
}

/// Whether there is a `toolConfig` to write.
pub(super) fn has_choice(request: &ChatRequest, extra: Option<&Fields>) -> bool {
    extra.is_some_and(|extra| extra.contains_key(TOOL_CONFIG)) || words(request).is_some()
}

pub(super) struct Choice<'a> {
    pub(super) request: &'a ChatRequest,
    pub(super) extra: Option<&'a Fields>,
}

impl Serialize for Choice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut choice = words(self.request).unwrap_or_default();
        choice.extend(chosen(self.extra).cloned().unwrap_or_default());
        let mut map = serializer.serialize_map(None)?;
        if !choice.is_empty() {
            map.serialize_entry(CHOICE, &choice)?;
        }
        let more = self.extra.and_then(|extra| extra.get(TOOL_CONFIG)?.as_object());
        for (key, value) in more.into_iter().flatten().filter(|(key, _)| *key != CHOICE) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The tools: functions that follow each other stand in one entry.
pub(super) struct Tools<'a>(pub(super) &'a ChatRequest);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let has_extra = !is_foreign(self.0);
        let entries = self.0.tools.chunk_by(|one, other| one.vendor.is_none() && other.vendor.is_none());
        let entries = entries.filter_map(|tools| match tools {
            [Tool { vendor: Some(tool), .. }] => own(tool).map(Entry::Own),
            functions => Some(Entry::Functions(functions, has_extra)),
        });
        serializer.collect_seq(entries)
    }
}

enum Entry<'a> {
    Own(&'a Fields),
    Functions(&'a [Tool], bool),
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(fields) => fields.serialize(serializer),
            Self::Functions(tools, has_extra) => {
                let functions: Vec<_> = tools.iter().map(|tool| Function(tool, *has_extra)).collect();
                serializer.collect_map([(FUNCTIONS, functions)])
            }
        }
    }
}

struct Function<'a>(&'a Tool, bool);

impl Serialize for Function<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(tool, has_extra) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &tool.name)?;
        if let Some(description) = &tool.description {
            map.serialize_entry("description", description)?;
        }
        if !tool.parameters.is_null() {
            map.serialize_entry("parametersJsonSchema", &tool.parameters)?;
        }
        for (key, value) in tool.extra.iter().filter(|_| *has_extra) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
