//! Embeddings (`batchEmbedContents`, `embedContent`), both ways.

use serde::Serialize;
use serde_json::{Map, Value};
use ultraai_core::{
    BatchLimits, EmbeddingCodec, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, EmbeddingServerCodec,
    EmbeddingTask, Error, ErrorKind, Losses, ModelName, Result, Route, Usage,
};
use ultraai_protocol_common::{
    Fields, Number, ObjectWriter, Place, TaskWords, Unknown, Vector, collision, embedding_extra,
    embedding_model, in_band, is_fault, nothing_found, object, parse, texts,
};

use crate::{decode_error, model::resource};

/// The protocol's name, as in `EmbeddingRequest::origin`.
const EMBEDDINGS: &str = "gemini-embeddings";

/// The words of `taskType` (<https://ai.google.dev/api/embeddings#v1beta.TaskType>).
const TASKS: TaskWords = TaskWords(&[
    (EmbeddingTask::Query, "RETRIEVAL_QUERY"),
    (EmbeddingTask::Document, "RETRIEVAL_DOCUMENT"),
    (EmbeddingTask::Similarity, "SEMANTIC_SIMILARITY"),
    (EmbeddingTask::Classification, "CLASSIFICATION"),
    (EmbeddingTask::Clustering, "CLUSTERING"),
    (EmbeddingTask::QuestionAnswering, "QUESTION_ANSWERING"),
    (EmbeddingTask::FactVerification, "FACT_VERIFICATION"),
    (EmbeddingTask::CodeQuery, "CODE_RETRIEVAL_QUERY"),
]);

/// Embeddings of Google's models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedContents {
    /// `batchEmbedContents`: up to 100 texts at once, as the server's own refusal says.
    Batch,
    /// `embedContent`: one text. Vertex AI has no other.
    Single,
}

impl EmbeddingCodec for EmbedContents {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    fn batch(&self, _: &EmbeddingRequest) -> BatchLimits {
        BatchLimits::inputs(match self {
            Self::Batch => 100,
            Self::Single => 1,
        })
    }

    fn route(&self, request: &EmbeddingRequest) -> Option<Route> {
        let method = match self {
            Self::Batch => "batchEmbedContents",
            Self::Single => "embedContent",
        };
        Some(Route { path: format!("{}:{method}", resource(request.model.as_ref()?)), query: None })
    }

    fn encode(
        &self,
        request: &EmbeddingRequest,
        input: &[EmbeddingInput],
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        let model = resource(embedding_model("gemini", request)?);
        let texts = texts("gemini", input)?;
        if request.user.is_some() {
            losses.lose("`user`", "gemini has no such field")?;
        }
        if request.truncate.is_some() {
            losses.lose("`truncate`", "gemini cannot be told that")?;
        }
        let task = TASKS.write(EMBEDDINGS, request, losses)?;
        let extra = embedding_extra(EMBEDDINGS, request, losses)?;
        collision("`extra`", extra.iter().flat_map(|extra| extra.keys()), |key| {
            ["requests", "model", "content"].contains(&key)
        })?;
        let one = |text: &&str| {
            let mut body = Vec::new();
            let mut object = ObjectWriter::new(&mut body);
            // Where one text is asked for, the address alone names the model.
            if *self == Self::Batch {
                object.field("model", &*model);
            }
            object.field("content", &Content { parts: [Part { text }] });
            object.optional("taskType", task);
            object.optional("outputDimensionality", request.dimensions);
            if let Some(extra) = extra {
                object.entries(extra);
            }
            drop(object);
            body
        };
        Ok(match self {
            Self::Batch => {
                let requests: Vec<_> = texts.iter().map(one).collect();
                [&b"{\"requests\":["[..], &requests.join(&b','), b"]}"].concat()
            }
            Self::Single => one(texts.first().unwrap_or(&"")),
        })
    }

