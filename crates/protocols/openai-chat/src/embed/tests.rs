//! Requests and answers, field by field.

use serde_json::json;

use super::*;

const OPENAI: Embeddings = Embeddings(&EmbeddingDialect::OPENAI);
const VOYAGE: Embeddings = Embeddings(&EmbeddingDialect::VOYAGE);
const COMPATIBLE: Embeddings = Embeddings(&EmbeddingDialect::COMPATIBLE);

fn decoded(codec: Embeddings, body: &Value) -> Result<EmbeddingRequest> {
    codec.decode_request("/v1/embeddings", body.to_string().as_bytes())
}

fn encoded(codec: Embeddings, request: &EmbeddingRequest) -> Result<Value> {
    let body = codec.encode(request, &request.input, &mut Losses::refused())?;
    Ok(serde_json::from_slice(&body).unwrap())
}

fn answer(body: &Value) -> Result<EmbeddingResponse> {
    OPENAI.decode(&EmbeddingRequest::default(), body.to_string().as_bytes())
}

#[test]
fn input_is_a_text_texts_tokens_or_lists_of_tokens() {
    for (input, written) in [
        (json!("a"), json!(["a"])),
        (json!(["a", "b"]), json!(["a", "b"])),
        (json!([1, 2]), json!([[1, 2]])),
        (json!([[1, 2], [3]]), json!([[1, 2], [3]])),
        (json!(["a", [1]]), json!(["a", [1]])),
    ] {
        let request = decoded(OPENAI, &json!({ "model": "m", "input": input })).unwrap();
        assert_eq!(encoded(OPENAI, &request).unwrap()["input"], written);
    }
    for (body, place) in [
        (json!({ "model": "m" }), "`input` is missing"),
        (json!({ "input": [] }), "`input` is empty"),
        (
            json!({ "input": vec!["a"; 2049] }),
            "`input` has 2049 entries, and at most 2048 are taken at once: send several requests",
        ),
        (json!({ "input": ["a", 7] }), "`input[1]`"),
        (json!({ "input": [[1, -1]] }), "`input[0][1]`"),
        (json!({ "input": { "text": "a" } }), "`input` must be"),
        (json!({ "input": "a", "dimensions": -1 }), "`dimensions`"),
        (json!({ "input": "a", "encoding_format": "int8" }), "`encoding_format`"),
    ] {
        let error = decoded(OPENAI, &body).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidRequest && error.message().contains(place), "{error}");
    }
}

#[test]
fn a_vendor_is_told_what_it_understands_and_the_rest_is_refused_by_name() {
    let mut request = EmbeddingRequest::new(["a"]).with_model(ModelName::new("m").unwrap());
    request = request.with_dimensions(8).with_truncate(Truncate::Never);
    assert_eq!(
        encoded(OPENAI, &request).unwrap(),
        json!({ "model": "m", "input": ["a"], "dimensions": 8, "encoding_format": "base64" })
    );
    request = request.with_task(EmbeddingTask::Query);
    assert_eq!(
        encoded(VOYAGE, &request).unwrap(),
        json!({ "model": "m", "input": ["a"], "output_dimension": 8, "encoding_format": "base64",
            "input_type": "query", "truncation": false })
    );
    let with = |edit: fn(&mut EmbeddingRequest)| {
        let mut request = EmbeddingRequest::new(["a"]).with_model(ModelName::new("m").unwrap());
        edit(&mut request);
        request
    };
    for (codec, request, what) in [
        (OPENAI, with(|request| request.model = None), "no model"),
        (OPENAI, with(|request| request.task = Some(EmbeddingTask::Query)), "the task `query`"),
        (OPENAI, with(|request| request.truncate = Some(Truncate::End)), "`truncate`"),
        (VOYAGE, with(|request| request.truncate = Some(Truncate::Start)), "`truncate`"),
        (VOYAGE, with(|request| request.user = Some("u".into())), "`user`"),
        (VOYAGE, with(|request| request.input = vec![EmbeddingInput::Tokens(vec![1])]), "tokens"),
        (COMPATIBLE, with(|request| request.truncate = Some(Truncate::Never)), "`truncate`"),
    ] {
        let error = encoded(codec, &request).unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.message().contains(what), "{error}");
    }
}

