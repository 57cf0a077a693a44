//! The reading half: a serde deserializer over text. It converts where the type asks for something
//! else than what is written, so that the types need not.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use super::JsonError;

/// How deep arrays and objects may lie within each other. The reader recurses.
const MAX_DEPTH: usize = 64;

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = T::deserialize(&mut reader)?;
    match reader.next_byte() {
        None => Ok(value),
        Some(_) => Err(reader.malformed("text follows the value")),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

/// A value that is neither array nor object.
enum Scalar<'t> {
    Null,
    Bool(bool),
    Number(&'t str),
    /// Without escapes.
    Plain(&'t str),
    Unescaped(String),
}

impl Scalar<'_> {
    /// What it says, without quotes.
    fn text(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Number(text) | Self::Plain(text) => text,
            Self::Unescaped(text) => text,
        }
    }
}

impl<'t> Reader<'t> {
    fn malformed(&self, what: &'static str) -> JsonError {
        JsonError::Malformed { at: self.at, what }
    }

    /// The next byte that is not white space. It is not consumed.
    fn next_byte(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.next_byte() != Some(byte) {
            return Err(self.malformed(what));
        }
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self) -> Result<Scalar<'t>, JsonError> {
        if self.next_byte() == Some(b'"') {
            return self.string();
        }
        let start = self.at;
        let bytes = self.text.as_bytes();
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.') = bytes.get(self.at) {
            self.at += 1;
        }
        let text = self.text;
        match &text[start..self.at] {
            "null" => Ok(Scalar::Null),
            "true" => Ok(Scalar::Bool(true)),
            "false" => Ok(Scalar::Bool(false)),
            number if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                Ok(Scalar::Number(number))
            }
            _ => {
                self.at = start;
                Err(self.malformed("a value belongs here"))
            }
        }
    }

    /// The string whose opening quote is next.
    fn string(&mut self) -> Result<Scalar<'t>, JsonError> {
        self.at += 1;
        let text = self.text;
        let mut unescaped = String::new();
        loop {
            let rest = &text[self.at..];
            let Some(plain) = memchr::memchr2(b'"', b'\\', rest.as_bytes()) else {
                return Err(self.malformed("a string has no end"));
            };
            self.at += plain;
            if rest.as_bytes()[plain] == b'"' {
                self.at += 1;
                if unescaped.is_empty() {
                    return Ok(Scalar::Plain(&rest[..plain]));
                }
                unescaped.push_str(&rest[..plain]);
                return Ok(Scalar::Unescaped(unescaped));
            }
            unescaped.push_str(&rest[..plain]);
            unescaped.push(self.escape()?);
        }
    }

    /// The character that the escape here stands for.
    fn escape(&mut self) -> Result<char, JsonError> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(literal @ (b'"' | b'\\' | b'/' | b'\'')) => char::from(literal),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'v') => '\u{b}',
            Some(b'u') => {
                let unit = self.hex()?;
                if let 0xd800..0xdc00 = unit
                    && self.text.as_bytes()[self.at..].starts_with(b"\\u")
                {
                    let after_first = self.at;
                    self.at += 2;
                    if let low @ 0xdc00..0xe000 = self.hex()? {
                        let pair = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        return Ok(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = after_first;
                }
                // Half of a pair alone means nothing.
                char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => {
                self.at -= 2;
                return Err(self.malformed("an escape is unknown"));
            }
        })
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let unit = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
        });
        self.at += if unit.is_some() { 4 } else { 0 };
        unit.ok_or_else(|| self.malformed("four hexadecimal digits belong after \\u"))
    }

    /// Passes over a null, if one is next.
    fn take_null(&mut self) -> bool {
        let is_null = self.next_byte() == Some(b'n') && self.text[self.at..].starts_with("null");
        if is_null {
            self.at += 4;
        }
        is_null
    }

    /// Reads what lies between brackets, with `visit` for the inside.
    fn nested<T>(
        &mut self,
        opener: u8,
        closer: u8,
        visit: impl FnOnce(Entries<'_, 't>) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        self.expect(opener, "an opening bracket belongs here")?;
        if self.depth == MAX_DEPTH {
            return Err(self.malformed("values are nested too deeply"));
        }
        self.depth += 1;
        let value = visit(Entries { reader: self, closer, first: true, skip_nulls: false })?;
        self.depth -= 1;
        self.expect(closer, "a closing bracket belongs here")?;
        Ok(value)
    }
}

