//! Tools and their choice.

use serde_json::{Value, json};
use ultraai_core::{CacheMarker, ChatRequest, Result, Tool, ToolChoice};
use ultraai_protocol_common::{ListWriter, ObjectWriter};

use super::{Encoder, Top};
use crate::NAME;

/// Writes a cache marker.
pub(super) fn cache(object: &mut ObjectWriter<'_>, cache: &CacheMarker) {
    let mut marker = object.object("cache_control");
    marker.field("type", "ephemeral");
    marker.optional("ttl", cache.ttl.as_ref());
}

impl Encoder<'_> {
    pub(super) fn tools(&mut self, top: &mut Top<'_>, request: &ChatRequest) -> Result<()> {
        if self.takes("tools", !request.tools.is_empty())? {
            top.sent.push("tools");
            let mut list = top.object.list("tools");
            for (index, tool) in request.tools.iter().enumerate() {
                self.tool(&mut list, index, tool)?;
            }
        }
        let Some(choice) = &request.tool_choice else { return Ok(()) };
        if matches!(choice, ToolChoice::Auto | ToolChoice::None) && self.goes_without_tools(request) {
            return Ok(());
        }
        if !self.takes("tool_choice", true)? {
            return Ok(());
        }
        let function = |name: &String| json!({ "type": "function", "function": { "name": name } });
        match choice {
            ToolChoice::Auto => top.field("tool_choice", "auto"),
            ToolChoice::None => top.field("tool_choice", "none"),
            ToolChoice::Required => top.field("tool_choice", "required"),
            ToolChoice::Tool(name) => top.field("tool_choice", &function(name)),
            ToolChoice::Allowed { tools, required } => {
                if !self.takes("allowed_tools", true)? {
                    return Ok(());
                }
                let tools: Vec<Value> = tools.iter().map(function).collect();
                let mode = if *required { "required" } else { "auto" };
                let allowed = json!({ "mode": mode, "tools": tools });
                top.field("tool_choice", &json!({ "type": "allowed_tools", "allowed_tools": allowed }));
            }
            ToolChoice::Vendor(state) if state.vendor == NAME => top.field("tool_choice", &state.data),
            _ => self.lossy.field("tool_choice", true)?,
        }
        Ok(())
    }

    fn tool(&mut self, list: &mut ListWriter<'_>, index: usize, tool: &Tool) -> Result<()> {
        match &tool.vendor {
            Some(state) if state.vendor == NAME => {
                list.item(&state.data);
                return Ok(());
            }
            Some(state) => {
                let why = format!("it is a tool of {}, and {NAME} has none such", state.vendor);
                return self.lossy.because(format_args!("tools[{index}]"), &why);
            }
            None => {}
        }
        let extra = self.lossy.extra(format_args!("tools[{index}]"), &tool.extra, self.origin)?;
        let mut object = list.object();
        object.field("type", "function");
        let mut function = object.object("function");
        function.field("name", &tool.name);
        function.optional("description", tool.description.as_ref());
        function.optional("parameters", Some(&tool.parameters).filter(|schema| !schema.is_null()));
        function.optional("strict", tool.strict);
        let inner = extra.and_then(|extra| extra.get("function")).and_then(Value::as_object);
        function.entries(inner.into_iter().flatten());
        drop(function);
        match &tool.cache {
            Some(marker) if self.dialect.cache_control => cache(&mut object, marker),
            Some(_) => self.lossy.hint(format_args!("tools[{index}].cache"), true),
            None => {}
        }
        object.entries(extra.into_iter().flatten().filter(|(key, _)| *key != "function"));
        Ok(())
    }
}
