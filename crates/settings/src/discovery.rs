//! Finds what is there when nothing is configured: keys in the environment, servers of this machine.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::time::timeout;
use ultraai_core::{Error, ErrorKind, Lookup, ProviderId, ProviderRegistration, Registry, Result};

use crate::{Origin, place::split_port, probe::first_model, table::Row};

/// Ollama's port, when `OLLAMA_HOST` names no other.
const OLLAMA_PORT: u16 = 11434;

/// llama.cpp's port, when `LLAMA_ARG_PORT` names no other.
const LLAMA_CPP_PORT: u16 = 8080;

/// A server of this machine lists its models in a few milliseconds; both are asked at the same time, so this
/// is the most that discovery takes.
const LIMIT: Duration = Duration::from_millis(300);

/// The servers of this machine that are looked for. Only loopback addresses are ever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalServers {
    /// Where Ollama would be. Default: 127.0.0.1:11434, or `OLLAMA_HOST` where that is of this machine.
    pub ollama: Option<SocketAddr>,
    /// Where llama.cpp's server would be. Default: 127.0.0.1:8080, or `LLAMA_ARG_HOST` and `LLAMA_ARG_PORT`.
    pub llama_cpp: Option<SocketAddr>,
    /// Upper bound of looking for both, together. Default: 0.3 seconds.
    pub limit: Duration,
}

impl LocalServers {
    /// Their usual addresses, or those that the servers' own variables name.
    pub fn from_lookup(lookup: &Lookup) -> Self {
        let llama_host = lookup.get("LLAMA_ARG_HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
        let llama_port = match lookup.get("LLAMA_ARG_PORT") {
            Some(port) => port.trim().parse().ok(),
            None => Some(LLAMA_CPP_PORT),
        };
        Self {
            ollama: loopback(&lookup.get("OLLAMA_HOST").unwrap_or_default(), OLLAMA_PORT),
            llama_cpp: llama_port.and_then(|port| loopback(&llama_host, port)),
            limit: LIMIT,
        }
    }

    /// None at all.
    pub fn none() -> Self {
        Self { ollama: None, llama_cpp: None, limit: LIMIT }
    }
}

/// The loopback address that a server's own variable names, as `host`, `host:port`, `:port` or with a scheme.
fn loopback(text: &str, port: u16) -> Option<SocketAddr> {
    let text = text.trim().trim_start_matches("http://").trim_end_matches('/');
    let (host, port) = if text.is_empty() { (String::new(), port) } else { split_port(text, port)? };
    let ip = match host.as_str() {
        // What listens everywhere is reached here.
        "" | "localhost" | "0.0.0.0" | "::" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.parse().ok()?,
    };
    ip.is_loopback().then_some(SocketAddr::new(ip, port))
}

/// What was found, and what there is to say about it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) rows: Vec<Row>,
    pub(crate) notices: Vec<String>,
}

