//! Recorded embeddings and model lists.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::Value;
use ultraai_core::ModelListCodec as _;
use ultraai_protocol_gemini::{EmbedContents, Models};
use ultraai_testkit::{
    embeddings::{Said, compare_embedding_requests, compare_vectors},
    recordings::Recordings,
};

const CODEC: EmbedContents = EmbedContents::Batch;

/// One text alone is a batch of one, the model stands in each request and not beside them, and the only role is not told.
fn normalized(mut body: Value) -> Value {
    let mut requests = match body.get_mut("requests") {
        Some(requests) => requests.take(),
        None => Value::Array(vec![body]),
    };
    for request in requests.as_array_mut().unwrap() {
        request["content"].as_object_mut().unwrap().remove("role");
        // Vertex AI names it in the address alone.
        request["model"] = "".into();
    }
    requests
}

fn said(body: &Value) -> Said {
    let list = body["embeddings"].as_array();
    let first = list.map_or(&body["embedding"], |list| &list[0]);
    Said {
        input_tokens: body["usageMetadata"]["promptTokenCount"].as_u64(),
        vectors: list.map(Vec::len).or(Some(1)),
        dimensions: first["values"].as_array().map(Vec::len),
    }
}

#[test]
fn every_recorded_answer_is_vectors() {
    let Some(recordings) = Recordings::of("gemini.embed") else { return };
    let answers = compare_vectors(&recordings, &[], &CODEC, &CODEC, said);
    assert!(answers >= 12, "{answers}");
}

#[test]
fn every_known_request_comes_out_as_it_went_in() {
    let Some(recordings) = Recordings::of("gemini.embed") else { return };
    let requests = compare_embedding_requests(&recordings, &[], &CODEC, &CODEC, normalized);
    assert!(requests >= 9, "{requests}");
}

#[test]
fn the_recorded_list_of_models_is_read() {
    let Some(recordings) = Recordings::of("models") else { return };
    let recording = recordings.iter().find(|recording| recording.file.starts_with("gemini/")).unwrap();
    let page = Models.decode(&recording.body).unwrap();
    let list: Value = serde_json::from_slice(&recording.body).unwrap();
    assert_eq!(page.models.len(), list["models"].as_array().unwrap().len());
    let flash = page.models.iter().find(|model| model.id == "gemini-2.5-flash").unwrap();
    assert_eq!((flash.context_window, flash.max_output_tokens), (Some(1_048_576), Some(65_536)));
}
