//! Whole requests over connections that are kept alive.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::bytes::{head_of, whole_request};

/// Connections that ask at the same time.
pub(crate) const CONNECTIONS: usize = 16;

/// The time between two requests of a connection where they are paced: together 800 each second.
pub(crate) const PACE: Duration = Duration::from_millis(20);

/// What came of one turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// How long each request took, in microseconds.
    pub(crate) latencies: Vec<f64>,
    pub(crate) seconds: f64,
}

/// Asks over `connections` for `time`, at least once on each: one request after the other on each, or one each `pace`.
pub(crate) fn turn(
    address: SocketAddr,
    connections: usize,
    pace: Option<Duration>,
    time: Duration,
) -> io::Result<Turn> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (begun, mut askers) = (Instant::now(), JoinSet::new());
        for number in 0..connections {
            let first = pace.map(|pace| begun + pace * u32::try_from(number).unwrap_or(0) / 16);
            askers.spawn(ask(address, first.zip(pace), begun + time));
        }
        let mut latencies = Vec::new();
        while let Some(asked) = askers.join_next().await {
            latencies.extend(asked.map_err(io::Error::other)??);
        }
        Ok(Turn { latencies, seconds: begun.elapsed().as_secs_f64() })
    })
}

async fn ask(
    address: SocketAddr,
    paced: Option<(Instant, Duration)>,
    until: Instant,
) -> io::Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = whole_request(&address.to_string());
    let (mut latencies, mut received) = (Vec::new(), Vec::with_capacity(8192));
    let mut next = paced.map(|(first, _)| first);
    loop {
        if let (Some(at), Some((_, pace))) = (&mut next, paced) {
            sleep_until(*at).await;
            *at += pace;
        }
        let sent = Instant::now();
        stream.write_all(&request).await?;
        received.clear();
        loop {
            if stream.read_buf(&mut received).await? == 0 {
                return Err(io::Error::other("a proxy closed the connection"));
            }
            if head_of(&received).is_some_and(|(head, body)| received.len() >= head + body) {
                break;
            }
        }
        latencies.push(sent.elapsed().as_secs_f64() * 1e6);
        if !received.starts_with(b"HTTP/1.1 200") {
            let said = String::from_utf8_lossy(&received).into_owned();
            return Err(io::Error::other(format!("a proxy did not answer: {said}")));
        }
        if Instant::now() >= until {
            return Ok(latencies);
        }
    }
}
