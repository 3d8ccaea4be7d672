//! A server that answers nobody until it is told to, and then everybody at once.

use std::{
    io::{self, BufRead as _, Write as _},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    runtime::Builder,
    sync::watch,
    task::JoinSet,
};

const BODY: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"An answer."},"finish_reason":"stop"}],"usage":{"prompt_tokens":17,"completion_tokens":3,"total_tokens":20}}"#;

/// Connections that may wait to be accepted: the whole crowd comes at once.
const BACKLOG: u32 = 65_535;

/// Who waits for an answer.
#[derive(Debug)]
struct Crowd {
    expected: AtomicUsize,
    waiting: AtomicUsize,
    open: AtomicUsize,
    /// How often it was told to answer.
    answers: watch::Sender<usize>,
}

/// Serves until standard input ends. `expect N`: it tells `ready`, and `all` once N requests wait; `answer`: it answers them;
/// `open`: it tells how many connections are open.
pub(crate) fn run() -> io::Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        tell(&listener.local_addr()?.to_string())?;
        let crowd = Arc::new(Crowd {
            expected: AtomicUsize::new(usize::MAX),
            waiting: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            answers: watch::Sender::new(0),
        });
        let told = Arc::clone(&crowd);
        thread::spawn(move || obey(&told));
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await?;
            let crowd = Arc::clone(&crowd);
            connections.spawn(async move {
                crowd.open.fetch_add(1, SeqCst);
                // A client that leaves ends its connection.
                let _ = serve(stream, &crowd).await;
                crowd.open.fetch_sub(1, SeqCst);
            });
            while connections.try_join_next().is_some() {}
        }
    })
}

fn obey(crowd: &Crowd) {
    for line in io::stdin().lock().lines().map_while(io::Result::ok) {
        let done = match line.split_once(' ') {
            Some((_, number)) => {
                crowd.waiting.store(0, SeqCst);
                crowd.expected.store(number.parse().unwrap_or(usize::MAX), SeqCst);
                tell("ready")
            }
            None if line == "answer" => {
                crowd.answers.send_modify(|answers| *answers += 1);
                Ok(())
            }
            None => tell(&crowd.open.load(SeqCst).to_string()),
        };
        if done.is_err() {
            break;
        }
    }
    std::process::exit(0);
}

async fn serve(mut stream: TcpStream, crowd: &Crowd) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut answers = crowd.answers.subscribe();
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut received = Vec::new();
    while read_request(&mut stream, &mut received).await? {
        answers.mark_unchanged();
        if crowd.waiting.fetch_add(1, SeqCst) + 1 == crowd.expected.load(SeqCst) {
            tell("all")?;
        }
        if answers.changed().await.is_err() {
            break;
        }
        stream.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

/// Reads one request to its end; `false` where the client left.
async fn read_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<bool> {
    received.clear();
    loop {
        if stream.read_buf(received).await? == 0 {
            return Ok(false);
        }
        let text = String::from_utf8_lossy(received);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(true);
            }
        }
    }
}

fn tell(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
