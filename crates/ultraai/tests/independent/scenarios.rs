//! What a provider is asked, and what must come of it.

use std::{pin::Pin, sync::Arc};

use serde_json::{Value, json};
use ultraai::{
    BuildContext, CallContext, ChatEvent, ChatRequest, ChatResponse, Delivery, Delta, EmbeddingRequest,
    FallbackOrchestrator, FinishReason, Lookup, Message, ModelName, Part, Provider as _, ProviderId,
    ProviderSpec, Registry, ResponseFormat, Role, Tool, ToolCall, ToolResult,
};

/// What came of it, or what is wrong.
type Verdict = Result<(), String>;

/// A question to a provider.
pub(crate) type Scenario = for<'a> fn(&'a ProviderSpec) -> Pin<Box<dyn Future<Output = Verdict> + 'a>>;

/// Every scenario by its name.
pub(crate) const SCENARIOS: &[(&str, Scenario)] = &[
    ("text", |spec| Box::pin(text(spec, Delivery::Whole))),
    ("text, live", |spec| Box::pin(text(spec, Delivery::Live))),
    ("tools", |spec| Box::pin(tools(spec, Delivery::Whole))),
    ("tools, live", |spec| Box::pin(tools(spec, Delivery::Live))),
    ("structured output", |spec| Box::pin(structured(spec, Delivery::Whole))),
    ("structured output, live", |spec| Box::pin(structured(spec, Delivery::Live))),
];

/// What is asked of a server that says what it is told to say.
pub(crate) const SCRIPTED: &[(&str, Scenario)] = &[
    ("two calls", |spec| Box::pin(two_calls(spec, Delivery::Whole))),
    ("two calls, live", |spec| Box::pin(two_calls(spec, Delivery::Live))),
];

/// The answer, and in how many pieces its text came. It is asked as applications ask: through an orchestrator, with all the
/// layers that are linked.
async fn ask(spec: &ProviderSpec, request: ChatRequest) -> Result<(ChatResponse, usize), String> {
    let told = |error: ultraai::Error| format!("{error:?}");
    let orchestrator = FallbackOrchestrator::builder().max_retries(0).build().map_err(told)?;
    orchestrator.register_provider("one", spec.clone()).map_err(told)?;
    let live = request.delivery == Delivery::Live;
    let reply = orchestrator.chat(&CallContext::new(), Arc::new(request)).await.map_err(told)?;
    if live != reply.is_live() {
        return Err("it was asked for a live answer and gave a whole one, or the other way round".to_owned());
    }
    let (mut pieces, mut fold, mut events) = (0, ultraai::Fold::default(), reply.into_events());
    while let Some(event) = events.next().await {
        let event = event.map_err(told)?;
        pieces += usize::from(matches!(&event, ChatEvent::Delta(Delta::Text(text)) if !text.is_empty()));
        fold.push(event).map_err(told)?;
    }
    Ok((fold.finish().map_err(told)?, pieces))
}

fn ensure(holds: bool, what: &str, answer: &ChatResponse) -> Verdict {
    if holds { Ok(()) } else { Err(format!("{what}: {answer:?}")) }
}

async fn text(spec: &ProviderSpec, delivery: Delivery) -> Verdict {
    let request = ChatRequest::from_prompt("hello").with_system("Be kind.").with_max_tokens(200);
    let (answer, pieces) = ask(spec, request.with_delivery(delivery)).await?;
    ensure(answer.is_good(), "it is no good answer", &answer)?;
    ensure(answer.finish_reason == FinishReason::Stop, "it ended otherwise", &answer)?;
    ensure(delivery == Delivery::Whole || pieces > 1, "it came in one piece", &answer)
}

fn weather() -> Tool {
    let city = json!({ "type": "string", "description": "The city's name." });
    let parameters = json!({ "type": "object", "properties": { "city": city }, "required": ["city"] });
    let mut tool = Tool::new("get_weather", parameters);
    tool.description = Some("The weather in a city.".to_owned());
    tool
}

fn calls(answer: &ChatResponse) -> Vec<&ToolCall> {
    let mut calls = Vec::new();
    for part in &answer.content {
        if let Part::ToolCall(call) = part {
            calls.push(call);
        }
    }
    calls
}

fn with_tool(messages: Vec<Message>, delivery: Delivery) -> ChatRequest {
    ChatRequest::new(messages)
        .with_max_tokens(200)
        .with_delivery(delivery)
        .edited(|request| request.tools = vec![weather()])
}

