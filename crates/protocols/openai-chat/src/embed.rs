//! Embeddings (`POST /embeddings`), both ways, in the dialects of those who follow OpenAI.

use serde::Serialize;
use serde_json::{Map, Value};
use ultraai_core::{
    BatchLimits, EmbeddingCodec, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, EmbeddingServerCodec,
    EmbeddingTask, Error, ErrorKind, Losses, ModelName, Result, Truncate, Usage, VectorFormat,
};
use ultraai_protocol_common::{
    Fields, Number, ObjectWriter, Place, TaskWords, Text, Unknown, Vector, collision, decode_error,
    embedding_extra, embedding_model, in_band, is_fault, nothing_found, object, parse, texts,
    vector_to_base64,
};

/// The protocol's name, as in `EmbeddingRequest::origin`.
pub const EMBEDDINGS: &str = "openai-embeddings";

/// What differs between the vendors that answer `POST /embeddings`. Write only what differs from
/// [`EmbeddingDialect::COMPATIBLE`].
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingDialect {
    /// The registered name of the provider.
    pub name: &'static str,
    /// The model that is asked where nobody names one.
    pub default_model: Option<&'static str>,
    /// How much goes in one exchange. Default: 100 inputs, which no vendor is known to refuse whose row says nothing else.
    pub batch: BatchLimits,
    /// Whether it is asked for base64, which is a quarter of the size of the numbers as text. Default: no.
    pub base64: bool,
    /// Whether it takes tokens for texts. Default: no.
    pub tokens: bool,
    /// Whether it takes `user`. Default: no.
    pub user: bool,
    /// The field of the number of dimensions. Default: `dimensions`.
    pub dimensions_field: &'static str,
    /// The words that `input_type` knows; none where there is no such field.
    pub tasks: TaskWords,
    /// How it is told what becomes of inputs that are too long.
    pub truncate: TruncateRule,
}

/// How a vendor is told what becomes of inputs that are too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TruncateRule {
    /// It cannot be told, and nothing says what it does.
    Unknown,
    /// It cannot be told, and refuses them.
    Refuses,
    /// `truncation`: whether their end is cut off.
    Flag,
    /// `truncate`: `NONE`, `START` or `END`.
    Word,
}

impl EmbeddingDialect {
    /// What those who follow OpenAI have in common.
    pub const COMPATIBLE: Self = Self {
        name: "compatible",
        default_model: None,
        batch: BatchLimits::inputs(100),
        base64: false,
        tokens: false,
        user: false,
        dimensions_field: "dimensions",
        tasks: TaskWords(&[]),
        truncate: TruncateRule::Unknown,
    };

    /// OpenAI itself: 2,048 inputs and 300,000 tokens at once
    /// (<https://platform.openai.com/docs/api-reference/embeddings/create>).
    pub const OPENAI: Self = Self {
        name: "openai",
        default_model: Some("text-embedding-3-small"),
        batch: BatchLimits { inputs: 2048, bytes: 300_000 },
        base64: true,
        tokens: true,
        user: true,
        truncate: TruncateRule::Refuses,
        ..Self::COMPATIBLE
    };

    /// Voyage's form: 1,000 inputs, and 120,000 tokens with the smallest of its models' limits
    /// (<https://docs.voyageai.com/reference/embeddings-api>).
    pub const VOYAGE: Self = Self {
        name: "voyage",
        default_model: Some("voyage-4"),
        batch: BatchLimits { inputs: 1000, bytes: 120_000 },
        base64: true,
        dimensions_field: "output_dimension",
        tasks: TaskWords(&[(EmbeddingTask::Query, "query"), (EmbeddingTask::Document, "document")]),
        truncate: TruncateRule::Flag,
        ..Self::COMPATIBLE
    };
}