#[test]
fn unknown_fields_of_a_request_stay_and_go_to_nobody_else() {
    let body =
        json!({ "model": "m", "input": ["a"], "novel": { "a": 1 }, "input_type": "query", "none": null });
    let mut request = decoded(OPENAI, &body).unwrap();
    assert_eq!((request.task.as_ref(), request.extra.len()), (None, 2));
    assert_eq!(encoded(OPENAI, &request).unwrap()["novel"], json!({ "a": 1 }));
    request.origin = Some("gemini");
    let error = encoded(OPENAI, &request).unwrap_err();
    assert!(error.message().starts_with("`input_type` cannot be sent: only gemini"), "{error}");
    let mut twice = EmbeddingRequest::new(["a"]).with_model(ModelName::new("m").unwrap());
    twice.extra.insert("model".into(), "x".into());
    assert_eq!(encoded(OPENAI, &twice).unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[test]
fn an_answer_is_read_in_every_form_that_vendors_write() {
    let read = answer(&json!({
        "id": "it", "object": "list", "model": "m", "novel": 7, "none": null,
        "data": [{ "index": 1, "embedding": [2, 0.5] }, { "index": 0, "embedding": "AACAPwAAAL8=", "x": 1 }],
        "usage": { "total_tokens": "5", "cost": 0.1 },
    }))
    .unwrap();
    assert_eq!(read.embeddings, [[1.0, -0.5], [2.0, 0.5]]);
    assert_eq!((read.usage, read.model.as_deref()), (Some(Usage::reported(5, 0)), Some("m")));
    assert_eq!(read.request_id.as_deref(), Some("it"));
    assert_eq!(Value::from(read.raw), json!({ "novel": 7, "usage": { "cost": 0.1 } }));
    let bare =
        answer(&json!({ "data": [{ "embedding": [2] }, { "embedding": [1] }], "usage": null })).unwrap();
    assert_eq!((bare.embeddings, bare.usage), (vec![vec![2.0], vec![1.0]], None));
}

#[test]
fn an_answer_that_is_none_is_an_error() {
    for (body, kind, what) in [
        (json!({ "error": { "message": "m", "code": 429 } }), ErrorKind::RateLimited, "m"),
        (json!({ "detail": "Model x is not supported" }), ErrorKind::ServerError, "Model x"),
        (json!({ "object": "list" }), ErrorKind::Undecodable, "no vectors"),
        (json!({ "data": [{ "embedding": ["x"] }] }), ErrorKind::Undecodable, "`data[0].embedding[0]`"),
        (json!({ "data": [{ "embedding": "no base64" }] }), ErrorKind::Undecodable, "`data[0].embedding`"),
        (json!([]), ErrorKind::Undecodable, ""),
    ] {
        let error = answer(&body).unwrap_err();
        assert!(error.kind() == kind && error.message().contains(what), "{body}: {error}");
    }
}

#[test]
fn a_written_answer_is_read_as_the_same_in_both_formats() {
    let vectors = vec![vec![0.1, -3.5e-8, 1.0], vec![f32::MIN_POSITIVE, 0.0, -0.25]];
    let written =
        EmbeddingResponse::new(vectors).with_usage(Some(Usage::reported(7, 0))).with_model(Some("m".into()));
    for (format, is_text) in [(None, false), (Some("float"), false), (Some("base64"), true)] {
        let request =
            decoded(OPENAI, &json!({ "input": "a", "model": "n", "encoding_format": format })).unwrap();
        let body = OPENAI.encode_response(&request, &written, &mut Losses::refused()).unwrap();
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["data"][1]["embedding"].is_string(), is_text);
        assert_eq!(value["usage"], json!({ "prompt_tokens": 7, "total_tokens": 7 }));
        assert_eq!(OPENAI.decode(&request, &body).unwrap(), written);
    }
}
