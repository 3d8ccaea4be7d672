//! Reads a whole answer.

use ultraai_core::{ChatResponse, Error, ErrorKind, Part, Reasoning, Result};
use ultraai_protocol_common::{at_the_top, is_fault, parse, with_usage};

use crate::{
    answer::{Answer, numbered},
    fault::in_band,
};

/// Reads a whole answer of a status that says success.
///
/// # Errors
/// What the server says went wrong, `Undecodable` for what is no chat, `EmptyAnswer` where it only loaded the model, and
/// `Interrupted` where the answer does not say that it is done, with what came of it.
pub fn decode(body: &[u8]) -> Result<ChatResponse> {
    let mut answer: Answer<'_> = parse(body, "the answer")?;
    if let Some(error) = answer.error.take().filter(is_fault) {
        return Err(with_usage(in_band(&error), answer.usage(), answer.model.filled()));
    }
    let Some(message) = answer.message.take() else {
        answer.finish_reason(false)?;
        return Err(no_message(body));
    };
    let done = answer.done == Some(true);
    let mut content = Vec::new();
    content.extend(message.thinking.filled().map(|text| Part::Reasoning(Reasoning::new(text))));
    content.extend(message.content.filled().map(Part::text));
    let finish_reason = answer.finish_reason(!message.tool_calls.is_empty())?;
    for (index, call) in (0..).zip(message.tool_calls) {
        content.push(Part::ToolCall(numbered(call, &answer.created_at(), index)?));
    }
    let mut response = ChatResponse::default();
    response.usage = answer.usage();
    response.raw = answer.take_raw(message.others).into();
    response.model = answer.model.filled();
    response.content = content;
    response.logprobs = answer.logprobs.0;
    response.finish_reason = finish_reason;
    if done {
        return Ok(response);
    }
    // Every version says it at the end: what does not is a line of a stream, or was cut off between here and there.
    Err(Error::new(ErrorKind::Interrupted, "the answer does not say that it is done").with_partial(response))
}

/// An answer without a message may be an error that stands at the top.
fn no_message(body: &[u8]) -> Error {
    match parse(body, "the answer").ok().as_ref().and_then(at_the_top) {
        Some(error) => error,
        None => Error::new(
            ErrorKind::Undecodable,
            "the answer is JSON, but no chat of Ollama's own protocol: check `base_url`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{FinishReason, TokenLogprob, Usage};

    use super::*;

    #[test]
    fn an_answer_says_who_gave_it_why_it_ended_and_what_it_used() {
        let body = br#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"a",
            "thinking":"hm","novel":[1]},"done":true,"done_reason":"length","total_duration":5,"prompt_eval_count":1,
            "eval_count":2,"logprobs":[{"token":"a","logprob":-0.5,"top_logprobs":null,"novel":1}]}"#;
        let answer = decode(body).unwrap();
        assert_eq!(answer.model.as_deref(), Some("m"));
        assert_eq!(answer.content, [Part::Reasoning(Reasoning::new("hm")), Part::text("a")]);
        assert_eq!(answer.finish_reason, FinishReason::Length);
        assert_eq!(answer.usage.unwrap().output_tokens, 2);
        let mut token = TokenLogprob::default();
        (token.token, token.logprob) = ("a".into(), -0.5);
        assert_eq!(answer.logprobs, [token]);
        let raw =
            json!({ "created_at": "2026-01-01T00:00:00Z", "total_duration": 5, "message": { "novel": [1] } });
        assert_eq!(serde_json::Value::from(answer.raw), raw);
    }

    #[test]
    fn tool_calls_have_ids_that_are_made_up_the_same_each_time() {
        let body = br#"{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a": 1}}},
            {"id":"x","function":{"index":1,"name":"g","arguments":"{}"}}]},"created_at":"now","done":true,"done_reason":"stop"}"#;
        let answer = decode(body).unwrap();
        let [Part::ToolCall(first), Part::ToolCall(second)] = answer.content.as_slice() else {
            panic!("{answer:?}")
        };
        assert_eq!((first.name.as_str(), first.arguments.as_str()), ("f", "{\"a\": 1}"));
        assert_eq!((second.id.as_str(), second.name.as_str(), second.arguments.as_str()), ("x", "g", "{}"));
        assert!(first.id.starts_with("ollama_") && first.id.ends_with("_0"), "{}", first.id);
        assert_eq!(decode(body).unwrap(), answer);
        assert_eq!(answer.finish_reason, FinishReason::ToolCalls);
    }

    #[test]
    fn a_list_that_is_null_is_empty_and_a_broken_field_names_its_path() {
        let answer =
            decode(br#"{"message":{"content":"a","tool_calls":null},"logprobs":null,"done":true,"done_reason":"stop"}"#);
        assert_eq!(answer.unwrap().text(), "a");
        let error = decode(br#"{"message":{"content":"secret","tool_calls":7},"done":true}"#).unwrap_err();
        assert!(error.message().ends_with("(at `message.tool_calls`)"), "{error}");
    }

    #[test]
    fn what_came_of_an_answer_that_is_not_done_is_kept() {
        let body = br#"{"message":{"content":"a"},"prompt_eval_count":7,"eval_count":2}"#;
        let error = decode(body).unwrap_err();
        let partial = error.partial().unwrap();
        assert_eq!((partial.text().as_str(), partial.usage), ("a", Some(Usage::reported(7, 2))));
        let body = br#"{"error":"server busy","prompt_eval_count":7,"eval_count":2}"#;
        assert_eq!(decode(body).unwrap_err().partial().unwrap().usage, Some(Usage::reported(7, 2)));
    }

    #[test]
    fn what_is_no_answer_is_an_error_that_repeats_none_of_it() {
        for (body, kind) in [
            (r#"{"error":"server busy"}"#, ErrorKind::Overloaded),
            (r#"{"detail":"Invalid API Key"}"#, ErrorKind::Authentication),
            (r#"{"model":"m","done":true,"done_reason":"load"}"#, ErrorKind::EmptyAnswer),
            (r#"{"message":{"content":""},"done":true,"done_reason":"load"}"#, ErrorKind::EmptyAnswer),
            (r#"{"message":{"content":"secret"},"done":false}"#, ErrorKind::Interrupted),
            (r#"{"message":{"content":"secret"}}"#, ErrorKind::Interrupted),
            (r#"{"choices":[{"message":{"content":"secret"}}]}"#, ErrorKind::Undecodable),
            (r#"{"message":["secret"#, ErrorKind::Undecodable),
            (r#"["secret"]"#, ErrorKind::Undecodable),
            ("[]", ErrorKind::Undecodable),
            ("null", ErrorKind::Undecodable),
            ("<html>secret", ErrorKind::Undecodable),
            ("", ErrorKind::Undecodable),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{body}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
