//! Reads a whole answer.

use std::collections::VecDeque;

use serde_json::value::RawValue;
use ultraai_core::{ChatResponse, Error, ErrorKind, Fold, Result};
use ultraai_protocol_common::parse;

use crate::{
    answer::Answer,
    stream::{Decoder, error_in},
};

/// Reads a whole answer of a status that says success. A list of chunks, which is a stream that was not asked for as
/// events, is read too.
///
/// # Errors
/// What the vendor says went wrong, `ContentFiltered` for a prompt that it refused, `Undecodable` for what is no answer of
/// this protocol, `EmptyAnswer` without a candidate, `Interrupted` for a list without an end and for an answer that says
/// that it has not ended.
pub fn decode(body: &[u8]) -> Result<ChatResponse> {
    let (mut decoder, mut events, mut fold) = (Decoder::new(), VecDeque::new(), Fold::default());
    let read = match body.trim_ascii_start().first() {
        Some(b'[') => read_list(body, &mut decoder, &mut events),
        _ => read_one(body, &mut decoder, &mut events),
    };
    events.into_iter().try_for_each(|event| fold.push(event))?;
    match read {
        Ok(()) => fold.finish(),
        // What was used is paid for, whatever came of it.
        Err(error) if *fold.partial() != ChatResponse::default() => {
            Err(error.with_partial(fold.partial().clone()))
        }
        Err(error) => Err(error),
    }
}

type Events = VecDeque<ultraai_core::ChatEvent>;

fn read_one(body: &[u8], decoder: &mut Decoder, events: &mut Events) -> Result<()> {
    let answer: Answer<'_> = parse(body, "the answer")?;
    if answer.is_foreign() && answer.error.is_none() {
        let message = "the answer is JSON, but none of this protocol: check `base_url`";
        return Err(error_in(&answer, body).unwrap_or_else(|| Error::new(ErrorKind::Undecodable, message)));
    }
    decoder.push_answer(answer, events)?;
    if !decoder.is_started() {
        return Err(empty());
    }
    decoder.end_whole(body, events);
    Ok(())
}

fn read_list(body: &[u8], decoder: &mut Decoder, events: &mut Events) -> Result<()> {
    let answers: Vec<Answer<'_>> = parse(body, "the answer")?;
    answers.into_iter().try_for_each(|answer| decoder.push_answer(answer, events).map(drop))?;
    if !decoder.is_started() {
        return Err(empty());
    }
    let chunks: Vec<&RawValue> = parse(body, "the answer")?;
    let counted = chunks.iter().rev().find(|chunk| chunk.get().contains("usageMetadata"));
    decoder.end_with(counted.map_or(&[], |chunk| chunk.get().as_bytes()), events);
    Ok(())
}

fn empty() -> Error {
    Error::new(ErrorKind::EmptyAnswer, "the answer holds no candidate")
}

#[cfg(test)]
mod tests {
    use ultraai_core::{FinishReason, Part, Usage};

    use super::*;

    fn parts(parts: &str) -> Vec<String> {
        let body = format!(
            r#"{{"candidates":[{{"content":{{"parts":{parts},"role":"model"}},"finishReason":"STOP"}}]}}"#
        );
        let state = |state: &Option<ultraai_core::VendorState>| {
            state.as_ref().map(|state| state.data.to_string()).unwrap_or_default()
        };
        let content = decode(body.as_bytes()).unwrap().content;
        content
            .iter()
            .map(|part| match part {
                Part::Text { text, .. } => text.clone(),
                Part::Reasoning(reasoning) => format!("hm: {}{}", reasoning.text, state(&reasoning.state)),
                Part::ToolCall(call) => {
                    format!("{} {} {}{}", call.id, call.name, call.arguments, state(&call.state))
                }
                Part::Vendor(state) => format!("{} {}", state.vendor, state.data),
                _ => String::from("?"),
            })
            .collect()
    }

