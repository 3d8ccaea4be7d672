//! Reads a whole answer.

use bytes::Bytes;
use serde_json::{Value, json};
use ultraai_core::{
    ChatResponse, Choice, Error, ErrorKind, Part, RawFields, Reasoning, Result, ToolCall, VendorState,
};
use ultraai_protocol_common::{at_the_top, from_url, in_band, is_fault, parse, with_usage};

use crate::{
    Dialect, NAME,
    answer::{self, Answer, Call, Choices, Custom, Said},
    audio, cite, leftovers, logprobs, state,
    usage::finish_reason,
};

/// Reads a whole answer of a status that says success, in the vendor's dialect.
///
/// # Errors
/// What the vendor says went wrong, `Undecodable` for what is no chat completion, `EmptyAnswer` without a choice; with
/// the usage, where the answer says what it used all the same.
pub fn decode(dialect: &Dialect, body: &Bytes) -> Result<ChatResponse> {
    let mut answer: Answer<'_> = parse(body, "the answer")?;
    let (usage, model) = (answer.usage(), std::mem::take(&mut answer.model).filled());
    match read(dialect, answer, body) {
        Ok(mut response) => {
            response.usage = usage;
            response.model = model;
            Ok(response)
        }
        Err(error) => Err(with_usage(error, usage, model)),
    }
}

fn read(dialect: &Dialect, mut answer: Answer<'_>, body: &Bytes) -> Result<ChatResponse> {
    if let Some(error) = answer.error.take().filter(is_fault) {
        return Err(in_band(&error));
    }
    let says_more = answer.says_more() || answer.is_novel();
    let (first, others) = match answer.choices {
        Choices::Some(first, others) if answer.object.as_str() != "error" => in_order(first, others),
        Choices::Empty if answer.object.as_str() != "error" => {
            return Err(Error::new(ErrorKind::EmptyAnswer, "the answer holds no choice"));
        }
        _ => return Err(no_choices(body)),
    };
    let mut response = ChatResponse::default();
    let legacy = first.logprobs.0.is_some();
    response.stop_sequence = first.stop_sequence();
    let Choice { content, finish_reason, logprobs, .. } = choice(dialect, first)?;
    let unread = legacy && logprobs.is_empty();
    (response.content, response.finish_reason, response.logprobs) = (content, finish_reason, logprobs);
    response.alternatives = others.into_iter().map(|other| choice(dialect, other)).collect::<Result<_>>()?;
    response.request_id = answer.id.filled();
    response.service_tier = answer.service_tier.filled();
    if says_more || unread {
        response.raw = RawFields::within(body.clone(), leftovers::of_answer);
    }
    Ok(response)
}

/// The choices by their indexes.
fn in_order<'a>(
    first: answer::Choice<'a>,
    mut others: Vec<answer::Choice<'a>>,
) -> (answer::Choice<'a>, Vec<answer::Choice<'a>>) {
    if others.is_empty() {
        return (first, others);
    }
    others.insert(0, first);
    others.sort_by_key(|choice| choice.index.0);
    let first = others.remove(0);
    (first, others)
}

fn choice(dialect: &Dialect, mut choice: answer::Choice<'_>) -> Result<Choice> {
    if let Some(error) = choice.error.take().filter(is_fault) {
        return Err(in_band(&error));
    }
    let mut read = Choice::default();
    read.finish_reason = finish_reason(choice.finish_reason.as_str())?;
    read.logprobs = logprobs::read(choice.logprobs);
    let Some(mut message) = choice.message.take() else { return Ok(read) };
    message.said(|said, text| add(&mut read.content, said, text));
    let states = state::from_details(std::mem::take(&mut message.reasoning_details), dialect.provider_name());
    add_states(&mut read.content, states);
    let cited = read.content.iter_mut().rfind(|part| matches!(part, Part::Text { .. }));
    if let Some(text) = cited {
        let annotations = std::mem::take(&mut message.annotations);
        text.annotate(|notes| notes.citations.extend(annotations.into_iter().map(cite::read)));
    }
    let images = std::mem::take(&mut message.images);
    read.content.extend(images.iter().filter_map(image));
    read.content.extend(message.audio.take().and_then(|it| audio::part(*it)));
    read.content.extend(message.calls().map(|call| self::call(dialect, call)));
    Ok(read)
}

/// State goes with the first reasoning, or stands alone before what is said.
fn add_states(content: &mut Vec<Part>, states: Vec<VendorState>) {
    let mut states = states.into_iter();
    if let Some(Part::Reasoning(reasoning)) = content.first_mut() {
        reasoning.state = states.next();
    }
    let place = usize::from(matches!(content.first(), Some(Part::Reasoning(_))));
    let alone = states.map(|state| {
        let mut reasoning = Reasoning::default();
        reasoning.state = Some(state);
        Part::Reasoning(reasoning)
    });
    content.splice(place..place, alone);
}

/// An image that a model made, as OpenRouter tells it.
pub(crate) fn image(value: &Value) -> Option<Part> {
    let url = value.get("image_url")?.get("url")?.as_str()?;
    Some(Part::Image(from_url(url)))
}

fn call(dialect: &Dialect, call: Call<'_>) -> Part {
    if call.is_custom() {
        let Custom { name, input, .. } = call.custom.map(|custom| *custom).unwrap_or_default();
        return custom(call.id.as_str(), name.as_str(), input.as_str());
    }
    let function = call.function.unwrap_or_default();
    let (id, name) = (call.id.filled().unwrap_or_default(), function.name.filled().unwrap_or_default());
    let mut read = ToolCall::new(id, name, function.arguments.0);
    read.state = call.extra_content.map(|value| state::from_extra_content(value, dialect.provider_name()));
    Part::ToolCall(read)
}

/// A call of a tool whose input is no JSON.
pub(crate) fn custom(id: &str, name: &str, input: &str) -> Part {
    let call = json!({ "id": id, "type": "custom", "custom": { "name": name, "input": input } });
    Part::Vendor(VendorState::new(NAME, call))
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

    fn decode(body: &str) -> Result<ChatResponse> {
        super::decode(&Dialect::COMPATIBLE, &Bytes::copy_from_slice(body.as_bytes()))
    }

    fn texts(message: &str) -> Vec<String> {
        let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":"stop"}}]}}"#);
        let parts = decode(&body).unwrap().content;
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
        let body = r#"{"id":"x","model":"m","choices":[{"index":1},{"index":0,"message":{"content":"a"},
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
            let error = decode(&body).unwrap_err();
            let partial = error.partial().unwrap_or_else(|| panic!("{choices}: {error}"));
            assert_eq!((partial.usage, partial.model.as_deref()), (Some(Usage::reported(7, 2)), Some("m")));
        }
        assert!(decode(r#"{"choices":[]}"#).unwrap_err().partial().is_none());
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
            let error = decode(body).unwrap_err();
            assert_eq!(error.kind(), kind, "{body}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let answer = decode(r#"{"error":null,"choices":[{"message":{"content":"a"}}]}"#).unwrap();
        assert_eq!(answer.finish_reason, FinishReason::Other("unknown".into()));
    }
}
