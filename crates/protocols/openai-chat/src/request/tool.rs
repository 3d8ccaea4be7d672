//! Tools and their choice.

use serde_json::{Map, Value};
use ultraai_core::{CacheMarker, Result, Tool, ToolChoice, VendorState};
use ultraai_protocol_common::{Fields, Place};

use crate::NAME;

pub(super) fn tools(fields: &mut Fields<'_>) -> Result<Vec<Tool>> {
    let tools = fields.list("tools")?.unwrap_or_default();
    tools.into_iter().map(|(place, value)| tool(place, value)).collect()
}

fn tool(place: Place, value: Value) -> Result<Tool> {
    let whole = whole(&value);
    let mut fields = Fields::of(value, place)?;
    let kind = fields.text("type")?.unwrap_or_else(|| "function".to_owned());
    let function = if kind == "function" { fields.object("function")? } else { None };
    let Some(mut function) = function else {
        // A tool of the vendor's own, such as a custom one or a search on its servers.
        let name = whole.get(&kind).and_then(|inner| inner.get("name")).and_then(Value::as_str);
        return Ok(Tool::of_vendor(name.unwrap_or(&kind).to_owned(), VendorState::new(NAME, whole)));
    };
    let mut tool =
        Tool::new(function.needed_text("name")?, function.any("parameters").unwrap_or(Value::Null));
    tool.description = function.text("description")?;
    tool.strict = function.flag("strict")?;
    tool.cache = cache(&mut fields);
    tool.extra = fields.rest();
    let inner = function.rest();
    if !inner.is_empty() {
        tool.extra.insert("function".to_owned(), inner.into());
    }
    Ok(tool)
}

/// A tool or a call as it stands there, where it is of the vendor's own. A function is not kept whole, and its schema is much to
/// copy.
pub(super) fn whole(value: &Value) -> Value {
    let is_function = value["type"].as_str().is_none_or(|kind| kind == "function");
    if is_function && !value["function"].is_null() { Value::Null } else { value.clone() }
}

/// Takes a cache marker; one of a form that is not known stays.
pub(super) fn cache(fields: &mut Fields<'_>) -> Option<CacheMarker> {
    let marker = fields.look("cache_control")?.as_object()?;
    let known = marker.get("type") == Some(&Value::from("ephemeral"))
        && marker.iter().all(|(key, value)| key == "type" || (key == "ttl" && value.is_string()));
    if !known {
        return None;
    }
    let mut cache = CacheMarker::default();
    cache.ttl = marker.get("ttl").and_then(Value::as_str).map(str::to_owned);
    fields.any("cache_control");
    Some(cache)
}

pub(super) fn choice(fields: &mut Fields<'_>) -> Result<Option<ToolChoice>> {
    fields.read("tool_choice", "a text or an object", |value| {
        Some(match &value {
            Value::String(word) => match word.as_str() {
                "auto" => ToolChoice::Auto,
                "none" => ToolChoice::None,
                "required" => ToolChoice::Required,
                _ => ToolChoice::Vendor(VendorState::new(NAME, value)),
            },
            Value::Object(object) => named(object)
                .or_else(|| allowed(object))
                .unwrap_or_else(|| ToolChoice::Vendor(VendorState::new(NAME, value))),
            _ => return None,
        })
    })
}

/// The name in `{"type": "function", "function": {"name": …}}`, where that is all of it.
fn function_name(object: &Map<String, Value>) -> Option<String> {
    let function = object.get("function")?.as_object().filter(|function| function.len() == 1)?;
    let is_function = object.get("type") == Some(&Value::from("function")) && object.len() == 2;
    is_function.then(|| function.get("name")?.as_str().map(str::to_owned))?
}

fn named(object: &Map<String, Value>) -> Option<ToolChoice> {
    function_name(object).map(ToolChoice::Tool)
}

fn allowed(object: &Map<String, Value>) -> Option<ToolChoice> {
    let allowed = object.get("allowed_tools")?.as_object().filter(|allowed| allowed.len() == 2)?;
    let required = match allowed.get("mode")?.as_str()? {
        "auto" => false,
        "required" => true,
        _ => return None,
    };
    let tools = allowed.get("tools")?.as_array()?;
    let tools = tools.iter().map(|tool| function_name(tool.as_object()?)).collect::<Option<_>>()?;
    (object.len() == 2).then_some(ToolChoice::Allowed { tools, required })
}
