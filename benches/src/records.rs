//! The messages in the body of a pull's answer, and the stamps that our own producers put into them.

use bolide_store::record::{self, RecordError, RecordView, Step};

/// Bytes at the beginning of a stamped message's body.
pub const STAMP_BYTES: usize = 16;

/// Says which run a message belongs to and when it was meant to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Tells the messages of this run from others in the topic.
    pub run: u64,
    /// On the run's clock.
    pub intended_ns: u64,
}

impl Stamp {
    /// The stamp's bytes.
    pub fn to_bytes(self) -> [u8; STAMP_BYTES] {
        let mut bytes = [0; STAMP_BYTES];
        bytes[..8].copy_from_slice(&self.run.to_be_bytes());
        bytes[8..].copy_from_slice(&self.intended_ns.to_be_bytes());
        bytes
    }

    /// Writes the stamp at the beginning of a body that is long enough for it.
    pub fn put(self, body: &mut [u8]) {
        if let Some(place) = body.get_mut(..STAMP_BYTES) {
            place.copy_from_slice(&self.to_bytes());
        }
    }

    /// The stamp that a body begins with, if it is long enough for one.
    pub fn of_body(body: &[u8]) -> Option<Self> {
        let (run, rest) = body.split_first_chunk()?;
        let intended = rest.first_chunk()?;
        Some(Self { run: u64::from_be_bytes(*run), intended_ns: u64::from_be_bytes(*intended) })
    }
}

/// Calls `visit` for each record of a pull's answer.
///
/// # Errors
/// When the bytes are anything but whole records.
pub fn walk<'a>(mut bytes: &'a [u8], mut visit: impl FnMut(&RecordView<'a>)) -> Result<(), RecordError> {
    while !bytes.is_empty() {
        match record::step(bytes)? {
            Step::Record(record) => {
                visit(&record);
                bytes = &bytes[record.size()..];
            }
            // Fillers end the log's files and never travel.
            Step::Blank { .. } => return Err(RecordError::Magic(record::MAGIC_BLANK)),
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record of the layout that `bolide_store::record` documents, with IPv4 hosts.
    pub(crate) fn record(body: &[u8]) -> Vec<u8> {
        let (topic, properties) = (b"T", b"WAIT\x01true\x02");
        let mut bytes = vec![0; 84];
        bytes[4..8].copy_from_slice(&record::MAGIC_V1.to_be_bytes());
        bytes.extend_from_slice(&(body.len() as u32).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes.push(topic.len() as u8);
        bytes.extend_from_slice(topic);
        bytes.extend_from_slice(&(properties.len() as u16).to_be_bytes());
        bytes.extend_from_slice(properties);
        let size = bytes.len() as u32;
        bytes[..4].copy_from_slice(&size.to_be_bytes());
        bytes
    }

    #[test]
    fn every_record_is_visited() {
        let bytes = [record(b"one"), record(b""), record(b"three")].concat();
        let mut bodies = Vec::new();
        walk(&bytes, |record| bodies.push(record.body().to_vec())).expect("three records");
        assert_eq!(bodies, [&b"one"[..], b"", b"three"]);
        assert!(walk(&[], |_| panic!("nothing is there")).is_ok());
    }

    #[test]
    fn what_is_cut_off_or_foreign_is_an_error() {
        let bytes = [record(b"one"), record(b"two")].concat();
        let mut count = 0;
        assert!(walk(&bytes[..bytes.len() - 1], |_| count += 1).is_err());
        assert_eq!(count, 1);
        let blank = [&64u32.to_be_bytes()[..], &record::MAGIC_BLANK.to_be_bytes()].concat();
        assert!(walk(&blank, |_| ()).is_err());
    }

    #[test]
    fn stamps_come_back() {
        let stamp = Stamp { run: 7, intended_ns: u64::MAX - 1 };
        let body = [&stamp.to_bytes()[..], b"rest"].concat();
        assert_eq!(Stamp::of_body(&body), Some(stamp));
        assert_eq!(Stamp::of_body(&body[..15]), None);
    }
}
