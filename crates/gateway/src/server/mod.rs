//! Listens, accepts, serves, and stops.

mod connection;
mod lifecycle;
mod listen;
mod signals;
mod socket;
mod worker;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    panic::resume_unwind,
    pin::Pin,
    sync::Arc,
    thread,
};

use tokio::sync::Semaphore;
use ultraai::{Error, ErrorKind, Result};
use ultraai_settings::GatewaySettings;

pub(crate) use self::lifecycle::{Lifecycle, Phase};
pub use self::signals::stop_at_signals;
use self::worker::Common;
use crate::App;

/// What a process does besides serving, until it stops.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Files that a request holds open: the connections to its caller and to its provider. A panel holds more.
const FILES_OF_REQUEST: u64 = 2;

/// Files that are open besides: sockets that listen, the store, those of the runtimes.
const OTHER_FILES: u64 = 64;

/// How to serve.
#[derive(Default)]
#[non_exhaustive]
pub struct ServeOptions {
    /// What else the process does, on its first worker: it obeys signals, watches the settings file. It is dropped when
    /// the server has stopped. Default: nothing.
    pub tasks: Vec<Task>,
}

/// A server that listens, and serves nobody yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    common: Common,
}

/// Serves until it is told to stop by [`App::stop`].
///
/// # Errors
/// `Config` where it cannot listen.
pub fn serve(app: Arc<App>, options: ServeOptions) -> Result<()> {
    Server::bind(app)?.run(options)
}

/// Refuses to serve others than this machine without access keys.
///
/// # Errors
/// `Config`, which says what to do.
pub fn may_listen(demands_key: bool, address: SocketAddr) -> Result<()> {
    if demands_key || address.ip().is_loopback() {
        return Ok(());
    }
    let message = format!(
        "it does not listen at {address} without access keys, since everybody there could spend your money: make a key with `ultraai keys create`, or listen at 127.0.0.1"
    );
    Err(Error::new(ErrorKind::Config, message))
}

/// How many threads serve.
pub fn workers(gateway: &GatewaySettings) -> usize {
    let workers = gateway.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    workers.max(1)
}

impl Server {
    /// Listens at the address of the settings, with a socket for each worker.
    ///
    /// # Errors
    /// `Config` where it cannot listen, or must not: without keys it is only for this machine.
    pub fn bind(app: Arc<App>) -> Result<Self> {
        let live = app.live();
        let gateway = live.gateway();
        may_listen(app.state.demands_key(), gateway.listen)?;
        let capacity = places(gateway.max_connections, raised_file_limit());
        let listeners = listen::listeners(gateway.listen, workers(gateway), gateway.stall_timeout)?;
        let address = listeners[0].local_addr().map_err(wrong)?;
        let common = Common {
            places: Arc::new(Semaphore::new(capacity)),
            capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
            app,
        };
        Ok(Self { listeners, address, common })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections may be open: those of the settings, or fewer where the system lets the process open fewer files.
    pub fn max_connections(&self) -> usize {
        self.common.capacity as usize
    }

    /// Serves until it is told to stop, and until what is under way has ended or took too long.
    ///
    /// # Errors
    /// `Config` where the system gives it no thread.
    pub fn run(self, options: ServeOptions) -> Result<()> {
        let Self { listeners, common, .. } = self;
        let mut tasks = Some(options.tasks);
        let mut workers = Vec::new();
        let mut failed = None;
        for (number, listener) in listeners.into_iter().enumerate() {
            let (common_too, tasks) = (common.clone(), tasks.take());
            let started = thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                // Whatever ends one worker ends all: half a server is none.
                let _all = EndsAll(&common_too.app);
                worker::run(listener, &common_too, tasks)
            });
            match started {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    common.app.lifecycle.advance(Phase::Stopped);
                    failed = Some(wrong(error));
                    break;
                }
            }
        }
        for worker in workers {
            let ended = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            failed = failed.or(ended.err());
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Ends the others when it is dropped.
struct EndsAll<'a>(&'a App);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lifecycle.advance(Phase::Stopped);
        } else {
            self.0.lifecycle.advance(Phase::Stopping);
        }
    }
}

fn wrong(error: io::Error) -> Error {
    Error::new(ErrorKind::Config, "the system gives the server no socket, thread or runtime")
        .with_source(error)
}

/// How many connections may be open, where the process may open so many files.
fn places(most: usize, files: Option<u64>) -> usize {
    let of_files = files.map_or(usize::MAX, |files| {
        usize::try_from(files.saturating_sub(OTHER_FILES) / FILES_OF_REQUEST).unwrap_or(usize::MAX)
    });
    most.min(of_files).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

/// Lets the process open as many files as it may, and returns how many that are; `None`: nobody counts them.
fn raised_file_limit() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            // Where the system has another limit beyond this one, the old one stays.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
        }
        getrlimit(Resource::Nofile).current
    }
    #[cfg(not(unix))]
    None
}

impl fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeOptions").field("tasks", &self.tasks.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_places_than_files_for_them() {
        assert_eq!(places(20_000, Some(1024)), 480);
        assert_eq!(places(100, Some(1024)), 100);
        assert_eq!(places(20_000, None), 20_000);
        assert_eq!(places(0, Some(3)), 1);
    }
}
