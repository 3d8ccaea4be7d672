//! Which provider and which model make embeddings.

use ultraai_core::{Error, ErrorKind, ModelName, ProviderId, Result, nearest};

use crate::{DEFAULT, ProviderSummary, Settings, aliases::split};

impl Settings {
    /// The provider that makes embeddings where nobody names one: the first that has a model for them, or, where `model` is named,
    /// the first that makes any. Where none has a model it is the first too, which must be told one.
    pub fn embedding_provider(&self, model: Option<&str>) -> Option<ProviderSummary> {
        let mut makers = self.embedding_makers();
        let has_model =
            |provider: &ProviderSummary| model.is_some() || self.embedding_model(provider).is_some();
        let first = makers.iter().position(has_model).unwrap_or(0);
        (!makers.is_empty()).then(|| makers.swap_remove(first))
    }

    fn embedding_makers(&self) -> Vec<ProviderSummary> {
        self.summaries()
            .into_iter()
            .filter(|provider| self.registry.embedder_registration(&provider.provider_type).is_ok())
            .collect()
    }

    /// The model that makes a provider's embeddings where nobody names one: its own where that makes some by its name, since a
    /// provider's model is mostly one that chats, or the vendor's usual one.
    pub fn embedding_model(&self, provider: &ProviderSummary) -> Option<String> {
        let own = provider.model.as_ref().filter(|model| model.contains("embed"));
        let row = self.registry.embedder_registration(&provider.provider_type);
        let usual = row.ok().and_then(|row| row.default_model).map(str::to_owned);
        own.cloned().or(usual)
    }

    /// Who makes the embeddings of a request that names `name` as its model: a provider, `PROVIDER/MODEL`, the model that a
    /// provider is asked for anyway, or `default`, the first provider that has a model of embeddings.
    ///
    /// # Errors
    /// `ModelNotFound`, which names those that are there, aliases among them, as far as the caller `may_ask` for them.
    pub fn embedding_target(
        &self,
        name: &str,
        may_ask: impl Fn(&str) -> bool,
    ) -> Result<(ProviderId, ModelName)> {
        let makers = self.embedding_makers();
        let (id, model) = split(name);
        let by_id = makers.iter().find(|provider| provider.id == *id);
        let by_model = || {
            let asked = |provider: &&ProviderSummary| self.embedding_model(provider).as_deref() == Some(name);
            makers.iter().find(asked).map(|provider| (provider, Some(name.to_owned())))
        };
        let by_default = || {
            let usual = makers.iter().find(|provider| self.embedding_model(provider).is_some());
            usual.or(makers.first()).filter(|_| name == DEFAULT).map(|provider| (provider, None))
        };
        let found =
            by_id.map(|provider| (provider, model.map(str::to_owned))).or_else(by_model).or_else(by_default);
        let wrong = |message: String| Err(Error::new(ErrorKind::ModelNotFound, message));
        let Some((provider, model)) = found else {
            let makes_any = |id: &str| makers.iter().any(|provider| provider.id == *id);
            let aliases = self.gateway.aliases.iter().filter(|(_, name)| makes_any(split(name).0));
            let ids = makers.iter().map(|provider| provider.id.as_str());
            let names = ids.chain(aliases.map(|(alias, _)| alias.as_str())).filter(|name| may_ask(name));
            let names: Vec<_> = names.collect();
            if let Some(other) = self.summaries().iter().find(|provider| provider.id == *id) {
                return wrong(format!(
                    "`{}` makes no embeddings: {}",
                    other.id,
                    match names.as_slice() {
                        [] => "no provider here does".to_owned(),
                        names => format!("those that do are {}", names.join(", ")),
                    }
                ));
            }
            let advice = match nearest(id, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "no provider here makes any".to_owned(),
                None => format!("name one of {}, or PROVIDER/MODEL", names.join(", ")),
            };
            return wrong(format!("no model of embeddings `{name}` here: {advice}"));
        };
        match model.or_else(|| self.embedding_model(provider)) {
            Some(model) => {
                // A caller wrote it, so it is no fault of the settings.
                let wrong = |error: Error| Error::new(ErrorKind::ModelNotFound, error.message().to_owned());
                Ok((provider.id.clone(), ModelName::new(model).map_err(wrong)?))
            }
            None => {
                wrong(format!("no model of embeddings: name one that `{0}` has, as `{0}/MODEL`", provider.id))
            }
        }
    }
}
