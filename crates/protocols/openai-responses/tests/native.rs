//! Requests that are sent on as they came, and streams that come back so.

#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatRequest, Codec as _, Delivery, Error, ErrorKind, ModelName, Native, ServerCodec as _,
};
use ultraai_protocol_openai_responses::{NAME, Responses};
use ultraai_testkit::passing_features;

fn came(body: &str) -> ChatRequest {
    let mut request = Responses::new().decode_request("", body.as_bytes()).unwrap();
    request.native = Some(Native::new(NAME, body.to_owned()));
    request.model = ModelName::new("m-2").ok();
    request
}

fn sent(to: Responses, request: &ChatRequest) -> Option<String> {
    let body = to.native(request, request.native.as_ref().unwrap())?;
    Some(String::from_utf8(body).unwrap())
}

#[test]
fn only_what_the_vendor_would_be_told_in_the_same_words_passes() {
    let protocol = Responses::new();
    let everything = passing_features(&protocol, &protocol, &protocol, "m-2");
    let encrypted = "reasoning with OpenAI's encrypted form";
    for feature in
        ["a tool", "two calls and their results", "an image by its data", "a live answer", encrypted]
    {
        assert!(everything.contains(&feature), "{everything:?}");
    }
    // Another vendor cannot read OpenAI's.
    let other = passing_features(&protocol, &protocol, &protocol.with_vendor("acme"), "m-2");
    assert!(other.contains(&"a tool") && !other.contains(&encrypted), "{other:?}");
}

#[test]
fn nothing_is_written_anew_but_model_and_delivery() {
    let body = "{\"store\":false , \"model\":\"m-1\",\n\"input\":\"a\\u0041\", \"novel\":[1.0,1e2],\"temperature\":1.0}";
    let request = came(body);
    assert_eq!(sent(Responses::new(), &request).unwrap(), body.replace("m-1", "m-2"));
    let live = request.with_delivery(Delivery::Live);
    let expected = body.replace("m-1", "m-2").replace("1.0}", "1.0,\"stream\":true}");
    assert_eq!(sent(Responses::new(), &live).unwrap(), expected);
    let live = came(r#"{"stream":true,"input":"a","model":"m-2"}"#).with_delivery(Delivery::Whole);
    let unkept = r#"{"stream":false,"input":"a","model":"m-2","store":false}"#;
    assert_eq!(sent(Responses::new(), &live).unwrap(), unkept);
    let with_options =
        r#"{"stream":true,"stream_options":{"include_obfuscation":false},"input":"a","model":"m-2"}"#;
    let whole = came(with_options).with_delivery(Delivery::Whole);
    assert_eq!(sent(Responses::new(), &whole).unwrap(), unkept);
}

#[test]
fn nothing_is_kept_unless_the_caller_says_so() {
    for (came_so, goes_so) in [
        (r#""store":true"#, r#""store":true"#),
        (
            r#""store": false, "include":["reasoning.encrypted_content"]"#,
            r#""store": false, "include":["reasoning.encrypted_content"]"#,
        ),
        (r#""store":null"#, r#""store":false"#),
        (r#""novel":1"#, r#""novel":1,"store":false"#),
        (
            r#""reasoning":{"effort":"low"}"#,
            r#""reasoning":{"effort":"low"},"store":false,"include":["reasoning.encrypted_content"]"#,
        ),
        (
            r#""include":["a"],"reasoning":{"effort":"low"}"#,
            r#""include":["a","reasoning.encrypted_content"],"reasoning":{"effort":"low"},"store":false"#,
        ),
        (
            r#""include":["reasoning.encrypted_content"]"#,
            r#""include":["reasoning.encrypted_content"],"store":false"#,
        ),
    ] {
        let whole = |rest: &str| format!(r#"{{"model":"m-2","input":"a",{rest}}}"#);
        assert_eq!(sent(Responses::new(), &came(&whole(came_so))), Some(whole(goes_so)), "{came_so}");
    }
    // The vendor would look it up where it was kept.
    let thought = r#"{"model":"m-2","input":[{"type":"reasoning","id":"rs_1","summary":[]}]"#;
    assert_eq!(sent(Responses::new(), &came(&format!("{thought}}}"))), None);
    for said in ["true", "false"] {
        let body = format!(r#"{thought},"store":{said}}}"#);
        assert_eq!(sent(Responses::new(), &came(&body)), Some(body));
    }
}

#[test]
fn what_was_made_up_for_callers_and_what_cannot_be_changed_safely_is_written_anew() {
    for body in [
        r#"{"input":"a","input":"b"}"#,
        r#"{"input":[{"type":"message","role":"assistant","id":"msg_ua_0_1","content":[{"type":"output_text","text":"a"}]}]}"#,
        r#"{"input":[{"type":"function_call","call_id":"1","name":"f","arguments":""}]}"#,
    ] {
        let request = came(body).with_delivery(Delivery::Whole);
        assert_eq!(sent(Responses::new(), &request), None, "{body}");
    }
}

#[test]
fn a_break_after_frames_that_passed_goes_on_with_their_answer_and_their_count() {
    let mut encoder =
        Responses::new().encoder(&Answering { request: &came(r#"{"input":"a"}"#), id: "1", created: 7 });
    for (index, kind) in
        ["response.created", "response.in_progress", "response.output_text.delta"].into_iter().enumerate()
    {
        let response = json!({ "id": "resp_theirs", "model": "theirs", "status": "in_progress" });
        let frame = json!({ "type": kind, "sequence_number": index + 5, "response": response });
        assert!(encoder.passes(&Native::new(NAME, frame.to_string())));
    }
    let mut out = Vec::new();
    encoder.end_passing(&mut out);
    assert_eq!(out, []);
    encoder.fail(&Error::new(ErrorKind::Interrupted, "it broke off"), &mut out);
    assert_eq!(out.iter().map(|frame| frame.name).collect::<Vec<_>>(), ["error", "response.failed"]);
    let read: Vec<Value> = out.iter().map(|frame| serde_json::from_slice(&frame.data).unwrap()).collect();
    assert_eq!((&read[0]["sequence_number"], &read[1]["sequence_number"]), (&json!(8), &json!(9)));
    assert_eq!(read[0]["message"], "it broke off");
    let response = &read[1]["response"];
    assert_eq!((&response["id"], &response["status"]), (&json!("resp_theirs"), &json!("failed")));
}
