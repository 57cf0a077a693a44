//! Checks the signatures of remoting requests, which [`bolide_remoting::signing`] makes.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bolide_remoting::signing::{SIGNATURE, sign};
use bolide_remoting::version::Version;
use bolide_remoting::{Header, Request};
use subtle::ConstantTimeEq;

/// The field that clients up to 4.9.3 add after they have signed.
const UNIQUE_KEY_QUERY: &str = "_UNIQUE_KEY_QUERY";
const V4_9_3: Version = Version(399);

/// Was the request signed with this secret key? Takes as long for every wrong signature.
pub(super) fn is_signed(request: &Request<'_>, secret_key: &str) -> bool {
    let Some(given) = request.header.fields.get(SIGNATURE) else { return false };
    let expected = of_request(request.header, request.body, secret_key);
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

fn of_request(header: &Header<'_>, body: &[u8], secret_key: &str) -> String {
    // Of a field that occurs twice the last one counts, here as for the handlers.
    let mut fields: Vec<(&str, Option<&str>)> = header.fields.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    let left_out = |name: &str| name == SIGNATURE || (name == UNIQUE_KEY_QUERY && header.version <= V4_9_3);
    let last = fields.chunk_by(|one, next| one.0 == next.0).filter_map(<[_]>::last);
    let values = last.filter(|(name, _)| !left_out(name)).map(|(_, value)| value.unwrap_or_default());
    STANDARD.encode(sign(secret_key, values.map(str::as_bytes).chain([body])))
}
