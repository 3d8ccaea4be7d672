//! Texts as vectors: what is asked, what is answered, and who answers.

use std::{fmt, pin::Pin, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CallContext, EndpointId, ModelName, Result, Usage};

/// A request for the vectors of some inputs, one each.
///
/// Fields that are `None` or empty are left to the provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EmbeddingRequest {
    /// What is embedded, in the order of the vectors.
    pub input: Vec<EmbeddingInput>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// How many numbers a vector has, for models that can make shorter ones. Default: the model's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u64>,
    /// What the vectors are for. Models that were trained for it make others of a question than of a text that may answer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<EmbeddingTask>,
    /// What becomes of an input that is longer than the model reads. Default: the vendor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate: Option<Truncate>,
    /// How the answer writes vectors, where the caller of a server says it. Who asks a provider gets numbers in any case, and
    /// no provider is sent this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<VectorFormat>,
    /// The end user, by a name that says nothing about them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Fields that this version does not know, sent as they are.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// The protocol that it was decoded from; `None` where the user wrote it. Other protocols do not guess what its `extra`
    /// means.
    #[serde(skip)]
    pub origin: Option<&'static str>,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EmbeddingInput {
    /// A text.
    Text(String),
    /// A text in the numbers of the model's own vocabulary, which one vendor takes.
    Tokens(Vec<u32>),
}

impl EmbeddingInput {
    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Tokens(_) => None,
        }
    }
}

impl<T: Into<String>> From<T> for EmbeddingInput {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// What vectors are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EmbeddingTask {
    /// A question that documents are looked up for.
    Query,
    /// A document that is looked up.
    Document,
    /// Telling how alike two texts are.
    Similarity,
    /// Sorting texts into classes.
    Classification,
    /// Finding groups among texts.
    Clustering,
    /// A question that a document answers.
    QuestionAnswering,
    /// A statement that a document proves or disproves.
    FactVerification,
    /// A question that code is looked up for.
    CodeQuery,
    /// A word of a vendor that this version does not know.
    Other(String),
}

impl EmbeddingTask {
    /// The tasks that several vendors know.
    pub const KNOWN: &'static [Self] = &[
        Self::Query,
        Self::Document,
        Self::Similarity,
        Self::Classification,
        Self::Clustering,
        Self::QuestionAnswering,
        Self::FactVerification,
        Self::CodeQuery,
    ];

    /// Its word, as in JSON; a vendor's own as it is.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Query => "query",
            Self::Document => "document",
            Self::Similarity => "similarity",
            Self::Classification => "classification",
            Self::Clustering => "clustering",
            Self::QuestionAnswering => "question_answering",
            Self::FactVerification => "fact_verification",
            Self::CodeQuery => "code_query",
            Self::Other(word) => word,
        }
    }

    /// The task of that word; one that is not known is kept.
    pub fn of(word: &str) -> Self {
        let known = Self::KNOWN.iter().find(|task| task.as_str() == word);
        known.cloned().unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

/// What becomes of an input that is longer than the model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Truncate {
    /// It is refused.
    Never,
    /// Its start is cut off.
    Start,
    /// Its end is cut off.
    End,
}

/// How an answer writes vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VectorFormat {
    /// A list of numbers.
    Float,
    /// The bytes of the numbers, little-endian and 32 bits each, in base64.
    Base64,
}

impl EmbeddingRequest {
    /// A request for the vectors of some texts.
    pub fn new(input: impl IntoIterator<Item = impl Into<EmbeddingInput>>) -> Self {
        Self { input: input.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Sets the model.
    #[must_use]
    pub fn with_model(mut self, model: ModelName) -> Self {
        self.model = Some(model);
        self
    }

    /// Sets how many numbers a vector has.
    #[must_use]
    pub fn with_dimensions(mut self, dimensions: u64) -> Self {
        self.dimensions = Some(dimensions);
        self
    }

    /// Sets what the vectors are for.
    #[must_use]
    pub fn with_task(mut self, task: EmbeddingTask) -> Self {
        self.task = Some(task);
        self
    }

    /// Sets what becomes of an input that is too long.
    #[must_use]
    pub fn with_truncate(mut self, truncate: Truncate) -> Self {
        self.truncate = Some(truncate);
        self
    }
}

/// The vectors of some inputs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EmbeddingResponse {
    /// The model that answered, in the provider's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A vector for each input, in the order of the inputs.
    pub embeddings: Vec<Vec<f32>>,
    /// What it used, of all exchanges together; `None` where one of them did not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The provider's own id of the exchange, of the first one where there were several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Fields that this version does not know, kept as they came, of the first exchange where there were several.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub raw: Map<String, Value>,
}

impl EmbeddingResponse {
    /// An answer of these vectors.
    pub fn new(embeddings: Vec<Vec<f32>>) -> Self {
        Self { embeddings, ..Self::default() }
    }

