//! The upstream: one loopback server that speaks four protocols. The model's name says which answer it gives.

mod anthropic;
mod chat;
mod gemini;
mod responses;

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use ultraai_testkit::{
    Dialogue, End, Received, Reply, Server, anthropic::AnthropicMessages, gemini::Gemini, openai::OpenAiChat,
    responses::OpenAiResponses,
};

/// An answer, before a protocol gives it its form. It took 7 tokens and gave 3.
#[derive(Debug, Default)]
struct Said {
    reasoning: &'static str,
    texts: &'static [&'static str],
    calls: &'static [Call],
    is_cut: bool,
}

/// A call of a tool, whose arguments come in pieces.
#[derive(Debug)]
struct Call {
    id: &'static str,
    name: &'static str,
    arguments: &'static [&'static str],
}

const TEXTS: &[&str] = &["The sky", " is", " blue."];

const CALLS: &[Call] = &[
    Call { id: "call_oslo", name: "get_weather", arguments: &["{\"city\":", "\"Oslo\"}"] },
    Call { id: "call_lima", name: "get_weather", arguments: &["{\"city\":\"Li", "ma\"}"] },
];

const JSON: &[Call] =
    &[Call { id: "call_json", name: "json", arguments: &["{\"city\":\"Oslo\",", "\"degrees\":7}"] }];

impl Said {
    /// What the model called `name` says.
    fn by(name: &str, request: &Value) -> Self {
        // The calls were made and their results have come back.
        let has_results = ["sunny", "rainy"].iter().any(|result| request.to_string().contains(result));
        match name {
            "tools" if has_results => {
                Self { texts: &["Sunny in Oslo,", " rainy in Lima."], ..Self::default() }
            }
            "tools" => Self { texts: &["Let me", " look."], calls: CALLS, ..Self::default() },
            // Vercel's package asks Anthropic for it by a tool.
            "json" if request.to_string().contains("\"name\":\"json\"") => {
                Self { calls: JSON, ..Self::default() }
            }
            "json" => Self { texts: &["{\"city\":\"Oslo\",", "\"degrees\":7}"], ..Self::default() },
            "cut" => Self { texts: TEXTS, is_cut: true, ..Self::default() },
            "reasoning" => Self { reasoning: "Light scatters.", texts: TEXTS, ..Self::default() },
            _ => Self { texts: TEXTS, ..Self::default() },
        }
    }
}

/// The upstreams of one suite.
pub(crate) struct Upstreams {
    pub(crate) usual: Arc<Server>,
    /// Another, so that its connections can be counted apart.
    pub(crate) slow: Arc<Server>,
    /// Tells the scripts what came to them: `/requests`, and `/open` connections of the slow one.
    pub(crate) told: Server,
}

impl Upstreams {
    pub(crate) fn start() -> Self {
        let usual = Arc::new(Server::answering(answer));
        // Nothing that it keeps open is idle.
        let slow = Arc::new(Server::answering(|request| match request.json()["stream"] == true {
            true => answer(request),
            false => answer(request).ending(End::Closed),
        }));
        let (of_usual, of_slow) = (Arc::clone(&usual), Arc::clone(&slow));
        let told = Server::answering(move |request| {
            let body = match request.path.as_str() {
                "/open" => json!(of_slow.open_connections()),
                _ => of_usual.requests().iter().map(seen).collect(),
            };
            Reply::json(200, &body)
        });
        Self { usual, slow, told }
    }
}

fn seen(request: &Received) -> Value {
    let headers: serde_json::Map<_, _> =
        request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({ "method": request.method, "path": request.path, "headers": headers, "body": request.json() })
}

fn answer(request: &Received) -> Reply {
    let body = request.json();
    let path = request.path.split('?').next().unwrap_or_default();
    let named = body["model"].as_str().unwrap_or_default();
    let live = body["stream"] == true;
    match path {
        "/v1/chat/completions" => speak(&OpenAiChat, named, live, &body, || chat::answer(named, live, &body)),
        "/v1/responses" => {
            speak(&OpenAiResponses, named, live, &body, || responses::answer(named, live, &body))
        }
        "/v1/messages" => {
            speak(&AnthropicMessages, named, live, &body, || anthropic::answer(named, live, &body))
        }
        "/v1/messages/count_tokens" => Reply::json(200, &json!({ "input_tokens": 42 })),
        "/v1/embeddings" => Reply::json(200, &vectors(&body)),
        "/v1/models" => Reply::json(200, &models()),
        _ => {
            let Some((named, verb)) =
                path.strip_prefix("/v1beta/models/").and_then(|rest| rest.split_once(':'))
            else {
                return Reply::status(404);
            };
            let live = verb == "streamGenerateContent";
            speak(&Gemini, named, live, &body, || gemini::answer(named, live, &body))
        }
    }
}

/// What every protocol has in common: errors, and streams that do not end well.
fn speak(protocol: &dyn Dialogue, model: &str, live: bool, body: &Value, well: impl Fn() -> Reply) -> Reply {
    if let Some(status) = model.strip_prefix("status-").and_then(|status| status.parse().ok()) {
        let reply = protocol.error(status, "the upstream says no");
        return if matches!(status, 429 | 503 | 529) { reply.header("retry-after", "1") } else { reply };
    }
    match model {
        "hang" => Reply::hang(),
        "quota" => protocol.quota_exhausted(),
        "long" => protocol.context_too_long(),
        "torn" if live => well().pieces(protocol.pieces_before_end(2)).ending(End::Reset),
        "sorry" if live => protocol.live_error(model, "The sky"),
        "slow" if live => {
            let pieces = protocol.pieces_before_end(1);
            well().pieces(pieces).paced(Duration::from_millis(5)).ending(End::Hang)
        }
        "echo" => protocol.answer(model, &body.to_string()),
        _ => well(),
    }
}

fn vectors(body: &Value) -> Value {
    let inputs = body["input"].as_array().map_or(1, Vec::len);
    let of = |index: usize| {
        let vector = [0.25_f32, -0.5, 0.75, index as f32];
        let embedding = if body["encoding_format"] == "base64" {
            json!(STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()))
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    json!({
        "object": "list", "data": (0..inputs).map(of).collect::<Vec<_>>(), "model": body["model"],
        "usage": { "prompt_tokens": 5, "total_tokens": 5 },
    })
}

fn models() -> Value {
    let model =
        |id: &str| json!({ "id": id, "object": "model", "created": 1_700_000_000, "owned_by": "upstream" });
    json!({ "object": "list", "data": [model("text"), model("tools")] })
}
