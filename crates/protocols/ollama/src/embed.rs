//! Embeddings (`POST /api/embed`), both ways.

use serde_json::{Map, Value};
use ultraai_core::{
    BatchLimits, EmbeddingCodec, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, EmbeddingServerCodec,
    Error, Losses, ModelName, Result, Truncate, Usage,
};
use ultraai_protocol_common::{
    Fields, Number, ObjectWriter, Text, Vector, collision, embedding_extra, embedding_model, is_fault,
    nothing_found, object, parse, texts,
};

use crate::{Defaults, OLLAMA, decode_error, fault::in_band};

/// The protocol's name, as in `EmbeddingRequest::origin`.
const EMBEDDINGS: &str = "ollama-embeddings";

/// `POST /api/embed`.
#[derive(Clone, Debug, Default)]
pub struct Embed {
    defaults: Defaults,
}

impl Embed {
    /// Where it stands below the address of a server.
    pub const PATH: &'static str = "api/embed";

    /// The protocol with what is sent where a request does not say it.
    pub fn new(defaults: Defaults) -> Self {
        Self { defaults }
    }

    /// The options: the request's, and the length of context where they name none.
    fn options(&self, extra: Option<&Map<String, Value>>) -> Option<Value> {
        let mut options = extra.and_then(|extra| extra.get("options")).cloned();
        if let Some(num_ctx) = self.defaults.num_ctx
            && let Value::Object(map) = options.get_or_insert_with(|| Map::new().into())
        {
            map.entry("num_ctx").or_insert_with(|| num_ctx.into());
        }
        options
    }

    fn truncate(&self, request: &EmbeddingRequest, losses: &mut Losses) -> Result<Option<bool>> {
        match request.truncate {
            Some(Truncate::Never) => Ok(Some(false)),
            Some(Truncate::End) => Ok(Some(true)),
            Some(_) => {
                losses.lose("`truncate`", "ollama cuts off the end alone")?;
                Ok(None)
            }
            // Who speaks this protocol knows what the server does by itself: it cuts off, in silence.
            None if request.origin == Some(EMBEDDINGS) => Ok(None),
            None => Ok(Some(self.defaults.truncate)),
        }
    }
}

impl EmbeddingCodec for Embed {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    /// The server has no limit of its own; one exchange is kept to what it does in reasonable time.
    fn batch(&self, _: &EmbeddingRequest) -> BatchLimits {
        BatchLimits::inputs(256)
    }

    fn encode(
        &self,
        request: &EmbeddingRequest,
        input: &[EmbeddingInput],
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        object.field("model", &embedding_model(OLLAMA, request)?);
        object.field("input", &texts(OLLAMA, input)?);
        object.optional("dimensions", request.dimensions);
        object.optional("truncate", self.truncate(request, losses)?);
        if request.user.is_some() {
            losses.lose("`user`", "ollama has no such field")?;
        }
        if request.task.is_some() {
            losses.lose("`task`", "ollama has no such field: some models want it written before the text")?;
        }
        let extra = embedding_extra(EMBEDDINGS, request, losses)?;
        object.optional("options", self.options(extra));
        let own = extra.is_some_and(|extra| extra.contains_key("keep_alive"));
        object.optional("keep_alive", self.defaults.keep_alive.as_ref().filter(|_| !own));
        if let Some(extra) = extra {
            collision("`extra`", extra.keys(), |key| {
                ["model", "input", "dimensions", "truncate"].contains(&key)
            })?;
            extra
                .iter()
                .filter(|(key, _)| *key != "options")
                .for_each(|(key, value)| object.field(key, &value));
        }
        drop(object);
        Ok(body)
    }

    fn decode(&self, _: &EmbeddingRequest, body: &[u8]) -> Result<EmbeddingResponse> {
        let answer: Answer<'_> = parse(body, "the answer")?;
        if let Some(error) = answer.raw.get("error").filter(|error| is_fault(error)) {
            return Err(in_band(error));
        }
        let vectors = match (answer.embeddings, answer.embedding) {
            (Some(all), _) => all.into_iter().map(|vector| vector.0).collect(),
            // The older address answers one vector alone.
            (None, Some(vector)) => vec![vector.0],
            (None, None) => return Err(nothing_found(body, "vectors")),
        };
        let usage = answer.tokens.0.map(|tokens| Usage::reported(tokens, 0));
        let mut read = EmbeddingResponse::new(vectors).with_usage(usage).with_model(answer.model.filled());
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
        let input = fields.texts("input")?.ok_or_else(|| fields.place().missing("input"))?;
        let mut request = EmbeddingRequest::new(input);
        request.origin = Some(EMBEDDINGS);
        request.model = fields.text("model")?.map(ModelName::new).transpose()?;
        request.dimensions = fields.count("dimensions")?;
        let cut = fields.flag("truncate")?;
        request.truncate = cut.map(|cut| if cut { Truncate::End } else { Truncate::Never });
        request.extra = fields.rest();
        Ok(request)
    }