    /// Sets the usage.
    #[must_use]
    pub fn with_usage(mut self, usage: Option<Usage>) -> Self {
        self.usage = usage;
        self
    }

    /// Sets the model.
    #[must_use]
    pub fn with_model(mut self, model: Option<String>) -> Self {
        self.model = model;
        self
    }

    /// Adds the answer of a further exchange behind this one.
    #[must_use]
    pub fn followed_by(mut self, next: Self) -> Self {
        self.embeddings.extend(next.embeddings);
        self.usage = self.usage.zip(next.usage).map(|(before, next)| Usage {
            input_tokens: before.input_tokens.saturating_add(next.input_tokens),
            output_tokens: before.output_tokens.saturating_add(next.output_tokens),
            ..before
        });
        self.model = self.model.or(next.model);
        self.request_id = self.request_id.or(next.request_id);
        self
    }
}

/// Makes vectors of texts. Retrying is nobody's work but the caller's.
#[async_trait]
pub trait Embedder: fmt::Debug + Send + Sync + 'static {
    /// `gen_ai.provider.name`: the registered name of the GenAI conventions, or the vendor's own.
    fn name(&self) -> &str;

    /// Where it sends, and as whom; `None` where that is nowhere, or is nobody else's business.
    fn endpoint(&self) -> Option<EndpointId> {
        None
    }

    /// Makes a vector of each input, in their order.
    ///
    /// More inputs than the vendor takes at once go in several exchanges, one after the other; when one of them fails, all
    /// has failed. What the vendor cannot be sent is `Unsupported`, never dropped in silence. The deadline of `cx` holds for
    /// all of it.
    async fn embed(&self, cx: &CallContext, request: &EmbeddingRequest) -> Result<EmbeddingResponse>;
}

// Written out, and not through the macro, so that the inner future is handed on and not boxed once more.
impl<E: Embedder + ?Sized> Embedder for Arc<E> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn endpoint(&self) -> Option<EndpointId> {
        (**self).endpoint()
    }

    fn embed<'this, 'cx, 'request, 'call>(
        &'this self,
        cx: &'cx CallContext,
        request: &'request EmbeddingRequest,
    ) -> Pin<Box<dyn Future<Output = Result<EmbeddingResponse>> + Send + 'call>>
    where
        'this: 'call,
        'cx: 'call,
        'request: 'call,
        Self: 'call,
    {
        (**self).embed(cx, request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_follow_each_other_in_order_and_their_usage_adds_up() {
        let one = EmbeddingResponse::new(vec![vec![1.0]]).with_usage(Some(Usage::reported(3, 0)));
        let two = EmbeddingResponse::new(vec![vec![2.0], vec![3.0]]).with_usage(Some(Usage::reported(4, 0)));
        let both = one.clone().followed_by(two);
        assert_eq!(both.embeddings, [[1.0], [2.0], [3.0]]);
        assert_eq!(both.usage, Some(Usage::reported(7, 0)));
        assert_eq!(one.followed_by(EmbeddingResponse::default()).usage, None);
    }

    #[test]
    fn a_task_is_known_by_its_word_and_others_are_kept() {
        for task in EmbeddingTask::KNOWN {
            assert_eq!(EmbeddingTask::of(task.as_str()), *task);
            assert_eq!(serde_json::to_value(task).unwrap(), task.as_str());
        }
        assert_eq!(EmbeddingTask::of("image"), EmbeddingTask::Other("image".into()));
    }
}