/// `POST /embeddings` in one vendor's dialect.
#[derive(Clone, Copy, Debug)]
pub struct Embeddings(pub &'static EmbeddingDialect);

impl Embeddings {
    /// Where it stands below the address of a vendor.
    pub const PATH: &'static str = "embeddings";
}

impl EmbeddingCodec for Embeddings {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    fn batch(&self, _: &EmbeddingRequest) -> BatchLimits {
        self.0.batch
    }

    fn encode(
        &self,
        request: &EmbeddingRequest,
        input: &[EmbeddingInput],
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        let dialect = self.0;
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        object.field("model", &embedding_model(dialect.name, request)?);
        match dialect.tokens {
            true => object.field("input", &input.iter().map(Input).collect::<Vec<_>>()),
            false => object.field("input", &texts(dialect.name, input)?),
        }
        object.optional(dialect.dimensions_field, request.dimensions);
        if dialect.base64 {
            object.field("encoding_format", "base64");
        }
        match (&request.user, dialect.user) {
            (Some(_), false) => losses.lose("`user`", "the vendor has no such field")?,
            (user, _) => object.optional("user", user.as_deref()),
        }
        object.optional("input_type", dialect.tasks.write(EMBEDDINGS, request, losses)?);
        truncate(dialect.truncate, request.truncate, &mut object, losses)?;
        if let Some(extra) = embedding_extra(EMBEDDINGS, request, losses)? {
            collision("`extra`", extra.keys(), |key| {
                let written = ["model", "input", "encoding_format", dialect.dimensions_field].contains(&key);
                written || (key == "user" && request.user.is_some())
            })?;
            object.entries(extra);
        }
        drop(object);
        Ok(body)
    }

    fn decode(&self, _: &EmbeddingRequest, body: &[u8]) -> Result<EmbeddingResponse> {
        let answer: Answer<'_> = parse(body, "the answer")?;
        let mut raw = answer.raw;
        if let Some(error) = raw.get("error").filter(|error| is_fault(error)) {
            return Err(in_band(error));
        }
        let vectors = match (answer.data, answer.embedding) {
            (Some(data), _) => in_order(data),
            // Ollama's older address answers one vector alone.
            (None, Some(vector)) => vec![vector.0],
            (None, None) => return Err(nothing_found(body, "vectors")),
        };
        let usage = answer.usage.read();
        if !answer.usage.others.is_empty() {
            raw.insert("usage".into(), answer.usage.others.into());
        }
        let mut read = EmbeddingResponse::new(vectors).with_usage(usage).with_model(answer.model.filled());
        read.request_id = answer.id.filled();
        read.raw = raw;
        Ok(read)
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

impl EmbeddingServerCodec for Embeddings {
    fn protocol(&self) -> &'static str {
        EMBEDDINGS
    }

    fn decode_request(&self, _: &str, body: &[u8]) -> Result<EmbeddingRequest> {
        let dialect = self.0;
        let mut fields = Fields::parse(body)?;
        let mut request = EmbeddingRequest::default();
        request.origin = Some(EMBEDDINGS);
        request.model = fields.model()?;
        let place = fields.place().field("input");
        let input = fields.any("input").ok_or_else(|| fields.place().missing("input"))?;
        request.input = read_input(input, dialect.batch.inputs, &place)?;
        request.dimensions = fields.count(dialect.dimensions_field)?;
        request.user = fields.text("user")?;
        request.format =
            fields.read("encoding_format", "`float` or `base64`", |value| match value.as_str()? {
                "float" => Some(VectorFormat::Float),
                "base64" => Some(VectorFormat::Base64),
                _ => None,
            })?;
        if !dialect.tasks.0.is_empty() {
            request.task = fields.text("input_type")?.map(|word| dialect.tasks.read(&word));
        }
        request.truncate = read_truncate(dialect.truncate, &mut fields)?;
        request.extra = fields.rest();
        Ok(request)
    }

    fn encode_response(
        &self,
        request: &EmbeddingRequest,
        answer: &EmbeddingResponse,
        _: &mut Losses,
    ) -> Result<Vec<u8>> {
        let base64 = request.format == Some(VectorFormat::Base64);
        let entries = answer.embeddings.iter().enumerate().map(|(index, vector)| Written {
            object: "embedding",
            index,
            embedding: match base64 {
                true => Numbers::Base64(vector_to_base64(vector)),
                false => Numbers::Float(vector),
            },
        });
        let model = answer.model.as_deref().or(request.model.as_ref().map(ModelName::as_str));
        let tokens = answer.usage.map_or(0, |usage| usage.input_tokens);
        let mut body = Vec::new();
        let mut object = ObjectWriter::new(&mut body);
        object.field("object", "list");
        object.field("data", &entries.collect::<Vec<_>>());
        object.field("model", &model.unwrap_or_default());
        object
            .field("usage", &Map::from_iter([tally("prompt_tokens", tokens), tally("total_tokens", tokens)]));
        drop(object);
        Ok(body)
    }
}

fn tally(name: &str, tokens: u64) -> (String, Value) {
    (name.to_owned(), tokens.into())
}

object! {
    #[derive(Debug, Default)]
    struct Answer<'a> {
        id: Text<'a> = "id",
        data: Option<Vec<Entry<'a>>> = "data",
        embedding: Option<Vector> = "embedding",
        model: Text<'a> = "model",
        usage: UsageBody<'a> = "usage",
    }
    known: "object";
    others: raw: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Entry<'a> {
        index: Number = "index",
        embedding: Vector = "embedding",
    }
    known: "object";
    others: others: Unknown;
}

object! {
    #[derive(Debug, Default)]
    struct UsageBody<'a> {
        prompt_tokens: Number = "prompt_tokens",
        total_tokens: Number = "total_tokens",
    }
    known: "completion_tokens";
    others: others: Map<String, Value>;
}

