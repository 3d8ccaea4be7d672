//! Embeddings by `InvokeModel` (`POST /model/{id}/invoke`), both ways: each maker's models have a form of their own.

use serde::Serialize;
use serde_json::{Map, Value, json};
use ultraai_core::{
    BatchLimits, EmbeddingCodec, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, EmbeddingServerCodec,
    EmbeddingTask, Error, ErrorKind, Losses, ModelName, Result, Route, Truncate, Usage,
};
use ultraai_protocol_common::{
    Fields, Number, ObjectWriter, TaskWords, Unknown, Vector, collision, decode_error, embedding_extra,
    embedding_model, nothing_found, object, parse, texts,
};

/// The protocol's name, as in `EmbeddingRequest::origin`.
const EMBEDDINGS: &str = "bedrock-embeddings";

/// The words of Nova's `embeddingPurpose`
/// (<https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html>).
const PURPOSES: TaskWords = TaskWords(&[
    (EmbeddingTask::Query, "GENERIC_RETRIEVAL"),
    (EmbeddingTask::Document, "GENERIC_INDEX"),
    (EmbeddingTask::Classification, "CLASSIFICATION"),
    (EmbeddingTask::Clustering, "CLUSTERING"),
]);

/// Embeddings of the models of Amazon (Titan, Nova) and Cohere on Amazon Bedrock.
///
/// Cohere's models speak Cohere's own form there, so that its codec is given: protocols do not know each other.
#[derive(Clone, Copy, Debug)]
pub struct InvokeEmbeddings<C>(pub C);

/// Whose form a model speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Titan: one text at once; the first of them makes vectors of one length.
    Titan { dimensions: bool },
    /// Nova: one text at once.
    Nova,
    /// Cohere: many at once.
    Cohere,
}

impl Family {
    /// The family of a model's id, an inference profile's or an address's.
    fn of(model: &str) -> Option<Self> {
        if model.contains("cohere.embed") {
            Some(Self::Cohere)
        } else if model.contains("titan-embed") {
            let first = ["titan-embed-text-v1", "titan-embed-g1"];
            Some(Self::Titan { dimensions: !first.iter().any(|name| model.contains(name)) })
        } else {
            (model.contains("nova") && model.contains("embeddings")).then_some(Self::Nova)
        }
    }

    fn needed(request: &EmbeddingRequest) -> Result<Self> {
        let model = embedding_model("bedrock", request)?;
        Self::of(model.as_str()).ok_or_else(|| {
            let message = "the model is none of embeddings that is known on bedrock: name one of Titan, Nova or Cohere by its id";
            Error::new(ErrorKind::Unsupported, message)
        })
    }
}

impl<C: EmbeddingCodec> EmbeddingCodec for InvokeEmbeddings<C> {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    fn batch(&self, request: &EmbeddingRequest) -> BatchLimits {
        match Family::needed(request) {
            Ok(Family::Cohere) => self.0.batch(request),
            _ => BatchLimits::inputs(1),
        }
    }

    fn route(&self, request: &EmbeddingRequest) -> Option<Route> {
        // An id may be an address with slashes in it, which belong to the one segment.
        let model = request.model.as_ref()?.as_str().replace('/', "%2F");
        Some(Route { path: format!("model/{model}/invoke"), query: None })
    }

