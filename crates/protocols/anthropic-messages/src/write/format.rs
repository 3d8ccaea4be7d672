//! The form that the answer must have.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use ultraai_core::{ChatRequest, Losses, ResponseFormat, Result};

use crate::{NAME, family::Traits, json::Json};

/// How the form is asked for.
#[derive(Debug)]
pub(super) enum Format<'a> {
    /// Not at all, or in the protocol's own field.
    Own,
    /// By a tool that must be called and whose arguments are the answer, as the vendor recommends where a model has no field:
    /// <https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use>.
    Tool { name: String, description: &'a str, schema: Cow<'a, Value> },
}

/// The name of the tool whose arguments are the answer, where a request is written with one.
pub(crate) fn answer_tool(request: &ChatRequest) -> Option<String> {
    // No field of the protocol asks for an object of any form.
    let traits = request.model.as_ref().map(Traits::of);
    let is_emulated = match request.response_format.as_ref()? {
        ResponseFormat::JsonObject => traits.is_none_or(Traits::forces_tools),
        ResponseFormat::JsonSchema { .. } => traits.is_some_and(|traits| !traits.structured()),
        _ => false,
    };
    is_emulated.then(|| {
        let mut name = "json_answer".to_owned();
        while request.tools.iter().any(|tool| tool.name == name) {
            name.push('_');
        }
        name
    })
}

impl<'a> Format<'a> {
    pub(super) fn of(request: &'a ChatRequest) -> Self {
        let Some(name) = answer_tool(request) else { return Self::Own };
        let (description, schema) = match &request.response_format {
            Some(ResponseFormat::JsonSchema { description, schema, .. }) => {
                (description.as_deref(), Cow::Borrowed(schema))
            }
            _ => (None, Cow::Owned(json!({ "type": "object", "additionalProperties": true }))),
        };
        Self::Tool {
            name,
            description: description.unwrap_or("Gives the whole answer, as its arguments."),
            schema,
        }
    }

    /// Whether a tool must be called.
    pub(super) fn is_forced(&self) -> bool {
        matches!(self, Self::Tool { .. })
    }

    /// Writes the field `format`, where that is how it is asked for.
    pub(super) fn write(
        &self,
        request: &ChatRequest,
        own: bool,
        json: &mut Json,
        losses: &mut Losses,
    ) -> Result<()> {
        match (self, &request.response_format) {
            (Self::Own, Some(ResponseFormat::JsonSchema { description, schema, .. })) => {
                json.key("format");
                json.begin(b'{');
                json.entry("type", "json_schema");
                match request.origin == Some(NAME) {
                    true => json.entry("schema", schema),
                    false => json.entry("schema", &closed(schema, description.as_deref())),
                }
                json.end(b'}');
            }
            (Self::Own, Some(ResponseFormat::JsonObject)) => {
                let why =
                    "the model takes no JSON without a schema, and calls tools as it sees fit: give a schema";
                losses.lose("`response_format`", why)?;
            }
            (_, Some(ResponseFormat::Vendor(state))) => match own && state.vendor == NAME {
                true => json.entry("format", &state.data),
                false => losses.lose("`response_format`", "it is a form of another protocol")?,
            },
            _ => {}
        }
        Ok(())
    }
}

/// The schema as this vendor wants it, which refuses objects that may have fields of any name: those that say nothing of them
/// get none. What follows it follows the schema too. A description stands in the schema itself.
fn closed(schema: &Value, description: Option<&str>) -> Value {
    let mut schema = schema.clone();
    close(&mut schema);
    if let (Value::Object(fields), Some(description)) = (&mut schema, description) {
        fields.entry("description").or_insert_with(|| description.into());
    }
    schema
}

fn close(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    let is_object = match fields.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => fields.contains_key("properties"),
    };
    if is_object {
        fields.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    let each = |schemas: &mut Map<String, Value>| schemas.values_mut().for_each(close);
    for (key, value) in fields.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(schemas)) => each(schemas),
            ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(close);
            }
            ("items" | "not", schema) => close(schema),
            _ => {}
        }
    }
}
