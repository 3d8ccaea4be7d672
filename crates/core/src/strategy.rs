//! How several candidates make one answer.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{ChatRequest, Outcome, Result, Run};

/// Turns candidates into one outcome, through what [`Run`] offers.
///
/// A strategy never sleeps and never retries: it asks. `run.candidates()` is never empty.
#[async_trait]
pub trait Strategy: fmt::Debug + Send + Sync + 'static {
    /// The registered name.
    fn name(&self) -> &'static str;

    /// Answers `request`.
    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome>;
}

#[async_trait]
impl<S: Strategy + ?Sized> Strategy for Arc<S> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        (**self).process(run, request).await
    }
}
