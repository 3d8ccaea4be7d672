//! Which protocol a model speaks: those of other vendors speak their own on Vertex AI too.

use std::sync::Arc;

use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, EndpointId, Error, ErrorKind, ModelName, Provider,
    Result, async_trait,
};

/// Providers at one address, by how the names of their models begin.
#[derive(Debug)]
pub(crate) struct Families {
    name: &'static str,
    families: Vec<(&'static str, Arc<dyn Provider>)>,
}

impl Families {
    /// The first one whose beginning a model's name has is asked.
    pub(crate) fn new(name: &'static str, families: Vec<(&'static str, Arc<dyn Provider>)>) -> Self {
        Self { name, families }
    }

    fn of(&self, model: &str) -> Option<&Arc<dyn Provider>> {
        let name = model.rsplit('/').next().unwrap_or(model);
        self.families.iter().find(|(beginning, _)| name.starts_with(beginning)).map(|(_, family)| family)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a method that core adds must be thought about here")]
impl Provider for Families {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.of(model.as_str()).map_or_else(Capabilities::default, |family| family.capabilities(model))
    }

    fn endpoint(&self) -> Option<EndpointId> {
        // All of them are at one address with one credential.
        self.families.first().and_then(|(_, family)| family.endpoint())
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let model = request.model.as_ref().map_or("", ModelName::as_str);
        match self.of(model) {
            Some(family) => family.chat(cx, request).await,
            None => {
                let message = "the model is of no family that Vertex AI is spoken to for here";
                Err(Error::new(ErrorKind::Unsupported, message).unsent())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A provider whose name says which one it is.
    #[derive(Debug)]
    struct Named(&'static str);

    #[async_trait]
    impl Provider for Named {
        fn name(&self) -> &str {
            self.0
        }
        fn capabilities(&self, _: &ModelName) -> Capabilities {
            Capabilities::default()
        }
        async fn chat(&self, _: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
            Err(Error::new(ErrorKind::Unsupported, "it is only looked at"))
        }
    }

    #[test]
    fn the_beginning_of_a_models_name_says_its_family() {
        let family = |name: &'static str| -> Arc<dyn Provider> { Arc::new(Named(name)) };
        let families = Families::new("it", vec![("claude", family("claude")), ("", family("gemini"))]);
        for (model, expected) in [
            ("claude-sonnet-5", "claude"),
            ("publishers/anthropic/models/claude-sonnet-5", "claude"),
            ("gemini-3.8-flash", "gemini"),
            ("endpoints/7", "gemini"),
        ] {
            assert_eq!(families.of(model).unwrap().name(), expected, "{model}");
        }
        assert!(Families::new("it", vec![("claude", family("claude"))]).of("gemini").is_none());
    }
}
