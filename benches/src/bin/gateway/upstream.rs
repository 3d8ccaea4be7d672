//! The upstream: whole answers at once, live ones an event at a time.

use std::{
    io::{self, Read as _, Write as _},
    net::Ipv4Addr,
    thread,
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::bytes::{LIVE_HEAD, SENT, head_of, live_end, live_event, whole_answer};

/// Connections that may wait to be accepted: a whole crowd comes at once.
const BACKLOG: u32 = 16_384;

/// Serves until standard input ends.
pub(crate) fn run() -> io::Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        let mut output = io::stdout().lock();
        writeln!(output, "{}", listener.local_addr()?)?;
        output.flush()?;
        thread::spawn(|| {
            let _ = io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await?;
            // A client that leaves ends its connection.
            connections.spawn(async move { drop(serve(stream).await) });
            while connections.try_join_next().is_some() {}
        }
    })
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let whole = whole_answer();
    let mut received = Vec::with_capacity(4096);
    loop {
        received.clear();
        loop {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
            if head_of(&received).is_some_and(|(head, body)| received.len() >= head + body) {
                break;
            }
        }
        if received.windows(13).any(|bytes| bytes == br#""stream":true"#) {
            let (events, interval) = (order(&received, "max_completion_tokens"), order(&received, "seed"));
            live(&mut stream, events, Duration::from_millis(interval)).await?;
        } else {
            stream.write_all(&whole).await?;
        }
    }
}

/// The number of a field of the request.
fn order(request: &[u8], field: &str) -> u64 {
    let text = String::from_utf8_lossy(request);
    let after = text.split(&format!("\"{field}\":")).nth(1).unwrap_or_default();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

async fn live(stream: &mut TcpStream, events: u64, interval: Duration) -> io::Result<()> {
    let begun = Instant::now();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let first = live_event(&format!("{SENT}{} ", since.as_nanos()), "null");
    stream.write_all((LIVE_HEAD.to_owned() + &first).as_bytes()).await?;
    let next = live_event(" and clover", "null");
    for number in 1..events.saturating_sub(1) {
        sleep_until(begun + interval.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX))).await;
        stream.write_all(next.as_bytes()).await?;
    }
    sleep_until(begun + interval.saturating_mul(u32::try_from(events).unwrap_or(u32::MAX))).await;
    stream.write_all((live_event("", "\"stop\"") + &live_end()).as_bytes()).await
}
