//! The protocols that the server speaks: text, tools and structured output in each, whole and live.

use std::{mem, pin::Pin};

use serde_json::{Value, json};
use ultraai::{
    ChatRequest, ChatResponse, FallbackOrchestrator, Ledger, Message, Outcome, Part, ProviderSpec,
    ResponseFormat, Role, Tool, ToolCall, ToolChoice, ToolResult,
};

use crate::{end_at_a_sentence, read, request, server::Server, tell, with};

/// A way to speak to the server.
struct Spoken {
    /// The provider's registered name.
    provider: &'static str,
    /// What is said in its settings besides the address, the model and a key.
    settings: &'static [(&'static str, &'static str)],
    /// What does not work, and why. What does all the same is a complaint.
    gaps: &'static [(&'static str, &'static str)],
}

const RESPONSES: &[(&str, &str)] = &[("api", "responses")];

/// Chat completions twice, Anthropic's messages, and responses.
const SPOKEN: &[Spoken] = &[
    Spoken { provider: "compatible", settings: &[], gaps: &[] },
    Spoken { provider: "openai", settings: &[], gaps: &[] },
    Spoken { provider: "anthropic", settings: &[], gaps: FREE },
    Spoken { provider: "openai", settings: RESPONSES, gaps: FREE },
];

/// llama.cpp reads a schema in chat completions alone; elsewhere the model says what it likes.
const FREE: &[(&str, &str)] = &[("structured output", "the server does not hold the model to the schema")];

type Verdict = Result<(), String>;

type Step = for<'a> fn(&'a Asked<'a>) -> Pin<Box<dyn Future<Output = Verdict> + 'a>>;

const STEPS: &[(&str, Step)] = &[
    ("text", |asked| Box::pin(text(asked))),
    ("tools", |asked| Box::pin(tools(asked))),
    ("structured output", |asked| Box::pin(structured(asked))),
];

