//! Tools, and whether and which of them must be called.

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Result, Tool, ToolChoice, VendorState};
use ultraai_protocol_common::{Fields, Place};

use crate::{
    NAME, json_schema,
    name::{fields, object, word},
};

pub(crate) const FUNCTIONS: &str = "functionDeclarations";
pub(crate) const TOOL_CONFIG: &str = "toolConfig";
pub(crate) const CHOICE: &str = "functionCallingConfig";

/// The words of `mode`, by their numbers.
const MODES: &[&str] = &["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"];

pub(crate) fn read(body: &mut Fields<'_>, request: &mut ChatRequest) -> Result<()> {
    let place = Place::top().field("tools");
    let entries = match body.any("tools") {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        // One entry without its list, as Google takes it.
        Some(one @ Value::Object(_)) => vec![one],
        Some(_) => return Err(place.wrong("a list")),
    };
    for (index, entry) in entries.into_iter().enumerate() {
        let mut entry = fields(entry, place.entry(index))?;
        for (place, function) in entry.list(FUNCTIONS)?.unwrap_or_default() {
            request.tools.push(function_of(fields(function, place)?)?);
        }
        for (name, value) in entry.rest() {
            let tool = Value::Object([(name.clone(), value)].into_iter().collect());
            request.tools.push(Tool::of_vendor(name, VendorState::new(NAME, tool)));
        }
    }
    choice(body, request)
}

fn function_of(mut function: Fields<'_>) -> Result<Tool> {
    let name = function.needed_text("name")?;
    let description = function.text("description")?;
    let (google, json) = (function.any("parameters"), function.any("parametersJsonSchema"));
    let parameters = json.or_else(|| google.map(json_schema)).unwrap_or(Value::Null);
    let mut tool = Tool::new(name, parameters);
    tool.description = description;
    tool.extra = function.rest();
    Ok(tool)
}

fn choice(body: &mut Fields<'_>, request: &mut ChatRequest) -> Result<()> {
    let Some(mut config) = object(body, TOOL_CONFIG)? else { return Ok(()) };
    let mut left = Map::new();
    if let Some(mut choice) = object(&mut config, CHOICE)? {
        let mode = choice.read("mode", "a word", |value| word(&value, MODES))?;
        let tools = choice.texts("allowedFunctionNames")?.unwrap_or_default();
        request.tool_choice = match (mode.as_deref(), tools.as_slice()) {
            (Some("AUTO"), []) => Some(ToolChoice::Auto),
            (Some("AUTO"), _) => Some(ToolChoice::Allowed { tools, required: false }),
            (Some("ANY"), []) => Some(ToolChoice::Required),
            (Some("ANY"), [one]) => Some(ToolChoice::Tool(one.clone())),
            (Some("ANY"), _) => Some(ToolChoice::Allowed { tools, required: true }),
            (Some("NONE"), []) => Some(ToolChoice::None),
            (None, []) => None,
            (mode, _) => {
                let mut fields = Map::new();
                fields.extend(mode.map(|mode| ("mode".to_owned(), Value::from(mode))));
                if !tools.is_empty() {
                    fields.insert("allowedFunctionNames".into(), tools.into());
                }
                Some(ToolChoice::Vendor(VendorState::new(NAME, Value::Object(fields))))
            }
        };
        left = choice.rest();
    }
    let mut config = config.rest();
    if !left.is_empty() {
        config.insert(CHOICE.into(), Value::Object(left));
    }
    if !config.is_empty() {
        request.extra.insert(TOOL_CONFIG.into(), Value::Object(config));
    }
    Ok(())
}
