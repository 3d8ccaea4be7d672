//! What a request can say.

use serde_json::{Value, json};
use ultraai_core::{
    CacheMarker, ChatRequest, Delivery, Media, MediaSource, Message, Part, Reasoning, ReasoningOptions,
    ResponseFormat, Role, Tool, ToolCall, ToolChoice, ToolResult, VendorState,
};

use super::{Feature, any, calls};

type Row = Feature<ChatRequest>;

/// Everything that a request can say.
pub const REQUESTS: &[Row] = &[
    Row::new(
        "instructions of the system",
        |request| request.messages.insert(0, Message::system("be kind")),
        |request| has_role(request, &Role::System),
    ),
    Row::new(
        "instructions of the developer",
        |request| request.messages.insert(0, Message::new(Role::Developer, vec![Part::text("be kind")])),
        |request| has_role(request, &Role::Developer),
    )
    .or(&[("as the system's", |request| has_role(request, &Role::System))]),
    Row::new(
        "a speaker's name",
        |request| request.messages[0].name = Some("ada".to_owned()),
        |request| request.messages.iter().any(|message| message.name.as_deref() == Some("ada")),
    ),
    Row::new(
        "a live answer",
        |request| request.delivery = Delivery::Live,
        |request| request.delivery == Delivery::Live,
    ),
    Row::new(
        "an image by its data",
        |request| add(request, Part::Image(data("image/png"))),
        |request| holds(request, |part| matches!(part, Part::Image(_)) && is_data(part)),
    ),
    Row::new(
        "an image by its address",
        |request| add(request, Part::Image(at("image/png"))),
        |request| holds(request, |part| matches!(part, Part::Image(_)) && is_address(part)),
    )
    .or(&[("as a file", |request| holds(request, is_address))]),
    Row::new(
        "an image by a file's id",
        |request| add(request, Part::Image(file("image/png"))),
        |request| holds(request, |part| matches!(part, Part::Image(_)) && is_file(part)),
    )
    .or(&[("as a file", |request| holds(request, is_named))]),
    Row::new(
        "how closely an image is looked at",
        |request| {
            let mut image = data("image/png");
            image.detail = Some("low".to_owned());
            add(request, Part::Image(image));
        },
        |request| {
            holds(request, |part| part.as_media().is_some_and(|media| media.detail.as_deref() == Some("low")))
        },
    ),
    Row::new(
        "a PDF by its data",
        |request| add(request, Part::Document(data("application/pdf"))),
        |request| holds(request, |part| matches!(part, Part::Document(_)) && is_data(part)),
    ),
    Row::new(
        "a PDF by its address",
        |request| add(request, Part::Document(at("application/pdf"))),
        |request| holds(request, |part| matches!(part, Part::Document(_)) && is_address(part)),
    ),
    Row::new(
        "a PDF by a file's id",
        |request| add(request, Part::Document(file("application/pdf"))),
        |request| holds(request, |part| matches!(part, Part::Document(_)) && is_file(part)),
    )
    .or(&[("as a file", |request| holds(request, is_named))]),
    Row::new(
        "sound by its data",
        |request| add(request, Part::Audio(data("audio/wav"))),
        |request| holds(request, |part| matches!(part, Part::Audio(_))),
    ),
    Row::new(
        "a moving picture by its data",
        |request| add(request, Part::Video(data("video/mp4"))),
        |request| holds(request, |part| matches!(part, Part::Video(_))),
    ),
    Row::new(
        "a tool",
        |request| request.tools.push(tool()),
        |request| {
            request.tools.first().is_some_and(|tool| tool.name == "weather" && tool.parameters == schema())
        },
    ),
    Row::new(
        "a tool whose schema is enforced",
        |request| {
            let mut tool = tool();
            tool.strict = Some(true);
            request.tools.push(tool);
        },
        |request| request.tools.first().is_some_and(|tool| tool.strict == Some(true)),
    )
    .or(&[("for all tools", |request| matches!(request.tool_choice, Some(ToolChoice::Vendor(_))))]),
    Row::new(
        "some tool must be called",
        |request| choose(request, ToolChoice::Required),
        |request| request.tool_choice == Some(ToolChoice::Required),
    ),
    Row::new(
        "this tool must be called",
        |request| choose(request, ToolChoice::Tool("weather".to_owned())),
        |request| request.tool_choice == Some(ToolChoice::Tool("weather".to_owned())),
    ),
    Row::new(
        "no tool may be called",
        |request| choose(request, ToolChoice::None),
        |request| request.tool_choice == Some(ToolChoice::None),
    )
    .or(&[("without tools", |request| request.tools.is_empty())]),
    Row::new(
        "one of these tools may be called",
        |request| {
            choose(request, ToolChoice::Allowed { tools: vec!["weather".to_owned()], required: false });
            request.tools.push(Tool::new("time", schema()));
        },
        |request| matches!(request.tool_choice, Some(ToolChoice::Allowed { .. })) && request.tools.len() == 2,
    )
    .or(&[("with these alone", |request| request.tools.len() == 1 && request.tools[0].name == "weather")]),
    Row::new(
        "one call at a time",
        |request| {
            request.tools.push(tool());
            request.parallel_tool_calls = Some(false);
        },
        |request| request.parallel_tool_calls == Some(false),
    ),
    Row::new(
        "a call and its result",
        |request| called(request, vec![Part::text("sunny")], false),
        |request| {
            said_calls(request) == 1 && results(request).any(|result| result.content == [Part::text("sunny")])
        },
    ),
    Row::new(
        "two calls and their results",
        |request| {
            called(request, vec![Part::text("sunny")], false);
            let second = ToolCall::new("call_2", "weather", r#"{"city":"Lima"}"#);
            request.messages[1].content.push(Part::ToolCall(second));
            let result = ToolResult::new("call_2", vec![Part::text("foggy")]);
            request.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)]));
        },
        |request| said_calls(request) == 2 && results(request).count() == 2,
    ),
    Row::new(
        "a tool's image",
        |request| called(request, vec![Part::text("sunny"), Part::Image(data("image/png"))], false),
        |request| results(request).any(|result| any(&result.content, |part| matches!(part, Part::Image(_)))),
    ),
    Row::new(
        "that a tool failed",
        |request| called(request, vec![Part::text("no")], true),
        |request| results(request).any(|result| result.is_error),
    ),
    Row::new(
        "a schema of the answer",
        |request| {
            let (name, schema) = ("report".to_owned(), schema());
            request.response_format =
                Some(ResponseFormat::JsonSchema { name, description: None, schema, strict: None });
        },
        |request| matches!(&request.response_format, Some(ResponseFormat::JsonSchema { schema: said, .. }) if *said == schema()),
    )
    .or(&[("by a forced tool", |request| matches!(request.tool_choice, Some(ToolChoice::Tool(_))))]),
    Row::new(
        "that the answer is JSON",
        |request| request.response_format = Some(ResponseFormat::JsonObject),
        |request| request.response_format == Some(ResponseFormat::JsonObject),
    )
    .or(&[("by a forced tool", |request| matches!(request.tool_choice, Some(ToolChoice::Tool(_))))]),
    Row::new(
        "effort of reasoning",
        |request| reason(request, |reasoning| reasoning.effort = Some("low".to_owned())),
        |request| {
            request.reasoning.as_ref().is_some_and(|reasoning| reasoning.effort.as_deref() == Some("low"))
        },
    ),
    Row::new(
        "tokens of reasoning",
        |request| reason(request, |reasoning| reasoning.max_tokens = Some(2048)),
        |request| request.reasoning.as_ref().is_some_and(|reasoning| reasoning.max_tokens == Some(2048)),
    ),
    Row::new(
        "no reasoning",
        |request| reason(request, |reasoning| reasoning.enabled = Some(false)),
        |request| {
            let reasoning = request.reasoning.as_ref();
            reasoning.is_some_and(|it| it.enabled == Some(false) || it.effort.as_deref() == Some("none"))
        },
    ),
    Row::new(
        "reasoning that was told",
        |request| thought(request, None),
        |request| holds(request, |part| matches!(part, Part::Reasoning(it) if it.text == "look outside")),
    )
    .private(),
    Row::new(
        "reasoning with Anthropic's signature",
        |request| thought(request, Some("anthropic")),
        |request| has_state(request, "anthropic"),
    )
    .private(),
    Row::new(
        "reasoning with OpenAI's encrypted form",
        |request| thought(request, Some("openai")),
        |request| has_state(request, "openai"),
    )
    .private(),
    Row::new(
        "a refusal that was told",
        |request| said(request, Part::refusal("no")),
        |request| holds(request, |part| matches!(part, Part::Refusal { .. })),
    )
    .or(&[("as text", |request| holds(request, |part| part.as_text() == Some("no")))]),
    Row::new(
        "what is worth keeping in a cache",
        |request| request.messages[0].content[0].annotate(|notes| notes.cache = Some(CacheMarker::default())),
        |request| holds(request, |part| part.notes().is_some_and(|notes| notes.cache.is_some())),
    ),
    Row::new("`max_tokens`", |_| {}, |request| request.max_tokens == Some(4096)),
    Row::new(
        "`temperature`",
        |request| request.temperature = Some(0.5),
        |request| request.temperature == Some(0.5),
    ),
    Row::new("`top_p`", |request| request.top_p = Some(0.5), |request| request.top_p == Some(0.5)),
    Row::new("`top_k`", |request| request.top_k = Some(40), |request| request.top_k == Some(40)),
    Row::new(
        "`frequency_penalty`",
        |request| request.frequency_penalty = Some(0.5),
        |request| request.frequency_penalty == Some(0.5),
    ),
    Row::new(
        "`presence_penalty`",
        |request| request.presence_penalty = Some(0.5),
        |request| request.presence_penalty == Some(0.5),
    ),
    Row::new(
        "`stop_sequences`",
        |request| request.stop_sequences = vec!["END".to_owned()],
        |request| request.stop_sequences == ["END"],
    ),
    Row::new("`seed`", |request| request.seed = Some(7), |request| request.seed == Some(7)),
    Row::new("several answers, `n`", |request| request.n = Some(2), |request| request.n == Some(2)),
    Row::new("`logprobs`", |request| request.logprobs = Some(true), |request| request.logprobs == Some(true)),
    Row::new(
        "`top_logprobs`",
        |request| (request.logprobs, request.top_logprobs) = (Some(true), Some(3)),
        |request| request.top_logprobs == Some(3),
    ),
    Row::new(
        "`service_tier`",
        |request| request.service_tier = Some("auto".to_owned()),
        |request| request.service_tier.as_deref() == Some("auto"),
    ),
    Row::new(
        "`user`",
        |request| request.user = Some("ada".to_owned()),
        |request| request.user.as_deref() == Some("ada"),
    ),
    Row::new(
        "`metadata`",
        |request| drop(request.metadata.insert("team".to_owned(), json!("blue"))),
        |request| request.metadata.get("team") == Some(&json!("blue")),
    ),
    Row::new(
        "a field that nobody knows",
        |request| drop(request.extra.insert("novel".to_owned(), json!(7))),
        |request| request.extra.get("novel") == Some(&json!(7)),
    ),
];