/// Every step in every protocol, whole and live.
///
/// # Panics
/// When something does not work, or a gap is none any more.
pub(crate) async fn all(server: &Server, ledger: &Ledger) {
    let mut complaints = Vec::new();
    for Spoken { provider, settings, gaps } in SPOKEN {
        let spec = settings
            .iter()
            .fold(server.provider(provider), |spec, (name, value)| spec.setting(*name, *value));
        let stops = *settings != RESPONSES;
        for live in [false, true] {
            let settings: Vec<_> =
                settings.iter().map(|(name, value)| format!(" ({name} = {value})")).collect();
            let settings = settings.concat();
            let title = format!("{provider}{settings}{}", if live { ", live" } else { "" });
            let asked = Asked { spec: &spec, ledger, live, title, stops };
            for (name, step) in STEPS {
                let gap = gaps.iter().find(|(gap, _)| gap == name);
                match (step(&asked).await, gap) {
                    (Ok(()), None) => {}
                    (Err(what), Some((_, why))) => println!("{}, {name}: {what}: a gap: {why}", asked.title),
                    (Err(what), None) => {
                        complaints.push(format!("{}, {name}: {what}", asked.title));
                    }
                    (Ok(()), Some(_)) => {
                        complaints.push(format!("{}, {name}: works: it is no gap", asked.title));
                    }
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Who is asked, and how.
struct Asked<'a> {
    spec: &'a ProviderSpec,
    ledger: &'a Ledger,
    live: bool,
    title: String,
    /// Whether the protocol has words for texts that end the answer.
    stops: bool,
}

impl Asked<'_> {
    /// The answer, and in how many pieces of text it came.
    async fn ask(&self, mut request: ChatRequest) -> Result<(ChatResponse, usize), String> {
        let told = |error: ultraai::Error| format!("{error:?}");
        // `simple` must see whole answers before it says anything; a chain hands on what comes.
        let orchestrator = FallbackOrchestrator::builder().build().map_err(told)?;
        orchestrator.register_provider("smollm2", self.spec.clone()).map_err(told)?;
        if !self.stops && !request.stop_sequences.is_empty() {
            // The server reads the field of chat completions there too, so that its answers end in time.
            request.extra.insert("stop".to_owned(), mem::take(&mut request.stop_sequences).into());
        }
        let with = with(self.ledger);
        let (outcome, pieces) = if self.live {
            let (outcome, text, pieces) =
                read(orchestrator.process_stream_with(request, with).map_err(told)?).await.map_err(told)?;
            if text != outcome.synthesis.response {
                return Err(format!("{text:?} came on the way, and it is {:?}", outcome.synthesis.response));
            }
            (*outcome, pieces)
        } else {
            (orchestrator.process_with(request, with).await.map_err(told)?, 1)
        };
        tell(&self.title, &outcome);
        Ok((answer(outcome)?, pieces))
    }
}

fn answer(outcome: Outcome) -> Result<ChatResponse, String> {
    let mut answers = outcome.responses.into_iter().filter_map(|response| response.response);
    answers.next().map(|answer| (*answer).clone()).ok_or_else(|| "nobody answered".to_owned())
}

async fn text(asked: &Asked<'_>) -> Verdict {
    let request = request("Name a color.").edited(end_at_a_sentence);
    let (answer, pieces) = asked.ask(request).await?;
    if answer.text().trim().is_empty() {
        return Err("it said nothing".to_owned());
    }
    if asked.live && pieces < 2 { Err("it came in one piece".to_owned()) } else { Ok(()) }
}

/// The server holds the model to the form of a call once it begins one, and lets it say what it likes before: so small a
/// model begins one where the prompt says how. One of these must do.
const PROMPTS: [&str; 3] = [
    "Write <tool_call> for get_weather with the city Oslo.",
    "Use the tool get_weather with the city Oslo. Write only <tool_call>.",
    "<tool_call>",
];

async fn tools(asked: &Asked<'_>) -> Verdict {
    let parameters =
        json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let mut weather = Tool::new("get_weather", parameters);
    weather.description = Some("The weather in a city.".to_owned());
    let mut last = "it calls no tool, whatever it is told".to_owned();
    for prompt in PROMPTS {
        let request = request(prompt).with_max_tokens(160).edited(|request| {
            request.tools = vec![weather.clone()];
            request.tool_choice = Some(ToolChoice::Required);
        });
        let said = match asked.ask(request.clone()).await {
            Ok((said, _)) => said.content,
            Err(error) => {
                last = error;
                continue;
            }
        };
        let calls: Vec<ToolCall> = said
            .iter()
            .filter_map(|part| match part {
                Part::ToolCall(call) => Some(call.clone()),
                _ => None,
            })
            .collect();
        if calls.is_empty() {
            continue;
        }
        for call in &calls {
            let arguments: Value =
                serde_json::from_str(&call.arguments).map_err(|error| error.to_string())?;
            if call.name != "get_weather" || call.id.is_empty() || !arguments["city"].is_string() {
                return Err(format!("it is no call of the tool: {call:?}"));
            }
        }
        return result(asked, request, said, &calls).await;
    }
    Err(last)
}

/// Tells the model what the tools gave back; what it makes of it is its own business.
async fn result(asked: &Asked<'_>, request: ChatRequest, said: Vec<Part>, calls: &[ToolCall]) -> Verdict {
    let request = request.edited(|request| {
        request.tool_choice = None;
        request.messages.push(Message::new(Role::Assistant, said));
        for call in calls {
            let mut result = ToolResult::new(call.id.clone(), vec![Part::text("sunny, 7 degrees")]);
            result.name = Some(call.name.clone());
            request.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)]));
        }
        end_at_a_sentence(request);
    });
    asked.ask(request).await.map(|_| ())
}

async fn structured(asked: &Asked<'_>) -> Verdict {
    let properties =
        json!({ "city": { "type": "string", "maxLength": 20 }, "degrees": { "type": "integer" } });
    let schema = json!({
        "type": "object", "properties": properties, "required": ["city", "degrees"], "additionalProperties": false,
    });
    let request = request("Name a city and its degrees.").edited(|request| {
        let name = "report".to_owned();
        request.response_format =
            Some(ResponseFormat::JsonSchema { name, description: None, schema, strict: Some(true) });
    });
    // The layer `schema` checks it.
    asked.ask(request).await.map(|_| ())
}