    fn decode(&self, _: &EmbeddingRequest, body: &[u8]) -> Result<EmbeddingResponse> {
        let answer: Answer<'_> = parse(body, "the answer")?;
        if let Some(error) = answer.raw.get("error").filter(|error| is_fault(error)) {
            return Err(in_band(error));
        }
        let vectors = match (answer.embeddings, answer.embedding) {
            (Some(all), _) => all,
            (None, Some(one)) => vec![one],
            (None, None) => return Err(nothing_found(body, "vectors")),
        };
        let usage = answer.usage.tokens.0.map(|tokens| Usage::reported(tokens, 0));
        let vectors = vectors.into_iter().map(|entry| entry.values.0).collect();
        let mut read = EmbeddingResponse::new(vectors).with_usage(usage);
        read.raw = answer.raw;
        Ok(read)
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

impl EmbeddingServerCodec for EmbedContents {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    /// Reads a request of either form; the path names the model, and the body may do it again.
    fn decode_request(&self, path: &str, body: &[u8]) -> Result<EmbeddingRequest> {
        let mut fields = Fields::parse(body)?;
        let mut entries = match fields.list("requests")? {
            Some(entries) => entries.collect(),
            None => vec![(Place::top(), Value::Object(fields.rest()))],
        }
        .into_iter();
        let (place, first) = entries.next().ok_or_else(|| {
            Error::new(ErrorKind::InvalidRequest, "`requests` is empty: there is nothing to embed")
        })?;
        let (text, mut terms) = entry(first, place)?;
        let mut input = vec![EmbeddingInput::Text(text)];
        for (place, value) in entries {
            let (text, others) = entry(value, place.clone())?;
            if others != terms {
                let message =
                    format!("`{place}` differs from the first in more than its text: send them apart");
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
            input.push(EmbeddingInput::Text(text));
        }
        let named = terms.remove("model").and_then(|model| model.as_str().map(str::to_owned));
        let model = model_of(path).map(str::to_owned).or(named);
        let mut terms = Fields::of(terms.into(), Place::top())?;
        let mut request = EmbeddingRequest::new(input);
        request.origin = Some(EMBEDDINGS);
        request.model = model.map(ModelName::new).transpose()?;
        request.dimensions = terms.count("outputDimensionality")?;
        request.task = terms.text("taskType")?.map(|word| TASKS.read(&word));
        request.extra = terms.rest();
        Ok(request)
    }

    fn encode_response(
        &self,
        _: &EmbeddingRequest,
        answer: &EmbeddingResponse,
        _: &mut Losses,
    ) -> Result<Vec<u8>> {
        let mut vectors = answer.embeddings.iter().map(|values| Values { values });
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        match self {
            Self::Batch => object.field("embeddings", &vectors.collect::<Vec<_>>()),
            Self::Single => object.optional("embedding", vectors.next()),
        }
        let usage = answer.usage.map(|usage| {
            let mut map = Map::new();
            map.insert("promptTokenCount".into(), usage.input_tokens.into());
            map
        });
        object.optional("usageMetadata", usage);
        drop(object);
        Ok(body)
    }
}

/// The text of an entry, and its other fields.
fn entry(value: Value, place: Place) -> Result<(String, Map<String, Value>)> {
    let mut fields = Fields::of(value, place)?;
    let mut content = fields.object("content")?.ok_or_else(|| fields.place().missing("content"))?;
    let mut parts = content.list("parts")?.unwrap_or_default();
    let text = match (parts.next(), parts.is_empty()) {
        (Some((place, part)), true) => Fields::of(part, place)?.needed_text("text")?,
        _ => return Err(content.place().field("parts").wrong("a list of one text")),
    };
    Ok((text, fields.rest()))
}

/// The model that a path such as `/v1beta/models/NAME:embedContent` names.
fn model_of(path: &str) -> Option<&str> {
    let path = path.split('?').next()?;
    let (_, rest) = path.rsplit_once("models/")?;
    rest.rsplit_once(':').map(|(model, _)| model).filter(|model| !model.is_empty())
}

object! {
    #[derive(Debug, Default)]
    struct Answer<'a> {
        embeddings: Option<Vec<Entry<'a>>> = "embeddings",
        embedding: Option<Entry<'a>> = "embedding",
        usage: UsageMetadata<'a> = "usageMetadata",
    }
    known: ;
    others: raw: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Entry<'a> {
        values: Vector = "values",
    }
    known: ;
    others: others: Unknown;
}

object! {
    #[derive(Debug, Default)]
    struct UsageMetadata<'a> {
        tokens: Number = "promptTokenCount",
    }
    known: ;
    others: others: Unknown;
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Values<'a> {
    values: &'a [f32],
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> EmbeddingRequest {
        let request = EmbeddingRequest::new(["a", "b"]).with_model(ModelName::new("m").unwrap());
        request.with_dimensions(8).with_task(EmbeddingTask::Query)
    }

