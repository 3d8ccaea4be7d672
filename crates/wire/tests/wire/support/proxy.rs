//! A proxy that tunnels and forwards.

use std::{net::SocketAddr, thread};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::{mpsc, oneshot},
    task::JoinSet,
};

/// What a proxy does with those who ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// Connects those who send this `proxy-authorization`.
    For(&'static str),
    /// Refuses.
    Refusing,
}

/// A proxy on this machine.
#[derive(Debug)]
pub(crate) struct TestProxy {
    pub(crate) address: SocketAddr,
    asked: mpsc::UnboundedReceiver<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl TestProxy {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, asked) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(accept(listener, manner, tell, stopped));
        });
        Self { address, asked, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first lines of the requests that came.
    pub(crate) fn asked(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))));
    }
}

async fn accept(
    listener: std::net::TcpListener,
    manner: Manner,
    tell: mpsc::UnboundedSender<String>,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return,
            accepted = listener.accept() => {
                connections.spawn(connect(accepted.unwrap().0, manner, tell.clone()));
            }
        }
    }
}

async fn connect(mut client: TcpStream, manner: Manner, tell: mpsc::UnboundedSender<String>) {
    let mut head = Vec::new();
    let end = loop {
        if client.read_buf(&mut head).await.unwrap() == 0 {
            return;
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8(head[..end].to_vec()).unwrap();
    let line = text.lines().next().unwrap();
    let _ = tell.send(line.to_owned());
    let [method, target] = [0, 1].map(|word| line.split(' ').nth(word).unwrap());
    let refusal = match manner {
        Manner::Refusing => Some("403 Forbidden"),
        Manner::For(wanted) => {
            let headers = text.lines().filter_map(|line| line.split_once(": "));
            let mut credentials =
                headers.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
            let sent = credentials.next().map(|(_, value)| value);
            (sent != Some(wanted)).then_some("407 Proxy Authentication Required")
        }
    };
    if let Some(refusal) = refusal {
        let answer = format!("HTTP/1.1 {refusal}\r\ncontent-length: 0\r\n\r\n");
        client.write_all(answer.as_bytes()).await.unwrap();
        return;
    }
    let tunnel = method == "CONNECT";
    let place = target.trim_start_matches("http://").split('/').next().unwrap();
    let mut upstream = TcpStream::connect(place).await.unwrap();
    if tunnel {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    } else {
        upstream.write_all(&head).await.unwrap();
    }
    // Either side may break off.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
}
