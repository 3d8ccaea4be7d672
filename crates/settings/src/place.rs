//! Host and port of an address.

/// The host and the port of an address, for a look whether somebody answers there.
///
/// ```
/// use ultraai_settings::host_and_port;
/// assert_eq!(host_and_port("https://api.example.com/v1"), Some(("api.example.com".into(), 443)));
/// assert_eq!(host_and_port("http://[::1]:8080"), Some(("::1".into(), 8080)));
/// assert_eq!(host_and_port("nonsense"), None);
/// ```
pub fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (scheme, rest) = address.trim().split_once("://")?;
    let port = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    split_port(authority, port)
}

/// `host`, `host:port`, `[v6]`, `[v6]:port` or `:port`.
pub(crate) fn split_port(authority: &str, default: u16) -> Option<(String, u16)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        let port = match after.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None if after.is_empty() => default,
            None => return None,
        };
        return Some((host.to_owned(), port));
    }
    match authority.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Some((authority.to_owned(), default)),
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None if authority.is_empty() => None,
        None => Some((authority.to_owned(), default)),
    }
}
