//! A server of somebody else's, as a child of the test.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// It starts within two seconds; the rest is for a busy machine.
const PATIENCE: usize = 600;

/// A running server. Dropping it stops it.
pub(crate) struct Server {
    port: u16,
    child: Child,
}

impl Server {
    /// aimock with the project's own answers, where it is installed.
    pub(crate) fn aimock() -> Option<Self> {
        let script = installed("aimock")?.join("node_modules/@copilotkit/aimock/dist/cli.js");
        let fixtures = root().join("xtask/independent/aimock.json");
        let mut command = Command::new("node");
        command.arg(script).arg("--fixtures").arg(fixtures).args([
            "--strict",
            "--log-level",
            "warn",
            "--port",
        ]);
        Some(Self::start("aimock", command))
    }

    /// `LLMock`, where it is installed.
    pub(crate) fn llmock() -> Option<Self> {
        let mut command = Command::new(installed("llmock")?.join("bin/llmock"));
        command.args(["serve", "--host", "127.0.0.1", "--log-level", "warning", "--port"]);
        Some(Self::start("llmock", command))
    }

    fn start(name: &str, mut command: Command) -> Self {
        // It is free until somebody else takes it, which nobody does in the meantime.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = root().join(format!("target/independent/{name}.log"));
        let log = File::create(&path).unwrap();
        command.arg(port.to_string()).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut server = Self { port, child: command.spawn().unwrap() };
        for _ in 0..PATIENCE {
            if server.is_healthy().unwrap_or(false) {
                return server;
            }
            let gone = server.child.try_wait().unwrap();
            assert!(gone.is_none(), "{name} ended at once; see {}", path.display());
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} did not start; see {}", path.display());
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn is_healthy(&self) -> io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200 "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Neither can fail in a way that matters: the child is gone then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where it is installed, when that was done to its end.
fn installed(name: &str) -> Option<PathBuf> {
    let folder = root().join("target/independent").join(name);
    folder.join("installed").is_file().then_some(folder)
}
