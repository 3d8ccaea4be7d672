//! The admin socket: how commands on the same machine speak to a running server.
//!
//! A unix socket in the state's folder, which its owner alone may open: whoever may read the store may administer it. HTTP with
//! JSON goes over it, so that `curl --unix-socket` works too:
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /status` | version, process and whether callers need keys |
//! | `GET /keys` | `{"keys": […]}` |
//! | `POST /keys` with a key's terms | 201, `{"key": {…}, "token": "…"}`: the only time that the token is shown |
//! | `DELETE /keys/{id}` | the key, revoked |
//! | `GET /models` | the names that requests may give as their model, where [`models`] is among what answers |
//!
//! An error is `{"error": {"kind": "…", "message": "…"}}`.

mod client;
mod routes;

use std::{
    fs,
    io::ErrorKind as IoKind,
    os::unix::{
        fs::PermissionsExt as _,
        net::{SocketAddr, UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::task::JoinSet;
use ultraai::{Error, ErrorKind, Result};

/// What answers at further addresses.
pub use axum::Router;

pub use self::{
    client::{Client, Created, Models, Status},
    routes::models,
};
use crate::State;

/// The socket's name in the state's folder.
pub const SOCKET: &str = "admin.sock";

/// How long a client may take for a request's head, and between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Listens on the admin socket in `folder`, and returns what answers there until it is dropped. `more` are further addresses,
/// such as one that reloads settings.
///
/// The socket of a process that is no more is replaced.
///
/// # Errors
/// `Config` where another process answers there, and where the socket cannot be made.
pub fn listen(state: &State, folder: &Path, more: Router) -> Result<impl Future<Output = ()> + Send + use<>> {
    let path = folder.join(SOCKET);
    let listener = bind(folder, &path)?;
    let socket = Socket(path);
    let router = routes::router(state.clone()).merge(more);
    Ok(async move {
        let path = socket.0.display();
        match tokio::net::UnixListener::from_std(listener) {
            Ok(listener) => serve(&listener, router).await,
            Err(error) => tracing::error!(%error, "nobody answers on {path}"),
        }
    })
}

/// The socket's file, which goes with the server.
#[derive(Debug)]
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        // It does no harm where it stays: the next server replaces it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Checks that the socket in `folder` could be reached, and makes nothing.
///
/// # Errors
/// `Config` where the folder's name is too long for a socket.
pub fn check_folder(folder: &Path) -> Result<()> {
    let path = folder.join(SOCKET);
    SocketAddr::from_pathname(&path).map(drop).map_err(|error| cannot(&path, error))
}

fn cannot(path: &Path, error: std::io::Error) -> Error {
    let shown = path.display();
    let message = match error.kind() {
        // The system's own bound is about 100 bytes.
        IoKind::InvalidInput => {
            format!("{shown} is too long for a socket: name a shorter folder for keys")
        }
        _ => format!("the socket {shown} cannot be made"),
    };
    Error::new(ErrorKind::Config, message).with_source(error)
}

fn bind(folder: &Path, path: &Path) -> Result<UnixListener> {
    check_folder(folder)?;
    let cannot = |error| cannot(path, error);
    if UnixStream::connect(path).is_ok() {
        let message = format!(
            "another server answers on {}: stop it, or name another folder for keys (`gateway.state_folder`)",
            path.display()
        );
        return Err(Error::new(ErrorKind::Config, message));
    }
    // Made where only its owner can come, and moved when it is for its owner alone: nobody can be quicker. That replaces one
    // whose process is no more.
    let hidden = tempfile::Builder::new().prefix(".a").rand_bytes(4).tempdir_in(folder).map_err(cannot)?;
    let new = hidden.path().join("s");
    let listener = UnixListener::bind(&new).map_err(cannot)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).map_err(cannot)?;
    fs::rename(&new, path).map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    Ok(listener)
}

async fn serve(listener: &tokio::net::UnixListener, router: Router) {
    // They end with the server.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(router.clone());
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
                connections.spawn(http.serve_connection(TokioIo::new(stream), service));
            }
            Err(error) => {
                // Mostly too many open files, which passes.
                tracing::warn!(%error, "the admin socket could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
