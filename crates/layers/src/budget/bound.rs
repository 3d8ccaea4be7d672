//! How many tokens a request and its answer may have at most.

use ultraai_core::{Capabilities, ChatRequest, Media, MediaSource, Message, Part, ResponseFormat, Tool};

/// Tokens of a message besides its texts. OpenAI's cookbook "How to count tokens with tiktoken" counts 3 and one for a name.
const PER_MESSAGE: u64 = 16;

/// Tokens of a tool besides its texts. OpenAI's cookbook counts 7 to 10, and 3 for each argument, whose text is counted here.
const PER_TOOL: u64 = 64;

/// Tokens of the prompt that a vendor adds where tools are given. Anthropic's documentation "Tool use" lists up to 530.
const TOOL_PROMPT: u64 = 1024;

/// Tokens of an image. The dearest that a vendor documents is the largest one at gpt-4o-mini: 2,833 and 8 × 5,667 (OpenAI's
/// documentation "Images and vision").
const PER_IMAGE: u64 = 50_000;

/// Tokens of a document. Anthropic's documentation "PDF support" names 100 pages of up to 3,000 tokens of text, and each
/// page is an image of up to 1,600 too.
const PER_DOCUMENT: u64 = 500_000;

/// Tokens of sound or a moving picture: an hour of video at Gemini, 300 a second, which is the dearest that a vendor documents
/// (Google's documentation "Video understanding").
const PER_HOUR: u64 = 1_080_000;

/// Tokens of the request: no tokenizer makes more tokens than there are bytes.
pub(super) fn input_tokens(request: &ChatRequest) -> u64 {
    let mut tokens = sum(request.messages.iter().map(of_message));
    tokens = tokens.saturating_add(sum(request.tools.iter().map(of_tool)));
    if !request.tools.is_empty() {
        tokens = tokens.saturating_add(TOOL_PROMPT);
    }
    tokens = tokens.saturating_add(sum(request.stop_sequences.iter().map(|text| bytes(text))));
    if let Some(ResponseFormat::JsonSchema { name, schema, .. }) = &request.response_format {
        tokens = tokens.saturating_add(bytes(name)).saturating_add(of_json(schema));
    }
    for (name, value) in request.extra.iter().chain(&request.metadata) {
        tokens = tokens.saturating_add(bytes(name)).saturating_add(of_json(value));
    }
    // What is sent as it came may hold more than was understood of it.
    let native = request.native.as_ref().map_or(0, |native| native.body.len() as u64);
    tokens.max(native)
}

/// Tokens of the answer, and of all of them where several are asked for: what the request allows, else what the model can,
/// else `assumed`.
pub(super) fn output_tokens(request: &ChatRequest, can: &Capabilities, assumed: u64) -> u64 {
    // Windows grew much larger than any answer.
    let by_window = || can.context_window.map_or(assumed, |window| window.min(assumed));
    let each = request.max_tokens.or(can.max_output_tokens).unwrap_or_else(by_window);
    let extra = || request.extra.get("n").and_then(serde_json::Value::as_u64);
    let choices = request.n.map(u64::from).or_else(extra).unwrap_or(1);
    each.saturating_mul(choices.max(1))
}

fn of_message(message: &Message) -> u64 {
    let extra = message.extra.iter().map(|(name, value)| bytes(name).saturating_add(of_json(value)));
    sum(message.content.iter().map(of_part).chain(extra))
        .saturating_add(PER_MESSAGE + bytes(message.role.as_str()))
        .saturating_add(message.name.as_deref().map_or(0, bytes))
}

fn of_tool(tool: &Tool) -> u64 {
    let extra = tool.extra.iter().map(|(name, value)| bytes(name).saturating_add(of_json(value)));
    let vendor = tool.vendor.as_ref().map_or(0, |tool| of_json(&tool.data));
    let texts = bytes(&tool.name) + tool.description.as_deref().map_or(0, bytes) + of_json(&tool.parameters);
    sum(extra).saturating_add(PER_TOOL + texts + vendor)
}

fn of_part(part: &Part) -> u64 {
    let extra = part.notes().and_then(|notes| notes.extra.as_ref());
    said(part).saturating_add(extra.map_or(0, |extra| of_json(&extra.data)))
}

