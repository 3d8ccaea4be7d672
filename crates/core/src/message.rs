//! Messages and the parts they are made of.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Notes;

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Instructions that stand over the conversation.
    System,
    /// Instructions of the application, where a vendor tells them from the system's.
    Developer,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
    /// A word that this version does not know, kept as it came.
    Other(String),
}

impl Role {
    /// OpenAI's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
            Self::Other(word) => word,
        }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub content: Vec<Part>,
    /// A name that tells speakers of one role apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether leading instructions stand among the turns although the protocol has a place of its own for them, such as
    /// OpenAI's `instructions`, which they go to otherwise. Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
    /// Fields that this version does not know, kept as they came.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl Message {
    /// A message of `role` with `content`.
    pub fn new(role: Role, content: Vec<Part>) -> Self {
        Self { role, content, name: None, inline: false, extra: Map::new() }
    }

    /// A system message of one text.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, vec![Part::text(text)])
    }

    /// A user message of one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, vec![Part::text(text)])
    }

    /// An assistant message of one text.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, vec![Part::text(text)])
    }

    /// The text parts, one after the other.
    pub fn text(&self) -> String {
        join_text(&self.content)
    }
}

/// Joins the text parts of `content`.
pub(crate) fn join_text(content: &[Part]) -> String {
    let mut texts = content.iter().filter_map(Part::as_text);
    let mut joined = texts.next().unwrap_or_default().to_owned();
    texts.for_each(|text| joined.push_str(text));
    joined
}

/// A piece of a message or of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        text: String,
        /// What goes with it, such as citations.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notes: Option<Box<Notes>>,
    },
    /// An image.
    Image(Media),
    /// Speech or other sound.
    Audio(Media),
    /// A moving picture.
    Video(Media),
    /// A document, such as a PDF.
    Document(Media),
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// What a tool gave back.
    ToolResult(ToolResult),
    /// What the model thought before it answered.
    Reasoning(Reasoning),
    /// The model declines to answer, in the field that the vendor has for it.
    Refusal {
        /// The model's words.
        text: String,
        /// What goes with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notes: Option<Box<Notes>>,
    },
    /// What one vendor or one protocol alone understands, such as redacted thinking or a call of a tool that ran on the
    /// vendor's servers; given back unchanged and shown to no other.
    Vendor(VendorState),
}

impl Part {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), notes: None }
    }

    /// A refusal.
    pub fn refusal(text: impl Into<String>) -> Self {
        Self::Refusal { text: text.into(), notes: None }
    }

    /// The text, when it is a text part.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The image, sound, moving picture or document.
    pub fn as_media(&self) -> Option<&Media> {
        match self {
            Self::Image(media) | Self::Audio(media) | Self::Video(media) | Self::Document(media) => {
                Some(media)
            }
            _ => None,
        }
    }

    /// What goes with it; vendor state stands alone.
    pub fn notes(&self) -> Option<&Notes> {
        match self {
            Self::Text { notes, .. } | Self::Refusal { notes, .. } => notes.as_deref(),
            Self::Image(media) | Self::Audio(media) | Self::Video(media) | Self::Document(media) => {
                media.notes.as_deref()
            }
            Self::ToolCall(call) => call.notes.as_deref(),
            Self::ToolResult(result) => result.notes.as_deref(),
            Self::Reasoning(reasoning) => reasoning.notes.as_deref(),
            Self::Vendor(_) => None,
        }
    }

    /// Adds to what goes with it; vendor state, which stands alone, takes nothing.
    pub fn annotate(&mut self, edit: impl FnOnce(&mut Notes)) {
        let notes = match self {
            Self::Text { notes, .. } | Self::Refusal { notes, .. } => notes,
            Self::Image(media) | Self::Audio(media) | Self::Video(media) | Self::Document(media) => {
                &mut media.notes
            }
            Self::ToolCall(call) => &mut call.notes,
            Self::ToolResult(result) => &mut result.notes,
            Self::Reasoning(reasoning) => &mut reasoning.notes,
            Self::Vendor(_) => return,
        };
        let mut edited = notes.take().unwrap_or_default();
        edit(&mut edited);
        // Parts that say the same are equal.
        *notes = Some(edited).filter(|notes| **notes != Notes::default());
    }

    /// Whether it is an answer or a piece of one: not what the model thought, nor what its vendor alone can use, nor white
    /// space. An answer without any is empty.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Text { text, .. } | Self::Refusal { text, .. } => !text.trim().is_empty(),
            Self::Reasoning(_) => false,
            Self::Vendor(state) => !state.is_silent,
            _ => true,
        }
    }

    /// The part's kind, as in JSON and in error texts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image(_) => "image",
            Self::Audio(_) => "audio",
            Self::Video(_) => "video",
            Self::Document(_) => "document",
            Self::ToolCall(_) => "tool_call",
            Self::ToolResult(_) => "tool_result",
            Self::Reasoning(_) => "reasoning",
            Self::Refusal { .. } => "refusal",
            Self::Vendor(_) => "vendor",
        }
    }
}

