//! Probabilities of tokens.

use serde_json::{Value, json};
use ultraai_core::TokenLogprob;

/// The tokens of a list; what is no list has none.
pub(crate) fn read(list: &Value) -> Vec<TokenLogprob> {
    list.as_array().into_iter().flatten().map(token).collect()
}

fn token(value: &Value) -> TokenLogprob {
    let mut token = TokenLogprob::default();
    value["token"].as_str().unwrap_or_default().clone_into(&mut token.token);
    token.logprob = value["logprob"].as_f64().unwrap_or_default();
    token.bytes = value["bytes"].as_array().map(|bytes| {
        bytes.iter().filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
    });
    token.top_logprobs = read(&value["top_logprobs"]);
    token
}

/// The list that tokens are.
pub(crate) fn write(tokens: &[TokenLogprob]) -> Value {
    let entry = |token: &TokenLogprob| {
        let mut entry = json!({ "token": token.token, "logprob": token.logprob });
        if let Some(bytes) = &token.bytes {
            entry["bytes"] = json!(bytes);
        }
        entry
    };
    let with_top = |token: &TokenLogprob| {
        let mut written = entry(token);
        written["top_logprobs"] = token.top_logprobs.iter().map(entry).collect();
        written
    };
    tokens.iter().map(with_top).collect()
}
