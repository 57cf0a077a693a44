//! How this broker dials others: name servers, and other brokers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bolide_remoting::field_writer::pairs;
use bolide_remoting::tls::{ClientTls, TlsSettings};
use bolide_remoting::{Body, ClientOptions, FieldSource};

use crate::auth::signature::{ACCESS_KEY, SIGNATURE, sign};
use crate::auth::{self, Credentials};
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
        let mut fields = pairs(fields);
        if let Some(Credentials { access_key, secret_key }) = &self.credentials {
            fields.push((ACCESS_KEY.to_owned(), access_key.clone()));
            fields.sort();
            let tag = sign(secret_key, fields.iter().map(|(_, value)| value.as_bytes()).chain(pieces(body)));
            fields.push((SIGNATURE.to_owned(), STANDARD.encode(tag)));
        }
        fields
    }
}

fn pieces(body: &Body) -> impl Iterator<Item = &[u8]> {
    let pieces = match body {
        Body::Empty => &[],
        Body::One(piece) => std::slice::from_ref(piece),
        Body::Many(pieces) => pieces.as_slice(),
    };
    pieces.iter().map(AsRef::as_ref)
}
