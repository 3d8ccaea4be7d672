//! Which models a provider has.

use std::{fmt, pin::Pin, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CallContext, EndpointId, Error, Result, Route};

/// A model, as its provider lists it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The name that requests ask for it by.
    pub id: String,
    /// Its name for people, where it has another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// When it was made, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// Who made it, in the provider's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owned_by: Option<String>,
    /// Tokens of request and answer together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// Tokens of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Fields that this version does not know, kept as they came.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub raw: Map<String, Value>,
}

impl ModelInfo {
    /// The model of that name.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

/// Lists the models of a provider.
#[async_trait]
pub trait ModelLister: fmt::Debug + Send + Sync + 'static {
    /// `gen_ai.provider.name`: the registered name of the GenAI conventions, or the vendor's own.
    fn name(&self) -> &str;

    /// Where it asks, and as whom; `None` where that is nowhere, or is nobody else's business.
    fn endpoint(&self) -> Option<EndpointId> {
        None
    }

    /// The models that the key may ask, in the provider's order. The deadline of `cx` holds for all pages together.
    async fn models(&self, cx: &CallContext) -> Result<Vec<ModelInfo>>;
}

// Written out, and not through the macro, so that the inner future is handed on and not boxed once more.
impl<L: ModelLister + ?Sized> ModelLister for Arc<L> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn endpoint(&self) -> Option<EndpointId> {
        (**self).endpoint()
    }

    fn models<'this, 'cx, 'call>(
        &'this self,
        cx: &'cx CallContext,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<ModelInfo>>> + Send + 'call>>
    where
        'this: 'call,
        'cx: 'call,
        Self: 'call,
    {
        (**self).models(cx)
    }
}

/// A protocol of model lists, as a transport wants it.
pub trait ModelListCodec: fmt::Debug + Send + Sync + 'static {
    /// The protocol's name.
    fn protocol(&self) -> &'static str;

    /// Where below its address the list stands. Default: the address itself.
    fn route(&self) -> Option<Route> {
        None
    }

    /// What stands after the question mark: of the first page, or of the one that `next` of the page before names. Default:
    /// nothing.
    fn query(&self, _: Option<&str>) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Reads a page of a status that says success; it may hold an error all the same.
    ///
    /// # Errors
    /// What the answer says, or `Undecodable`.
    fn decode(&self, body: &[u8]) -> Result<ModelPage>;

    /// What a status that says failure means, with the body that came with it.
    fn error(&self, status: u16, body: &[u8]) -> Error;
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelPage {
    /// Its models.
    pub models: Vec<ModelInfo>,
    /// What names the next page, where there is one.
    pub next: Option<String>,
}