/// Makes a method that reads an integer of one width, quoted or not.
macro_rules! integers {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            let scalar = self.scalar()?;
            match scalar.text().parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(unexpected(&scalar, &visitor)),
            }
        }
    )*};
}

/// `deserialize_any` refuses what it cannot be, in serde's words.
fn unexpected<'de>(scalar: &Scalar<'_>, visitor: &impl Visitor<'de>) -> JsonError {
    de::Error::invalid_value(de::Unexpected::Str(scalar.text()), visitor)
}

impl<'de> de::Deserializer<'de> for &mut Reader<'_> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.next_byte() {
            Some(b'{') => self.nested(b'{', b'}', |entries| visitor.visit_map(entries)),
            Some(b'[') => self.nested(b'[', b']', |entries| visitor.visit_seq(entries)),
            _ => match self.scalar()? {
                Scalar::Null => visitor.visit_unit(),
                Scalar::Bool(value) => visitor.visit_bool(value),
                Scalar::Plain(text) => visitor.visit_str(text),
                Scalar::Unescaped(text) => visitor.visit_string(text),
                scalar @ Scalar::Number(text) => {
                    if let Ok(number) = text.parse::<i64>() {
                        visitor.visit_i64(number)
                    } else if let Ok(number) = text.parse::<f64>() {
                        visitor.visit_f64(number)
                    } else {
                        Err(unexpected(&scalar, &visitor))
                    }
                }
            },
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64,
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        let scalar = self.scalar()?;
        match scalar.text() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(unexpected(&scalar, &visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.scalar()? {
            Scalar::Null => visitor.visit_unit(),
            Scalar::Unescaped(text) => visitor.visit_string(text),
            scalar => visitor.visit_str(scalar.text()),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.take_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    /// Null values count as absent, so that their fields get their defaults, as in Java. An object in
    /// quotes, which is how other writers put an object where a key belongs, is unwrapped.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.next_byte() {
            Some(b'{') => self.nested(b'{', b'}', |mut entries| {
                entries.skip_nulls = true;
                visitor.visit_map(entries)
            }),
            Some(b'"') if self.depth < MAX_DEPTH => {
                let scalar = self.string()?;
                let mut inner = Reader { text: scalar.text(), at: 0, depth: self.depth + 1 };
                inner.deserialize_struct(name, fields, visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    /// By name; by number, as fastjson allows, counting from zero.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let scalar = self.scalar()?;
        let by_number = match scalar {
            Scalar::Number(text) => text.parse().ok().and_then(|number: usize| variants.get(number)),
            _ => None,
        };
        let name: StrDeserializer<'_, JsonError> = by_number.copied().unwrap_or(scalar.text()).into_deserializer();
        visitor.visit_enum(name)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct seq tuple tuple_struct map ignored_any
    }
}

/// What lies between two brackets.
struct Entries<'r, 't> {
    reader: &'r mut Reader<'t>,
    closer: u8,
    first: bool,
    skip_nulls: bool,
}

impl Entries<'_, '_> {
    /// Is there another entry? Steps over the comma before it.
    fn more(&mut self) -> Result<bool, JsonError> {
        if !std::mem::take(&mut self.first) && self.reader.next_byte() != Some(self.closer) {
            self.reader.expect(b',', "a comma or closing bracket belongs here")?;
        }
        match self.reader.next_byte() {
            None => Err(self.reader.malformed("a closing bracket is missing")),
            Some(byte) => Ok(byte != self.closer),
        }
    }

    /// Passes over entries whose value is null, up to the next other one.
    fn pass_nulls(&mut self) -> Result<(), JsonError> {
        loop {
            let before = (self.reader.at, self.first);
            let more = self.more()?;
            if more {
                de::Deserializer::deserialize_ignored_any(&mut *self.reader, de::IgnoredAny)?;
                self.reader.expect(b':', "a colon belongs here")?;
            }
            if !more || !self.reader.take_null() {
                (self.reader.at, self.first) = before;
                return Ok(());
            }
        }
    }
}

impl<'de> de::SeqAccess<'de> for Entries<'_, '_> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        if self.more()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_, '_> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        if self.skip_nulls {
            self.pass_nulls()?;
        }
        if !self.more()? {
            return Ok(None);
        }
        let key = seed.deserialize(&mut *self.reader)?;
        self.reader.expect(b':', "a colon belongs here")?;
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        seed.deserialize(&mut *self.reader)
    }
}
