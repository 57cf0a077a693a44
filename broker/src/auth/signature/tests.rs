use std::sync::Arc;

use bolide_remoting::connection::{self, ConnectionOptions};
use bolide_remoting::signing::ACCESS_KEY;
use bolide_remoting::{Encoding, RequestCode};
use parking_lot::Mutex;

use super::*;

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
