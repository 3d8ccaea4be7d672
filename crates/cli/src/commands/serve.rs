//! `ultraai serve`.

use std::sync::Arc;

use ultraai::Registry;
use ultraai_gateway::{App, Metrics, ServeOptions, State};
use ultraai_settings::Settings;

use crate::{arguments::Serve, exit::Exit, failure::Failure};

/// Serves until it is told to stop.
pub(crate) async fn serve(serve: Serve) -> Result<Exit, Failure> {
    let registry = Registry::linked()?;
    let mut settings = Settings::load(&serve.settings.sources(), &registry).await?;
    if let Some(listen) = serve.listen {
        settings.gateway.listen = listen;
    }
    let app = Arc::new(App::new(settings, State::in_memory(), Metrics::default())?);
    let served = std::thread::spawn(move || ultraai_gateway::serve(app, &ServeOptions::default())).join();
    served.expect("the server does not panic")?;
    Ok(Exit::Answer)
}