fn said(part: &Part) -> u64 {
    match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => bytes(text),
        Part::Image(media) => of_media(media, PER_IMAGE),
        Part::Document(media) => of_media(media, PER_DOCUMENT),
        Part::Audio(media) | Part::Video(media) => of_media(media, PER_HOUR),
        Part::ToolCall(call) => {
            let state = call.state.as_ref().map_or(0, |state| of_json(&state.data));
            PER_MESSAGE + bytes(&call.id) + bytes(&call.name) + bytes(&call.arguments) + state
        }
        Part::ToolResult(result) => sum(result.content.iter().map(of_part))
            .saturating_add(PER_MESSAGE + bytes(&result.tool_call_id))
            .saturating_add(result.name.as_deref().map_or(0, bytes)),
        Part::Reasoning(reasoning) => {
            bytes(&reasoning.text) + reasoning.state.as_ref().map_or(0, |state| of_json(&state.data))
        }
        Part::Vendor(state) => of_json(&state.data),
        // A part that a later core knows.
        _ => PER_DOCUMENT,
    }
}

/// What is here is as many tokens as bytes, or as the dearest of its kind: a compressed one may hold more than its bytes.
/// What is elsewhere counts as the dearest.
fn of_media(media: &Media, dearest: u64) -> u64 {
    let name = media.name.as_deref().map_or(0, bytes);
    let held = match &media.source {
        MediaSource::Data(data) => data.len() as u64,
        MediaSource::Url(place) | MediaSource::FileId(place) => bytes(place),
        _ => 0,
    };
    held.max(dearest) + name
}

fn of_json(value: &serde_json::Value) -> u64 {
    bytes(&value.to_string())
}

fn bytes(text: &str) -> u64 {
    text.len() as u64
}

fn sum(tokens: impl Iterator<Item = u64>) -> u64 {
    tokens.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{Reasoning, ToolCall, ToolResult};

    use super::*;

    #[test]
    fn every_text_counts_with_its_bytes() {
        let of = |part: Part| of_part(&part);
        assert_eq!(of(Part::text("żółw")), 7);
        assert_eq!(of(Part::refusal("no")), 2);
        assert_eq!(of(Part::Reasoning(Reasoning::new("hm"))), 2);
        assert_eq!(of(Part::ToolCall(ToolCall::new("id", "clock", "{}"))), PER_MESSAGE + 9);
        let result = ToolResult::new("id", vec![Part::text("noon"), Part::text("!")]);
        assert_eq!(of(Part::ToolResult(result)), PER_MESSAGE + 7);

        let mut request = ChatRequest::from_prompt("hello");
        let plain = input_tokens(&request);
        assert_eq!(plain, 5 + 4 + PER_MESSAGE);
        request.stop_sequences = vec!["END".into()];
        request.extra.insert("k".into(), json!(1));
        assert_eq!(input_tokens(&request), plain + 3 + 2);
        request.tools.push(Tool::new("clock", json!({})));
        assert_eq!(input_tokens(&request), plain + 5 + PER_TOOL + TOOL_PROMPT + 7);
    }

    #[test]
    fn a_medium_counts_as_the_dearest_of_its_kind_unless_it_is_larger() {
        let data = |length| Media::new(MediaSource::Data(vec![0; length].into()));
        assert_eq!(of_part(&Part::Image(data(10))), PER_IMAGE);
        assert_eq!(of_part(&Part::Image(data(60_000))), 60_000);
        let url = Media::new(MediaSource::Url("https://example.com/a.pdf".into()));
        assert_eq!(of_part(&Part::Document(url)), PER_DOCUMENT);
    }

    #[test]
    fn what_the_request_allows_goes_before_what_the_model_can() {
        let request = ChatRequest::from_prompt("hello");
        let mut can = Capabilities::default();
        assert_eq!(output_tokens(&request, &can, 1000), 1000);
        can.context_window = Some(100);
        assert_eq!(output_tokens(&request, &can, 1000), 100);
        can.context_window = Some(100_000);
        assert_eq!(output_tokens(&request, &can, 1000), 1000);
        can.max_output_tokens = Some(10_000);
        assert_eq!(output_tokens(&request, &can, 1000), 10_000);
        let mut request = request.with_max_tokens(7);
        assert_eq!(output_tokens(&request, &can, 1000), 7);
        request.extra.insert("n".into(), json!(3));
        assert_eq!(output_tokens(&request, &can, 1000), 21);
        request.n = Some(2);
        assert_eq!(output_tokens(&request, &can, 1000), 14);
    }
}
