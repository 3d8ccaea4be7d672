//! Reads a whole answer.

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, ChatResponse, Error, ErrorKind, Part, Reasoning, Result};
use ultraai_protocol_common::{at_the_top, parse};

use crate::{
    NAME,
    answer::{Answer, Item, finish_reason, logprobs},
    citation,
    fault::made_exact,
    plan_state, usage,
};

/// Reads a whole answer of a status that says success. The model, which it does not tell, is the request's.
///
/// # Errors
/// What the server says went wrong, with what came of it, or `Undecodable` for what is no answer.
pub fn decode(request: &ChatRequest, body: &[u8]) -> Result<ChatResponse> {
    // A message that is a text is an error's.
    let mut answer: Answer<'_> = parse(body, "the answer").map_err(|error| failed(body).unwrap_or(error))?;
    let Some(message) = answer.message.take() else { return Err(failed(body).unwrap_or_else(no_answer)) };
    let mut content: Vec<_> = message.content.0.into_iter().filter_map(Item::into_part).collect();
    if let Some(plan) = message.tool_plan.filled() {
        content.push(Part::Reasoning(planned(plan)));
    }
    let left = citation::place(message.citations, &mut content);
    for (index, call) in message.tool_calls.into_iter().enumerate() {
        content.push(Part::ToolCall(call.into_call(NAME, || format!("call_{index}"))?));
    }
    let mut response = ChatResponse::default();
    response.model = request.model.as_ref().map(ToString::to_string);
    response.content = content;
    response.usage = usage::take(&mut answer.usage);
    response.request_id = answer.id.filled();
    response.raw = answer.others.into();
    let mut of_the_message = message.others;
    if !left.is_empty() {
        of_the_message.insert("citations".to_owned(), Value::Array(left));
    }
    keep(&mut response.raw, "message", of_the_message);
    keep(&mut response.raw, "usage", answer.usage);
    if let Some(told) = answer.logprobs.filter(|told| !told.is_null()) {
        response.logprobs = logprobs(&told);
        // The numbers of the tokens stand there alone.
        response.raw.insert("logprobs".to_owned(), told);
    }
    let word = answer.finish_reason.as_str();
    let Some(reason) = finish_reason(word) else {
        return Err(broken(word, "").with_partial(response));
    };
    response.finish_reason = reason;
    keep_word(&mut response.raw, word);
    Ok(response)
}

/// The reasoning that a plan is.
pub(crate) fn planned(text: String) -> Reasoning {
    let mut reasoning = Reasoning::new(text);
    reasoning.state = Some(plan_state());
    reasoning
}

/// The error of an answer that ended with `word` and says `message` of it.
pub(crate) fn broken(word: &str, message: &str) -> Error {
    let told = match message {
        "" => format!("the model failed to answer, and the server says no more than `{word}`"),
        message => message.to_owned(),
    };
    made_exact(Error::new(ErrorKind::ServerError, told))
}

/// Keeps the word for an end that shares its meaning with another one.
pub(crate) fn keep_word(raw: &mut Map<String, Value>, word: &str) {
    if word == "STOP_SEQUENCE" {
        raw.insert("finish_reason".to_owned(), word.into());
    }
}

/// Keeps the fields that nobody else takes.
pub(crate) fn keep(raw: &mut Map<String, Value>, key: &str, fields: Map<String, Value>) {
    if !fields.is_empty() {
        raw.insert(key.to_owned(), Value::Object(fields));
    }
}

