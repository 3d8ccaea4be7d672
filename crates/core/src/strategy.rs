//! How several candidates make one answer.

use std::{fmt, pin::Pin, sync::Arc};

use async_trait::async_trait;

use crate::{ChatRequest, Options, Outcome, Result, Run};

/// Turns candidates into one outcome, through what [`Run`] offers.
///
/// A strategy never sleeps and never retries: it asks. `run.candidates()` is never empty.
#[async_trait]
pub trait Strategy: fmt::Debug + Send + Sync + 'static {
    /// The registered name.
    fn name(&self) -> &'static str;

    /// The registered selector that orders its candidates where the user names none. Default: `priority`.
    fn selector(&self) -> Option<&'static str> {
        None
    }

    /// Refuses `options` with which it could answer no request, so that whoever sets it up learns of it, and not each caller.
    /// Default: it takes any.
    ///
    /// # Errors
    /// `Config`, which names the option and what to set in its place.
    fn check(&self, options: &Options) -> Result<()> {
        let _ = options;
        Ok(())
    }

    /// Answers `request`.
    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome>;
}

// Written out, and not through the macro, so that the inner future is handed on and not boxed once more.
#[deny(clippy::missing_trait_methods)]
impl<S: Strategy + ?Sized> Strategy for Arc<S> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn selector(&self) -> Option<&'static str> {
        (**self).selector()
    }

    fn check(&self, options: &Options) -> Result<()> {
        (**self).check(options)
    }

    fn process<'this, 'run, 'call>(
        &'this self,
        run: &'run Run,
        request: Arc<ChatRequest>,
    ) -> Pin<Box<dyn Future<Output = Result<Outcome>> + Send + 'call>>
    where
        'this: 'call,
        'run: 'call,
        Self: 'call,
    {
        (**self).process(run, request)
    }
}
