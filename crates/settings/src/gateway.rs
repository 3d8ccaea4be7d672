//! The table `[gateway]`: how `ultraai serve` listens, and what it keeps to.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

/// How the gateway listens, and what it keeps to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GatewaySettings {
    /// Where it listens. Default: 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// Threads that serve, each with its own connections. Default: as many as the machine has cores.
    pub workers: Option<usize>,
    /// The folder of keys and spend. Default: `ultraai` in the user's folder for state.
    pub state_folder: Option<PathBuf>,
    /// Names that stand for others in a request's `model`, such as `gpt-4o = "default"`. Default: none.
    pub aliases: BTreeMap<String, String>,
    /// Upper bound of a request's body, in bytes. Default: 32 MiB.
    pub max_body_bytes: usize,
    /// Upper bound of a request's head, in bytes. Default: 64 KiB.
    pub max_header_bytes: usize,
    /// Upper bound of open connections; beyond it new ones wait. Default: 20,000.
    pub max_connections: usize,
    /// How long a connection may take to send the head of a request, and stay open between two. Default: 75 seconds.
    pub idle_timeout: Duration,
    /// How long a caller may send nothing of a body that it began, or read nothing of an answer. Default: 60 seconds.
    pub stall_timeout: Duration,
    /// How long a stream says nothing before a comment line keeps it open. Default: 10 seconds.
    pub keep_alive: Duration,
    /// How long requests under way may go on once the server is told to stop. Default: 30 seconds.
    pub shutdown_timeout: Duration,
    /// Origins whose pages may call it from a browser; `*` means all. Default: none.
    pub cors_origins: Vec<String>,
    /// Whether each request is told on standard output, without content. Default: yes.
    pub access_log: bool,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            workers: None,
            state_folder: None,
            aliases: BTreeMap::new(),
            max_body_bytes: 32 << 20,
            max_header_bytes: 64 << 10,
            max_connections: 20_000,
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_mins(1),
            keep_alive: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
            cors_origins: Vec::new(),
            access_log: true,
        }
    }
}
