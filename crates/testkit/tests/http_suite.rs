//! The suite finds a careless HTTP provider out.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use ultraai_core::{
    BuildContext, CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, Error, ErrorKind, Field,
    ModelName, Provider, ProviderRegistration, Result, async_trait, register_provider,
};
use ultraai_testkit::{openai::OpenAiChat, registered, suite};

const FIELDS: &[Field] = &[Field { name: "base_url", doc: "The address. Needed." }];

register_provider!(
    ProviderRegistration::new("careless", build)
        .summary("reads what comes")
        .key_variables(&["CARELESS_KEY"])
        .fields(FIELDS)
);

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let key = context.required_api_key(&["CARELESS_KEY"])?.expose().to_owned();
    let settings: serde_json::Map<String, Value> = context.parse(settings, FIELDS)?;
    let base_url = settings["base_url"].as_str().unwrap_or_default().to_owned();
    Ok(Arc::new(Careless { key, base_url }))
}

/// Prints its key, takes any body for an answer, and calls every failure the same.
#[derive(Debug)]
struct Careless {
    key: String,
    base_url: String,
}

#[async_trait]
impl Provider for Careless {
    fn name(&self) -> &'static str {
        "careless"
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, _: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let failed = |error: std::io::Error| Error::new(ErrorKind::ServerError, error.to_string());
        let (host, path) = self.base_url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let body = json!({ "model": request.model, "messages": [{ "role": "user", "content": request.messages[0].text() }] });
        let body = body.to_string();
        let mut stream = TcpStream::connect(host).await.map_err(failed)?;
        let head = format!(
            "POST /{path}/chat/completions HTTP/1.1\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.key,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.map_err(failed)?;
        let mut answer = Vec::new();
        let read = async { while let Ok(1..) = stream.read_buf(&mut answer).await {} };
        // Some servers never end, and this provider has no other patience.
        let _ = tokio::time::timeout(Duration::from_millis(500), read).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        let json: Value = serde_json::from_str(body).unwrap_or_default();
        match json["choices"][0]["message"]["content"].as_str() {
            Some(text) => Ok(ChatReply::whole(ChatResponse::from_text(text))),
            None => Err(Error::new(ErrorKind::ServerError, format!("the vendor said: {body}"))),
        }
    }
}

#[tokio::test]
async fn a_careless_provider_is_found_out() {
    // A scenario that finds nothing here, such as that of usage, would make this test fail as a closed gap.
    let gaps = [
        "answers_whole: no model, no usage",
        "answers_live: no model, no usage",
        "debug_shows_no_key: it derives `Debug`",
        "sends_what_was_asked: it never streams",
        "reads_the_usage: it does not",
        "marks_an_answer_at_its_limit: it does not look",
        "wrong_key: one kind for all",
        "forbidden: one kind for all",
        "unknown_model: one kind for all",
        "rejected: one kind for all",
        "context_too_long: one kind for all",
        "too_large: one kind for all",
        "rate_limited: one kind for all",
        "quota_exhausted: one kind for all",
        "overloaded: one kind for all",
        "refused_connection: one kind for all",
        "tools: it sends none",
        "a_page_is_no_answer: one kind for all",
        "an_answer_without_content: one kind for all",
        "an_empty_body: one kind for all",
        "garbage: one kind for all",
        "a_cut_body: one kind for all",
        "a_cut_stream: it never streams",
        "a_stream_without_an_end: it never streams",
        "a_stream_without_events: it never streams",
        "silence_in_a_stream: it never streams",
        "an_error_in_a_stream: it never streams",
        "garbage_in_a_stream: it never streams",
        "a_connection_closed_at_once: one kind for all",
        "a_stream_in_any_pieces: it never streams",
        "a_dropped_reply_frees_the_connection: it never streams",
        "a_finished_stream_keeps_the_connection: one connection each",
        "a_slow_stream_within_its_limits: it never streams",
        "an_echoed_key_is_not_told: it quotes",
        "an_echoed_prompt_is_not_told: it quotes",
    ];
    suite(registered("careless").speaking(OpenAiChat)).expect_gaps(&gaps).run().await;
}
