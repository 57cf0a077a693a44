//! TLS for remoting: what a server accepts and what a client dials with. A server's port takes TLS and plain text, told apart by the
//! first byte; which of them it serves is its [`TlsMode`]. Files are read here and nowhere else in this crate; which port is served
//! is [`crate::server`]'s business.

mod material;
mod settings;
#[cfg(test)]
mod tests;
mod trust;

use std::io;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::pem;
use tokio_rustls::rustls::server::VerifierBuilderError;
use tokio_rustls::rustls::{self, ClientConfig, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::keys::KeyError;
use material::Material;
pub use material::self_signed;
pub use settings::{ClientCertificates, DEFAULT_TLS_FILE, TlsMode, TlsSettings};

/// The first byte of a TLS handshake. A frame begins with its length, whose first byte is far smaller.
pub const HANDSHAKE: u8 = 0x16;

/// Why TLS cannot be served or dialled; one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the settings cannot be read.
    #[error("tls.config.file={path}: {source}")]
    ConfigFile {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A setting is wrong.
    #[error(transparent)]
    Setting(#[from] KeyError),
    /// A setting that another one needs is missing.
    #[error("{missing} is not set, but {given} asks for it")]
    Missing {
        /// The key that is missing.
        missing: &'static str,
        /// The key and value that need it.
        given: &'static str,
    },
    /// A file cannot be read.
    #[error("{key}={path}: {source}")]
    Unreadable {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{key}={path}: {source}")]
    Content {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: String,
        /// What is wrong.
        source: pem::Error,
    },
    /// A name in a list is not known.
    #[error("{key} has {name:?}, but what is known here is {known}")]
    Unknown {
        /// The key.
        key: &'static str,
        /// The name.
        name: String,
        /// The names that would do.
        known: String,
    },
    /// The certificate and the key cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The trusted certificates cannot be used.
    #[error("the trusted certificates cannot be used: {0}")]
    Trust(#[from] VerifierBuilderError),
    /// No certificate could be made.
    #[error("no certificate can be made: {0}")]
    Made(#[from] rcgen::Error),
}

/// What a server needs to speak TLS. Certificates are taken anew from their files by [`ServerTls::reload`].
pub struct ServerTls {
    mode: TlsMode,
    settings: TlsSettings,
    current: ArcSwap<ServerConfig>,
    /// What the files held when they were looked at last.
    seen: Mutex<Material>,
}

impl ServerTls {
    /// Reads the files that the settings name; without `tls.test.mode.enable=false` a certificate is made. `None` where TLS is off.
    ///
    /// # Errors
    /// When a file or a setting cannot be used; names its key.
    pub fn open(mode: TlsMode, settings: TlsSettings) -> Result<Option<Arc<Self>>, TlsError> {
        if mode == TlsMode::Disabled {
            return Ok(None);
        }
        let material = Material::of_server(&settings)?;
        let current = ArcSwap::new(Arc::new(server_config(&settings, &material)?));
        Ok(Some(Arc::new(Self { mode, settings, current, seen: Mutex::new(material) })))
    }

    /// Is plain text refused?
    pub fn is_enforced(&self) -> bool {
        self.mode == TlsMode::Enforcing
    }

    /// Is there a file whose content may change?
    pub(crate) fn has_files(&self) -> bool {
        !self.settings.test_mode_enable
    }

    /// Takes a certificate, key or trusted certificates that have changed into use for further connections. Says whether it did.
    /// Waits for the disk.
    ///
    /// # Errors
    /// When what the files hold now cannot be used, once for each content; what was in use stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let mut seen = self.seen.lock();
        let material = Material::of_server(&self.settings)?;
        if *seen == material {
            return Ok(false);
        }
        let config = server_config(&self.settings, &material);
        *seen = material;
        self.current.store(Arc::new(config?));
        Ok(true)
    }

    /// Makes a connection secure whose client has begun to speak TLS.
    pub(crate) async fn accept<IO>(&self, stream: IO) -> io::Result<server::TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }
}

/// What a client needs to speak TLS. Its files are read once.
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("ClientTls")
    }
}

impl ClientTls {
    /// Reads the files that the settings name. Without `tls.client.authServer` every server is trusted, as Apache's clients do.
    ///
    /// # Errors
    /// When a file or a setting cannot be used; names its key.
    pub fn open(settings: &TlsSettings) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self { config: Arc::new(client_config(settings)?) }))
    }

    /// Makes a connection to `address` (host:port) secure.
    pub(crate) async fn connect(&self, address: &str, stream: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(self.config.clone()).connect(name, stream).await
    }
}

fn server_config(settings: &TlsSettings, material: &Material) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(provider(settings)?);
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&versions(settings)?)?;
    let builder = match trust::of_clients(settings, material, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let (chain, key) = material.identity(&settings.server_files())?;
    Ok(builder.with_single_cert(chain, key)?)
}

fn client_config(settings: &TlsSettings) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(provider(settings)?);
    let material = Material::of_client(settings)?;
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&versions(settings)?)?;
    let verifier = trust::of_server(settings, &material, &provider)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    if settings.test_mode_enable || settings.client_cert_path.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    let (chain, key) = material.identity(&settings.client_files())?;
    Ok(builder.with_client_auth_cert(chain, key)?)
}

/// The algorithms: those that `tls.ciphers` names, or all that rustls has.
fn provider(settings: &TlsSettings) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    // rustls marks those of TLS 1.3, Java and the standard do not.
    let name = |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
    let known: Vec<String> = provider.cipher_suites.iter().map(name).collect();
    let wanted: Vec<&str> = listed(&settings.ciphers).collect();
    if let Some(unknown) = wanted.iter().find(|wanted| !known.iter().any(|known| known == *wanted)) {
        return Err(TlsError::Unknown { key: "tls.ciphers", name: (*unknown).to_owned(), known: known.join(", ") });
    }
    if !wanted.is_empty() {
        provider.cipher_suites.retain(|suite| wanted.contains(&name(suite).as_str()));
    }
    Ok(provider)
}

fn versions(settings: &TlsSettings) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let version = |name: &str| match name {
        "TLSv1.2" => Ok(&rustls::version::TLS12),
        "TLSv1.3" => Ok(&rustls::version::TLS13),
        _ => {
            Err(TlsError::Unknown { key: "tls.protocols", name: name.to_owned(), known: "TLSv1.2, TLSv1.3".to_owned() })
        }
    };
    let wanted = listed(&settings.protocols).map(version).collect::<Result<Vec<_>, _>>()?;
    Ok(if wanted.is_empty() { rustls::ALL_VERSIONS.to_vec() } else { wanted })
}

/// The names between the commas of a list.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// Where settings are when the operator has named another file than the default: that one has to exist.
fn must_exist(path: &Path) -> bool {
    path != Path::new(DEFAULT_TLS_FILE)
}
