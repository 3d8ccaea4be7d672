//! The tools, and which of them must be called.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value, json};
use ultraai_core::{ChatRequest, Losses, Part, Result, Tool, ToolChoice};
use ultraai_protocol_common::collision;

use crate::{
    NAME, emulation,
    encode::{NO_FIELD, One, block::Block, emulates, extra_object, is_foreign},
    family::{Family, Thinking},
};

/// The object `toolConfig`.
#[derive(Debug)]
pub(crate) struct Tools<'a> {
    tools: Vec<Entry<'a>>,
    choice: Option<Choice<'a>>,
    extra: Option<&'a Map<String, Value>>,
}

#[derive(Debug)]
enum Entry<'a> {
    Spec(&'a Tool, bool),
    /// The tool whose arguments are the answer.
    Answer(Value),
    CachePoint(Option<&'a str>),
    Opaque(&'a Value),
}

#[derive(Debug)]
enum Choice<'a> {
    Auto,
    Any,
    Tool(&'a str),
    Opaque(&'a Value),
}

impl<'a> Tools<'a> {
    /// The tools of `request`.
    ///
    /// # Errors
    /// What [`Losses::lose`] refuses.
    pub(crate) fn of(request: &'a ChatRequest, family: Family, losses: &mut Losses) -> Result<Self> {
        let mut tools = Vec::with_capacity(request.tools.len());
        for (index, tool) in request.tools.iter().enumerate() {
            match &tool.vendor {
                Some(state) if state.vendor == NAME => tools.push(Entry::Opaque(&state.data)),
                Some(_) => losses.lose(&format!("`tools[{index}]`"), "it is a tool of another vendor's")?,
                None => {
                    for key in tool.extra.keys().filter(|_| is_foreign(request)) {
                        losses.lose(&format!("`tools[{index}].{key}`"), NO_FIELD)?;
                    }
                    if !is_foreign(request) {
                        let sent = ["name", "description", "inputSchema", "strict"];
                        collision("a tool's `extra`", tool.extra.keys(), |key| sent.contains(&key))?;
                    }
                    tools.push(Entry::Spec(tool, !is_foreign(request)));
                }
            }
            if let Some(marker) = &tool.cache {
                tools.push(Entry::CachePoint(marker.ttl.as_deref()));
            }
        }
        let mut choice = Self::choice(request, losses, &mut tools)?;
        if emulates(request) {
            let thinks = request.reasoning.as_ref().is_some_and(|reasoning| reasoning.enabled != Some(false));
            // Anthropic's models refuse to be forced while they think.
            let forced = family.tools && !(family.claude && thinks && family.thinking != Thinking::Unknown);
            if forced {
                // Where there are other tools, the model may ask for them first.
                choice = Some(if tools.is_empty() { Choice::Tool(emulation::TOOL) } else { Choice::Any });
                let schema = One("json", &emulation::schema(request)).to_value();
                tools.push(Entry::Answer(json!({ "toolSpec": {
                    "name": emulation::TOOL,
                    "description": emulation::DESCRIPTION,
                    "inputSchema": schema,
                } })));
            } else {
                let why = "the model has no field for it and cannot be made to call a tool instead";
                losses.lose("`response_format`", why)?;
            }
        }
        Ok(Self { tools, choice, extra: extra_object(request, "toolConfig") })
    }

    fn choice(
        request: &'a ChatRequest,
        losses: &mut Losses,
        tools: &mut Vec<Entry<'a>>,
    ) -> Result<Option<Choice<'a>>> {
        Ok(match &request.tool_choice {
            None => None,
            Some(ToolChoice::Auto) => Some(Choice::Auto),
            Some(ToolChoice::Required) => Some(Choice::Any),
            Some(ToolChoice::Tool(name)) => Some(Choice::Tool(name)),
            Some(ToolChoice::Vendor(state)) if state.vendor == NAME => Some(Choice::Opaque(&state.data)),
            // There is no word for it: no tools are told. A conversation with calls in it must name them.
            Some(ToolChoice::None) if !has_calls(request) => {
                tools.clear();
                None
            }
            Some(ToolChoice::Allowed { required, .. }) => {
                losses.lose("`tool_choice`", "bedrock has no word for some of the tools")?;
                Some(if *required { Choice::Any } else { Choice::Auto })
            }
            Some(_) => {
                losses.lose("`tool_choice`", "bedrock has no such word")?;
                None
            }
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tools.is_empty() && self.choice.is_none() && self.extra.is_none()
    }
}

fn has_calls(request: &ChatRequest) -> bool {
    request.parts().any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_)))
}

impl<T: Serialize + ?Sized> One<'_, T> {
    fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tools", &self.tools)?;
        if let Some(choice) = &self.choice {
            map.serialize_entry("toolChoice", choice)?;
        }
        for (key, value) in self.extra.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Spec(tool, extra) => One("toolSpec", &Spec(tool, *extra)).serialize(serializer),
            Self::Answer(tool) => tool.serialize(serializer),
            Self::CachePoint(ttl) => Block::CachePoint(*ttl).serialize(serializer),
            Self::Opaque(tool) => tool.serialize(serializer),
        }
    }
}

/// A tool of the caller's, and whether its further fields are this protocol's.
struct Spec<'a>(&'a Tool, bool);

impl Serialize for Spec<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Tool { name, description, parameters, strict, extra, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", name)?;
        if let Some(description) = description {
            map.serialize_entry("description", description)?;
        }
        map.serialize_entry("inputSchema", &One("json", parameters))?;
        if let Some(strict) = strict {
            map.serialize_entry("strict", strict)?;
        }
        for (key, value) in extra.iter().filter(|_| self.1) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Choice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nothing = Map::<String, Value>::new();
        match self {
            Self::Auto => One("auto", &nothing).serialize(serializer),
            Self::Any => One("any", &nothing).serialize(serializer),
            Self::Tool(name) => One("tool", &One("name", name)).serialize(serializer),
            Self::Opaque(choice) => choice.serialize(serializer),
        }
    }
}
