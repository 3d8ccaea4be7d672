//! Recorded exchanges of embeddings, read and written again.

use std::collections::BTreeSet;

use serde_json::Value;
use ultraai_core::{
    EmbeddingCodec, EmbeddingRequest, EmbeddingResponse, EmbeddingServerCodec, Error, Losses,
};

use crate::recordings::{Recording, Recordings, different};

/// What a recorded answer says of itself, found without a codec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Tokens of the request, where the answer counts them.
    pub input_tokens: Option<u64>,
    /// How many vectors it holds.
    pub vectors: Option<usize>,
    /// How many numbers the first one has.
    pub dimensions: Option<usize>,
}

/// Reads every recorded answer with `codec`: a good status is vectors, all numbers and of one length, as many as `said` finds
/// in the JSON and as the known request has inputs; a bad one is an error with words. Returns how many there are.
///
/// `gaps` are the files that are read differently, by the start of their names, each with its reason.
///
/// # Panics
/// When an answer is read differently and is no gap, and when a gap has closed; the message names them all.
pub fn compare_vectors(
    recordings: &Recordings,
    gaps: &[(&str, &str)],
    server: &dyn EmbeddingServerCodec,
    codec: &dyn EmbeddingCodec,
    said: impl Fn(&Value) -> Said,
) -> usize {
    judged(recordings.iter(), gaps, |recording| {
        if recording.status != 200 {
            let error = codec.error(recording.status, &recording.body);
            return error.message().is_empty().then(|| "an error without words".to_owned());
        }
        let answer = match codec.decode(&EmbeddingRequest::default(), &recording.body) {
            Ok(answer) => answer,
            Err(error) => return Some(told(&error)),
        };
        let inputs = recording.request.as_ref().and_then(|request| {
            let request = server.decode_request(&request.path, request.body.to_string().as_bytes());
            Some(request.ok()?.input.len())
        });
        let said = said(&serde_json::from_slice(&recording.body).unwrap_or_default());
        wrong_vectors(&answer, inputs, &said)
    })
}

fn wrong_vectors(answer: &EmbeddingResponse, inputs: Option<usize>, said: &Said) -> Option<String> {
    let vectors = &answer.embeddings;
    let dimensions = vectors.first().map_or(0, Vec::len);
    let tokens = answer.usage.map(|usage| usage.input_tokens);
    if [inputs, said.vectors].into_iter().flatten().any(|expected| expected != vectors.len()) {
        Some(format!("{} vectors for {inputs:?} inputs, {said:?}", vectors.len()))
    } else if dimensions == 0 || said.dimensions.is_some_and(|expected| expected != dimensions) {
        Some(format!("{dimensions} dimensions, {said:?}"))
    } else if vectors.iter().any(|vector| vector.len() != dimensions) {
        Some("vectors of several lengths".to_owned())
    } else if vectors.iter().flatten().any(|number| !number.is_finite() || number.abs() > 100.0) {
        Some("a number that is in no vector".to_owned())
    } else {
        (tokens != said.input_tokens).then(|| format!("{tokens:?} tokens, {said:?}"))
    }
}

/// Reads every known request with `server`, writes it with `codec` again and compares the JSON, both sides `normalized`.
/// Returns how many there are.
///
/// # Panics
/// As [`Recordings::compare_requests`].
pub fn compare_embedding_requests(
    recordings: &Recordings,
    gaps: &[(&str, &str)],
    server: &dyn EmbeddingServerCodec,
    codec: &dyn EmbeddingCodec,
    normalized: impl Fn(Value) -> Value,
) -> usize {
    let known = recordings.iter().filter(|recording| recording.request.is_some());
    judged(known, gaps, |recording| {
        let request = recording.request.as_ref()?;
        let read = server.decode_request(&request.path, request.body.to_string().as_bytes());
        let written = read.and_then(|read| codec.encode(&read, &read.input, &mut Losses::refused()));
        match written {
            Err(error) => Some(told(&error)),
            Ok(written) => {
                let written = serde_json::from_slice(&written).unwrap_or_default();
                different("", &normalized(request.body.clone()), &normalized(written))
            }
        }
    })
}

fn told(error: &Error) -> String {
    format!("{} {error}", error.kind())
}

/// Judges each recording, where `None` says that it is as it should be; returns how many there are.
fn judged<'a>(
    recordings: impl Iterator<Item = &'a Recording>,
    gaps: &[(&str, &str)],
    judge: impl Fn(&Recording) -> Option<String>,
) -> usize {
    let (mut wrong, mut open, mut count) = (Vec::new(), BTreeSet::new(), 0);
    for recording in recordings {
        count += 1;
        let gap = gaps.iter().find(|(file, _)| recording.file.starts_with(file));
        match (judge(recording), gap) {
            (Some(difference), None) => wrong.push(format!("{}: {difference}", recording.file)),
            (Some(_), Some(gap)) => drop(open.insert(gap)),
            (None, _) => {}
        }
    }
    let closed = gaps.iter().filter(|gap| !open.contains(gap));
    wrong.extend(closed.map(|(file, _)| format!("{file}: a gap that has closed")));
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    count
}
