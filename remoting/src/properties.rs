//! The text form of Java's `.properties` files, read and written.
//!
//! Configuration files have this form, and so have the bodies of the requests that read and change a running server's
//! configuration (codes 25, 26, 318 and 319). What the keys mean is [`crate::keys`]' business; files are opened elsewhere.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::iter::Peekable;
use std::ops::Range;
use std::str::Chars;

/// How many properties one text may hold; Apache's broker, name server and proxy know fewer than a thousand together.
pub const MAX_PROPERTIES: usize = 10_000;

/// Why a text is not a properties text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// A `\u` without four hexadecimal digits after it.
    #[error("line {line}: \\u must be followed by four hexadecimal digits")]
    Escape {
        /// Where the property begins, counted from 1.
        line: usize,
    },
    /// More than [`MAX_PROPERTIES`] properties.
    #[error("line {line}: more than {MAX_PROPERTIES} properties")]
    TooMany {
        /// The line of the first one too many.
        line: usize,
    },
}

/// One key with its value, and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The name, escapes undone.
    pub key: String,
    /// The value, escapes undone; blanks at its end are part of it.
    pub value: String,
    /// The line on which it begins, counted from 1; 0 for a property that was not read from a text.
    pub line: usize,
}

/// Properties in the order in which their keys first appeared, each key once.
///
/// [`fmt::Display`] writes them as text that this reader and Java's read back unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    entries: Vec<Property>,
}

impl Properties {
    /// Reads a text. Of a key that is written twice the later value counts, as in Java.
    ///
    /// # Errors
    /// See [`SyntaxError`]; everything else is some property to this format.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut entries: Vec<Property> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for logical in LogicalLines::new(text) {
            let line = logical.number;
            let (key, value) = split(&logical.text).ok_or(SyntaxError::Escape { line })?;
            if let Some(&place) = places.get(&key) {
                entries[place] = Property { key, value, line };
                continue;
            }
            if entries.len() == MAX_PROPERTIES {
                return Err(SyntaxError::TooMany { line });
            }
            places.insert(key.clone(), entries.len());
            entries.push(Property { key, value, line });
        }
        Ok(Self { entries })
    }

    /// Reads a file's or a body's bytes: UTF-8, or Latin-1 (Java's own assumption) where that is what they are.
    ///
    /// # Errors
    /// As [`Properties::parse`].
    pub fn read(bytes: &[u8]) -> Result<Self, SyntaxError> {
        Self::parse(&decode(bytes))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// Sets a key, in its old place if it has one.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => self.entries.push(Property { key, value, line: 0 }),
        }
    }

    /// All properties, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Property> {
        self.entries.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = &'a Property;
    type IntoIter = std::slice::Iter<'a, Property>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Properties {
    /// Collects pairs; the keys are taken to be different.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let entry = |(key, value): (K, V)| Property { key: key.into(), value: value.into(), line: 0 };
        Self { entries: pairs.into_iter().map(entry).collect() }
    }
}

impl fmt::Display for Properties {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            write_property(out, &entry.key, &entry.value)?;
        }
        Ok(())
    }
}

/// Text from bytes: UTF-8 if they are valid UTF-8, else Latin-1.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// Writes new values into an existing text and keeps the rest of it: comments, order, everything that does not change.
/// A key that the text does not have yet is appended. This is how a change made at run time reaches the operator's file.
///
/// # Errors
/// As [`Properties::parse`], of the text.
pub fn amend(text: &str, changes: &Properties) -> Result<String, SyntaxError> {
    let mut lines = Vec::new();
    for logical in LogicalLines::new(text) {
        let (key, _) = split(&logical.text).ok_or(SyntaxError::Escape { line: logical.number })?;
        lines.push((key, logical.range));
    }
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (place, (key, range)) in lines.iter().enumerate() {
        let Some(value) = changes.get(key) else {
            continue;
        };
        out.push_str(&text[copied..range.start]);
        copied = range.end;
        // Of a key written twice only the last occurrence counts; the others go.
        if !lines[place + 1..].iter().any(|(later, _)| later == key) {
            out.push_str(&line_of(key, value));
        }
    }
    out.push_str(&text[copied..]);
    for change in changes.iter().filter(|change| !lines.iter().any(|(key, _)| *key == change.key)) {
        end_line(&mut out);
        out.push_str(&line_of(&change.key, &change.value));
    }
    Ok(out)
}

/// Ends the text's last line, also one that a backslash continues into nothing, so that the next property stands alone.
fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with(['\n', '\r']) {
        text.push('\n');
    }
    if text
        .trim_end_matches(|character| BLANKS.contains(&character) || character == '\n' || character == '\r')
        .ends_with('\\')
    {
        // Two, because the first may only complete a `\r\n`.
        text.push_str("\n\n");
    }
}

