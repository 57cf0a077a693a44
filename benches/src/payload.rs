//! What is sent: bodies and properties as a Java producer makes them. Each message carries a unique key and
//! `WAIT`, so that a server has the work with them that real producers give it.

use std::net::Ipv4Addr;

use bytes::Bytes;

use crate::records::Stamp;

/// Characters of a unique key.
const KEY_CHARACTERS: usize = 32;
/// Bytes before the body of a message in a batch: i32 total, i32 0, i32 0, i32 flag, i32 body length.
const BATCH_HEAD_BYTES: usize = 20;

/// What all messages of a load have in common.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Bytes of each body.
    pub body_bytes: usize,
    /// Messages in a request; 1 is not a batch.
    pub batch: usize,
    /// Further properties of each message, as text (`name\x01value\x02` each).
    pub properties: String,
    /// Bodies begin with a [`Stamp`] of this run.
    pub stamped_run: Option<u64>,
}

/// Makes the messages of one connection, one request at a time.
pub struct Payload {
    shape: Shape,
    keys: UniqueKeys,
    /// The properties that travel in the request's header.
    properties: String,
    /// Without stamps, the body of every request that is not a batch.
    body: Bytes,
    /// The body of a batch, in which keys and stamps are replaced for every request.
    batch_body: Vec<u8>,
}

/// The contents of one request.
pub struct Contents<'a> {
    /// The properties, as text.
    pub properties: &'a str,
    /// The body: a message's or a batch.
    pub body: Bytes,
}

impl Payload {
    /// For connection `index` of this process.
    pub fn new(shape: Shape, index: usize) -> Self {
        let body = vec![b'x'; shape.body_bytes];
        let batch_body = if shape.batch > 1 { batch_template(&shape, &body) } else { Vec::new() };
        Self {
            keys: UniqueKeys::new(index),
            properties: String::with_capacity(64 + shape.properties.len()),
            body: body.into(),
            batch_body,
            shape,
        }
    }

    /// Is a request a batch?
    pub fn is_batch(&self) -> bool {
        self.shape.batch > 1
    }

    /// Messages in a request.
    pub fn messages(&self) -> u64 {
        self.shape.batch as u64
    }

    /// Bytes of the bodies in a request.
    pub fn body_bytes(&self) -> u64 {
        (self.shape.batch * self.shape.body_bytes) as u64
    }

    /// The next request's contents. `now_ms` is the wall clock; a stamp will say `intended_ns`.
    pub fn next(&mut self, now_ms: i64, intended_ns: u64) -> Contents<'_> {
        let stamp = self.shape.stamped_run.map(|run| Stamp { run, intended_ns });
        let body = if self.is_batch() { self.next_batch(now_ms, stamp) } else { self.next_single(stamp) };
        self.properties.clear();
        push_own_properties(&mut self.properties, &self.keys.next(now_ms));
        if !self.is_batch() {
            self.properties.push_str(&self.shape.properties);
        }
        Contents { properties: &self.properties, body }
    }

    fn next_single(&self, stamp: Option<Stamp>) -> Bytes {
        let Some(stamp) = stamp else { return self.body.clone() };
        let mut body = self.body.to_vec();
        stamp.put(&mut body);
        body.into()
    }

    fn next_batch(&mut self, now_ms: i64, stamp: Option<Stamp>) -> Bytes {
        let each = self.batch_body.len() / self.shape.batch;
        let key_at = BATCH_HEAD_BYTES + self.shape.body_bytes + 2 + "UNIQ_KEY\x01".len();
        for message in self.batch_body.chunks_exact_mut(each) {
            message[key_at..key_at + KEY_CHARACTERS].copy_from_slice(&self.keys.next(now_ms));
            if let Some(stamp) = stamp {
                stamp.put(&mut message[BATCH_HEAD_BYTES..BATCH_HEAD_BYTES + self.shape.body_bytes]);
            }
        }
        Bytes::copy_from_slice(&self.batch_body)
    }
}

fn batch_template(shape: &Shape, body: &[u8]) -> Vec<u8> {
    let mut properties = String::new();
    push_own_properties(&mut properties, &[b'0'; KEY_CHARACTERS]);
    properties.push_str(&shape.properties);
    let size = BATCH_HEAD_BYTES + body.len() + 2 + properties.len();
    let mut message = Vec::with_capacity(size);
    for word in [size as u32, 0, 0, 0, body.len() as u32] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    message.extend_from_slice(body);
    message.extend_from_slice(&(properties.len() as u16).to_be_bytes());
    message.extend_from_slice(properties.as_bytes());
    message.repeat(shape.batch)
}

