//! TLS on the gRPC port: the operator's certificate, or one made at each start. Clients of 5.x speak TLS unless told otherwise, and trust
//! any certificate.

use std::path::Path;
use std::sync::Arc;

use rcgen::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::BrokerConfig;

/// The protocol that clients must agree to.
const HTTP2: &[u8] = b"h2";

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the two files is not named.
    #[error("{missing} is not set, but {given} is: a certificate and its key belong together")]
    Half {
        /// The key that is missing.
        missing: &'static str,
        /// The key that is there.
        given: &'static str,
    },
    /// A file cannot be read, or is not what it should be.
    #[error("{key}={path}: {source}")]
    File {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: String,
        /// What is wrong.
        source: pem::Error,
    },
    /// The certificate and the key cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// No certificate could be made.
    #[error("no certificate can be made: {0}")]
    Made(#[from] rcgen::Error),
}

/// What accepts TLS with the configured certificate, or with one that is made now.
///
/// # Errors
/// When the certificate or its key cannot be used; names the key.
pub(super) fn acceptor(config: &BrokerConfig) -> Result<TlsAcceptor, TlsError> {
    const CERTIFICATE: &str = "tlsCertPath";
    const KEY: &str = "tlsKeyPath";
    let (chain, key) = match (config.tls_cert_path.as_str(), config.tls_key_path.as_str()) {
        ("", "") => self_signed()?,
        ("", _) => return Err(TlsError::Half { missing: CERTIFICATE, given: KEY }),
        (_, "") => return Err(TlsError::Half { missing: KEY, given: CERTIFICATE }),
        (certificate, key) => {
            let fail = |key, path: &str, source| TlsError::File { key, path: path.to_owned(), source };
            let chain = CertificateDer::pem_file_iter(Path::new(certificate)).and_then(Iterator::collect);
            let chain = chain.map_err(|error| fail(CERTIFICATE, certificate, error))?;
            let private = PrivateKeyDer::from_pem_file(Path::new(key));
            (chain, private.map_err(|error| fail(KEY, key, error))?)
        }
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let versions = builder.with_safe_default_protocol_versions()?;
    let mut server = versions.with_no_client_auth().with_single_cert(chain, key)?;
    server.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn self_signed() -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    Ok((vec![cert.der().clone()], key.into()))
}
