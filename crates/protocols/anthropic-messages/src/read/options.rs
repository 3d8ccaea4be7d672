//! The tools of a request, and what it says of thinking and of the answer's form.

use serde_json::Value;
use ultraai_core::{ChatRequest, ReasoningOptions, ResponseFormat, Result, Tool, ToolChoice};
use ultraai_protocol_common::{Fields, Place};

use super::blocks::{cache_and_rest, native};

pub(super) fn read_tools(fields: &mut Fields<'_>, request: &mut ChatRequest) -> Result<()> {
    for (place, tool) in fields.list("tools")?.unwrap_or_default() {
        request.tools.push(read_tool(tool, place)?);
    }
    if let Some(choice) = fields.any("tool_choice") {
        let place = Place::top().field("tool_choice");
        let whole = choice.clone();
        let mut choice = Fields::of(choice, place)?;
        let kind = choice.needed_text("type")?;
        let name = choice.text("name")?;
        let parallel = choice.flag("disable_parallel_tool_use")?.map(|disabled| !disabled);
        let known = match (kind.as_str(), name) {
            _ if !choice.rest().is_empty() => None,
            ("auto", None) => Some(ToolChoice::Auto),
            ("any", None) => Some(ToolChoice::Required),
            ("none", None) => Some(ToolChoice::None),
            ("tool", Some(name)) => Some(ToolChoice::Tool(name)),
            _ => None,
        };
        match known {
            Some(known) => {
                (request.tool_choice, request.parallel_tool_calls) = (Some(known), parallel);
            }
            None => request.tool_choice = Some(ToolChoice::Vendor(native(whole))),
        }
    }
    Ok(())
}

/// A tool with a type of its own runs on the vendor's servers or is known to the model.
fn read_tool(tool: Value, place: Place) -> Result<Tool> {
    let kind = tool.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != "custom") {
        // Some are a set of tools and have no name.
        let name = tool.get("name").and_then(Value::as_str).or(kind).unwrap_or_default().to_owned();
        return Ok(Tool::of_vendor(name, native(tool)));
    }
    let mut fields = Fields::of(tool, place)?;
    drop(fields.any("type"));
    let name = fields.needed_text("name")?;
    let mut read = Tool::new(name, fields.any("input_schema").unwrap_or_default());
    read.description = fields.text("description")?;
    read.strict = fields.flag("strict")?;
    (read.cache, read.extra) = cache_and_rest(fields);
    Ok(read)
}

pub(super) fn read_output(fields: &mut Fields<'_>, request: &mut ChatRequest) -> Result<()> {
    let mut reasoning = ReasoningOptions::default();
    if let Some(thinking) = fields.any("thinking") {
        read_thinking(thinking, &mut reasoning)?;
    }
    if let Some(mut output) = fields.object("output_config")? {
        reasoning.effort = output.text("effort")?;
        request.response_format = output.any("format").map(format);
        let rest = output.rest();
        if !rest.is_empty() {
            request.extra.insert("output_config".to_owned(), Value::Object(rest));
        }
    }
    // Where it stood before.
    let older = fields.any("output_format").map(format);
    request.response_format = request.response_format.take().or(older);
    request.reasoning = Some(reasoning).filter(|reasoning| *reasoning != ReasoningOptions::default());
    Ok(())
}

fn read_thinking(thinking: Value, reasoning: &mut ReasoningOptions) -> Result<()> {
    let whole = thinking.clone();
    let mut fields = Fields::of(thinking, Place::top().field("thinking"))?;
    let kind = fields.needed_text("type")?;
    match kind.as_str() {
        "enabled" | "adaptive" => {
            reasoning.enabled = Some(true);
            if kind == "enabled" {
                reasoning.max_tokens = fields.count("budget_tokens")?;
            }
            reasoning.summary = fields.text("display")?;
            reasoning.extra = fields.rest();
        }
        "disabled" if fields.clone().rest().is_empty() => reasoning.enabled = Some(false),
        _ => {
            if let Value::Object(whole) = whole {
                reasoning.extra = whole;
            }
        }
    }
    Ok(())
}

/// A form that says nothing but its schema; any other is kept as it came.
fn format(mut format: Value) -> ResponseFormat {
    let is_known = format["type"] == "json_schema"
        && format.as_object().is_some_and(|fields| fields.len() == 2 && fields.contains_key("schema"));
    if !is_known {
        return ResponseFormat::Vendor(native(format));
    }
    let schema = format["schema"].take();
    // The protocol has no name for it; other protocols want one.
    let name = schema.get("title").and_then(Value::as_str).filter(|title| is_name(title));
    ResponseFormat::JsonSchema {
        name: name.unwrap_or("answer").to_owned(),
        description: None,
        schema,
        strict: None,
    }
}

/// Whether all protocols take it as a name.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !text.is_empty() && text.len() <= 64 && text.bytes().all(fits)
}
