//! The named text values of a header ("extFields"): what a request's parameters travel as. Here they are looked up and read as numbers and
//! booleans the way Java does; the codecs find them, [`crate::header`] gives them types.

use crate::field_writer::{FieldSource, FieldWriter};

/// Why a header's field could not be used. Its text is fit for the remark of an INVALID_PARAMETER or SYSTEM_ERROR answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A field that the request cannot do without is absent (or null, or empty in a binary header, which cannot tell these apart).
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A field's text is not what its type demands.
    #[error("field `{name}` is not {expected}: {value:?}")]
    Invalid {
        /// The field's name on the wire.
        name: &'static str,
        /// The offending text, cut to its first 64 characters.
        value: String,
        /// What would have been right, such as "a 32-bit integer".
        expected: &'static str,
    },
}

impl FieldError {
    /// An [`FieldError::Invalid`] that shows at most the beginning of the value.
    pub fn invalid(name: &'static str, value: &str, expected: &'static str) -> Self {
        Self::Invalid { name, value: value.chars().take(64).collect(), expected }
    }
}

/// Where one field's name and value lie within the header's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub(crate) name: Span,
    /// `None` is Java's null.
    pub(crate) value: Option<Span>,
}

/// A range of the header's text. Headers are far below 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The text at this place. The codecs only make spans that lie within the text and on character boundaries.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The fields of one decoded header, borrowed from the read buffer. Of a name that occurs twice the last one counts.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    text: &'a str,
    slots: &'a [Slot],
}

impl<'a> Fields<'a> {
    /// No fields at all.
    pub const EMPTY: Self = Self { text: "", slots: &[] };

    pub(crate) fn new(text: &'a str, slots: &'a [Slot]) -> Self {
        Self { text, slots }
    }

    /// The value of a field; `None` when it is absent or null.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.slots.iter().rev().find(|slot| slot.name.of(self.text) == name)?.value.map(|value| value.of(self.text))
    }

    /// All fields in the order of the header.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        let text = self.text;
        self.slots.iter().map(move |slot| (slot.name.of(text), slot.value.map(|value| value.of(text))))
    }

    /// A field of any type: `&str`, `i32`, `i64`, `bool`, or an `Option` of these where absence is fine.
    pub fn read<T: FieldValue<'a>>(&self, name: &'static str) -> Result<T, FieldError> {
        T::decode(name, self.get(name))
    }

    /// A copy that outlives the read buffer.
    pub fn to_owned(&self) -> OwnedFields {
        OwnedFields { text: self.text.into(), slots: self.slots.into() }
    }
}

impl FieldSource for Fields<'_> {
    fn write_fields(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self.iter() {
            if let Some(value) = value {
                out.pair(name, value);
            }
        }
    }
}

/// A copy of a header's fields. [`OwnedFields::fields`] gives the view that typed headers decode from.
#[derive(Clone, Debug, Default)]
pub struct OwnedFields {
    text: Box<str>,
    slots: Box<[Slot]>,
}

impl OwnedFields {
    /// The view that everything else works on.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(&self.text, &self.slots)
    }

    /// The value of a field; `None` when it is absent or null.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields().get(name)
    }
}

/// A type that a field's text can be read as and written from.
pub trait FieldValue<'a>: Sized {
    /// Reads the text of the field called `name`.
    fn parse(name: &'static str, text: &'a str) -> Result<Self, FieldError>;

    /// Appends the field to a header that is being written.
    fn write(&self, name: &'static str, out: &mut FieldWriter<'_>);

    /// Reads a field that may be absent, which is an error unless the type is an `Option`.
    fn decode(name: &'static str, text: Option<&'a str>) -> Result<Self, FieldError> {
        text.map_or(Err(FieldError::Missing(name)), |text| Self::parse(name, text))
    }
}

impl<'a> FieldValue<'a> for &'a str {
    fn parse(_name: &'static str, text: &'a str) -> Result<Self, FieldError> {
        Ok(text)
    }

    fn write(&self, name: &'static str, out: &mut FieldWriter<'_>) {
        out.str(name, self);
    }
}

impl<'a> FieldValue<'a> for i32 {
    fn parse(name: &'static str, text: &'a str) -> Result<Self, FieldError> {
        text.parse().map_err(|_| FieldError::invalid(name, text, "a 32-bit integer"))
    }

    fn write(&self, name: &'static str, out: &mut FieldWriter<'_>) {
        out.int(name, i64::from(*self));
    }
}

impl<'a> FieldValue<'a> for i64 {
    fn parse(name: &'static str, text: &'a str) -> Result<Self, FieldError> {
        text.parse().map_err(|_| FieldError::invalid(name, text, "a 64-bit integer"))
    }

    fn write(&self, name: &'static str, out: &mut FieldWriter<'_>) {
        out.int(name, *self);
    }
}

impl<'a> FieldValue<'a> for bool {
    /// Java's `Boolean.parseBoolean`: "true" in any case is true and everything else is false, "1" and "yes" included.
    fn parse(_name: &'static str, text: &'a str) -> Result<Self, FieldError> {
        Ok(text.eq_ignore_ascii_case("true"))
    }

    fn write(&self, name: &'static str, out: &mut FieldWriter<'_>) {
        out.bool(name, *self);
    }
}

impl<'a, T: FieldValue<'a>> FieldValue<'a> for Option<T> {
    fn parse(name: &'static str, text: &'a str) -> Result<Self, FieldError> {
        T::parse(name, text).map(Some)
    }

    fn write(&self, name: &'static str, out: &mut FieldWriter<'_>) {
        if let Some(value) = self {
            value.write(name, out);
        }
    }

    fn decode(name: &'static str, text: Option<&'a str>) -> Result<Self, FieldError> {
        text.map(|text| T::parse(name, text)).transpose()
    }
}
