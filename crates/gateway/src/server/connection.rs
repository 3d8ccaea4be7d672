//! One connection, from its acceptance to its end.

use std::{convert::Infallible, future::poll_fn, pin::pin, sync::Arc};

use axum::body::Body;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;

use super::{lifecycle::Phase, socket::Socket};
use crate::{App, routes};

/// The smallest buffer that hyper takes.
const SMALLEST_BUFFER: usize = 8 << 10;

/// Serves the requests of one connection until either side has enough.
pub(super) async fn serve(stream: TcpStream, app: Arc<App>) {
    // What it is written in small pieces for is to be there at once. Where this fails the socket is gone already.
    let _ = stream.set_nodelay(true);
    let live = app.live();
    let gateway = live.gateway();
    let socket = Socket::new(stream, Arc::clone(&app), gateway.stall_timeout);
    let asked = Arc::clone(&app);
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = routes::answer(Arc::clone(&asked), request.map(Body::new));
        async { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(gateway.idle_timeout)
        .max_buf_size(gateway.max_header_bytes.max(SMALLEST_BUFFER))
        .serve_connection(socket, service);
    // A connection may live long, and what it began with may be replaced.
    drop(live);
    let mut connection = pin!(connection);
    let mut stopping = pin!(app.lifecycle.reached(Phase::Stopping));
    let (mut is_registered, mut is_told) = (false, false);
    let ended = poll_fn(|cx| {
        // Registering once is enough: it is the waker of a task, and waking it up leads here.
        if !is_registered {
            is_registered = true;
            let _ = stopping.as_mut().poll(cx);
        }
        if !is_told && app.lifecycle.is_stopping() {
            is_told = true;
            connection.as_mut().graceful_shutdown();
            // What is under way looks for itself whether it is cut off, once it is woken up.
            stopping.set(app.lifecycle.reached(Phase::Stopped));
            let _ = stopping.as_mut().poll(cx);
        }
        connection.as_mut().poll(cx)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection ended");
    }
}
