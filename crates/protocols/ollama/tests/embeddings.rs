//! Recorded embeddings.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_protocol_ollama::Embed;
use ultraai_testkit::{
    embeddings::{Said, compare_embedding_requests, compare_vectors},
    recordings::Recordings,
};

/// A text that stands alone is one in a list.
fn normalized(mut body: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    if let Some(text) = fields.get("input").and_then(Value::as_str) {
        let list = json!([text]);
        fields.insert("input".into(), list);
    }
    body
}

fn said(body: &Value) -> Said {
    Said {
        input_tokens: body["prompt_eval_count"].as_u64(),
        vectors: body["embeddings"].as_array().map(Vec::len),
        dimensions: body["embeddings"][0].as_array().map(Vec::len),
    }
}

#[test]
fn every_recorded_answer_is_vectors_and_every_known_request_comes_out_as_it_went_in() {
    let Some(recordings) = Recordings::of("ollama.embed") else { return };
    let codec = Embed::default();
    let answers = compare_vectors(&recordings, &[], &codec, &codec, said);
    let requests = compare_embedding_requests(&recordings, &[], &codec, &codec, normalized);
    assert!(answers >= 7 && requests >= 5, "{answers} {requests}");
}
