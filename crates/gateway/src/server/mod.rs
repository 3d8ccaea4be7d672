//! Listens, accepts, serves, and stops.

use std::{net::TcpListener, sync::Arc};

use ultraai::{Error, ErrorKind, Result};

use crate::{App, router};

/// How to serve.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServeOptions {}

/// Serves until it is told to stop.
///
/// # Errors
/// `Config` where it cannot listen.
pub fn serve(app: Arc<App>, _options: &ServeOptions) -> Result<()> {
    let wrong = |error: std::io::Error| Error::new(ErrorKind::Config, format!("it cannot listen: {error}"));
    let listener = TcpListener::bind(app.live().gateway().listen).map_err(wrong)?;
    listener.set_nonblocking(true).map_err(wrong)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(wrong)?;
        let metrics = app.metrics.clone();
        let router = router(app);
        loop {
            let (stream, _) = listener.accept().await.map_err(wrong)?;
            stream.set_nodelay(true).map_err(wrong)?;
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
            let counted = metrics.connection();
            tokio::spawn(async move {
                let _counted = counted;
                connection.await
            });
        }
    })
}
