//! Versions of tables, by which name servers and slaves see whether they are up to date.

use serde::{Deserialize, Serialize};

/// The version of a table. Any difference means that the table changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataVersion {
    /// Epoch of the broker's role; 0 without a controller.
    pub state_version: i64,
    /// When the table last changed, in milliseconds since 1970.
    pub timestamp: i64,
    /// How often it changed.
    pub counter: i64,
}

impl DataVersion {
    /// The version of a table that was never changed.
    pub const fn new(now_ms: i64) -> Self {
        Self { state_version: 0, timestamp: now_ms, counter: 0 }
    }

    /// The version after one more change.
    pub const fn next(self, now_ms: i64) -> Self {
        Self { timestamp: now_ms, counter: self.counter + 1, ..self }
    }
}