/// An image, sound, a moving picture or a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Media {
    /// Where its bytes are.
    pub source: MediaSource,
    /// The MIME type, such as `image/png`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// A file name or title. A protocol without a place for it leaves it out, with a word in the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How closely an image is looked at, in the vendor's words (OpenAI: `low`, `high`, `auto`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Box<Notes>>,
}

impl Media {
    /// A medium from `source` with nothing else known.
    pub fn new(source: MediaSource) -> Self {
        Self { source, media_type: None, name: None, detail: None, notes: None }
    }
}

/// Where the bytes of a medium are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaSource {
    /// At an address. The provider fetches it; UltraAI never does.
    Url(String),
    /// Here; in JSON as base64 text.
    Data(#[serde(with = "base64")] Bytes),
    /// In a file that was uploaded to the vendor before.
    FileId(String),
}

/// Bytes as base64, in the standard alphabet with padding.
mod base64 {
    use ::base64::{Engine as _, display::Base64Display, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(|_| D::Error::custom("the data is no base64"))
    }
}

/// The model asks for a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// The call's id, which its result names.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, as the JSON text that the model wrote.
    pub arguments: String,
    /// What the vendor wants back with the call, such as a thought signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<VendorState>,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Box<Notes>>,
}

impl ToolCall {
    /// A call of the tool `name`.
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), arguments: arguments.into(), state: None, notes: None }
    }
}

/// What a tool gave back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolResult {
    /// The id of the call it answers.
    pub tool_call_id: String,
    /// The tool's name, where a vendor wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The result: text, images, documents.
    pub content: Vec<Part>,
    /// Whether the tool failed.
    #[serde(default)]
    pub is_error: bool,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Box<Notes>>,
}

impl ToolResult {
    /// A result of the call `tool_call_id`.
    pub fn new(tool_call_id: impl Into<String>, content: Vec<Part>) -> Self {
        Self { tool_call_id: tool_call_id.into(), name: None, content, is_error: false, notes: None }
    }
}

/// What the model thought before it answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reasoning {
    /// The text, empty where the vendor hides it.
    pub text: String,
    /// The signature or encrypted form that the vendor wants back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<VendorState>,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Box<Notes>>,
}

impl Reasoning {
    /// Reasoning of `text` without vendor state.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), state: None, notes: None }
    }
}

/// Data that one vendor, or one protocol, alone can use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VendorState {
    /// Whose it is: a vendor's name in the GenAI conventions for what its models must get back, such as a signature; a
    /// protocol's, such as `openai-responses`, for what only that protocol has words for. Nobody else sees the data.
    pub vendor: String,
    /// The data, unchanged.
    pub data: Value,
    /// As a part of an answer: whether it says nothing to the caller and is kept for the vendor alone, such as thinking that
    /// nobody may read. An answer of such parts is empty. Default: no, since what a version does not know may be an answer,
    /// such as a call of a new kind of tool.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_silent: bool,
}

impl VendorState {
    /// Data of `vendor`.
    pub fn new(vendor: impl Into<String>, data: Value) -> Self {
        Self { vendor: vendor.into(), data, is_silent: false }
    }

    /// Data of `vendor` that says nothing to the caller.
    pub fn silent(vendor: impl Into<String>, data: Value) -> Self {
        Self { is_silent: true, ..Self::new(vendor, data) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_base64_in_json() {
        let part = Part::Image(Media::new(MediaSource::Data(Bytes::from_static(b"\x89PNG"))));
        let json = serde_json::to_value(&part).unwrap();
        assert_eq!(json, serde_json::json!({ "type": "image", "source": { "data": "iVBORw==" } }));
        assert_eq!(serde_json::from_value::<Part>(json).unwrap(), part);
        let error = serde_json::from_str::<MediaSource>(r#"{"data": "hunter2!"}"#).unwrap_err().to_string();
        assert!(error.starts_with("the data is no base64"), "{error}");
    }
}
