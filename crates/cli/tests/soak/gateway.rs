//! The program as it serves.

use std::{
    fs::{self, File},
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use tempfile::TempDir;
use ultraai_testkit::Server;

use crate::books::Log;

/// Seconds that a request may take in all, which is more than any should need: while others are left to ask one candidate has two thirds of
/// what is left, so that the last of the three has a ninth. It must be enough for that one on a machine that is busy with other things, where
/// a second goes by before it has read a big request.
pub(crate) const TIMEOUT_SECONDS: u64 = 30;

/// `ultraai serve`; it ends with this value.
pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
    upstreams: [String; 3],
    folder: TempDir,
    log: Option<JoinHandle<Log>>,
}

/// What the process holds.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
    /// Open files, sockets among them.
    pub(crate) files: usize,
}

/// The three upstreams in turn. A machine that is busy with other things may keep the last, which is well, silent for a second: that is
/// no fault of ours, so it has two. The others have one for all that they do.
///
/// Each version has an alias of its own, and other connections and credentials for the two that fail: what is known of those that were
/// before, such as that they want to be left alone for an hour, is not true of them.
fn settings([failing, limiting, steady]: &[String; 3], version: usize) -> String {
    let headers = 100 + version % 2;
    format!(
        "[gateway]\naliases = {{ \"version-{version}\" = \"default\" }}\n\n\
         [orchestrator]\nstrategy = \"fallback\"\ntimeout_seconds = {TIMEOUT_SECONDS}\nfirst_event_timeout_seconds = 4\n\
         gap_timeout_seconds = 2\n\n\
         [orchestrators.together]\nstrategy = \"parallel\"\nproviders = [\"limiting\", \"steady\"]\n\n\
         [providers.failing]\ntype = \"openai\"\napi_key = \"sk-soak-{version}\"\nmodel = \"m\"\nbase_url = \"{failing}/v1\"\n\
         timeout_seconds = 1\nweight = 3\nhttp = {{ max_headers = {headers} }}\n\n\
         [providers.limiting]\ntype = \"anthropic\"\napi_key = \"sk-soak-{version}\"\nmodel = \"m\"\nbase_url = \"{limiting}\"\n\
         timeout_seconds = 1\nweight = 2\nhttp = {{ max_headers = {headers} }}\n\n\
         [providers.steady]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{steady}/v1\"\n"
    )
}

/// The program in its folder.
fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ultraai"));
    command.current_dir(folder.path()).env_clear().env("XDG_STATE_HOME", folder.path());
    command.env("HOME", folder.path()).stdin(Stdio::null());
    command
}

impl Gateway {
    /// Starts it, and makes a key with each of these sets of terms before.
    pub(crate) fn start<const KEYS: usize>(
        upstreams: &[&Server; 3],
        terms: [&[&str]; KEYS],
    ) -> (Self, [String; KEYS]) {
        let folder = tempfile::tempdir().unwrap();
        let upstreams = upstreams.map(Server::url);
        fs::write(folder.path().join("ultraai.toml"), settings(&upstreams, 0)).unwrap();
        let keys = terms.map(|terms| {
            let made =
                program(&folder).args(["keys", "create", "--name", "soak"]).args(terms).output().unwrap();
            assert!(made.status.success(), "{made:?}");
            String::from_utf8(made.stdout).unwrap().trim().to_owned()
        });
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let mut child = program(&folder)
            .args(["serve", "--workers", "2", "--config", "ultraai.toml", "--listen", &address.to_string()])
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("err")).unwrap())
            .spawn()
            .unwrap();
        let log = child.stdout.take().unwrap();
        let log = Some(thread::spawn(move || Log::read(log)));
        let mut gateway = Self { child, address, upstreams, folder, log };
        for _ in 0..600 {
            if TcpStream::connect(address).is_ok() {
                gateway.settle();
                return (gateway, keys);
            }
            assert!(gateway.child.try_wait().unwrap().is_none(), "it ended: {}", gateway.said());
            thread::sleep(Duration::from_millis(50));
        }
        panic!("it does not listen: {}", gateway.said());
    }

    /// Waits until all workers have opened what they need: for a second nothing more is open.
    fn settle(&self) {
        let (mut files, mut same) = (0, 0);
        while same < 20 {
            thread::sleep(Duration::from_millis(50));
            let now = self.look().files;
            same = if now == files { same + 1 } else { 0 };
            files = now;
        }
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
        let files = fs::read_dir(format!("{process}/fd")).unwrap().count();
        Look { resident: kib * 1024, files }
    }

    /// Has it read other settings, as an operator does.
    pub(crate) fn reload(&self, version: usize) {
        let new = self.folder.path().join("new.toml");
        fs::write(&new, settings(&self.upstreams, version)).unwrap();
        fs::rename(new, self.folder.path().join("ultraai.toml")).unwrap();
        self.signal("-HUP");
    }

    /// Stops it, and returns its access log.
    pub(crate) fn stop(mut self) -> Log {
        self.signal("-TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "it ended with {status}: {}", self.said());
        self.log.take().unwrap().join().unwrap()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "kill {signal}: {sent}");
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("err")).unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = std::io::stderr().write_all(self.said().as_bytes());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
