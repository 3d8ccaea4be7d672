//! The signals that stop the server.

use std::{io, sync::Arc};

use crate::App;

/// Stops the server at the first SIGTERM or SIGINT, and at once at the second. It is one of
/// [`ServeOptions::tasks`](crate::ServeOptions::tasks): a program of its own may mean other things by them.
pub async fn stop_at_signals(app: Arc<App>) {
    let obey = async {
        let mut signals = Signals::new()?;
        loop {
            signals.next().await?;
            app.stop();
        }
    };
    let obeyed: io::Result<()> = obey.await;
    if let Err(error) = obeyed {
        tracing::warn!(%error, "signals cannot be obeyed");
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> io::Result<()> {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        Ok(())
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}
