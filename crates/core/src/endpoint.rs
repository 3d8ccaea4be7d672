//! Where a provider sends, and as whom.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::OnceLock,
};

use crate::Secret;

/// Where a provider sends, and as whom. What belongs to both, such as a rate limit or an outage, is shared by the candidates
/// that have both in common.
///
/// Of the credential it keeps a fingerprint, which is another one in every process and is not printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EndpointId {
    host: String,
    credential: Option<u64>,
}

impl EndpointId {
    /// The endpoint at `host`, with its port, for whoever has `credential`.
    pub fn new(host: impl Into<String>, credential: Option<&Secret>) -> Self {
        static HASHER: OnceLock<RandomState> = OnceLock::new();
        let fingerprint = |secret: &Secret| HASHER.get_or_init(RandomState::new).hash_one(secret.expose());
        Self { host: host.into(), credential: credential.map(fingerprint) }
    }

    /// The host, with its port.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Debug for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointId").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_credentials_apart_and_does_not_print_them() {
        let id = |key: &str| EndpointId::new("localhost:1", Some(&Secret::new(key).unwrap()));
        assert_eq!(id("sk-1"), id("sk-1"));
        assert_ne!(id("sk-1"), id("sk-2"));
        assert_ne!(id("sk-1"), EndpointId::new("localhost:1", None));
        assert_eq!(format!("{:?}", id("sk-1")), "EndpointId { host: \"localhost:1\", .. }");
    }
}
