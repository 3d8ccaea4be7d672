//! TLS by rustls over ring, with the roots that the platform trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use ultraai_core::{Error, ErrorKind, Result};

/// A client's configuration; without roots it trusts nobody, which spares reading them where no TLS is spoken.
///
/// It is given to each client, so that the process's default provider stays the application's own business.
pub(crate) fn config(with_roots: bool) -> Result<ClientConfig> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let wrong = |error: rustls::Error| {
        let message = "the certificates that this system trusts cannot be read: install its CA certificates";
        Error::new(ErrorKind::Config, message).with_source(error)
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = if with_roots {
        let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(wrong)?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_that_trusts_nobody_needs_no_roots() {
        assert!(super::config(false).is_ok());
    }
}
