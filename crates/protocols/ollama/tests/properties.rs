//! What is written is read as the same, whatever is written, and nothing that comes breaks what reads it.

use fastrand::Rng;
use ultraai_core::{
    Answering, ChatRequest, ChatResponse, Codec as _, ErrorKind, Losses, ResponseFormat, Result,
    ServerCodec as _, ToolChoice,
};
use ultraai_protocol_ollama::Chat;
use ultraai_testkit::{
    codecs::{round_trips, survives},
    samples::Carries,
};

const CARRIES: Carries = Carries {
    required_tool: false,
    named_tool: false,
    image_urls: false,
    documents: false,
    cache: false,
    refusals: false,
    split_texts: false,
    mixed_order: false,
    ..Carries::EVERYTHING
};

/// What the protocol does not say, or says by saying nothing.
fn same_request(mut request: ChatRequest) -> ChatRequest {
    request.origin = None;
    request.extra.remove("truncate");
    request.tool_choice = request.tool_choice.filter(|choice| *choice != ToolChoice::Auto);
    if let Some(ResponseFormat::JsonSchema { name, .. }) = &mut request.response_format {
        *name = String::new();
    }
    request
}

fn same_answer(mut answer: ChatResponse) -> ChatResponse {
    answer.raw.remove("created_at");
    answer
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let chat = Chat::default();
    round_trips(&chat, &chat, &CARRIES, 500, same_request, same_answer);
}

#[test]
fn broken_bytes_break_nothing() {
    let chat = Chat::default();
    survives(&chat, &chat, &CARRIES, 2000);
}

type Encode<'a> = &'a dyn Fn(&mut Losses) -> Result<Vec<u8>>;

#[test]
fn what_is_not_carried_is_refused_or_noted_and_never_dropped_in_silence() {
    for seed in 0..500 {
        let mut rng = Rng::with_seed(seed);
        let (request, answer) = (Carries::EVERYTHING.request(&mut rng), Carries::EVERYTHING.answer(&mut rng));
        let to = Answering { request: &request, id: "1", created: 0 };
        let encoders: [Encode<'_>; 2] = [&|losses| Chat::default().encode(&request, losses), &|losses| {
            Chat::default().encode_response(&to, &answer, losses)
        }];
        for encode in encoders {
            let mut losses = Losses::noted();
            let noted = encode(&mut losses).expect("what cannot be said may be left out");
            match (encode(&mut Losses::refused()), losses.as_slice()) {
                (Ok(refused), []) => assert_eq!(refused, noted, "seed {seed}"),
                (Err(error), [first, ..]) => {
                    assert_eq!(error.kind(), ErrorKind::Unsupported, "seed {seed}");
                    let what = first.split(": ").next().unwrap_or_default();
                    assert!(error.message().starts_with(what), "seed {seed}: {error}, noted {first}");
                }
                (refused, noted) => panic!("seed {seed}: {refused:?}, and noted is {noted:?}"),
            }
        }
    }
}
