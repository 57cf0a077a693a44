//! Writing a header's fields straight into an output buffer, in either encoding, without a map in between.

use crate::codec::{Encoding, json};

/// What can be written as the fields of a header: typed headers, lists of pairs, and `()` for none. Two
/// sources in a tuple are written one after the other.
pub trait FieldSource {
    /// Writes each field once.
    fn write_fields(&self, out: &mut FieldWriter<'_>);
}

impl FieldSource for () {
    fn write_fields(&self, _out: &mut FieldWriter<'_>) {}
}

impl<T: FieldSource + ?Sized> FieldSource for &T {
    fn write_fields(&self, out: &mut FieldWriter<'_>) {
        (**self).write_fields(out);
    }
}

impl<A: FieldSource, B: FieldSource> FieldSource for (A, B) {
    fn write_fields(&self, out: &mut FieldWriter<'_>) {
        self.0.write_fields(out);
        self.1.write_fields(out);
    }
}

impl<T: FieldSource> FieldSource for Option<T> {
    fn write_fields(&self, out: &mut FieldWriter<'_>) {
        if let Some(source) = self {
            source.write_fields(out);
        }
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FieldSource for [(N, V)] {
    fn write_fields(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self {
            out.pair(name.as_ref(), value.as_ref());
        }
    }
}

/// Appends fields to a header that is being encoded. Made by the codec; [`FieldSource`] implementations use it.
pub struct FieldWriter<'a> {
    out: &'a mut Vec<u8>,
    encoding: Encoding,
    written: usize,
}

/// The fields one by one, as a signature needs them.
pub fn pairs(source: &(impl FieldSource + ?Sized)) -> Vec<(String, String)> {
    let mut bytes = Vec::new();
    source.write_fields(&mut FieldWriter::new(&mut bytes, Encoding::Binary));
    let mut rest = bytes.as_slice();
    let mut pairs = Vec::new();
    while let Some((name, value, after)) = split_binary(rest) {
        pairs.push((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    pairs
}

/// Name, value and what follows, of what [`FieldWriter`] has written.
fn split_binary(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (length, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((name, value, rest))
}

/// Opens the map of fields in a JSON header; only written once there is a first field.
const JSON_OPENING: &[u8] = b",\"extFields\":{";

impl<'a> FieldWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, encoding: Encoding) -> Self {
        Self { out, encoding, written: 0 }
    }

    /// Closes what was opened.
    pub(crate) fn finish(self) {
        if self.encoding == Encoding::Json && self.written > 0 {
            self.out.push(b'}');
        }
    }

    /// A text field. `name` is one of our own and needs no escaping.
    pub fn str(&mut self, name: &'static str, value: &str) {
        self.plain_name(name);
        self.value(value);
    }

    /// An integer field.
    pub fn int(&mut self, name: &'static str, value: i64) {
        self.plain_name(name);
        let mut digits = itoa::Buffer::new();
        self.plain_value(digits.format(value));
    }

    /// A boolean field, `true` or `false`.
    pub fn bool(&mut self, name: &'static str, value: bool) {
        self.plain_name(name);
        self.plain_value(if value { "true" } else { "false" });
    }

    /// A field whose name is not known to be plain.
    pub fn pair(&mut self, name: &str, value: &str) {
        match self.encoding {
            Encoding::Json => {
                self.open_json();
                json::write_string(self.out, name);
                self.out.push(b':');
            }
            Encoding::Binary => self.binary_name(name),
        }
        self.value(value);
    }

    fn plain_name(&mut self, name: &'static str) {
        match self.encoding {
            Encoding::Json => {
                self.open_json();
                self.out.push(b'"');
                self.out.extend_from_slice(name.as_bytes());
                self.out.extend_from_slice(b"\":");
            }
            Encoding::Binary => self.binary_name(name),
        }
    }

    fn value(&mut self, value: &str) {
        match self.encoding {
            Encoding::Json => json::write_string(self.out, value),
            Encoding::Binary => self.binary_value(value),
        }
    }

    /// A value that needs no escaping.
    fn plain_value(&mut self, value: &str) {
        match self.encoding {
            Encoding::Json => {
                self.out.push(b'"');
                self.out.extend_from_slice(value.as_bytes());
                self.out.push(b'"');
            }
            Encoding::Binary => self.binary_value(value),
        }
    }

    fn open_json(&mut self) {
        self.out.extend_from_slice(if self.written == 0 { JSON_OPENING } else { b"," });
        self.written += 1;
    }

    /// A length of 16 bits, then the name. A longer name cannot be written and is cut, at a character's
    /// boundary; none of ours is near it.
    fn binary_name(&mut self, name: &str) {
        let name = &name[..name.floor_char_boundary(i16::MAX as usize)];
        self.out.extend_from_slice(&(name.len() as i16).to_be_bytes());
        self.out.extend_from_slice(name.as_bytes());
        self.written += 1;
    }

    fn binary_value(&mut self, value: &str) {
        self.out.extend_from_slice(&(value.len() as i32).to_be_bytes());
        self.out.extend_from_slice(value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_source_are_found_one_by_one() {
        let fields: [(&str, &str); 3] = [("topic", "T"), ("empty", ""), ("wört", "\"ö\"")];
        let expected = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs(&fields[..]), expected);
        assert_eq!(pairs(&()), []);
    }
}
