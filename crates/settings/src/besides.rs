//! What else the settings of a provider build: its embedder, the lister of its models, and the counter of its tokens.

use std::{sync::Arc, time::Duration};

use ultraai_core::{BuildContext, Embedder, Error, ErrorKind, ModelLister, ProviderId, Result, TokenCounter};

use crate::{Settings, table::Row};

impl Settings {
    /// Builds the embedder of the provider `id`, with the settings and the key that its chat has.
    ///
    /// # Errors
    /// `Config` where no such provider is configured, where it makes no embeddings, and what its settings lack, with the place.
    pub fn embedder(&self, id: &ProviderId) -> Result<Arc<dyn Embedder>> {
        let row = self.row(id)?;
        let known: Vec<_> = self.registry.embedders().map(|known| known.name).collect();
        can(row, "makes no embeddings", "those that do", &known)?;
        row.spec.embedder(&self.registry, self.context(row)).map_err(|error| row.explained(error))
    }

    /// Builds the lister of the models of the provider `id`, with the settings and the key that its chat has.
    ///
    /// # Errors
    /// `Config` where no such provider is configured, where it lists no models, and what its settings lack, with the place.
    pub fn model_lister(&self, id: &ProviderId) -> Result<Arc<dyn ModelLister>> {
        let row = self.row(id)?;
        let known: Vec<_> = self.registry.model_listers().map(|known| known.name).collect();
        can(row, "lists no models", "those that do", &known)?;
        row.spec.model_lister(&self.registry, self.context(row)).map_err(|error| row.explained(error))
    }

    /// Builds the counter of tokens of the provider `id`, with the settings and the key that its chat has; `None` where its vendor
    /// counts none.
    ///
    /// # Errors
    /// `Config` where no such provider is configured, and what its settings lack, with the place.
    pub fn token_counter(&self, id: &ProviderId) -> Result<Option<Arc<dyn TokenCounter>>> {
        let row = self.row(id)?;
        let is_its = |name| Some(name) == row.spec.type_name();
        if !self.registry.token_counters().any(|known| is_its(known.name)) {
            return Ok(None);
        }
        let counter = row.spec.token_counter(&self.registry, self.context(row));
        counter.map(Some).map_err(|error| row.explained(error))
    }

    fn row(&self, id: &ProviderId) -> Result<&Row> {
        self.rows
            .iter()
            .find(|row| row.id == *id)
            .ok_or_else(|| Error::new(ErrorKind::Config, format!("no provider `{id}` is configured")))
    }

    fn context(&self, row: &Row) -> BuildContext {
        let mut context = BuildContext::new(row.id.clone(), self.lookup.clone());
        if let Some(seconds) = self.options.connect_timeout_seconds {
            context.connect_timeout = Duration::from_secs_f64(seconds);
        }
        context
    }
}

/// Checks that the provider is among the `known` ones. It is linked, so that no feature would help.
fn can(row: &Row, lacks: &str, others: &str, known: &[&str]) -> Result<()> {
    let kind = row.spec.type_name().unwrap_or_default();
    match known.contains(&kind) {
        true => Ok(()),
        false => {
            let message = format!("the provider `{kind}` {lacks} ({others}: {})", known.join(", "));
            Err(Error::new(ErrorKind::Config, message).with_provider(row.id.clone()))
        }
    }
}
