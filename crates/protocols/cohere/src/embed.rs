//! Embeddings (`POST /v2/embed`), both ways, at Cohere and on Amazon Bedrock.

use serde::Deserialize;
use serde_json::{Map, Value};
use ultraai_core::{
    BatchLimits, EmbeddingCodec, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, EmbeddingServerCodec,
    EmbeddingTask, Error, Losses, ModelName, Result, Truncate, Usage,
};
use ultraai_protocol_common::{
    Fields, Number, ObjectWriter, TaskWords, Text, Vector, collision, embedding_extra, embedding_model,
    nothing_found, object, parse, texts,
};

use crate::decode_error;

/// The protocol's name, as in `EmbeddingRequest::origin`.
const EMBEDDINGS: &str = "cohere-embed";

/// The words of `input_type` (<https://docs.cohere.com/reference/embed>).
const TASKS: TaskWords = TaskWords(&[
    (EmbeddingTask::Query, "search_query"),
    (EmbeddingTask::Document, "search_document"),
    (EmbeddingTask::Classification, "classification"),
    (EmbeddingTask::Clustering, "clustering"),
]);

/// What is sent where a request does not say what its vectors are for: Cohere wants to be told. Most texts are documents.
const USUAL_TASK: &str = "search_document";

/// The texts of one exchange at most (<https://docs.cohere.com/reference/embed>).
const TEXTS: usize = 96;

/// Where Cohere's models are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Embed {
    /// At Cohere.
    #[default]
    Cohere,
    /// On Amazon Bedrock, where the address names the model, and answers are numbers without being asked.
    Bedrock,
}

impl Embed {
    /// Where it stands below Cohere's address.
    pub const PATH: &'static str = "v2/embed";
}

impl EmbeddingCodec for Embed {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    fn batch(&self, _: &EmbeddingRequest) -> BatchLimits {
        BatchLimits::inputs(TEXTS)
    }

    fn encode(
        &self,
        request: &EmbeddingRequest,
        input: &[EmbeddingInput],
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        let model = embedding_model("cohere", request)?;
        let extra = embedding_extra(EMBEDDINGS, request, losses)?;
        let named = |key: &str| extra.is_some_and(|extra| extra.contains_key(key));
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        if *self == Self::Cohere {
            object.field("model", &model);
            if !named("embedding_types") {
                object.field("embedding_types", &["float"]);
            }
        }
        object.field("texts", &texts("cohere", input)?);
        object.field("input_type", &TASKS.write(EMBEDDINGS, request, losses)?.unwrap_or(USUAL_TASK));
        object.optional("output_dimension", request.dimensions);
        object.optional("truncate", request.truncate.and_then(truncate_word));
        if request.user.is_some() {
            losses.lose("`user`", "cohere has no such field")?;
        }
        if let Some(extra) = extra {
            collision("`extra`", extra.keys(), |key| {
                ["model", "texts", "input_type"].contains(&key)
                    || (key == "output_dimension" && request.dimensions.is_some())
                    || (key == "truncate" && request.truncate.is_some())
            })?;
            object.entries(extra);
        }
        drop(object);
        Ok(body)
    }