fn has_role(request: &ChatRequest, role: &Role) -> bool {
    request.messages.iter().any(|message| message.role == *role && message.text() == "be kind")
}

fn add(request: &mut ChatRequest, part: Part) {
    request.messages[0].content.push(part);
}

fn said(request: &mut ChatRequest, part: Part) {
    request.messages.push(Message::new(Role::Assistant, vec![part]));
    request.messages.push(Message::user("go on"));
}

fn holds(request: &ChatRequest, wanted: fn(&Part) -> bool) -> bool {
    request.parts().any(wanted)
}

fn is_data(part: &Part) -> bool {
    part.as_media().is_some_and(|media| matches!(media.source, MediaSource::Data(_)))
}

fn is_address(part: &Part) -> bool {
    part.as_media().is_some_and(|media| media.source == MediaSource::Url(ADDRESS.to_owned()))
}

fn is_file(part: &Part) -> bool {
    part.as_media().is_some_and(|media| matches!(media.source, MediaSource::FileId(_)))
}

/// A file that a protocol names where others have an address.
fn is_named(part: &Part) -> bool {
    is_file(part)
        || part.as_media().is_some_and(|media| media.source == MediaSource::Url("file-1".to_owned()))
}

const ADDRESS: &str = "https://host/a";

fn medium(source: MediaSource, media_type: &str) -> Media {
    let mut media = Media::new(source);
    media.media_type = Some(media_type.to_owned());
    media
}

