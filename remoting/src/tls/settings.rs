//! The settings in `tls.properties`, under Apache's names. The mode of a server and the file's place are keys of the servers' own
//! configuration, as they are options of Java's machine with Apache.

use std::io;
use std::path::Path;

use super::{TlsError, must_exist};
use crate::keys::{Inert, Loaded, Promise, Warning};

/// Where the settings are unless an operator names another file.
pub const DEFAULT_TLS_FILE: &str = "/etc/rocketmq/tls.properties";

crate::words! {
    /// Whether a server's port takes TLS.
    pub enum TlsMode {
        /// Plain text only.
        Disabled = "disabled",
        /// Both, as each client likes.
        Permissive = "permissive",
        /// TLS only.
        Enforcing = "enforcing",
    }
}

crate::words! {
    /// Whether a server asks clients for a certificate.
    pub enum ClientCertificates {
        /// It does not ask.
        None = "none",
        /// It asks; a client may have none.
        Optional = "optional",
        /// It asks; a client that has none is turned away.
        Require = "require",
    }
}

crate::config_keys! {
    /// What `tls.properties` says. Files are PEM; a key's file has one key that is not encrypted.
    pub struct TlsSettings;
    inert INERT;
    promises PROMISES;

    section "Both sides";
    /// Whether to do without files: a server makes itself a certificate at each start, a client trusts every server.
    "tls.test.mode.enable" [fixed] test_mode_enable: bool = true;
    /// The only ciphers to use, by their standard names, with commas between them.
    /// Default: those that rustls takes for safe.
    "tls.ciphers" [fixed] ciphers: String = String::new();
    /// The only versions to use, of TLSv1.2 and TLSv1.3, with a comma between them.
    /// Default: both.
    "tls.protocols" [fixed] protocols: String = String::new();

    section "Server";
    /// Whether clients are asked for a certificate: none, optional or require.
    "tls.server.need.client.auth" [fixed] server_need_client_auth: ClientCertificates = ClientCertificates::None;
    /// Whether a client's certificate must come from a trusted one; otherwise every certificate will do.
    "tls.server.authClient" [fixed] server_auth_client: bool = false;
    /// File with the certificates that clients' must come from.
    "tls.server.trustCertPath" [fixed] server_trust_cert_path: String = String::new();
    /// File with the server's certificate and those above it.
    "tls.server.certPath" [fixed] server_cert_path: String = String::new();
    /// File with the certificate's private key.
    "tls.server.keyPath" [fixed] server_key_path: String = String::new();

    section "Client";
    /// Whether a server's certificate must come from a trusted one. Its name is not compared: servers are dialled by address.
    "tls.client.authServer" [fixed] client_auth_server: bool = false;
    /// File with the certificates that servers' must come from.
    "tls.client.trustCertPath" [fixed] client_trust_cert_path: String = String::new();
    /// File with the certificate to show to servers that ask for one, and those above it.
    "tls.client.certPath" [fixed] client_cert_path: String = String::new();
    /// File with the certificate's private key.
    "tls.client.keyPath" [fixed] client_key_path: String = String::new();
}

const ENCRYPTED: &str = "encrypted keys are not read; give one that is not, in a file that only the server may read";

const PROMISES: &[Promise] = &[
    Promise { name: "tls.server.keyPassword", kept: "", reason: ENCRYPTED },
    Promise { name: "tls.client.keyPassword", kept: "", reason: ENCRYPTED },
];

const INERT: &[Inert] = &[Inert {
    reason: "it belongs into the server's own configuration file (tls.server.mode, tls.config.file, useTLS)",
    names: &["tls.server.mode", "tls.enable", "tls.config.file"],
}];

/// The keys that name one side's files.
pub(super) struct Files<'a> {
    pub(super) certificate: (&'static str, &'a str),
    pub(super) key: (&'static str, &'a str),
    pub(super) trusted: (&'static str, &'a str),
}

impl TlsSettings {
    /// Reads the file, of which only the default may be missing. Beside the settings come the warnings for the operator.
    ///
    /// # Errors
    /// When the file cannot be read or a value is wrong.
    pub fn read(file: &str) -> Result<(Self, Vec<Warning>), TlsError> {
        let mut loaded = Loaded::new(Self::default());
        match std::fs::read(file) {
            Ok(content) => loaded.read(&content, file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist(Path::new(file)) => {}
            Err(source) => return Err(TlsError::ConfigFile { path: file.to_owned(), source }),
        }
        Ok((loaded.values, loaded.warnings))
    }

    pub(super) fn server_files(&self) -> Files<'_> {
        Files {
            certificate: ("tls.server.certPath", &self.server_cert_path),
            key: ("tls.server.keyPath", &self.server_key_path),
            trusted: ("tls.server.trustCertPath", &self.server_trust_cert_path),
        }
    }

    pub(super) fn client_files(&self) -> Files<'_> {
        Files {
            certificate: ("tls.client.certPath", &self.client_cert_path),
            key: ("tls.client.keyPath", &self.client_key_path),
            trusted: ("tls.client.trustCertPath", &self.client_trust_cert_path),
        }
    }
}
