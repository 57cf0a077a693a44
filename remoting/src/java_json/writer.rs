//! The writing half: a serde serializer.

use serde::ser::{self, Serialize, Serializer};

use super::JsonError;
use crate::codec::json::write_string;

pub(super) fn write(value: &(impl Serialize + ?Sized), standard: bool) -> Result<Vec<u8>, JsonError> {
    let mut writer = Writer { out: Vec::with_capacity(TYPICAL_BYTES), standard };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

/// Room for small bodies, so that they are written without growing.
const TYPICAL_BYTES: usize = 256;

struct Writer {
    out: Vec<u8>,
    /// Quote every key.
    standard: bool,
}

impl Writer {
    fn bare(&mut self, text: &str) -> Result<(), JsonError> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn integer(&mut self, number: impl itoa::Integer) -> Result<(), JsonError> {
        let mut digits = itoa::Buffer::new();
        self.bare(digits.format(number))
    }

    fn open(&mut self, opener: u8, closer: u8) -> Compound<'_> {
        self.out.push(opener);
        Compound { writer: self, first: true, closer, entry: 0 }
    }
}

/// An array or object that is being written.
struct Compound<'w> {
    writer: &'w mut Writer,
    first: bool,
    closer: u8,
    /// Where the entry under way begins, comma included.
    entry: usize,
}

impl Compound<'_> {
    fn begin(&mut self) {
        self.entry = self.writer.out.len();
        if !self.first {
            self.writer.out.push(b',');
        }
    }

    fn element(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), JsonError> {
        self.begin();
        self.first = false;
        value.serialize(&mut *self.writer)
    }

    fn key(&mut self, key: &(impl Serialize + ?Sized)) -> Result<(), JsonError> {
        self.begin();
        let start = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.standard && self.writer.out.get(start) != Some(&b'"') {
            let bare = self.writer.out.split_off(start);
            write_string(&mut self.writer.out, &String::from_utf8_lossy(&bare));
        }
        self.writer.out.push(b':');
        Ok(())
    }

    /// Writes the value that belongs to the key; if it is null, the entry disappears.
    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), JsonError> {
        let start = self.writer.out.len();
        value.serialize(&mut *self.writer)?;
        if self.writer.out[start..] == *b"null" {
            self.writer.out.truncate(self.entry);
        } else {
            self.first = false;
        }
        Ok(())
    }

    fn close(self) -> Result<(), JsonError> {
        self.writer.out.push(self.closer);
        Ok(())
    }
}

/// Makes methods that write an integer of one width.
macro_rules! integers {
    ($($method:ident $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), JsonError> {
            self.integer(value)
        }
    )*};
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = Compound<'w>;
    type SerializeTuple = Compound<'w>;
    type SerializeTupleStruct = Compound<'w>;
    type SerializeTupleVariant = ser::Impossible<(), JsonError>;
    type SerializeMap = Compound<'w>;
    type SerializeStruct = Compound<'w>;
    type SerializeStructVariant = ser::Impossible<(), JsonError>;

    fn serialize_bool(self, value: bool) -> Result<(), JsonError> {
        self.bare(if value { "true" } else { "false" })
    }

    integers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
    }

    fn serialize_f32(self, value: f32) -> Result<(), JsonError> {
        self.serialize_f64(f64::from(value))
    }

    /// With a fraction even if it is zero, as Java does. What is not a number is null.
    fn serialize_f64(self, value: f64) -> Result<(), JsonError> {
        if value.is_finite() { self.bare(&format!("{value:?}")) } else { self.serialize_none() }
    }

    fn serialize_char(self, value: char) -> Result<(), JsonError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), JsonError> {
        write_string(&mut self.out, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), JsonError> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), JsonError> {
        self.bare("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), JsonError> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), JsonError> {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), JsonError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        let mut object = self.open(b'{', b'}');
        object.key(variant)?;
        object.value(value)?;
        object.close()
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Compound<'w>, JsonError> {
        Ok(self.open(b'[', b']'))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Compound<'w>, JsonError> {
        Ok(self.open(b'[', b']'))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Compound<'w>, JsonError> {
        Ok(self.open(b'[', b']'))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant, JsonError> {
        Err(JsonError::Shape(format!("{name}::{variant} has no form in Java's JSON")))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Compound<'w>, JsonError> {
        Ok(self.open(b'{', b'}'))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Compound<'w>, JsonError> {
        Ok(self.open(b'{', b'}'))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant, JsonError> {
        Err(JsonError::Shape(format!("{name}::{variant} has no form in Java's JSON")))
    }
}

/// Makes one of the kinds of sequences that serde tells apart.
macro_rules! sequence {
    ($kind:ident $method:ident) => {
        impl ser::$kind for Compound<'_> {
            type Ok = ();
            type Error = JsonError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
                self.element(value)
            }

            fn end(self) -> Result<(), JsonError> {
                self.close()
            }
        }
    };
}

sequence!(SerializeSeq serialize_element);
sequence!(SerializeTuple serialize_element);
sequence!(SerializeTupleStruct serialize_field);

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonError> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.value(value)
    }

    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), JsonError> {
        self.key(key)?;
        self.value(value)
    }

    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}
