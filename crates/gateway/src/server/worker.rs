//! One worker: a thread that accepts connections and serves them.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{sleep, timeout},
};
use ultraai::Result;

use super::{Task, connection, lifecycle::Phase, wrong};
use crate::App;

/// How long is waited where the system has no socket to give: for a file to be closed, say.
const NO_SOCKET_PAUSE: Duration = Duration::from_millis(50);

/// How long those who are cut off may take to be told. They read, or they are not waited for.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all workers have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) app: Arc<App>,
    /// A permit for each connection that may be open.
    pub(super) places: Arc<Semaphore>,
    /// How many there are.
    pub(super) capacity: u32,
}

/// Serves what comes to `listener`, and does the process's own `tasks` beside, until the server is told to stop.
///
/// # Errors
/// `Config` where the system gives it no runtime.
pub(super) fn run(listener: TcpListener, common: &Common, tasks: Option<Vec<Task>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?;
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(wrong)?;
        for task in tasks.into_iter().flatten() {
            spawn(task);
        }
        accept(listener, common).await;
        drain(common).await;
        Ok(())
    });
    // What is still under way is dropped, so that its books are closed. A blocking call that hangs is not waited for.
    runtime.shutdown_background();
    served
}

/// Accepts connections until the server is told to stop; then nobody listens any more.
async fn accept(listener: tokio::net::TcpListener, common: &Common) {
    let lifecycle = &common.app.lifecycle;
    let accepting = async {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                // The caller went away before it was accepted.
                Err(error) if is_of_the_caller(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    sleep(NO_SOCKET_PAUSE).await;
                    continue;
                }
            };
            // While one waits for its place no other is accepted: they wait in the system's queue.
            let Ok(place) = Arc::clone(&common.places).acquire_owned().await else { return };
            let app = Arc::clone(&common.app);
            let counted = app.metrics.connection();
            spawn(async move {
                connection::serve(stream, app).await;
                drop((place, counted));
            });
        }
    };
    tokio::select! {
        biased;
        () = lifecycle.reached(Phase::Stopping) => {}
        () = accepting => {}
    }
}

/// Waits until the connections of all workers have ended, but no longer than they may take; those that take longer are told so.
///
/// A worker that has nothing left to do stays until then, since a request of another one may go through a connection
/// that it opened.
async fn drain(common: &Common) {
    let within = common.app.live().gateway().shutdown_timeout;
    let all_ended = || common.places.acquire_many(common.capacity);
    tokio::select! {
        () = common.app.lifecycle.reached(Phase::Stopped) => {}
        ended = timeout(within, all_ended()) => if ended.is_ok() { return },
    }
    common.app.lifecycle.advance(Phase::Stopped);
    // Whoever takes longer is cut off without a word.
    let _ = timeout(FAREWELL, all_ended()).await;
}

fn is_of_the_caller(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused | Kind::Interrupted
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "connections are tasks of their worker's runtime, and end with it"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}