/// What a call of the tool gave back.
fn result(call: &ToolCall) -> Part {
    let mut result = ToolResult::new(call.id.clone(), vec![Part::text("sunny, 7 degrees")]);
    result.name = Some(call.name.clone());
    Part::ToolResult(result)
}

fn city(call: &ToolCall) -> Option<String> {
    let arguments: Value = serde_json::from_str(&call.arguments).ok()?;
    Some(arguments["city"].as_str()?.to_owned())
}

async fn tools(spec: &ProviderSpec, delivery: Delivery) -> Verdict {
    let mut messages = vec![Message::user("How is the weather in Oslo?")];
    let (answer, _) = ask(spec, with_tool(messages.clone(), delivery)).await?;
    let found = calls(&answer);
    ensure(found.len() == 1 && found[0].name == "get_weather", "it is not one call of the tool", &answer)?;
    ensure(city(found[0]).is_some(), "the arguments are not the tool's", &answer)?;
    ensure(!found[0].id.is_empty(), "the call has no id", &answer)?;
    // aimock ends Gemini's calls with a word that Gemini does not have.
    let ended = matches!(answer.finish_reason, FinishReason::ToolCalls | FinishReason::Other(_));
    ensure(ended, "it ended otherwise", &answer)?;

    // What was said goes back as it came, and the result after it.
    messages.push(Message::new(Role::Assistant, answer.content.clone()));
    messages.push(Message::new(Role::Tool, vec![result(found[0])]));
    let (answer, _) = ask(spec, with_tool(messages, delivery)).await?;
    ensure(answer.is_good() && calls(&answer).is_empty(), "it is no answer in words", &answer)
}

async fn two_calls(spec: &ProviderSpec, delivery: Delivery) -> Verdict {
    let mut messages = vec![Message::user("Is it sunny in two cities?")];
    let (answer, _) = ask(spec, with_tool(messages.clone(), delivery)).await?;
    let found = calls(&answer);
    let cities: Vec<_> = found.iter().filter_map(|call| city(call)).collect();
    ensure(cities == ["Oslo", "Lima"], "it is not a call for each city", &answer)?;
    ensure(found[0].id != found[1].id, "the calls have one id", &answer)?;

    messages.push(Message::new(Role::Assistant, answer.content.clone()));
    messages.push(Message::new(Role::Tool, found.iter().map(|call| result(call)).collect()));
    let (answer, _) = ask(spec, with_tool(messages, delivery)).await?;
    ensure(answer.is_good() && calls(&answer).is_empty(), "it is no answer in words", &answer)
}

async fn structured(spec: &ProviderSpec, delivery: Delivery) -> Verdict {
    let properties = json!({ "city": { "type": "string" }, "degrees": { "type": "integer" } });
    let schema = json!({
        "type": "object", "properties": properties, "required": ["city", "degrees"], "additionalProperties": false,
    });
    let request = ChatRequest::from_prompt("Tell a city and its degrees as JSON.").with_max_tokens(200);
    let request = request.with_delivery(delivery).edited(|request| {
        let name = "report".to_owned();
        request.response_format =
            Some(ResponseFormat::JsonSchema { name, description: None, schema, strict: Some(true) });
    });
    // The layer `schema` has checked it, and says so where it does not follow.
    let (answer, _) = ask(spec, request).await?;
    let said: Value = serde_json::from_str(&answer.text()).unwrap_or_default();
    ensure(said["city"].is_string() && said["degrees"].is_i64(), "it is not what was asked for", &answer)
}

/// What is asked of servers that make embeddings, of a model that does.
pub(crate) async fn embeddings(spec: &ProviderSpec, model: &str) -> Verdict {
    let told = |error: ultraai::Error| format!("{error:?}");
    let context = BuildContext::new(ProviderId::new("one").map_err(told)?, Lookup::empty());
    let registry = Registry::linked().map_err(told)?;
    let embedder = spec.embedder(&registry, context).map_err(told)?;
    let mut request = EmbeddingRequest::new(["a vector of this", "and a vector of that"]);
    request.model = Some(ModelName::new(model).map_err(told)?);
    let answer = embedder.embed(&CallContext::new(), &request).await.map_err(told)?;
    let vectors = &answer.embeddings;
    let is_right = vectors.len() == 2
        && vectors.iter().all(|vector| vector.len() > 2 && vector.len() == vectors[0].len());
    if is_right { Ok(()) } else { Err(format!("it is not a vector of each text: {answer:?}")) }
}
