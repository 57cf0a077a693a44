//! What a JSON text of Java's says, as far as the golden tests compare it: content without the order of fields, and how
//! each key is written. It is a reader of its own on purpose: Bolide's is what the tests put to the test.

use std::fmt;

/// A value, with numbers as they are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum JavaValue {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<JavaValue>),
    /// Sorted by key.
    Map(Vec<(Key, JavaValue)>),
}

/// A key, by how it is written: Java takes none of the three for another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Quoted(String),
    Integer(String),
    Object(JavaValue),
}

impl JavaValue {
    pub(crate) fn parse(text: &str) -> Result<JavaValue, String> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value()?;
        reader.skip_blanks();
        if reader.at == text.len() { Ok(value) } else { Err(reader.expected("the end")) }
    }

    /// Fields that are null say what absent ones say.
    pub(crate) fn without_nulls(self) -> JavaValue {
        match self {
            JavaValue::Map(entries) => JavaValue::Map(
                entries
                    .into_iter()
                    .filter(|(_, value)| *value != JavaValue::Null)
                    .map(|(key, value)| (key, value.without_nulls()))
                    .collect(),
            ),
            JavaValue::List(values) => JavaValue::List(values.into_iter().map(JavaValue::without_nulls).collect()),
            other => other,
        }
    }

    /// Without `extFields` that has nothing in it: Java prints that sometimes, and sometimes leaves it out.
    pub(crate) fn without_empty_fields(self) -> JavaValue {
        let JavaValue::Map(mut entries) = self.without_nulls() else { panic!("a header is an object") };
        entries.retain(|(_, value)| *value != JavaValue::Map(Vec::new()));
        JavaValue::Map(entries)
    }

    /// Lists in which order means nothing (Java's sets), sorted.
    pub(crate) fn with_sorted_lists(self) -> JavaValue {
        match self {
            JavaValue::Map(entries) => {
                JavaValue::Map(entries.into_iter().map(|(key, value)| (key, value.with_sorted_lists())).collect())
            }
            JavaValue::List(values) => {
                let mut values: Vec<_> = values.into_iter().map(JavaValue::with_sorted_lists).collect();
                values.sort();
                JavaValue::List(values)
            }
            other => other,
        }
    }

    /// The paths at which two values differ, for a failure that can be read.
    pub(crate) fn differences(&self, other: &JavaValue) -> Vec<String> {
        let mut found = Vec::new();
        self.compare(other, "", &mut found);
        found
    }

    fn compare(&self, other: &JavaValue, path: &str, found: &mut Vec<String>) {
        match (self, other) {
            (JavaValue::Map(left), JavaValue::Map(right)) => {
                for (key, value) in left {
                    match right.iter().find(|(k, _)| k == key) {
                        Some((_, theirs)) => value.compare(theirs, &format!("{path}.{key}"), found),
                        None => found.push(format!("{path}.{key}: {value:?} is missing")),
                    }
                }
                for (key, value) in right.iter().filter(|(key, _)| left.iter().all(|(k, _)| k != key)) {
                    found.push(format!("{path}.{key}: {value:?} is too much"));
                }
            }
            (JavaValue::List(left), JavaValue::List(right)) if left.len() == right.len() => {
                for (index, (mine, theirs)) in left.iter().zip(right).enumerate() {
                    mine.compare(theirs, &format!("{path}[{index}]"), found);
                }
            }
            _ if self != other => found.push(format!("{path}: {self:?} became {other:?}")),
            _ => {}
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Quoted(name) => write!(f, "{name:?}"),
            Key::Integer(number) => f.write_str(number),
            Key::Object(value) => write!(f, "{value:?}"),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// Bodies have none, files have.
    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.text[self.at..].trim_ascii_start().len();
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, what: &str) -> String {
        format!("expected {what} at byte {}: {:?}", self.at, self.text[self.at..].chars().take(40).collect::<String>())
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn must(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(token)) }
    }

    fn value(&mut self) -> Result<JavaValue, String> {
        match self.peek() {
            Some(b'{') => self.map(),
            Some(b'[') => self.list(),
            Some(b'"') => Ok(JavaValue::Text(self.quoted()?)),
            Some(b'-' | b'0'..=b'9') => Ok(JavaValue::Number(self.number())),
            _ if self.eat("true") => Ok(JavaValue::Bool(true)),
            _ if self.eat("false") => Ok(JavaValue::Bool(false)),
            _ if self.eat("null") => Ok(JavaValue::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn map(&mut self) -> Result<JavaValue, String> {
        self.must("{")?;
        let mut entries = Vec::new();
        while !self.eat("}") {
            if !entries.is_empty() {
                self.must(",")?;
            }
            let key = match self.peek() {
                Some(b'"') => Key::Quoted(self.quoted()?),
                Some(b'{') => Key::Object(self.value()?),
                Some(b'-' | b'0'..=b'9') => Key::Integer(self.number()),
                _ => return Err(self.expected("a key")),
            };
            self.must(":")?;
            entries.push((key, self.value()?));
        }
        entries.sort();
        Ok(JavaValue::Map(entries))
    }

    fn list(&mut self) -> Result<JavaValue, String> {
        self.must("[")?;
        let mut values = Vec::new();
        while !self.eat("]") {
            if !values.is_empty() {
                self.must(",")?;
            }
            values.push(self.value()?);
        }
        Ok(JavaValue::List(values))
    }

    fn number(&mut self) -> String {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn quoted(&mut self) -> Result<String, String> {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        let end = rest[1..].find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let end = end.ok_or_else(|| self.expected("a closing quote"))? + 2;
        let text = serde_json::from_str(&rest[..end]).map_err(|error| format!("{error}: {}", &rest[..end]))?;
        self.at += end;
        Ok(text)
    }
}