/// The error that the body is, if it is one.
pub(crate) fn failed(body: &[u8]) -> Option<Error> {
    at_the_top(&parse(body, "the answer").ok()?).map(made_exact)
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Undecodable, "the answer is JSON, but no chat of Cohere's: check `base_url`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{FinishReason, ModelName, Usage};

    use super::*;

    fn read(body: &Value) -> Result<ChatResponse> {
        let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap());
        decode(&request, body.to_string().as_bytes())
    }

    #[test]
    fn an_answer_is_read_with_all_that_it_tells() {
        let cited = json!({
            "start": 0, "end": 1, "text": "a", "type": "TEXT_CONTENT", "content_index": 1,
            "sources": [{ "type": "document", "id": "d", "document": { "title": "t", "url": "u", "text": "abc" } }],
        });
        let planned_for = json!({ "start": 0, "end": 1, "type": "PLAN" });
        let answer = read(&json!({
            "id": "1", "novel": 7, "finish_reason": "STOP_SEQUENCE",
            "message": {
                "role": "assistant", "tool_plan": "look", "novel": 8, "citations": [cited, planned_for],
                "content": [{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": "a", "novel": 9 }, { "type": "x", "y": 1 }],
                "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "null" } }],
            },
            "usage": { "billed_units": { "input_tokens": 1, "output_tokens": 2 }, "tokens": { "input_tokens": 70, "output_tokens": 3 } },
            "logprobs": [{ "token_ids": [5], "text": "a", "logprobs": [-0.5] }],
        }))
        .unwrap();
        assert_eq!((answer.model.as_deref(), answer.request_id.as_deref()), (Some("m"), Some("1")));
        let [
            Part::Reasoning(thought),
            Part::Text { notes: Some(notes), .. },
            Part::Vendor(other),
            Part::Reasoning(plan),
            Part::ToolCall(call),
        ] = answer.content.as_slice()
        else {
            panic!("{:?}", answer.content)
        };
        assert_eq!(
            (thought.text.as_str(), plan.text.as_str(), call.arguments.as_str()),
            ("hm", "look", "null")
        );
        assert_eq!(plan.state, Some(plan_state()));
        assert_eq!(plan.notes.as_ref().unwrap().citations[0].native.as_ref().unwrap().data, planned_for);
        assert_eq!(other.data, json!({ "type": "x", "y": 1 }));
        assert_eq!(notes.extra.as_ref().unwrap().data, json!({ "novel": 9 }));
        let citation = &notes.citations[0];
        assert_eq!(
            (citation.url.as_deref(), citation.title.as_deref(), citation.range),
            (Some("u"), Some("t"), Some((0, 1)))
        );
        assert_eq!(citation.native.as_ref().unwrap().data, cited);
        assert_eq!((answer.finish_reason, answer.usage), (FinishReason::Stop, Some(Usage::reported(70, 3))));
        assert_eq!(answer.logprobs[0].token, "a");
        let raw = json!({
            "novel": 7, "message": { "novel": 8 }, "usage": { "billed_units": { "input_tokens": 1, "output_tokens": 2 } },
            "finish_reason": "STOP_SEQUENCE", "logprobs": [{ "token_ids": [5], "text": "a", "logprobs": [-0.5] }],
        });
        assert_eq!(Value::from(answer.raw), raw);
    }

    #[test]
    fn a_text_alone_nulls_and_new_words_are_taken() {
        let answer = read(&json!({
            "message": { "content": "a", "tool_calls": null, "citations": null }, "finish_reason": "NOVEL", "usage": null,
        }))
        .unwrap();
        assert_eq!(
            (answer.text().as_str(), answer.finish_reason),
            ("a", FinishReason::Other("NOVEL".into()))
        );
    }

    #[test]
    fn an_answer_that_failed_is_an_error_with_what_came_of_it() {
        let error = read(&json!({ "message": { "content": "a" }, "finish_reason": "ERROR" })).unwrap_err();
        assert_eq!((error.kind(), error.partial().unwrap().text().as_str()), (ErrorKind::ServerError, "a"));
    }

    #[test]
    fn what_is_no_answer_is_an_error_that_repeats_none_of_it() {
        for (body, kind, words) in [
            (r#"{"id":"1","message":"invalid api token"}"#, ErrorKind::ServerError, "invalid api token"),
            (r#"{"message":"too many tokens: 7"}"#, ErrorKind::ContextTooLong, "too many"),
            (
                r#"{"message":{"content":"secret","tool_calls":7}}"#,
                ErrorKind::Undecodable,
                "(at `message.tool_calls`)",
            ),
            (r#"{"choices":["secret"]}"#, ErrorKind::Undecodable, "check `base_url`"),
            (r#"{"message":{"content":["secret"#, ErrorKind::Undecodable, ""),
            ("null", ErrorKind::Undecodable, ""),
            ("", ErrorKind::Undecodable, ""),
        ] {
            let error = decode(&ChatRequest::default(), body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{body}: {error}");
            assert!(error.message().contains(words) && !error.to_string().contains("secret"), "{error}");
        }
    }
}