    fn decode(&self, _: &EmbeddingRequest, body: &[u8]) -> Result<EmbeddingResponse> {
        let answer: Answer<'_> = parse(body, "the answer")?;
        let Some(vectors) = answer.embeddings.into_vectors() else {
            return Err(nothing_found(body, "vectors of numbers"));
        };
        let usage = answer.meta.billed.input_tokens.0.map(|tokens| Usage::reported(tokens, 0));
        let mut read = EmbeddingResponse::new(vectors).with_usage(usage);
        read.request_id = answer.id.filled();
        read.raw = answer.raw;
        Ok(read)
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

impl EmbeddingServerCodec for Embed {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    fn decode_request(&self, _: &str, body: &[u8]) -> Result<EmbeddingRequest> {
        let mut fields = Fields::parse(body)?;
        let input = fields.texts("texts")?.ok_or_else(|| fields.place().missing("texts"))?;
        let mut request = EmbeddingRequest::new(input);
        request.origin = Some(EMBEDDINGS);
        request.model = fields.text("model")?.map(ModelName::new).transpose()?;
        request.task = fields.text("input_type")?.map(|word| TASKS.read(&word));
        request.dimensions = fields.count("output_dimension")?;
        request.truncate =
            fields.read("truncate", "`NONE`, `START` or `END`", |value| match value.as_str()? {
                "NONE" => Some(Truncate::Never),
                "START" => Some(Truncate::Start),
                "END" => Some(Truncate::End),
                _ => None,
            })?;
        // Numbers are what is asked for in any case.
        if fields.look("embedding_types").is_some_and(|types| *types == serde_json::json!(["float"])) {
            fields.any("embedding_types");
        }
        request.extra = fields.rest();
        Ok(request)
    }

    fn encode_response(
        &self,
        request: &EmbeddingRequest,
        answer: &EmbeddingResponse,
        _: &mut Losses,
    ) -> Result<Vec<u8>> {
        let texts: Option<Vec<_>> = request.input.iter().map(EmbeddingInput::as_text).collect();
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        object.field("id", &answer.request_id.as_deref().unwrap_or_default());
        object.optional("texts", texts);
        object.field("embeddings", &std::collections::BTreeMap::from([("float", &answer.embeddings)]));
        object.optional(
            "meta",
            answer.usage.map(|usage| {
                serde_json::json!({ "api_version": { "version": "2" }, "billed_units": { "input_tokens": usage.input_tokens } })
            }),
        );
        object.field("response_type", "embeddings_by_type");
        drop(object);
        Ok(body)
    }
}

fn truncate_word(truncate: Truncate) -> Option<&'static str> {
    match truncate {
        Truncate::Never => Some("NONE"),
        Truncate::Start => Some("START"),
        Truncate::End => Some("END"),
        _ => None,
    }
}

object! {
    #[derive(Debug, Default)]
    struct Answer<'a> {
        id: Text<'a> = "id",
        embeddings: Embeddings = "embeddings",
        meta: Meta<'a> = "meta",
    }
    // What was sent is not told again.
    known: "texts", "response_type";
    others: raw: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Meta<'a> {
        billed: Billed<'a> = "billed_units",
    }
    known: ;
    others: others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Billed<'a> {
        input_tokens: Number = "input_tokens",
    }
    known: ;
    others: others: Map<String, Value>;
}

/// The vectors: a list of them, or lists of them by the type of their numbers.
#[derive(Debug, Default)]
enum Embeddings {
    #[default]
    Nothing,
    List(Vec<Vector>),
    Types(Types),
}

/// Of the types, what can be read as numbers: each is asked for by its name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Types {
    float: Option<Vec<Vector>>,
    int8: Option<Vec<Vector>>,
    uint8: Option<Vec<Vector>>,
    base64: Option<Vec<Vector>>,
}

