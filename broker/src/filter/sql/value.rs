//! What parts of an expression evaluate to, and how such values are compared.

use std::cmp::Ordering;

use super::number::{Number, read_double};

/// What a part of an expression evaluates to for a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'v> {
    /// Absent or unknown.
    Null,
    Boolean(bool),
    Number(Number),
    Text(&'v str),
}

/// Two values that cannot be compared. It ends the evaluation of the whole expression: the message does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Incomparable;

impl Value<'_> {
    /// Whether two values are equal; unknown if only the left one is absent, but not if only the right one is.
    pub(super) fn equals(self, other: Value<'_>) -> Result<Value<'static>, Incomparable> {
        Ok(match (self, other) {
            (Value::Null, Value::Null) => Value::Boolean(true),
            (Value::Null, _) => Value::Null,
            (_, Value::Null) => Value::Boolean(false),
            (Value::Text(left), Value::Text(right)) => Value::Boolean(left == right),
            (Value::Boolean(left), Value::Boolean(right)) => Value::Boolean(left == right),
            (Value::Text(left), Value::Boolean(right)) => Value::Boolean(left.eq_ignore_ascii_case("true") == right),
            // The other way round, Apache's evaluation fails on a cast.
            (Value::Boolean(_), Value::Text(_)) => return Err(Incomparable),
            (Value::Boolean(_), Value::Number(_)) | (Value::Number(_), Value::Boolean(_)) => Value::Boolean(false),
            _ => Value::Boolean(self.order(other)? == Some(Ordering::Equal)),
        })
    }

    /// How two numbers are ordered, either of which may be written in a text; `None` if one is absent.
    pub(super) fn order(self, other: Value<'_>) -> Result<Option<Ordering>, Incomparable> {
        let numbers = match (self, other) {
            (Value::Null, _) | (_, Value::Null) => return Ok(None),
            (Value::Number(left), Value::Number(right)) => Some((left, right)),
            (Value::Number(left), Value::Text(right)) => left.read_alike(right).map(|right| (left, right)),
            (Value::Text(left), Value::Number(right)) => right.read_alike(left).map(|left| (left, right)),
            (Value::Text(left), Value::Text(right)) => read_double(left)
                .zip(read_double(right))
                .map(|(left, right)| (Number::Double(left), Number::Double(right))),
            // The parser lets no condition be ordered.
            (Value::Boolean(_), _) | (_, Value::Boolean(_)) => None,
        };
        let (left, right) = numbers.ok_or(Incomparable)?;
        Ok(Some(left.compare(right)))
    }
}
