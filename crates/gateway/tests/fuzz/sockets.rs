//! Malformed bytes over a socket.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use fastrand::Rng;
use ultraai_gateway::{App, Metrics, ServeOptions, Server, State};

use super::{samples::SAMPLES, set, settings};

/// Connections of one run.
const CONNECTIONS: u64 = 3_000;

/// A server that ends with the test's process.
fn server() -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut settings = runtime.block_on(settings(folder.path()));
    settings.gateway.listen = ([127, 0, 0, 1], 0).into();
    settings.gateway.workers = Some(1);
    let app = Arc::new(App::new(settings, State::in_memory(), Metrics::default()).unwrap());
    let server = Server::bind(app).unwrap();
    let address = server.address();
    thread::spawn(move || server.run(ServeOptions::default()));
    address
}

/// A caller who waits for an answer, and not for ever.
fn caller(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// What is answered to `bytes`, after which nothing more is sent: the server may take that for the caller's leaving.
fn said(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = caller(address);
    // The server may have refused, and closed, before all is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// What is answered to a question about health, by one who stays until it is answered.
fn health(address: SocketAddr) -> io::Result<String> {
    let mut stream = caller(address);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn valid(random: &mut Rng) -> Vec<u8> {
    let sample = &SAMPLES[random.usize(..SAMPLES.len())];
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        sample.path,
        sample.body.len()
    );
    [head.as_bytes(), sample.body.as_bytes()].concat()
}

fn spoil(random: &mut Rng, bytes: &mut Vec<u8>) {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
    let at = random.usize(..head.max(1));
    match random.u8(..9) {
        0 => bytes.truncate(at),
        1 | 2 => bytes[at] ^= 1 << random.u8(..8),
        3 => bytes.insert(at, random.u8(..)),
        4 => drop(bytes.drain(at..(at + random.usize(..30)).min(head))),
        5 => {
            let line = b"content-length: 7\r\n";
            bytes.splice(head - 2..head - 2, line.iter().copied());
        }
        6 => {
            let line = b"transfer-encoding: chunked\r\n";
            bytes.splice(head - 2..head - 2, line.iter().copied());
        }
        7 => {
            let line = format!("x-long: {}\r\n", "a".repeat(random.usize(1..200_000)));
            bytes.splice(head - 2..head - 2, line.bytes());
        }
        _ => {
            let lines: Vec<_> =
                (0..random.usize(1..300)).map(|number| format!("x-{number}: a\r\n")).collect();
            bytes.splice(head - 2..head - 2, lines.concat().into_bytes());
        }
    }
}

#[test]
fn a_malformed_head_is_refused_and_the_next_request_is_answered() {
    let (connections, seed) =
        (set("ULTRAAI_FUZZ_CONNECTIONS", CONNECTIONS), set("ULTRAAI_FUZZ_SEED", 0x5eed));
    let address = server();
    let mut random = Rng::with_seed(seed);
    for number in 0..connections {
        let mut bytes = valid(&mut random);
        spoil(&mut random, &mut bytes);
        let answer = said(address, &bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
        let told = String::from_utf8_lossy(&answer).into_owned();
        let line = told.lines().next().unwrap_or_default();
        let is_answer = ["HTTP/1.1 2", "HTTP/1.1 4", "HTTP/1.0 2", "HTTP/1.0 4"]
            .iter()
            .any(|good| line.starts_with(good));
        assert!(
            answer.is_empty() || is_answer,
            "number {number} of the seed {seed}: `{line}` is the answer to\n{shown}"
        );
        if number % 100 == 0 {
            let healthy = health(address);
            assert!(
                healthy.as_ref().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")),
                "number {number} of the seed {seed} broke it: {healthy:?} after\n{shown}"
            );
        }
    }
    println!("{connections} connections from the seed {seed}");
}
