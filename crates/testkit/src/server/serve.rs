//! The server's own thread: accepts, reads, plays replies, and sees who closes.

use std::{
    io,
    net::TcpListener,
    panic::resume_unwind,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Builder,
    sync::oneshot,
    task::JoinSet,
};

use super::{
    Handler, Shared,
    received::read,
    reply::{Act, Reply},
};

/// Serves until `stopped` says so. A panic of a connection is this thread's own.
pub(super) fn run(
    listener: TcpListener,
    handler: Option<Handler>,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(accept(listener, handler, shared, stopped));
}

async fn accept(
    listener: TcpListener,
    handler: Option<Handler>,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is not blocking");
    let handler = handler.map(|handler| Arc::new(Mutex::new(handler)));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(ended) = connections.join_next() => pass_panic_on(ended),
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let mut number = 0;
                shared.counts.send_modify(|counts| {
                    number = counts.accepted;
                    counts.accepted += 1;
                    counts.open += 1;
                });
                let open = Open(Arc::clone(&shared));
                match &handler {
                    Some(handler) => {
                        connections.spawn(converse(stream, number, Arc::clone(handler), open));
                    }
                    None => drop((stream, open)),
                }
            }
        }
    }
    connections.abort_all();
    while let Some(ended) = connections.join_next().await {
        pass_panic_on(ended);
    }
}

fn pass_panic_on(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        resume_unwind(error.into_panic());
    }
}

/// An open connection, until it is dropped.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts.send_modify(|counts| counts.open -= 1);
    }
}

async fn converse(mut stream: TcpStream, number: usize, handler: Arc<Mutex<Handler>>, open: Open) {
    // Each piece of a reply is to arrive by itself; a socket that is gone already needs no option.
    let _ = stream.set_nodelay(true);
    let mut buffer = BytesMut::new();
    // An error of the socket means that the client is gone, which the counts show.
    while let Ok(Some(request)) = read(&mut stream, &mut buffer, number).await {
        let reply = {
            let mut requests = open.0.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(request.clone());
            drop(requests);
            open.0.counts.send_modify(|counts| counts.requests += 1);
            let mut handler = handler.lock().unwrap_or_else(PoisonError::into_inner);
            handler(&request)
        };
        let after = play(&mut stream, &mut buffer, &reply).await;
        let asked_to_close =
            request.header("connection").is_some_and(|word| word.eq_ignore_ascii_case("close"));
        if asked_to_close || !matches!(after, Ok(After::Kept)) {
            break;
        }
    }
    // The socket is closed before the count says so.
    drop(stream);
    drop(open);
}

enum After {
    Kept,
    Gone,
}

async fn play(stream: &mut TcpStream, buffer: &mut BytesMut, reply: &Reply) -> io::Result<After> {
    for act in reply.to_acts() {
        match act {
            Act::Send(bytes) => stream.write_all(&bytes).await?,
            Act::Pause(length) => tokio::select! {
                biased;
                () = closed(stream, buffer) => return Ok(After::Gone),
                () = tokio::time::sleep(length) => {}
            },
            Act::Hang => {
                closed(stream, buffer).await;
                return Ok(After::Gone);
            }
            Act::Close => {
                stream.shutdown().await?;
                return Ok(After::Gone);
            }
            Act::Reset => {
                stream.set_zero_linger()?;
                return Ok(After::Gone);
            }
        }
    }
    Ok(After::Kept)
}

/// Waits until the client closes; what it still sends is kept for the next request.
async fn closed(stream: &mut TcpStream, buffer: &mut BytesMut) {
    while let Ok(1..) = stream.read_buf(buffer).await {}
}
