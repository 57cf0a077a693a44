//! The types that configuration values have, and what is allowed of each.

use std::fmt;
use std::ops::RangeInclusive;

/// What a key's value may be. Displayed, it completes the sentence "must be …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number between these, both included.
    Whole {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text, which is never shown; for keys that are fixed at start.
    Secret,
    /// A text of a form of its own, as described.
    Form(&'static str),
}

impl Allowed {
    /// Whole numbers of this range.
    pub const fn range(range: RangeInclusive<i64>) -> Self {
        Self::Whole { min: *range.start(), max: *range.end() }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text | Self::Secret => out.write_str("a text"),
            Self::Boolean => out.write_str("true or false"),
            Self::Whole { min, max: i64::MAX } => write!(out, "a whole number, at least {min}"),
            Self::Whole { min, max } => write!(out, "a whole number from {min} to {max}"),
            Self::Form(form) => out.write_str(form),
            Self::Word(words) => write!(out, "one of {}", words.join(", ")),
        }
    }
}

/// A type of configuration values.
pub trait Value: Sized {
    /// What is allowed where the key does not say.
    const ALLOWED: Allowed;
    /// Reads a value that has no blanks around it; `None` if it is not allowed.
    fn parse(text: &str, allowed: &Allowed) -> Option<Self>;
    /// Writes it as it would be read.
    fn print(&self) -> String;
}

impl Value for String {
    const ALLOWED: Allowed = Allowed::Text;

    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        Some(text.to_owned())
    }

    fn print(&self) -> String {
        self.clone()
    }
}

impl Value for bool {
    const ALLOWED: Allowed = Allowed::Boolean;

    /// Java takes whatever is not `true` for `false`; a typing error deserves better.
    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("true") => Some(true),
            _ if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    fn print(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole_numbers {
    ($($type:ty: $max:expr),*) => {$(
        impl Value for $type {
            const ALLOWED: Allowed = Allowed::Whole { min: <$type>::MIN as i64, max: $max };

            fn parse(text: &str, allowed: &Allowed) -> Option<Self> {
                let number: Self = text.parse().ok()?;
                let &Allowed::Whole { min, max } = allowed else { return Some(number) };
                (min..=max).contains(&i64::try_from(number).ok()?).then_some(number)
            }

            fn print(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_numbers!(u16: u16::MAX as i64, i32: i32::MAX as i64, u32: u32::MAX as i64, i64: i64::MAX, u64: i64::MAX);
