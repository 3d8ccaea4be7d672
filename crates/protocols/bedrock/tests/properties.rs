//! What is written is read as the same, and nothing that is read does harm.

use ultraai_core::{
    ChatRequest, ChatResponse, Codec as _, Delivery, Losses, MediaSource, Message, ModelName, Part, Role,
    ServerCodec as _,
};
use ultraai_protocol_bedrock::Converse;
use ultraai_testkit::{
    codecs::{nothing_is_dropped_in_silence, round_trips, survives},
    samples::Carries,
};

const CARRIES: Carries = Carries {
    image_urls: false,
    // A model whose family is not known is asked by a tool, and such a request is read as one with a tool.
    json_object: false,
    reasoning_state: Some("aws.bedrock"),
    // How they are told is known of some families alone.
    effort: false,
    top_k: false,
    refusals: false,
    seed: false,
    penalties: false,
    ..Carries::EVERYTHING
};

/// Makes equal what the README lists under "What is normalized".
fn same_request(mut request: ChatRequest) -> ChatRequest {
    request.origin = None;
    let mut messages: Vec<Message> = Vec::new();
    for mut message in std::mem::take(&mut request.messages) {
        for part in &mut message.content {
            match part {
                Part::ToolResult(result) => result.name = None,
                Part::Document(media) => media.name = media.name.take().map(|name| name.replace('.', "-")),
                Part::ToolCall(call) => call.arguments = compact(&call.arguments),
                _ => {}
            }
        }
        match messages.last_mut() {
            Some(last) if last.role == Role::Tool && message.role == Role::Tool => {
                last.content.extend(message.content);
            }
            _ => messages.push(message),
        }
    }
    request.messages = messages;
    request
}

fn compact(arguments: &str) -> String {
    serde_json::from_str(arguments)
        .map_or_else(|_| arguments.to_owned(), |value: serde_json::Value| value.to_string())
}

/// An answer does not say its model.
fn same_answer(mut answer: ChatResponse) -> ChatResponse {
    answer.model = None;
    answer
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let codec = Converse::new();
    round_trips(&codec, &codec, &CARRIES, 500, same_request, same_answer);
}

#[test]
fn what_is_written_for_anthropics_models_is_read_as_the_same() {
    let codec = Converse::new();
    let model = ModelName::new("us.anthropic.claude-sonnet-4-6").ok();
    let asking = |request: ChatRequest| {
        let mut request = same_request(request);
        request.model = model.clone();
        request
    };
    let carries = Carries { reasoning_state: Some("anthropic"), effort: true, top_k: true, ..CARRIES };
    for seed in 0..300 {
        let mut request = carries.request(&mut fastrand_of(seed));
        request.model.clone_from(&model);
        if let Some(reasoning) = &mut request.reasoning {
            reasoning.enabled = Some(true);
        }
        let read = ultraai_testkit::codecs::read_back(&codec, &codec, &request).expect("it can be written");
        assert_eq!(asking(read), asking(request), "seed {seed}");
    }
}

fn fastrand_of(seed: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed)
}

#[test]
fn no_bytes_do_harm() {
    let codec = Converse::new();
    survives(&codec, &codec, &CARRIES, 2000);
}

#[test]
fn a_model_stands_escaped_in_the_path_and_comes_back() {
    let codec = Converse::new();
    for (model, path) in [
        ("anthropic.claude-v2", "model/anthropic.claude-v2/converse"),
        ("us.amazon.nova-micro-v1:0", "model/us.amazon.nova-micro-v1%3A0/converse"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0",
            "model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x-v1%3A0/converse",
        ),
        ("ü 100%", "model/%C3%BC%20100%25/converse"),
    ] {
        let request = ChatRequest::from_prompt("hello").with_model(ModelName::new(model).expect("a name"));
        let route = codec.route(&request).expect("a route");
        assert_eq!(route.path, path);
        let live = codec.route(&request.clone().with_delivery(Delivery::Live)).expect("a route");
        assert_eq!(live.path, format!("{path}-stream"));
        let body = codec.encode(&request, &mut Losses::refused()).expect("a body");
        for (path, delivery) in [(route.path, Delivery::Whole), (live.path, Delivery::Live)] {
            let read = codec.decode_request(&format!("/{path}?a=b"), &body).expect("a request");
            assert_eq!((read.model.as_ref().map(ModelName::as_str), read.delivery), (Some(model), delivery));
        }
        // A server may stand below a path of its own.
        let below = format!("/my-model/{}", codec.route(&request).expect("a route").path);
        let read = codec.decode_request(&below, &body).expect("a request");
        assert_eq!(read.model.as_ref().map(ModelName::as_str), Some(model));
        // Some callers escape less.
        let read =
            codec.decode_request(&format!("/base/model/{}/converse", model.replace('%', "%25")), &body);
        assert_eq!(read.expect("a request").model.as_ref().map(ModelName::as_str), Some(model));
    }
}

#[test]
fn an_image_is_sent_as_its_bytes_and_an_address_of_s3_as_such() {
    let codec = Converse::new();
    let body = br#"{"messages":[{"role":"user","content":[
        {"image":{"format":"png","source":{"bytes":"iVBORw=="}}},
        {"video":{"format":"three_gp","source":{"s3Location":{"uri":"s3://b/k"}}}}]}]}"#;
    let read = codec.decode_request("/model/m/converse", body).expect("a request");
    let sources: Vec<_> =
        read.parts().filter_map(|part| part.as_media().map(|media| &media.source)).collect();
    assert_eq!(
        sources,
        [&MediaSource::Data(b"\x89PNG".as_slice().into()), &MediaSource::Url("s3://b/k".into())]
    );
}

#[test]
fn what_is_not_carried_is_refused_or_noted_and_never_dropped_in_silence() {
    let codec = Converse::new();
    nothing_is_dropped_in_silence(&codec, &codec, 500);
}
