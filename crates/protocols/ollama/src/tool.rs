//! Tools as they are offered.

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Result, Tool, VendorState};
use ultraai_protocol_common::{Fields, Lossy, ObjectWriter, Place, collision};

use crate::NAME;

/// The key under which a tool's `extra` holds what stands beside its `function`.
const BESIDE: &str = "beside_function";

/// Writes the tools, if there are any.
pub(crate) fn write_tools(
    object: &mut ObjectWriter<'_>,
    request: &ChatRequest,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    if request.tools.is_empty() {
        return Ok(());
    }
    let mut list = object.list("tools");
    for (index, tool) in request.tools.iter().enumerate() {
        let place = format_args!("tools[{index}]");
        if let Some(VendorState { vendor, data, .. }) = &tool.vendor {
            match vendor == NAME {
                true => list.item(data),
                false => lossy.because(place, "it is a tool of another protocol's own")?,
            }
            continue;
        }
        lossy.field(format_args!("{place}.strict"), tool.strict == Some(true))?;
        lossy.field(format_args!("{place}.cache"), tool.cache.is_some())?;
        let extra = lossy.extra(place, &tool.extra, request.origin)?;
        let known = |key: &str| matches!(key, "name" | "description" | "parameters");
        collision("a tool's `extra`", extra.into_iter().flat_map(Map::keys), known)?;
        let mut entry = list.object();
        entry.field("type", "function");
        {
            let mut function = entry.object("function");
            function.field("name", &tool.name);
            function.optional("description", tool.description.as_ref());
            function.optional("parameters", Some(&tool.parameters).filter(|schema| !schema.is_null()));
            function.entries(extra.into_iter().flatten().filter(|(key, _)| *key != BESIDE));
        }
        let beside = extra.and_then(|extra| extra.get(BESIDE)).and_then(Value::as_object);
        entry.entries(beside.into_iter().flatten());
    }
    Ok(())
}

/// Reads the tools.
pub(crate) fn read_tools(fields: &mut Fields) -> Result<Vec<Tool>> {
    let list = fields.list("tools")?.unwrap_or_default();
    list.into_iter().map(|(place, value)| read_tool(value, place)).collect()
}

fn read_tool(value: Value, place: Place) -> Result<Tool> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("function");
    if kind != "function" || !value["function"].is_object() {
        let name = value["function"]["name"].as_str().or(value["name"].as_str()).unwrap_or(kind).to_owned();
        return match value.is_object() {
            true => Ok(Tool::of_vendor(name, VendorState::new(NAME, value))),
            false => Err(place.wrong("an object")),
        };
    }
    let mut outer = Fields::of(value, place)?;
    outer.any("type");
    let mut function = outer.object("function")?.ok_or_else(|| outer.place().missing("function"))?;
    let mut tool = Tool::new(function.needed_text("name")?, Value::Null);
    tool.description = function.text("description")?;
    tool.parameters = function.any("parameters").unwrap_or_default();
    tool.extra = function.rest();
    let beside = outer.rest();
    if !beside.is_empty() {
        tool.extra.insert(BESIDE.to_owned(), Value::Object(beside));
    }
    Ok(tool)
}
