//! Certificates and keys: read from their files, or made.

use rcgen::CertifiedKey;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{Error, RootCertStore};

use super::settings::Files;
use super::{TlsError, TlsSettings};

/// A certificate, with those above it, and its private key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What the files of one side hold; a file that is not named holds nothing.
#[derive(PartialEq, Eq)]
pub(super) struct Material {
    certificate: Vec<u8>,
    key: Vec<u8>,
    trusted: Vec<u8>,
}

impl Material {
    /// Reads a server's files.
    pub(super) fn of_server(settings: &TlsSettings) -> Result<Self, TlsError> {
        if settings.test_mode_enable {
            return Ok(Self::none());
        }
        let files = settings.server_files();
        for missing in [files.certificate, files.key] {
            if missing.1.is_empty() {
                return Err(TlsError::Missing { missing: missing.0, given: "tls.test.mode.enable=false" });
            }
        }
        Self::read(&files)
    }

    /// Reads a client's files.
    pub(super) fn of_client(settings: &TlsSettings) -> Result<Self, TlsError> {
        if settings.test_mode_enable { Ok(Self::none()) } else { Self::read(&settings.client_files()) }
    }

    fn none() -> Self {
        Self { certificate: Vec::new(), key: Vec::new(), trusted: Vec::new() }
    }

    fn read(files: &Files<'_>) -> Result<Self, TlsError> {
        let read = |(key, path): (&'static str, &str)| {
            if path.is_empty() {
                return Ok(Vec::new());
            }
            std::fs::read(path).map_err(|source| TlsError::Unreadable { key, path: path.to_owned(), source })
        };
        Ok(Self { certificate: read(files.certificate)?, key: read(files.key)?, trusted: read(files.trusted)? })
    }

    /// The certificate and key of these files; one that is made now where there are none.
    pub(super) fn identity(&self, files: &Files<'_>) -> Result<Identity, TlsError> {
        if self.certificate.is_empty() && files.certificate.1.is_empty() {
            return Ok(self_signed()?);
        }
        let fail = |(key, path): (&'static str, &str), source| TlsError::Content { key, path: path.to_owned(), source };
        let chain = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| fail(files.certificate, error))?;
        if chain.is_empty() {
            return Err(Error::NoCertificatesPresented.into());
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| fail(files.key, error))?;
        Ok((chain, key))
    }

    /// The certificates that the other side's must come from; `given` is the setting that asks for them.
    pub(super) fn roots(&self, files: &Files<'_>, given: &'static str) -> Result<RootCertStore, TlsError> {
        let (key, path) = files.trusted;
        if path.is_empty() {
            return Err(TlsError::Missing { missing: key, given });
        }
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&self.trusted) {
            let content = |source| TlsError::Content { key, path: path.to_owned(), source };
            roots.add(certificate.map_err(content)?)?;
        }
        Ok(roots)
    }
}

/// A certificate for `localhost` that nobody vouches for, and its key.
///
/// # Errors
/// When the system gives no random numbers.
pub fn self_signed() -> Result<Identity, rcgen::Error> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    Ok((vec![cert.der().clone()], key.into()))
}
