//! A tool, an image and a schema, in a conversation that begins at one vendor and goes on at another.
//!
//! Run it with `cargo run -p example-moving-conversation`; it needs no key and no network: two servers of this process speak
//! OpenAI's and Anthropic's protocols. With keys and without `base_url` the same program asks the vendors themselves.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::{Value, json};
use ultraai::{
    ChatRequest, ErrorKind, FallbackOrchestrator, Media, MediaSource, Message, Part, ProviderId,
    RequestOptions, ResponseFormat, Result, Role, Secret, Tool, ToolResult, provider,
};
use ultraai_testkit::{Reply, Server, anthropic, openai};

/// What the model may ask for.
fn weather_tool() -> Tool {
    let mut tool = Tool::new(
        "weather",
        json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] }),
    );
    tool.description = Some("Says how the weather in a city is.".into());
    tool
}

fn weather(arguments: &str) -> String {
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
    format!("In {} it is 7 °C and sunny.", arguments["city"].as_str().unwrap_or("an unknown place"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // The servers: one asks for a tool, the other answers, first in prose and then in JSON.
    let call = json!({ "role": "assistant", "content": null, "tool_calls": [
        { "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Oslo\"}" } },
    ] });
    let first = Server::always(Reply::json(200, &openai::answer_body("gpt-5", &call, "tool_calls")));
    let second = Server::start([
        anthropic::answer("It is 7 °C and sunny in Oslo, and the map shows its harbour."),
        anthropic::answer("{\"city\": \"Oslo\", \"celsius\": 7}"),
        anthropic::answer("{\"city\": \"Oslo\", \"celsius\": \"mild\"}"),
    ]);

    let orchestrator = FallbackOrchestrator::builder().max_retries(0).build()?;
    let key = || Secret::new("sk-example");
    orchestrator.register_provider(
        "first",
        provider("openai").model("gpt-5").api_key(key()?).setting("base_url", first.url()),
    )?;
    orchestrator.register_provider(
        "second",
        provider("anthropic").model("claude-sonnet-5-5").api_key(key()?).setting("base_url", second.url()),
    )?;
    let ask = async |whom: &str, request: &ChatRequest| {
        let options = RequestOptions::default().with_providers(vec![ProviderId::new(whom)?]);
        orchestrator.process_with(request.clone(), options).await
    };

    // 1. A question with an image and a tool.
    let image = Media::new(MediaSource::Data(b"\x89PNG\r\n\x1a\n".as_slice().into()));
    let question = vec![Part::text("How is the weather there?"), Part::Image(image)];
    let mut request = ChatRequest::new(vec![Message::new(Role::User, question)]);
    request.tools.push(weather_tool());
    let outcome = ask("first", &request).await?;

    // 2. What the model asks for is done, and its result goes back, to the other vendor this time.
    let content = outcome.synthesis.answer.content.clone();
    let results: Vec<_> = content
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => {
                println!("first asks for {}({})", call.name, call.arguments);
                Some(Part::ToolResult(ToolResult::new(
                    call.id.clone(),
                    vec![Part::text(weather(&call.arguments))],
                )))
            }
            _ => None,
        })
        .collect();
    request.messages.push(Message::new(Role::Assistant, content));
    request.messages.push(Message::new(Role::Tool, results));
    let outcome = ask("second", &request).await?;
    println!("second answers: {}", outcome.synthesis.response);
    println!("it was asked:");
    for message in second.requests()[0].json()["messages"].as_array().into_iter().flatten() {
        println!("  {message}");
    }

    // 3. The same in JSON. What does not follow the schema is an error, and never passed on.
    let schema = json!({ "type": "object", "required": ["city", "celsius"],
        "properties": { "city": { "type": "string" }, "celsius": { "type": "number" } } });
    request.response_format = Some(ResponseFormat::json_schema("weather", schema));
    let outcome = ask("second", &request).await?;
    println!("as JSON: {}", outcome.synthesis.response);
    let error = ask("second", &request).await.expect_err("\"mild\" is no number");
    println!("not as the schema says: {}", error.causes()[0]);
    assert_ne!(error.kind(), ErrorKind::InvalidRequest);
    Ok(())
}
