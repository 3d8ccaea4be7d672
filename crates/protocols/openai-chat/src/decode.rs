//! Reads a whole answer.

use ultraai_core::{ChatResponse, Error, ErrorKind, Part, Reasoning, Result, ToolCall};
use ultraai_protocol_common::{at_the_top, in_band, is_fault, parse, with_usage};

use crate::{
    answer::{Answer, Choices, Said},
    usage::finish_reason,
};

/// Reads a whole answer of a status that says success.
///
/// # Errors
/// What the vendor says went wrong, `Undecodable` for what is no chat completion, `EmptyAnswer` without a choice; with
/// the usage, where the answer says what it used all the same.
pub fn decode(body: &[u8]) -> Result<ChatResponse> {
    let mut answer: Answer<'_> = parse(body, "the answer")?;
    let (usage, model) = (answer.usage(), std::mem::take(&mut answer.model).filled());
    match read(answer, body) {
        Ok(mut response) => {
            response.usage = usage;
            response.model = model;
            Ok(response)
        }
        Err(error) => Err(with_usage(error, usage, model)),
    }
}

fn read(mut answer: Answer<'_>, body: &[u8]) -> Result<ChatResponse> {
    if let Some(error) = answer.error.take().filter(is_fault) {
        return Err(in_band(&error));
    }
    let mut choice = match answer.choices {
        Choices::First(choice) if answer.object.as_str() != "error" => choice,
        Choices::Empty if answer.object.as_str() != "error" => {
            return Err(Error::new(ErrorKind::EmptyAnswer, "the answer holds no choice"));
        }
        _ => return Err(no_choices(body)),
    };
    if let Some(error) = choice.error.take().filter(is_fault) {
        return Err(in_band(&error));
    }
    let finish_reason = finish_reason(choice.finish_reason.as_str())?;
    let mut content = Vec::new();
    if let Some(mut message) = choice.message.take() {
        message.said(|said, text| add(&mut content, said, text));
        content.extend(message.calls().map(|call| {
            let function = call.function.unwrap_or_default();
            let (id, name) =
                (call.id.filled().unwrap_or_default(), function.name.filled().unwrap_or_default());
            Part::ToolCall(ToolCall::new(id, name, function.arguments.0))
        }));
    }
    let mut response = ChatResponse::default();
    response.content = content;
    response.finish_reason = finish_reason;
    response.request_id = answer.id.filled();
    Ok(response)
}

/// Pieces of one kind that follow each other are one part.
fn add(content: &mut Vec<Part>, said: Said, more: String) {
    match (said, content.last_mut()) {
        (Said::Text, Some(Part::Text { text, .. }))
        | (Said::Refusal, Some(Part::Refusal { text, .. }))
        | (Said::Reasoning, Some(Part::Reasoning(Reasoning { text, .. }))) => text.push_str(&more),
        (Said::Text, _) => content.push(Part::text(more)),
        (Said::Refusal, _) => content.push(Part::refusal(more)),
        (Said::Reasoning, _) => content.push(Part::Reasoning(Reasoning::new(more))),
    }
}

/// An answer without choices may be an error that stands at the top.
fn no_choices(body: &[u8]) -> Error {
    match parse(body, "the answer").ok().as_ref().and_then(at_the_top) {
        Some(error) => error,
        None => {
            Error::new(ErrorKind::Undecodable, "the answer is JSON, but no chat completion: check `base_url`")
        }
    }
}

#[cfg(test)]
mod tests {
    use ultraai_core::{FinishReason, Usage};

    use super::*;

    fn texts(message: &str) -> Vec<String> {
        let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":"stop"}}]}}"#);
        let parts = decode(body.as_bytes()).unwrap().content;
        parts
            .iter()
            .map(|part| match part {
                Part::Text { text, .. } => text.clone(),
                Part::Refusal { text, .. } => format!("no: {text}"),
                Part::Reasoning(reasoning) => format!("hm: {}", reasoning.text),
                Part::ToolCall(call) => format!("{} {} {}", call.id, call.name, call.arguments),
                _ => String::from("?"),
            })
            .collect()
    }