fn line_of(key: &str, value: &str) -> String {
    Properties::from_iter([(key, value)]).to_string()
}

/// Blanks of the format; other white space is ordinary text.
const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// One property's text: lines that a backslash continues are joined, comments and empty lines left out.
struct LogicalLine {
    number: usize,
    range: Range<usize>,
    text: String,
}

struct LogicalLines<'a> {
    text: &'a str,
    at: usize,
    number: usize,
}

impl<'a> LogicalLines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, number: 1 }
    }

    /// The next line as it stands, without its end (`\n`, `\r` or `\r\n`), or `None` at the end of the text.
    fn natural_line(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let ending = match &rest.as_bytes()[end..] {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        self.at += end + ending;
        self.number += 1;
        Some(&rest[..end])
    }
}

impl Iterator for LogicalLines<'_> {
    type Item = LogicalLine;

    fn next(&mut self) -> Option<LogicalLine> {
        let (mut start, mut number) = (self.at, self.number);
        let mut text = String::new();
        while let Some(line) = self.natural_line() {
            let line = line.trim_start_matches(BLANKS);
            let comment = text.is_empty() && line.starts_with(['#', '!']);
            let backslashes = line.len() - line.trim_end_matches('\\').len();
            if !comment && backslashes % 2 == 1 {
                text.push_str(&line[..line.len() - 1]);
                continue;
            }
            if !comment {
                text.push_str(line);
            }
            if !text.is_empty() {
                break;
            }
            (start, number) = (self.at, self.number);
        }
        (!text.is_empty()).then_some(LogicalLine { number, range: start..self.at, text })
    }
}

/// Splits at the first separator that is not escaped (`=`, `:` or blanks) and undoes the escapes of both sides.
/// `None`: a bad `\u`.
fn split(line: &str) -> Option<(String, String)> {
    let mut escaped = false;
    let end = line
        .find(|character: char| {
            let separates = !escaped && (character == '=' || character == ':' || BLANKS.contains(&character));
            escaped = character == '\\' && !escaped;
            separates
        })
        .unwrap_or(line.len());
    let value = line[end..].trim_start_matches(BLANKS);
    let value = value.strip_prefix(['=', ':']).unwrap_or(value).trim_start_matches(BLANKS);
    Some((unescape(&line[..end])?, unescape(value)?))
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\x0c'),
            Some('u') => unescape_unicode(&mut characters, &mut out)?,
            Some(other) => out.push(other),
            None => {}
        }
    }
    Some(out)
}

/// Reads what follows a `\u`: one UTF-16 unit, or two that belong together. A unit that stands alone but must not has
/// no character; it becomes U+FFFD.
fn unescape_unicode(characters: &mut Peekable<Chars<'_>>, out: &mut String) -> Option<()> {
    let mut unit = hexadecimal(characters)?;
    loop {
        let mut ahead = characters.clone();
        let low = (ahead.next() == Some('\\') && ahead.next() == Some('u')).then(|| hexadecimal(&mut ahead)).flatten();
        let Some(low) = low.filter(|_| (0xD800..0xDC00).contains(&unit)) else {
            out.push(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
            return Some(());
        };
        *characters = ahead;
        match char::decode_utf16([unit, low]).next() {
            Some(Ok(character)) => {
                out.push(character);
                return Some(());
            }
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
        unit = low;
    }
}

fn hexadecimal(characters: &mut Peekable<Chars<'_>>) -> Option<u16> {
    (0..4).try_fold(0_u16, |unit, _| {
        let digit = characters.next()?.to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}

fn write_property(out: &mut impl fmt::Write, key: &str, value: &str) -> fmt::Result {
    for character in key.chars() {
        if matches!(character, ' ' | '=' | ':' | '#' | '!') {
            out.write_char('\\')?;
        }
        write_escaped(out, character)?;
    }
    out.write_char('=')?;
    let mut leading = true;
    for character in value.chars() {
        leading = leading && character == ' ';
        if leading {
            out.write_char('\\')?;
        }
        write_escaped(out, character)?;
    }
    out.write_char('\n')
}

/// Java reads these texts as Latin-1, so everything beyond ASCII goes out as UTF-16 escapes.
fn write_escaped(out: &mut impl fmt::Write, character: char) -> fmt::Result {
    match character {
        '\\' => out.write_str("\\\\"),
        '\t' => out.write_str("\\t"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\x0c' => out.write_str("\\f"),
        ' '..='~' => out.write_char(character),
        _ => character.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04X}")),
    }
}
