//! Requests and answers made up at random, from what a protocol can carry.

use fastrand::Rng;
use serde_json::{Value, json};
use ultraai_core::{
    CacheMarker, ChatRequest, ChatResponse, Delivery, FinishReason, Media, MediaSource, Message, ModelName,
    Part, Reasoning, ReasoningOptions, ResponseFormat, Role, Tool, ToolCall, ToolChoice, ToolResult, Usage,
    VendorState,
};

/// What a protocol can carry. Write only what differs from [`Carries::EVERYTHING`].
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a row of data, written with field names")]
pub struct Carries {
    /// Tools, their calls and their results.
    pub tools: bool,
    /// Several calls in one answer.
    pub parallel_calls: bool,
    /// That some tool must be called.
    pub required_tool: bool,
    /// That a certain tool must be called.
    pub named_tool: bool,
    /// Images by data.
    pub images: bool,
    /// Images by address.
    pub image_urls: bool,
    /// PDF documents by data.
    pub documents: bool,
    /// A schema that the answer follows.
    pub json_schema: bool,
    /// JSON without a schema.
    pub json_object: bool,
    /// Reasoning in answers and in the conversation; with state of this vendor where it is named.
    pub reasoning: bool,
    /// Whose state reasoning and calls carry.
    pub reasoning_state: Option<&'static str>,
    /// How much the model thinks, in words.
    pub effort: bool,
    /// Marks of what is worth keeping in a cache.
    pub cache: bool,
    /// Refusals.
    pub refusals: bool,
    /// A seed of sampling.
    pub seed: bool,
    /// `top_k`.
    pub top_k: bool,
    /// Penalties of frequency and presence.
    pub penalties: bool,
    /// Texts that end the answer.
    pub stop: bool,
    /// Two parts of text in a row that stay two.
    pub split_texts: bool,
    /// Text, then calls, then text again.
    pub mixed_order: bool,
}

impl Carries {
    /// All of it.
    pub const EVERYTHING: Self = Self {
        tools: true,
        parallel_calls: true,
        required_tool: true,
        named_tool: true,
        images: true,
        image_urls: true,
        documents: true,
        json_schema: true,
        json_object: true,
        reasoning: true,
        reasoning_state: None,
        effort: true,
        cache: true,
        refusals: true,
        seed: true,
        top_k: true,
        penalties: true,
        stop: true,
        split_texts: true,
        mixed_order: true,
    };

    /// A request for the model `m`, made up from `rng`: a conversation that begins with the user and whose calls are answered.
    pub fn request(&self, rng: &mut Rng) -> ChatRequest {
        let mut messages = Vec::new();
        if rng.bool() {
            messages.push(Message::system(text(rng)));
        }
        for turn in 0..rng.usize(1..4) {
            if turn > 0 {
                self.assistant_turn(&mut messages, rng);
            }
            messages.push(Message::new(Role::User, self.user_parts(rng)));
        }
        let mut request = ChatRequest::new(messages);
        request.model = ModelName::new("m").ok();
        let half = |rng: &mut Rng, allowed: bool| allowed && rng.bool();
        request.max_tokens = rng.bool().then(|| rng.u64(1..9999));
        request.temperature = rng.bool().then_some(0.5);
        request.top_p = rng.bool().then_some(0.25);
        request.top_k = half(rng, self.top_k).then_some(40);
        request.seed = half(rng, self.seed).then_some(7);
        if half(rng, self.penalties) {
            (request.frequency_penalty, request.presence_penalty) = (Some(0.5), Some(-0.5));
        }
        if half(rng, self.stop) {
            request.stop_sequences = vec![text(rng), "\n".into()];
        }
        if half(rng, self.effort) {
            let effort = ["low", "medium", "high"][rng.usize(0..3)];
            let mut reasoning = ReasoningOptions::default();
            reasoning.effort = Some(effort.to_owned());
            request.reasoning = Some(reasoning);
        }
        request.response_format = match rng.u8(0..4) {
            0 if self.json_schema => Some(ResponseFormat::JsonSchema {
                name: "answer".into(),
                description: None,
                schema: json!({ "type": "object", "properties": { "a": { "type": "string" } } }),
                strict: None,
            }),
            1 if self.json_object => Some(ResponseFormat::JsonObject),
            _ => None,
        };
        if self.tools {
            request.tools = (0..rng.usize(0..3)).map(|number| self.tool(number, rng)).collect();
        }
        if let Some(tool) = request.tools.first() {
            request.tool_choice = match rng.u8(0..5) {
                0 => Some(ToolChoice::Auto),
                1 if self.required_tool => Some(ToolChoice::Required),
                2 if self.named_tool => Some(ToolChoice::Tool(tool.name.clone())),
                _ => None,
            };
        }
        request.delivery = if rng.bool() { Delivery::Live } else { Delivery::Whole };
        request
    }