    fn written(codec: EmbedContents, request: &EmbeddingRequest) -> Result<Value> {
        let body = codec.encode(request, &request.input, &mut Losses::refused())?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn every_text_is_a_request_of_its_own() {
        let one = |text: &str| {
            json!({ "model": "models/m", "content": { "parts": [{ "text": text }] }, "taskType": "RETRIEVAL_QUERY",
                "outputDimensionality": 8 })
        };
        assert_eq!(
            written(EmbedContents::Batch, &request()).unwrap(),
            json!({ "requests": [one("a"), one("b")] })
        );
        let route = EmbedContents::Batch.route(&request()).unwrap();
        assert_eq!(route.path, "models/m:batchEmbedContents");
        let mut alone = one("a");
        alone.as_object_mut().unwrap().remove("model");
        assert_eq!(written(EmbedContents::Single, &request()).unwrap(), alone);
        assert_eq!(EmbedContents::Single.batch(&request()), BatchLimits::inputs(1));
    }

    #[test]
    fn what_gemini_has_not_is_refused_by_name() {
        let mut named = request();
        named.user = Some("u".into());
        let mut cut = request();
        cut.truncate = Some(ultraai_core::Truncate::End);
        let mut tokens = request();
        tokens.input.push(EmbeddingInput::Tokens(vec![1]));
        for (request, what) in [
            (named, "`user`"),
            (cut, "`truncate`"),
            (tokens, "tokens"),
            (request().with_task(EmbeddingTask::Other("image".into())), ""),
        ] {
            match written(EmbedContents::Batch, &request) {
                Err(error) => assert!(error.message().contains(what), "{error}"),
                // The user's own word for whoever is asked.
                Ok(body) => assert_eq!(body["requests"][0]["taskType"], "image"),
            }
        }
    }

    #[test]
    fn a_request_is_read_in_both_forms() {
        let read =
            |path: &str, body: Value| EmbedContents::Batch.decode_request(path, body.to_string().as_bytes());
        let content = json!({ "parts": [{ "text": "a" }], "role": "user" });
        let body = json!({ "content": content, "taskType": "NEW", "title": "t", "none": null });
        let single = read("/v1/projects/p/publishers/google/models/m:embedContent?x=1", body).unwrap();
        assert_eq!((single.model.as_ref().unwrap().as_str(), single.input.len()), ("m", 1));
        assert_eq!(single.task, Some(EmbeddingTask::Other("NEW".into())));
        assert_eq!(written(EmbedContents::Batch, &single).unwrap()["requests"][0]["title"], "t");
        let entry = |dimensions| json!({ "model": "models/m", "content": content, "outputDimensionality": dimensions });
        let same = read("", json!({ "requests": [entry(8), entry(8)] })).unwrap();
        assert_eq!(
            (same.model.unwrap().as_str(), same.dimensions, same.input.len()),
            ("models/m", Some(8), 2)
        );
        for (body, what) in [
            (json!({ "requests": [entry(8), entry(9)] }), "`requests[1]` differs"),
            (json!({ "requests": [] }), "`requests` is empty"),
            (json!({}), "`content` is missing"),
            (
                json!({ "requests": [{ "content": { "parts": [{ "inlineData": {} }] } }] }),
                "`requests[0].content.parts[0].text`",
            ),
            (json!({ "content": { "parts": [] } }), "`content.parts`"),
        ] {
            let error = read("", body).unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidRequest && error.message().contains(what), "{error}");
        }
    }

    #[test]
    fn an_answer_is_read_in_both_forms_and_written() {
        let read = |body: Value| EmbedContents::Batch.decode(&request(), body.to_string().as_bytes());
        let one = read(
            json!({ "embedding": { "values": [1, 2], "shape": [2] }, "usageMetadata": { "promptTokenCount": "3" } }),
        );
        assert_eq!(
            one.unwrap(),
            EmbeddingResponse::new(vec![vec![1.0, 2.0]]).with_usage(Some(Usage::reported(3, 0)))
        );
        let both = read(json!({ "embeddings": [{ "values": [1] }, { "values": [2] }], "novel": 7 })).unwrap();
        assert_eq!((both.embeddings.len(), both.usage, both.raw.len()), (2, None, 1));
        for (body, kind) in [
            (json!({}), ErrorKind::Undecodable),
            (
                json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m" } }),
                ErrorKind::RateLimited,
            ),
        ] {
            assert_eq!(read(body.clone()).unwrap_err().kind(), kind, "{body}");
        }
        let answer = EmbeddingResponse::new(vec![vec![0.5]]).with_usage(Some(Usage::reported(3, 0)));
        for codec in [EmbedContents::Batch, EmbedContents::Single] {
            let body = codec.encode_response(&request(), &answer, &mut Losses::refused()).unwrap();
            assert_eq!(codec.decode(&request(), &body).unwrap(), answer);
        }
    }
}
