//! The server as a process of its own, which is told what to do line by line.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
};

use tokio::sync::mpsc;

use crate::{SERVE, gone};

/// The server. It ends when it is dropped.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Server {
    /// Starts this program as the server. Its first line is its address.
    pub(crate) fn start() -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or_else(gone)?;
        let (sender, lines) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(io::Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Ok(Self { child, input, lines })
    }

    /// Tells it something.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        let input = self.input.as_mut().ok_or_else(gone)?;
        writeln!(input, "{line}")?;
        input.flush()
    }

    /// Waits for what it tells.
    pub(crate) async fn line(&mut self) -> io::Result<String> {
        self.lines.recv().await.ok_or_else(gone)
    }

    /// Waits until it tells this.
    pub(crate) async fn expect(&mut self, line: &str) -> io::Result<()> {
        while self.line().await? != line {}
        Ok(())
    }

    /// How many connections are open at its end.
    pub(crate) async fn open(&mut self) -> io::Result<usize> {
        self.say("open")?;
        self.line().await?.parse().map_err(io::Error::other)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.input = None;
        let _ = self.child.wait();
    }
}
