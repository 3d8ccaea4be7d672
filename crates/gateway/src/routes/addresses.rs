//! The addresses that there are.

/// Method and path of each, as documentation and errors list them.
pub(crate) const ADDRESSES: [(&str, &str); 11] = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/orchestrate"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
];

/// What callers invent.
pub(super) const OTHER: &str = "other";

/// The address that a path belongs to; what callers invent is [`OTHER`].
pub(crate) fn route(path: &str) -> &'static str {
    let known = ADDRESSES.iter().map(|(_, address)| *address);
    known.into_iter().find(|address| *address == path).unwrap_or(match path.strip_prefix("/v1/models/") {
        Some(id) if !id.is_empty() => "/v1/models/{id}",
        _ => OTHER,
    })
}

/// Whether requests to this path stand in the access log and in the measurements: those of machines that look after us do not.
pub(super) fn is_in_the_books(path: &str) -> bool {
    !["/healthz", "/readyz", "/metrics"].contains(&path)
}

/// All of them in words.
pub(super) fn listed() -> String {
    ADDRESSES.map(|(method, path)| format!("{method} {path}")).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_after_us_stands_in_no_books() {
        let outside: Vec<_> = ADDRESSES.iter().filter(|(_, address)| !is_in_the_books(address)).collect();
        assert_eq!(outside, ADDRESSES[8..].iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_path_is_measured_as_its_address() {
        for (path, expected) in [
            ("/v1/chat/completions", "/v1/chat/completions"),
            ("/v1/models", "/v1/models"),
            ("/v1/models/openai/gpt-4o", "/v1/models/{id}"),
            ("/v1/models/", "other"),
            ("/v1/models/{id}", "/v1/models/{id}"),
            ("/wp-login.php", "other"),
        ] {
            assert_eq!(route(path), expected);
        }
    }
}
