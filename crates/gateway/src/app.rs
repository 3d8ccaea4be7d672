//! What all requests share, and what a reload replaces.

use std::sync::{Arc, PoisonError, RwLock};

use ultraai::Result;
use ultraai_settings::{GatewaySettings, Orchestrators, Settings};

use crate::{Metrics, State, server::Lifecycle};

/// What all requests share.
#[derive(Debug)]
pub struct App {
    live: RwLock<Arc<Live>>,
    /// Keys, their limits and what was spent.
    pub(crate) state: State,
    /// Measurements.
    pub(crate) metrics: Metrics,
    /// Whether it takes requests, or stops.
    pub(crate) lifecycle: Lifecycle,
}

/// What a reload replaces. A request under way keeps what it began with.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) settings: Settings,
    pub(crate) orchestrators: Orchestrators,
}

impl App {
    /// A gateway with these settings.
    ///
    /// # Errors
    /// `Config`, which says what a provider lacks.
    pub fn new(settings: Settings, state: State, metrics: Metrics) -> Result<Self> {
        let live = Arc::new(Live::new(settings, &metrics)?);
        Ok(Self { live: RwLock::new(live), state, metrics, lifecycle: Lifecycle::default() })
    }

    /// Puts other settings in the place of those in force.
    ///
    /// # Errors
    /// `Config`; then those in force stay.
    pub fn replace(&self, settings: Settings) -> Result<()> {
        let live = Live::new(settings, &self.metrics)?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        Ok(())
    }

    /// The names that requests may give as their model, but for those of the providers' other models.
    pub fn models(&self) -> Vec<String> {
        self.live().orchestrators.names()
    }

    /// Asks the server to stop: the first time with what is under way finished, the second time at once.
    pub fn stop(&self) {
        self.lifecycle.stop();
    }

    /// Whether it takes requests: not once it was asked to stop.
    pub fn is_ready(&self) -> bool {
        !self.lifecycle.is_stopping()
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Live {
    fn new(settings: Settings, metrics: &Metrics) -> Result<Self> {
        let orchestrators = settings.orchestrators(|builder| builder.meter(metrics.clone()))?;
        Ok(Self { settings, orchestrators })
    }

    pub(crate) fn gateway(&self) -> &GatewaySettings {
        &self.settings.gateway
    }
}