/// The properties that a Java producer adds to every message.
fn push_own_properties(out: &mut String, key: &[u8; KEY_CHARACTERS]) {
    out.push_str("UNIQ_KEY\x01");
    out.extend(key.iter().map(|&digit| char::from(digit)));
    out.push_str("\x02WAIT\x01true\x02");
}

/// Turns `NAME=VALUE` into properties text.
///
/// # Errors
/// When there is no `=`, no name, or a control character.
pub fn property(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !text.contains(['\x01', '\x02']) => {
            Ok(format!("{name}\x01{value}\x02"))
        }
        _ => Err(format!("{text:?} is no property; write NAME=VALUE, such as TAGS=blue")),
    }
}

/// Keys in the form of Java's: the hexadecimal digits of an address (4 bytes), a process (2), the producer (4), a
/// time (4) and a counter (2).
struct UniqueKeys {
    key: [u8; KEY_CHARACTERS],
    counter: u16,
}

impl UniqueKeys {
    fn new(index: usize) -> Self {
        let mut key = [b'0'; KEY_CHARACTERS];
        put_hex(&mut key[..8], Ipv4Addr::LOCALHOST.to_bits());
        put_hex(&mut key[8..12], std::process::id());
        put_hex(&mut key[12..20], index as u32);
        Self { key, counter: 0 }
    }

    /// No two are alike, as long as there are fewer than 65,536 in a millisecond.
    fn next(&mut self, now_ms: i64) -> [u8; KEY_CHARACTERS] {
        put_hex(&mut self.key[20..28], now_ms as u32);
        put_hex(&mut self.key[28..], u32::from(self.counter));
        self.counter = self.counter.wrapping_add(1);
        self.key
    }
}

/// Writes the lowest digits of `number`.
fn put_hex(out: &mut [u8], mut number: u32) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789ABCDEF"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use bolide_store::record::{BatchMessages, Properties};

    use super::*;

    fn shape(batch: usize, stamped_run: Option<u64>) -> Shape {
        let properties = property("TAGS=blue").expect("a property");
        Shape { body_bytes: 20, batch, properties, stamped_run }
    }

    #[test]
    fn single_messages_have_what_java_adds() {
        let mut payload = Payload::new(shape(1, None), 3);
        let mut keys = HashSet::new();
        for _ in 0..1_000 {
            let contents = payload.next(1_700_000_000_000, 0);
            assert_eq!(contents.body.as_ref(), [b'x'; 20]);
            let properties = Properties(contents.properties.as_bytes());
            assert_eq!((properties.get_str("WAIT"), properties.get_str("TAGS")), (Some("true"), Some("blue")));
            let key = properties.get_str("UNIQ_KEY").expect("a key").to_owned();
            assert!(key.len() == 32 && key.starts_with("7F000001"), "{key}");
            keys.insert(key);
        }
        assert_eq!(keys.len(), 1_000);
    }

    #[test]
    fn batches_are_what_the_store_reads() {
        let mut payload = Payload::new(shape(5, Some(9)), 0);
        assert_eq!((payload.messages(), payload.body_bytes()), (5, 100));
        let mut keys = HashSet::new();
        for intended_ns in 0..3 {
            let contents = payload.next(1, intended_ns);
            assert!(!contents.properties.contains("TAGS"), "those are in the messages");
            keys.insert(Properties(contents.properties.as_bytes()).get_str("UNIQ_KEY").expect("a key").to_owned());
            let messages: Result<Vec<_>, _> = BatchMessages::new(&contents.body).collect();
            let messages = messages.expect("a batch");
            assert_eq!(messages.len(), 5);
            for message in messages {
                assert_eq!(message.body.len(), 20);
                assert_eq!(Stamp::of_body(message.body), Some(Stamp { run: 9, intended_ns }));
                let properties = Properties(message.properties);
                assert_eq!((properties.get_str("WAIT"), properties.get_str("TAGS")), (Some("true"), Some("blue")));
                keys.insert(properties.get_str("UNIQ_KEY").expect("a key").to_owned());
            }
        }
        assert_eq!(keys.len(), 3 * 6);
    }

    #[test]
    fn connections_have_different_keys() {
        let [mut one, mut other] = [0, 1].map(UniqueKeys::new);
        assert_ne!(one.next(5), other.next(5));
    }

    #[test]
    fn properties_on_the_command_line() {
        assert_eq!(property("KEYS=a b=c"), Ok("KEYS\x01a b=c\x02".to_owned()));
        for bad in ["", "TAGS", "=x", "a=\x01"] {
            assert!(property(bad).is_err(), "{bad:?}");
        }
    }
}
