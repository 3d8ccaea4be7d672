//! Requests that are sent on as they came, and streams that come back so.

#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatRequest, Codec as _, Delivery, Error, ErrorKind, EventEncoder, ModelName, Native,
    ServerCodec as _,
};
use ultraai_protocol_openai_chat::{Chat, Dialect, NAME, ReasoningForm};
use ultraai_testkit::passing_features;

const COMPATIBLE: Chat = Chat(&Dialect::COMPATIBLE);
const UNASKED: Dialect = Dialect { stream_options: false, ..Dialect::COMPATIBLE };
const OPENAI: Chat = Chat(&Dialect::OPENAI);

fn came(body: &str) -> ChatRequest {
    let mut request = COMPATIBLE.decode_request("", body.as_bytes()).unwrap();
    request.native = Some(Native::new(NAME, body.to_owned()));
    request.model = ModelName::new("m-2").ok();
    request
}

fn sent(to: Chat, request: &ChatRequest) -> Option<String> {
    let body = to.native(request, request.native.as_ref().unwrap())?;
    Some(String::from_utf8(body).unwrap())
}

#[test]
fn only_what_the_vendor_would_be_told_in_the_same_words_passes() {
    const PICKY: Dialect = Dialect {
        name: "picky",
        max_tokens_either: false,
        seed_field: Some("random_seed"),
        stop: false,
        stream_options: false,
        lacks: &["top_k", "n", "logprobs", "name", "user", "images", "allowed_tools"],
        reasoning: ReasoningForm::Object,
        cache_control: false,
        tool_images: false,
        document_url: true,
        video: false,
        ..Dialect::COMPATIBLE
    };
    let everything = passing_features(&COMPATIBLE, &COMPATIBLE, &COMPATIBLE, "m-2");
    let by_openai = passing_features(&OPENAI, &COMPATIBLE, &OPENAI, "m-2");
    let picky = passing_features(&COMPATIBLE, &COMPATIBLE, &Chat(&PICKY), "m-2");
    for feature in
        ["a tool", "two calls and their results", "an image by its data", "a live answer", "`seed`"]
    {
        assert!(everything.contains(&feature) && by_openai.contains(&feature), "{feature}");
    }
    assert!(everything.contains(&"`top_k`") && !by_openai.contains(&"`top_k`"));
    assert!(!everything.contains(&"instructions of the developer"));
    assert!(by_openai.contains(&"instructions of the developer"));
    let gone = [
        "`seed`",
        "`stop_sequences`",
        "`top_k`",
        "`logprobs`",
        "`user`",
        "several answers, `n`",
        "a speaker's name",
        "an image by its address",
        "effort of reasoning",
        "what is worth keeping in a cache",
        "one of these tools may be called",
        "a tool's image",
        "a PDF by its data",
        "a moving picture by its data",
    ];
    assert!(gone.iter().all(|feature| everything.contains(feature)), "{everything:?}");
    assert!(gone.iter().all(|feature| !picky.contains(feature)), "{picky:?}");
    assert!(picky.contains(&"a tool") && picky.contains(&"`temperature`"), "{picky:?}");
    // The caller's word for the bound of the answer is not the vendor's.
    assert!(passing_features(&COMPATIBLE, &COMPATIBLE, &OPENAI, "m-2").contains(&"a tool"));
}

#[test]
fn nothing_is_written_anew_but_model_and_delivery() {
    let body = "{ \"novel\" : {\"x\":1e2,\"y\":[1.0, -0.0]},\n\"model\":\"m-1\", \"messages\":[{\"content\":\"\\u0041\",\"role\":\"user\",\"z\":null}] , \"temperature\":1.0,\"max_tokens\": 7.0 }";
    let request = came(body);
    assert_eq!(sent(COMPATIBLE, &request).unwrap(), body.replace("m-1", "m-2"));
    let live = request.with_delivery(Delivery::Live);
    let asked = "7.0,\"stream\":true,\"stream_options\":{\"include_usage\":true} }";
    assert_eq!(sent(COMPATIBLE, &live).unwrap(), body.replace("m-1", "m-2").replace("7.0 }", asked));
    // White space between fields goes with a field that goes.
    let expected = "{\"novel\" : {\"x\":1e2,\"y\":[1.0, -0.0]},\"model\":\"m-2\",\"messages\":[{\"content\":\"\\u0041\",\"role\":\"user\",\"z\":null}],\"temperature\":1.0,\"max_completion_tokens\":7.0,\"stream\":true,\"stream_options\":{\"include_usage\":true}}";
    assert_eq!(sent(OPENAI, &live).unwrap(), expected);
}

