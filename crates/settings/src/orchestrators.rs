//! The orchestrators of some settings by name, and what a model's name means to them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use ultraai_core::{
    Error, ErrorKind, ModelName, Orchestrator, ProviderId, RequestOptions, Result, Strategy, nearest,
};

use crate::{Builder, Settings};

/// The name of the orchestrator of the table `[orchestrator]`.
pub const DEFAULT: &str = "default";

/// The strategy that asks one provider alone.
const DIRECT: &str = "fallback";

/// The orchestrators of some settings. They share their providers, with breakers, limits and statistics.
#[derive(Clone, Debug)]
pub struct Orchestrators {
    named: BTreeMap<String, Target>,
    /// Asks one provider alone.
    direct: Orchestrator<Arc<dyn Strategy>>,
}

/// Who answers a request, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// The orchestrator.
    pub orchestrator: Orchestrator<Arc<dyn Strategy>>,
    /// What the request is asked with.
    pub options: RequestOptions,
    /// The model that the candidates are asked for in place of their own.
    pub model: Option<ModelName>,
}

impl Settings {
    /// Builds the orchestrators: `default`, and those of the tables `[orchestrators.NAME]`. `prepare` gives the builder what
    /// else they need.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn orchestrators(&self, prepare: impl FnOnce(Builder) -> Builder) -> Result<Orchestrators> {
        let default = self.build_with(prepare, |_, spec| spec)?;
        let direct = self.registry.strategy(DIRECT, Value::Null)?;
        let direct = Orchestrator::new(default.base().clone(), direct);
        let options = RequestOptions::default();
        let target = Target { orchestrator: default, options, model: None };
        Ok(Orchestrators { named: BTreeMap::from([(DEFAULT.to_owned(), target)]), direct })
    }
}

impl Orchestrators {
    /// Who answers where a request names `model`: an orchestrator, a provider, or `PROVIDER/MODEL`.
    ///
    /// # Errors
    /// `ModelNotFound`, which names those that are there.
    pub fn target(&self, model: &str) -> Result<Target> {
        if let Some(target) = self.named.get(model) {
            return Ok(target.clone());
        }
        let (id, model_of_provider) = match model.split_once('/') {
            Some((id, model)) => {
                // A caller wrote it, so it is no fault of the settings.
                let wrong = |error: Error| Error::new(ErrorKind::InvalidRequest, error.message().to_owned());
                (id, Some(ModelName::new(model).map_err(wrong)?))
            }
            None => (model, None),
        };
        let candidates = self.direct.candidates();
        let Some(candidate) = candidates.iter().find(|candidate| *candidate.id() == *id) else {
            let names = self.names();
            let advice = match nearest(model, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("name one of {}", names.join(", ")),
            };
            return Err(Error::new(ErrorKind::ModelNotFound, format!("no model `{model}` here: {advice}")));
        };
        let options = RequestOptions::default().with_providers(vec![candidate.id().clone()]);
        Ok(Target { orchestrator: self.direct.clone(), options, model: model_of_provider })
    }

    /// The names that requests may give as their model, but for those of the providers' other models.
    pub fn names(&self) -> Vec<String> {
        let candidates = self.direct.candidates();
        let providers = candidates.iter().map(|candidate| candidate.id().to_string());
        self.named.keys().cloned().chain(providers).collect()
    }

    /// The orchestrator of the table `[orchestrator]`.
    pub fn default_orchestrator(&self) -> &Orchestrator<Arc<dyn Strategy>> {
        &self.direct
    }

    /// The providers.
    pub fn providers(&self) -> Vec<ProviderId> {
        self.direct.candidates().iter().map(|candidate| candidate.id().clone()).collect()
    }
}
