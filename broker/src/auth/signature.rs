//! Signatures of remoting requests: Base64 of HMAC-SHA1, with the secret key, over the values of all other fields in the order of their
//! names, and the body. Apache's form, made by its `AclClientRPCHook`.

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bolide_remoting::connection::{self, ConnectionOptions};
    use bolide_remoting::{Encoding, RequestCode};
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // RFC 2202, case 2.
        let tag = sign("Jefe", [&b"what do ya want "[..], b"for nothing?"].into_iter());
        assert_eq!(STANDARD.encode(tag), "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    }

    /// What a server finds of requests, as they came.
    struct Verdicts(Mutex<Vec<bool>>, &'static str);

    impl bolide_remoting::Service for Verdicts {
        fn handle(&self, request: Request<'_>, reply: bolide_remoting::Reply<'_>) {
            self.0.lock().push(is_signed(&request, self.1));
            reply.ok(&());
        }
    }

    /// Sends one request to a server that knows this secret key; says whether it takes it for signed.
    async fn verdict(secret: &'static str, fields: &[(&str, &str)], body: &'static [u8], encoding: Encoding) -> bool {
        let (client, server) = tokio::io::duplex(1 << 16);
        let nowhere = "127.0.0.1:1".parse().unwrap();
        let options = Arc::new(ConnectionOptions { encoding, ..ConnectionOptions::default() });
        let verdicts = Arc::new(Verdicts(Mutex::default(), secret));
        let (_, driver) = connection::open(server, nowhere, nowhere, options.clone(), verdicts.clone());
        tokio::spawn(driver);
        let (connection, driver) = connection::open(client, nowhere, nowhere, options, Arc::new(()));
        tokio::spawn(driver);
        let timeout = std::time::Duration::from_secs(60);
        connection.request(RequestCode(10), &fields, body.to_vec(), timeout).await.unwrap();
        let verdicts = verdicts.0.lock();
        verdicts[0]
    }

    fn signed_by_hand(secret: &str, content: &str) -> String {
        STANDARD.encode(sign(secret, [content.as_bytes()].into_iter()))
    }

    #[tokio::test]
    async fn values_count_in_the_order_of_their_names() {
        for encoding in [Encoding::Json, Encoding::Binary] {
            let signature = signed_by_hand("sëcret", "me/ \"öv=1bodyT");
            let signature = signature.as_str();
            let fields = [("topic", "bodyT"), ("b", "v=1"), (SIGNATURE, signature), (ACCESS_KEY, "me/ \"ö"), ("c", "")];
            assert!(verdict("sëcret", &fields, b"", encoding).await, "{encoding:?}");
            assert!(!verdict("secret", &fields, b"", encoding).await, "another key; {encoding:?}");
            assert!(!verdict("sëcret", &fields, b"x", encoding).await, "another body; {encoding:?}");
        }
    }

    #[tokio::test]
    async fn the_last_of_a_field_that_occurs_twice_counts() {
        let signature = signed_by_hand("s", "meB");
        let fields = [(ACCESS_KEY, "me"), ("b", "A"), ("b", "B"), (SIGNATURE, signature.as_str())];
        assert!(verdict("s", &fields, b"", Encoding::Json).await);
        let fields = [(ACCESS_KEY, "me"), ("b", "B"), ("b", "A"), (SIGNATURE, signature.as_str())];
        assert!(!verdict("s", &fields, b"", Encoding::Json).await);
    }

    #[tokio::test]
    async fn without_a_signature_nothing_is_signed() {
        assert!(!verdict("s", &[(ACCESS_KEY, "me")], b"", Encoding::Json).await);
        assert!(!verdict("s", &[(ACCESS_KEY, "me"), (SIGNATURE, "")], b"", Encoding::Json).await);
    }
}