#[test]
fn the_bound_of_the_answer_has_the_vendors_name() {
    let with = |fields: &str| format!(r#"{{{fields}"messages":[],"model":"m-2"}}"#);
    for (came_so, goes_so) in [
        (r#""max_completion_tokens":5,"#, with(r#""max_completion_tokens":5,"#)),
        (r#""max_completion_tokens":5,"max_tokens":5,"#, with(r#""max_completion_tokens":5,"#)),
        (r#""max_completion_tokens":5,"max_tokens":null,"#, with(r#""max_completion_tokens":5,"#)),
        (r#""max_completion_tokens":null,"max_tokens":5,"#, with(r#""max_completion_tokens":5,"#)),
        (r#""max_tokens":5,"#, r#"{"messages":[],"model":"m-2","max_completion_tokens":5}"#.to_owned()),
    ] {
        assert_eq!(sent(OPENAI, &came(&with(came_so))), Some(goes_so), "{came_so}");
        assert_eq!(sent(COMPATIBLE, &came(&with(came_so))), Some(with(came_so)), "{came_so}");
    }
    let body = with(r#""max_completion_tokens":1,"max_tokens":3000,"#);
    let error = OPENAI.decode_request("", body.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().starts_with("`max_tokens` and `max_completion_tokens` say different"), "{error}");
    let error = OPENAI.decode_request("", with(r#""max_completion_tokens":0,"#).as_bytes()).unwrap_err();
    assert_eq!(error.message(), "`max_completion_tokens` must be a whole number from 1 up");
}

#[test]
fn the_options_of_a_stream_stay_and_usage_is_asked_for() {
    let with = |options: &str| {
        format!(r#"{{"stream":true,"stream_options":{options},"messages":[],"model":"m-2"}}"#)
    };
    for (came_so, goes_so) in [
        (r#"{"include_usage": true}"#, r#"{"include_usage": true}"#),
        (r#"{"include_usage":false, "a":1.0}"#, r#"{"include_usage":true, "a":1.0}"#),
        (r#"{ "include_obfuscation":false }"#, r#"{ "include_obfuscation":false,"include_usage":true }"#),
        ("null", r#"{"include_usage":true}"#),
        ("{}", r#"{"include_usage":true}"#),
    ] {
        let request = came(&with(came_so));
        assert_eq!(sent(COMPATIBLE, &request), Some(with(goes_so)), "{came_so}");
        // Who is asked for a whole answer refuses them.
        let whole = sent(COMPATIBLE, &request.with_delivery(Delivery::Whole));
        assert_eq!(whole.as_deref(), Some(r#"{"stream":false,"messages":[],"model":"m-2"}"#));
    }
    let request = came(&with("{}"));
    assert_eq!(sent(Chat(&UNASKED), &request), None);
    let plain = r#"{"stream":true,"messages":[],"model":"m-2"}"#;
    assert_eq!(sent(Chat(&UNASKED), &came(plain)).as_deref(), Some(plain));
    let whole = came(plain).with_delivery(Delivery::Whole);
    assert_eq!(sent(COMPATIBLE, &whole), Some(plain.replace("true", "false")));
}

#[test]
fn what_cannot_be_changed_safely_or_was_given_by_others_is_written_anew() {
    for body in [
        r#"{"messages":[],"messages":[]}"#,
        r#"{"messages":[],"\u006dodel":"a"}"#,
        r#"{"messages":[],"tools":[]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"image_url", "image_url" : "https://host/a"}]}]}"#,
        r#"{"messages":[],"reasoning":{"effort":"low"}}"#,
        r#"{"messages":[{"role":"assistant","content":"a","reasoning_content":"b"}]}"#,
        r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"},
            "extra_content":{"type":"vendor_state","vendor":"gemini","data":{}}}]}]}"#,
    ] {
        assert_eq!(sent(COMPATIBLE, &came(body)), None, "{body}");
    }
    let image = r#"{"messages":[{"role":"user","content":[{"image_url":{"url":"https://host/a"},"type":"image_url"}]}]}"#;
    assert!(sent(COMPATIBLE, &came(image)).is_some());
    let mut request = came(r#"{"messages":[]}"#);
    assert!(sent(COMPATIBLE, &request).is_some());
    request.model = None;
    assert_eq!(sent(COMPATIBLE, &request), None);
}

fn encoder(body: &str) -> Box<dyn EventEncoder> {
    COMPATIBLE.encoder(&Answering { request: &came(body), id: "1", created: 7 })
}

fn passes(encoder: &mut dyn EventEncoder, frame: &str) -> bool {
    encoder.passes(&Native::new(NAME, frame.to_owned()))
}

const USED: &str = r#"{"id":"x","choices": [ ],"usage":{"prompt_tokens":1}}"#;

#[test]
fn usage_that_was_not_asked_for_is_kept_from_the_caller() {
    let mut silent = encoder(r#"{"messages":[],"stream":true}"#);
    let mut told = encoder(r#"{"messages":[],"stream":true,"stream_options":{"include_usage":true}}"#);
    for (frame, is_usage) in [
        (USED, true),
        (r#"{"choices":[{"delta":{"content":"\"choices\":[]"}}],"usage":{"prompt_tokens":1}}"#, false),
        (r#"{"choices":[],"usage":null,"prompt_filter_results":[]}"#, false),
        (r#"{"choices":[],"prompt_filter_results":[]}"#, false),
        ("[DONE]", false),
    ] {
        assert_eq!(passes(&mut *silent, frame), !is_usage, "{frame}");
        assert!(passes(&mut *told, frame), "{frame}");
    }
}

#[test]
fn a_stream_that_passed_has_one_end() {
    let ended = |frames: &[&str]| {
        let (mut encoder, mut out) = (encoder(r#"{"messages":[],"stream":true}"#), Vec::new());
        for frame in frames {
            passes(&mut *encoder, frame);
        }
        encoder.end_passing(&mut out);
        encoder.end_passing(&mut out);
        out.into_iter().map(|frame| String::from_utf8(frame.data).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ended(&[USED, " [DONE]\n"]), [""; 0]);
    assert_eq!(ended(&[USED]), ["[DONE]"]);
    let (mut broken, mut out) = (encoder(r#"{"messages":[],"stream":true}"#), Vec::new());
    assert!(passes(&mut *broken, r#"{"choices":[{}]}"#));
    broken.fail(&Error::new(ErrorKind::Interrupted, "it broke off"), &mut out);
    let event: Value = serde_json::from_slice(&out[0].data).unwrap();
    assert_eq!((out.len(), &event["error"]["message"]), (1, &json!("it broke off")));
}
