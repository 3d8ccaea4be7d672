//! An embedder that asks the vendor's usual model where a request names none.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{CallContext, Embedder, EmbeddingRequest, EmbeddingResponse, EndpointId, ModelName, Result};

#[derive(Debug)]
pub(super) struct UsualModel {
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) model: ModelName,
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "what is added to the trait must be handed on here")]
impl Embedder for UsualModel {
    fn name(&self) -> &str {
        self.embedder.name()
    }

    fn endpoint(&self) -> Option<EndpointId> {
        self.embedder.endpoint()
    }

    async fn embed(&self, cx: &CallContext, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        match request.model {
            Some(_) => self.embedder.embed(cx, request).await,
            None => self.embedder.embed(cx, &request.clone().with_model(self.model.clone())).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuildContext, EmbedderRegistration, Lookup, Plugin, ProviderId, Registry};

    #[derive(Debug)]
    struct Echo;

    #[async_trait]
    impl Embedder for Echo {
        fn name(&self) -> &'static str {
            "echo"
        }

        async fn embed(&self, _: &CallContext, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
            let mut answer = EmbeddingResponse::new(Vec::new());
            answer.model = request.model.as_ref().map(ToString::to_string);
            Ok(answer)
        }
    }

    #[tokio::test]
    async fn the_usual_model_is_asked_where_the_request_names_none() {
        const ROWS: [EmbedderRegistration; 1] =
            [EmbedderRegistration::new("echo", |_, _, _| Ok(Arc::new(Echo))).default_model(Some("usual"))];
        let registry = Registry::builder().plugin(Plugin::Embedders(&ROWS)).unwrap().build();
        let context = BuildContext::new(ProviderId::new("mine").unwrap(), Lookup::empty());
        let embedder = registry.embedder("echo", serde_json::json!({}), &context).unwrap();
        let (cx, request) = (CallContext::new(), EmbeddingRequest::new(["a"]));
        assert_eq!(embedder.embed(&cx, &request).await.unwrap().model.as_deref(), Some("usual"));
        let request = request.with_model(ModelName::new("mine").unwrap());
        assert_eq!(embedder.embed(&cx, &request).await.unwrap().model.as_deref(), Some("mine"));
    }
}