/// Finds candidates. With nothing there, the mock is one, and a notice says so.
///
/// # Errors
/// `Config` when nothing was found and no mock is linked.
pub(crate) async fn discover(registry: &Registry, lookup: &Lookup, servers: LocalServers) -> Result<Found> {
    let mut found = Found::default();
    for row in registry.providers() {
        let Some(variable) = row.key_variables.iter().find(|name| lookup.get(name).is_some()) else {
            continue;
        };
        match row.default_model {
            Some(model) => {
                let origin = Origin::Discovered(format!("the variable {variable} is set"));
                let settings = settings(row.name, [("model", model.to_owned())]);
                found.rows.push(Row::found(row.name, settings, origin, registry)?);
            }
            // A key that a server of one's own may want says nothing about whether there is one.
            None if row.key_optional => {}
            None => found.notices.push(format!(
                "{variable} is set, but `{}` has no usual model: name one, as in `--provider {}/MODEL`",
                row.name, row.name
            )),
        }
    }
    let ollama = find_server("ollama", "Ollama", servers.ollama, registry);
    let llama_cpp = find_server("llama-cpp", "llama.cpp", servers.llama_cpp, registry);
    // Each is bounded by itself, so that one that does not answer takes nothing from the other.
    let (ollama, llama_cpp) = tokio::join!(timeout(servers.limit, ollama), timeout(servers.limit, llama_cpp));
    for row in [ollama, llama_cpp] {
        found.rows.extend(row.ok().flatten().transpose()?);
    }
    if found.rows.is_empty() {
        let Ok(mock) = registry.provider_registration("mock") else {
            let message = "no provider is configured, and none was found: write `ultraai.toml`, or set a vendor's key variable";
            return Err(Error::new(ErrorKind::Config, message));
        };
        let origin = Origin::Discovered("no key and no local server was found".to_owned());
        found.rows.push(Row::found(
            "mock",
            settings("mock", mock.default_model.map(|model| ("model", model.to_owned()))),
            origin,
            registry,
        )?);
        found.notices.push(
            "no provider is configured, and neither a key nor a local server was found: the mock answers, which is no model; `ultraai config --init` writes a settings file"
                .to_owned(),
        );
    }
    Ok(found)
}

/// The provider that an argument names by its bare type, with what its server on this machine has; `None` where the
/// type has a usual model, or no server answers.
pub(crate) async fn named_server(
    name: &str,
    registry: &Registry,
    servers: LocalServers,
) -> Option<Result<Row>> {
    let (title, address) = match name {
        "ollama" => ("Ollama", servers.ollama),
        "llama-cpp" => ("llama.cpp", servers.llama_cpp),
        _ => return None,
    };
    if registry.provider_registration(name).ok()?.default_model.is_some() {
        return None;
    }
    timeout(servers.limit, find_server(name, title, address, registry)).await.ok()?
}

async fn find_server(
    id: &str,
    name: &str,
    address: Option<SocketAddr>,
    registry: &Registry,
) -> Option<Result<Row>> {
    let address = address?;
    let kind =
        registry.provider_registration(id).or_else(|_| registry.provider_registration("compatible")).ok()?;
    let model = first_model(address).await?;
    let origin = Origin::Discovered(format!("{name} answers at {address}"));
    let settings = settings(kind.name, [("model", model), ("base_url", base_url(kind, address))]);
    Some(Row::found(id, settings, origin, registry))
}

/// The provider's usual address with another host; its path is the provider's own matter.
fn base_url(kind: &ProviderRegistration, address: SocketAddr) -> String {
    let usual = kind.base_url.and_then(|url| url.split_once("://"));
    let path = match usual {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => "v1",
    };
    format!("http://{address}/{path}").trim_end_matches('/').to_owned()
}

fn settings(kind: &str, more: impl IntoIterator<Item = (&'static str, String)>) -> Map<String, Value> {
    let kind = ("type", kind.to_owned());
    std::iter::once(kind).chain(more).map(|(key, value)| (key.to_owned(), Value::String(value))).collect()
}

impl Row {
    fn found(id: &str, settings: Map<String, Value>, origin: Origin, registry: &Registry) -> Result<Self> {
        let origins = settings.keys().map(|key| (key.clone(), origin.clone())).collect();
        Self::new(ProviderId::new(id)?, settings, origin, origins, registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_looked_at() {
        let at = |text| loopback(text, 11434).map(|address| address.to_string());
        for text in ["", "127.0.0.1", "0.0.0.0", "localhost", "http://127.0.0.1:11434/"] {
            assert_eq!(at(text).as_deref(), Some("127.0.0.1:11434"), "{text}");
        }
        assert_eq!(at(":5").as_deref(), Some("127.0.0.1:5"));
        assert_eq!(at("[::1]:5").as_deref(), Some("[::1]:5"));
        for text in ["192.168.1.9", "ollama.example.com:11434", "10.0.0.1:1", "https://example.com"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
