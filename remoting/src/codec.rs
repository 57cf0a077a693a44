//! Headers to and from bytes, in the two encodings that peers mix freely: JSON, which ordinary clients
//! send, and ROCKETMQ binary. Decoding works in place in the read buffer and allocates nothing;
//! encoding appends to the output buffer. Where a frame begins and ends is the business of
//! [`crate::frame`].

pub(crate) mod binary;
pub(crate) mod json;
#[cfg(test)]
mod tests;

use crate::code::RequestCode;
use crate::field_writer::{FieldSource, FieldWriter};
use crate::fields::{Fields, Slot, Span};
use crate::language::Language;
use crate::version::Version;

/// A frame's flag bit that marks an answer.
pub const FLAG_RESPONSE: i32 = 1;
/// A frame's flag bit that marks a request which wants no answer.
pub const FLAG_ONEWAY: i32 = 2;
/// The most fields that a header may carry. Real ones have about twenty.
pub const MAX_FIELDS: usize = 512;
/// The longest header that a frame can describe, in bytes: its length has 24 bits.
pub const MAX_ENCODED_HEADER_BYTES: usize = (1 << 24) - 1;

/// How a header is written. An answer is written as its request was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encoding {
    /// A JSON object.
    #[default]
    Json,
    /// RocketMQ's own binary layout, which Apache calls `ROCKETMQ`.
    Binary,
}

impl Encoding {
    /// The number that stands for the encoding in a frame.
    pub const fn number(self) -> u8 {
        match self {
            Self::Json => 0,
            Self::Binary => 1,
        }
    }

    /// The encoding with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Json),
            1 => Some(Self::Binary),
            _ => None,
        }
    }
}

/// One decoded header; everything in it borrows the connection's read buffer.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// What is asked for, or in an answer how it went.
    pub code: i32,
    /// The language that the peer says it is written in.
    pub language: Language,
    /// The peer's version.
    pub version: Version,
    /// The sender's number for the request, which its answer repeats.
    pub opaque: i32,
    /// Bits [`FLAG_RESPONSE`] and [`FLAG_ONEWAY`].
    pub flag: i32,
    /// Free text; in answers the reason of a failure.
    pub remark: Option<&'a str>,
    /// How the header was written.
    pub encoding: Encoding,
    /// The parameters.
    pub fields: Fields<'a>,
}

impl Header<'_> {
    /// Is this an answer to a request of ours?
    pub const fn is_response(&self) -> bool {
        self.flag & FLAG_RESPONSE != 0
    }

    /// Is this a request that wants no answer?
    pub const fn is_oneway(&self) -> bool {
        self.flag & FLAG_ONEWAY != 0
    }
}

/// Why a header cannot be read. The connection it came from cannot be trusted any more and is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The JSON text breaks off or has something else where a value, a comma or a brace belongs.
    #[error("the JSON header is malformed at byte {at}: {what}")]
    Json {
        /// Position within the header.
        at: usize,
        /// What was wrong there.
        what: &'static str,
    },
    /// The binary header ends too early or claims lengths that it does not have.
    #[error("the binary header is malformed: {0}")]
    Binary(&'static str),
    /// Text that is not UTF-8.
    #[error("the header is not UTF-8 text (byte {at})")]
    Utf8 {
        /// Position within the header.
        at: usize,
    },
    /// More than [`MAX_FIELDS`].
    #[error("the header has more than {MAX_FIELDS} fields")]
    TooManyFields,
}

/// What a codec finds in a header, before its text is known to be text.
pub(crate) struct Outline {
    pub(crate) code: i32,
    pub(crate) language: Language,
    pub(crate) version: i32,
    pub(crate) opaque: i32,
    pub(crate) flag: i32,
    pub(crate) remark: Option<Span>,
}

impl Default for Outline {
    /// The values that absent keys of a JSON header have, as in Java.
    fn default() -> Self {
        Self { code: 0, language: Language::JAVA, version: 0, opaque: 0, flag: 0, remark: None }
    }
}

