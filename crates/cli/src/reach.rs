//! Whether somebody answers at a provider's address.

use std::time::Duration;

use serde::Serialize;
use tokio::{net::TcpStream, time::timeout};
use ultraai_settings::{ProviderSummary, host_and_port};

/// Upper bound of looking whether a provider is reachable.
const LIMIT: Duration = Duration::from_secs(2);

/// Whether somebody answers at a provider's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reach {
    /// A connection could be made.
    Reachable,
    /// None could be made, within two seconds.
    Unreachable,
    /// It is asked through a proxy, and only that knows.
    ThroughProxy,
    /// It has no address: it is in this program, or nobody knows.
    NoAddress,
}

impl Reach {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Unreachable => "not reachable",
            Self::ThroughProxy => "through its proxy",
            Self::NoAddress => "-",
        }
    }
}

/// Connects to the host and sends nothing, no key above all.
pub(crate) async fn reach(provider: &ProviderSummary) -> Reach {
    let place = provider.base_url.as_deref().and_then(host_and_port);
    let Some((host, port)) = place else { return Reach::NoAddress };
    if provider.is_behind_proxy {
        return Reach::ThroughProxy;
    }
    match timeout(LIMIT, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => Reach::Reachable,
        _ => Reach::Unreachable,
    }
}
