//! Counts of tokens (`POST /v1/messages/count_tokens`).

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Codec as _, Error, ErrorKind, Losses, Result, TokenCountCodec};
use ultraai_protocol_common::{Number, decode_error, nothing_found, object, parse};

use crate::{Messages, NAME};

/// Fields of a message that a count has not, since they change no token of the request
/// (<https://platform.claude.com/docs/en/api/messages/count_tokens>).
const NOT_COUNTED: [&str; 8] =
    ["max_tokens", "metadata", "service_tier", "stop_sequences", "stream", "temperature", "top_k", "top_p"];

/// `POST /v1/messages/count_tokens`.
#[derive(Clone, Debug, Default)]
pub struct TokenCounts(Messages);

impl TokenCounts {
    /// Where it stands below the vendor's version.
    pub const PATH: &'static str = "messages/count_tokens";

    /// Counts of what `messages` would send.
    pub fn new(messages: Messages) -> Self {
        Self(messages)
    }
}

impl TokenCountCodec for TokenCounts {
    fn protocol(&self) -> &'static str {
        "anthropic-token-counts"
    }

    fn headers(&self, request: &ChatRequest) -> Vec<(&'static str, String)> {
        self.0.headers(request)
    }

    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
        let native = request.native.as_ref().filter(|native| native.protocol == NAME);
        let unreadable = |error: serde_json::Error| {
            Error::new(ErrorKind::InvalidRequest, format!("the body is no JSON: {error}"))
        };
        let mut body: Map<String, Value> = match native {
            Some(native) => serde_json::from_slice(&native.body).map_err(unreadable)?,
            None => serde_json::from_slice(&self.0.encode(request, losses)?).map_err(unreadable)?,
        };
        if let Some(model) = &request.model {
            body.insert("model".into(), model.as_str().into());
        }
        body.retain(|name, _| !NOT_COUNTED.contains(&name.as_str()));
        Ok(Value::Object(body).to_string().into_bytes())
    }

    fn decode(&self, body: &[u8]) -> Result<u64> {
        let count: Count<'_> = parse(body, "the count of tokens")?;
        count.input_tokens.0.ok_or_else(|| nothing_found(body, "count of tokens"))
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

object! {
    #[derive(Debug, Default)]
    struct Count<'a> {
        input_tokens: Number = "input_tokens",
    }
    known: "context_management";
    others: others: Map<String, Value>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{ModelName, Native, ServerCodec as _};

    use super::*;

    fn encoded(request: &ChatRequest) -> Value {
        serde_json::from_slice(&TokenCounts::default().encode(request, &mut Losses::refused()).unwrap())
            .unwrap()
    }

    #[test]
    fn a_request_of_the_protocol_is_counted_as_it_came_but_for_the_model() {
        let body = json!({
            "model": "mine", "messages": [{ "role": "user", "content": "Hi" }], "system": "Be short", "novel": 7,
            "thinking": { "type": "enabled", "budget_tokens": 1024 }, "max_tokens": 5, "stream": true,
        });
        let mut request = Messages::new().decode_request("", body.to_string().as_bytes()).unwrap();
        request.native = Some(Native::new(NAME, body.to_string()));
        request.model = Some(ModelName::new("claude-x").unwrap());
        let expected = json!({
            "model": "claude-x", "messages": [{ "role": "user", "content": "Hi" }], "system": "Be short", "novel": 7,
            "thinking": { "type": "enabled", "budget_tokens": 1024 },
        });
        assert_eq!(encoded(&request), expected);
    }

    #[test]
    fn another_request_is_written_and_what_no_count_takes_is_left_out() {
        let mut request = ChatRequest::from_prompt("Hi").with_model(ModelName::new("claude-x").unwrap());
        request.stop_sequences = vec!["END".into()];
        let body = encoded(&request);
        let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["messages", "model"], "{body}");
    }

    #[test]
    fn the_count_is_read_and_an_answer_without_one_is_no_count() {
        assert_eq!(TokenCounts::default().decode(br#"{"input_tokens": 14}"#).unwrap(), 14);
        assert_eq!(TokenCounts::default().decode(b"{}").unwrap_err().kind(), ErrorKind::Undecodable);
    }
}