    #[test]
    fn content_is_read_in_every_form() {
        for (message, expected) in [
            (r#"{"content":"a"}"#, &["a"][..]),
            (r#"{"content":""}"#, &[]),
            (r#"{"content":null,"refusal":"b"}"#, &["no: b"]),
            (r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#, &["ab"]),
            (r#"{"content":{"type":"text","text":"a"}}"#, &["a"]),
            (r#"{"content":"a","reasoning_content":"r","reasoning":"r"}"#, &["hm: r", "a"]),
            (r#"{"content":"a","reasoning_content":null,"reasoning":"r"}"#, &["hm: r", "a"]),
            (
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]},{"type":"text","text":"a"}]}"#,
                &["hm: r", "a"],
            ),
            (r#"{"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}"#, &["1 f {}"]),
            (r#"{"tool_calls":[{"id":1,"function":{"name":"f","arguments":{"a":1}}}]}"#, &["1 f {\"a\":1}"]),
            (r#"{"tool_calls":null,"function_call":{"name":"f","arguments":"{}"}}"#, &[" f {}"]),
            (r#"{"unknown":{"deep":[1]},"content":"a","annotations":[]}"#, &["a"]),
            ("null", &[]),
        ] {
            assert_eq!(texts(message), expected, "{message}");
        }
    }

    #[test]
    fn an_answer_says_who_gave_it_and_what_it_used() {
        let body = br#"{"id":"x","model":"m","choices":[{"index":1},{"index":0,"message":{"content":"a"},
            "finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        let answer = decode(body).unwrap();
        assert_eq!((answer.model.as_deref(), answer.request_id.as_deref()), (Some("m"), Some("x")));
        assert_eq!((answer.text().as_str(), answer.finish_reason), ("a", FinishReason::Length));
        assert_eq!(answer.usage.unwrap().output_tokens, 2);
    }

    #[test]
    fn an_answer_that_is_an_error_says_what_it_used_all_the_same() {
        for choices in [
            r#"[{"finish_reason":"error"}]"#,
            r#"[{"message":{"content":"a"},"finish_reason":"insufficient_system_resource"}]"#,
            r#"[{"finish_reason":"stop","error":{"message":"m","code":503}}]"#,
            "[]",
            r#"[],"error":{"message":"m","code":429}"#,
            r#"null,"object":"error","message":"m""#,
        ] {
            let body = format!(
                r#"{{"model":"m","usage":{{"prompt_tokens":7,"completion_tokens":2}},"choices":{choices}}}"#
            );
            let error = decode(body.as_bytes()).unwrap_err();
            let partial = error.partial().unwrap_or_else(|| panic!("{choices}: {error}"));
            assert_eq!((partial.usage, partial.model.as_deref()), (Some(Usage::reported(7, 2)), Some("m")));
        }
        assert!(decode(br#"{"choices":[]}"#).unwrap_err().partial().is_none());
    }

    #[test]
    fn what_is_no_answer_is_an_error_that_repeats_none_of_it() {
        for (body, kind) in [
            (r#"{"error":{"message":"m","code":429}}"#, ErrorKind::RateLimited),
            (r#"{"error":"m"}"#, ErrorKind::ServerError),
            (r#"{"object":"error","message":"m","code":404,"choices":[]}"#, ErrorKind::ModelNotFound),
            (r#"{"detail":"Invalid API Key"}"#, ErrorKind::Authentication),
            (
                r#"{"choices":[{"error":{"message":"m","code":503},"finish_reason":"error"}]}"#,
                ErrorKind::Overloaded,
            ),
            (r#"{"choices":[{"finish_reason":"error"}]}"#, ErrorKind::ServerError),
            (r#"{"choices":[]}"#, ErrorKind::EmptyAnswer),
            (r#"{"status":"secret"}"#, ErrorKind::Undecodable),
            (r#"{"choices":"secret"}"#, ErrorKind::Undecodable),
            (r#"["secret"]"#, ErrorKind::Undecodable),
            (r#"{"choices":["secret"#, ErrorKind::Undecodable),
            ("<html>secret", ErrorKind::Undecodable),
            ("", ErrorKind::Undecodable),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{body}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let answer = decode(br#"{"error":null,"choices":[{"message":{"content":"a"}}]}"#).unwrap();
        assert_eq!(answer.finish_reason, FinishReason::Other("unknown".into()));
    }
}
