//! A JSON reader over a mutable buffer: strings become plain text where they stand. What they leave
//! behind when they shrink is blanked, so that the buffer as a whole stays UTF-8 if it was.

use crate::codec::DecodeError;
use crate::fields::Span;

/// How deep arrays and objects may lie within each other in values that are skipped.
const MAX_DEPTH: usize = 32;

pub(super) struct Parser<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

/// A value as text.
#[derive(Clone, Copy)]
pub(super) enum Scalar {
    Null,
    /// What stood between the quotes.
    Quoted(Span),
    /// A number or a boolean; an array or object as it was written.
    Bare(Span),
}

impl Scalar {
    pub(super) fn text(self) -> Option<Span> {
        match self {
            Self::Null => None,
            Self::Quoted(span) | Self::Bare(span) => Some(span),
        }
    }
}

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn error(&self, what: &'static str) -> DecodeError {
        DecodeError::Json { at: self.at, what }
    }

    pub(super) fn bytes_of(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), DecodeError> {
        if self.peek() != Some(byte) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn expect_end(&self) -> Result<(), DecodeError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.error("text follows the header")) }
    }

    /// Goes through an object whose `{` has been read: for each key, `visit` must read the value.
    pub(super) fn each_key(
        &mut self,
        mut visit: impl FnMut(&mut Self, Span) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.skip_whitespace();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.skip_whitespace();
            let key = self.string()?;
            self.skip_whitespace();
            self.expect(b':', "a colon belongs here")?;
            self.skip_whitespace();
            visit(self, key)?;
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.error("a comma or closing brace belongs here")),
            }
        }
    }

    /// An integer, with or without quotes; `None` for null.
    pub(super) fn integer(&mut self) -> Result<Option<i32>, DecodeError> {
        let Some(span) = self.scalar()?.text() else {
            return Ok(None);
        };
        let text = str::from_utf8(self.bytes_of(span)).unwrap_or_default();
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.error("a 32-bit integer belongs before this")),
        }
    }

    /// Any value as text.
    pub(super) fn scalar(&mut self) -> Result<Scalar, DecodeError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => Ok(Scalar::Quoted(self.string()?)),
            Some(b'{' | b'[') => {
                self.skip_value()?;
                Ok(Scalar::Bare(Span::new(start, self.at)))
            }
            _ => {
                self.skip_word()?;
                let span = Span::new(start, self.at);
                Ok(if self.bytes_of(span) == b"null" { Scalar::Null } else { Scalar::Bare(span) })
            }
        }
    }

    /// Passes over any value without changing it. Only brackets nest, and no deeper than a limit.
    pub(super) fn skip_value(&mut self) -> Result<(), DecodeError> {
        let mut closers = [0; MAX_DEPTH];
        let mut depth = 0;
        loop {
            self.skip_whitespace();
            match self.peek() {
                Some(opener @ (b'{' | b'[')) => {
                    let closer = closers
                        .get_mut(depth)
                        .ok_or(DecodeError::Json { at: self.at, what: "values are nested too deeply" })?;
                    *closer = if opener == b'{' { b'}' } else { b']' };
                    depth += 1;
                    self.at += 1;
                }
                Some(closer @ (b'}' | b']')) => {
                    if depth == 0 || closers[depth - 1] != closer {
                        return Err(self.error("a bracket closes what was not opened"));
                    }
                    depth -= 1;
                    self.at += 1;
                }
                Some(b'"') => self.skip_string()?,
                // Within a value that nobody looks at, their places are not checked.
                Some(b',' | b':') if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => self.skip_word()?,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn skip_word(&mut self) -> Result<(), DecodeError> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.') = self.peek() {
            self.at += 1;
        }
        let word = &self.bytes[start..self.at];
        let is_number = matches!(word.first(), Some(b'-' | b'0'..=b'9'));
        if is_number || matches!(word, b"true" | b"false" | b"null") {
            Ok(())
        } else {
            self.at = start;
            Err(self.error("a value belongs here"))
        }
    }

    fn skip_string(&mut self) -> Result<(), DecodeError> {
        self.at += 1;
        self.find_special()?;
        while self.bytes[self.at] == b'\\' {
            self.at = (self.at + 2).min(self.bytes.len());
            self.find_special()?;
        }
        self.at += 1;
        Ok(())
    }

    /// A string, with its escapes undone in place.
    fn string(&mut self) -> Result<Span, DecodeError> {
        self.expect(b'"', "a string belongs here")?;
        let start = self.at;
        self.find_special()?;
        if self.bytes[self.at] == b'\\' {
            return self.escaped_string(start);
        }
        let span = Span::new(start, self.at);
        self.at += 1;
        Ok(span)
    }

    /// The string that began at `start`, from its first escape on: what lies between escapes moves
    /// towards the start.
    fn escaped_string(&mut self, start: usize) -> Result<Span, DecodeError> {
        let mut end = self.at;
        while self.bytes[self.at] == b'\\' {
            let (character, read) = self.escape()?;
            self.at += read;
            // An escape is never shorter than its character's UTF-8.
            end += character.encode_utf8(&mut self.bytes[end..]).len();
            let plain = self.at;
            self.find_special()?;
            self.bytes.copy_within(plain..self.at, end);
            end += self.at - plain;
        }
        self.bytes[end..self.at].fill(b' ');
        self.at += 1;
        Ok(Span::new(start, end))
    }

    /// Goes to the next quote or backslash. Most strings of a header are so short that a plain loop is
    /// there before a vectorized search has begun.
    fn find_special(&mut self) -> Result<(), DecodeError> {
        const SHORT: usize = 24;
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\');
        let rest = &self.bytes[self.at..];
        let (short, long) = rest.split_at(rest.len().min(SHORT));
        let found = short.iter().position(is_special);
        let found = found.or_else(|| Some(short.len() + memchr::memchr2(b'"', b'\\', long)?));
        match found {
            Some(found) => {
                self.at += found;
                Ok(())
            }
            None => Err(self.error("a string has no end")),
        }
    }

    /// The character that the escape at the current position stands for, and the escape's length.
    fn escape(&self) -> Result<(char, usize), DecodeError> {
        let character = match self.bytes.get(self.at + 1) {
            Some(&literal @ (b'"' | b'\\' | b'/' | b'\'')) => char::from(literal),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'v') => '\u{b}',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.error("an escape is unknown")),
        };
        Ok((character, 2))
    }

    /// `\uXXXX`, or two of them that make up one character. Half of such a pair alone means nothing
    /// and becomes the replacement character (Java turns it into a question mark).
    fn unicode_escape(&self) -> Result<(char, usize), DecodeError> {
        let unit = self.hex(self.at + 2).ok_or_else(|| self.error("four hexadecimal digits belong after \\u"))?;
        if let 0xd800..0xdc00 = unit
            && self.bytes[self.at + 6..].starts_with(b"\\u")
            && let Some(low @ 0xdc00..0xe000) = self.hex(self.at + 8)
        {
            let pair = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            return Ok((char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER), 12));
        }
        Ok((char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6))
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.bytes.get(at..at + 4)?;
        digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
    }
}
