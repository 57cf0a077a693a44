//! JSON as Java's fastjson writes and reads it, for serde types. It differs from the standard where
//! the keys of maps are not strings: numbers stand there bare (`{0:"ip:port"}`) and objects as
//! objects (`{{"brokerName":"b","queueId":0,"topic":"T"}:{…}}`), and Java reads such maps only if
//! they are written so. Nulls are left out.
//!
//! The reader takes both forms, and whatever else fastjson forgives and clients rely on: quoted
//! numbers and booleans, numbers for text, nulls for anything, a comma too many.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a body could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON, not even Java's.
    #[error("malformed JSON at byte {at}: {what}")]
    Malformed {
        /// Position in the text.
        at: usize,
        /// What was wrong there.
        what: &'static str,
    },
    /// The text is JSON, but does not have the shape that was expected.
    #[error("unexpected JSON: {0}")]
    Shape(String),
}

impl serde::de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Shape(message.to_string())
    }
}

impl serde::ser::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Shape(message.to_string())
    }
}

/// Reads JSON in Java's or the standard form.
///
/// # Errors
/// When the text is neither, or does not have the type's shape.
pub fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, JsonError> {
    let text = str::from_utf8(json)
        .map_err(|error| JsonError::Malformed { at: error.valid_up_to(), what: "not UTF-8 text" })?;
    reader::read(text)
}

/// Writes JSON in Java's form: keys of maps that are not strings stand bare.
///
/// # Errors
/// Only if the type's own serialization fails, or has enum variants with several values.
pub fn to_vec(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, JsonError> {
    writer::write(value, false)
}

/// Writes standard JSON: every key is a string. Java reads it where keys are numbers, not where they
/// are objects.
///
/// # Errors
/// As [`to_vec`].
pub fn to_standard_vec(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, JsonError> {
    writer::write(value, true)
}
