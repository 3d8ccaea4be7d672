//! Whether an answer is one that its protocol knows.

use axum::http::HeaderMap;
use serde_json::Value;

/// Judges an answer: it succeeds, or it refuses in the words of the protocol at `path`.
pub(crate) fn judge(path: &str, status: u16, head: &HeaderMap, body: &[u8]) -> Result<(), String> {
    let shown = || String::from_utf8_lossy(body).into_owned();
    let kind = head.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match status {
        200..300 if kind.starts_with("text/event-stream") => stream(&shown()),
        200..300 if kind.starts_with("application/json") => whole(body).map(drop),
        200..300 => Ok(()),
        400..500 if !kind.starts_with("application/json") => {
            Err(format!("{status} of the type `{kind}`: {}", shown()))
        }
        400..500 => refusal(path, &whole(body)?).map_err(|why| format!("{status} {why}: {}", shown())),
        _ => Err(format!("the status is {status}: {}", shown())),
    }
}

fn whole(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is no JSON ({error})"))
}

fn refusal(path: &str, body: &Value) -> Result<(), String> {
    let error = &body["error"];
    let said = |field: &str| {
        error[field].as_str().filter(|text| !text.is_empty()).ok_or(format!("has no `error.{field}`"))
    };
    said("message")?;
    said("type")?;
    match path.starts_with("/v1/messages") && body["type"] != "error" {
        true => Err("has no `type` of Anthropic's".to_owned()),
        false => Ok(()),
    }
}

/// Every event's data is JSON, or the word that ends a stream.
fn stream(text: &str) -> Result<(), String> {
    if !text.ends_with("\n\n") {
        return Err("the stream ends within an event".to_owned());
    }
    for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
        if data != "[DONE]" {
            let event: Value = whole(data.as_bytes())?;
            if event["error"].is_object() || event["type"] == "error" || event["type"] == "response.failed" {
                return Err(format!("the stream fails: {data}"));
            }
        }
    }
    Ok(())
}