    fn encode_response(
        &self,
        request: &EmbeddingRequest,
        answer: &EmbeddingResponse,
        _: &mut Losses,
    ) -> Result<Vec<u8>> {
        let model = answer.model.as_deref().or(request.model.as_ref().map(ModelName::as_str));
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        object.field("model", &model.unwrap_or_default());
        object.field("embeddings", &answer.embeddings);
        object.optional("prompt_eval_count", answer.usage.map(|usage| usage.input_tokens));
        drop(object);
        Ok(body)
    }
}

object! {
    #[derive(Debug, Default)]
    struct Answer<'a> {
        model: Text<'a> = "model",
        embeddings: Option<Vec<Vector>> = "embeddings",
        embedding: Option<Vector> = "embedding",
        tokens: Number = "prompt_eval_count",
    }
    known: ;
    others: raw: Map<String, Value>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{EmbeddingTask, ErrorKind};

    use super::*;

    fn request() -> EmbeddingRequest {
        EmbeddingRequest::new(["a", "b"]).with_model(ModelName::new("m").unwrap())
    }

    fn written(codec: &Embed, request: &EmbeddingRequest) -> Result<Value> {
        let body = codec.encode(request, &request.input, &mut Losses::refused())?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn nothing_is_cut_off_in_silence_unless_the_settings_or_the_request_say_so() {
        let plain = Embed::default();
        assert_eq!(
            written(&plain, &request()).unwrap(),
            json!({ "model": "m", "input": ["a", "b"], "truncate": false })
        );
        let cut = request().with_truncate(Truncate::End).with_dimensions(8);
        assert_eq!(
            written(&plain, &cut).unwrap(),
            json!({ "model": "m", "input": ["a", "b"], "truncate": true, "dimensions": 8 })
        );
        let mut defaults = Defaults::default();
        (defaults.truncate, defaults.num_ctx) = (true, Some(512));
        defaults.keep_alive = Some("5m".into());
        let mut own = request();
        own.extra.insert("options".into(), json!({ "seed": 7 }));
        assert_eq!(
            written(&Embed::new(defaults.clone()), &own).unwrap(),
            json!({ "model": "m", "input": ["a", "b"], "truncate": true, "keep_alive": "5m",
                "options": { "num_ctx": 512, "seed": 7 } })
        );
        own.extra = Map::from_iter([("keep_alive".to_owned(), json!(0))]);
        assert_eq!(written(&Embed::new(defaults), &own).unwrap()["keep_alive"], 0);
    }

    #[test]
    fn what_ollama_has_not_is_refused_by_name() {
        let mut named = request();
        named.user = Some("u".into());
        for (request, what) in [
            (named, "`user`"),
            (request().with_task(EmbeddingTask::Query), "`task`"),
            (request().with_truncate(Truncate::Start), "`truncate`"),
            (EmbeddingRequest::new(["a"]), "no model"),
        ] {
            let error = written(&Embed::default(), &request).unwrap_err();
            assert!(error.kind() == ErrorKind::Unsupported && error.message().contains(what), "{error}");
        }
    }

    #[test]
    fn requests_and_answers_are_read_and_written() {
        let body =
            json!({ "model": "m", "input": "a", "truncate": true, "options": { "seed": 1 }, "novel": [7] });
        let read = Embed::default().decode_request("/api/embed", body.to_string().as_bytes()).unwrap();
        let mut again = body;
        again["input"] = json!(["a"]);
        assert_eq!(written(&Embed::default(), &read).unwrap(), again);
        let error = Embed::default().decode_request("", br#"{"input": [7]}"#).unwrap_err();
        assert!(error.message().contains("`input`"), "{error}");
        let answer = EmbeddingResponse::new(vec![vec![0.5, 1.0]]).with_usage(Some(Usage::reported(3, 0)));
        let answer = answer.with_model(Some("m".into()));
        let body = Embed::default().encode_response(&read, &answer, &mut Losses::refused()).unwrap();
        assert_eq!(Embed::default().decode(&read, &body).unwrap(), answer);
    }

    #[test]
    fn an_answer_that_is_none_is_an_error() {
        let read = |body: Value| Embed::default().decode(&request(), body.to_string().as_bytes());
        assert_eq!(read(json!({ "embedding": [1, 2] })).unwrap().embeddings, [[1.0, 2.0]]);
        for (body, kind) in [
            (json!({ "error": "server busy, please try again" }), ErrorKind::Overloaded),
            (json!({ "model": "m" }), ErrorKind::Undecodable),
            (json!({ "embeddings": [["x"]] }), ErrorKind::Undecodable),
        ] {
            assert_eq!(read(body.clone()).unwrap_err().kind(), kind, "{body}");
        }
    }
}