impl UsageBody<'_> {
    /// The usage. Voyage counts the total alone; an answer holds no tokens.
    fn read(&self) -> Option<Usage> {
        self.prompt_tokens.0.or(self.total_tokens.0).map(|tokens| Usage::reported(tokens, 0))
    }
}

/// The vectors in the order of their inputs, which every entry names; as they came where one names none.
fn in_order(mut data: Vec<Entry<'_>>) -> Vec<Vec<f32>> {
    if data.iter().all(|entry| entry.index.0.is_some()) {
        data.sort_by_key(|entry| entry.index.0);
    }
    data.into_iter().map(|entry| entry.embedding.0).collect()
}

/// An input as it is sent.
struct Input<'a>(&'a EmbeddingInput);

impl Serialize for Input<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            EmbeddingInput::Text(text) => serializer.serialize_str(text),
            EmbeddingInput::Tokens(tokens) => tokens.serialize(serializer),
            _ => Err(serde::ser::Error::custom("an input of a kind that this version does not know")),
        }
    }
}

/// An entry as it is answered.
#[derive(Serialize)]
struct Written<'a> {
    object: &'static str,
    index: usize,
    embedding: Numbers<'a>,
}

enum Numbers<'a> {
    Float(&'a [f32]),
    Base64(String),
}

impl Serialize for Numbers<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Float(vector) => vector.serialize(serializer),
            Self::Base64(text) => serializer.serialize_str(text),
        }
    }
}

fn truncate(
    rule: TruncateRule,
    wanted: Option<Truncate>,
    object: &mut ObjectWriter<'_>,
    losses: &mut Losses,
) -> Result<()> {
    match (rule, wanted) {
        (_, None) | (TruncateRule::Refuses, Some(Truncate::Never)) => {}
        (TruncateRule::Flag, Some(wanted @ (Truncate::Never | Truncate::End))) => {
            object.field("truncation", &(wanted == Truncate::End));
        }
        (TruncateRule::Word, Some(Truncate::Never)) => object.field("truncate", "NONE"),
        (TruncateRule::Word, Some(Truncate::Start)) => object.field("truncate", "START"),
        (TruncateRule::Word, Some(Truncate::End)) => object.field("truncate", "END"),
        _ => losses.lose("`truncate`", "the vendor cannot be told that")?,
    }
    Ok(())
}

fn read_truncate(rule: TruncateRule, fields: &mut Fields<'_>) -> Result<Option<Truncate>> {
    match rule {
        TruncateRule::Flag => {
            let cut = fields.flag("truncation")?;
            Ok(cut.map(|cut| if cut { Truncate::End } else { Truncate::Never }))
        }
        TruncateRule::Word => fields.read("truncate", "`NONE`, `START` or `END`", |value| {
            match value.as_str()?.to_ascii_uppercase().as_str() {
                "NONE" => Some(Truncate::Never),
                "START" => Some(Truncate::Start),
                "END" => Some(Truncate::End),
                _ => None,
            }
        }),
        TruncateRule::Unknown | TruncateRule::Refuses => Ok(None),
    }
}

/// Reads a text, a list of texts, the tokens of one text, or a list of those.
/// Reads what vectors are wanted of, which is no more at once than the vendor itself takes.
fn read_input(value: Value, most: usize, place: &Place) -> Result<Vec<EmbeddingInput>> {
    let list = match value {
        Value::String(text) => return Ok(vec![EmbeddingInput::Text(text)]),
        Value::Array(list) if list.is_empty() => {
            return Err(Error::new(ErrorKind::InvalidRequest, format!("`{place}` is empty")));
        }
        Value::Array(list) => list,
        _ => return Err(place.wrong("a text, a list of texts, or tokens")),
    };
    if list.iter().all(Value::is_number) {
        return Ok(vec![EmbeddingInput::Tokens(read_tokens(&list, place)?)]);
    }
    if list.len() > most {
        let message = format!(
            "`{place}` has {} entries, and at most {most} are taken at once: send several requests",
            list.len()
        );
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let read = |(index, value)| match value {
        Value::String(text) => Ok(EmbeddingInput::Text(text)),
        Value::Array(tokens) => read_tokens(&tokens, &place.entry(index)).map(EmbeddingInput::Tokens),
        _ => Err(place.entry(index).wrong("a text or a list of tokens")),
    };
    list.into_iter().enumerate().map(read).collect()
}

fn read_tokens(list: &[Value], place: &Place) -> Result<Vec<u32>> {
    let token = |(index, value): (usize, &Value)| {
        let token = value.as_u64().and_then(|token| u32::try_from(token).ok());
        token.ok_or_else(|| place.entry(index).wrong("a token: a whole number from 0 up"))
    };
    list.iter().enumerate().map(token).collect()
}

#[cfg(test)]
mod tests;