/// Decodes the header in `bytes`, which it changes: escapes are undone in place and whatever is not
/// text is blanked. `slots` is scratch space that callers keep from one header to the next.
pub fn decode<'a>(
    encoding: Encoding,
    bytes: &'a mut [u8],
    slots: &'a mut Vec<Slot>,
) -> Result<Header<'a>, DecodeError> {
    slots.clear();
    let outline = match encoding {
        Encoding::Json => json::decode(bytes, slots)?,
        Encoding::Binary => binary::decode(bytes, slots)?,
    };
    let text = str::from_utf8(bytes).map_err(|error| DecodeError::Utf8 { at: error.valid_up_to() })?;
    let code = match encoding {
        Encoding::Binary if outline.flag & FLAG_RESPONSE == 0 => RequestCode::from_low_bits(outline.code as i16).0,
        _ => outline.code,
    };
    Ok(Header {
        code,
        language: outline.language,
        version: Version(outline.version),
        opaque: outline.opaque,
        flag: outline.flag,
        remark: outline.remark.map(|span| span.of(text)),
        encoding,
        fields: Fields::new(text, slots),
    })
}

pub(crate) fn push_slot(slots: &mut Vec<Slot>, name: Span, value: Option<Span>) -> Result<(), DecodeError> {
    if slots.len() == MAX_FIELDS {
        return Err(DecodeError::TooManyFields);
    }
    slots.push(Slot { name, value });
    Ok(())
}

/// The fixed part of a header to be written.
#[derive(Clone, Copy, Debug)]
pub struct Preamble<'a> {
    /// How the header is to be written.
    pub encoding: Encoding,
    /// Request or response code.
    pub code: i32,
    /// The request's number.
    pub opaque: i32,
    /// Bits [`FLAG_RESPONSE`] and [`FLAG_ONEWAY`].
    pub flag: i32,
    /// What we say our version is.
    pub version: Version,
    /// Free text.
    pub remark: Option<&'a str>,
}

/// A frame that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The header does not fit into the 24 bits of its length.
    #[error("a header of {bytes} bytes is longer than the {MAX_ENCODED_HEADER_BYTES} that a frame can hold")]
    HeaderTooLong {
        /// The length it came to.
        bytes: usize,
    },
    /// The frame does not fit into the 31 bits of its length.
    #[error("a body of {bytes} bytes is longer than a frame can hold")]
    BodyTooLong {
        /// The body's length.
        bytes: usize,
    },
}

/// Appends a frame without its body: length, mark and header. `out` is left as it was on an error.
pub fn encode(
    out: &mut Vec<u8>,
    preamble: &Preamble<'_>,
    fields: &(impl FieldSource + ?Sized),
    body_bytes: usize,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    match preamble.encoding {
        Encoding::Json => json::encode(out, preamble, fields),
        Encoding::Binary => binary::encode(out, preamble, fields),
    }
    let header_bytes = out.len() - start - 8;
    let total = 4 + header_bytes + body_bytes;
    if header_bytes > MAX_ENCODED_HEADER_BYTES {
        out.truncate(start);
        return Err(EncodeError::HeaderTooLong { bytes: header_bytes });
    }
    if total > i32::MAX as usize {
        out.truncate(start);
        return Err(EncodeError::BodyTooLong { bytes: body_bytes });
    }
    let mark = u32::from(preamble.encoding.number()) << 24 | header_bytes as u32;
    out[start..start + 4].copy_from_slice(&(total as u32).to_be_bytes());
    out[start + 4..start + 8].copy_from_slice(&mark.to_be_bytes());
    Ok(())
}

/// Writes the fields of a header by way of its encoding's [`FieldWriter`].
fn write_fields(out: &mut Vec<u8>, encoding: Encoding, fields: &(impl FieldSource + ?Sized)) {
    let mut writer = FieldWriter::new(out, encoding);
    fields.write_fields(&mut writer);
    writer.finish();
}
