//! Tools and the choice among them.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};
use ultraai_core::{ChatRequest, Losses, Result, Tool, ToolChoice, VendorState};
use ultraai_protocol_common::{Fields, Place, collision, is_harmless_of_tool};

use crate::NAME;

/// Reads a tool; one that is no function is kept whole.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub(crate) fn read(value: Value, place: &Place) -> Result<Tool> {
    let mut fields = Fields::of(value, place.clone())?;
    let kind = fields.look("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind != "function" {
        let named = if fields.has("name") { "name" } else { "server_label" };
        let name = fields.look(named).and_then(Value::as_str).map_or(kind, str::to_owned);
        return Ok(Tool::of_vendor(name, VendorState::new(NAME, Value::Object(fields.rest()))));
    }
    fields.any("type");
    let mut tool = Tool::new(fields.needed_text("name")?, fields.any("parameters").unwrap_or_default());
    tool.description = fields.text("description")?;
    tool.strict = fields.flag("strict")?;
    tool.extra = fields.rest();
    Ok(tool)
}

/// Reads a choice; `None` for what is neither a word nor an object.
pub(crate) fn read_choice(choice: Value) -> Option<ToolChoice> {
    Some(match &choice {
        Value::String(word) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Vendor(VendorState::new(NAME, choice)),
        },
        Value::Object(fields) => match known_choice(fields) {
            Some(known) => known,
            None => ToolChoice::Vendor(VendorState::new(NAME, choice)),
        },
        _ => return None,
    })
}

fn known_choice(fields: &Map<String, Value>) -> Option<ToolChoice> {
    let text = |key: &str| fields.get(key)?.as_str();
    match (text("type")?, fields.len()) {
        ("function", 2) => Some(ToolChoice::Tool(text("name")?.to_owned())),
        ("allowed_tools", 3) => {
            let required = match text("mode")? {
                "required" => true,
                "auto" => false,
                _ => return None,
            };
            let name = |tool: &Value| {
                let tool = tool.as_object().filter(|tool| {
                    tool.len() == 2 && tool.get("type").is_some_and(|kind| kind == "function")
                })?;
                tool.get("name")?.as_str().map(str::to_owned)
            };
            let tools = fields.get("tools")?.as_array()?.iter().map(name).collect::<Option<_>>()?;
            Some(ToolChoice::Allowed { tools, required })
        }
        _ => None,
    }
}

/// The choice as it is sent; `None` for what is lost.
///
/// # Errors
/// What [`Losses::lose`] refuses.
pub(crate) fn choice(choice: &ToolChoice, losses: &mut Losses) -> Result<Option<Value>> {
    Ok(Some(match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Tool(name) => json!({ "type": "function", "name": name }),
        ToolChoice::Allowed { tools, required } => json!({
            "type": "allowed_tools",
            "mode": if *required { "required" } else { "auto" },
            "tools": tools.iter().map(|name| json!({ "type": "function", "name": name })).collect::<Value>(),
        }),
        ToolChoice::Vendor(state) if state.vendor == NAME => state.data.clone(),
        _ => {
            losses.lose("`tool_choice`", "it is in another protocol's words")?;
            return Ok(None);
        }
    }))
}

/// A tool as it is sent.
#[derive(Debug)]
pub(crate) enum Sent<'a> {
    Function { tool: &'a Tool, strict: Option<bool> },
    Whole(&'a Value),
}

/// The tools as they are sent.
///
/// # Errors
/// What [`Losses::lose`] refuses, and a field that stands there twice.
pub(crate) fn tools<'a>(request: &'a ChatRequest, losses: &mut Losses) -> Result<Vec<Sent<'a>>> {
    let foreign = request.origin.is_some_and(|origin| origin != NAME);
    let mut sent = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        match &tool.vendor {
            Some(state) if state.vendor == NAME => sent.push(Sent::Whole(&state.data)),
            Some(_) => losses.lose(&format!("`tools[{index}]`"), "it is a tool of another protocol's own")?,
            None => {
                if tool.cache.is_some() {
                    losses.leave_out(
                        &format!("`tools[{index}].cache`"),
                        "openai-responses marks no tools for the cache",
                    );
                }
                if foreign {
                    for key in tool.extra.keys().filter(|key| !is_harmless_of_tool(request.origin, key)) {
                        losses
                            .lose(&format!("`tools[{index}].{key}`"), "it is a field of another protocol")?;
                    }
                }
                let place = format!("the `extra` of `tools[{index}]`");
                collision(&place, tool.extra.keys(), |key| {
                    matches!(key, "type" | "name" | "parameters")
                        || (key == "description" && tool.description.is_some())
                        || (key == "strict" && tool.strict.is_some())
                })?;
                // Where nothing is said this protocol is strict, and the others are not.
                let strict = tool.strict.or(foreign.then_some(false));
                sent.push(Sent::Function { tool, strict });
            }
        }
    }
    Ok(sent)
}

impl Sent<'_> {
    fn extra(&self, foreign: bool) -> Option<&Map<String, Value>> {
        match self {
            Self::Function { tool, .. } if !foreign => Some(&tool.extra),
            _ => None,
        }
    }
}

/// The list of tools, with or without fields of their own.
#[derive(Debug)]
pub(crate) struct Tools<'a>(pub(crate) Vec<Sent<'a>>, pub(crate) bool);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|sent| WithExtra(sent, sent.extra(self.1))))
    }
}

struct WithExtra<'a>(&'a Sent<'a>, Option<&'a Map<String, Value>>);

impl Serialize for WithExtra<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (tool, strict) = match self.0 {
            Sent::Whole(value) => return value.serialize(serializer),
            Sent::Function { tool, strict } => (tool, strict),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "function")?;
        map.serialize_entry("name", &tool.name)?;
        if let Some(description) = &tool.description {
            map.serialize_entry("description", description)?;
        }
        map.serialize_entry("parameters", &tool.parameters)?;
        if let Some(strict) = strict {
            map.serialize_entry("strict", strict)?;
        }
        for (key, value) in self.1.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
