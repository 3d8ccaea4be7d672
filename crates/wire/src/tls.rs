//! TLS by rustls over ring, with the roots that the platform trusts.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use ultraai_core::{Error, ErrorKind, Result};

/// A client's configuration; without roots it trusts nobody, which spares reading them where no TLS is spoken. The
/// authorities in `ca_file` are trusted besides the platform's.
///
/// It is given to each client, so that the process's default provider stays the application's own business.
pub(crate) fn config(with_roots: bool, ca_file: Option<&Path>) -> Result<ClientConfig> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let wrong = |error: rustls::Error| match ca_file {
        Some(path) => unusable(path, "holds a certificate that is not valid").with_source(error),
        None => {
            let message =
                "the certificates that this system trusts cannot be read: install its CA certificates";
            Error::new(ErrorKind::Config, message).with_source(error)
        }
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = if with_roots {
        let own = ca_file.map(authorities).transpose()?.unwrap_or_default();
        let verifier =
            rustls_platform_verifier::Verifier::new_with_extra_roots(own, provider).map_err(wrong)?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates in a file.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(path).map_err(|error| unusable(path, "cannot be read").with_source(error))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| unusable(path, "is no PEM file").with_source(error))?;
    match certificates.is_empty() {
        true => Err(unusable(path, "holds no certificate in PEM form")),
        false => Ok(certificates),
    }
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the file {} of `http.ca_file` {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_client_that_trusts_nobody_needs_no_roots() {
        assert!(config(false, None).is_ok());
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_its_path() {
        let folder = std::env::temp_dir();
        let file = |name: &str| folder.join(format!("ultraai-wire-{}-{name}.pem", std::process::id()));
        let cases: [(PathBuf, Option<&str>, &str); 3] = [
            (file("missing"), None, "cannot be read"),
            (file("empty"), Some("hello"), "holds no certificate"),
            (
                file("broken"),
                Some("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"),
                "is not valid",
            ),
        ];
        for (path, text, why) in cases {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let error = config(true, Some(&path)).unwrap_err();
            let _ = std::fs::remove_file(&path);
            assert_eq!(error.kind(), ErrorKind::Config);
            let said = error.to_string();
            assert!(said.contains(why) && said.contains(&path.display().to_string()), "{said}");
        }
    }
}
