//! Log probabilities: `logprobsResult`.

use serde_json::{Map, Value, json};
use ultraai_core::TokenLogprob;

pub(crate) const LOGPROBS: &str = "logprobsResult";

/// The tokens that stand beside a candidate's content.
pub(crate) fn read(candidate: &Map<String, Value>) -> Vec<TokenLogprob> {
    let Some(result) = candidate.get(LOGPROBS) else { return Vec::new() };
    let list = |key: &str| result.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let likeliest = list("topCandidates");
    let mut tokens: Vec<_> = list("chosenCandidates").iter().map(token).collect();
    for (token, candidates) in tokens.iter_mut().zip(likeliest) {
        let candidates = candidates.get("candidates").and_then(Value::as_array);
        token.top_logprobs = candidates.into_iter().flatten().map(self::token).collect();
    }
    tokens
}

fn token(value: &Value) -> TokenLogprob {
    let mut token = TokenLogprob::default();
    value.get("token").and_then(Value::as_str).unwrap_or_default().clone_into(&mut token.token);
    token.logprob = value.get("logProbability").and_then(Value::as_f64).unwrap_or_default();
    token
}

/// The `logprobsResult` that says what `tokens` say.
pub(crate) fn write(tokens: &[TokenLogprob]) -> Option<Value> {
    let one = |token: &TokenLogprob| json!({ "token": token.token, "logProbability": token.logprob });
    let several = |tokens: &[TokenLogprob]| tokens.iter().map(one).collect::<Vec<_>>();
    let mut result = json!({ "chosenCandidates": several(tokens) });
    if tokens.iter().any(|token| !token.top_logprobs.is_empty()) {
        let top = tokens.iter().map(|token| json!({ "candidates": several(&token.top_logprobs) }));
        result["topCandidates"] = top.collect();
    }
    (!tokens.is_empty()).then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_they_were_written() {
        let one = |text: &str| {
            let mut token = TokenLogprob::default();
            (token.token, token.logprob) = (text.into(), -0.5);
            token
        };
        let mut token = one("a");
        token.top_logprobs = vec![one("a"), one("b")];
        let tokens = vec![token, one("c")];
        let written = write(&tokens).unwrap();
        assert_eq!(read(&[(LOGPROBS.to_owned(), written)].into_iter().collect()), tokens);
        assert_eq!(write(&[]), None);
    }
}
