//! Values that are read from the configuration but not shown again.

#[cfg(test)]
mod tests;

use std::ops::Deref;

use bolide_remoting::keys::{Allowed, Value};

/// What a secret is shown as.
const HIDDEN: &str = "******";

/// A text that only the broker itself reads.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Value for Secret {
    const ALLOWED: Allowed = Allowed::Secret;

    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn print(&self) -> String {
        if self.0.is_empty() { String::new() } else { HIDDEN.to_owned() }
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(HIDDEN)
    }
}
