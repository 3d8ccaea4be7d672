//! What went wrong, in the words of the protocol.

use super::*;

#[test]
fn an_error_is_written_whole_and_into_a_stream() {
    let error = Error::new(ErrorKind::RateLimited, "slow down");
    let written = Responses::new().encode_error(&error);
    let read = Responses::new().error(written.status, &written.body);
    assert_eq!((written.status, read.kind(), read.message()), (429, ErrorKind::RateLimited, "slow down"));
    let asked = ChatRequest::from_prompt("a");
    let mut encoder = Responses::new().encoder(&Answering { request: &asked, id: "0", created: 1 });
    let mut frames = Vec::new();
    encoder.push(&ChatEvent::text("a"), &mut frames, &mut Losses::refused()).unwrap();
    encoder.fail(&error, &mut frames);
    let names: Vec<_> = frames.iter().map(|frame| frame.name).collect();
    assert_eq!(names[names.len() - 2..], ["error", "response.failed"]);
    for place in [frames.len() - 2, frames.len() - 1] {
        let event = serde_json::from_slice(&frames[place].data).unwrap();
        assert_eq!(live(&[event]).1.unwrap().kind(), ErrorKind::RateLimited);
    }
}

#[test]
fn a_failed_answer_says_why_in_the_words_that_sdks_know() {
    for (kind, code) in [
        (ErrorKind::RateLimited, "rate_limit_exceeded"),
        (ErrorKind::BudgetExceeded, "rate_limit_exceeded"),
        (ErrorKind::ContextTooLong, "invalid_prompt"),
        (ErrorKind::Rejected, "invalid_prompt"),
        (ErrorKind::ContentFiltered, "invalid_prompt"),
        (ErrorKind::Timeout, "server_error"),
        (ErrorKind::Overloaded, "server_error"),
        (ErrorKind::Interrupted, "server_error"),
    ] {
        let asked = ChatRequest::from_prompt("a");
        let mut encoder = Responses::new().encoder(&Answering { request: &asked, id: "0", created: 1 });
        let mut frames = Vec::new();
        encoder.fail(&Error::new(kind, "why"), &mut frames);
        let failed: Value = serde_json::from_slice(&frames.last().unwrap().data).unwrap();
        assert_eq!(failed["response"]["error"], json!({ "code": code, "message": "why" }), "{kind}");
        assert_eq!(failed["response"]["completed_at"], Value::Null);
    }
}

#[test]
fn a_refusal_names_the_callers_own_field() {
    let refused = |message: &str| -> Value {
        let answer = Responses::new().encode_error(&Error::new(ErrorKind::Unsupported, message));
        serde_json::from_slice::<Value>(&answer.body).unwrap()["error"].take()
    };
    let error = refused("`response_format` cannot be sent: no");
    assert_eq!(error["message"], "`text.format` cannot be sent: no");
    assert_eq!((&error["param"], &error["code"]), (&json!("text.format"), &Value::Null));
    // The vocabulary's list of messages is not `input`.
    assert_eq!(refused("`messages[1].name` cannot be sent: no")["param"], Value::Null);
}
