//! Op messages: which half messages are done with. A body names their queue offsets in decimal, each followed by a comma; the tag
//! says what has become of them, and the only tag is the one for "remove".

use std::fmt::Write as _;

/// The tag of op messages.
pub const REMOVE_TAG: &str = "d";

/// Offsets that wait to be written, and those that are being written.
#[derive(Debug, Default)]
pub struct PendingOperations {
    body: String,
    offsets: Vec<i64>,
}

/// The content of one op message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The message's body.
    pub body: String,
    /// The half messages that it names.
    pub offsets: Vec<i64>,
}

impl PendingOperations {
    /// Adds a half message that is done with.
    pub fn push(&mut self, offset: i64) {
        // A string takes everything.
        let _ = write!(self.body, "{offset},");
        self.offsets.push(offset);
    }

    /// How long the body would be if all were written now.
    pub fn size_bytes(&self) -> usize {
        self.body.len()
    }

    /// Takes out as many as fit a body of `max_bytes`, the oldest first, at least one; `None`: nothing waits.
    pub fn take(&mut self, max_bytes: usize) -> Option<Operation> {
        if self.body.len() <= max_bytes {
            let all = std::mem::take(self);
            return (!all.offsets.is_empty()).then_some(Operation { body: all.body, offsets: all.offsets });
        }
        let fits = self.body.as_bytes()[..max_bytes].iter().rposition(|byte| *byte == b',');
        let end = fits.or_else(|| self.body.find(','))? + 1;
        let rest = self.body.split_off(end);
        let count = self.body.bytes().filter(|byte| *byte == b',').count();
        let offsets_left = self.offsets.split_off(count);
        let taken = std::mem::replace(self, PendingOperations { body: rest, offsets: offsets_left });
        Some(Operation { body: taken.body, offsets: taken.offsets })
    }
}

/// The offsets that the body of an op message names; what is no number is left out.
pub fn offsets(body: &[u8]) -> impl Iterator<Item = i64> {
    body.split(|byte| *byte == b',').filter_map(|text| str::from_utf8(text).ok()?.parse().ok())
}

#[cfg(test)]
mod tests;
