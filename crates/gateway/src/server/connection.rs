//! One connection, from its acceptance to its end.

use std::{convert::Infallible, future::poll_fn, pin::pin, sync::Arc};

use axum::{
    body::Body,
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
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
    let answers = service_fn(move |request| answer(Unanswered::new(Arc::clone(&asked), request)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(gateway.idle_timeout)
        .max_buf_size(gateway.max_header_bytes.max(SMALLEST_BUFFER))
        .serve_connection(socket, answers);
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

/// Has a request answered.
async fn answer(request: Unanswered) -> Result<Response<Body>, Infallible> {
    let (app, request) = request.taken();
    Ok(routes::answer(app, request).await)
}

/// A request that has come, and that nobody answers yet.
///
/// A caller may send it and leave before we look at it; hyper then drops what is to answer it, without having polled it once.
/// It has come all the same, so it is told where others are.
struct Unanswered {
    app: Arc<App>,
    request: Option<Request<Incoming>>,
}

impl Unanswered {
    fn new(app: Arc<App>, request: Request<Incoming>) -> Self {
        Self { app, request: Some(request) }
    }

    fn taken(mut self) -> (Arc<App>, Request<Body>) {
        let request = self.request.take().expect("it is taken once, since that ends this");
        (Arc::clone(&self.app), request.map(Body::new))
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            routes::left(Arc::clone(&self.app), request.map(Body::new));
        }
    }
}
