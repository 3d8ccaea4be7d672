//! The program as it serves.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use ultraai_testkit::Server;

/// `ultraai serve`; it ends with this value.
pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

/// What the process holds.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
    /// Open files, sockets among them.
    pub(crate) files: usize,
    pub(crate) sockets: usize,
}

/// The three upstreams in turn; the last is well.
fn settings(upstreams: &[&Server; 3]) -> String {
    let [failing, limiting, steady] = upstreams.map(Server::url);
    format!(
        "[orchestrator]\nstrategy = \"fallback\"\ntimeout_seconds = 20\nfirst_event_timeout_seconds = 1\ngap_timeout_seconds = 1\n\n\
         [providers.failing]\ntype = \"openai\"\napi_key = \"sk-soak\"\nmodel = \"m\"\nbase_url = \"{failing}/v1\"\n\
         timeout_seconds = 1\nweight = 3\n\n\
         [providers.limiting]\ntype = \"anthropic\"\napi_key = \"sk-soak\"\nmodel = \"m\"\nbase_url = \"{limiting}\"\n\
         timeout_seconds = 1\nweight = 2\n\n\
         [providers.steady]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{steady}/v1\"\n"
    )
}

impl Gateway {
    pub(crate) fn start(upstreams: &[&Server; 3]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ultraai.toml"), settings(upstreams)).unwrap();
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_ultraai"))
            .args(["serve", "--workers", "2", "--config", "ultraai.toml", "--listen", &address.to_string()])
            .current_dir(folder.path())
            .env_clear()
            .env("XDG_STATE_HOME", folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap();
        let mut gateway = Self { child, address, folder };
        for _ in 0..600 {
            if TcpStream::connect(address).is_ok() {
                return gateway;
            }
            assert!(gateway.child.try_wait().unwrap().is_none(), "it ended: {}", gateway.read("err"));
            thread::sleep(Duration::from_millis(50));
        }
        panic!("it does not listen: {}", gateway.read("err"));
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it holds now.
    pub(crate) fn look(&self) -> Look {
        let process = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
        let files: Vec<_> = fs::read_dir(format!("{process}/fd")).unwrap().map_while(Result::ok).collect();
        let is_socket = |file: &&fs::DirEntry| {
            fs::read_link(file.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
        };
        let sockets = files.iter().filter(is_socket).count();
        Look { resident: kib * 1024, files: files.len(), sockets }
    }

    /// Stops it as an operator does, and returns what it wrote to standard output.
    pub(crate) fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "it ended with {status}: {}", self.read("err"));
        self.read("out")
    }

    fn read(&self, name: &str) -> String {
        let mut text = String::new();
        File::open(self.folder.path().join(name)).unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = std::io::stderr().write_all(self.read("err").as_bytes());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
