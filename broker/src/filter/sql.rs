//! Message filters written as conditions over properties: `a > 5 AND region IN ('east', 'west')`. The language and its results are
//! those of Apache's `SQL92` filter, oddities included, so that a group sees the same messages as before. This is a pure module:
//! where expressions come from and when they are matched is decided elsewhere.
//!
//! What surprises people, and is kept because expressions in the field rely on it:
//! - Whatever follows a complete condition is ignored: `a = 1 b = 2` means `a = 1`. The next word must still be a word of the
//!   language, and must not be one that continues the condition (`a = 1 NOT` is refused).
//! - Properties are strings. They are read as the kind of number that they are compared with; one that cannot be read so (`1.5`
//!   compared with `1`, or a number that does not fit 32 bits with one that does) makes the message not match at all.
//! - `<`, `<=`, `>`, `>=` and `BETWEEN` compare numbers only; two properties are both read as 64-bit floating point numbers.
//! - `NOT` binds tighter than `=`; a bare property is never true; `0.0` is refused as too small; `a = b` holds when both are absent;
//!   `CONTAINS ''` is false, and so is `NOT CONTAINS ''`.

mod fault;
mod lexer;
mod node;
mod number;
mod parser;
mod term;
mod value;

#[cfg(test)]
mod tests;

use node::Node;
use value::Value;

/// The type of expressions over properties, as subscriptions name it.
pub const SQL92: &str = "SQL92";

/// How long an expression may be, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// How deep an expression may nest: brackets, signs and `NOT`s within one another, and operators in a row other than `AND` and `OR`.
pub const MAX_DEPTH: usize = 128;

/// A condition over the properties of a message, ready to be matched by any number of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Node,
}

/// Why a text is no expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {message}")]
pub struct ParseError {
    /// The character at which the part in question begins, counted from 1; one past the last when something is missing at the end.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
}

impl Expression {
    /// Reads an expression of at most [`MAX_BYTES`] bytes and [`MAX_DEPTH`] levels.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let root = parser::parse(text).map_err(|fault| ParseError {
            position: text[..fault.offset].chars().count() + 1,
            message: fault.message,
        })?;
        Ok(Expression { root })
    }

    /// Whether a message matches. `property` looks a property up by its name, whose case counts; it is asked only for those that
    /// the outcome depends on. Unknown outcomes and values that cannot be compared do not match.
    pub fn matches<'p>(&self, property: impl Fn(&str) -> Option<&'p str>) -> bool {
        matches!(self.root.evaluate(&property), Ok(Value::Boolean(true)))
    }
}