impl<'de> Deserialize<'de> for Embeddings {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        use serde::de::{
            MapAccess, SeqAccess, Visitor,
            value::{MapAccessDeserializer, SeqAccessDeserializer},
        };

        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Embeddings;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of vectors, or such lists by type")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> std::result::Result<Embeddings, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Embeddings::List)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Embeddings, A::Error> {
                Types::deserialize(MapAccessDeserializer::new(map)).map(Embeddings::Types)
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl Embeddings {
    fn into_vectors(self) -> Option<Vec<Vec<f32>>> {
        let vectors = match self {
            Self::Nothing => None,
            Self::List(list) => Some(list),
            Self::Types(types) => types.float.or(types.base64).or(types.int8).or(types.uint8),
        };
        vectors.map(|vectors| vectors.into_iter().map(|vector| vector.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::ErrorKind;

    use super::*;

    fn request() -> EmbeddingRequest {
        EmbeddingRequest::new(["a", "b"]).with_model(ModelName::new("m").unwrap())
    }

    fn written(codec: Embed, request: &EmbeddingRequest) -> Result<Value> {
        let body = codec.encode(request, &request.input, &mut Losses::refused())?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_request_says_what_it_is_for_at_both_addresses() {
        assert_eq!(
            written(Embed::Cohere, &request()).unwrap(),
            json!({ "model": "m", "texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"] })
        );
        let query =
            request().with_task(EmbeddingTask::Query).with_dimensions(8).with_truncate(Truncate::Start);
        assert_eq!(
            written(Embed::Bedrock, &query).unwrap(),
            json!({ "texts": ["a", "b"], "input_type": "search_query", "output_dimension": 8, "truncate": "START" })
        );
        let mut types = request();
        types.extra.insert("embedding_types".into(), json!(["int8"]));
        assert_eq!(written(Embed::Cohere, &types).unwrap()["embedding_types"], json!(["int8"]));
    }

    #[test]
    fn what_cohere_has_not_is_refused_by_name() {
        let mut named = request();
        named.user = Some("u".into());
        for (request, what) in [
            (named, "`user`"),
            (request().with_task(EmbeddingTask::Similarity), "the task `similarity`"),
            (EmbeddingRequest::new(["a"]), "no model"),
        ] {
            let error = written(Embed::Cohere, &request).unwrap_err();
            assert!(error.kind() == ErrorKind::Unsupported && error.message().contains(what), "{error}");
        }
    }

    #[test]
    fn requests_and_answers_are_read_and_written() {
        let body = json!({ "model": "m", "texts": ["a"], "input_type": "image", "embedding_types": ["float"],
            "max_tokens": 7, "truncate": "END" });
        let read = Embed::Cohere.decode_request("/v2/embed", body.to_string().as_bytes()).unwrap();
        assert_eq!(written(Embed::Cohere, &read).unwrap(), body);
        for (body, what) in [
            (json!({ "texts": 7 }), "`texts`"),
            (json!({}), "`texts` is missing"),
            (json!({ "texts": ["a"], "truncate": "MIDDLE" }), "`truncate`"),
        ] {
            let error = Embed::Cohere.decode_request("", body.to_string().as_bytes()).unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidRequest && error.message().contains(what), "{error}");
        }
        let mut answer = EmbeddingResponse::new(vec![vec![0.5, 1.0]]).with_usage(Some(Usage::reported(3, 0)));
        answer.request_id = Some("it".into());
        let body = Embed::Cohere.encode_response(&read, &answer, &mut Losses::refused()).unwrap();
        assert_eq!(Embed::Cohere.decode(&read, &body).unwrap(), answer);
    }

    #[test]
    fn an_answer_is_read_in_every_form_and_one_that_is_none_is_an_error() {
        let read = |body: Value| Embed::Cohere.decode(&request(), body.to_string().as_bytes());
        for body in [
            json!({ "embeddings": [[1, 2]] }),
            json!({ "embeddings": { "float": [[1, 2]], "ubinary": [[7]] } }),
            json!({ "embeddings": { "int8": [[1, 2]], "float": null } }),
            json!({ "embeddings": { "base64": ["AACAPwAAAEA="] } }),
        ] {
            assert_eq!(read(body.clone()).unwrap().embeddings, [[1.0, 2.0]], "{body}");
        }
        for (body, kind) in [
            (json!({ "message": "invalid request" }), ErrorKind::ServerError),
            (json!({ "embeddings": { "binary": [[1]] } }), ErrorKind::Undecodable),
            (json!({ "embeddings": { "float": [[null]] } }), ErrorKind::Undecodable),
            (json!({ "embeddings": null }), ErrorKind::Undecodable),
        ] {
            assert_eq!(read(body.clone()).unwrap_err().kind(), kind, "{body}");
        }
    }
}
