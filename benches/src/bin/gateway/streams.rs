//! Live answers, many at once.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Builder,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::bytes::{SENT, live_request};

/// Streams that are open together where the work of an event is measured.
pub(crate) const STREAMS: usize = 200;

/// Milliseconds between two events.
const INTERVAL: u64 = 20;

/// The longest wait for the crowd to be there.
const PATIENCE: Duration = Duration::from_mins(1);

/// Reads `streams` streams of one event each 20 ms for `time`; returns the events that came.
pub(crate) fn turn(address: SocketAddr, streams: usize, time: Duration) -> io::Result<usize> {
    let events = usize::try_from(time.as_millis()).unwrap_or(usize::MAX) / 20;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (begun, mut readers) = (Instant::now(), JoinSet::new());
        for number in 0..streams {
            readers.spawn(async move {
                // Spread, so that they do not all speak in the same moment.
                sleep_until(begun + Duration::from_micros(100 * number as u64)).await;
                let mut live = Live::open(address, events, INTERVAL).await?;
                while !live.read().await? {}
                Ok::<_, io::Error>(live.events)
            });
        }
        let mut count = 0;
        while let Some(read) = readers.join_next().await {
            let read = read.map_err(io::Error::other)??;
            if read < events {
                return Err(io::Error::other(format!("a stream of {events} events had {read}")));
            }
            count += read;
        }
        Ok(count)
    })
}

/// How long the first event of each of `count` streams took from the upstream's hand to ours, in microseconds.
pub(crate) fn first_events(address: SocketAddr, count: usize) -> io::Result<Vec<f64>> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut took = Vec::with_capacity(count);
        for _ in 0..count {
            let mut live = Live::open(address, 3, 1).await?;
            // On a busy machine all of it may have come at once.
            let mut has_ended = false;
            while live.sent.is_none() {
                has_ended = live.read().await?;
            }
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let after = now.saturating_sub(live.sent.unwrap_or_default());
            took.push(after.as_secs_f64() * 1e6);
            while !has_ended {
                has_ended = live.read().await?;
            }
        }
        Ok(took)
    })
}

/// Opens `streams` streams, waits until each has said something, and returns what `look` says then.
pub(crate) fn crowd(
    address: SocketAddr,
    streams: usize,
    look: impl Fn() -> io::Result<u64>,
) -> io::Result<u64> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (heard, mut all) = mpsc::channel(streams);
        let mut readers: JoinSet<io::Result<()>> = JoinSet::new();
        for number in 0..streams {
            let heard = heard.clone();
            readers.spawn(async move {
                // In waves: what is measured is how many are open, and not how fast they come.
                tokio::time::sleep(Duration::from_micros(500 * number as u64)).await;
                let mut live = Live::open(address, 1_000, 2_000).await?;
                while live.events == 0 {
                    live.read().await?;
                }
                let _ = heard.send(()).await;
                while !live.read().await? {}
                Ok(())
            });
        }
        let together = async {
            let mut count = 0;
            while count < streams {
                tokio::select! {
                    Some(()) = all.recv() => count += 1,
                    Some(ended) = readers.join_next() => {
                        ended.map_err(io::Error::other)??;
                        return Err(io::Error::other("a stream ended before the others had begun"));
                    }
                }
            }
            Ok(())
        };
        timeout(PATIENCE, together)
            .await
            .map_err(|_| io::Error::other("the crowd did not come in time"))??;
        // Each says something more, so that what an event takes is there too.
        tokio::time::sleep(Duration::from_secs(3)).await;
        look()
    })
}

/// One live answer as it comes.
struct Live {
    stream: TcpStream,
    received: Vec<u8>,
    events: usize,
    last: u8,
    /// When the upstream sent the first event.
    sent: Option<Duration>,
}

impl Live {
    async fn open(address: SocketAddr, events: usize, interval: u64) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&live_request(&address.to_string(), events, interval)).await?;
        Ok(Self { stream, received: Vec::with_capacity(1024), events: 0, last: 0, sent: None })
    }

    /// Reads what has come; `true` at the end.
    async fn read(&mut self) -> io::Result<bool> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            return Err(io::Error::other("a proxy closed a stream"));
        }
        if self.sent.is_none() {
            if !b"HTTP/1.1 200".starts_with(&self.received[..self.received.len().min(12)]) {
                let said = String::from_utf8_lossy(&self.received).into_owned();
                return Err(io::Error::other(format!("a proxy did not stream: {said}")));
            }
            let text = String::from_utf8_lossy(&self.received);
            let after = text.split_once(SENT).and_then(|(_, after)| after.split_once(' '));
            match after.and_then(|(nanos, _)| nanos.parse().ok()) {
                Some(nanos) => self.sent = Some(Duration::from_nanos(nanos)),
                // The rest of the first event is still to come.
                None => return Ok(false),
            }
        }
        for byte in &self.received {
            self.events += usize::from(*byte == b'\n' && self.last == b'\n');
            self.last = *byte;
        }
        let ended = self.received.ends_with(b"0\r\n\r\n");
        self.received.clear();
        Ok(ended)
    }
}
