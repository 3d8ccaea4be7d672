//! Recorded embeddings.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::Value;
use ultraai_protocol_cohere::Embed;
use ultraai_testkit::{
    embeddings::{Said, compare_embedding_requests, compare_vectors},
    recordings::Recordings,
};

/// Null is nothing, and numbers are asked for in any case.
fn normalized(mut body: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    fields.retain(|name, value| !value.is_null() && name != "embedding_types");
    body
}

fn said(body: &Value) -> Said {
    let vectors = &body["embeddings"]["float"];
    Said {
        input_tokens: body["meta"]["billed_units"]["input_tokens"].as_u64(),
        vectors: vectors.as_array().map(Vec::len),
        dimensions: vectors[0].as_array().map(Vec::len),
    }
}

#[test]
fn every_recorded_answer_is_vectors_and_every_known_request_comes_out_as_it_went_in() {
    let Some(recordings) = Recordings::of("cohere.embed") else { return };
    let codec = Embed::Cohere;
    let answers = compare_vectors(&recordings, &[], &codec, &codec, said);
    let requests = compare_embedding_requests(&recordings, &[], &codec, &codec, normalized);
    assert!(answers >= 6 && requests >= 5, "{answers} {requests}");
}