    #[test]
    fn parts_are_read_by_what_they_hold() {
        for (json, expected) in [
            (r#"[{"text":"a"},{"text":"b"}]"#, &["a", "b"][..]),
            (r#"[{"text":"r","thought":true},{"text":"a"}]"#, &["hm: r", "a"]),
            (
                r#"[{"text":"r","thought":true,"thoughtSignature":"s"},{"text":"a"}]"#,
                &["hm: r{\"thoughtSignature\":\"s\"}", "a"],
            ),
            (
                r#"[{"text":"a","thoughtSignature":"s"},{"text":"b"}]"#,
                &["a", "hm: {\"thoughtSignature\":\"s\"}", "b"],
            ),
            (
                r#"[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"s"}]"#,
                &["gemini_call_0 f {\"a\":1}{\"thoughtSignature\":\"s\"}"],
            ),
            (r#"[{"functionCall":{"id":"1","name":"f"}}]"#, &["1 f {}"]),
            (r#"[{"text":"a"},{"newKind":[1]},{}]"#, &["a", "gemini {\"newKind\":[1]}"]),
            ("[]", &[]),
            ("null", &[]),
        ] {
            assert_eq!(parts(json), expected, "{json}");
        }
    }

    #[test]
    fn an_answer_says_who_gave_it_and_what_it_used() {
        let body = br#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MAX_TOKENS","index":0}],
            "usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2},"modelVersion":"m","responseId":"x"}"#;
        let answer = decode(body).unwrap();
        assert_eq!((answer.model.as_deref(), answer.request_id.as_deref()), (Some("m"), Some("x")));
        assert_eq!((answer.text().as_str(), answer.finish_reason), ("a", FinishReason::Length));
        assert_eq!(answer.usage, Some(Usage::reported(1, 2)));
        let answer = decode(br#"{"candidates":[{"index":1},{"content":{"parts":[{"text":"a"}]}}]}"#).unwrap();
        assert_eq!(answer.finish_reason, FinishReason::Other("unknown".into()));
        let calls = br#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}]}"#;
        assert_eq!(decode(calls).unwrap().finish_reason, FinishReason::ToolCalls);
    }

    #[test]
    fn a_list_of_chunks_is_a_stream() {
        let chunk = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
        let last = r#"{"candidates":[{"finishReason":"STOP"}]}"#;
        assert_eq!(decode(format!("[{chunk},\n{chunk},{last}]").as_bytes()).unwrap().text(), "aa");
        let error = decode(format!("[{chunk}]").as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert_eq!(error.partial().unwrap().text(), "a");
    }

    #[test]
    fn an_answer_that_says_that_it_has_not_ended_is_an_interruption() {
        let body = br#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"FINISH_REASON_UNSPECIFIED"}],
            "usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":3}}"#;
        let error = decode(body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert_eq!(error.partial().unwrap().usage, Some(Usage::reported(7, 3)));
    }

    #[test]
    fn an_answer_that_is_an_error_says_what_it_used_all_the_same() {
        for said in [
            r#""candidates":[{"finishReason":"MISSING_THOUGHT_SIGNATURE"}]"#,
            r#""candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]"#,
            r#""candidates":[]"#,
            r#""error":{"message":"m","code":503}"#,
        ] {
            let body =
                format!(r#"{{{said},"usageMetadata":{{"promptTokenCount":7,"candidatesTokenCount":3}}}}"#);
            let error = decode(body.as_bytes()).unwrap_err();
            assert_eq!(error.partial().unwrap().usage, Some(Usage::reported(7, 3)), "{said}");
        }
    }

    #[test]
    fn a_refused_prompt_is_an_error_that_says_what_it_used() {
        let body = br#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":7}}"#;
        let error = decode(body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContentFiltered);
        assert_eq!(error.to_string(), "the provider refused the prompt (SAFETY)");
        assert_eq!(error.partial().unwrap().usage, Some(Usage::reported(7, 0)));
    }

    #[test]
    fn what_is_no_answer_is_an_error_that_repeats_none_of_it() {
        for (body, kind) in [
            (r#"{"error":{"message":"m","code":429}}"#, ErrorKind::RateLimited),
            (r#"[{"error":{"message":"m","code":503,"status":"UNAVAILABLE"}}]"#, ErrorKind::Overloaded),
            (r#"{"message":"m","code":404}"#, ErrorKind::ModelNotFound),
            (r#"{"candidates":[{"finishReason":"OTHER"}]}"#, ErrorKind::ServerError),
            (r#"{"candidates":[]}"#, ErrorKind::EmptyAnswer),
            (r#"{"usageMetadata":{"promptTokenCount":7}}"#, ErrorKind::EmptyAnswer),
            ("[]", ErrorKind::EmptyAnswer),
            (r#"{"status":"secret"}"#, ErrorKind::Undecodable),
            (r#"{"candidates":"secret"}"#, ErrorKind::Undecodable),
            (r#"{"candidates":[{"content":{"parts":["secret"]}}]}"#, ErrorKind::Undecodable),
            (r#"["secret"]"#, ErrorKind::Undecodable),
            (r#"{"candidates":["secret"#, ErrorKind::Undecodable),
            ("<html>secret", ErrorKind::Undecodable),
            ("null", ErrorKind::Undecodable),
            ("", ErrorKind::Undecodable),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{body}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
