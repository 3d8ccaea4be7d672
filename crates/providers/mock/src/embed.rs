//! Vectors without a model, and a list of one model that is none.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{
    BuildContext, CallContext, Embedder, EmbedderRegistration, EmbeddingInput, EmbeddingRequest,
    EmbeddingResponse, ModelInfo, ModelLister, ModelListerRegistration, ModelName, Result, Usage,
    async_trait, register_embedder, register_model_lister,
};

use crate::{
    config::MockConfig,
    provider::{MockProvider, NAME, words},
};

/// Numbers of a vector, where a request names no other count.
const DIMENSIONS: u64 = 64;

/// The most numbers of a vector: what no model has is a mistake.
const MOST_DIMENSIONS: u64 = 65_536;

/// Makes vectors without a model, and says so: the answer's model is `mock`, or `mock:MODEL`.
///
/// A vector counts the words of its text in as many places as it has numbers, and has the length 1: equal texts have equal
/// vectors, and texts that share words have similar ones, which is enough to try a search. It takes the latency and the
/// failures of its settings as the chat does.
#[derive(Debug)]
pub struct MockEmbedder {
    mock: MockProvider,
}

impl MockEmbedder {
    /// A mock with these settings; `seed` holds where they set none.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong.
    pub fn new(config: MockConfig, seed: u64) -> Result<Self> {
        Ok(Self { mock: MockProvider::new(config, seed)? })
    }
}

#[async_trait]
impl Embedder for MockEmbedder {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn embed(&self, _: &CallContext, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        self.mock.attempt().await?;
        let dimensions = request.dimensions.unwrap_or(DIMENSIONS).clamp(1, MOST_DIMENSIONS);
        let vectors = request.input.iter().map(|input| vector(input, dimensions)).collect();
        let tokens = request.input.iter().map(|input| pieces(input).len() as u64).sum();
        let model = match request.model.as_ref().map(ModelName::as_str) {
            Some(model) if model != NAME => format!("{NAME}:{model}"),
            _ => NAME.to_owned(),
        };
        let answer = EmbeddingResponse::new(vectors).with_usage(Some(Usage::reported(tokens, 0)));
        Ok(answer.with_model(Some(model)))
    }
}

/// What is counted of an input: its words in lower case, or its tokens.
fn pieces(input: &EmbeddingInput) -> Vec<String> {
    match input {
        EmbeddingInput::Text(text) => words(text).map(|word| word.trim().to_lowercase()).collect(),
        EmbeddingInput::Tokens(tokens) => tokens.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the remainder is below the number of dimensions")]
fn vector(input: &EmbeddingInput, dimensions: u64) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions as usize];
    for piece in pieces(input) {
        let hash = hash(piece.trim_matches(|c: char| c.is_ascii_punctuation()).as_bytes());
        // Half of the words count down, so that two texts without a word in common have nothing in common.
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        vector[(hash % dimensions) as usize] += sign;
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        for number in &mut vector {
            *number /= length;
        }
    } else {
        // A text without a word, or one whose words cancel each other: no vector has no length.
        vector[0] = 1.0;
    }
    vector
}

/// FNV-1a, which is the same in every version (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>), with its bits mixed,
/// since its lowest ones alone are not.
fn hash(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Lists the mock as its only model.
#[derive(Clone, Copy, Debug, Default)]
pub struct MockModels;

#[async_trait]
impl ModelLister for MockModels {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn models(&self, _: &CallContext) -> Result<Vec<ModelInfo>> {
        let mut model = ModelInfo::new(NAME);
        model.display_name = Some("a mock, and no language model".into());
        Ok(vec![model])
    }
}

fn build_embedder(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Embedder>> {
    let config: MockConfig = context.parse(settings, MockConfig::FIELDS)?;
    Ok(Arc::new(MockEmbedder::new(config, context.seed)?))
}

fn build_lister(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn ModelLister>> {
    let _: MockConfig = context.parse(settings, MockConfig::FIELDS)?;
    Ok(Arc::new(MockModels))
}

register_embedder!(
    EmbedderRegistration::new(NAME, build_embedder)
        .summary("vectors without a model, and says so")
        .default_model(Some(NAME))
);

register_model_lister!(
    ModelListerRegistration::new(NAME, build_lister).summary("the mock, which is no model")
);
