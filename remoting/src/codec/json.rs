//! The JSON header, read in place and written in the shape that Java's fastjson gives it:
//!
//! ```text
//! {"code":105,"extFields":{"topic":"T"},"flag":0,"language":"JAVA","opaque":7,"remark":"…",
//!  "serializeTypeCurrentRPC":"JSON","version":513}
//! ```
//!
//! Reading is as tolerant as Java: any order of keys, unknown keys ignored, numbers in quotes,
//! numbers and booleans as field values (kept as their text), raw control characters in strings.

mod parser;

use super::{DecodeError, Outline, Preamble, push_slot, write_fields};
use crate::field_writer::FieldSource;
use crate::fields::Slot;
use crate::language::Language;
use parser::{Parser, Scalar};

/// Finds the parts of a header, undoing escapes in place.
pub(super) fn decode(bytes: &mut [u8], slots: &mut Vec<Slot>) -> Result<Outline, DecodeError> {
    let mut parser = Parser::new(bytes);
    let mut outline = Outline::default();
    parser.skip_whitespace();
    parser.expect(b'{', "a header begins with {")?;
    parser.each_key(|parser, key| {
        match parser.bytes_of(key) {
            b"code" => set(&mut outline.code, parser.integer()?),
            b"flag" => set(&mut outline.flag, parser.integer()?),
            b"opaque" => set(&mut outline.opaque, parser.integer()?),
            b"version" => set(&mut outline.version, parser.integer()?),
            b"language" => set(&mut outline.language, language(parser)?),
            b"remark" => outline.remark = parser.scalar()?.text(),
            b"extFields" => fields(parser, slots)?,
            _ => parser.skip_value()?,
        }
        Ok(())
    })?;
    parser.skip_whitespace();
    parser.expect_end()?;
    Ok(outline)
}

/// Null leaves the default value.
fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// A name, a number, or null.
fn language(parser: &mut Parser<'_>) -> Result<Option<Language>, DecodeError> {
    let scalar = parser.scalar()?;
    let Some(span) = scalar.text() else {
        return Ok(None);
    };
    let text = str::from_utf8(parser.bytes_of(span)).unwrap_or_default();
    Ok(Some(match scalar {
        Scalar::Bare(_) => text.parse().map_or(Language::OTHER, Language),
        _ => Language::from_name(text),
    }))
}

fn fields(parser: &mut Parser<'_>, slots: &mut Vec<Slot>) -> Result<(), DecodeError> {
    if parser.peek() != Some(b'{') {
        return match parser.scalar()? {
            Scalar::Null => Ok(()),
            _ => Err(parser.error("extFields is not an object")),
        };
    }
    parser.expect(b'{', "extFields is an object")?;
    parser.each_key(|parser, name| {
        let value = parser.scalar()?.text();
        push_slot(slots, name, value)
    })
}

/// Appends a header.
pub(super) fn encode(out: &mut Vec<u8>, preamble: &Preamble<'_>, fields: &(impl FieldSource + ?Sized)) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(b"{\"code\":");
    out.extend_from_slice(digits.format(preamble.code).as_bytes());
    write_fields(out, preamble.encoding, fields);
    out.extend_from_slice(b",\"flag\":");
    out.extend_from_slice(digits.format(preamble.flag).as_bytes());
    out.extend_from_slice(b",\"language\":\"");
    out.extend_from_slice(Language::OURS.name().as_bytes());
    out.extend_from_slice(b"\",\"opaque\":");
    out.extend_from_slice(digits.format(preamble.opaque).as_bytes());
    if let Some(remark) = preamble.remark {
        out.extend_from_slice(b",\"remark\":");
        write_string(out, remark);
    }
    out.extend_from_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    out.extend_from_slice(digits.format(preamble.version.0).as_bytes());
    out.push(b'}');
}

/// How each byte is written: as it is (0), as `\` and this letter, or as `\u00XX` (`u`).
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escapes[byte] = b'u';
        byte += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x09] = b't';
    escapes[0x0a] = b'n';
    escapes[0x0c] = b'f';
    escapes[0x0d] = b'r';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

/// Appends a quoted string with the escapes that fastjson writes, and no others.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let (mut start, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        if bytes[at..].first_chunk().is_some_and(is_plain) {
            at += PLAIN_BYTES;
            continue;
        }
        let escape = ESCAPES[usize::from(byte)];
        at += 1;
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[start..at - 1]);
        if escape == b'u' {
            let digit = |nibble: u8| HEX[usize::from(nibble)];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.extend_from_slice(&[b'\\', escape]);
        }
        start = at;
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}

/// How many bytes are looked at together.
const PLAIN_BYTES: usize = 16;

/// Whether all these bytes are printable ASCII that needs no escape, as most text is.
fn is_plain(bytes: &[u8; PLAIN_BYTES]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & (b' '..=b'~').contains(byte) & (*byte != b'"') & (*byte != b'\\'))
}
