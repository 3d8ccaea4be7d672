//! Functions as OpenAI's chat protocol wrote them first and others write them too: `{"type": "function", "function": {…}}`,
//! where they are offered and where they are called.

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Error, ErrorKind, Notes, Result, Tool, ToolCall, VendorState};

use crate::{Fields, Lossy, ObjectWriter, Place, Source, Text, collision, object};

/// The key under which a tool's `extra` holds what stands beside its `function`.
const BESIDE: &str = "beside_function";

/// Writes the field `tools`, if there are any; whether they are strict is the caller's to write.
///
/// # Errors
/// What may not be lost, and `InvalidRequest` for a key in a tool's `extra` that is sent already.
pub fn write_function_tools(
    object: &mut ObjectWriter<'_>,
    request: &ChatRequest,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    if request.tools.is_empty() {
        return Ok(());
    }
    let mut list = object.list("tools");
    for (index, tool) in request.tools.iter().enumerate() {
        if let Some(VendorState { vendor, data, .. }) = &tool.vendor {
            match vendor == lossy.protocol() {
                true => list.item(data),
                false => {
                    let why = "it is a tool of another protocol's own";
                    lossy.because(format_args!("tools[{index}]"), why)?;
                }
            }
            continue;
        }
        lossy.hint(format_args!("tools[{index}].cache"), tool.cache.is_some());
        let extra = lossy.extra(format_args!("tools[{index}]"), &tool.extra, request.origin)?;
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

/// Takes the field `tools` of a request in `protocol`. What is no function is a tool of the vendor's own.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub fn read_function_tools(fields: &mut Fields<'_>, protocol: &'static str) -> Result<Vec<Tool>> {
    let list = fields.list("tools")?.unwrap_or_default();
    list.into_iter().map(|(place, value)| read_tool(value, place, protocol)).collect()
}

fn read_tool(value: Value, place: Place, protocol: &'static str) -> Result<Tool> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("function");
    if kind != "function" || !value["function"].is_object() {
        let name = value["function"]["name"].as_str().or(value["name"].as_str()).unwrap_or(kind).to_owned();
        return match value.is_object() {
            true => Ok(Tool::of_vendor(name, VendorState::new(protocol, value))),
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

/// Reads a call in a request in `protocol`; `made_up` is its id where it has none.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub fn read_function_call(
    mut fields: Fields<'_>,
    protocol: &'static str,
    made_up: String,
) -> Result<ToolCall> {
    let mut function = fields.object("function")?.ok_or_else(|| fields.place().missing("function"))?;
    let name = function.needed_text("name")?;
    let arguments = match function.any("arguments") {
        None => "{}".to_owned(),
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
    };
    let id = fields.text("id")?.filter(|id| !id.is_empty()).unwrap_or(made_up);
    Ok(with_fields(ToolCall::new(id, name, arguments), protocol, fields.rest(), function.rest()))
}

object! {
    /// A call in an answer.
    #[derive(Debug, Default)]
    pub struct FunctionCall<'a> {
        id: Text<'a> = "id",
        function: Function<'a> = "function",
    }
    known: "type";
    others: others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Function<'a> {
        name: Text<'a> = "name",
        arguments: Source<'a> = "arguments",
    }
    known: "index";
    others: others: Map<String, Value>;
}

impl FunctionCall<'_> {
    /// The arguments, alone.
    pub fn arguments(&self) -> String {
        self.function.arguments.arguments()
    }

    /// The call; `made_up` gives its id where it has none. Fields that nobody knows stand in its notes.
    ///
    /// # Errors
    /// `Undecodable` without a name.
    pub fn into_call(self, protocol: &'static str, made_up: impl FnOnce() -> String) -> Result<ToolCall> {
        let Function { name, arguments, others, .. } = self.function;
        let Some(name) = name.filled() else {
            return Err(Error::new(ErrorKind::Undecodable, "the model asks for a tool without a name"));
        };
        let id = self.id.filled().unwrap_or_else(made_up);
        Ok(with_fields(ToolCall::new(id, name, arguments.arguments()), protocol, self.others, others))
    }
}

/// The call with the fields that nobody knows, beside its function and in it.
fn with_fields(
    mut call: ToolCall,
    protocol: &'static str,
    mut others: Map<String, Value>,
    of_the_function: Map<String, Value>,
) -> ToolCall {
    if !of_the_function.is_empty() {
        others.insert("function".to_owned(), Value::Object(of_the_function));
    }
    if !others.is_empty() {
        let mut notes = Notes::default();
        notes.extra = Some(VendorState::new(protocol, Value::Object(others)));
        call.notes = Some(Box::new(notes));
    }
    call
}
