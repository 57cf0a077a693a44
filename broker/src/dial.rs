//! How this broker dials others: name servers, and other brokers.

use std::sync::Arc;

use bolide_remoting::field_writer::pairs;
use bolide_remoting::signing::Credentials;
use bolide_remoting::tls::{ClientTls, TlsSettings};
use bolide_remoting::{Body, ClientOptions, FieldSource};

use crate::auth;
use crate::broker::OpenError;
use crate::config::BrokerConfig;

/// What every connection to another server begins with.
#[derive(Default)]
pub(crate) struct Dial {
    tls: Option<Arc<ClientTls>>,
    credentials: Option<Credentials>,
}

impl Dial {
    /// Reads what `useTLS` and `innerClientAuthenticationCredentials` need.
    ///
    /// # Errors
    /// When a file or a setting of TLS, or the credentials, cannot be used.
    pub(crate) fn new(config: &BrokerConfig) -> Result<Self, OpenError> {
        let tls = match config.use_tls {
            true => Some(ClientTls::open(&TlsSettings::read(&config.tls_config_file)?.0)?),
            false => None,
        };
        Ok(Self { tls, credentials: auth::inner_credentials(config)? })
    }

    /// The options of a new connection.
    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions { tls: self.tls.clone(), ..ClientOptions::default() }
    }

    /// The fields of a request, signed with its body where this broker has credentials.
    pub(crate) fn signed(&self, fields: &impl FieldSource, body: &Body) -> Vec<(String, String)> {
        match &self.credentials {
            Some(credentials) => credentials.signed(fields, body),
            None => pairs(fields),
        }
    }
}
