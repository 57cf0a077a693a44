//! The properties of a message: text of the form `name\x01value\x02`, repeated. Reading follows Apache's
//! `MessageDecoder`: entries without a name or a value do not count, of two with one name the last wins.

use memchr::memchr;

/// Ends a name.
pub const NAME_END: u8 = 1;
/// Ends a value.
pub const VALUE_END: u8 = 2;

/// The message's tag.
pub const TAGS: &str = "TAGS";
/// Keys for look-ups, separated by spaces.
pub const KEYS: &str = "KEYS";
/// The id that the producer gave the message.
pub const UNIQUE_KEY: &str = "UNIQ_KEY";
/// The delay level of a message on the schedule topic.
pub const DELAY: &str = "DELAY";
/// The checksum over the whole record.
pub const CRC: &str = "__CRC32#";

/// A view of properties text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a>(pub &'a [u8]);

impl<'a> Properties<'a> {
    /// All entries in order, those that do not count left out.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let end = memchr(VALUE_END, rest).unwrap_or(rest.len());
                let (entry, after) = rest.split_at(end);
                rest = after.get(1..).unwrap_or_default();
                if let Some(pair) = split_entry(entry) {
                    return Some(pair);
                }
            }
            None
        })
    }

    /// The value of `name`.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter().filter(|(found, _)| *found == name.as_bytes()).last().map(|(_, value)| value)
    }

    /// The value of `name`, if it is valid UTF-8.
    pub fn get_str(self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Appends all entries to `out` whose names are not in `names`.
    pub fn copy_without(self, names: &[&str], out: &mut Vec<u8>) {
        for (name, value) in self.iter().filter(|(name, _)| !names.iter().any(|other| other.as_bytes() == *name)) {
            push(out, name, value);
        }
    }
}

/// Appends one entry to properties text.
pub fn push(out: &mut Vec<u8>, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
    out.extend_from_slice(name.as_ref());
    out.push(NAME_END);
    out.extend_from_slice(value.as_ref());
    out.push(VALUE_END);
}

fn split_entry(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    let name_end = memchr(NAME_END, entry)?;
    let (name, value) = (&entry[..name_end], &entry[name_end + 1..]);
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}
