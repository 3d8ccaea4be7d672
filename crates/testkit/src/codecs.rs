//! What holds of every protocol: what is written is read as the same.

use std::collections::VecDeque;

use bytes::Bytes;
use fastrand::Rng;
use ultraai_core::{
    Answering, ChatEvent, ChatRequest, ChatResponse, Codec, ErrorKind, Fold, Frame, Losses, OwnedFrame,
    Result, ServerCodec, events_of,
};

use crate::samples::Carries;

/// Checks that requests, whole answers and streams of what the protocol `carries` are read as they were written, and that a
/// stream folds to the same answer however its frames are read; `rounds` of each, made up from seeds. `same` makes equal what
/// may differ, such as an id that the protocol makes up.
///
/// # Panics
/// When something is read differently; the message names the seed.
pub fn round_trips(
    codec: &dyn Codec,
    server: &dyn ServerCodec,
    carries: &Carries,
    rounds: u64,
    same_request: impl Fn(ChatRequest) -> ChatRequest,
    same_answer: impl Fn(ChatResponse) -> ChatResponse,
) {
    for seed in 0..rounds {
        let request = carries.request(&mut Rng::with_seed(seed));
        let told = |error| panic!("seed {seed}: {error}\n{request:#?}");
        let read = read_back(codec, server, &request).unwrap_or_else(told);
        assert_eq!(same_request(read), same_request(request.clone()), "the request of seed {seed}");

        let answer = carries.answer(&mut Rng::with_seed(seed));
        let to = Answering { request: &request, id: "0123456789abcdef", created: 1_700_000_000 };
        let told = |error| panic!("seed {seed}: {error}\n{answer:#?}");
        let body = server.encode_response(&to, &answer, &mut Losses::refused()).unwrap_or_else(told);
        let body = Bytes::from(body);
        let told = |error| panic!("seed {seed}: {error}\n{}", String::from_utf8_lossy(&body));
        let whole = codec.decode(&request, &body).unwrap_or_else(told);
        assert_eq!(same_answer(whole), same_answer(answer.clone()), "the answer of seed {seed}");

        let told = |error| panic!("seed {seed}: {error}\n{answer:#?}");
        let frames = frames_of(server, &to, &answer).unwrap_or_else(told);
        let told = |error| panic!("seed {seed}: {error}\n{}", shown(&frames));
        let folded = fold_frames(codec, &request, &frames).unwrap_or_else(told);
        assert_eq!(
            same_answer(folded),
            same_answer(answer),
            "the stream of seed {seed}:\n{}",
            shown(&frames)
        );
    }
}

/// The request as it is read after it was written.
///
/// # Errors
/// What the codecs find.
pub fn read_back(codec: &dyn Codec, server: &dyn ServerCodec, request: &ChatRequest) -> Result<ChatRequest> {
    read_back_with(codec, server, request, &mut Losses::refused())
}

/// The request as it is read after it was written; what the protocol cannot say goes to `losses`.
///
/// # Errors
/// What the codecs find.
pub fn read_back_with(
    codec: &dyn Codec,
    server: &dyn ServerCodec,
    request: &ChatRequest,
    losses: &mut Losses,
) -> Result<ChatRequest> {
    let body = codec.encode(request, losses)?;
    let route = codec.route(request);
    let path = route.map_or_else(String::new, |route| match route.query {
        Some(query) => format!("/{}?{query}", route.path),
        None => format!("/{}", route.path),
    });
    server.decode_request(&path, &body)
}

/// The frames of `answer` as a stream, which may lose nothing.
///
/// # Errors
/// What the encoder finds.
pub fn frames_of(
    server: &dyn ServerCodec,
    to: &Answering<'_>,
    answer: &ChatResponse,
) -> Result<Vec<OwnedFrame>> {
    frames_of_with(server, to, answer, &mut Losses::refused())
}

/// The frames of `answer` as a stream; what the protocol cannot say goes to `losses`.
///
/// # Errors
/// What the encoder finds.
pub fn frames_of_with(
    server: &dyn ServerCodec,
    to: &Answering<'_>,
    answer: &ChatResponse,
    losses: &mut Losses,
) -> Result<Vec<OwnedFrame>> {
    let (mut encoder, mut frames) = (server.encoder(to), Vec::new());
    for event in events_of(answer.clone()) {
        encoder.push(&event, &mut frames, losses)?;
    }
    Ok(frames)
}

/// The answer that the frames of a stream fold to.
///
/// # Errors
/// What the decoder finds, and `Interrupted` without an end.
pub fn fold_frames(codec: &dyn Codec, request: &ChatRequest, frames: &[OwnedFrame]) -> Result<ChatResponse> {
    let frames = frames.iter().map(|frame| (frame.name, Bytes::copy_from_slice(&frame.data)));
    fold_named(codec, request, frames)
}

/// As [`fold_frames`], of the frames of any stream, each with its name.
///
/// # Errors
/// What the decoder finds, and `Interrupted` without an end.
pub(crate) fn fold_named(
    codec: &dyn Codec,
    request: &ChatRequest,
    frames: impl IntoIterator<Item = (impl AsRef<str>, Bytes)>,
) -> Result<ChatResponse> {
    let (mut decode, mut events, mut fold) = (codec.decoder(request), VecDeque::new(), Fold::default());
    for (name, data) in frames {
        decode(Some(Frame { name: name.as_ref(), data: &data }), &mut events)?;
    }
    decode(None, &mut events)?;
    events.into_iter().try_for_each(|event: ChatEvent| fold.push(event))?;
    fold.finish()
}