    fn usage_header(&self) -> Option<&'static str> {
        Some("x-amzn-bedrock-input-token-count")
    }

    fn encode(
        &self,
        request: &EmbeddingRequest,
        input: &[EmbeddingInput],
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        let family = Family::needed(request)?;
        if family == Family::Cohere {
            // What was decoded here of Cohere's form is Cohere's. The inputs are not copied: they are given apart.
            let mut own = EmbeddingRequest::default();
            own.model.clone_from(&request.model);
            own.task.clone_from(&request.task);
            own.user.clone_from(&request.user);
            own.extra.clone_from(&request.extra);
            (own.dimensions, own.truncate) = (request.dimensions, request.truncate);
            own.origin = match request.origin {
                Some(EMBEDDINGS) => Some(self.0.protocol()),
                origin => origin,
            };
            return self.0.encode(&own, input, losses);
        }
        let texts = texts("bedrock", input)?;
        let text = texts.first().copied().unwrap_or_default();
        if request.user.is_some() {
            losses.lose("`user`", "bedrock has no such field")?;
        }
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        match family {
            Family::Titan { dimensions } => titan(request, text, dimensions, &mut object, losses)?,
            _ => nova(request, text, &mut object, losses)?,
        }
        if let Some(extra) = embedding_extra(EMBEDDINGS, request, losses)? {
            collision("`extra`", extra.keys(), |key| {
                ["inputText", "taskType", "singleEmbeddingParams"].contains(&key)
                    || (key == "dimensions" && request.dimensions.is_some())
            })?;
            object.entries(extra);
        }
        drop(object);
        Ok(body)
    }

    fn decode(&self, request: &EmbeddingRequest, body: &[u8]) -> Result<EmbeddingResponse> {
        if request.model.as_ref().and_then(|model| Family::of(model.as_str())) == Some(Family::Cohere) {
            return self.0.decode(request, body);
        }
        let answer: Answer<'_> = parse(body, "the answer")?;
        let vectors = match (answer.embedding, answer.embeddings) {
            (Some(vector), _) => vec![vector.0],
            (None, Some(all)) => all.into_iter().map(|entry| entry.embedding.0).collect(),
            (None, None) => return Err(nothing_found(body, "vectors")),
        };
        let usage = answer.tokens.0.map(|tokens| Usage::reported(tokens, 0));
        let mut read = EmbeddingResponse::new(vectors).with_usage(usage);
        read.raw = answer.raw;
        Ok(read)
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

impl<C: EmbeddingServerCodec> EmbeddingServerCodec for InvokeEmbeddings<C> {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    /// Reads a request of Titan's or Cohere's form; the path names the model.
    fn decode_request(&self, path: &str, body: &[u8]) -> Result<EmbeddingRequest> {
        let model = model_of(path).map(ModelName::new).transpose()?;
        let mut request = match Fields::parse(body)? {
            fields if fields.has("texts") => self.0.decode_request(path, body)?,
            mut fields => {
                let mut request = EmbeddingRequest::new([fields.needed_text("inputText")?]);
                request.dimensions = fields.count("dimensions")?;
                request.extra = fields.rest();
                request
            }
        };
        request.model = model.or(request.model);
        request.origin = Some(EMBEDDINGS);
        Ok(request)
    }

    fn encode_response(
        &self,
        request: &EmbeddingRequest,
        answer: &EmbeddingResponse,
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        if request.model.as_ref().and_then(|model| Family::of(model.as_str())) == Some(Family::Cohere) {
            return self.0.encode_response(request, answer, losses);
        }
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        object.optional("embedding", answer.embeddings.first());
        object.optional("inputTextTokenCount", answer.usage.map(|usage| usage.input_tokens));
        drop(object);
        Ok(body)
    }
}

/// Writes a request of Titan's form
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>).
fn titan(
    request: &EmbeddingRequest,
    text: &str,
    dimensions: bool,
    object: &mut ObjectWriter<'_>,
    losses: &mut Losses,
) -> Result<()> {
    object.field("inputText", &text);
    match request.dimensions {
        Some(_) if !dimensions => losses.lose("`dimensions`", "the model makes vectors of one length")?,
        wanted => object.optional("dimensions", wanted),
    }
    if let Some(task) = &request.task {
        losses.lose(&format!("the task `{}`", task.as_str()), "titan cannot be told what vectors are for")?;
    }
    match request.truncate {
        // It refuses what is too long.
        None | Some(Truncate::Never) => Ok(()),
        Some(_) => losses.lose("`truncate`", "titan refuses texts that are too long"),
    }
}

/// Writes a request of Nova's form; one that does not say what its vectors are for is about documents.
fn nova(
    request: &EmbeddingRequest,
    text: &str,
    object: &mut ObjectWriter<'_>,
    losses: &mut Losses,
) -> Result<()> {
    object.field("taskType", "SINGLE_EMBEDDING");
    let truncate = match request.truncate {
        Some(Truncate::Start) => "START",
        Some(Truncate::End) => "END",
        _ => "NONE",
    };
    let params = NovaParams {
        purpose: PURPOSES.write(EMBEDDINGS, request, losses)?.unwrap_or("GENERIC_INDEX"),
        dimension: request.dimensions,
        text: json!({ "truncationMode": truncate, "value": text }),
    };
    object.field("singleEmbeddingParams", &params);
    Ok(())
}

#[derive(Serialize)]
struct NovaParams<'a> {
    #[serde(rename = "embeddingPurpose")]
    purpose: &'a str,
    #[serde(rename = "embeddingDimension", skip_serializing_if = "Option::is_none")]
    dimension: Option<u64>,
    text: Value,
}

