//! Signatures of requests, as who asks makes them: Base64 of HMAC-SHA1, with the secret key, over the values of the other fields in the
//! order of their names, and the body. Apache's form, made by its `AclClientRPCHook`. Who checks them is the broker's business.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, Tag};
use serde::Deserialize;

use crate::field_writer::{FieldSource, pairs};
use crate::service::Body;

/// The field with the user's name.
pub const ACCESS_KEY: &str = "AccessKey";
/// The field with the signature.
pub const SIGNATURE: &str = "Signature";

/// The access key (a user's name) and the secret key that requests are signed with.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The user's name.
    pub access_key: String,
    /// The user's password.
    pub secret_key: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Credentials({})", self.access_key)
    }
}

impl Credentials {
    /// The fields of a request with name and signature.
    pub fn signed(&self, fields: &impl FieldSource, body: &Body) -> Vec<(String, String)> {
        let mut fields = pairs(fields);
        fields.push((ACCESS_KEY.to_owned(), self.access_key.clone()));
        fields.sort();
        let tag = sign(&self.secret_key, fields.iter().map(|(_, value)| value.as_bytes()).chain(pieces(body)));
        fields.push((SIGNATURE.to_owned(), STANDARD.encode(tag)));
        fields
    }
}

/// HMAC-SHA1 over the pieces, one after the other.
pub fn sign<'a>(secret_key: &str, pieces: impl Iterator<Item = &'a [u8]>) -> Tag {
    let mut context = Context::with_key(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret_key.as_bytes()));
    pieces.for_each(|piece| context.update(piece));
    context.sign()
}

fn pieces(body: &Body) -> impl Iterator<Item = &[u8]> {
    let pieces = match body {
        Body::Empty => &[],
        Body::One(piece) => std::slice::from_ref(piece),
        Body::Many(pieces) => pieces.as_slice(),
    };
    pieces.iter().map(AsRef::as_ref)
}
