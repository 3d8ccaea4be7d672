//! Who stands between the load and the upstream.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tokio::time::Instant;

use crate::{load, process::Process};

/// One of those that are compared.
#[derive(Clone, Debug)]
pub(crate) enum Proxy {
    Nginx,
    Ultraai(PathBuf),
    LiteLlm,
}

/// Where Debian puts what is not for every user.
const NGINX: &str = "/usr/sbin/nginx";

/// `ultraai` beside this program.
pub(crate) fn built_program() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("ultraai");
    match program.exists() {
        true => Ok(program),
        false => Err(io::Error::other(
            "there is no `ultraai`: run `cargo build --release -p ultraai-cli`, or give its path after `--ultraai`",
        )),
    }
}

impl Proxy {
    /// Those that are here.
    pub(crate) fn all(program: &Path) -> Vec<Self> {
        let mut all = vec![Self::Nginx, Self::Ultraai(program.to_owned())];
        match Command::new("litellm").arg("--version").output() {
            Ok(said) if said.status.success() => all.push(Self::LiteLlm),
            _ => println!("`litellm` is not on the path (pip install 'litellm[proxy]'): it is left out\n"),
        }
        all
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Ultraai(_) => "ultraai serve",
            Self::LiteLlm => "litellm",
        }
    }

    /// What went wrong with it, and when.
    pub(crate) fn failed(&self, what: &str, error: &io::Error) -> io::Error {
        io::Error::other(format!("{}, {what}: {error}", self.name()))
    }

    /// Whether it is asked to hold thousands of streams.
    pub(crate) fn holds_crowds(&self) -> bool {
        !matches!(self, Self::LiteLlm)
    }

    /// Starts it before `upstream`, and waits until it answers.
    pub(crate) fn start(&self, upstream: &Process) -> io::Result<Process> {
        self.started(upstream).map(|(process, _)| process)
    }

    /// How long it takes from its start to its first answer, each of so many times.
    pub(crate) fn starts(&self, upstream: &Process, times: u32) -> io::Result<Vec<Duration>> {
        (0..times).map(|_| self.started(upstream).map(|(_, took)| took)).collect()
    }

    fn started(&self, upstream: &Process) -> io::Result<(Process, Duration)> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let mut command = self.command(folder.path(), address, upstream.address())?;
        let begun = Instant::now();
        let mut process = Process::start(&mut command, address, folder)?;
        loop {
            match load::turn(address, 1, None, Duration::from_nanos(1)) {
                Ok(turn) if !turn.latencies.is_empty() => return Ok((process, begun.elapsed())),
                failed if begun.elapsed() > Duration::from_mins(1) => {
                    let why = failed.err().map_or_else(String::new, |error| error.to_string());
                    return Err(io::Error::other(format!("{} does not answer: {why}", self.name())));
                }
                _ => std::thread::sleep(Duration::from_micros(500)),
            }
            if let Some(status) = process.ended()? {
                return Err(io::Error::other(format!("{} ended before it answered: {status}", self.name())));
            }
        }
    }

    fn command(&self, folder: &Path, at: SocketAddr, upstream: SocketAddr) -> io::Result<Command> {
        let shown = folder.display();
        let written = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).map(|()| path)
        };
        match self {
            Self::Nginx => {
                let file = written("nginx.conf", nginx(&shown.to_string(), at, upstream))?;
                let mut command = Command::new(NGINX);
                command.arg("-c").arg(file).arg("-p").arg(folder).arg("-e").arg(folder.join("error.log"));
                Ok(command)
            }
            Self::Ultraai(program) => {
                let file = written("ultraai.toml", ultraai(upstream))?;
                let mut command = Command::new(program);
                command.args(["serve", "--listen", &at.to_string(), "--config"]).arg(file);
                command.args(WORKERS).env("XDG_STATE_HOME", folder).env("HOME", folder);
                Ok(command)
            }
            Self::LiteLlm => {
                let file = written("litellm.yaml", litellm(upstream))?;
                let mut command = Command::new("litellm");
                command.args(["--host", "127.0.0.1", "--port", &at.port().to_string(), "--config"]).arg(file);
                command.args(["--num_workers", "1", "--telemetry", "False"]);
                // Without a key of its own it starts only where it is told that it may: it serves this run alone.
                command.env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true");
                Ok(command)
            }
        }
    }
}

const WORKERS: [&str; 2] = ["--workers", "1"];

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

fn nginx(folder: &str, at: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "daemon off;\nworker_processes 1;\nworker_rlimit_nofile 20000;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 19000; }}\n\
         http {{\n\
         access_log {folder}/access.log;\n\
         client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
         keepalive_requests 100000000; tcp_nodelay on;\n\
         upstream bench {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
         server {{\n\
         listen {at} backlog=16384;\n\
         location / {{\n\
         proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
         proxy_buffering off; proxy_read_timeout 600s;\n\
         }}\n}}\n}}\n"
    )
}

fn ultraai(upstream: SocketAddr) -> String {
    format!(
        "[orchestrator]\nstrategy = \"simple\"\n\n[providers.bench]\ntype = \"openai\"\nmodel = \"bench-model\"\n\
         api_key = \"sk-upstream-0123456789\"\nbase_url = \"http://{upstream}/v1\"\n"
    )
}

fn litellm(upstream: SocketAddr) -> String {
    format!(
        "model_list:\n  - model_name: default\n    litellm_params:\n      model: openai/bench-model\n\
         \x20     api_key: sk-upstream-0123456789\n      api_base: http://{upstream}/v1\n"
    )
}
