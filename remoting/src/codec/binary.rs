//! The ROCKETMQ binary header. All integers are big-endian:
//!
//! ```text
//! i16 code   u8 language   i16 version   i32 opaque   i32 flag
//! i32 length, remark       (length 0: no remark)
//! i32 length, fields       repeated: i16 length, name, i32 length, value (length 0: null)
//! ```

use super::{DecodeError, Outline, Preamble, push_slot, write_fields};
use crate::field_writer::FieldSource;
use crate::fields::{Slot, Span};
use crate::language::Language;

/// Finds the parts of a header and blanks the lengths between the texts, so that the whole can be
/// checked as UTF-8 in one pass.
pub(super) fn decode(bytes: &mut [u8], slots: &mut Vec<Slot>) -> Result<Outline, DecodeError> {
    let mut reader = Reader { bytes, at: 0 };
    let code = i32::from(i16::from_be_bytes(reader.take("it ends within the code")?));
    let [language] = reader.take("it ends within the language")?;
    let version = i32::from(i16::from_be_bytes(reader.take("it ends within the version")?));
    let opaque = i32::from_be_bytes(reader.take("it ends within the opaque number")?);
    let flag = i32::from_be_bytes(reader.take("it ends within the flag")?);
    let remark = reader.long_text("the remark is longer than the header")?;
    if let Some(fields) = reader.long_text("the fields are longer than the header")? {
        let mut reader = Reader { bytes: &mut reader.bytes[..fields.end as usize], at: fields.start as usize };
        while reader.at < reader.bytes.len() {
            let name = reader.short_text("a field's name is longer than the fields")?;
            let value = reader.long_text("a field's value is longer than the fields")?;
            if let Some(name) = name {
                push_slot(slots, name, value)?;
            }
        }
    }
    // Java ignores what follows, and so do we; but it must not spoil the text.
    let end = reader.at;
    reader.bytes[end..].fill(b' ');
    Ok(Outline { code, language: Language(language), version, opaque, flag, remark })
}

struct Reader<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Reader<'_> {
    /// The next `N` bytes, which are blanked.
    fn take<const N: usize>(&mut self, missing: &'static str) -> Result<[u8; N], DecodeError> {
        let place = self.bytes[self.at..].first_chunk_mut::<N>().ok_or(DecodeError::Binary(missing))?;
        self.at += N;
        Ok(std::mem::replace(place, [b' '; N]))
    }

    fn short_text(&mut self, wrong: &'static str) -> Result<Option<Span>, DecodeError> {
        let length = i16::from_be_bytes(self.take(wrong)?);
        self.text(i32::from(length), wrong)
    }

    fn long_text(&mut self, wrong: &'static str) -> Result<Option<Span>, DecodeError> {
        let length = i32::from_be_bytes(self.take(wrong)?);
        self.text(length, wrong)
    }

    fn text(&mut self, length: i32, wrong: &'static str) -> Result<Option<Span>, DecodeError> {
        let length = usize::try_from(length).map_err(|_| DecodeError::Binary("a length is negative"))?;
        let start = self.at;
        if length > self.bytes.len() - start {
            return Err(DecodeError::Binary(wrong));
        }
        self.at += length;
        Ok((length > 0).then(|| Span::new(start, start + length)))
    }
}

/// Appends a header.
pub(super) fn encode(out: &mut Vec<u8>, preamble: &Preamble<'_>, fields: &(impl FieldSource + ?Sized)) {
    out.extend_from_slice(&(preamble.code as i16).to_be_bytes());
    out.push(Language::OURS.0);
    out.extend_from_slice(&(preamble.version.0 as i16).to_be_bytes());
    out.extend_from_slice(&preamble.opaque.to_be_bytes());
    out.extend_from_slice(&preamble.flag.to_be_bytes());
    let remark = preamble.remark.unwrap_or_default();
    out.extend_from_slice(&(remark.len() as i32).to_be_bytes());
    out.extend_from_slice(remark.as_bytes());
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    write_fields(out, preamble.encoding, fields);
    let length = (out.len() - length_at - 4) as i32;
    out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
}
