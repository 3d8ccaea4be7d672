//! Recorded embeddings and model lists of OpenAI and of those who follow it.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_core::{ErrorKind, ModelListCodec as _};
use ultraai_protocol_openai_chat::{EmbeddingDialect, Embeddings, Models};
use ultraai_testkit::{
    embeddings::{Said, compare_embedding_requests, compare_vectors},
    recordings::Recordings,
};

const CODEC: Embeddings = Embeddings(&EmbeddingDialect::OPENAI);

/// Requests that come out differently.
const REQUESTS: &[(&str, &str)] = &[
    (
        "ollama/embeddings__openllmetry--test-embeddings-test-ollama-embeddings-legacy",
        "Ollama's own older protocol",
    ),
    (
        "openai/error_400__ai-gateway--cassettes-embeddings-bad-request",
        "refused here, as it was there: no dimensions",
    ),
];

/// A text that stands alone is one in a list; null is nothing; how vectors are written is asked for as the dialect says, and
/// the caller gets them as the caller asked.
fn normalized(mut body: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    fields.retain(|name, value| !value.is_null() && name != "encoding_format");
    if let Some(text) = fields.get("input").and_then(Value::as_str) {
        let list = json!([text]);
        fields.insert("input".into(), list);
    }
    body
}

fn said(body: &Value) -> Said {
    let list = body["data"].as_array();
    let first = list.map(|list| &list[0]["embedding"]);
    let numbers = first.and_then(Value::as_array).map(Vec::len);
    // Base64 holds 3 bytes in 4 letters; one server writes 8 bytes for a number.
    let width = if body["model"] == "intfloat/e5-mistral-7b-instruct" { 8 } else { 4 };
    let base64 = first.and_then(Value::as_str).map(|text| text.trim_end_matches('=').len() * 3 / 4 / width);
    let usage = &body["usage"];
    Said {
        input_tokens: usage["prompt_tokens"].as_u64().or(usage["total_tokens"].as_u64()),
        vectors: list.map(Vec::len),
        dimensions: numbers.or(base64),
    }
}

#[test]
fn every_recorded_answer_is_vectors() {
    let Some(recordings) = Recordings::of("openai.embeddings") else { return };
    let answers = compare_vectors(&recordings, &[], &CODEC, &CODEC, said);
    assert!(answers >= 36, "{answers}");
}

#[test]
fn every_known_request_comes_out_as_it_went_in() {
    let Some(recordings) = Recordings::of("openai.embeddings") else { return };
    let requests = compare_embedding_requests(&recordings, REQUESTS, &CODEC, &CODEC, normalized);
    assert!(requests >= 27, "{requests}");
}

#[test]
fn every_recorded_list_of_models_is_read() {
    let Some(recordings) = Recordings::of("models") else { return };
    let mut lists = 0;
    for recording in recordings.iter().filter(|recording| !recording.file.starts_with("gemini/")) {
        if recording.status != 200 {
            let kind = Models.error(recording.status, &recording.body).kind();
            assert!(
                matches!(kind, ErrorKind::Authentication | ErrorKind::ModelNotFound),
                "{}",
                recording.file
            );
            continue;
        }
        let models = Models.decode(&recording.body).unwrap().models;
        if recording.file.starts_with("huggingface/") {
            // A vector of a model, whose address ends in the word.
            assert!(models.is_empty());
            continue;
        }
        let list: Value = serde_json::from_slice(&recording.body).unwrap();
        assert_eq!(models.len(), list["data"].as_array().unwrap().len(), "{}", recording.file);
        let is_openrouter = recording.file.starts_with("openrouter/");
        assert!(
            models.iter().all(|model| model.context_window.is_some() == is_openrouter),
            "{}",
            recording.file
        );
        lists += 1;
    }
    assert_eq!(lists, 3);
}
