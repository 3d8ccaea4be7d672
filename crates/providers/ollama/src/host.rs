//! The address in Ollama's own variable, read as Ollama's own clients read it.

use ultraai_core::{Error, ErrorKind, Result};
use ultraai_wire::BaseUrl;

/// The variable that names the server's address, for the server and for its clients.
pub(crate) const HOST_VARIABLE: &str = "OLLAMA_HOST";

/// Ollama's port, where the variable names neither a port nor a scheme, which has a port of its own.
const PORT: u16 = 11434;

/// Reads `host`, `host:port`, `:port` or a whole address.
///
/// # Errors
/// `Config`, which names the variable.
pub(crate) fn address(text: &str) -> Result<BaseUrl> {
    let url = url(text);
    BaseUrl::parse(&url).map_err(|error| {
        let why = error.message().replace("`base_url`", HOST_VARIABLE);
        Error::new(ErrorKind::Config, format!("{why}, or set `base_url`"))
    })
}

fn url(text: &str) -> String {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = host_and_port(authority);
    // What listens everywhere is reached here.
    let host = match host.trim_matches(['[', ']']) {
        "" | "0.0.0.0" | "::" => "localhost".to_owned(),
        bare if bare.contains(':') => format!("[{bare}]"),
        _ => host.to_owned(),
    };
    let port = match (port, scheme) {
        (Some(port), _) => format!(":{port}"),
        (None, Some(_)) => String::new(),
        (None, None) => format!(":{PORT}"),
    };
    format!("{}://{host}{port}/{path}", scheme.unwrap_or("http"))
}

/// The host, and what stands behind its colon.
fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // A bare IPv6 address has colons of its own.
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => (authority, None),
        Some((host, port)) if !port.ends_with(']') => (host, Some(port).filter(|port| !port.is_empty())),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_every_form_that_ollama_takes() {
        for (text, expected) in [
            ("", "http://localhost:11434/"),
            ("0.0.0.0", "http://localhost:11434/"),
            ("0.0.0.0:8000", "http://localhost:8000/"),
            (":8000", "http://localhost:8000/"),
            ("127.0.0.1", "http://127.0.0.1:11434/"),
            ("box.example", "http://box.example:11434/"),
            (" \"box:8000\" ", "http://box:8000/"),
            ("http://box", "http://box/"),
            ("http://box:8000/", "http://box:8000/"),
            ("http://0.0.0.0:8000", "http://localhost:8000/"),
            ("https://box.example/ollama", "https://box.example/ollama"),
            ("[::]:8000", "http://localhost:8000/"),
            ("::", "http://localhost:11434/"),
            ("::1", "http://[::1]:11434/"),
            ("[::1]", "http://[::1]:11434/"),
            ("[::1]:8000", "http://[::1]:8000/"),
        ] {
            assert_eq!(url(text), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_by_the_variables_name() {
        for text in ["box:many", "ftp://box", "http://user:word@box:1"] {
            let error = address(text).unwrap_err().to_string();
            assert!(
                error.starts_with("OLLAMA_HOST ") && error.ends_with("or set `base_url`"),
                "{text}: {error}"
            );
            assert!(!error.contains("word"), "{error}");
        }
    }
}