/// Writes `rounds` requests and answers of everything that the vocabulary has words for: what the protocol cannot carry is
/// refused by name, or noted where it may be left out, and whatever is written in silence is the same either way.
///
/// # Panics
/// When something is refused that is not noted, or noted that is neither refused nor a hint; the message names the seed.
pub fn nothing_is_dropped_in_silence(codec: &dyn Codec, server: &dyn ServerCodec, rounds: u64) {
    type Encode<'a> = &'a dyn Fn(&mut Losses) -> Result<Vec<u8>>;
    for seed in 0..rounds {
        let mut rng = Rng::with_seed(seed);
        let (request, answer) = (Carries::EVERYTHING.request(&mut rng), Carries::EVERYTHING.answer(&mut rng));
        let to = Answering { request: &request, id: "0123456789abcdef", created: 1_700_000_000 };
        let encoders: [Encode<'_>; 2] = [&|losses| codec.encode(&request, losses), &|losses| {
            server.encode_response(&to, &answer, losses)
        }];
        for encode in encoders {
            let (mut strict, mut lenient) = (Losses::refused(), Losses::noted());
            let written = encode(&mut lenient).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            match encode(&mut strict) {
                Ok(refusing) => {
                    assert_eq!(refusing, written, "seed {seed}");
                    assert_eq!(strict.as_slice(), lenient.as_slice(), "seed {seed}");
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unsupported, "seed {seed}: {error}");
                    let is_it = |noted: &String| {
                        error.message().starts_with(noted.split(": ").next().unwrap_or_default())
                    };
                    let noted = lenient.as_slice();
                    assert!(noted.iter().any(is_it), "seed {seed}: {error}, noted {noted:?}");
                }
            }
        }
    }
}

/// Feeds `rounds` broken forms of what the codecs write to what reads them: bytes changed, cut out, doubled, and plain noise.
/// Nothing may panic, and what is made of the bytes may not be much larger than they are.
///
/// # Panics
/// When a decoder does, and when it makes more than 64 events of one frame and a hundred bytes.
pub fn survives(codec: &dyn Codec, server: &dyn ServerCodec, carries: &Carries, rounds: u64) {
    for seed in 0..rounds {
        let mut rng = Rng::with_seed(seed);
        let (request, answer) = (carries.request(&mut rng), carries.answer(&mut rng));
        let to = Answering { request: &request, id: "0123456789abcdef", created: 1_700_000_000 };
        let mut losses = Losses::noted();
        if let Ok(body) = codec.encode(&request, &mut losses) {
            drop(server.decode_request("/models/m:generateContent", &broken(body, &mut rng)));
        }
        if let Ok(body) = server.encode_response(&to, &answer, &mut losses) {
            let body = Bytes::from(broken(body, &mut rng));
            drop(codec.decode(&request, &body));
            drop(codec.error(rng.u16(400..600), &body));
        }
        let mut frames = frames_of(server, &to, &answer).unwrap_or_default();
        for _ in 0..rng.usize(1..4) {
            let place = rng.usize(0..=frames.len());
            match frames.get_mut(place) {
                Some(frame) => frame.data = broken(std::mem::take(&mut frame.data), &mut rng),
                None => frames.push(OwnedFrame { name: "", data: broken(Vec::new(), &mut rng) }),
            }
        }
        rng.shuffle(&mut frames);
        let (mut decode, mut events, mut fold) = (codec.decoder(&request), VecDeque::new(), Fold::default());
        for frame in &frames {
            let data = Bytes::copy_from_slice(&frame.data);
            let read = decode(Some(Frame { name: frame.name, data: &data }), &mut events);
            assert!(events.len() <= 64 + data.len() / 100, "{} events of {} bytes", events.len(), data.len());
            let folded = events.drain(..).try_for_each(|event| fold.push(event));
            if read.and(folded).is_err() {
                break;
            }
        }
        drop(decode(None, &mut events));
    }
}

fn broken(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    const TOKENS: &[&[u8]] =
        &[b"null", b"{}", b"[]", b"-1", b"1e999", b"\"\"", b"\"\\ud800\"", b"\xff", b"{", b"]", b"[[[[[[[["];
    for _ in 0..rng.usize(1..6) {
        let place = rng.usize(0..=bytes.len());
        let end = (place + rng.usize(0..9)).min(bytes.len());
        match rng.u8(0..4) {
            0 => drop(bytes.drain(place..end)),
            1 => {
                let doubled = bytes[place..end].to_vec();
                bytes.splice(place..place, doubled);
            }
            2 => drop(bytes.splice(place..end, TOKENS[rng.usize(0..TOKENS.len())].iter().copied())),
            _ => bytes.splice(place..place, std::iter::repeat_with(|| rng.u8(..)).take(3)).for_each(drop),
        }
    }
    bytes
}

fn shown(frames: &[OwnedFrame]) -> String {
    let lines =
        frames.iter().map(|frame| format!("{}: {}", frame.name, String::from_utf8_lossy(&frame.data)));
    lines.collect::<Vec<_>>().join("\n")
}
