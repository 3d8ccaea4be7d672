//! Checks that an answer follows the schema that was asked for.
//!
//! Vendors promise structured output to different degrees, and where one has none it is asked for in words. So what comes is
//! checked here, the same for all of them: an answer that does not follow the schema is an error that lets another candidate
//! be asked. It is not asked again here, since nothing says that the same model would do better.
//!
//! A schema is compiled before anything is sent, so that what is no schema costs nothing. Nothing is ever fetched for it.

mod cache;
mod compiled;
mod form;
mod live;
mod patterns;
mod spread;
mod steps;

use std::{pin::Pin, sync::Arc};

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, Delivery, EndpointId, Error, ErrorKind, Field, Layer,
    LayerContext, LayerRegistration, ModelName, Provider, Result, Slot, register_layer,
};

use form::Form;

use crate::shared::nested::orchestrates;

register_layer!(
    LayerRegistration::new("schema", build)
        .slot(Slot::Check)
        .fields(SchemaConfig::FIELDS)
        .summary("checks that an answer follows the schema that was asked for")
);

fn build(settings: Value, context: &LayerContext<'_>) -> Result<Option<Arc<dyn Layer>>> {
    let config: SchemaConfig = context.parse(settings, SchemaConfig::FIELDS)?;
    Ok(Some(Arc::new(SchemaLayer::new(config)?)))
}

/// How long an answer may be that is checked. The schema is the request's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SchemaConfig {
    /// Most bytes of one answer's text that are kept for the check; a longer one is an error. Default: 16,777,216, thirty times
    /// what the longest answers of 131,072 tokens have.
    pub max_answer_bytes: usize,
}

impl Default for SchemaConfig {
    fn default() -> Self {
        Self { max_answer_bytes: 16 << 20 }
    }
}

impl SchemaConfig {
    /// Every setting, for help texts and settings files.
    pub const FIELDS: &'static [Field] = &[Field {
        name: "max_answer_bytes",
        doc: "Most bytes of an answer that are kept for the check; a longer one is an error. Default: 16777216.",
    }];
}

/// The layer `schema`. Around an orchestrator it does nothing, since each of the candidates in there has one.
#[derive(Clone, Copy, Debug)]
pub struct SchemaLayer {
    config: SchemaConfig,
}

impl SchemaLayer {
    /// A layer with another bound.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong.
    pub fn new(config: SchemaConfig) -> Result<Self> {
        if config.max_answer_bytes == 0 {
            return Err(Error::new(ErrorKind::Config, "`max_answer_bytes` is 0: it must be at least 1"));
        }
        Ok(Self { config })
    }
}

impl Default for SchemaLayer {
    fn default() -> Self {
        Self::new(SchemaConfig::default()).expect("the default is not 0")
    }
}

impl Layer for SchemaLayer {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        let orchestrates = orchestrates(&*inner);
        Arc::new(Checked { inner, orchestrates, config: self.config })
    }
}

/// A provider whose answers are checked.
#[derive(Debug)]
struct Checked {
    inner: Arc<dyn Provider>,
    orchestrates: bool,
    config: SchemaConfig,
}

#[deny(clippy::missing_trait_methods)]
impl Provider for Checked {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.inner.capabilities(model)
    }

    fn endpoint(&self) -> Option<EndpointId> {
        self.inner.endpoint()
    }

    // Written out, so that the future of a call without a schema is handed on and not boxed once more.
    fn chat<'this, 'cx, 'call>(
        &'this self,
        cx: &'cx CallContext,
        request: Arc<ChatRequest>,
    ) -> Pin<Box<dyn Future<Output = Result<ChatReply>> + Send + 'call>>
    where
        'this: 'call,
        'cx: 'call,
        Self: 'call,
    {
        match request.response_format {
            Some(_) if !self.orchestrates => Box::pin(self.checked(cx, request)),
            _ => self.inner.chat(cx, request),
        }
    }
}

impl Checked {
    async fn checked(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let Some(form) = Form::of(&request, self.config)? else { return self.inner.chat(cx, request).await };
        let delivery = request.delivery;
        let reply = self.inner.chat(cx, request).await?;
        if reply.is_live() && delivery == Delivery::Live {
            return Ok(ChatReply::live(live::Checked::new(reply.into_events(), form)));
        }
        let answer = reply.collect().await?;
        match form.check_all(&answer) {
            Ok(()) => Ok(ChatReply::whole(answer)),
            Err(error) => Err(error.with_partial(answer)),
        }
    }
}