fn data(media_type: &str) -> Media {
    let bytes: &[u8] = match media_type {
        "image/png" => b"\x89PNG\r\n\x1a\n",
        "application/pdf" => b"%PDF-1.7",
        "audio/wav" => b"RIFF\x24\0\0\0WAVE",
        _ => b"\0\0\0\x18ftypmp42",
    };
    let mut media = medium(MediaSource::Data(bytes.into()), media_type);
    if media_type == "application/pdf" {
        media.name = Some("a.pdf".to_owned());
    }
    media
}

fn at(media_type: &str) -> Media {
    medium(MediaSource::Url(ADDRESS.to_owned()), media_type)
}

fn file(media_type: &str) -> Media {
    medium(MediaSource::FileId("file-1".to_owned()), media_type)
}

fn schema() -> Value {
    let city = json!({ "type": "string" });
    json!({ "type": "object", "properties": { "city": city }, "required": ["city"], "additionalProperties": false })
}

fn tool() -> Tool {
    let mut tool = Tool::new("weather", schema());
    tool.description = Some("The weather in a city.".to_owned());
    tool
}

fn choose(request: &mut ChatRequest, choice: ToolChoice) {
    request.tools.push(tool());
    request.tool_choice = Some(choice);
}

fn called(request: &mut ChatRequest, content: Vec<Part>, is_error: bool) {
    request.tools.push(tool());
    let call = ToolCall::new("call_1", "weather", r#"{"city":"Oslo"}"#);
    request.messages.push(Message::new(Role::Assistant, vec![Part::ToolCall(call)]));
    let mut result = ToolResult::new("call_1", content);
    (result.name, result.is_error) = (Some("weather".to_owned()), is_error);
    request.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)]));
}

fn said_calls(request: &ChatRequest) -> usize {
    request.messages.iter().map(|message| calls(&message.content).count()).sum()
}

fn results(request: &ChatRequest) -> impl Iterator<Item = &ToolResult> {
    request.parts().filter_map(|part| match part {
        Part::ToolResult(result) => Some(result),
        _ => None,
    })
}

fn reason(request: &mut ChatRequest, edit: fn(&mut ReasoningOptions)) {
    edit(request.reasoning.get_or_insert_default());
}

fn thought(request: &mut ChatRequest, vendor: Option<&str>) {
    let mut reasoning = Reasoning::new("look outside");
    reasoning.state = vendor.map(|vendor| VendorState::new(vendor, super::state(vendor)));
    said(request, Part::Reasoning(reasoning));
    request.messages[1].content.push(Part::text("sunny"));
}

fn has_state(request: &ChatRequest, vendor: &str) -> bool {
    request.parts().any(|part| super::has_state(part, vendor))
}
