//! What else a provider's settings build: its embedder, its lister of models and its counter of tokens.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    BuildContext, Embedder, Error, ErrorKind, ModelLister, ProviderSpec, Registry, Result, TokenCounter,
    candidate::Source,
};

impl ProviderSpec {
    /// Builds the embedder of the provider that is set up here, with its settings and its key. Its model is the chat's, so
    /// that a request names its own, or the usual one of the embedder is asked.
    ///
    /// # Errors
    /// `Config` when the provider has no embedder that is linked, or what its settings lack, with its id.
    pub fn embedder(&self, registry: &Registry, context: BuildContext) -> Result<Arc<dyn Embedder>> {
        self.build_besides("embedder", context, |name, settings, context| {
            registry.embedder(name, settings, context)
        })
    }

    /// Builds the lister of the models of the provider that is set up here, with its settings and its key.
    ///
    /// # Errors
    /// `Config` when the provider has no lister that is linked, or what its settings lack, with its id.
    pub fn model_lister(&self, registry: &Registry, context: BuildContext) -> Result<Arc<dyn ModelLister>> {
        self.build_besides("model lister", context, |name, settings, context| {
            registry.model_lister(name, settings, context)
        })
    }

    /// Builds the counter of tokens of the provider that is set up here, with its settings and its key.
    ///
    /// # Errors
    /// `Config` when the provider has no counter that is linked, or what its settings lack, with its id.
    pub fn token_counter(&self, registry: &Registry, context: BuildContext) -> Result<Arc<dyn TokenCounter>> {
        self.build_besides("counter of tokens", context, |name, settings, context| {
            registry.token_counter(name, settings, context)
        })
    }

    fn build_besides<T>(
        &self,
        kind: &str,
        mut context: BuildContext,
        build: impl FnOnce(&str, Value, &BuildContext) -> Result<T>,
    ) -> Result<T> {
        let named = |error: Error, context: &BuildContext| match error.provider() {
            None => error.with_provider(context.provider_id.clone()),
            Some(_) => error,
        };
        let Source::Registered { name, settings, key } = &self.source else {
            let message = format!("the provider was not built from settings, so it has no {kind} either");
            return Err(named(Error::new(ErrorKind::Config, message), &context));
        };
        context.model = self.terms().map_err(|error| named(error, &context))?.model;
        context.key.clone_from(key);
        let settings: &Map<String, Value> = settings;
        build(name, settings.clone().into(), &context).map_err(|error| named(error, &context))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{EmbedderRegistration, FeatureHint, Lookup, Plugin, ProviderId, provider};

    fn context() -> BuildContext {
        BuildContext::new(ProviderId::new("mine").unwrap(), Lookup::empty())
    }

    #[test]
    fn the_providers_settings_build_its_embedder() {
        const ROWS: [EmbedderRegistration; 1] =
            [EmbedderRegistration::new("acme", |name, settings, context| {
                assert_eq!((name, settings), ("acme", json!({ "base_url": "http://x" })));
                assert!(context.model.is_some() && context.key.is_some());
                Err(Error::new(ErrorKind::Config, "built"))
            })];
        let registry = Registry::builder().plugin(Plugin::Embedders(&ROWS)).unwrap().build();
        let spec = provider("acme").model("m").base_url("http://x").weight(2.0).api_key_env("KEY");
        assert_eq!(spec.embedder(&registry, context()).unwrap_err().to_string(), "mine: built");
    }

    #[test]
    fn what_is_not_linked_is_said_as_of_providers() {
        const HINTS: [FeatureHint; 1] =
            [FeatureHint { kind: "embedder", name: "openai", feature: "provider-openai" }];
        let registry = Registry::builder().plugin(Plugin::Features(&HINTS)).unwrap().build();
        assert_eq!(
            provider("openai").embedder(&registry, context()).unwrap_err().to_string(),
            "mine: no embedder `openai` is linked into this program (linked: none); enable the feature `provider-openai` of \
             the crate `ultraai`"
        );
        let error = provider("openai").model_lister(&registry, context()).unwrap_err().to_string();
        assert!(error.starts_with("mine: no model lister `openai` is linked"), "{error}");
    }
}
