//! Signatures of remoting requests: Base64 of HMAC-SHA1, with the secret key, over the values of all other fields in the order of their
//! names, and the body. Apache's form, made by its `AclClientRPCHook`.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bolide_remoting::version::Version;
use bolide_remoting::{Header, Request};
use ring::hmac::{Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, Tag};
use subtle::ConstantTimeEq;

/// The field with the user's name.
pub(crate) const ACCESS_KEY: &str = "AccessKey";
/// The field with the signature.
pub(crate) const SIGNATURE: &str = "Signature";
/// The field that clients up to 4.9.3 add after they have signed.
const UNIQUE_KEY_QUERY: &str = "_UNIQUE_KEY_QUERY";
const V4_9_3: Version = Version(399);

/// Was the request signed with this secret key? Takes as long for every wrong signature.
pub(super) fn is_signed(request: &Request<'_>, secret_key: &str) -> bool {
    let Some(given) = request.header.fields.get(SIGNATURE) else { return false };
    let expected = STANDARD.encode(of_request(request.header, request.body, secret_key));
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

fn of_request(header: &Header<'_>, body: &[u8], secret_key: &str) -> Tag {
    // Of a field that occurs twice the last one counts, here as for the handlers.
    let mut fields: Vec<(&str, Option<&str>)> = header.fields.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    let left_out = |name: &str| name == SIGNATURE || (name == UNIQUE_KEY_QUERY && header.version <= V4_9_3);
    let last = fields.chunk_by(|one, next| one.0 == next.0).filter_map(<[_]>::last);
    let values = last.filter(|(name, _)| !left_out(name)).map(|(_, value)| value.unwrap_or_default());
    sign(secret_key, values.map(str::as_bytes).chain([body]))
}

/// HMAC-SHA1 over the pieces, one after the other.
pub(crate) fn sign<'a>(secret_key: &str, pieces: impl Iterator<Item = &'a [u8]>) -> Tag {
    let mut context = Context::with_key(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret_key.as_bytes()));
    pieces.for_each(|piece| context.update(piece));
    context.sign()
}
