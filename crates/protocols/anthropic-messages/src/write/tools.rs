//! The tools of a request, and whether they must be called.

use std::collections::HashSet;

use serde_json::{Value, json};
use ultraai_core::{ChatRequest, Losses, Result, Tool, ToolChoice};
use ultraai_protocol_common::collision;

use super::{FOREIGN, Target, blocks::write_cache, format::Format, lose_all, thinking::Plan};
use crate::{NAME, VENDOR, json::Json};

pub(super) fn write(
    request: &ChatRequest,
    target: &Target,
    format: &Format<'_>,
    plan: &Plan<'_>,
    json: &mut Json,
    sent: &mut Vec<&'static str>,
    losses: &mut Losses,
) -> Result<()> {
    if !request.tools.is_empty() || format.is_forced() {
        sent.push("tools");
        json.key("tools");
        json.begin(b'[');
        let allowed = allowed(request);
        for (index, tool) in request.tools.iter().enumerate() {
            if allowed.as_ref().is_none_or(|names| names.contains(tool.name.as_str())) {
                write_tool(tool, index, target, json, losses)?;
            }
        }
        if let Format::Tool { name, description, schema } = format {
            json.begin(b'{');
            json.entry("name", name);
            json.entry("description", description);
            json.entry("input_schema", schema);
            json.end(b'}');
        }
        json.end(b']');
    }
    let choice = choice(request, format, plan, target, losses)?;
    if let Some(choice) = choice {
        sent.push("tool_choice");
        json.entry("tool_choice", &choice);
    }
    Ok(())
}

/// The names of those that may be called: the protocol has no list of them, so only those are sent.
fn allowed(request: &ChatRequest) -> Option<HashSet<&str>> {
    match &request.tool_choice {
        Some(ToolChoice::Allowed { tools, .. }) => Some(tools.iter().map(String::as_str).collect()),
        _ => None,
    }
}

fn write_tool(
    tool: &Tool,
    index: usize,
    target: &Target,
    json: &mut Json,
    losses: &mut Losses,
) -> Result<()> {
    if let Some(state) = &tool.vendor {
        return match state.vendor == NAME || state.vendor == VENDOR {
            true => {
                json.value(&state.data);
                Ok(())
            }
            false => losses.lose(&format!("`tools[{index}]`"), "it is a tool of another vendor's servers"),
        };
    }
    json.begin(b'{');
    json.entry("name", &tool.name);
    if let Some(description) = &tool.description {
        json.entry("description", description);
    }
    match &tool.parameters {
        Value::Null => json.raw_entry("input_schema", r#"{"type":"object"}"#),
        schema => json.entry("input_schema", schema),
    }
    match tool.strict {
        Some(true) if !target.traits.structured() => {
            losses.lose(&format!("`tools[{index}].strict`"), "the model knows no strict tools")?;
        }
        Some(strict) => json.entry("strict", &strict),
        None => {}
    }
    if let Some(marker) = &tool.cache {
        write_cache(json, marker);
    }
    if target.own {
        let sent = ["name", "description", "input_schema", "strict"];
        collision("a tool's `extra`", tool.extra.keys(), |key| sent.contains(&key))?;
        json.fields(&tool.extra);
    } else {
        lose_all(&tool.extra, &format!("tools[{index}]."), losses)?;
    }
    json.end(b'}');
    Ok(())
}

/// What must be called.
fn choice(
    request: &ChatRequest,
    format: &Format<'_>,
    plan: &Plan<'_>,
    target: &Target,
    losses: &mut Losses,
) -> Result<Option<Value>> {
    let mut choice = match &request.tool_choice {
        // The vendor wants no choice where there is nothing to choose.
        Some(ToolChoice::Auto | ToolChoice::None) if request.tools.is_empty() && !target.own => None,
        Some(ToolChoice::Vendor(state)) => {
            if state.vendor == NAME && target.own {
                return Ok(Some(state.data.clone()));
            }
            losses.lose("`tool_choice`", FOREIGN)?;
            None
        }
        Some(ToolChoice::None) if !format.is_forced() => return Ok(Some(json!({ "type": "none" }))),
        Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => {
            Some(json!({ "type": "auto" }))
        }
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => {
            Some(json!({ "type": "any" }))
        }
        Some(ToolChoice::Tool(name)) => Some(json!({ "type": "tool", "name": name })),
        Some(ToolChoice::None) | None => None,
        Some(_) => {
            losses.lose("`tool_choice`", super::NO_FIELD)?;
            None
        }
    };
    if let Format::Tool { name, .. } = format {
        // Where other tools may be called too, the model calls one of them or answers.
        let others = !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None);
        choice = match choice {
            Some(choice) if choice["type"] == "tool" => Some(choice),
            _ if others => Some(json!({ "type": "any" })),
            _ => Some(json!({ "type": "tool", "name": name })),
        };
    }
    let forced = choice.as_ref().is_some_and(|choice| choice["type"] != "auto");
    if forced && let Err(why) = plan.may_force_tools() {
        losses.lose("`tool_choice`", why)?;
        choice = None;
    }
    if let Some(parallel) = request.parallel_tool_calls.filter(|_| !request.tools.is_empty()) {
        let choice = choice.get_or_insert_with(|| json!({ "type": "auto" }));
        choice["disable_parallel_tool_use"] = Value::Bool(!parallel);
    }
    Ok(choice)
}
