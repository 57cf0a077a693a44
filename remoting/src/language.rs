//! The language that a peer says it is written in: a name in JSON headers, a number in binary ones.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A peer's language, by Apache's number. Unknown numbers are kept, unknown names become [`Language::OTHER`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Language(pub u8);

/// Apache's names; the position is the number.
const NAMES: [&str; 14] = [
    "JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS", "RUST",
    "NODE_JS",
];

impl Language {
    /// What we call ourselves: older clients refuse names that they do not know, and `JAVA` is what every server before us said.
    pub const OURS: Self = Self(0);
    /// What Java clients call themselves, and others that imitate them.
    pub const JAVA: Self = Self(0);
    /// What the C++ client calls itself.
    pub const CPP: Self = Self(1);
    /// Any language that has no number.
    pub const OTHER: Self = Self(7);
    /// What the Go client calls itself.
    pub const GO: Self = Self(9);

    /// The language of this name.
    pub fn from_name(name: &str) -> Self {
        NAMES.iter().position(|known| *known == name).map_or(Self::OTHER, |number| Self(number as u8))
    }

    /// Apache's name; `OTHER` for an unknown number.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("OTHER")
    }
}

impl fmt::Display for Language {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Language {
    /// From the name; a number in its place is read as one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse().map_or_else(|_| Self::from_name(&text), Self))
    }
}

#[cfg(test)]
mod tests;