/// The model that a path such as `/model/amazon.titan-embed-text-v2%3A0/invoke` names.
fn model_of(path: &str) -> Option<String> {
    let (_, rest) = path.split('?').next()?.split_once("model/")?;
    let (model, _) = rest.split_once('/')?;
    let mut pieces = model.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().filter(|model| !model.is_empty())
}

object! {
    #[derive(Debug, Default)]
    struct Answer<'a> {
        embedding: Option<Vector> = "embedding",
        embeddings: Option<Vec<Entry<'a>>> = "embeddings",
        tokens: Number = "inputTextTokenCount",
    }
    // The same vector once more.
    known: "embeddingsByType";
    others: raw: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Entry<'a> {
        embedding: Vector = "embedding",
    }
    known: "embeddingType";
    others: others: Unknown;
}

#[cfg(test)]
mod tests {
    use ultraai_protocol_cohere::Embed;

    use super::*;

    const CODEC: InvokeEmbeddings<Embed> = InvokeEmbeddings(Embed::Bedrock);

    fn request(model: &str) -> EmbeddingRequest {
        EmbeddingRequest::new(["a"]).with_model(ModelName::new(model).unwrap())
    }

    fn written(request: &EmbeddingRequest) -> Result<Value> {
        let body = CODEC.encode(request, &request.input, &mut Losses::refused())?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn each_makers_models_are_asked_in_their_form_and_batch() {
        for (model, batch, expected) in [
            ("amazon.titan-embed-text-v2:0", 1, json!({ "inputText": "a", "dimensions": 256 })),
            (
                "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.cohere.embed-v4:0",
                96,
                json!({ "texts": ["a"], "input_type": "search_document", "output_dimension": 256 }),
            ),
            (
                "amazon.nova-2-multimodal-embeddings-v1:0",
                1,
                json!({ "taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": { "embeddingPurpose": "GENERIC_INDEX",
                    "embeddingDimension": 256, "text": { "value": "a", "truncationMode": "NONE" } } }),
            ),
        ] {
            let request = request(model).with_dimensions(256);
            assert_eq!(written(&request).unwrap(), expected, "{model}");
            assert_eq!(CODEC.batch(&request), BatchLimits::inputs(batch), "{model}");
        }
        let route = CODEC.route(&request("amazon.titan-embed-text-v2:0")).unwrap();
        assert_eq!(route.path, "model/amazon.titan-embed-text-v2:0/invoke");
    }

    #[test]
    fn what_a_model_has_not_is_refused_by_name() {
        let mut named = request("amazon.nova-2-multimodal-embeddings-v1:0");
        named.user = Some("u".into());
        for (request, what) in [
            (named, "`user`"),
            (request("amazon.titan-embed-text-v1").with_dimensions(8), "`dimensions`"),
            (request("amazon.titan-embed-text-v2:0").with_task(EmbeddingTask::Query), "the task `query`"),
            (request("amazon.titan-embed-text-v2:0").with_truncate(Truncate::End), "`truncate`"),
            (request("anthropic.claude-x"), "none of embeddings"),
        ] {
            let error = written(&request).unwrap_err();
            assert!(error.kind() == ErrorKind::Unsupported && error.message().contains(what), "{error}");
        }
    }

    #[test]
    fn a_request_is_read_with_the_model_of_its_path() {
        for (path, body) in [
            (
                "/model/amazon.titan-embed-text-v2%3A0/invoke",
                json!({ "inputText": "a", "dimensions": 256, "normalize": true }),
            ),
            (
                "/model/us.cohere.embed-v4%3A0/invoke",
                json!({ "texts": ["a"], "input_type": "clustering", "truncate": "NONE", "novel": 7 }),
            ),
        ] {
            let read = CODEC.decode_request(path, body.to_string().as_bytes()).unwrap();
            assert!(read.model.as_ref().unwrap().as_str().ends_with(":0"), "{read:?}");
            assert_eq!(written(&read).unwrap(), body);
            let answer = EmbeddingResponse::new(vec![vec![0.5]]).with_usage(Some(Usage::reported(3, 0)));
            let body = CODEC.encode_response(&read, &answer, &mut Losses::refused()).unwrap();
            assert_eq!(CODEC.decode(&read, &body).unwrap().embeddings, answer.embeddings);
        }
        assert!(CODEC.decode_request("/", b"{}").is_err());
    }
}