    /// An answer of the model `m`, made up from `rng`.
    pub fn answer(&self, rng: &mut Rng) -> ChatResponse {
        let mut answer = ChatResponse::default();
        answer.model = Some("m".into());
        answer.content = self.said(rng, 3);
        let calls = answer.content.iter().any(|part| matches!(part, Part::ToolCall(_)));
        answer.finish_reason = match rng.u8(0..4) {
            _ if calls => FinishReason::ToolCalls,
            0 => FinishReason::Length,
            _ => FinishReason::Stop,
        };
        answer.usage = Some(Usage::reported(rng.u64(1..999), rng.u64(1..999)));
        answer
    }

    fn tool(&self, number: usize, rng: &mut Rng) -> Tool {
        let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
        let mut tool = Tool::new(format!("tool_{number}"), schema);
        tool.description = rng.bool().then(|| text(rng));
        tool.cache = (self.cache && rng.u8(0..4) == 0).then(CacheMarker::default);
        tool
    }

    fn user_parts(&self, rng: &mut Rng) -> Vec<Part> {
        let mut parts = vec![Part::text(text(rng))];
        if self.images && rng.bool() {
            let mut media = Media::new(MediaSource::Data(b"\x89PNG\r\n\x1a\n".as_slice().into()));
            media.media_type = Some("image/png".into());
            parts.push(Part::Image(media));
        }
        if self.image_urls && rng.bool() {
            parts.push(Part::Image(Media::new(MediaSource::Url("https://host/a.png".into()))));
        }
        if self.documents && rng.bool() {
            let mut media = Media::new(MediaSource::Data(b"%PDF-1.7".as_slice().into()));
            (media.media_type, media.name) = (Some("application/pdf".into()), Some("a.pdf".into()));
            parts.push(Part::Document(media));
        }
        if self.split_texts && rng.bool() {
            parts.push(Part::text(text(rng)));
        }
        if self.cache
            && rng.u8(0..4) == 0
            && let Some(part) = parts.last_mut()
        {
            part.annotate(|notes| notes.cache = Some(CacheMarker::default()));
        }
        parts
    }

    /// What the model said, and the results of the tools that it asked for.
    fn assistant_turn(&self, messages: &mut Vec<Message>, rng: &mut Rng) {
        let said = self.said(rng, 2);
        let results = said.iter().filter_map(|part| match part {
            Part::ToolCall(call) => {
                let mut result = ToolResult::new(call.id.clone(), vec![Part::text(text(rng))]);
                result.name = Some(call.name.clone());
                Some(Message::new(Role::Tool, vec![Part::ToolResult(result)]))
            }
            _ => None,
        });
        let results: Vec<_> = results.collect();
        messages.push(Message::new(Role::Assistant, said));
        messages.extend(results);
    }

    fn said(&self, rng: &mut Rng, most: usize) -> Vec<Part> {
        let mut parts = Vec::new();
        if self.reasoning && rng.bool() {
            let mut reasoning = Reasoning::new(text(rng));
            reasoning.state = self
                .reasoning_state
                .map(|vendor| VendorState::new(vendor, json!({ "signature": text(rng) })));
            parts.push(Part::Reasoning(reasoning));
        }
        if self.refusals && rng.u8(0..6) == 0 {
            parts.push(Part::refusal(text(rng)));
            return parts;
        }
        let calls = if self.tools { rng.usize(0..=if self.parallel_calls { most } else { 1 }) } else { 0 };
        if calls == 0 || rng.bool() {
            parts.push(Part::text(text(rng)));
        }
        if self.split_texts && rng.bool() {
            parts.push(Part::text(text(rng)));
        }
        for number in 0..calls {
            let arguments: Value = json!({ "city": text(rng) });
            let id = format!("call_{:08x}", rng.u32(..));
            parts.push(Part::ToolCall(ToolCall::new(id, format!("tool_{number}"), arguments.to_string())));
            if self.mixed_order && rng.u8(0..4) == 0 {
                parts.push(Part::text(text(rng)));
            }
        }
        parts
    }
}

/// A text with what encoders stumble over.
fn text(rng: &mut Rng) -> String {
    const PIECES: &[&str] =
        &["word", " ", "grüße", "😀", "\"", "\\", "{\"a\": 1}", "\u{2028}", "data: x\n\n", "</a>", "7"];
    let mut text = String::from("t");
    for _ in 0..rng.usize(1..6) {
        text.push_str(PIECES[rng.usize(0..PIECES.len())]);
    }
    text.push('.');
    text
}
