//! The protocols that answers come in: what is asked in them, and what their answers say.

use serde_json::{Value, json};
use ultraai_testkit::faults::FaultyServer;

use crate::client::{Answer, Request};

/// Asks the steady upstream for a long live answer.
pub(crate) const AT_LENGTH: &str = "at great length";

/// The pieces of a long answer. Together they have 4.4 MB, and Linux keeps up to 2.8 of what a caller does not read: it is for what is
/// beyond that that the gateway must wait.
pub(crate) const PIECES: usize = 560;

/// A piece of a long answer.
pub(crate) fn piece() -> String {
    "Grass, and clover, and the leaves of low trees where there is neither of them. ".repeat(100)
}

/// A protocol of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Chat,
    Responses,
    Messages,
    /// The library's own outcome.
    Orchestrate,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) model: &'static str,
    pub(crate) is_live: bool,
    pub(crate) with_tools: bool,
}

/// What came of it, where it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Good {
    Whole,
    /// It is live, ended at its upstream's limit of tokens, and says so.
    Short,
    /// It is live, broke off after it had begun, and says so.
    Broken,
}

impl Protocol {
    /// One that others have too. Responses say the whole text four times more at their end, which is not for long ones.
    pub(crate) fn drawn(is_long: bool) -> Self {
        let all = [Self::Chat, Self::Messages, Self::Responses];
        all[fastrand::usize(..if is_long { 2 } else { 3 })]
    }

    pub(crate) fn request(self, question: &Question, key: &str) -> Request {
        let Question { text, model, is_live, with_tools } = question;
        let said = json!([{ "role": "user", "content": text }]);
        let mut body = match self {
            Self::Chat => json!({ "model": model, "messages": said }),
            Self::Responses => json!({ "model": model, "input": said }),
            Self::Messages => json!({ "model": model, "messages": said, "max_tokens": 4000 }),
            Self::Orchestrate => json!({ "orchestrator": model, "prompt": text }),
        };
        if *is_live {
            body["stream"] = json!(true);
        }
        if *with_tools {
            let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
            body["tools"] = match self {
                Self::Responses => json!([{ "type": "function", "name": "weather", "parameters": schema }]),
                Self::Messages => json!([{ "name": "weather", "input_schema": schema }]),
                Self::Chat | Self::Orchestrate => {
                    json!([{ "type": "function", "function": { "name": "weather", "parameters": schema } }])
                }
            };
        }
        Request {
            path: match self {
                Self::Chat => "/v1/chat/completions",
                Self::Responses => "/v1/responses",
                Self::Messages => "/v1/messages",
                Self::Orchestrate => "/v1/orchestrate",
            },
            body: Some(body.to_string()),
            key: Some(key.to_owned()),
            as_anthropic: self == Self::Messages,
        }
    }

    /// What came of `question`, as `answer` says it.
    pub(crate) fn judged(self, question: &Question, answer: &Answer) -> Result<Good, String> {
        let right = match question.text.contains(AT_LENGTH) {
            true => piece().repeat(PIECES),
            false => FaultyServer::TEXTS.concat(),
        };
        let wrong = |what: &str| Err(format!("{self:?}: {what}: {}", shortened(answer)));
        if answer.status != 200 {
            return wrong("it is refused");
        }
        if !question.is_live {
            let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            return if self.text(&body) == Some(&right) {
                Ok(Good::Whole)
            } else {
                wrong("it is not the answer")
            };
        }
        if !answer.head.contains("text/event-stream") {
            return wrong("it is no stream");
        }
        let (mut text, mut ended, mut failed, mut short) = (String::new(), false, false, false);
        for data in answer.body.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let event: Value = serde_json::from_str(data).unwrap_or_default();
            match &event["outcome"]["synthesis"]["response"] {
                // The answer of several may be told at the end alone.
                Value::String(answer) => text.clone_from(answer),
                // What was said was taken back.
                _ if event["type"] == "discarded" => text.clear(),
                _ => text.extend(self.piece(&event)),
            }
            ended |= self.is_end(data, &event);
            failed |= self.is_failure(&event);
            short |= self.is_at_limit(&event);
        }
        // Only the upstream that fails breaks off or gives a part, and what was said then nobody can take back.
        let is_part = question.model == "default" && !text.is_empty() && right.starts_with(&text);
        match (failed, ended) {
            (false, true) if text == right && !short => Ok(Good::Whole),
            (false, true) if is_part && short => Ok(Good::Short),
            (false, true) => wrong("it ended, and is not the answer"),
            (true, _) if is_part => Ok(Good::Broken),
            (true, _) => wrong("it breaks off"),
            (false, false) => wrong("it has no end"),
        }
    }

    /// The text of a whole answer.
    fn text(self, body: &Value) -> Option<&str> {
        match self {
            Self::Chat => body["choices"][0]["message"]["content"].as_str(),
            Self::Responses => body["output"].as_array()?.last()?["content"][0]["text"].as_str(),
            Self::Messages => body["content"][0]["text"].as_str(),
            Self::Orchestrate => body["synthesis"]["response"].as_str(),
        }
    }

    /// The piece of text that an event of a live answer holds.
    fn piece(self, event: &Value) -> Option<&str> {
        match self {
            Self::Chat => event["choices"][0]["delta"]["content"].as_str(),
            Self::Responses => {
                (event["type"] == "response.output_text.delta").then(|| event["delta"].as_str())?
            }
            Self::Messages | Self::Orchestrate => event["delta"]["text"].as_str(),
        }
    }

    fn is_end(self, data: &str, event: &Value) -> bool {
        match self {
            Self::Chat => data == "[DONE]",
            Self::Responses => {
                event["type"] == "response.completed" || event["type"] == "response.incomplete"
            }
            Self::Messages => event["type"] == "message_stop",
            Self::Orchestrate => event["type"] == "finished",
        }
    }

    fn is_at_limit(self, event: &Value) -> bool {
        match self {
            Self::Chat => event["choices"][0]["finish_reason"] == "length",
            Self::Responses => event["type"] == "response.incomplete",
            Self::Messages => event["delta"]["stop_reason"] == "max_tokens",
            Self::Orchestrate => event["outcome"]["synthesis"]["answer"]["finish_reason"] == "length",
        }
    }

    fn is_failure(self, event: &Value) -> bool {
        match self {
            Self::Chat => !event["error"].is_null(),
            Self::Responses => event["type"] == "response.failed" || event["type"] == "error",
            Self::Messages | Self::Orchestrate => event["type"] == "error",
        }
    }
}

/// An answer for people: its beginning and its end.
fn shortened(answer: &Answer) -> String {
    const ENDS: usize = 600;
    let body = &answer.body;
    let (from, to) =
        (body.floor_char_boundary(ENDS), body.ceil_char_boundary(body.len().saturating_sub(ENDS)));
    let body = if from < to { format!("{} … {}", &body[..from], &body[to..]) } else { body.clone() };
    format!("{} {} {body}", answer.head, if answer.is_complete { "complete" } else { "cut off" })
}
